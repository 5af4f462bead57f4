"""Prometheus' text format 0.0.4, read as leniently as Prometheus reads it."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vario.errors import BadData
from vario.wire.exposition.model import (
    NO_TIME,
    Exposition,
    Family,
    Known,
    MetricType,
)
from vario.wire.exposition.numbers import NUMBER, read_values
from vario.wire.exposition.series import METRIC_NAME, QUOTED, label_series, unescape

TYPES: dict[str, MetricType] = {
    "counter": "counter",
    "gauge": "gauge",
    "histogram": "histogram",
    "summary": "summary",
    "untyped": "unknown",
}

_BLANKS = r"[ \t]*+"
# Braces are matched loosely here and decoded once for each distinct series (`decode_series`).
_BRACES = r'\{(?:[^"}\n]++|"(?:[^"\\]|\\.)*+")*+\}'
_LINE = re.compile(
    rf"""
    {_BLANKS}
    (?:
      ({METRIC_NAME}(?:{_BLANKS}{_BRACES})?+|{_BRACES}){_BLANKS}
      ({NUMBER})(?:[ \t]++(-?[0-9]++))?+{_BLANKS}(?:\n|\Z)
    |
      \#[ \t]++(HELP|TYPE)[ \t]++({METRIC_NAME}|{QUOTED})(?=[ \t\n]|\Z)([^\n]*+)(?:\n|\Z)
    |
      \#(?![ \t]++(?:HELP|TYPE)[ \t])[^\n]*+(?:\n|\Z)
    |
      \n
    |
      ([^\n]++)(?:\n|\Z)
    )
    """,
    re.VERBOSE | re.DOTALL,
)


def parse_text(body: bytes, known: Known = ()) -> Exposition:
    """Returns what a body in Prometheus' text format 0.0.4 says.

    Args:
        body: the response's body, decompressed.
        known: texts of series whose labels need not be decoded.

    Raises:
        BadData: a line is malformed (with its number), or text in it is not UTF-8.
    """
    text = decode_utf8(body)
    rows = find_lines(_LINE, text)
    if not rows:
        return Exposition((), (), np.empty(0), np.empty(0, np.int64), {})
    series, values, times, kinds, names, rests, bad = zip(*rows, strict=True)
    if any(bad):
        at = next(i for i, line in enumerate(bad) if line)
        raise BadData(f"line {line_of(_LINE, text, at)} is not a sample: {bad[at][:200]!r}")
    families, family_of = _read_metadata(kinds, names, rests)
    samples = [i for i, item in enumerate(series) if item]
    keys = tuple(series[i] for i in samples)
    in_force = [family_of[i] for i in samples]
    return Exposition(
        families=families,
        series=keys,
        values=read_values([values[i] for i in samples]),
        times_ms=_read_times([times[i] for i in samples]),
        labels=label_series(keys, in_force, families, known, openmetrics=False),
    )


def _read_times(texts: Sequence[str]) -> NDArray[np.int64]:
    times = [int(text) if text else NO_TIME for text in texts]
    try:
        return np.array(times, dtype=np.int64)
    except OverflowError:
        farthest = max(times, key=abs)
        raise BadData(f"the time {farthest} of a sample does not fit into 64 bits") from None


def decode_utf8(body: bytes) -> str:
    """Returns the body as text.

    Raises:
        BadData: it is not UTF-8; the message says where.
    """
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise BadData(f"line {line} is not valid UTF-8") from error


CHUNK_CHARACTERS = 1 << 18
"""How much one call of the regular expression reads: 3 to 5 ms, during which no thread runs."""


def find_lines(pattern: re.Pattern[str], text: str) -> list[Any]:
    """Returns what `pattern.findall` does for whole lines, letting other threads run meanwhile.

    Args:
        pattern: matches a line at a time; its last group holds what is not a line.
        text: the lines.
    """
    rows: list[Any] = []
    start = 0
    while start < len(text):
        end = text.find("\n", start + CHUNK_CHARACTERS) + 1 or len(text)
        found = pattern.findall(text, start, end)
        if end < len(text) and any(row[-1] for row in found):
            # A quoted line break may be where the text was cut; the whole tells.
            return pattern.findall(text)
        rows += found
        start = end
    return rows


def line_of(pattern: re.Pattern[str], text: str, index: int) -> int:
    """Returns the number, from 1, of the line at which match `index` of `pattern` begins."""
    for i, match in enumerate(pattern.finditer(text)):
        if i == index:
            return text.count("\n", 0, match.start()) + 1
    return 0


def _read_metadata(
    kinds: tuple[str, ...], names: tuple[str, ...], rests: tuple[str, ...]
) -> tuple[tuple[Family, ...], list[int]]:
    """Returns the families, and for each line the index of the last TYPE line's, or -1."""
    families: list[Family] = []
    index: dict[str, int] = {}
    typed = [0] * len(kinds)
    current = -1
    for row, kind in enumerate(kinds):
        if kind:
            name = unescape(names[row].strip('"'))
            at = index.setdefault(name, len(families))
            if at == len(families):
                families.append(Family(name))
            if kind == "TYPE":
                families[at] = replace(families[at], type=_read_type(name, rests[row].strip()))
                current = at
            else:
                families[at] = replace(families[at], help=unescape(rests[row][1:], quotes=False))
        typed[row] = current
    return tuple(families), typed


def _read_type(name: str, word: str) -> MetricType:
    if word not in TYPES:
        raise BadData(f"metric {name} has the unknown type {word!r}; known: {', '.join(TYPES)}")
    return TYPES[word]
