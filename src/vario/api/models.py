"""Shapes of vario's own API; the UI's types are generated from them.

Absolute times of single spans and records are decimal strings of nanoseconds, as in OTLP's JSON,
because they do not fit a JavaScript number. Times of chart points are float seconds since the
epoch and durations float seconds, as in Prometheus.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

NanosText = Annotated[str, Field(pattern=r"^\d+$", description="nanoseconds since the epoch")]


class Shape(BaseModel):
    """Common settings: an unknown field in our own code is a fault."""

    model_config = ConfigDict(extra="forbid")


class ErrorBody(Shape):
    """Every error of the API looks like this (Prometheus' own shape)."""

    status: Literal["error"] = "error"
    errorType: str  # noqa: N815 - Prometheus' own word
    error: str


class TrafficPointOut(Shape):
    """One step of a service's traffic. Latencies are null where there was no request."""

    time: float
    requests: int
    errors: int
    p50: float | None
    p95: float | None
    p99: float | None
    slowest: float | None
    slowest_trace_id: str


class TrafficSeriesOut(Shape):
    """Points of one region, version, or of the whole service (`group` is then empty).

    They were counted from `samples` spans: fewer than requests where an SDK sampled.
    """

    group: str
    samples: int
    points: list[TrafficPointOut]


class TrafficOut(Shape):
    """A service's traffic over time."""

    service: str
    model: str | None
    start: float
    end: float
    step: float
    by: Literal["none", "region", "model_version"]
    series: list[TrafficSeriesOut]


class VersionOut(Shape):
    """A version and when it first answered within the window."""

    version: str
    first_seen: float
    requests: int


class ServiceOut(Shape):
    """One row of the overview. Ratios are 0 to 1, latencies seconds, `rate` requests a second."""

    service: str
    model: str
    versions: list[VersionOut]
    regions: list[str]
    requests: int
    rate: float
    error_ratio: float
    p50: float
    p95: float
    p99: float
    last_seen: float
    points: list[TrafficPointOut]


class ServicesOut(Shape):
    """The overview."""

    start: float
    end: float
    step: float
    services: list[ServiceOut]


class TraceSummaryOut(Shape):
    """One line of the list of traces; `weight` is how many traces it stands for when sampled."""

    trace_id: str
    root_service: str
    root_name: str
    start_time_unix_nano: NanosText
    duration: float
    span_count: int
    error_count: int
    matched_spans: int
    services: list[str]
    weight: float


class TracesOut(Shape):
    """Answer to a search over traces."""

    traces: list[TraceSummaryOut]


class SpanEventOut(Shape):
    """An event of a span."""

    time_unix_nano: NanosText
    name: str
    attributes: dict[str, str]


class SpanLinkOut(Shape):
    """A link of a span."""

    trace_id: str
    span_id: str
    attributes: dict[str, str]


class SpanOut(Shape):
    """A span; `duration_ns` fits a JavaScript number up to 104 days."""

    trace_id: str
    span_id: str
    parent_span_id: str
    name: str
    kind: str
    service: str
    start_time_unix_nano: NanosText
    duration_ns: int
    status_code: str
    status_message: str
    attributes: dict[str, str]
    resource: dict[str, str]
    scope: str
    events: list[SpanEventOut]
    links: list[SpanLinkOut]


class TraceOut(Shape):
    """A whole trace: spans ordered by start, and how many log lines carry its id."""

    trace_id: str
    spans: list[SpanOut]
    log_count: int


class LogRecordOut(Shape):
    """A log record."""

    time_unix_nano: NanosText
    trace_id: str
    span_id: str
    severity_text: str
    severity_number: int
    service: str
    body: str
    attributes: dict[str, str]
    resource: dict[str, str]
    scope: str
    event_name: str


class LogsOut(Shape):
    """A page of log records, newest first."""

    logs: list[LogRecordOut]
    next_cursor: str | None


class LogBucketOut(Shape):
    """Log records in one step of time, by severity (`TRACE` `DEBUG` `INFO` `WARN` `ERROR`...)."""

    time: float
    counts: dict[str, int]


class LogHistogramOut(Shape):
    """Log volume over time."""

    start: float
    end: float
    step: float
    buckets: list[LogBucketOut]


class FieldsOut(Shape):
    """Field names that the filter grammar can use, intrinsic ones first."""

    fields: list[str]


class FieldValuesOut(Shape):
    """Values of a field, the most frequent first."""

    values: list[str]


class CheckOut(Shape):
    """One finding of the doctor; `remedy` is empty where all is well."""

    name: str
    service: str
    status: Literal["ok", "warning", "failed"]
    message: str
    remedy: str


class DoctorOut(Shape):
    """What the doctor found."""

    status: Literal["ok", "warning", "failed"]
    checks: list[CheckOut]


class TableSizeOut(Shape):
    """Rows and bytes on disk of a table."""

    table: str
    rows: int
    bytes: int


class DamagedPartOut(Shape):
    """A piece of a table that could not be read; it lies at `path`, the rest serves."""

    table: str
    part: str
    path: str
    bytes: int
    found: float


class StatusOut(Shape):
    """The server about itself."""

    version: str
    started: float
    store: str
    otlp_http: str
    otlp_grpc: str
    tables: list[TableSizeOut]
    damaged: list[DamagedPartOut]


class ProbeOut(Shape):
    """Answer of the two probes when all is well."""

    status: Literal["ok"]
