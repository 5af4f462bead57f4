"""Durations as people write them: `200ms`, `1.5s`, `2m`, `1h30m`."""

import re
from fractions import Fraction

_UNIT_NS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60 * 1_000_000_000,
    "h": 3600 * 1_000_000_000,
    "d": 86400 * 1_000_000_000,
}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|μs|ms|s|m|h|d)", re.ASCII)
_WHOLE = re.compile(rf"(?:{_PART.pattern})+", re.ASCII)

MAX_DURATION_NS = 2**63 - 1


def is_duration(text: str) -> bool:
    """Returns whether `text` is written as a duration, however long it is."""
    return _WHOLE.fullmatch(text) is not None


def parse_duration_ns(text: str) -> int:
    """Returns a duration in nanoseconds.

    Args:
        text: numbers with units, such as `1.5s` or `1h30m`; units are ns, us, ms, s, m, h and d.

    Raises:
        ValueError: the text is no duration, or is longer than 292 years.

    >>> parse_duration_ns("1.5s")
    1500000000
    """
    if not is_duration(text):
        raise ValueError(f"{text!r} is no duration; write one such as 200ms, 1.5s, 2m or 1h30m")
    total = sum(Fraction(number) * _UNIT_NS[unit] for number, unit in _PART.findall(text))
    if total > MAX_DURATION_NS:
        raise ValueError(f"{text} is longer than 292 years; write a shorter one")
    return round(total)


def format_duration_ns(duration_ns: int) -> str:
    """Returns the shortest single-unit text that parses back to the same duration.

    >>> format_duration_ns(200_000_000)
    '200ms'
    """
    for unit in ("d", "h", "m", "s", "ms", "us"):
        if duration_ns and duration_ns % _UNIT_NS[unit] == 0:
            return f"{duration_ns // _UNIT_NS[unit]}{unit}"
    return f"{duration_ns}ns"
