"""How far two binned distributions lie apart. Counts in, numbers out."""

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from vario.drift.bins import Floats

SMOOTHING = 0.5
"""Added to each count for PSI (Jeffreys' prior): an empty bin is then finite, and costs less the
more was seen. Shares of 0.0001 put in place of zeros, as is common, make PSI jump with the bins."""


def _shares(counts: Floats) -> Floats:
    return counts / counts.sum()


def psi(reference: Floats, current: Floats) -> float:
    """Returns the Population Stability Index of two samples' counts in the same bins.

    sum((c - r) ln(c / r)) over the bins' shares r and c, each count smoothed by `SMOOTHING`; the
    sum of the two Kullback-Leibler divergences, in nats. At least 0, and 0 only for equal shares;
    the same when reference and current change places.

    Args:
        reference: counts, shape (b,).
        current: counts, shape (b,).

    >>> round(psi(np.array([500.0, 500.0]), np.array([600.0, 400.0])), 4)
    0.0405
    """
    r, c = _shares(reference + SMOOTHING), _shares(current + SMOOTHING)
    return float(np.sum((c - r) * np.log(c / r)))


def jensen_shannon(reference: Floats, current: Floats) -> float:
    """Returns the Jensen-Shannon distance to base 2: 0 for equal shares, 1 for disjoint ones."""
    r, c = _shares(reference), _shares(current)
    middle = (r + c) / 2
    divergence = np.sum(special.rel_entr(r, middle) + special.rel_entr(c, middle)) / 2
    return math.sqrt(max(float(divergence), 0.0) / math.log(2))


def wasserstein(reference: Floats, current: Floats, positions: Floats) -> float:
    """Returns the first Wasserstein (earth mover's) distance, in the feature's own unit.

    Args:
        reference: counts, shape (b,).
        current: counts, shape (b,).
        positions: where the values of each bin lie, ascending, shape (b,).
    """
    gap = np.cumsum(_shares(reference) - _shares(current))[:-1]
    return float(np.sum(np.abs(gap) * np.diff(positions)))


@dataclass(frozen=True, slots=True)
class Tested:
    """A test's statistic and the probability of one at least as great without any drift."""

    statistic: float
    p_value: float


def kolmogorov_smirnov(reference: Floats, current: Floats) -> Tested:
    """Returns the two-sample Kolmogorov-Smirnov test on binned counts.

    The statistic is the greatest difference of the two cumulative shares at the bins' edges; on
    the same bins exact, on raw values a lower bound. p by the asymptotic distribution with
    n m / (n + m) degrees of evidence; binning makes it conservative.
    """
    gap = np.cumsum(_shares(reference) - _shares(current))[:-1]
    statistic = float(np.abs(gap).max(initial=0.0))
    n, m = reference.sum(), current.sum()
    return Tested(statistic, float(special.kolmogorov(statistic * math.sqrt(n * m / (n + m)))))


def chi_square(reference: Floats, current: Floats, design_effect: float = 1.0) -> Tested:
    """Returns Pearson's test that two samples have the same distribution over the bins.

    Bins that neither sample has are left out.

    Args:
        reference: counts, shape (b,).
        current: counts, shape (b,).
        design_effect: by how much counts vary more than independent ones do (`design_effect`).
    """
    table = np.stack([reference, current])
    table = table[:, table.sum(axis=0) > 0]
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    statistic = float(np.sum((table - expected) ** 2 / expected)) / design_effect
    freedom = table.shape[1] - 1
    return Tested(statistic, float(special.chdtrc(freedom, statistic)) if freedom else 1.0)


def merge_rare(reference: Floats, current: Floats, least: float = 5.0) -> tuple[Floats, Floats]:
    """Returns the counts with rare bins joined, so that a chi-square test holds.

    A bin is rare where fewer than `least` are expected of the smaller sample (Cochran's rule).
    """
    both = reference + current
    share = min(reference.sum(), current.sum()) / both.sum()
    rare = both * share < least
    if rare.sum() < 2:
        return reference, current
    joined = [np.append(counts[~rare], counts[rare].sum()) for counts in (reference, current)]
    return joined[0], joined[1]
