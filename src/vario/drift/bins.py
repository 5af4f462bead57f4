"""Bins that a reference fixes once, and what falls into them."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


SKETCH_BUCKETS, FINEST_SCALE = 320, 7
"""Of the SDK's sketches: buckets of one sign, and the scale that is never passed."""


def quantile_edges(values: Floats, bins: int) -> Floats:
    """Returns the inner edges of bins that hold about equal shares of `values`.

    Bin 0 holds x <= edges[0], bin i holds edges[i - 1] < x <= edges[i], the last what is above
    all edges: the intervals of a histogram's buckets. An edge lies midway between neighbouring
    values, so that none lies on it. Where values are closer together than a sketch's buckets
    there, it lies on the nearest bound of these: live traffic is then counted exactly, and values
    that a sketch cannot tell apart share a bin. A value that fills several bins by itself (a point
    mass) lies in a bin of its own.

    Args:
        values: finite numbers of the reference, shape (n,).
        bins: how many bins are wanted; fewer come out where values repeat.

    Returns:
        Ascending edges, shape (b - 1,) with b <= bins.

    Raises:
        ValueError: `values` is empty or `bins` is less than 2.

    >>> quantile_edges(np.arange(1.0, 9.0), 4).tolist()
    [2.5, 4.5, 6.5]
    >>> quantile_edges(np.array([0.0] * 90 + [1.0] * 10), 10).tolist()
    [0.5]
    """
    if bins < 2 or not len(values):
        raise ValueError("quantile bins need at least 2 bins and one value")
    ordered = np.sort(values)
    shares = np.arange(1, bins) / bins
    below = np.unique(np.quantile(ordered, shares, method="inverted_cdf"))
    below = below[below < ordered[-1]]
    above = ordered[np.searchsorted(ordered, below, side="right")]
    edges = np.unique(_between(below, above, _sketch_scale(ordered)))
    held = np.searchsorted(ordered, edges, side="right")
    _, first = np.unique(held, return_index=True)  # of edges without a value between them, one
    edges, held = edges[first], held[first]
    return np.asarray(edges[(held > 0) & (held < len(ordered))], dtype=np.float64)


def _sketch_scale(ordered: Floats) -> int:
    """Returns the scale of a sketch of these values, less one in case that live ones lie wider."""
    octaves = 0.0
    for magnitudes in (ordered[ordered > 0], -ordered[ordered < 0][::-1]):
        if len(magnitudes):
            octaves = max(octaves, float(np.log2(magnitudes[-1]) - np.log2(magnitudes[0])))
    fitting = FINEST_SCALE if octaves == 0 else math.floor(math.log2(SKETCH_BUCKETS / octaves))
    return min(fitting, FINEST_SCALE) - 1


def _between(below: Floats, above: Floats, scale: int) -> Floats:
    """Returns an edge between each two neighbouring values, see `quantile_edges`."""
    middle = below / 2 + above / 2
    middle = np.where((middle < above) & (middle >= below), middle, below)
    size = np.where(middle == 0, 1.0, np.abs(middle))
    index = np.ceil(np.log2(size) * 2.0**scale)
    with np.errstate(over="ignore", under="ignore"):
        inner, outer = np.exp2((index - 1) / 2.0**scale), np.exp2(index / 2.0**scale)
    is_positive = middle > 0
    # A bucket of negative values holds its lower bound and not its upper one: unlike the bins.
    low = np.where(is_positive, inner, np.nextafter(-outer, -np.inf))
    high = np.where(is_positive, outer, np.nextafter(-inner, -np.inf))
    is_apart = (middle == 0) | ((low >= below) & (high < above))
    nearest = np.where(middle - low <= high - middle, low, high)
    return np.where(is_apart, middle, np.where(np.isfinite(nearest), nearest, middle))


def count_values(values: Floats, edges: Floats) -> Floats:
    """Returns how many of the values lie in each bin, shape (len(edges) + 1,).

    >>> count_values(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.5])).tolist()
    [1.0, 1.0, 1.0]
    """
    found = np.searchsorted(edges, values, side="left")
    return np.bincount(found, minlength=len(edges) + 1).astype(np.float64)


def count_buckets(lower: Floats, upper: Floats, counts: Floats, edges: Floats) -> Floats:
    """Returns the counts of a histogram's buckets in bins of other edges.

    A bucket that lies within one bin is counted there exactly. One that an edge cuts is divided:
    evenly on a logarithmic scale where both its bounds have one sign and neither is 0 (as values
    lie in an exponential bucket), evenly on a linear one otherwise. So each bin is wrong by at
    most the counts of the buckets that its two edges cut.

    Args:
        lower: lower bounds of the buckets, excluded; -inf for the first of an explicit histogram.
        upper: upper bounds, included, shape of `lower`.
        counts: how many values lie in each bucket.
        edges: inner edges of the bins, ascending.

    Returns:
        Counts, shape (len(edges) + 1,), that sum to what `counts` sums to.
    """
    first = np.searchsorted(edges, lower, side="right")
    last = np.searchsorted(edges, upper, side="left")
    whole = first >= last
    result = np.bincount(
        np.minimum(first, last)[whole], weights=counts[whole], minlength=len(edges) + 1
    ).astype(np.float64)  # of no bucket at all NumPy makes integers
    for i in np.flatnonzero(~whole).tolist():
        cuts = edges[first[i] : last[i]]
        shares = np.concatenate(([0.0], _position(cuts, lower[i], upper[i]), [1.0]))
        result[first[i] : last[i] + 1] += counts[i] * np.diff(shares)
    return result


def _position(cuts: Floats, lower: float, upper: float) -> Floats:
    """Returns which part of a bucket lies at or below each cut, 0 to 1."""
    if np.isinf(lower) or np.isinf(upper):
        # What lies how far out is unknown: all of it counts beside the bound that is known.
        return np.full(len(cuts), 0.0 if np.isinf(lower) else 1.0)
    if lower * upper > 0:
        return np.asarray(np.log(cuts / lower) / np.log(upper / lower))
    return (cuts - lower) / (upper - lower)


def count_outside(
    lower: Floats, upper: Floats, counts: Floats, lowest: float, highest: float
) -> float:
    """Returns how many values lie outside a range for certain: the buckets wholly beyond it.

    It is too low by at most what lies in the two buckets that hold the range's ends.

    Args:
        lower: lower bounds of the buckets, excluded.
        upper: upper bounds, included, shape of `lower`.
        counts: how many values lie in each bucket.
        lowest: the range's lower end, included; nan where it is unknown.
        highest: its upper end, likewise.

    >>> bounds = np.array([1.0, 2.0, 4.0, 8.0])
    >>> count_outside(bounds[:-1], bounds[1:], np.array([5.0, 6.0, 7.0]), 2.5, 4.0)
    12.0
    """
    return float(counts[(upper < lowest) | (lower >= highest)].sum())


def count_categories(counted: dict[str, float], categories: Sequence[str]) -> Floats:
    """Returns counts in the order of the reference's categories, then all others as one.

    >>> count_categories({"b": 2.0, "x": 1.0, "y": 4.0}, ["a", "b"]).tolist()
    [0.0, 2.0, 5.0]
    """
    known = [counted.get(category, 0.0) for category in categories]
    return np.array([*known, sum(counted.values()) - sum(known)])
