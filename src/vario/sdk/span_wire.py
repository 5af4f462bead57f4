"""Spans as OTLP: an `ExportTraceServiceRequest` from finished spans.

What a span shares with others of its kind (name, kind, the model's attributes, the rest of a
parent that is not remote and a status that is not set) is joined from constants.
Source: opentelemetry-proto 1.9, trace/v1/trace.proto; the choices are those of OpenTelemetry's
Python exporter, with which tests compare every field.
"""

from collections.abc import Sequence
from struct import Struct
from typing import Any

from opentelemetry.trace import Link, SpanKind, Status

from vario.sdk.protobuf import (
    FIXED32,
    FIXED64,
    SIZES,
    attribute_encoder,
    attributes,
    message,
    text,
    utf8,
    varint,
)
from vario.sdk.recorder import Event
from vario.sdk.spans import Span, Trace

_CHILD = Struct(">2sQ2sQ").pack
_ROOT = Struct(">2sQ").pack
_TIMES = Struct("<cQcQ").pack
_ID = Struct(">Q").pack
_LOW = 0xFFFF_FFFF_FFFF_FFFF
_KINDS = {kind: varint(kind.value + 1) for kind in SpanKind}
# A status message without a code, and flags: "it is known whether the parent is remote".
_USUAL_END = b"\x7a\x00\x85\x01" + FIXED32(0x100)
_MOST_NAMES = 4_096
_names: dict[tuple[str, SpanKind], bytes] = {}
_append_attributes = attribute_encoder(b"\x4a").append


def group(spans: Sequence[Span]) -> dict[Any, list[bytes]]:
    """Returns spans as repeated fields of `ScopeSpans`, by their scope."""
    found: dict[Any, list[bytes]] = {}
    for span in spans:
        body = encode_span(span)
        size = len(body)
        encoded = found.get(span.scope)
        if encoded is None:
            encoded = found[span.scope] = []
        encoded += (b"\x12", SIZES[size] if size < 16_384 else varint(size), body)
    return found


def encode_span(span: Span) -> bytes:
    """Returns a span's message."""
    own, given, kind = span.trace, span.own_attributes, span.kind
    parent_id = span.parent_id
    parts = [
        own.encoded or _trace_id(own),
        _CHILD(b"\x12\x08", span.span_id, b"\x22\x08", parent_id)
        if parent_id
        else _ROOT(b"\x12\x08", span.span_id),
        _names.get((span.name, kind)) or _name(span.name, kind),
        _TIMES(b"\x39", span.start_time & _LOW, b"\x41", (span.end_time or 0) & _LOW),
    ]
    common = span.labels
    if common is not None:
        if common.attributes.keys().isdisjoint(given):
            parts.append(common.encoded)
        else:
            _append_attributes(
                parts, {k: v for k, v in common.attributes.items() if k not in given}
            )
    if own.request is not None and "request_id" not in given:
        parts.append(own.request.encoded())
    if given:
        _append_attributes(parts, given)
    if span.is_plain:
        parts.append(_USUAL_END)
    else:
        parts.append(_rare(span))
    return b"".join(parts)


def _trace_id(own: Trace) -> bytes:
    state = ",".join([f"{key}={value}" for key, value in own.state.items()])
    own.encoded = b"\x0a\x10%b%b" % (own.trace_id.to_bytes(16, "big"), text(b"\x1a", state))
    return own.encoded


def _name(name: str, kind: SpanKind) -> bytes:
    if len(_names) >= _MOST_NAMES:
        _names.clear()
    found = _names[name, kind] = message(b"\x2a", utf8(str(name))) + b"\x30" + _KINDS[kind]
    return found


def _rare(span: Span) -> bytes:
    parts = [_count(b"\x50", span.dropped_attributes)]
    parts += [message(b"\x5a", _event(event)) for event in span.own_events]
    parts.append(_count(b"\x60", span.dropped_events))
    parts += [message(b"\x6a", _link(link)) for link in span.own_links]
    parts.append(_count(b"\x70", span.dropped_links))
    parts.append(_status(span.own_status))
    parts.append(b"\x85\x01" + FIXED32(0x300 if span.is_parent_remote else 0x100))
    return b"".join(parts)


def _event(event: Event) -> bytes:
    return (
        b"\x09"
        + FIXED64(event.timestamp & _LOW)
        + text(b"\x12", event.name)
        + attributes(b"\x1a", event.attributes)
        + _count(b"\x20", event.dropped_attributes)
    )


def _link(link: Link) -> bytes:
    context = link.context
    return (
        message(b"\x0a", context.trace_id.to_bytes(16, "big"))
        + message(b"\x12", _ID(context.span_id))
        + attributes(b"\x22", link.attributes or {})
        + _count(b"\x28", link.dropped_attributes)
        + b"\x35"
        + FIXED32(0x300 if context.is_remote else 0x100)
    )


def _status(status: Status) -> bytes:
    body = text(b"\x12", status.description or "") + _count(b"\x18", status.status_code.value)
    return message(b"\x7a", body)


def _count(tag: bytes, number: int) -> bytes:
    return tag + varint(number) if number else b""
