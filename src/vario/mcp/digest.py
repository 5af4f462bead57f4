"""Answers made small enough for a model to read, saying what was left out."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

import orjson

MAX_BYTES = 12_000
"""Of an answer as JSON: about 4,000 tokens."""

_STEPS = ((50, 400), (20, 300), (10, 200), (5, 120), (2, 80))
"""How many entries of a list and characters of a text are kept, more of them first."""


def shrink(answer: Any) -> Any:
    """Returns JSON's types with at most `MAX_BYTES`, as much of them as fits.

    Numbers keep four significant digits, fields that hold nothing go, lists and texts are cut
    where it is needed and then say how much is missing.
    """
    cut = answer
    for entries, characters in _STEPS:
        cut = _cut(answer, entries, characters)
        if len(orjson.dumps(cut)) <= MAX_BYTES:
            return cut
    return {"too_large": "ask for less: a shorter window, a filter or a smaller limit"}


def _cut(value: Any, entries: int, characters: int) -> Any:
    if isinstance(value, Mapping):
        found = cast("Mapping[str, Any]", value)
        return {
            key: _cut(held, entries, characters)
            for key, held in found.items()
            if held not in (None, "", [], {})
        }
    if isinstance(value, str):
        more = len(value) - characters
        return value if more <= 0 else f"{value[:characters]}... ({more} more characters)"
    if isinstance(value, Sequence):
        listed = cast("Sequence[Any]", value)
        kept = [_cut(one, entries, characters) for one in listed[:entries]]
        more = len(listed) - entries
        return kept if more <= 0 else [*kept, f"... and {more} more"]
    if isinstance(value, float):
        return _round(value)
    return value


def _round(value: float) -> float:
    # A time in seconds since the epoch would lose its hour.
    if not math.isfinite(value) or value == 0 or abs(value) >= 1e6:
        return value
    return round(value, 3 - math.floor(math.log10(abs(value))))
