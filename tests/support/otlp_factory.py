"""OTLP export requests from a few words of Python.

::

    body = traces_body("ml-infer", make_span("predict", trace=1, span=2, duration_ns=5 * MS))
    store.write_otlp(Signal.TRACES, body)

Ids are small integers here and 16 or 8 bytes on the wire: `trace_hex(1)` and `span_hex(2)` are what
a reader gets back. Bodies of one signal may be joined (`a + b`), as OTLP's repeated fields merge.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import (
    AnyValue,
    ArrayValue,
    InstrumentationScope,
    KeyValue,
    KeyValueList,
)
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    Exemplar,
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
    Summary,
    SummaryDataPoint,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

US, MS, SECOND = 1_000, 1_000_000, 1_000_000_000
MINUTE, HOUR = 60 * SECOND, 3600 * SECOND

START_NS = 1_750_000_000_000_000_000
"""2025-06-15 15:06:40 UTC: the `clock` fixture's time, and the default one of what is made here."""

KINDS = {"unspecified": 0, "internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}
STATUSES = {"unset": 0, "ok": 1, "error": 2}
SEVERITIES = {"unset": 0, "trace": 1, "debug": 5, "info": 9, "warn": 13, "error": 17, "fatal": 21}
DELTA, CUMULATIVE = 1, 2

Attributes = Mapping[str, Any]


def trace_id(number: int) -> bytes:
    return number.to_bytes(16, "big")


def span_id(number: int) -> bytes:
    return number.to_bytes(8, "big")


def trace_hex(number: int) -> str:
    return trace_id(number).hex()


def span_hex(number: int) -> str:
    return span_id(number).hex()


def make_value(value: Any) -> AnyValue:
    """Returns an attribute value; None is the empty one."""
    match value:
        case None:
            return AnyValue()
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case str():
            return AnyValue(string_value=value)
        case bytes():
            return AnyValue(bytes_value=value)
        case Mapping():
            return AnyValue(kvlist_value=KeyValueList(values=make_attributes(value)))
        case Sequence():
            return AnyValue(array_value=ArrayValue(values=[make_value(item) for item in value]))
    raise TypeError(f"no OTLP value for {value!r}")


def make_attributes(attributes: Attributes | None) -> list[KeyValue]:
    return [KeyValue(key=key, value=make_value(value)) for key, value in (attributes or {}).items()]


def make_resource(resource: str | Attributes) -> Resource:
    """Returns a resource; a text is its service name."""
    named = {"service.name": resource} if isinstance(resource, str) else resource
    return Resource(attributes=make_attributes(named))


# Traces


def make_span(
    name: str = "GET /predict",
    *,
    trace: int = 1,
    span: int = 1,
    parent: int = 0,
    start_ns: int = START_NS,
    duration_ns: int = 10 * MS,
    kind: str = "internal",
    status: str = "unset",
    message: str = "",
    attributes: Attributes | None = None,
    events: Sequence[Span.Event] = (),
    links: Sequence[Span.Link] = (),
    trace_state: str = "",
) -> Span:
    return Span(
        trace_id=trace_id(trace),
        span_id=span_id(span),
        parent_span_id=span_id(parent) if parent else b"",
        name=name,
        start_time_unix_nano=start_ns,
        end_time_unix_nano=start_ns + duration_ns,
        kind=KINDS[kind],
        status=Status(code=STATUSES[status], message=message),
        attributes=make_attributes(attributes),
        events=events,
        links=links,
        trace_state=trace_state,
    )


def make_event(
    name: str, *, time_ns: int = START_NS, attributes: Attributes | None = None
) -> Span.Event:
    return Span.Event(name=name, time_unix_nano=time_ns, attributes=make_attributes(attributes))


def make_link(*, trace: int, span: int, attributes: Attributes | None = None) -> Span.Link:
    return Span.Link(
        trace_id=trace_id(trace), span_id=span_id(span), attributes=make_attributes(attributes)
    )


def traces_body(resource: str | Attributes, *spans: Span, scope: str = "") -> bytes:
    return ExportTraceServiceRequest(
        resource_spans=[
            ResourceSpans(
                resource=make_resource(resource),
                scope_spans=[ScopeSpans(scope=InstrumentationScope(name=scope), spans=spans)],
            )
        ]
    ).SerializeToString()


# Logs


def make_log(
    body: Any = "hello",
    *,
    time_ns: int = START_NS,
    observed_ns: int = 0,
    severity: str | int = "info",
    severity_text: str | None = None,
    trace: int = 0,
    span: int = 0,
    attributes: Attributes | None = None,
    event_name: str = "",
) -> LogRecord:
    """Returns a log record; `severity` is a name or a number, its text the name by default."""
    number = SEVERITIES[severity] if isinstance(severity, str) else severity
    text = severity.upper() if isinstance(severity, str) and severity != "unset" else ""
    return LogRecord(
        time_unix_nano=time_ns,
        observed_time_unix_nano=observed_ns,
        severity_number=number,
        severity_text=text if severity_text is None else severity_text,
        body=make_value(body),
        trace_id=trace_id(trace) if trace else b"",
        span_id=span_id(span) if span else b"",
        attributes=make_attributes(attributes),
        event_name=event_name,
    )


def logs_body(resource: str | Attributes, *records: LogRecord, scope: str = "") -> bytes:
    return ExportLogsServiceRequest(
        resource_logs=[
            ResourceLogs(
                resource=make_resource(resource),
                scope_logs=[ScopeLogs(scope=InstrumentationScope(name=scope), log_records=records)],
            )
        ]
    ).SerializeToString()


# Metrics


def make_exemplar(
    value: float,
    *,
    time_ns: int = START_NS,
    trace: int = 0,
    span: int = 0,
    attributes: Attributes | None = None,
) -> Exemplar:
    return Exemplar(
        as_double=value,
        time_unix_nano=time_ns,
        trace_id=trace_id(trace) if trace else b"",
        span_id=span_id(span) if span else b"",
        filtered_attributes=make_attributes(attributes),
    )


def make_point(
    value: float | None = None,
    *,
    time_ns: int = START_NS,
    start_ns: int = 0,
    attributes: Attributes | None = None,
    exemplars: Sequence[Exemplar] = (),
    flags: int = 0,
) -> NumberDataPoint:
    """Returns a number point: integer or double by the type of `value`; None sets neither."""
    point = NumberDataPoint(
        time_unix_nano=time_ns,
        start_time_unix_nano=start_ns,
        attributes=make_attributes(attributes),
        exemplars=exemplars,
        flags=flags,
    )
    if isinstance(value, int):
        point.as_int = value
    elif value is not None:
        point.as_double = value
    return point


def make_gauge(
    name: str, *points: NumberDataPoint, unit: str = "", description: str = ""
) -> Metric:
    return Metric(name=name, unit=unit, description=description, gauge=Gauge(data_points=points))


def make_sum(
    name: str,
    *points: NumberDataPoint,
    unit: str = "",
    description: str = "",
    temporality: int = CUMULATIVE,
    monotonic: bool = True,
) -> Metric:
    data = Sum(data_points=points, aggregation_temporality=temporality, is_monotonic=monotonic)
    return Metric(name=name, unit=unit, description=description, sum=data)


def make_histogram(
    name: str,
    *,
    bounds: Sequence[float],
    counts: Sequence[int],
    total: float = 0.0,
    time_ns: int = START_NS,
    start_ns: int = 0,
    attributes: Attributes | None = None,
    exemplars: Sequence[Exemplar] = (),
    unit: str = "",
    description: str = "",
    temporality: int = CUMULATIVE,
    flags: int = 0,
) -> Metric:
    """Returns a histogram of one point; `total` is the sum of what was measured."""
    point = HistogramDataPoint(
        time_unix_nano=time_ns,
        start_time_unix_nano=start_ns,
        count=sum(counts),
        sum=total,
        bucket_counts=counts,
        explicit_bounds=bounds,
        attributes=make_attributes(attributes),
        exemplars=exemplars,
        flags=flags,
    )
    data = Histogram(data_points=[point], aggregation_temporality=temporality)
    return Metric(name=name, unit=unit, description=description, histogram=data)


def make_exponential(
    name: str,
    *,
    scale: int,
    positive: Sequence[int] = (),
    positive_offset: int = 0,
    negative: Sequence[int] = (),
    negative_offset: int = 0,
    zero_count: int = 0,
    zero_threshold: float = 0.0,
    total: float = 0.0,
    time_ns: int = START_NS,
    attributes: Attributes | None = None,
    exemplars: Sequence[Exemplar] = (),
    unit: str = "",
    temporality: int = CUMULATIVE,
) -> Metric:
    """Returns an exponential histogram of one point."""
    buckets = ExponentialHistogramDataPoint.Buckets
    point = ExponentialHistogramDataPoint(
        time_unix_nano=time_ns,
        count=sum(positive) + sum(negative) + zero_count,
        sum=total,
        scale=scale,
        zero_count=zero_count,
        zero_threshold=zero_threshold,
        positive=buckets(offset=positive_offset, bucket_counts=positive),
        negative=buckets(offset=negative_offset, bucket_counts=negative),
        attributes=make_attributes(attributes),
        exemplars=exemplars,
    )
    data = ExponentialHistogram(data_points=[point], aggregation_temporality=temporality)
    return Metric(name=name, unit=unit, exponential_histogram=data)


def make_summary(
    name: str,
    quantiles: Mapping[float, float],
    *,
    count: int,
    total: float,
    time_ns: int = START_NS,
    attributes: Attributes | None = None,
) -> Metric:
    """Returns a summary of one point."""
    values = [
        SummaryDataPoint.ValueAtQuantile(quantile=quantile, value=value)
        for quantile, value in quantiles.items()
    ]
    point = SummaryDataPoint(
        time_unix_nano=time_ns,
        count=count,
        sum=total,
        quantile_values=values,
        attributes=make_attributes(attributes),
    )
    return Metric(name=name, summary=Summary(data_points=[point]))


def metrics_body(resource: str | Attributes, *metrics: Metric, scope: str = "") -> bytes:
    return ExportMetricsServiceRequest(
        resource_metrics=[
            ResourceMetrics(
                resource=make_resource(resource),
                scope_metrics=[
                    ScopeMetrics(scope=InstrumentationScope(name=scope), metrics=metrics)
                ],
            )
        ]
    ).SerializeToString()
