"""Every field of OTLP has a home in the store, or is dropped on purpose and listed here."""

from google.protobuf.descriptor import Descriptor
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.logs.v1 import logs_pb2
from opentelemetry.proto.metrics.v1 import metrics_pb2
from opentelemetry.proto.resource.v1 import resource_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

from vario.store.projection import proto_text
from vario.wire.protobuf import load_messages

DROPPED = {
    # Counts of what an SDK left out for its own limits.
    "InstrumentationScope.dropped_attributes_count",
    "Resource.dropped_attributes_count",
    "Span.dropped_attributes_count",
    "Span.dropped_events_count",
    "Span.dropped_links_count",
    "Event.dropped_attributes_count",
    "Link.dropped_attributes_count",
    "LogRecord.dropped_attributes_count",
    # In development, and without a column in the Collector's tables.
    "Resource.entity_refs",
    # Only in the profiles signal.
    "AnyValue.string_value_strindex",
    "KeyValue.key_strindex",
    # Without a column in the Collector's tables.
    "Span.flags",
    "Link.flags",
    "ResourceSpans.schema_url",
    "ScopeSpans.schema_url",
    # Prometheus' model has no place for a metric's scope, schema and smallest and largest value;
    # counters are told from their resets by their values.
    "ResourceMetrics.schema_url",
    "ScopeMetrics.schema_url",
    "ScopeMetrics.scope",
    "Metric.metadata",
    "NumberDataPoint.start_time_unix_nano",
    "HistogramDataPoint.start_time_unix_nano",
    "HistogramDataPoint.min",
    "HistogramDataPoint.max",
    "ExponentialHistogramDataPoint.start_time_unix_nano",
    "ExponentialHistogramDataPoint.min",
    "ExponentialHistogramDataPoint.max",
    "SummaryDataPoint.start_time_unix_nano",
}
NOT_STORED = {"TracesData", "LogsData", "MetricsData", "EntityRef", "ArrayValue", "KeyValueList"}
"""Files' own envelopes, dropped entities, and nested values, which arrive as text."""

WIRE_KINDS = {14: 5, 11: 12}
"""Kinds that look the same on the wire: an enum and an int32, a message and bytes."""


def find_messages(messages: dict[str, Descriptor]) -> dict[str, Descriptor]:
    found = dict(messages)
    for message in messages.values():
        found |= find_messages(dict(message.nested_types_by_name))
    return found


def standard_fields() -> dict[str, tuple[int, int]]:
    fields: dict[str, tuple[int, int]] = {}
    for module in (common_pb2, resource_pb2, trace_pb2, logs_pb2, metrics_pb2):
        for name, message in find_messages(module.DESCRIPTOR.message_types_by_name).items():
            if name not in NOT_STORED:
                fields |= {f"{name}.{f.name}": (f.number, f.type) for f in message.fields}
    return fields


def stored_fields() -> dict[str, tuple[int, int]]:
    return {
        f"{name}.{field.name}": (field.number, field.type)
        for name, message in load_messages(proto_text()).items()
        for field in message.DESCRIPTOR.fields
        if not name.startswith("Export")
    }


def test_every_field_has_a_home_or_is_dropped_on_purpose() -> None:
    assert set(standard_fields()) - set(stored_fields()) == DROPPED


def test_what_is_stored_is_read_as_the_standard_writes_it() -> None:
    standard = standard_fields()
    wrong = {
        name: (stored, standard.get(name))
        for name, stored in stored_fields().items()
        if standard.get(name) not in {stored, None}
        and (stored[0], WIRE_KINDS.get(standard[name][1])) != (standard[name][0], stored[1])
    }
    assert wrong == {}
    assert set(stored_fields()) <= set(standard)
