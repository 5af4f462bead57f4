"""Leaf tables with planted incidents."""

from itertools import product

import numpy as np
from numpy.typing import NDArray

from vario.investigate.leaves import LeafTable

SIZES = {"region": 3, "version": 2, "tier": 4}
BEFORE = np.arange(30)
AFTER = np.arange(30, 40)
MINUTES = 40


class Traffic:
    """Requests by region, version and tier over 40 minutes, of which 1 % are bad.

    Change `total` and `rate`, both (leaves, minutes), and take the `table`.
    """

    def __init__(self, seed: int = 1, requests: float = 40, rate: float = 0.01) -> None:
        self.dims = tuple(SIZES)
        self.values = tuple(tuple(f"{dim}-{i}" for i in range(size)) for dim, size in SIZES.items())
        self.codes = np.array(list(product(*(range(size) for size in SIZES.values()))))
        self.rng = np.random.default_rng(seed)
        busy = self.rng.uniform(0.3, 2, len(self.codes))[:, None]
        self.total = self.rng.poisson(requests * busy, (len(self.codes), MINUTES)).astype(float)
        self.rate = np.full(self.total.shape, rate)

    def leaves(self, **where: int) -> NDArray[np.bool_]:
        """Returns the leaves with the values numbered so."""
        chosen = np.ones(len(self.codes), dtype=np.bool_)
        for dim, code in where.items():
            chosen &= self.codes[:, self.dims.index(dim)] == code
        return chosen

    def plant(self, rate: float, minutes: NDArray[np.int64] = AFTER, **where: int) -> None:
        """Sets the rate of a slice in some minutes."""
        self.rate[np.ix_(self.leaves(**where), minutes)] = rate

    def table(self) -> LeafTable:
        """Returns the table, with bad requests drawn."""
        bad = self.rng.binomial(self.total.astype(np.int64), self.rate).astype(float)
        return LeafTable(self.dims, self.values, self.codes, bad, self.total)
