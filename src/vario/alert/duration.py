"""Durations of rule files, with Prometheus' words for what is wrong with one."""

import re

from vario.query.promql import literals

_UNITS = frozenset({"y", "w", "d", "h", "m", "s", "ms"})
_PART = re.compile(r"[0-9]+([^0-9]+)", re.ASCII)


def parse_duration_ms(text: str) -> int:
    """Returns a duration such as `1h30m` in milliseconds.

    Raises:
        ValueError: it is none; the message is Prometheus'.

    >>> parse_duration_ms("1h30m")
    5400000
    """
    if not text:
        raise ValueError("empty duration string")
    try:
        return literals.parse_duration_ms(text)
    except ValueError:
        at = 0
        while part := _PART.match(text, at):
            if part[1] not in _UNITS:
                shown = f'unknown unit "{part[1]}" in duration "{text}"'
                raise ValueError(shown) from None
            at = part.end()
        raise
