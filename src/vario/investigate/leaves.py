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
Flags = NDArray[np.bool_]

Measure = Literal["ratio", "count", "mean"]
"""What `amount` is: `ratio` bad requests of `total`, `count` events by themselves (`total` is 1 in
every minute that was watched), `mean` a sum over `total` requests, such as their seconds."""

PRIOR_WEIGHT = {"ratio": 20.0, "mean": 20.0, "count": 1.0}
"""Requests (minutes, for counts) that the rate predicted from a leaf's values weighs against the
leaf's own history. On the RS incidents 5 to 100 requests differ by two cases in 71."""

RIPPLE = 0.7
"""Deviation of a leaf's amount relative to its expectation, beyond counting noise: how unevenly a
cause hits the leaves under it. On the RS incidents 0.5 to 1.5 differ by two cases in 71."""

LEAST_EVENTS = 0.1
"""The variance of a leaf that expects next to nothing is that of so many events."""

HIGH_MINUTE = 3.0
"""A minute this many robust deviations above the baseline's median is left out of it, as an
incident of its own."""

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
        amount: (leaves, minutes), what is counted or summed, not below 0.
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
class Windows:
    """Baseline and window side by side, one column a question: all (leaves, questions)."""

    amount_before: Floats
    total_before: Floats
    amount: Floats
    total: Floats


@dataclass(frozen=True, slots=True)
class Excess:
    """What the leaves should read in the windows, and how far they are off: (leaves, questions).

    Attributes:
        expected: amount at the earlier rate and the present traffic.
        excess: amount beyond it, below zero where there is less.
        noise: variance of `excess` from counting alone, in the window and in the baseline.
        variance: of `excess` under causes that hit leaves unevenly.
    """

    expected: Floats
    excess: Floats
    noise: Floats
    variance: Floats


def ordinary_minutes(table: LeafTable, before: Columns) -> Columns:
    """Returns the minutes of `before` without those that are incidents of their own."""
    if len(before) < 4:
        return before
    rate = table.amount.sum(0)[before] / np.maximum(table.total.sum(0)[before], 1e-12)
    middle = np.median(rate)
    deviation = 1.4826 * np.median(np.abs(rate - middle)) + 1e-9
    if table.measure == "ratio":
        # Where bad requests are so rare that most minutes have none, one with one is ordinary.
        total = table.total.sum(0)[before]
        usual = table.amount.sum(0)[before].sum() / max(total.sum(), 1e-12)
        deviation = max(deviation, np.sqrt(usual / max(np.median(total), 1.0)))
    kept = before[rate <= middle + HIGH_MINUTE * deviation]
    return kept if len(kept) >= 2 else before


def sum_windows(table: LeafTable, questions: list[tuple[Columns, Columns]]) -> Windows:
    """Returns the sums over the minutes (before, after) of every question."""
    minutes = table.amount.shape[1]
    chosen = np.zeros((2, minutes, len(questions)))
    for column, (before, after) in enumerate(questions):
        chosen[0, before, column] = 1
        chosen[1, after, column] = 1
    return Windows(
        table.amount @ chosen[0],
        table.total @ chosen[0],
        table.amount @ chosen[1],
        table.total @ chosen[1],
    )


def predict_rates(table: LeafTable, windows: Windows) -> Floats:
    """Returns the rate of each leaf in the first baseline as the product of one factor a value.

    It is the log-linear model without interactions, fitted by iterative scaling; leaves without
    any history get from it what their values usually go with.
    """
    amount = np.ascontiguousarray(windows.amount_before[:, 0])
    total = np.ascontiguousarray(windows.total_before[:, 0])
    usual = float(amount.sum()) / max(float(total.sum()), 1e-12)
    rate = np.full(len(amount), usual)
    columns = np.ascontiguousarray(table.codes.T)
    for _ in range(FITTING_ROUNDS):
        for codes, size in zip(columns, table.sizes, strict=True):
            seen = np.bincount(codes, amount, size)
            fitted = np.bincount(codes, rate * total, size)
            rate *= ((seen + usual) / (fitted + usual + 1e-300))[codes]
    return rate


def find_excess(table: LeafTable, windows: Windows, predicted: Floats, event: float) -> Excess:
    """Returns expectation, excess and its variance.

    Args:
        table: where the windows are from.
        windows: sums over them.
        predicted: rate of each leaf by its values, what `predict_rates` returns.
        event: what `event_size` returns.
    """
    weight = PRIOR_WEIGHT[table.measure]
    rate = (windows.amount_before + weight * predicted[:, None]) / (windows.total_before + weight)
    expected = rate * windows.total
    counting = event * np.maximum(expected, LEAST_EVENTS * event)
    noise = counting * (1 + windows.total / (windows.total_before + weight))
    return Excess(expected, windows.amount - expected, noise, counting + (RIPPLE * expected) ** 2)


def event_size(table: LeafTable, minutes: Columns) -> float:
    """Returns variance over expectation of an amount: 1 for events, a duration for sums of them.

    It is taken from the baseline's minutes, so that an incident does not widen its own variance.
    """
    if table.measure != "mean":
        return 1.0
    amount, total = table.amount[:, minutes], table.total[:, minutes]
    rate = amount.sum(1) / np.maximum(total.sum(1), 1e-12)
    usual = rate[:, None] * total
    offset = np.where(total > 0, (amount - usual) ** 2 / np.maximum(usual, 1e-300), 0)
    seen = np.count_nonzero(usual > 0)
    return max(float(offset.sum()) / max(seen, 1), 1e-12)
