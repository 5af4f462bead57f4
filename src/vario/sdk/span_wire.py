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
    attribute_parts,
    attributes,
    message,
    text,
    utf8,
    varint,
)
from vario.sdk.recorder import Event
from vario.sdk.spans import UNSET, Span

_HEAD = Struct(">2sQQ2sQ").pack
_PARENT = Struct(">2sQ").pack
_TIMES = Struct("<cQcQ").pack
_ID = Struct(">Q").pack
_LOW = 0xFFFF_FFFF_FFFF_FFFF
_KINDS = {kind: varint(kind.value + 1) for kind in SpanKind}
# A status message without a code, and flags: "it is known whether the parent is remote".
_USUAL_END = b"\x7a\x00\x85\x01" + FIXED32(0x100)
_REMOTE_END = b"\x7a\x00\x85\x01" + FIXED32(0x300)
_MOST_NAMES = 4_096
_names: dict[tuple[str, SpanKind], bytes] = {}


def encode_span(span: Span) -> bytes:
    """Returns a span as a repeated field of `ScopeSpans`: tag, length, body."""
    kind = span.kind
    named = _names.get((span.name, kind)) or _name(span.name, kind)
    trace_id, own = span.trace_id, span.own_attributes
    parts = [
        _HEAD(b"\x0a\x10", trace_id >> 64, trace_id & _LOW, b"\x12\x08", span.span_id),
        _PARENT(b"\x22\x08", span.parent_id) if span.parent_id else b"",
        named,
        _TIMES(b"\x39", span.start_time & _LOW, b"\x41", (span.end_time or 0) & _LOW),
    ]
    if span.labels is not None:
        common = span.labels
        parts.append(
            common.encoded
            if common.attributes.keys().isdisjoint(own)
            else attributes(b"\x4a", {k: v for k, v in common.attributes.items() if k not in own})
        )
    if span.request is not None and "request_id" not in own:
        parts.append(span.request.encoded())
    if own:
        parts += attribute_parts(b"\x4a", own.items())
    if span.own_events or span.own_links or span.has_dropped:
        parts.append(_rare(span))
    if span.trace_state:
        parts.append(text(b"\x1a", ",".join([f"{k}={v}" for k, v in span.trace_state.items()])))
    is_remote = span.is_parent_remote
    if span.status is UNSET:
        parts.append(_REMOTE_END if is_remote else _USUAL_END)
    else:
        parts.append(_status(span.status) + (_REMOTE_END if is_remote else _USUAL_END)[2:])
    body = b"".join(parts)
    return b"\x12%b%b" % (varint(len(body)), body)


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


def group(spans: Sequence[Span]) -> dict[Any, list[bytes]]:
    """Returns encoded spans by their scope; a span that cannot be encoded is left out."""
    found: dict[Any, list[bytes]] = {}
    for span in spans:
        found.setdefault(span.scope, []).append(encode_span(span))
    return found
