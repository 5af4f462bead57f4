"""What is asked of logs beyond a search."""

from collections.abc import Sequence

from vario.model.filter import Compare, Field
from vario.model.telemetry import Span, TimeRange
from vario.store.base import LogReader

# A log line may be stamped by another clock than the span it belongs to, or a little after it.
MARGIN_NS = 3600 * 1_000_000_000


def count_trace_logs(reader: LogReader, spans: Sequence[Span]) -> int:
    """Returns how many log records carry the id of the trace that `spans` (at least one) make up.

    Records up to an hour before or after the trace are counted.
    """
    start_ns = min(span.start_ns for span in spans)
    end_ns = max(span.start_ns + span.duration_ns for span in spans)
    window = TimeRange(max(0, start_ns - MARGIN_NS), min(end_ns + MARGIN_NS, 2**63 - 1))
    where = Compare(Field("intrinsic", "trace_id"), "=", spans[0].trace_id)
    buckets = reader.count_logs(where, window, step_ns=window.duration_ns)
    return sum(sum(bucket.counts.values()) for bucket in buckets)
