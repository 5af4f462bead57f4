"""Protocol Buffers as concatenation: the few shapes that OTLP is made of.

Source: https://protobuf.dev/programming-guides/encoding, opentelemetry-proto 1.9. What repeats
(keys, short strings, small lengths) is encoded once and kept.
"""

from collections.abc import Iterable, Mapping, Sequence
from struct import Struct
from typing import Any

_DOUBLE = Struct("<d").pack
FIXED64 = Struct("<Q").pack
SFIXED64 = Struct("<q").pack
FIXED32 = Struct("<I").pack
_VARINTS = tuple(bytes([n]) if n < 128 else bytes([n & 127 | 128, n >> 7]) for n in range(16_384))
_LONGEST_KEPT = 64  # characters of a string value that may be kept
_MOST_KEPT = 256  # values a key
_MOST_KEYS = 4_096
_TRUE, _FALSE = b"\x12\x02\x10\x01", b"\x12\x02\x10\x00"


def varint(number: int) -> bytes:
    """Returns a number as a varint; a negative one as its 64-bit two's complement."""
    if 0 <= number < 16_384:
        return _VARINTS[number]
    number &= 0xFFFF_FFFF_FFFF_FFFF
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def message(tag: bytes, body: bytes) -> bytes:
    """Returns a length-delimited field: tag, length, body."""
    return b"%b%b%b" % (tag, varint(len(body)), body)


def text(tag: bytes, value: str) -> bytes:
    """Returns a string field; nothing where the string is empty, which is its default."""
    return message(tag, utf8(value)) if value else b""


def utf8(value: str) -> bytes:
    """Returns UTF-8; what it cannot hold (lone surrogates) becomes a question mark."""
    try:
        return value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-8", "replace")


def any_value(value: Any) -> bytes:
    """Returns the body of an `AnyValue`; empty for None."""
    kind = type(value)
    if kind is str:
        return message(b"\x0a", utf8(value))
    if kind is bool:
        return b"\x10\x01" if value else b"\x10\x00"
    if kind is int:
        return b"\x18" + varint(value) if -(2**63) <= value < 2**63 else any_value(str(value))
    if kind is float:
        return b"\x21" + _DOUBLE(value)
    return _unusual_value(value)


def _unusual_value(value: Any) -> bytes:
    if value is None:
        return b""
    body: bytes
    match value:
        case str():  # a subclass, such as an enumeration's member
            body = any_value(str.__str__(value))
        case int():
            body = any_value(int(value))
        case float():
            body = any_value(float(value))
        case bytes():
            body = message(b"\x3a", value)
        case Mapping():
            body = message(b"\x32", attributes(b"\x0a", value))
        case Sequence():
            body = message(b"\x2a", b"".join([message(b"\x0a", any_value(v)) for v in value]))
        case _:
            body = any_value(str(value))
    return body


class _Key:
    """A key's own bytes, and whole `KeyValue` bodies for values that were seen before."""

    __slots__ = ("false", "head", "texts", "true")

    def __init__(self, name: str) -> None:
        self.head = message(b"\x0a", utf8(name))
        self.true, self.false = self._whole(_TRUE), self._whole(_FALSE)
        self.texts: dict[str, bytes] = {}

    def _whole(self, value: bytes) -> bytes:
        return varint(len(self.head) + len(value)) + self.head + value

    def value(self, value: Any) -> bytes:
        """Returns length and body of a `KeyValue` with this key."""
        if value is True:
            return self.true
        if value is False:
            return self.false
        body = any_value(value)
        whole = self._whole(b"\x12" + varint(len(body)) + body)
        if type(value) is str and len(value) <= _LONGEST_KEPT:
            if len(self.texts) >= _MOST_KEPT:
                self.texts.clear()
            self.texts[value] = whole
        return whole


_keys: dict[str, _Key] = {}


def _key(name: str) -> _Key:
    found = _keys.get(name)
    if found is None:
        if len(_keys) >= _MOST_KEYS:
            _keys.clear()
        found = _keys[name] = _Key(name)
    return found


def attributes(tag: bytes, given: Mapping[Any, Any]) -> bytes:
    """Returns the attributes as repeated `KeyValue` fields with this tag.

    Args:
        tag: field number and wire type.
        given: clean attributes: keys are strings that are not empty.
    """
    return b"".join(attribute_parts(tag, given.items()))


def attribute_parts(tag: bytes, items: Iterable[tuple[Any, Any]]) -> list[bytes]:
    """Returns pieces of bytes that, joined, are the attributes."""
    parts: list[bytes] = []
    add = parts.append
    find = _keys.get
    for name, value in items:
        key = find(name)
        if key is None:
            key = _key(name if type(name) is str else str(name))
        kept = key.texts.get(value) if type(value) is str else None
        add(tag)
        add(kept or key.value(value))
    return parts


def packed_fixed64(tag: bytes, numbers: Sequence[int]) -> bytes:
    """Returns a packed field of fixed64 numbers."""
    return message(tag, Struct(f"<{len(numbers)}Q").pack(*numbers)) if numbers else b""


def packed_double(tag: bytes, numbers: Sequence[float]) -> bytes:
    """Returns a packed field of doubles."""
    return message(tag, Struct(f"<{len(numbers)}d").pack(*numbers)) if numbers else b""


def double(tag: bytes, number: float) -> bytes:
    """Returns a field of a double."""
    return tag + _DOUBLE(number)


def read_fields(body: bytes) -> list[tuple[int, int | bytes]]:
    """Returns a message's fields as (number, value): an integer, or bytes where it has a length.

    Raises:
        ValueError: it is no message.
    """
    fields: list[tuple[int, int | bytes]] = []
    at = 0
    while at < len(body):
        key, at = _read_varint(body, at)
        wire = key & 7
        if wire == 0:
            value, at = _read_varint(body, at)
            fields.append((key >> 3, value))
            continue
        if wire == 2:
            size, at = _read_varint(body, at)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise ValueError(f"wire type {wire} at byte {at}")
        if at + size > len(body):
            raise ValueError(f"a field of {size} bytes ends after the message")
        fields.append((key >> 3, body[at : at + size]))
        at += size
    return fields


def _read_varint(body: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while at < len(body) and shift < 70:
        byte = body[at]
        at += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, at
        shift += 7
    raise ValueError(f"a number has no end at byte {at}")
