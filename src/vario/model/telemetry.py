"""OpenTelemetry's signals as vario reads them back: spans and log records.

Times are integer nanoseconds since the Unix epoch. Attribute values are strings, as the
OpenTelemetry Collector's ClickHouse tables keep them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

Attributes = Mapping[str, str]


class Signal(StrEnum):
    """The three signals of OTLP."""

    TRACES = "traces"
    LOGS = "logs"
    METRICS = "metrics"


@dataclass(frozen=True, slots=True)
class TimeRange:
    """A half-open range of time, `[start_ns, end_ns)`."""

    start_ns: int
    end_ns: int

    @property
    def duration_ns(self) -> int:
        """Length of the range in nanoseconds."""
        return self.end_ns - self.start_ns


@dataclass(frozen=True, slots=True)
class SpanEvent:
    """Something that happened during a span."""

    time_ns: int
    name: str
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class SpanLink:
    """A span's pointer to a span of this or another trace."""

    trace_id: str
    span_id: str
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class Span:
    """One operation of one request. Ids are lower-case hexadecimal."""

    trace_id: str
    span_id: str
    parent_span_id: str
    name: str
    kind: str
    service_name: str
    start_ns: int
    duration_ns: int
    status_code: str
    status_message: str
    attributes: Attributes
    resource: Attributes
    scope_name: str = ""
    events: tuple[SpanEvent, ...] = ()
    links: tuple[SpanLink, ...] = ()


@dataclass(frozen=True, slots=True)
class TraceSummary:
    """One line of a list of traces.

    `root_service` and `root_name` are those of the span without a parent, or of the earliest
    stored span where the root has not arrived. `matched_spans` counts the spans that the search
    matched, `span_count` all stored spans of the trace. `weight` says how many traces it stands
    for, itself included, where traces are sampled.
    """

    trace_id: str
    root_service: str
    root_name: str
    start_ns: int
    duration_ns: int
    span_count: int
    error_count: int
    matched_spans: int
    services: tuple[str, ...]
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One log record. `severity_number` is OpenTelemetry's 1 to 24, 0 where unset."""

    time_ns: int
    trace_id: str
    span_id: str
    severity_text: str
    severity_number: int
    service_name: str
    body: str
    attributes: Attributes
    resource: Attributes
    scope_name: str = ""
    event_name: str = ""


@dataclass(frozen=True, slots=True)
class LogPage:
    """Log records, newest first, and the cursor of the next page (None on the last one)."""

    records: tuple[LogRecord, ...]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class LogBucket:
    """Number of log records by severity (`TRACE` to `FATAL`) in one step of time."""

    start_ns: int
    counts: Mapping[str, int] = field(default_factory=dict)
