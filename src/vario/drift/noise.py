"""What a statistic is without any drift: noise floors, exact intervals, and many tests at once."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from vario.drift.bins import Floats


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval."""

    low: float
    high: float


def evidence(reference_n: float, current_n: float, design_effect: float = 1.0) -> float:
    """Returns k = design effect x (1/n + 1/m): PSI over k is chi-square without drift."""
    return design_effect * (1 / reference_n + 1 / current_n)


def psi_floor(k: float, bins: int) -> float:
    """Returns the mean of PSI where nothing drifts: (B - 1) k."""
    return (bins - 1) * k


def psi_interval(psi: float, k: float, bins: int, level: float = 0.95) -> Interval:
    """Returns the interval of the true PSI, by inverting the non-central chi-square.

    Its low end is 0 as long as sampling alone may explain what was measured. Sampling adds its
    floor to what is measured, so that the inverted interval may lie below the measured PSI; it is
    then widened up to that, and holds the true PSI rather more often than `level` says.

    >>> round(psi_interval(0.01, 0.001, 10).high, 4)
    0.0159
    """
    if not math.isfinite(psi + k):
        return Interval(math.nan, math.nan)
    if bins < 2:
        return Interval(0.0, 0.0)
    statistic, freedom, tail = psi / k, bins - 1, (1 - level) / 2

    def bound(below: float) -> float:
        if special.chdtr(freedom, statistic) <= below:
            return 0.0
        return float(special.chndtrinc(statistic, freedom, below)) * k

    return Interval(min(bound(1 - tail), psi), max(bound(tail), psi))


def ratio_interval(part: float, whole: float, level: float = 0.95) -> Interval:
    """Returns the exact (Clopper-Pearson) interval of a ratio of counts, 0 to 1.

    >>> ratio_interval(0, 100).low
    0.0
    """
    if whole <= 0:
        return Interval(0.0, 1.0)
    tail = (1 - level) / 2
    low = float(special.betaincinv(part, whole - part + 1, tail)) if part > 0 else 0.0
    high = float(special.betaincinv(part + 1, whole - part, 1 - tail)) if part < whole else 1.0
    return Interval(low, high)


def ratio_increase_p(
    part: float, whole: float, reference_part: float, reference_whole: float
) -> float:
    """Returns the probability of so many more parts than the reference has, by chance alone.

    Fisher's exact test, one-sided: given the sum of both, the current part is hypergeometric. Where
    counts are large its normal approximation with continuity correction is taken.

    Args:
        part: how many of the current `whole` have the property (are missing, say).
        whole: how many there are now.
        reference_part: how many of the reference have it.
        reference_whole: how many the reference has.
    """
    if whole <= 0 or reference_whole <= 0:
        return 1.0
    total, parts = whole + reference_whole, part + reference_part
    mean = parts * whole / total
    variance = mean * (1 - parts / total) * reference_whole / max(total - 1, 1)
    if min(mean, parts - mean, whole - mean) >= 50:
        return float(special.ndtr((mean + 0.5 - part) / math.sqrt(variance)))
    return _hypergeometric_tail(round(part), round(total), round(parts), round(whole))


def _hypergeometric_tail(least: int, total: int, parts: int, drawn: int) -> float:
    """Returns the probability to draw at least `least` of the parts."""
    most = min(parts, drawn)
    start = max(least, drawn - (total - parts), 0)
    if start > most:
        return 0.0
    if start == max(drawn - (total - parts), 0):
        return 1.0
    x = np.arange(start, most + 1, dtype=np.float64)
    log_p = _log_choose(parts, x) + _log_choose(total - parts, drawn - x)
    log_p -= float(_log_choose(total, drawn))
    most_likely = log_p.max()
    return min(float(np.exp(log_p - most_likely).sum() * np.exp(most_likely)), 1.0)


def _log_choose(n: float, k: Floats | float) -> Floats:
    gammaln = special.gammaln
    return np.asarray(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))


def false_discoveries(p_values: Floats, rate: float) -> NDArray[np.bool_]:
    """Returns which hypotheses are rejected so that at most `rate` of the rejected are false.

    Benjamini and Hochberg, "Controlling the false discovery rate" (1995).

    >>> false_discoveries(np.array([0.001, 0.04, 0.03, 0.8]), 0.05).tolist()
    [True, False, False, False]
    """
    order = np.argsort(p_values, kind="stable")
    passed = p_values[order] <= rate * np.arange(1, len(order) + 1) / max(len(order), 1)
    rejected = np.zeros(len(order), dtype=np.bool_)
    if passed.any():
        rejected[order[: int(np.flatnonzero(passed)[-1]) + 1]] = True
    return rejected
