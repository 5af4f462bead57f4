"""Rows of `otel_logs` out of an export request."""

import struct
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from vario.store.direct.values import (
    Texts,
    first_of,
    id_text,
    pairs,
    pairs_map,
    storable_ns,
    value_text,
)

COLUMNS = {
    "ServiceName": "LowCardinality(String)",
    "ResourceAttributes": "Map(LowCardinality(String), String)",
    "ResourceSchemaUrl": "LowCardinality(String)",
    "ScopeSchemaUrl": "LowCardinality(String)",
    "ScopeName": "String",
    "ScopeVersion": "LowCardinality(String)",
    "ScopeAttributes": "Map(LowCardinality(String), String)",
    "Timestamp": "DateTime64(9)",
    "TimestampTime": "DateTime",
    "TraceFlags": "UInt8",
    "SeverityNumber": "UInt8",
    "TraceId": "String",
    "SpanId": "String",
    "SeverityText": "LowCardinality(String)",
    "Body": "String",
    "LogAttributes": "Map(LowCardinality(String), String)",
    "EventName": "String",
}
"""What a row holds, in order."""

_NUMBERS = struct.Struct("<qIBB")
_SECOND_NS = 1_000_000_000


def record_rows(body: bytes) -> bytes:
    """Returns the rows of a request in RowBinary.

    Raises:
        NotPlain: something in it is left to the engine.
        DecodeError: it is not such a request.
    """
    request: Any = ExportLogsServiceRequest.FromString(body)
    texts = Texts()
    rows: list[bytes] = []
    for each in request.resource_logs:
        found = pairs(each.resource.attributes)
        service = texts[first_of(found).get("service.name", "")] + pairs_map(found, texts)
        for inner in each.scope_logs:
            source = b"".join(
                (
                    service,
                    texts[each.schema_url],
                    texts[inner.schema_url],
                    texts[inner.scope.name],
                    texts[inner.scope.version],
                    pairs_map(pairs(inner.scope.attributes), texts),
                )
            )
            for record in inner.log_records:
                rows.append(source)
                rows.extend(_row(record, texts))
    return b"".join(rows)


def _row(record: Any, texts: Texts) -> tuple[bytes, ...]:
    """Returns what a row holds after its resource and scope."""
    time_ns = storable_ns(record.time_unix_nano or record.observed_time_unix_nano)
    return (
        _NUMBERS.pack(
            time_ns,
            time_ns // _SECOND_NS,
            record.flags & 255,
            max(0, min(24, record.severity_number)),
        ),
        id_text(record.trace_id),
        id_text(record.span_id),
        texts[record.severity_text],
        texts[value_text(record.body)],
        pairs_map(pairs(record.attributes), texts),
        texts[record.event_name],
    )
