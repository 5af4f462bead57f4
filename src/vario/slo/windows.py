"""Burn-rate windows as data, and how they fit other periods.

Source: The Site Reliability Workbook, chapter 5, table 5-8 and "Multiwindow, Multi-Burn-Rate
Alerts": a page at 2 % of a 30-day budget in 1 h and 5 % in 6 h, a ticket at 10 % in 1 d and in 3 d,
each with a short window of a twelfth, so that an alert ends soon after its cause.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

from vario.slo.hours import Hours

MINUTE_S = 60
HOUR_S = 3600
DAY_S = 86_400
TABLE_PERIOD_S = 30 * DAY_S


@dataclass(frozen=True, slots=True)
class BurnWindow:
    """Alerts where both windows burn at least `factor` times faster than the budget allows.

    `budget` is the share of the budget that is spent when the long window burns just so fast.
    """

    severity: Literal["page", "ticket"]
    budget: float
    long_s: int
    short_s: int
    factor: float
    for_s: int = 0


TABLE = (
    BurnWindow("page", 0.02, HOUR_S, 5 * MINUTE_S, 14.4),
    BurnWindow("page", 0.05, 6 * HOUR_S, 30 * MINUTE_S, 6.0),
    BurnWindow("ticket", 0.10, DAY_S, 2 * HOUR_S, 3.0),
    BurnWindow("ticket", 0.10, 3 * DAY_S, 6 * HOUR_S, 1.0),
)
"""For 30 days."""

_NEAR_S = (28 * DAY_S, 31 * DAY_S)
_SHORTEST_S = 2 * MINUTE_S


def plan_windows(
    period_s: int, hours: Hours | None = None, *, most: float = math.inf
) -> tuple[BurnWindow, ...]:
    """Returns the burn-rate alerts of a period, none with a factor above `most`.

    For 28 to 31 days the windows stay and the factor is what spends the same share of the budget
    (13.44 instead of 14.4 for 28 days). For other periods the windows grow or shrink with the
    period and the factors stay. Where only some hours count, an hour is more of the budget: the
    factor is what spends the same share in the hours that count, and never below 1.

    >>> [(w.long_s, w.short_s, w.factor) for w in plan_windows(7 * 86_400)][0]
    (840, 120, 14.4)
    """
    if _NEAR_S[0] <= period_s <= _NEAR_S[1]:
        planned = tuple(replace(w, factor=round(w.budget * period_s / w.long_s, 6)) for w in TABLE)
    else:
        planned = tuple(_scaled(w, period_s) for w in TABLE)
    if hours is not None:
        planned = _in_hours(planned, period_s, hours)
    return tuple(_capped(w, round(most, 6)) for w in planned)


def _capped(window: BurnWindow, most: float) -> BurnWindow:
    factor = min(window.factor, most)
    return replace(window, factor=factor, budget=round(window.budget * factor / window.factor, 9))


def _in_hours(
    planned: tuple[BurnWindow, ...], period_s: int, hours: Hours
) -> tuple[BurnWindow, ...]:
    open_s = period_s * hours.open_share
    return tuple(
        replace(w, factor=max(1.0, round(w.budget * open_s / hours.open_within(w.long_s), 6)))
        for w in planned
    )


def _scaled(window: BurnWindow, period_s: int) -> BurnWindow:
    long_s = _whole_minutes(window.long_s * period_s / TABLE_PERIOD_S)
    short_s = _whole_minutes(window.short_s * period_s / TABLE_PERIOD_S)
    return BurnWindow(window.severity, window.budget, long_s, short_s, window.factor)


def _whole_minutes(seconds: float) -> int:
    return max(_SHORTEST_S, round(seconds / MINUTE_S) * MINUTE_S)
