"""What commands print: tables, times, durations, sparklines."""

import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from vario.errors import BadData

_BARS = "▁▂▃▄▅▆▇█"
_COLOURS = {
    "ok": "green",
    "warning": "yellow",
    "failed": "red",
    "error": "red",
    "FATAL": "red",
    "ERROR": "red",
    "WARN": "yellow",
}


def paint(text: str, state: str) -> str:
    """Returns `text` in the colour of a state (a check's status, a severity), if it has one."""
    colour = _COLOURS.get(state)
    return click.style(text, fg=colour) if colour else text


def save(path: Path, text: str) -> None:
    """Writes a file that the command line named.

    Raises:
        BadData: it cannot be written there.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadData(f"{path} cannot be written: {error.strerror or error}") from error


def print_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints rows in aligned columns; the last column is not padded."""
    table = [list(headers), *(list(row) for row in rows)]
    widths = [max(_width(row[i]) for row in table) for i in range(len(headers))]
    for number, row in enumerate(table):
        cells = [
            cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)
        ]
        line = "  ".join(cells).rstrip()
        click.echo(click.style(line, bold=True) if number == 0 else line)


def format_time(nanoseconds: str | int) -> str:
    """Returns a time as UTC with milliseconds, `2026-01-01 12:00:00.000`."""
    milliseconds = int(nanoseconds) // 1_000_000
    moment = datetime.fromtimestamp(milliseconds // 1000, UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{milliseconds % 1000:03d}"


def format_duration(seconds: float) -> str:
    """Returns a duration in the unit that suits it.

    Example:
        >>> format_duration(0.0123), format_duration(75.0), format_duration(0.0000042)
        ('12.3ms', '1m15s', '4.2us')
    """
    if seconds >= 60:
        return f"{int(seconds // 60)}m{seconds % 60:.0f}s"
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g}{unit}"
    return f"{seconds * 1e9:.3g}ns"


def sparkline(values: Sequence[float]) -> str:
    """Returns values as bars, the smallest lowest; values that are no number as a gap.

    Example:
        >>> sparkline([0, 1, 2, float("nan"), 7])
        '▁▂▃ █'
    """
    numbers = [value for value in values if abs(value) < float("inf")]
    if not numbers:
        return " " * len(values)
    low, high = min(numbers), max(numbers)
    step = (high - low) / (len(_BARS) - 1) or 1.0
    return "".join(
        _BARS[round((value - low) / step)] if abs(value) < float("inf") else " " for value in values
    )


def _width(text: str) -> int:
    """Returns how many columns a text takes, colours aside."""
    plain = click.unstyle(text)
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in plain)
