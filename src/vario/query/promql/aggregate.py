"""Aggregations: groups of series to one each, at every step."""

import math
from collections.abc import Callable, Iterator

import numpy as np

from vario.query.promql.annotations import Annotations
from vario.query.promql.grouped import GroupedRows
from vario.query.promql.histogram import Histogram, IncompatibleSchemas, ResetHint
from vario.query.promql.histogram_math import add, subtract
from vario.query.promql.lexer import Position
from vario.query.promql.matching import LabelSet, get_label, keep_labels, without_labels
from vario.query.promql.nodes import Aggregate
from vario.query.promql.range_functions import RunningMean
from vario.query.promql.values import (
    Floats,
    Hists,
    Ints,
    Mask,
    Vector,
    empty_hists,
    holds,
    prune_hists,
)


class Groups:
    """Which series belong together.

    Attributes:
        labels: label set of each group, in order of first appearance.
        of_row: shape (n,), group of each series.
        rows: series of each group.
    """

    def __init__(self, vector: Vector, grouping: tuple[str, ...], without: bool) -> None:
        index: dict[LabelSet, int] = {}
        names = frozenset(grouping)
        self.rows: list[list[int]] = []
        of_row = np.zeros(len(vector), dtype=np.int64)
        for row, labels in enumerate(vector.labels):
            key = group_labels(labels, names, without)
            group = index.setdefault(key, len(index))
            if group == len(self.rows):
                self.rows.append([])
            self.rows[group].append(row)
            of_row[row] = group
        self.labels = list(index)
        self.of_row = of_row

    def __len__(self) -> int:
        """Number of groups."""
        return len(self.labels)

    def ranks(self) -> Iterator[tuple[Ints, Ints]]:
        """Yields (groups, rows): the k-th series of every group that has so many."""
        longest = max(map(len, self.rows), default=0)
        for k in range(longest):
            groups = [g for g, rows in enumerate(self.rows) if len(rows) > k]
            yield np.array(groups), np.array([self.rows[g][k] for g in groups])


def group_labels(labels: LabelSet, names: frozenset[str], without: bool) -> LabelSet:
    """Returns the labels of the group that a series belongs to."""
    if without:
        return without_labels(labels, names | {"__name__"})
    return keep_labels(labels, names) if names else ()


class Aggregation:
    """One aggregation without a selection of series (sum, avg, ..., quantile)."""

    def __init__(self, node: Aggregate, vector: Vector, notes: Annotations) -> None:
        self.node = node
        self.vector = vector
        self.notes = notes
        self.groups = Groups(vector, node.grouping, node.without)
        self.rows = GroupedRows(self.groups.of_row)
        self.shape = (len(self.groups), vector.values.shape[1])
        self.floats = vector.is_float

    def run(self, parameter: Floats) -> Vector:
        """Returns the aggregated vector; `parameter` (steps,) is the quantile."""
        op = self.node.op
        hists: Hists | None = None
        if op in ("sum", "avg"):
            values, present, hists = self._sum_or_avg(average=op == "avg")
        elif op in ("count", "group"):
            counts = self.rows.count(self.vector.present)
            present = counts > 0
            values = counts if op == "count" else np.ones(self.shape)
        else:
            self._ignore_histograms()
            present = self.rows.count(self.floats) > 0
            values = self._float_only(op, parameter)
        result = Vector(self.groups.labels, values, present, prune_hists(hists))
        result.drop_name = self._drop_names()
        return result.without_empty()

    def _drop_names(self) -> Mask:
        dropped = np.zeros(len(self.groups), dtype=np.bool_)
        np.logical_or.at(dropped, self.groups.of_row, self.vector.drop_name)
        return dropped

    def _ignore_histograms(self) -> None:
        if (self.vector.is_histogram & self.vector.present).any():
            self.notes.ignored_in_aggregation(self.node.op, self.node.expr.position)

    # sum and avg

    def _sum_or_avg(self, *, average: bool) -> tuple[Floats, Mask, Hists | None]:
        values = self._float_mean() if average else self._float_sum()
        has_float = self.rows.count(self.floats) > 0
        if self.vector.hists is None:
            return values, has_float, None
        cells = self.vector.is_histogram & self.vector.present
        has_histogram = self.rows.count(cells) > 0
        mixed = has_float & has_histogram
        if mixed.any():
            self.notes.mixed_aggregation(self.node.expr.position)
        hists = empty_hists(self.shape)
        fold = _mean_histogram if average else _sum_histogram
        for group, step in np.argwhere(has_histogram & ~mixed).tolist():
            rows = [row for row in self.groups.rows[group] if cells[row, step]]
            hists[group, step] = self._fold_histograms(rows, step, fold)
        present = (has_float & ~mixed) | holds(hists)
        return values, present, hists

    def _fold_histograms(
        self, rows: list[int], step: int, fold: "HistogramFold"
    ) -> Histogram | None:
        if self.vector.hists is None:
            return None
        column = self.vector.hists[:, step]
        at = self.node.expr.position
        result: Histogram = column[rows[0]]
        for count, row in enumerate(rows[1:], start=2):
            try:
                result, reconciled = fold(result, column[row], count)
            except IncompatibleSchemas:
                self.notes.mixed_schemas(get_label(self.vector.labels[row], "__name__"), at)
                return None
            if reconciled:
                self.notes.reconciled_bounds("aggregation", at)
        hints = {column[row].hint for row in rows}
        if ResetHint.RESET in hints and ResetHint.NOT_RESET in hints:
            self.notes.reset_collision("aggregation", at)
        return result.compacted()

    def _float_sum(self) -> Floats:
        total, lost = self.rows.sum(self.vector.values, self.floats)
        return total + lost

    def _float_mean(self) -> Floats:
        total, lost = self.rows.sum(self.vector.values, self.floats)
        if np.isfinite(total).all():
            counts = np.maximum(self.rows.count(self.floats), 1)
            return total / counts + lost / counts
        return self._running_mean()

    def _running_mean(self) -> Floats:
        """Means of what may be too large to be summed: value by value, as Prometheus does it."""
        size = self.shape[0] * self.shape[1]
        mean = RunningMean(size)
        counts = np.zeros(size)
        columns = np.arange(self.shape[1])
        for groups, rows in self.groups.ranks():
            here = self.floats[rows]
            cells = (groups[:, None] * self.shape[1] + columns)[here]
            counts[cells] += 1
            mean.add(cells, self.vector.values[rows][here], counts[cells])
        return mean.result(np.maximum(counts, 1)).reshape(self.shape)

    # min, max, stddev, stdvar, quantile

    def _float_only(self, op: str, parameter: Floats) -> Floats:
        if op == "quantile":
            return self._quantile(parameter)
        if op in ("min", "max"):
            values = np.where(self.floats, self.vector.values, np.nan)
            return self.rows.reduce(np.fmin if op == "min" else np.fmax, values)
        squares, counts = self._welford()
        variance = squares / np.maximum(counts, 1)
        return np.sqrt(variance) if op == "stddev" else variance

    def _welford(self) -> tuple[Floats, Floats]:
        mean, squares = np.zeros(self.shape), np.zeros(self.shape)
        counts = np.zeros(self.shape)
        for groups, rows in self.groups.ranks():
            here, value = self.floats[rows], self.vector.values[rows]
            first = here & (counts[groups] == 0)
            counts[groups] += here
            n = np.maximum(counts[groups], 1)
            delta = value - mean[groups]
            moved = mean[groups] + delta / n
            grown = squares[groups] + delta * (value - moved)
            moved = np.where(first, value, moved)
            grown = np.where(first, np.where(np.isfinite(value), 0.0, np.nan), grown)
            mean[groups] = np.where(here, moved, mean[groups])
            squares[groups] = np.where(here, grown, squares[groups])
        return squares, counts

    def _quantile(self, parameter: Floats) -> Floats:
        result = np.zeros(self.shape)
        for group, rows in enumerate(self.groups.rows):
            cells = self.floats[rows]
            values = np.where(cells, self.vector.values[rows], np.inf)
            result[group] = column_quantiles(values, cells.sum(axis=0), parameter)
        return result


HistogramFold = Callable[[Histogram, Histogram, int], tuple[Histogram, bool]]


def _sum_histogram(total: Histogram, value: Histogram, _: int) -> tuple[Histogram, bool]:
    combined = add(total, value)
    return combined.value, combined.bounds_reconciled


def _mean_histogram(mean: Histogram, value: Histogram, count: int) -> tuple[Histogram, bool]:
    change = subtract(value.divided(float(count)), mean.divided(float(count)))
    combined = add(mean, change.value)
    return combined.value, change.bounds_reconciled or combined.bounds_reconciled


def column_quantiles(values: Floats, counts: Ints, quantile: Floats) -> Floats:
    """Returns a quantile of each column; NaN counts as the lowest value.

    Args:
        values: shape (m, steps); absent cells are +Inf.
        counts: shape (steps,), number of present cells.
        quantile: shape (steps,).
    """
    nans = np.isnan(values).sum(axis=0)
    ordered = np.sort(np.where(np.isnan(values), -np.inf, values), axis=0)
    most = np.maximum(counts - 1, 0)
    with np.errstate(invalid="ignore"):
        rank = np.where(np.isnan(quantile), 0.0, np.clip(quantile, 0, 1)) * most
        lower = np.floor(rank).astype(np.int64)
        upper = np.minimum(lower + 1, most)
        weight = rank - lower
        low, high = (
            np.where(index < nans, np.nan, np.take_along_axis(ordered, index[None], axis=0)[0])
            for index in (lower, upper)
        )
        result = low * (1 - weight) + high * weight
    result = np.where(quantile < 0, -np.inf, np.where(quantile > 1, np.inf, result))
    return np.where(np.isnan(quantile), np.nan, result)


def note_quantiles(quantile: Floats, at: Position, notes: Annotations) -> None:
    """Warns of quantiles outside 0 to 1."""
    if np.isnan(quantile).any():
        notes.bad_quantile(math.nan, at)
    with np.errstate(invalid="ignore"):
        highest, lowest = np.fmax.reduce(quantile), np.fmin.reduce(quantile)
    if highest > 1:
        notes.bad_quantile(float(highest), at)
    if lowest < 0:
        notes.bad_quantile(float(lowest), at)
