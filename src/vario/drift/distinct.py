"""How many different values a window had, out of the SDK's sketches of their hashes."""

import numpy as np

from vario.drift.bins import FINEST_SCALE, SKETCH_BUCKETS, Floats

FALL = 10.0 ** (-4 / SKETCH_BUCKETS)
"""How probable a cell is over the one before, as in the SDK."""

MOST = 1e7
_LEAST_COUNT = 1e-6


def estimate_distinct(upper: Floats, counts: Floats) -> float:
    """Returns about how many different values there were: right to within 13% (one sigma).

    The number n under which it is most likely that just these cells are not empty, each being
    empty with probability exp(-n p).

    Args:
        upper: upper bounds of the histogram's buckets, which stand for cells.
        counts: values in each.

    >>> estimate_distinct(np.zeros(0), np.zeros(0))
    0.0
    """
    used = counts > _LEAST_COUNT
    if not used.any():
        return 0.0
    cells = np.round(np.log2(upper[used]) * 2.0**FINEST_SCALE).astype(int) - 1
    is_full = np.zeros(SKETCH_BUCKETS, dtype=bool)
    is_full[np.clip(cells, 0, SKETCH_BUCKETS - 1)] = True
    share = FALL ** np.arange(SKETCH_BUCKETS) * (1 - FALL) / (1 - FALL**SKETCH_BUCKETS)
    full, empty = share[is_full], float(share[~is_full].sum())
    low, high = 0.0, np.log(MOST)
    for _ in range(60):  # the likelihood's slope falls with n: halve the interval of its zero
        middle = (low + high) / 2
        slope = float(np.sum(full / np.expm1(np.minimum(np.exp(middle) * full, 500.0)))) - empty
        low, high = (middle, high) if slope > 0 else (low, middle)
    return float(np.exp((low + high) / 2))
