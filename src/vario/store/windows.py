"""Time ranges and steps in SQL, as the readers of traces and logs share them."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from vario.model.telemetry import TimeRange

IN_WINDOW = (
    "Timestamp >= fromUnixTimestamp64Nano({start_ns:Int64})"
    " AND Timestamp < fromUnixTimestamp64Nano({end_ns:Int64})"
)
"""Condition on `Timestamp`, with the parameters of `bind_window`."""

_FIRST_PART_NS = 60 * 10**9

# The tables' whole seconds are 32 bits wide.
_LAST_SECOND = 2**32 - 1

LOGS_IN_WINDOW = (
    f"{IN_WINDOW} AND TimestampTime >= toDateTime({{start_s:UInt32}})"
    " AND TimestampTime <= toDateTime({end_s:UInt32})"
)
"""The same for logs, whose keys are over the whole second in `TimestampTime`."""

LOGS_AT_TIMES = (
    "TimestampTime IN (SELECT toDateTime(arrayJoin({seconds:Array(UInt32)})))"
    " AND Timestamp IN (SELECT fromUnixTimestamp64Nano(arrayJoin({times_ns:Array(Int64)})))"
)
"""Condition on a few instants, with the parameters of `bind_times`."""

STEP = "intDiv(toUnixTimestamp64Nano(Timestamp) - {start_ns:Int64}, {step_ns:Int64})"
"""Index of the step that a row falls into."""


def bind_window(window: TimeRange, step_ns: int | None = None) -> dict[str, Any]:
    """Returns the parameters of the conditions above."""
    params: dict[str, Any] = {
        "start_ns": window.start_ns,
        "end_ns": window.end_ns,
        "start_s": min(window.start_ns // 10**9, _LAST_SECOND),
        "end_s": min(window.end_ns // 10**9, _LAST_SECOND),
    }
    if step_ns is not None:
        params["step_ns"] = step_ns
    return params


def bind_times(times_ns: Sequence[int]) -> dict[str, Any]:
    """Returns the parameters of `LOGS_AT_TIMES`."""
    return {
        "times_ns": sorted(set(times_ns)),
        "seconds": sorted({min(time_ns // 10**9, _LAST_SECOND) for time_ns in times_ns}),
    }


def split_newest_first(window: TimeRange) -> Iterator[TimeRange]:
    """Yields the parts of a window from its end to its start, each eight times as long.

    A search for the newest few then stops early where matches are common, and reads little twice
    where they are rare (5 M spans of 6 h, filter over an attribute: 45 ms, not 310).
    """
    length_ns, end_ns = _FIRST_PART_NS, window.end_ns
    while end_ns > window.start_ns:
        start_ns = max(window.start_ns, end_ns - length_ns)
        yield TimeRange(start_ns, end_ns)
        length_ns, end_ns = length_ns * 8, start_ns


def step_starts(window: TimeRange, step_ns: int) -> Iterable[int]:
    """Returns the start of each step of a window; the last step may be shorter."""
    return range(window.start_ns, window.end_ns, step_ns)
