"""Reductions of groups of rows, all groups and steps at once."""

import numpy as np
from numpy.typing import NDArray

from vario.query.promql.values import Floats, Ints, Mask

_BLOCK_CELLS = 1 << 21
"""Cells that are summed at a time: 16 MiB for each of about six arrays."""


class GroupedRows:
    """Rows of a matrix by the group that each belongs to.

    Args:
        of_row: shape (n,), group of each row; every group from 0 on has at least one.
    """

    def __init__(self, of_row: Ints) -> None:
        self._order = np.argsort(of_row, kind="stable")
        self._sizes = np.bincount(of_row)
        self._starts = np.cumsum(self._sizes) - self._sizes

    def count(self, cells: Mask) -> Floats:
        """Returns how many cells of each group are true at each step, shape (groups, steps)."""
        return self.reduce(np.add, cells.astype(np.float64))

    def reduce(self, function: np.ufunc, values: Floats) -> Floats:
        """Returns each group's values folded by a function such as `np.fmin`."""
        if not len(values):
            return np.zeros((0, values.shape[1]))
        return function.reduceat(values[self._order], self._starts, axis=0)

    def sum(self, values: Floats, present: Mask) -> tuple[Floats, Floats]:
        """Returns each group's sum and what rounding took from it, shape (groups, steps) each.

        Pairs are added, then pairs of these: as exact as Prometheus' compensated loop over the
        rows (Neumaier), in a logarithm of its steps.
        """
        steps = values.shape[1]
        total = np.zeros((len(self._sizes), steps))
        lost = np.zeros_like(total)
        width = max(1, _BLOCK_CELLS // max(len(values), 1))
        for low in range(0, steps, width):
            block = slice(low, low + width)
            # Minus zero changes no sum, not even one of minus zeros.
            cells = np.where(present[self._order, block], values[self._order, block], -0.0)
            total[:, block], lost[:, block] = _sum_in_pairs(cells, self._sizes)
        return total, lost


def _sum_in_pairs(cells: Floats, sizes: NDArray[np.int64]) -> tuple[Floats, Floats]:
    lost = np.zeros_like(cells)
    while sizes.max(initial=0) > 1:
        starts = np.cumsum(sizes) - sizes
        place = np.arange(len(cells)) - np.repeat(starts, sizes)
        left = np.flatnonzero(place % 2 == 0)
        paired = place[left] + 1 < np.repeat(sizes, (sizes + 1) // 2)
        first, second = left[paired], left[paired] + 1
        added, corrected = _two_sum(cells[first], cells[second], lost[first] + lost[second])
        cells, lost = cells[left], lost[left]
        cells[paired], lost[paired] = added, corrected
        sizes = (sizes + 1) // 2
    return cells, lost


def _two_sum(a: Floats, b: Floats, lost: Floats) -> tuple[Floats, Floats]:
    """Returns a + b, and `lost` plus what rounding takes (Knuth); nothing where it is infinite."""
    total = a + b
    part = total - a
    error = (a - (total - part)) + (b - part)
    return total, np.where(np.isinf(total), 0.0, lost + error)
