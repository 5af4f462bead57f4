"""Whether a series of blocks is back where it was, however often one looks.

Blocks are means over some seconds each. Their mean since the fix is bounded by a normal-mixture
confidence sequence (Robbins 1970; Howard et al. 2021, eq. 14), which holds at all times at once, so
looking again and again does not spoil it. Its variance is a long-run one, from the blocks before
the incident, because blocks of a running system are not independent; the error of the baseline
itself is added.

A fix takes effect some time after it is claimed. So sequences begin at several blocks after the
claim (0, 1, 2, 4, 8, ...), each with a part of the error probability.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]

ALPHA = 0.01
"""Probability of one wrong bound, ever."""
ALPHA_MEAN = 0.6 * ALPHA
ALPHA_LEVEL = 0.4 * ALPHA
"""Parts of it for the mean since the fix, and for the level that it is compared with."""
_LEVEL_Z = -float(special.ndtri(ALPHA_LEVEL))
RHO = 6.0
"""Blocks at which the sequence is tightest: some minutes of short blocks."""
LEAST_BLOCKS = 3
"""No bound rests on fewer."""
LEAST_BATCHES = 8
ALIKE = 0.2
"""Blocks that are correlated by more than this say the same twice."""
LEAST_MEMORIES = 4
"""A mean that is called recovered spans so many times what the level remembers."""
SLOW_Z, SHORT_SLOW_Z = 4.0, 2.5
"""Room for what wanders slowly, in its standard deviations: of four quarters, or of few blocks."""


@dataclass(frozen=True, slots=True)
class Spread:
    """How far single blocks scatter.

    Attributes:
        deviation: long-run standard deviation: that of a mean of n blocks is this by root n.
        batches: independent parts that it was estimated from.
        longest: more blocks than this are no better: what wanders over longer times than half the
            history was not seen in it.
        slow: standard deviation of what wanders so slowly that no mean takes it away, such as a
            wave of hours: of the quarters of the history, beyond what the above explains.
    """

    deviation: float
    batches: int
    longest: int = 1_000_000
    slow: float = 0.0

    @property
    def widened(self) -> float:
        """The deviation with room for being an estimate itself (Student's t at one in 1,000)."""
        df = max(2, self.batches - 1)
        return self.deviation * float(special.stdtrit(df, 0.999) / special.ndtri(0.999))


@dataclass(frozen=True, slots=True)
class Level:
    """A mean of blocks to compare with, and its standard error."""

    mean: float
    error: float


@dataclass(frozen=True, slots=True)
class Bound:
    """Bounds of `mean since - level` that hold at all times.

    `start` is the block from which on the mean was taken, `mean` that mean.
    """

    start: int
    mean: float
    low: float
    high: float

    @property
    def middle(self) -> float:
        """The best estimate of the difference."""
        return (self.low + self.high) / 2


def level_width(level: Level) -> float:
    """Returns how far from the truth a level may be, at its part of the error probability."""
    return _LEVEL_Z * level.error


def long_run(blocks: Floats) -> Spread:
    """Returns how far blocks scatter, at the scale of time at which they scatter most.

    The variance of means of k blocks, times k, is the same for every k where blocks are
    independent and grows with k where they are not. The largest counts.

    Args:
        blocks: values before the incident, in the order of time; NaN where there was no request.

    Example:
        >>> long_run(np.tile([1.0, -1.0], 40)).batches
        80
    """
    values = blocks[np.isfinite(blocks)]
    count = len(values)
    if count < 2:
        return Spread(math.inf, 0)
    longest = max(LEAST_BLOCKS, count // 2)
    found = Spread(float(values.std(ddof=1)), count, longest)
    k = 2
    while count // k >= LEAST_BATCHES:
        batches = values[: count // k * k].reshape(-1, k).mean(axis=1)
        deviation = float(batches.std(ddof=1)) * math.sqrt(k)
        if deviation > found.deviation:
            found = Spread(deviation, len(batches), longest)
        k *= 2
    return replace(found, slow=_slow(values, found.deviation))


def _slow(values: Floats, deviation: float) -> float:
    """Returns how far the quarters of the history differ beyond what blocks explain."""
    k = len(values) // 4
    if k < 2:
        return 0.0
    quarters = values[: 4 * k].reshape(4, k).mean(axis=1)
    return math.sqrt(max(0.0, float(quarters.var(ddof=1)) - deviation**2 / k))


def autocorrelation(blocks: Floats) -> float:
    """Returns the correlation of neighbouring blocks, 0 where there are too few."""
    known = np.isfinite(blocks)
    both = known[:-1] & known[1:]
    if both.sum() < 2 * LEAST_BATCHES:
        return 0.0
    centred = blocks - np.mean(blocks[known])
    squares = float(np.mean(centred[known] ** 2))
    return float(np.mean(centred[:-1][both] * centred[1:][both])) / squares if squares > 0 else 0.0


def memory(blocks: Floats) -> int:
    """Returns after how many blocks the level has forgotten where it was, at least 1.

    The first lag at which the correlation is no more than `ALIKE`. A wave of which the history
    holds half a period forgets after a sixth of it.

    Args:
        blocks: values before the incident, in the order of time; NaN where there was no request.

    Example:
        >>> memory(np.tile([1.0, -1.0], 20)), memory(np.sin(np.arange(60) * np.pi / 60))
        (1, 11)
    """
    values = blocks[np.isfinite(blocks)]
    values = values - values.mean()
    squares = float(values @ values)
    for lag in range(1, len(values) // 2):
        if float(values[:-lag] @ values[lag:]) <= ALIKE * squares:
            return lag
    return max(1, len(values) // 2)


def level_of(blocks: Floats, spread: Spread, *, is_short: bool = False) -> Level:
    """Returns the mean of blocks with its standard error.

    The error has room for how few independent parts the blocks hold (Student's t): one in twice
    what the level remembers. Of a few minutes (`is_short`) that cannot be told.
    """
    values = blocks[np.isfinite(blocks)]
    if not len(values):
        return Level(math.nan, math.inf)
    own = float(values.std(ddof=1)) if len(values) > 1 else math.inf
    error = max(own, spread.deviation) / math.sqrt(len(values))
    if not is_short:
        df = max(2.0, len(values) / (2 * memory(values) - 1) - 1)
        error *= float(special.stdtrit(df, 1 - ALPHA_LEVEL)) / _LEVEL_Z
    return Level(float(values.mean()), error)


def radius(count: int, deviation: float, alpha: float) -> float:
    """Returns the half width of the confidence sequence after `count` blocks.

    Example:
        >>> round(radius(6, 1.0, 0.01), 2), round(radius(600, 1.0, 0.01), 2)
        (1.82, 0.15)
    """
    n = count
    return deviation * math.sqrt(
        (n + RHO) / n**2 * (math.log((n + RHO) / RHO) - 2 * math.log(alpha))
    )


def bounds(since: Floats, spread: Spread, level: Level, *, is_short: bool = False) -> list[Bound]:
    """Returns bounds of the mean since the fix minus a level, one for each beginning.

    Args:
        since: blocks since the fix, in the order of time; NaN where there was no request.
        spread: how far blocks scatter.
        level: what they are compared with.
        is_short: whether the level rests on a few minutes only, which no room is wasted on.
    """
    found: list[Bound] = []
    levels_error = _LEVEL_Z * level.error
    start, number = 0, 0
    while start <= len(since) - LEAST_BLOCKS:
        values = since[start:]
        values = values[np.isfinite(values)]
        if len(values) >= LEAST_BLOCKS:
            alpha = ALPHA_MEAN * 6 / math.pi**2 / (number + 1) ** 2
            own = float(values.std(ddof=1)) if len(values) >= 2 * LEAST_BLOCKS else 0.0
            deviation = max(spread.widened, own)
            own_width = radius(min(len(values), spread.longest), deviation, alpha)
            width = own_width + levels_error + SLOW_Z * spread.slow
            if is_short:  # there the squares of the two errors are added, which are independent
                width = math.hypot(own_width, levels_error) + SHORT_SLOW_Z * spread.slow
            middle = float(values.mean()) - level.mean
            found.append(Bound(start, float(values.mean()), middle - width, middle + width))
        number += 1
        start = 2 ** (number - 1)
    return found


def lowest(found: list[Bound]) -> Bound | None:
    """Returns the bound that lies lowest: what can be said for the fix at best."""
    return min(found, key=lambda one: one.high, default=None)


def blocks_to_go(
    mean: float, margin: float, count: int, spread: Spread, level: Level, most: int = 5_000
) -> int:
    """Returns how many more blocks are expected until the bound passes `margin`; 0 for unknown.

    Args:
        mean: of the blocks so far minus the level; it is taken to stay so.
        margin: what the upper bound is to be below.
        count: blocks so far.
        spread: how far blocks scatter.
        level: what they are compared with.
        most: more blocks than this are as good as never.
    """
    left = max(0.0, margin - mean - SLOW_Z * spread.slow)
    room = math.sqrt(max(0.0, left**2 - level_width(level) ** 2))
    if room <= 0:
        return 0
    for more in range(1, min(most, spread.longest - count)):
        if radius(count + more, spread.widened, ALPHA_MEAN * 6 / math.pi**2) <= room:
            return more
    return 0
