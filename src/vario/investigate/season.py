"""What is usual at this time of day: the same hours of yesterday and of last week.

What rises every morning is no incident. A rise therefore has to stand beyond that of each earlier
day which is stored and was well; a day on which the service had an incident at that time says
nothing about what is usual.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from vario.investigate.reader import Reader
from vario.model.telemetry import TimeRange

Floats = NDArray[np.float64]
Series = TypeVar("Series")

DAY_NS = 86_400 * 10**9
DAYS = (1, 7)
"""So many days back: the day before, and the same day of the week."""
_SMOOTH = 5
"""Steps whose requests are taken together, so that an earlier day adds little noise."""
_LEAST_STEPS, _LEAST_TRAFFIC = 0.8, 0.2
"""Part of today's steps, and of its requests, that an earlier day must have."""


@dataclass(frozen=True, slots=True)
class EarlierDay:
    """How one series went in the same steps of an earlier day, about its own level.

    Attributes:
        days: how many days back.
        share: shape (steps,), the ratio minus that of all steps.
        level: shape (steps,), the logarithm of the ratio over that of all steps.
    """

    days: int
    share: Floats
    level: Floats

    def stretch(self, position: Floats) -> "EarlierDay":
        """Returns the same at other places, given in steps of this one."""
        at = np.arange(len(self.share), dtype=np.float64)
        return EarlierDay(
            self.days,
            np.interp(position, at, self.share),
            np.interp(position, at, self.level),
        )


def shape_of(days: int, amount: Floats, total: Floats, now: Floats) -> EarlierDay | None:
    """Returns how `amount / total` went on an earlier day, None where too little is known of it.

    Args:
        days: how many days back it was.
        amount: shape (steps,), as `total`.
        total: requests, or what else it is a share of.
        now: the total of today's steps.

    Example:
        >>> ones = np.ones(12)
        >>> shape_of(1, np.repeat([1.0, 3.0], 6), 10 * ones, 10 * ones).share.round(1)[[0, -1]]
        array([-0.1,  0.1])
        >>> shape_of(1, ones, 0.1 * ones, 10 * ones) is None
        True
    """
    busy = now > 0
    if total.sum() < _LEAST_TRAFFIC * now.sum() or not busy.any():
        return None
    if (total[busy] > 0).mean() < _LEAST_STEPS:
        return None
    kernel = np.ones(min(_SMOOTH, len(total)))
    smooth = np.convolve(amount, kernel, "same"), np.convolve(total, kernel, "same")
    known = smooth[1] > 0
    at = np.arange(len(total))
    ratio = np.interp(at, at[known], smooth[0][known] / smooth[1][known])
    whole = float(amount.sum() / total.sum())
    floor = max(whole, 1e-12) * 1e-3
    return EarlierDay(days, ratio - whole, np.log(np.maximum(ratio, floor) / max(whole, 1e-12)))


def find_days(
    reader: Reader,
    service: str,
    window: TimeRange,
    read: Callable[[int, TimeRange], Series | None],
) -> list[Series]:
    """Returns what `read` gives for the same time of those earlier days that were well.

    Args:
        reader: what may be read.
        service: whose incidents are looked for; empty for those of all.
        window: today's.
        read: is given how many days back, and the window there.
    """
    found: list[Series] = []
    for days in DAYS:
        start_ns = window.start_ns - days * DAY_NS
        if start_ns < 0:
            continue
        earlier = TimeRange(start_ns, start_ns + window.duration_ns)
        known = reader.store.find_incidents(earlier, service=service, limit=20)
        if any(one.investigation is None or one.investigation.verdict != "no_change"
               for one in known):  # fmt: skip
            continue
        series = read(days, earlier)
        if series is not None:
            found.append(series)
    return found


def rise_of(shape: Floats, mask: NDArray[np.bool_]) -> float:
    """Returns by how much a shape is higher where `mask` holds than elsewhere."""
    if mask.all() or not mask.any():
        return 0.0
    return float(shape[mask].mean() - shape[~mask].mean())


def say_days(days: Sequence[int]) -> str:
    """Returns in words which days were compared with.

    Example:
        >>> say_days((1, 7))
        'the same time the day before and a week before'
    """
    names = {1: "the day before", 7: "a week before"}
    return f"the same time {' and '.join(names[one] for one in days)}"
