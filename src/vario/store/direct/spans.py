"""Rows of `otel_traces` out of an export request."""

import struct
from collections.abc import Mapping
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from vario.store.direct.values import (
    NotPlain,
    Texts,
    array,
    first_of,
    id_text,
    pairs,
    pairs_map,
    storable_ns,
)

COLUMNS = {
    "ServiceName": "LowCardinality(String)",
    "ResourceAttributes": "Map(LowCardinality(String), String)",
    "ScopeName": "String",
    "ScopeVersion": "String",
    "Timestamp": "DateTime64(9)",
    "Duration": "UInt64",
    "IsEntry": "Bool",
    "IsError": "Bool",
    "Weight": "Float64",
    "TraceId": "String",
    "SpanId": "String",
    "ParentSpanId": "String",
    "TraceState": "String",
    "SpanName": "LowCardinality(String)",
    "SpanKind": "LowCardinality(String)",
    "StatusCode": "LowCardinality(String)",
    "StatusMessage": "String",
    "SpanAttributes": "Map(LowCardinality(String), String)",
    "ModelName": "LowCardinality(String)",
    "ModelVersion": "LowCardinality(String)",
    "Region": "LowCardinality(String)",
    "Events.Timestamp": "Array(DateTime64(9))",
    "Events.Name": "Array(LowCardinality(String))",
    "Events.Attributes": "Array(Map(LowCardinality(String), String))",
    "Links.TraceId": "Array(String)",
    "Links.SpanId": "Array(String)",
    "Links.TraceState": "Array(String)",
    "Links.Attributes": "Array(Map(LowCardinality(String), String))",
}
"""What a row holds, in order; what the table would work out by itself is worked out here."""

_KINDS = {1: "Internal", 2: "Server", 3: "Client", 4: "Producer", 5: "Consumer"}
_STATUSES = {1: "Ok", 2: "Error"}
_NUMBERS = struct.Struct("<qQ??d")
_NS = struct.Struct("<q")
_NO_EVENTS, _NO_LINKS = bytes(3), bytes(4)


def span_rows(body: bytes) -> bytes:
    """Returns the rows of a request in RowBinary.

    Raises:
        NotPlain: something in it is left to the engine.
        DecodeError: it is not such a request.
    """
    request: Any = ExportTraceServiceRequest.FromString(body)
    texts = Texts()
    rows: list[bytes] = []
    for each in request.resource_spans:
        found = pairs(each.resource.attributes)
        resource = first_of(found)
        service = texts[resource.get("service.name", "")] + pairs_map(found, texts)
        for inner in each.scope_spans:
            source = service + texts[inner.scope.name] + texts[inner.scope.version]
            for span in inner.spans:
                rows.append(source)
                rows.extend(_row(span, resource, texts))
    return b"".join(rows)


def _row(span: Any, resource: Mapping[str, str], texts: Texts) -> tuple[bytes, ...]:
    """Returns what a row holds after its resource and scope."""
    if "th:" in span.trace_state:
        raise NotPlain  # how many spans it stands for
    start_ns, end_ns = span.start_time_unix_nano, span.end_time_unix_nano
    found = pairs(span.attributes)
    own = first_of(found)
    kind = _KINDS.get(span.kind, "Unspecified")
    status = _STATUSES.get(span.status.code, "Unset")
    return (
        _NUMBERS.pack(
            storable_ns(start_ns or end_ns),
            max(end_ns - start_ns, 0),
            kind in {"Server", "Consumer"} or not span.parent_span_id,
            status == "Error" or _failed(own),
            1.0,
        ),
        id_text(span.trace_id),
        id_text(span.span_id),
        id_text(span.parent_span_id),
        texts[span.trace_state],
        texts[span.name],
        texts[kind],
        texts[status],
        texts[span.status.message],
        pairs_map(found, texts),
        texts[own.get("model_name") or resource.get("model_name", "")],
        texts[
            own.get("model_version")
            or resource.get("model_version")
            or resource.get("service.version", "")
        ],
        texts[own.get("region") or resource.get("region") or resource.get("cloud.region", "")],
        _events(span.events, texts) if span.events else _NO_EVENTS,
        _links(span.links, texts) if span.links else _NO_LINKS,
    )


def _failed(own: Mapping[str, str]) -> bool:
    """Says whether the answer was an error of the server's."""
    for key in ("http.response.status_code", "http.status_code"):
        code = own.get(key)
        if not code:
            continue
        if not (code.isascii() and code.isdigit() and len(code) < 5):
            raise NotPlain  # the engine knows which of these are numbers
        if int(code) >= 500:
            return True
    return False


def _events(events: Any, texts: Texts) -> bytes:
    return (
        array([_NS.pack(storable_ns(event.time_unix_nano)) for event in events])
        + array([texts[event.name] for event in events])
        + array([pairs_map(pairs(event.attributes), texts) for event in events])
    )


def _links(links: Any, texts: Texts) -> bytes:
    return (
        array([id_text(link.trace_id) for link in links])
        + array([id_text(link.span_id) for link in links])
        + array([texts[link.trace_state] for link in links])
        + array([pairs_map(pairs(link.attributes), texts) for link in links])
    )
