"""Percentiles out of counts by bucket of duration."""

import numpy as np
from numpy.typing import NDArray

from vario.model.load import BUCKETS_PER_OCTAVE, LoadTable

Floats = NDArray[np.float64]


def quantile(counts: Floats, share: float, lowest: int) -> float:
    """Returns a percentile in seconds, evenly spread inside its bucket on a logarithmic scale.

    Args:
        counts: requests by bucket, shape (buckets,), not all zero.
        share: 0 to 1.
        lowest: number of the first bucket.
    """
    cumulative = np.cumsum(counts)
    wanted = share * cumulative[-1]
    bucket = min(int(np.searchsorted(cumulative, wanted)), len(counts) - 1)
    before = cumulative[bucket] - counts[bucket]
    inside = (wanted - before) / counts[bucket] if counts[bucket] > 0 else 0.0
    return float(2 ** ((lowest + bucket + inside) / BUCKETS_PER_OCTAVE) / 1e9)


def quantiles_of(table: LoadTable, share: float) -> Floats:
    """Returns a percentile of each step over all versions and segments, nan without requests."""
    found = np.full(table.steps, np.nan)
    if not len(table.bucket):
        return found
    lowest = int(table.bucket.min())
    counts = np.zeros((table.steps, int(table.bucket.max()) - lowest + 1))
    np.add.at(counts, (table.step, table.bucket - lowest), table.count)
    for step in np.flatnonzero(counts.sum(1)):
        found[step] = quantile(counts[step], share, lowest)
    return found
