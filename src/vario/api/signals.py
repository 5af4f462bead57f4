"""Endpoints over traces and logs: search, one trace, volume over time, fields."""

from typing import Annotated, Literal

from fastapi import Path, Query

from vario.api.context import CurrentContext
from vario.api.models import (
    FieldsOut,
    FieldValuesOut,
    LogHistogramOut,
    LogsOut,
    TraceOut,
    TracesOut,
)
from vario.api.params import FilterText, StepNs, Window
from vario.api.shapes import show_bucket, show_log, show_span, show_trace_summary, to_seconds
from vario.errors import NotFound
from vario.model.telemetry import Signal
from vario.query.fields import list_fields
from vario.query.filter import parse_field, parse_filter
from vario.query.logs import count_trace_logs
from vario.query.steps import align
from vario.store.base import TraceOrder

TraceId = Annotated[str, Path(description="32 hexadecimal digits", pattern="^[0-9a-fA-F]{1,64}$")]
SignalName = Literal[Signal.TRACES, Signal.LOGS]


def find_traces(
    context: CurrentContext,
    window: Window,
    where: FilterText = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    order: TraceOrder = "newest",
) -> TracesOut:
    """Traces of which at least one span matches the filter."""
    tree = parse_filter(where, Signal.TRACES)
    found = context.store.find_traces(tree, window, limit=limit, order=order)
    return TracesOut(traces=[show_trace_summary(summary) for summary in found])


def get_trace(context: CurrentContext, trace_id: TraceId) -> TraceOut:
    """A whole trace: its spans by start, and the number of log lines that carry its id."""
    spans = context.store.get_trace(trace_id.lower())
    if not spans:
        raise NotFound(
            f"trace {trace_id} is not stored: the id is wrong, the trace has not arrived yet, "
            "or it is older than the retention of traces"
        )
    log_count = count_trace_logs(context.store, spans)
    return TraceOut(
        trace_id=trace_id.lower(), spans=[show_span(span) for span in spans], log_count=log_count
    )


def find_logs(
    context: CurrentContext,
    window: Window,
    where: FilterText = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> LogsOut:
    """Log records that match the filter, newest first; `cursor` continues an earlier page."""
    tree = parse_filter(where, Signal.LOGS)
    page = context.store.find_logs(tree, window, limit=limit, cursor=cursor)
    return LogsOut(logs=[show_log(record) for record in page.records], next_cursor=page.next_cursor)


def get_log_histogram(
    context: CurrentContext, window: Window, step_ns: StepNs, where: FilterText = ""
) -> LogHistogramOut:
    """Number of log records by severity over time; steps begin at multiples of the step."""
    tree = parse_filter(where, Signal.LOGS)
    aligned = align(window, step_ns)
    buckets = context.store.count_logs(tree, aligned, step_ns=step_ns)
    return LogHistogramOut(
        start=to_seconds(aligned.start_ns),
        end=to_seconds(aligned.end_ns),
        step=to_seconds(step_ns),
        buckets=[show_bucket(bucket) for bucket in buckets],
    )


def find_fields(context: CurrentContext, window: Window, signal: SignalName) -> FieldsOut:
    """Fields that a filter can name: those of every span or record, then attributes seen."""
    return FieldsOut(fields=list_fields(context.store, signal, window))


def find_field_values(
    context: CurrentContext,
    window: Window,
    signal: SignalName,
    field: Annotated[str, Query(max_length=500)],
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
) -> FieldValuesOut:
    """Values of a field, the most frequent first."""
    parsed = parse_field(field, signal)
    values = context.store.find_field_values(signal, parsed, window, limit=limit)
    return FieldValuesOut(values=values)
