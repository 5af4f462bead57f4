"""By how much live counts vary more than those of independent rows, where nothing drifts.

Rows come in clusters (a user's requests, a page's candidates), and what users do wanders within an
hour. Both are estimated from healthy traffic itself; what is not known yet is taken cautiously.
"""

import functools
import math
from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from vario.drift.bins import Floats

LEAST_BLOCKS = 12
"""Healthy windows from which on what was seen replaces what is assumed."""

WANDERING = 0.01
"""Assumed before that: windows differ by so much PSI in one direction, 0.1 standard deviations."""

LEAST_PAIRS, MOST_PAIRS = 4, 60
"""Pairs of neighbouring minutes that must have been seen, and that are kept."""

MOST_ALIKE = 0.9
"""Greatest autocorrelation of windows that is allowed for."""

CLUSTER = 25.0
"""Assumed where traffic is too rare for two minutes in a row to be compared."""


@dataclass(frozen=True, slots=True)
class Dispersion:
    """By how much a window's counts vary more than independent ones, the error of that included.

    Attributes:
        effect: over all bins; infinite where nothing is known and nothing is to be told.
        leading: in the direction in which windows differ most (values that move to and fro
            together); 0 where none stands out.
        missing: of the number of missing values alone.
        other: of the number of values in categories that the reference has not.
    """

    effect: float = 1.0
    leading: float = 0.0
    missing: float = 1.0
    other: float = 1.0

    def beside(self, reference: float, rows: float) -> "Dispersion":
        """Returns the dispersion of a comparison with a reference: that does not wander.

        Of the variance that Pearson's statistic of two samples has in the direction that stands
        out, only the part that is the window's own grows with its rows.

        Args:
            reference: rows of the reference.
            rows: rows of the window.

        >>> Dispersion(1.0, 101.0).beside(1e9, 1_000).leading
        100.9999000001
        >>> Dispersion(1.0, 101.0).beside(1_000, 1_000).leading
        51.0
        """
        if not math.isfinite(self.leading) or self.leading <= self.effect:
            return self
        own = (self.leading - self.effect) * reference / (reference + rows)
        return replace(self, leading=self.effect + own)

    def critical(self, freedom: int, alpha: float) -> float:
        """Returns what Pearson's statistic (PSI over `evidence`) passes with probability `alpha`.

        >>> round(Dispersion().critical(9, 0.05), 2)
        16.92
        """
        if freedom < 1:
            return math.inf
        first = float(special.chdtri(freedom, alpha)) * self.effect
        if not self.leading:
            return first
        second = float(special.chdtri(1, alpha)) * self.leading + (freedom - 1) * self.effect
        return max(first, second)

    def p_value(self, statistic: float, freedom: int) -> float:
        """Returns the probability of a statistic at least this great where nothing drifts."""
        if freedom < 1:
            return 1.0
        first = float(special.chdtrc(freedom, statistic / self.effect))
        if not self.leading:
            return first
        rest = max(statistic - (freedom - 1) * self.effect, 0.0)
        return max(first, float(special.chdtrc(1, rest / self.leading)))


def clustered(effect: float) -> Dispersion:
    """Returns the dispersion of rows that come `effect` at a time."""
    return Dispersion(effect, 0.0, effect, effect)


@dataclass(frozen=True, slots=True)
class Pair:
    """How two neighbouring minutes differ over what independent rows would, see `compare_pair`."""

    effect: float
    freedom: int


@dataclass(frozen=True, slots=True)
class Blocks:
    """What healthy windows of one length have shown.

    Attributes:
        effect: over all bins, at least 1.
        freedom: degrees of freedom of `effect`.
        leading: in the direction that stands out, else 0.
        known: degrees of freedom of `leading`: as many windows as were independent of each other.
        rows: how many a window had on average.
        own: of each bin alone, shape (b,); the last is that of missing values.
        count: how many windows there were.
    """

    effect: float
    freedom: float
    leading: float
    known: float
    own: Floats
    count: int
    rows: float


def design_effect(blocks: Floats) -> float:
    """Returns by how much counts vary more from block to block than independent ones would.

    Traffic comes in clusters, so n requests carry less evidence than n independent ones. Pearson's
    heterogeneity statistic over its degrees of freedom, at least 1; the blocks must be as long as
    the window that is judged, and healthy.

    Source: Rao and Scott, "On chi-squared tests for multiway contingency tables with cell
    proportions estimated from survey data" (1984), first-order correction.

    Args:
        blocks: counts of each block in each bin, shape (blocks, b).

    >>> design_effect(np.array([[50.0, 50.0], [50.0, 50.0]]))
    1.0
    """
    found = study_blocks(blocks)
    return 1.0 if found is None else found.effect


def study_blocks(blocks: Floats) -> Blocks | None:
    """Returns what healthy windows show, None where there is nothing to compare.

    A direction stands out where the greatest eigenvalue of the residuals' covariance is above what
    that of as many independent windows would be; it is then freed of the bias of being the
    greatest.

    Source: Baik and Silverstein, "Eigenvalues of large sample covariance matrices of spiked
    population models" (2006).

    Args:
        blocks: counts of each window in each bin, shape (blocks, b).
    """
    filled = blocks[blocks.sum(axis=1) > 0]
    seen = filled.sum(axis=0) > 0
    used = filled[:, seen]
    freedom, width = len(used) - 1, used.shape[1] - 1
    if freedom < 1 or width < 1:
        return None
    expected = used.sum(axis=1, keepdims=True) * used.sum(axis=0) / used.sum()
    residuals = (used - expected) / np.sqrt(expected)
    shares = used.sum(axis=0) / used.sum()
    own = np.ones(blocks.shape[1])
    own[seen] = (residuals**2).sum(axis=0) / freedom / (1 - shares)
    total = float((residuals**2).sum()) / freedom
    effect = max(total / width, 1.0)
    scores, sizes, _ = np.linalg.svd(residuals, full_matrices=False)
    greatest = float(sizes[0]) ** 2 / freedom
    leading = _unbiased(greatest, max((total - greatest) / max(width - 1, 1), 1.0), width / freedom)
    # Windows that follow each other in the same direction are worth fewer independent ones.
    alike = float(scores[1:, 0] @ scores[:-1, 0]) + 1 / len(used)
    alike = min(max(alike, 0.0), MOST_ALIKE)
    known = max(freedom * (1 - alike) / (1 + alike), 1.0)
    rows_each = float(used.sum()) / len(used)
    return Blocks(effect, freedom * width, leading, known, own, len(used), rows_each)


def _unbiased(greatest: float, rest: float, aspect: float) -> float:
    """Returns the true greatest eigenvalue; 0 where chance alone explains what was seen."""
    seen = greatest / rest
    if seen <= (1 + math.sqrt(aspect)) ** 2:
        return 0.0
    middle = seen + 1 - aspect
    return rest * (middle + math.sqrt(max(middle**2 - 4 * seen, 0.0))) / 2


def compare_pair(earlier: Floats, later: Floats) -> Pair | None:
    """Returns by how much two neighbouring blocks differ over what independent counts would.

    Pearson's statistic of the two over its degrees of freedom, scaled so that the median of many
    such is 1 where counts are independent: a median over pairs is a design effect that one sudden
    change hardly moves. None where the blocks hold too little.

    Args:
        earlier: counts in each bin, shape (b,).
        later: counts in the same bins.

    >>> pair = compare_pair(np.array([50.0, 50.0]), np.array([60.0, 40.0]))
    >>> (round(pair.effect, 2), pair.freedom)
    (4.29, 1)
    """
    both = earlier + later
    n, m = earlier.sum(), later.sum()
    freedom = int(np.count_nonzero(both)) - 1
    if freedom < 1 or n <= 0 or m <= 0:
        return None
    statistic = float(np.sum((earlier * m - later * n) ** 2 / np.maximum(both, 1e-9)) / (n * m))
    median = freedom * (1 - 2 / (9 * freedom)) ** 3  # of chi-square (Wilson and Hilferty)
    return Pair(statistic / median, freedom)


class Minutes:
    """The last pairs of neighbouring minutes, and the design effect that they show."""

    def __init__(self) -> None:
        self._pairs: deque[Pair] = deque()
        self._ordered: list[float] = []
        self._freedom = 0

    def add(self, pair: Pair) -> None:
        """Takes a pair; of more than `MOST_PAIRS` the first is let go."""
        self._pairs.append(pair)
        insort(self._ordered, pair.effect)
        self._freedom += pair.freedom
        if len(self._pairs) > MOST_PAIRS:
            gone = self._pairs.popleft()
            del self._ordered[bisect_left(self._ordered, gone.effect)]
            self._freedom -= gone.freedom

    def effect(self, alpha: float) -> float:
        """Returns the design effect, with the error of so few pairs; nan if it is unknown.

        Neighbouring pairs share a minute, and a median knows less than a mean: half of their
        degrees of freedom count.
        """
        count = len(self._pairs)
        if count < LEAST_PAIRS:
            return math.nan
        median = (self._ordered[(count - 1) // 2] + self._ordered[count // 2]) / 2
        each = round(self._freedom / count)
        return max(median, 1.0) * allowance(each, count * each / 2, alpha)


@functools.lru_cache(1_024)
def allowance(freedom: float, known: float, alpha: float) -> float:
    """Returns by how much a limit rises because the variance is only estimated.

    The ratio of F's limit to chi-square's, as Thomas and Rao (1987) correct such tests.

    Args:
        freedom: degrees of freedom of the statistic.
        known: those with which the variance was estimated.
        alpha: false-alarm probability, 0 to 1.
    """
    limit = float(special.fdtri(freedom, known, 1 - alpha)) * freedom
    return max(limit / float(special.chdtri(freedom, alpha)), 1.0)


def dispersion_of(minutes: float, blocks: Blocks | None, rows: float, alpha: float) -> Dispersion:
    """Returns what is to be allowed for, of what minutes and windows have shown.

    The error of a variance that few windows have shown is allowed for up to what is assumed where
    there are none.

    Args:
        minutes: the design effect that `Minutes` show; infinite where nothing is to be told yet,
            nan where minutes say nothing.
        blocks: at least `LEAST_BLOCKS` healthy windows; None where there are fewer.
        rows: rows of the window that is judged.
        alpha: false-alarm probability of the verdict.
    """
    if blocks is None:
        effect = CLUSTER if math.isnan(minutes) else minutes
        leading = effect + WANDERING * rows
        return Dispersion(effect, leading, effect, leading)
    width = blocks.freedom / (blocks.count - 1)
    windows = blocks.effect * allowance(width, blocks.freedom, alpha)
    effect = max(windows, minutes) if math.isfinite(minutes) else windows
    error = allowance(1, blocks.known, alpha)
    assumed = effect + WANDERING * rows
    # The greatest variance of one direction that so few windows do not tell from chance.
    hidden = blocks.effect * (1 + math.sqrt(width / (blocks.count - 1)))
    seen = blocks.leading or hidden
    usual = float(special.chdtri(blocks.count - 1, 0.01)) / (blocks.count - 1) * effect

    def sure(variance: float) -> float:
        return max(min(variance * error, assumed), variance)

    # What wanders adds to the variance of each row as much as there are rows.
    wandering = max(seen - blocks.effect, 0.0) * max(rows / blocks.rows - 1, 0.0)
    leading = sure(seen + wandering)
    if not blocks.leading:
        return Dispersion(effect, leading, effect, effect)
    missing, other = (
        max(sure(own), effect) if own > usual else effect for own in blocks.own[[-1, -2]].tolist()
    )
    return Dispersion(effect, leading, missing, other)
