"""Query parameters that several endpoints share: times, steps, limits, filters."""

import re
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Query

from vario.api.context import CurrentContext
from vario.errors import BadData
from vario.model.telemetry import TimeRange
from vario.query.durations import parse_duration_ns
from vario.query.steps import MAX_STEPS, SECOND_NS, choose_step_ns

MAX_TIME_NS = 2**63 - 1
_NUMBER = re.compile(r"(\d{1,18})(?:\.(\d{1,18}))?", re.ASCII)
_NOW = re.compile(r"now(?:\s*([+-])\s*(\S+))?", re.ASCII)
_FORMS = "write Unix seconds, an RFC 3339 time such as 2026-01-02T03:04:05Z, or now-15m"


def parse_time_ns(name: str, text: str, now_ns: int) -> int:
    """Returns a time in nanoseconds since the epoch.

    Args:
        name: the parameter, for the message of an error.
        text: Unix seconds (`1767225600.5`), RFC 3339, or `now`, `now-15m`.
        now_ns: the time that `now` means.

    Raises:
        BadData: the text is no time, or lies outside the years 1970 to 2262.
    """
    try:
        time_ns = _parse_time_ns(text.strip(), now_ns)
    except ValueError:
        raise BadData(f"{name}: {text!r} is no time; {_FORMS}") from None
    if not 0 <= time_ns <= MAX_TIME_NS:
        raise BadData(f"{name}: {text!r} lies outside the years 1970 to 2262")
    return time_ns


def _parse_time_ns(text: str, now_ns: int) -> int:
    if number := _NUMBER.fullmatch(text):
        # Decimal digits, not a float: a float of today's seconds resolves 200 ns only.
        fraction = (number.group(2) or "").ljust(9, "0")[:9]
        return int(number.group(1)) * SECOND_NS + int(fraction)
    if relative := _NOW.fullmatch(text):
        sign, duration = relative.groups()
        offset_ns = parse_duration_ns(duration) if duration else 0
        return now_ns - offset_ns if sign == "-" else now_ns + offset_ns
    # A "+" of an offset that was not percent-encoded arrives as a space.
    moment = datetime.fromisoformat(re.sub(r" (?=\d\d:?\d\d$)", "+", text))
    if moment.tzinfo is None:
        raise ValueError(text)
    whole = int(moment.replace(microsecond=0).timestamp())
    return whole * SECOND_NS + moment.microsecond * 1000


def parse_step_ns(text: str) -> int:
    """Returns a step in nanoseconds from seconds (`15`, `0.5`) or a duration (`15s`).

    Raises:
        BadData: the text is neither, or the step is not positive.
    """
    try:
        if number := _NUMBER.fullmatch(text.strip()):
            step_ns = _parse_time_ns(number.group(), 0)
        else:
            step_ns = parse_duration_ns(text.strip())
    except ValueError:
        remedy = "write seconds, or a duration such as 15s"
        raise BadData(f"step: {text!r} is no step; {remedy}") from None
    if step_ns <= 0:
        raise BadData(f"step: {text!r} is not positive")
    return step_ns


def parse_window(start: str, end: str, now_ns: int) -> TimeRange:
    """Returns the time range `[start, end)`.

    Raises:
        BadData: a time cannot be read, or the range is empty.
    """
    window = TimeRange(parse_time_ns("start", start, now_ns), parse_time_ns("end", end, now_ns))
    if window.duration_ns <= 0:
        raise BadData(f"start ({start}) must be before end ({end})")
    return window


async def read_window(
    context: CurrentContext,
    start: Annotated[
        str, Query(description="Unix seconds, RFC 3339, or now-15m", max_length=64)
    ] = "now-1h",
    end: Annotated[str, Query(description="as start; exclusive", max_length=64)] = "now",
) -> TimeRange:
    """Returns the time range of a request, the last hour by default.

    Raises:
        BadData: a time cannot be read, or the range is empty.
    """
    return parse_window(start, end, context.clock.now_ns())


Window = Annotated[TimeRange, Depends(read_window)]


async def read_step_ns(
    window: Window,
    step: Annotated[
        str | None, Query(description="seconds or 15s; default by the window", max_length=64)
    ] = None,
) -> int:
    """Returns the step of a request in nanoseconds.

    Raises:
        BadData: the step cannot be read, or the range holds too many of it.
    """
    if not step:
        return choose_step_ns(window)
    step_ns = parse_step_ns(step)
    if window.duration_ns > step_ns * MAX_STEPS:
        raise BadData(f"step: {step} gives more than {MAX_STEPS} steps; widen it")
    return step_ns


StepNs = Annotated[int, Depends(read_step_ns)]
FilterText = Annotated[
    str, Query(alias="filter", description="the filter grammar; empty matches all")
]
