"""A measure in blocks of time, in a slice of the traffic and where all was well, like for like.

Direct standardisation: each block's value is what it would be with the traffic mix of the baseline,
so that fewer of the expensive requests do not look like a fix.
"""

from dataclasses import dataclass

import numpy as np

from vario.investigate.sequential import Floats, autocorrelation
from vario.model.telemetry import TimeRange

LARGEST_SEGMENTS = 8
"""Segments of the mix; the rest of the traffic is one more."""
STEPS = (1, 2, 3, 6, 12, 30, 60)
"""How many base steps a block may have."""
LEAST_REQUESTS = 20
"""Requests that a block should have on average, unless the measure has none."""
LEAST_HISTORY = 16
"""Blocks that the baseline should keep."""
MOST_CORRELATED = 0.2
"""Neighbouring blocks that are more alike than this are joined, where enough of them remain."""
OPPOSED, LEAST_OPPOSED = 0.55, 6
"""Pairs of neighbours that scatter less than this part of what single blocks do (0.71 where they
are independent) make up for each other: work is counted by batches. So many are left of them."""
GONE = 0.1
"""A segment whose share of the traffic fell below this part of its former one cannot be judged."""


@dataclass(frozen=True, slots=True)
class Table:
    """Amounts and counts by segment and step: their quotient is the measure.

    Attributes:
        start_ns: when the first step begins; `step_ns` its length.
        amount: shape (segments, steps): seconds, errors, dollars.
        total: shape (segments, steps): requests, or what else it is a mean over.
    """

    start_ns: int
    step_ns: int
    amount: Floats
    total: Floats

    @property
    def steps(self) -> int:
        """How many steps there are."""
        return self.amount.shape[1]

    def index(self, time_ns: int, *, up: bool = False) -> int:
        """Returns the step at a time, or the first one that begins at it or later."""
        steps = (time_ns - self.start_ns + (self.step_ns - 1 if up else 0)) // self.step_ns
        return int(min(max(steps, 0), self.steps))

    def joined(self, count: int, anchor: int) -> "Table":
        """Returns the table in steps `count` times as long, one of which begins at `anchor`."""
        first = anchor % count
        steps = (self.steps - first) // count
        end = first + steps * count

        def join(values: Floats) -> Floats:
            return values[:, first:end].reshape(values.shape[0], steps, count).sum(axis=2)

        start_ns = self.start_ns + first * self.step_ns
        return Table(start_ns, self.step_ns * count, join(self.amount), join(self.total))

    def merged(self, order: Floats) -> "Table":
        """Returns the table with its largest segments, and all others as one.

        Args:
            order: shape (segments,), how much each counts.
        """
        if len(order) <= LARGEST_SEGMENTS + 1:
            return self
        kept = np.argsort(-order, kind="stable")
        first, rest = kept[:LARGEST_SEGMENTS], kept[LARGEST_SEGMENTS:]

        def merge(values: Floats) -> Floats:
            return np.vstack([values[first], values[rest].sum(axis=0, keepdims=True)])

        return Table(self.start_ns, self.step_ns, merge(self.amount), merge(self.total))


@dataclass(frozen=True, slots=True)
class Mix:
    """The traffic mix of the baseline: the share and the measure of each segment."""

    shares: Floats
    rates: Floats

    @classmethod
    def of(cls, table: Table, window: slice) -> "Mix":
        """Returns the mix of some steps."""
        total = table.total[:, window].sum(axis=1)
        amount = table.amount[:, window].sum(axis=1)
        whole = total.sum()
        shares = total / whole if whole > 0 else np.zeros_like(total)
        overall = amount.sum() / whole if whole > 0 else 0.0
        rates = np.divide(amount, total, out=np.full_like(total, overall), where=total > 0)
        return cls(shares, rates)

    def standardise(self, table: Table) -> Floats:
        """Returns the measure of each step with this mix, NaN where there was no request.

        A segment without a request in a step is taken to have moved as the others did.
        """
        total, amount = table.total, table.amount
        there = total > 0
        rates = np.divide(amount, total, out=np.zeros_like(amount), where=there)
        expected = (total * self.rates[:, None]).sum(axis=0)
        moved = np.divide(
            amount.sum(axis=0), expected, out=np.ones_like(expected), where=expected > 0
        )
        filled = np.where(there, rates, self.rates[:, None] * moved)
        return np.where(total.sum(axis=0) > 0, self.shares @ filled, np.nan)

    def effective(self, table: Table, window: slice) -> float:
        """Returns how many requests with this mix a mean step of a window is worth."""
        total = table.total[:, window].mean(axis=1)
        used = self.shares > 0
        if not used.any() or (total[used] <= 0).any():
            return 0.0
        return float(1 / np.sum(self.shares[used] ** 2 / total[used]))

    def is_kept(self, table: Table, window: slice) -> bool:
        """Returns whether every segment of weight still has traffic."""
        total = table.total[:, window].sum(axis=1)
        whole = total.sum()
        if whole <= 0:
            return False
        heavy = self.shares >= 0.05
        return bool((total[heavy] / whole >= GONE * self.shares[heavy]).all())


def choose_step(table: Table, before: slice, least_requests: int = LEAST_REQUESTS) -> int:
    """Returns how many steps a block should have: enough requests, little correlation either way.

    Longer blocks are less correlated, but fewer: where the baseline would have too few of them,
    the long-run variance has to do.
    """
    total = table.total[:, before].sum(axis=0)
    amount = table.amount[:, before].sum(axis=0)
    steps = len(total)
    chosen, opposed = STEPS[0], False
    for count in STEPS:
        least = LEAST_OPPOSED if opposed else LEAST_HISTORY
        if count > STEPS[0] and steps // count < least:
            break
        chosen = count
        blocks = steps // count
        joined_total = total[: blocks * count].reshape(blocks, count).sum(axis=1)
        joined = amount[: blocks * count].reshape(blocks, count).sum(axis=1)
        values = np.divide(
            joined, joined_total, out=np.full(blocks, np.nan), where=joined_total > 0
        )
        enough = blocks > 0 and joined_total.mean() >= least_requests
        opposed = _is_opposed(values)
        if enough and not opposed and autocorrelation(values) <= MOST_CORRELATED:
            break
    return chosen


def _is_opposed(values: Floats) -> bool:
    """Whether a block makes up for what its neighbour had too much of."""
    known = values[np.isfinite(values)]
    pairs = known[: len(known) // 2 * 2].reshape(-1, 2).mean(axis=1)
    return len(pairs) >= LEAST_OPPOSED and bool(pairs.std() < OPPOSED * known.std())


def whole_steps(window: TimeRange, step_ns: int, anchor_ns: int) -> TimeRange:
    """Returns the whole steps within a window, one of which begins at `anchor_ns`."""
    first_ns = window.start_ns + (anchor_ns - window.start_ns) % step_ns
    return TimeRange(first_ns, first_ns + (window.end_ns - first_ns) // step_ns * step_ns)
