"""The model's types as the API's shapes: nanoseconds become seconds or decimal text here."""

from vario.api.models import (
    LogBucketOut,
    LogRecordOut,
    ServiceOut,
    SpanEventOut,
    SpanLinkOut,
    SpanOut,
    TraceSummaryOut,
    TrafficPointOut,
    TrafficSeriesOut,
    VersionOut,
)
from vario.model.service import ServiceSummary, TrafficPoint, TrafficSeries
from vario.model.telemetry import LogBucket, LogRecord, Span, TimeRange, TraceSummary


def to_seconds(time_ns: int) -> float:
    """Returns nanoseconds as float seconds (exact to 0.2 us for times of this century)."""
    return time_ns / 1e9


def show_point(point: TrafficPoint) -> TrafficPointOut:
    """Returns a step of traffic."""
    return TrafficPointOut(
        time=to_seconds(point.start_ns),
        requests=point.requests,
        errors=point.errors,
        p50=point.p50_s,
        p95=point.p95_s,
        p99=point.p99_s,
        slowest=point.slowest_s,
        slowest_trace_id=point.slowest_trace_id,
    )


def show_series(series: TrafficSeries) -> TrafficSeriesOut:
    """Returns the points of one group."""
    return TrafficSeriesOut(
        group=series.group,
        samples=series.samples,
        points=[show_point(point) for point in series.points],
    )


def show_service(summary: ServiceSummary, window: TimeRange) -> ServiceOut:
    """Returns a row of the overview."""
    return ServiceOut(
        service=summary.service_name,
        model=summary.model_name,
        versions=[
            VersionOut(
                version=version.version,
                first_seen=to_seconds(version.first_seen_ns),
                requests=version.requests,
            )
            for version in summary.versions
        ],
        regions=list(summary.regions),
        requests=summary.requests,
        rate=summary.requests / to_seconds(window.duration_ns),
        error_ratio=summary.errors / summary.requests if summary.requests else 0.0,
        p50=summary.p50_s,
        p95=summary.p95_s,
        p99=summary.p99_s,
        last_seen=to_seconds(summary.last_seen_ns),
        points=[show_point(point) for point in summary.points],
    )


def show_trace_summary(summary: TraceSummary) -> TraceSummaryOut:
    """Returns a line of the list of traces."""
    return TraceSummaryOut(
        trace_id=summary.trace_id,
        root_service=summary.root_service,
        root_name=summary.root_name,
        start_time_unix_nano=str(summary.start_ns),
        duration=to_seconds(summary.duration_ns),
        span_count=summary.span_count,
        error_count=summary.error_count,
        matched_spans=summary.matched_spans,
        services=list(summary.services),
        weight=summary.weight,
    )


def show_span(span: Span) -> SpanOut:
    """Returns a span with its events and links."""
    return SpanOut(
        trace_id=span.trace_id,
        span_id=span.span_id,
        parent_span_id=span.parent_span_id,
        name=span.name,
        kind=span.kind,
        service=span.service_name,
        start_time_unix_nano=str(span.start_ns),
        duration_ns=span.duration_ns,
        status_code=span.status_code,
        status_message=span.status_message,
        attributes=dict(span.attributes),
        resource=dict(span.resource),
        scope=span.scope_name,
        events=[
            SpanEventOut(
                time_unix_nano=str(event.time_ns),
                name=event.name,
                attributes=dict(event.attributes),
            )
            for event in span.events
        ],
        links=[
            SpanLinkOut(
                trace_id=link.trace_id, span_id=link.span_id, attributes=dict(link.attributes)
            )
            for link in span.links
        ],
    )


def show_log(record: LogRecord) -> LogRecordOut:
    """Returns a log record."""
    return LogRecordOut(
        time_unix_nano=str(record.time_ns),
        trace_id=record.trace_id,
        span_id=record.span_id,
        severity_text=record.severity_text,
        severity_number=record.severity_number,
        service=record.service_name,
        body=record.body,
        attributes=dict(record.attributes),
        resource=dict(record.resource),
        scope=record.scope_name,
        event_name=record.event_name,
    )


def show_bucket(bucket: LogBucket) -> LogBucketOut:
    """Returns a step of the log histogram."""
    return LogBucketOut(time=to_seconds(bucket.start_ns), counts=dict(bucket.counts))
