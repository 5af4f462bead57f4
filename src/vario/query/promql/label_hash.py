"""The hash of a label set that limit_ratio samples by: xxHash64 over Prometheus' encoding."""

import struct

from vario.query.promql.matching import LabelSet

_P1, _P2, _P3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
_P4, _P5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5
_MASK = (1 << 64) - 1


def hash_labels(labels: LabelSet) -> int:
    """Returns the 64-bit hash of a label set (model/labels, the `stringlabels` layout)."""
    data = b"".join(
        _sized(text.encode("utf-8", "surrogateescape")) for pair in labels for text in pair
    )
    return xxhash64(data)


def _sized(data: bytes) -> bytes:
    size = len(data)
    prefix = bytes((size,)) if size < 255 else b"\xff" + size.to_bytes(3, "little")
    return prefix + data


def _rotate(value: int, by: int) -> int:
    return ((value << by) | (value >> (64 - by))) & _MASK


def _round(lane: int, word: int) -> int:
    return _rotate((lane + word * _P2) & _MASK, 31) * _P1 & _MASK


def xxhash64(data: bytes) -> int:
    """Returns xxHash64 of bytes with seed 0.

    >>> hex(xxhash64(b""))
    '0xef46db3751d8e999'
    """
    size, at = len(data), 0
    if size >= 32:
        lanes = [(_P1 + _P2) & _MASK, _P2, 0, -_P1 & _MASK]
        while at + 32 <= size:
            words = struct.unpack_from("<4Q", data, at)
            lanes = [_round(lane, word) for lane, word in zip(lanes, words, strict=True)]
            at += 32
        result = sum(map(_rotate, lanes, (1, 7, 12, 18))) & _MASK
        for lane in lanes:
            result = ((result ^ _round(0, lane)) * _P1 + _P4) & _MASK
    else:
        result = _P5
    result = (result + size) & _MASK
    while at + 8 <= size:
        result ^= _round(0, struct.unpack_from("<Q", data, at)[0])
        result = (_rotate(result, 27) * _P1 + _P4) & _MASK
        at += 8
    if at + 4 <= size:
        result ^= struct.unpack_from("<I", data, at)[0] * _P1 & _MASK
        result = (_rotate(result, 23) * _P2 + _P3) & _MASK
        at += 4
    for byte in data[at:]:
        result = _rotate(result ^ byte * _P5 & _MASK, 11) * _P1 & _MASK
    result = (result ^ result >> 33) * _P2 & _MASK
    result = (result ^ result >> 29) * _P3 & _MASK
    return result ^ result >> 32
