"""A bridge to OpenTelemetry's own SDK, for those who add its processors; they have it installed."""

from typing import Any

from opentelemetry._logs import LogRecord, SeverityNumber

from vario.sdk.loggers import Record
from vario.sdk.recorder import Resource, Scope


def readable_span(span: Any) -> Any:
    """Returns a span as OpenTelemetry's SDK has it."""
    from opentelemetry.sdk.trace import ReadableSpan

    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=_resource(span.resource),
        attributes=span.attributes,
        events=span.events,
        links=span.links,
        kind=span.kind,
        status=span.status,
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=_scope(span.scope),
    )


def read_write_record(record: Record, resource: Resource) -> Any:
    """Returns a log record as OpenTelemetry's SDK hands it to its processors."""
    from opentelemetry.sdk._logs import ReadWriteLogRecord

    own = LogRecord(
        timestamp=record.timestamp,
        observed_timestamp=record.observed,
        severity_text=record.severity_text,
        severity_number=SeverityNumber(record.severity),
        body=record.body,
        attributes=all_attributes(record),
        event_name=record.event_name or None,
    )
    own.trace_id, own.span_id = record.trace_id, record.span_id
    own.trace_flags = type(own.trace_flags)(record.flags)
    return ReadWriteLogRecord(
        log_record=own,
        resource=_resource(resource),
        instrumentation_scope=_scope(record.scope),
    )


def all_attributes(record: Record) -> dict[str, Any]:
    """Returns a record's attributes, those of its model and request among them."""
    common = dict(record.labels.of_logs) if record.labels is not None else {}
    if record.request is not None:
        common["request_id"] = record.request.request_id
    return {**common, **record.attributes}


def _resource(resource: Resource) -> Any:
    from opentelemetry.sdk.resources import Resource as StockResource

    return StockResource(dict(resource.attributes))


def _scope(scope: Scope) -> Any:
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    return InstrumentationScope(scope.name, scope.version, scope.schema_url, scope.attributes)
