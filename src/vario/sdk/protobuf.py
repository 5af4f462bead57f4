"""Protocol Buffers as concatenation: the few shapes that OTLP is made of.

Source: https://protobuf.dev/programming-guides/encoding, opentelemetry-proto 1.9. What repeats
(keys, short strings, small lengths) is encoded once and kept.
"""

from collections.abc import Mapping, Sequence
from struct import Struct
from typing import Any

_DOUBLE = Struct("<d").pack
FIXED64 = Struct("<Q").pack
SFIXED64 = Struct("<q").pack
FIXED32 = Struct("<I").pack
SIZES = tuple(bytes([n]) if n < 128 else bytes([n & 127 | 128, n >> 7]) for n in range(16_384))
"""Small numbers as varints."""

_LONGEST_KEPT = 64  # characters of a string value that may be kept
_MOST_KEPT = 256  # values a key
_MOST_KEYS = 4_096
_TRUE, _FALSE = b"\x12\x02\x10\x01", b"\x12\x02\x10\x00"


def varint(number: int) -> bytes:
    """Returns a number as a varint; a negative one as its 64-bit two's complement."""
    if 0 <= number < 16_384:
        return SIZES[number]
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


def key_value(name: str, value: str) -> bytes:
    """Returns length and body of a `KeyValue` that holds a text: all of its field but the tag."""
    held = message(b"\x0a", utf8(value))
    return message(b"", message(b"\x0a", utf8(name)) + message(b"\x12", held))


class _Key:
    """A key's own bytes, and whole fields for values that were seen before."""

    __slots__ = ("false", "head", "integers", "tag", "texts", "true")

    def __init__(self, tag: bytes, name: str) -> None:
        self.tag = tag
        self.head = message(b"\x0a", utf8(name))
        self.true, self.false = self._whole(_TRUE), self._whole(_FALSE)
        self.texts: dict[str, bytes] = {}
        self.integers: dict[int, bytes] = {}

    def _whole(self, value: bytes) -> bytes:
        return b"%b%b%b%b" % (self.tag, varint(len(self.head) + len(value)), self.head, value)

    def field(self, value: Any) -> bytes:
        """Returns the field of a `KeyValue` with this key."""
        if value is True:
            return self.true
        if value is False:
            return self.false
        body = any_value(value)
        whole = self._whole(b"\x12%b%b" % (varint(len(body)), body))
        if type(value) is str:
            if len(value) <= _LONGEST_KEPT:
                _keep(self.texts, value, whole)
        elif type(value) is int:
            _keep(self.integers, value, whole)
        return whole


def _keep(kept: dict[Any, bytes], value: Any, whole: bytes) -> None:
    if len(kept) >= _MOST_KEPT:
        kept.clear()
    kept[value] = whole


class AttributeEncoder:
    """Attributes as repeated `KeyValue` fields with one tag; what repeats is kept."""

    __slots__ = ("_keys", "_tag")

    def __init__(self, tag: bytes) -> None:
        self._tag = tag
        self._keys: dict[Any, _Key] = {}

    def append(self, parts: list[bytes], given: Mapping[Any, Any]) -> None:
        """Appends the attributes' fields.

        Args:
            parts: where they go.
            given: clean attributes: keys are strings that are not empty.
        """
        keys = self._keys
        add = parts.append
        for name, value in given.items():
            key = keys.get(name) or self._key(name)
            kind = type(value)
            if kind is str:
                add(key.texts.get(value) or key.field(value))
            elif kind is int:
                add(key.integers.get(value) or key.field(value))
            else:
                add(key.field(value))

    def encode(self, given: Mapping[Any, Any]) -> bytes:
        """Returns the attributes' fields."""
        parts: list[bytes] = []
        self.append(parts, given)
        return b"".join(parts)

    def _key(self, name: Any) -> _Key:
        if len(self._keys) >= _MOST_KEYS:
            self._keys.clear()
        made = self._keys[name] = _Key(self._tag, name if type(name) is str else str(name))
        return made


_encoders: dict[bytes, AttributeEncoder] = {}


def attribute_encoder(tag: bytes) -> AttributeEncoder:
    """Returns the encoder of attributes with this tag."""
    found = _encoders.get(tag)
    return _encoders.setdefault(tag, AttributeEncoder(tag)) if found is None else found


def attributes(tag: bytes, given: Mapping[Any, Any]) -> bytes:
    """Returns the attributes as repeated `KeyValue` fields with this tag."""
    return attribute_encoder(tag).encode(given) if given else b""


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
