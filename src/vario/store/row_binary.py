"""ClickHouse's RowBinary format: rows as bytes, a series' labels written once for all its rows."""

import struct
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

_SHORT = tuple(bytes((number,)) for number in range(0x80))


def varint(number: int) -> bytes:
    """Returns an unsigned LEB128 number, as lengths are written.

    >>> varint(300).hex()
    'ac02'
    """
    if number < len(_SHORT):
        return _SHORT[number]
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)


def text(value: str) -> bytes:
    """Returns a String; what is not UTF-8 keeps its bytes."""
    data = value.encode("utf-8", "surrogateescape")
    return varint(len(data)) + data


def text_map(labels: Mapping[str, str]) -> bytes:
    """Returns a Map(String, String)."""
    pairs = (text(name) + text(value) for name, value in labels.items())
    return varint(len(labels)) + b"".join(pairs)


def floats(values: Sequence[float]) -> bytes:
    """Returns an Array(Float64)."""
    return varint(len(values)) + struct.pack(f"<{len(values)}d", *values)


def header(names: Sequence[str]) -> bytes:
    """Returns the first bytes of RowBinaryWithNames."""
    return varint(len(names)) + b"".join(map(text, names))


def repeat_prefix(
    prefix: bytes, ts_ms: NDArray[np.int64], values: NDArray[np.float64], suffix: bytes
) -> bytes:
    """Returns rows of `prefix, DateTime64(3), Float64, suffix`, one for each sample."""
    row = np.dtype(
        [
            ("prefix", "u1", (len(prefix),)),
            ("ts", "<i8"),
            ("value", "<u8"),
            ("suffix", "u1", (len(suffix),)),
        ]
    )
    rows = np.empty(len(ts_ms), dtype=row)
    rows["prefix"] = np.frombuffer(prefix, dtype=np.uint8)
    rows["ts"] = ts_ms
    # As integers, so that no bit of a NaN changes.
    rows["value"] = np.ascontiguousarray(values).view(np.uint64)
    rows["suffix"] = np.frombuffer(suffix, dtype=np.uint8)
    return rows.tobytes()
