"""A leaf table: every combination of dimension values, minute by minute, and what it should read.

The expectation of a leaf is its own earlier rate times the requests it has now. What more or fewer
requests do is therefore expected, and only a rate that changed leaves an excess: a shift of the
traffic towards values that were always bad is no change, nor is a value that was bad before.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
Columns = NDArray[np.int64]

Measure = Literal["ratio", "count", "mean"]
"""What `amount` is: `ratio` bad requests of `total`, `count` events by themselves (`total` is 1 in
every minute that was watched), `mean` a sum over `total` requests, such as their seconds."""

PRIOR_REQUESTS = 20.0
"""A leaf's own history weighs as its requests do against this many at the rate that its values
predict. On the RS incidents 5 to 100 give the same answers within two cases."""

HIGH_MINUTE = 3.0
"""A minute of the baseline counts as an incident of its own from this many robust deviations."""

FITTING_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class LeafTable:
    """Amounts and requests of every combination of dimension values, by minute.

    More is worse: ask about `total - amount` where less is.

    Attributes:
        dims: names of the dimensions, the more telling first (of two that cannot be told apart
            the first one gives the name).
        values: for each dimension its values; `codes` are positions in them.
        codes: (leaves, dims), no row twice.
        amount: (leaves, minutes), what is counted or summed.
        total: (leaves, minutes), the requests it is counted over.
        measure: how the two belong together.
    """

    dims: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    codes: Codes
    amount: Floats
    total: Floats
    measure: Measure = "ratio"

    @property
    def sizes(self) -> tuple[int, ...]:
        """Returns the number of values of each dimension."""
        return tuple(len(values) for values in self.values)


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the leaves should read in some windows, and how far they are off: (leaves, windows).

    Attributes:
        expected: amount at the earlier rate and the present traffic.
        excess: amount beyond it, below zero where there is less.
        variance: of `excess` where nothing happened.
    """

    expected: Floats
    excess: Floats
    variance: Floats
