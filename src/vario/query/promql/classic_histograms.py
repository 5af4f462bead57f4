"""Quantiles and fractions of classic histograms (`le` buckets), all steps at once."""

import math

import numpy as np

from vario.query.promql.values import Floats, Ints, Mask

_TOLERANCE = 1e-12
_SMALLEST = np.finfo(np.float64).tiny


def bucket_quantile(quantile: Floats, bounds: Floats, counts: Floats) -> tuple[Floats, Mask]:
    """Returns quantiles of cumulative buckets, interpolated within the buckets they fall into.

    Args:
        quantile: shape (steps,).
        bounds: upper bounds in ascending order, shape (b,).
        counts: cumulative counts, shape (b, steps).

    Returns:
        The values, and where the counts had to be made monotonic for them, both of shape (steps,).
    """
    inside = (quantile >= 0) & (quantile <= 1)
    outside = np.where(quantile < 0, -np.inf, np.where(quantile > 1, np.inf, np.nan))
    never = np.zeros(quantile.shape, dtype=np.bool_)
    if not _has_last(bounds):
        return outside, never
    bounds, counts = _coalesced(bounds, counts)
    counts, forced = _made_monotonic(counts)
    forced = forced & inside
    if len(bounds) < 2:
        return outside, never
    filled = inside & (counts[-1] != 0)
    rank = quantile * counts[-1]
    index = _first_that_reaches(rank, counts)
    steps = np.arange(len(quantile))
    starts, below = np.append(0.0, bounds[:-1]), np.vstack((np.zeros(len(quantile)), counts[:-1]))
    start, count_below = starts[index], below[index, steps]
    with np.errstate(all="ignore"):
        share = (rank - count_below) / (counts[index, steps] - count_below)
        value = start + (bounds[index] - start) * share
    value = np.where((index == 0) & (bounds[0] <= 0), bounds[0], value)
    value = np.where(index == len(bounds) - 1, bounds[-2], value)
    return np.where(filled, value, outside), forced & filled


def _has_last(bounds: Floats) -> bool:
    return math.isinf(bounds[-1]) and bounds[-1] > 0


def _first_that_reaches(rank: Floats, counts: Floats) -> Ints:
    """Returns the first bucket but the last whose count is not below the rank, else the last.

    It is searched for by halves as in Prometheus, whose answer for counts that are NaN this gives.
    """
    low = np.zeros(len(rank), dtype=np.int64)
    high = np.full(len(rank), len(counts) - 1)
    steps = np.arange(len(rank))
    while (low < high).any():
        middle = (low + high) // 2
        reached = counts[middle, steps] >= rank
        open_ = low < high
        high = np.where(open_ & reached, middle, high)
        low = np.where(open_ & ~reached, middle + 1, low)
    return low


def _coalesced(bounds: Floats, counts: Floats) -> tuple[Floats, Floats]:
    """Adds up buckets of the same bound."""
    new = np.append(True, bounds[1:] != bounds[:-1])
    if new.all():
        return bounds, counts
    return bounds[new], np.add.reduceat(counts, np.flatnonzero(new), axis=0)


def _made_monotonic(counts: Floats) -> tuple[Floats, Mask]:
    """Evens out rounding errors, and lifts counts that are lower than one before them."""
    fixed = counts.copy()
    forced = np.zeros(counts.shape[1], dtype=np.bool_)
    for i in range(1, len(fixed)):
        before, count = fixed[i - 1], counts[i]
        close = _are_close(before, count)
        lower = ~close & (count < before)
        fixed[i] = np.where(close | lower, before, count)
        forced |= lower
    return fixed, forced


def _are_close(a: Floats, b: Floats) -> Mask:
    with np.errstate(all="ignore"):
        size, distance = np.abs(a) + np.abs(b), np.abs(a - b)
        tiny = (a == 0) | (b == 0) | (size < _SMALLEST)
        close = np.where(tiny, distance < _TOLERANCE * _SMALLEST, distance / size < _TOLERANCE)
    return (a == b) | close


def bucket_fraction(lower: Floats, upper: Floats, bounds: Floats, counts: Floats) -> Floats:
    """Returns the fractions of observations between two values.

    A first bucket with a positive bound begins at zero. Prometheus up to 3.5 answers NaN where
    `lower` lies within it (its issue 17367), later versions as here.

    Args:
        lower: shape (steps,).
        upper: shape (steps,).
        bounds: upper bounds in ascending order, shape (b,).
        counts: cumulative counts, shape (b, steps).
    """
    if not _has_last(bounds):
        return np.full(lower.shape, np.nan)
    bounds, counts = _coalesced(bounds, counts)
    total = counts[-1]
    with np.errstate(all="ignore"):
        between = _ranks(upper, bounds, counts) - _ranks(lower, bounds, counts)
        fraction = np.where(lower >= upper, 0.0, between / total)
    void = (total == 0) | np.isnan(lower) | np.isnan(upper)
    return np.where(void, np.nan, fraction)


def _ranks(value: Floats, bounds: Floats, counts: Floats) -> Floats:
    """Returns how many observations lie below `value`, shape (steps,)."""
    total = counts[-1]
    rank, result = np.zeros(len(value)), total.copy()
    found = np.zeros(len(value), dtype=np.bool_)
    lower = 0.0 if bounds[0] > 0 else -math.inf
    for upper, count in zip(bounds.tolist(), counts, strict=True):
        at_bound = ~found & (lower >= value)
        inside = ~found & (lower < value) & (value < upper)
        if math.isinf(lower):
            part = rank if math.isinf(upper) else count
        elif math.isinf(upper):
            part = rank
        else:
            part = rank + (count - rank) * (value - lower) / (upper - lower)
        result = np.where(at_bound, rank, np.where(inside, part, result))
        found |= at_bound | inside
        rank, lower = count, upper
    return np.minimum(result, total)
