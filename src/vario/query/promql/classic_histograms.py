"""Quantiles and fractions of classic histograms (`le` buckets), step by step."""

import math

import numpy as np

from vario.query.promql.values import Floats

_TOLERANCE = 1e-12


def bucket_quantile(  # noqa: PLR0911 - one return a case
    quantile: float, bounds: Floats, counts: Floats
) -> tuple[float, bool]:
    """Returns a quantile of cumulative buckets, interpolated within the bucket it falls into.

    Args:
        quantile: 0 to 1.
        bounds: upper bounds in ascending order, shape (b,).
        counts: cumulative counts, shape (b,).

    Returns:
        The value, and whether the counts had to be made monotonic for it.
    """
    if math.isnan(quantile):
        return math.nan, False
    if quantile < 0:
        return -math.inf, False
    if quantile > 1:
        return math.inf, False
    if not math.isinf(bounds[-1]) or bounds[-1] < 0:
        return math.nan, False
    bounds, counts = _coalesced(bounds, counts)
    counts, forced = _made_monotonic(counts)
    if len(bounds) < 2 or counts[-1] == 0:
        return math.nan, False
    observations = counts[-1]
    rank = quantile * observations
    reached = np.flatnonzero(counts[:-1] >= rank)
    if not len(reached):
        return float(bounds[-2]), forced
    index = int(reached[0])
    if index == 0 and bounds[0] <= 0:
        return float(bounds[0]), forced
    start = bounds[index - 1] if index else 0.0
    below = counts[index - 1] if index else 0.0
    width = bounds[index] - start
    with np.errstate(all="ignore"):
        return float(start + width * ((rank - below) / (counts[index] - below))), forced


def _coalesced(bounds: Floats, counts: Floats) -> tuple[Floats, Floats]:
    """Adds up buckets of the same bound."""
    unique, inverse = np.unique(bounds, return_inverse=True)
    if len(unique) == len(bounds):
        return bounds, counts
    return unique, np.bincount(inverse, weights=counts).astype(np.float64)


def _made_monotonic(counts: Floats) -> tuple[Floats, bool]:
    """Evens out rounding errors, then lifts counts that are lower than one before them."""
    fixed = counts.copy()
    previous = fixed[0]
    for i in range(1, len(fixed)):
        current = fixed[i]
        delta = abs(current - previous)
        if delta == 0:
            continue
        if current != 0 and delta / current <= _TOLERANCE and not math.isinf(delta):
            fixed[i] = previous
        elif current == 0 and math.isnan(delta):
            continue
        else:
            previous = current
    forced = False
    highest = fixed[0]
    for i in range(1, len(fixed)):
        if fixed[i] > highest:
            highest = fixed[i]
        elif fixed[i] < highest:
            fixed[i], forced = highest, True
    return fixed, forced


def bucket_fraction(lower: float, upper: float, bounds: Floats, counts: Floats) -> float:
    """Returns the fraction of observations between two values."""
    if not math.isinf(bounds[-1]) or bounds[-1] < 0:
        return math.nan
    bounds, counts = _coalesced(bounds, counts)
    total = float(counts[-1])
    if total == 0 or math.isnan(lower) or math.isnan(upper) or math.isnan(total):
        return math.nan
    if lower >= upper:
        return 0.0
    return (_rank_of(upper, bounds, counts, total) - _rank_of(lower, bounds, counts, total)) / total


def _rank_of(value: float, bounds: Floats, counts: Floats, total: float) -> float:
    """Returns how many observations lie below `value`."""
    rank = 0.0
    lower = 0.0 if bounds[0] > 0 else -math.inf
    for upper, count in zip(bounds.tolist(), counts.tolist(), strict=True):
        if lower >= value:
            return min(rank, total)
        if lower < value < upper:
            if math.isinf(lower):
                return min(rank if math.isinf(upper) else count, total)
            inside = rank + (count - rank) * (value - lower) / (upper - lower)
            return min(inside, total)
        rank, lower = count, upper
    return total
