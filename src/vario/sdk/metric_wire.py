"""Metrics as OTLP: an `ExportMetricsServiceRequest` from the points of a collection.

Source: opentelemetry-proto 1.9, metrics/v1/metrics.proto.
"""

from collections.abc import Sequence
from struct import Struct
from typing import Any

from vario.sdk.measuring import Kind
from vario.sdk.protobuf import (
    FIXED64,
    SFIXED64,
    attributes,
    double,
    message,
    packed_double,
    packed_fixed64,
    text,
    varint,
)
from vario.sdk.recorder import Resource, Scope
from vario.sdk.series import ExponentialPoint, HistogramPoint, NumberPoint

_DELTA, _CUMULATIVE = 1, 2
_ID = Struct(">Q").pack


def encode_metrics(
    resource: Resource, collected: Sequence[tuple[Scope, list[tuple[Kind, list[Any]]]]]
) -> bytes:
    """Returns the export request for a collection."""
    return resource.envelope(
        [(scope, b"".join([_metric(*one) for one in found])) for scope, found in collected]
    )


def _metric(kind: Kind, points: Sequence[Any]) -> bytes:
    head = (
        text(b"\x0a", kind.name.lower())
        + text(b"\x12", kind.description)
        + text(b"\x1a", kind.unit)
    )
    temporality = b"\x10" + varint(_DELTA if kind.is_delta else _CUMULATIVE)
    if kind.word.endswith("gauge"):
        body = b"".join([message(b"\x0a", _number(point)) for point in points])
        return message(b"\x12", head + message(b"\x2a", body))
    if isinstance(points[0], NumberPoint):
        body = b"".join([message(b"\x0a", _number(point)) for point in points]) + temporality
        body += b"\x18\x01" if kind.is_monotonic else b""
        return message(b"\x12", head + message(b"\x3a", body))
    if isinstance(points[0], HistogramPoint):
        body = b"".join([message(b"\x0a", _histogram(point)) for point in points])
        return message(b"\x12", head + message(b"\x4a", body + temporality))
    body = b"".join([message(b"\x0a", _exponential(point)) for point in points])
    return message(b"\x12", head + message(b"\x52", body + temporality))


def _times(point: Any) -> bytes:
    return b"\x11" + FIXED64(point.start_ns) + b"\x19" + FIXED64(point.time_ns)


def _number(point: NumberPoint) -> bytes:
    return (
        attributes(b"\x3a", point.series.attributes)
        + _times(point)
        + _value(point.value, b"\x21", b"\x31")
        + _exemplars(b"\x2a", point.exemplars)
    )


def _value(value: float, as_double: bytes, as_int: bytes) -> bytes:
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return as_int + SFIXED64(value)
    return double(as_double, float(value))


def _histogram(point: HistogramPoint) -> bytes:
    count = sum(point.counts)
    extremes = double(b"\x59", point.least) + double(b"\x61", point.most)
    return (
        attributes(b"\x4a", point.series.attributes)
        + _times(point)
        + b"\x21"
        + FIXED64(count)
        + double(b"\x29", point.total)
        + packed_fixed64(b"\x32", point.counts)
        + packed_double(b"\x3a", point.bounds)
        + _exemplars(b"\x42", point.exemplars)
        + extremes
    )


def _exponential(point: ExponentialPoint) -> bytes:
    return (
        attributes(b"\x0a", point.series.attributes)
        + _times(point)
        + b"\x21"
        + FIXED64(point.count)
        + double(b"\x29", point.total)
        + b"\x30"
        + _zigzag(point.scale)
        + b"\x39"
        + FIXED64(point.zeros)
        + _buckets(b"\x42", point.offset, point.counts)
        + _buckets(b"\x4a", point.negative_offset, point.negative)
        + _exemplars(b"\x5a", point.exemplars)
        + double(b"\x61", point.least)
        + double(b"\x69", point.most)
    )


def _buckets(tag: bytes, offset: int, counts: Sequence[int]) -> bytes:
    if not counts:
        return b""
    packed = b"".join([varint(count) for count in counts])
    return message(tag, b"\x08" + _zigzag(offset) + message(b"\x12", packed))


def _zigzag(number: int) -> bytes:
    return varint(number << 1 if number >= 0 else (-number << 1) - 1)


def _exemplars(tag: bytes, found: Sequence[tuple[float, int, Any]]) -> bytes:
    return b"".join([message(tag, _exemplar(*one)) for one in found])


def _exemplar(value: float, time_ns: int, at: Any) -> bytes:
    return (
        b"\x11"
        + FIXED64(time_ns)
        + _value(value, b"\x19", b"\x31")
        + message(b"\x22", _ID(at.span_id))
        + message(b"\x2a", at.trace_id.to_bytes(16, "big"))
        + attributes(b"\x3a", getattr(at, "filtered", None) or {})
    )
