"""Values and ids of OTLP as RowBinary, in the words that the views of `sql/ingest` use."""

import struct
from base64 import b64encode
from binascii import hexlify
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from vario.store.macros import END_NS
from vario.store.row_binary import text, varint

_DOUBLE = struct.Struct("<d")
_END_MS = END_NS // 1_000_000


class NotPlain(Exception):
    """What is in a request is left to the engine."""


class Texts(dict[str, bytes]):
    """Strings of one request as RowBinary; most of them come many times."""

    def __missing__(self, value: str) -> bytes:
        encoded = self[value] = text(value)
        return encoded


def value_text(value: Any) -> str:
    """Returns an `AnyValue` as text.

    Raises:
        NotPlain: it is an array or a list of pairs.
    """
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return value.string_value
    if kind is None:
        return ""
    if kind == "int_value":
        return str(value.int_value)
    if kind == "double_value":
        return double_text(value.double_value)
    if kind == "bool_value":
        return "true" if value.bool_value else "false"
    if kind == "bytes_value":
        return b64encode(value.bytes_value).decode("ascii")
    raise NotPlain


def double_text(number: float) -> str:
    """Returns a number in the engine's words: as short as can be, no exponent from 1e-6 to 1e21.

    Example:
        >>> double_text(1.0), double_text(1.5e-5), double_text(1e-7), double_text(-1e300)
        ('1', '0.000015', '1e-7', '-1e300')
    """
    written = repr(number)
    if written.endswith(".0"):
        return written[:-2]
    digits, _, power = written.partition("e")
    if not power:
        return written
    if -7 < int(power) < 21:
        return format(Decimal(written), "f")
    return f"{digits}e{int(power)}"


def pairs(attributes: Iterable[Any]) -> list[tuple[str, str]]:
    """Returns a list of `KeyValue` as keys and texts.

    Raises:
        NotPlain: a value is an array or a list of pairs.
    """
    return [(pair.key, value_text(pair.value)) for pair in attributes]


def pairs_map(found: Sequence[tuple[str, str]], texts: Texts) -> bytes:
    """Returns keys and texts as a Map(String, String)."""
    return varint(len(found)) + b"".join([texts[key] + texts[value] for key, value in found])


def first_of(found: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Returns the first text of each key, which is what the engine finds in a map."""
    return dict(reversed(found))


def id_text(raw: bytes) -> bytes:
    """Returns an id as the String of its hexadecimal digits."""
    return varint(2 * len(raw)) + hexlify(raw)


def storable_ns(time_ns: int) -> int:
    """Returns a time that every table can hold.

    Raises:
        NotPlain: there is no time; now is, when the engine writes it.
    """
    if not time_ns:
        raise NotPlain
    return min(time_ns, END_NS)


def storable_ms(time_ns: int) -> int:
    """Returns a time in milliseconds that every table can hold."""
    return min(time_ns // 1_000_000, _END_MS)


def array(items: list[bytes]) -> bytes:
    """Returns an Array of encoded items."""
    return varint(len(items)) + b"".join(items)
