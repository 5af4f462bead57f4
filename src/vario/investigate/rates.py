"""Whether counts, shares and readings have changed: ratios and differences with their intervals.

Counts of a running system are not Poisson: they come in bursts. Every variance here is therefore
widened by what the counts of single steps show (`dispersion`), which a burst in itself fills.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]

Z95 = 1.959963984540054
FALSE_DISCOVERIES = 0.01
"""Of what one prober calls changed, at most this share is not, by the tests alone."""


@dataclass(frozen=True, slots=True)
class Change:
    """A measure before and after, with the bounds of the difference and its probability by chance.

    `ratio` lies between `ratio_low` and `ratio_high`; all bounds are 95 % ones.
    """

    before: float
    after: float
    low: float
    high: float
    ratio: float
    ratio_low: float
    ratio_high: float
    p: float


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts in steps of time, and how much they were counted over (requests, seconds)."""

    counts: Floats
    exposure: Floats

    @property
    def total(self) -> float:
        """All that was counted."""
        return float(self.counts.sum())

    @property
    def over(self) -> float:
        """All that it was counted over."""
        return float(self.exposure.sum())


def dispersion(*tallies: Tally) -> float:
    """Returns how much wider than Poisson the steps' counts scatter, each tally about its own rate.

    At least 1; Pearson's chi square by its degrees of freedom.

    Example:
        >>> even = Tally(np.array([5.0, 5, 5, 5]), np.ones(4))
        >>> burst = Tally(np.array([0.0, 0, 0, 20]), np.ones(4))
        >>> dispersion(even), dispersion(burst)
        (1.0, 20.0)
    """
    squares, freedom = 0.0, 0
    for tally in tallies:
        used = tally.exposure > 0
        if used.sum() < 2 or tally.total == 0:
            continue
        expected = tally.exposure[used] * (tally.total / tally.over)
        squares += float(((tally.counts[used] - expected) ** 2 / expected).sum())
        freedom += int(used.sum()) - 1
    return max(1.0, squares / freedom) if freedom else 1.0


def compare_rates(before: Tally, after: Tally) -> Change:
    """Returns how a rate has changed: by likelihood ratio, for there may be nothing before.

    The point estimate of the ratio has half a count added to both sides, so that it is finite.

    Example:
        >>> change = compare_rates(Tally(np.full(4, 5.0), np.full(4, 100.0)),
        ...                        Tally(np.full(4, 50.0), np.full(4, 100.0)))
        >>> change.before, change.after, round(change.ratio, 1), change.p < 1e-9
        (0.05, 0.5, 9.8, True)
        >>> new = compare_rates(Tally(np.zeros(4), np.ones(4)), Tally(np.full(4, 5.0), np.ones(4)))
        >>> round(new.ratio_low, 1), new.ratio_high, new.p < 1e-6
        (9.9, inf, True)
    """
    spread = dispersion(before, after)
    k0, k1 = before.total, after.total
    n0, n1 = max(before.over, 1e-9), max(after.over, 1e-9)
    width = Z95 * math.sqrt(spread * ((k0 + 0.5) / n0**2 + (k1 + 0.5) / n1**2))

    def departure(logarithm: float) -> float:
        """Returns the signed root of the deviance from a ratio, in standard deviations."""
        part = 1 / (1 + n0 / n1 * math.exp(-logarithm)) if logarithm > -500 else 0.0
        total = k0 + k1
        expected = total * (1 - part), total * part
        deviance = sum(
            2 * (k * math.log(k / e) if k else 0.0)
            for k, e in zip((k0, k1), (max(e, 1e-300) for e in expected), strict=True)
        )
        return math.copysign(math.sqrt(max(deviance, 0.0) / spread), k1 - expected[1])

    low = _solve(departure, Z95) if k1 else -math.inf
    high = _solve(departure, -Z95) if k0 else math.inf
    return Change(
        before=k0 / n0,
        after=k1 / n1,
        low=k1 / n1 - k0 / n0 - width,
        high=k1 / n1 - k0 / n0 + width,
        ratio=(k1 + 0.5) / n1 / ((k0 + 0.5) / n0),
        ratio_low=math.exp(low),
        ratio_high=math.exp(high),
        p=two_sided(departure(0.0)),
    )


def _solve(departure: Callable[[float], float], level: float) -> float:
    """Returns where a falling function passes a level, between e^-30 and e^30."""
    low, high = -30.0, 30.0
    for _ in range(60):
        middle = (low + high) / 2
        if departure(middle) > level:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def compare_shares(before: Tally, after: Tally) -> Change:
    """Returns how a share (counts of exposure, both in the same things) has changed.

    Agresti and Caffo's interval: one success and one failure are added to each side.

    Example:
        >>> change = compare_shares(Tally(np.full(4, 15.0), np.full(4, 100.0)),
        ...                         Tally(np.full(4, 70.0), np.full(4, 100.0)))
        >>> change.before, change.after, round(change.low, 2), round(change.high, 2)
        (0.15, 0.7, 0.49, 0.6)
    """
    spread = dispersion(before, after)
    n0, n1 = before.over / spread + 2, after.over / spread + 2
    p0, p1 = (before.total / spread + 1) / n0, (after.total / spread + 1) / n1
    deviation = math.sqrt(p0 * (1 - p0) / n0 + p1 * (1 - p1) / n1)
    exact = before.total / max(before.over, 1e-9), after.total / max(after.over, 1e-9)
    logarithm = math.log(p1 / p0)
    wide = Z95 * math.sqrt((1 - p0) / (n0 * p0) + (1 - p1) / (n1 * p1))
    return Change(
        before=exact[0],
        after=exact[1],
        low=p1 - p0 - Z95 * deviation,
        high=p1 - p0 + Z95 * deviation,
        ratio=math.exp(logarithm),
        ratio_low=math.exp(logarithm - wide),
        ratio_high=math.exp(logarithm + wide),
        p=two_sided((p1 - p0) / deviation),
    )


def two_sided(score: float) -> float:
    """Returns the probability of a standard normal at least as far from 0 as `score`."""
    return float(2 * special.ndtr(-abs(score)))


def adjust(p_values: Sequence[float]) -> list[float]:
    """Returns Benjamini and Hochberg's q-values: the false discovery rate at which each passes.

    Example:
        >>> adjust([0.01, 0.04, 0.03])
        [0.03, 0.04, 0.04]
    """
    count = len(p_values)
    order = sorted(range(count), key=lambda index: p_values[index])
    adjusted = [1.0] * count
    least = 1.0
    for rank in range(count, 0, -1):
        index = order[rank - 1]
        least = min(least, p_values[index] * count / rank)
        adjusted[index] = least
    return adjusted


@dataclass(frozen=True, slots=True)
class Stratum:
    """One stratum of a comparison: bad and all among the exposed, bad and all among the others."""

    bad: float
    exposed: float
    bad_others: float
    others: float


@dataclass(frozen=True, slots=True)
class RiskRatio:
    """A risk of the exposed over that of the others, with bounds of 95 %."""

    ratio: float
    low: float
    high: float


def pool_risks(strata: Sequence[Stratum], spread: float = 1.0) -> RiskRatio | None:
    """Returns Mantel and Haenszel's risk ratio over strata, None where nothing can be compared.

    The variance is Greenland and Robins' (1985), times `spread`.

    Example:
        >>> same = pool_risks([Stratum(10, 100, 10, 100), Stratum(40, 100, 40, 100)])
        >>> same.ratio, same.low < 1 < same.high
        (1.0, True)
    """
    above = below = variance = 0.0
    for one in strata:
        total = one.exposed + one.others
        if not one.exposed or not one.others:
            continue
        above += one.bad * one.others / total
        below += one.bad_others * one.exposed / total
        both = one.bad + one.bad_others
        variance += (both * one.exposed * one.others - one.bad * one.bad_others * total) / total**2
    if above <= 0 and below <= 0:
        return None
    # Half a bad one on either side, where one of them has none.
    above, below = (above, below) if above and below else (above + 0.5, below + 0.5)
    deviation = math.sqrt(spread * max(variance, 1e-12) / (above * below))
    ratio = above / below
    return RiskRatio(ratio, ratio * math.exp(-Z95 * deviation), ratio * math.exp(Z95 * deviation))


def score_shift(before: Floats, after: Floats) -> float:
    """Returns how far the median moved, in robust deviations of before; signed.

    BARO's robust scorer with a floor of 2 % of the level, so that a series that hardly moved at all
    before is not infinitely far off afterwards.
    """
    before, after = before[np.isfinite(before)], after[np.isfinite(after)]
    if len(before) < 4 or len(after) < 2:
        return 0.0
    middle, later = float(np.median(before)), float(np.median(after))
    quarter, three = np.quantile(before, [0.25, 0.75])
    level = max(abs(middle), abs(later), 1e-12)
    return (later - middle) / max(float(three - quarter) / 1.349, 0.02 * level)


def find_start(values: Floats, boundary: int, *, threshold: float = 4.0) -> int | None:
    """Returns the first step at which a series left its range and stayed out, None for never.

    Args:
        values: one value for each step; NaN where there is none.
        boundary: about where "after" begins: the steps well before it say what is usual.
        threshold: how many robust deviations count as out.
    """
    usual = values[: max(4, round(boundary * 0.8))]
    usual = usual[np.isfinite(usual)]
    if len(usual) < 4:
        return None
    middle = float(np.median(usual))
    deviation = float(np.subtract(*np.quantile(usual, [0.75, 0.25]))) / 1.349
    last = float(np.nanmedian(values[boundary:])) if boundary < len(values) else math.nan
    deviation = max(deviation, 0.02 * max(abs(middle), abs(last), 1e-12))
    sign = 1.0 if last >= middle else -1.0
    out = sign * (values - middle) > threshold * deviation
    known = np.isfinite(values)
    for step in range(len(values)):
        later = slice(step, step + 3)
        if out[step] and out[later].sum() >= min(2, int(known[later].sum())):
            return step
    return None
