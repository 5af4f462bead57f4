"""Bins that a reference fixes once, and what falls into them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def quantile_edges(values: Floats, bins: int) -> Floats:
    """Returns the inner edges of bins that hold equal shares of `values`.

    Bin 0 holds x <= edges[0], bin i holds edges[i - 1] < x <= edges[i], the last what is above
    all edges: the intervals of a histogram's buckets. A value that fills several bins by itself
    (a point mass) makes one edge of them, so that it lies in a bin of its own.

    Args:
        values: finite numbers of the reference, shape (n,).
        bins: how many bins are wanted; fewer come out where values repeat.

    Returns:
        Ascending edges, shape (b - 1,) with b <= bins.

    Raises:
        ValueError: `values` is empty or `bins` is less than 2.

    >>> quantile_edges(np.arange(1.0, 101.0), 4).tolist()
    [25.0, 50.0, 75.0]
    >>> quantile_edges(np.array([0.0] * 90 + [1.0] * 10), 10).tolist()
    [0.0]
    """
    if bins < 2 or not len(values):
        raise ValueError("quantile bins need at least 2 bins and one value")
    shares = np.arange(1, bins) / bins
    edges = np.unique(np.quantile(values, shares, method="inverted_cdf"))
    # An edge at the greatest value would leave the bin above it empty for ever.
    return np.asarray(edges[edges < values.max()], dtype=np.float64)


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
