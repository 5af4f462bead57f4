"""Calls of functions that take a range."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from vario.errors import ExecutionError, InternalError
from vario.query.promql import range_functions as floats
from vario.query.promql.extended import (
    ANCHORED_FUNCTIONS,
    SMOOTHED_FUNCTIONS,
    Extended,
    anchored_windows,
)
from vario.query.promql.histogram_math import detect_reset
from vario.query.promql.label_functions import labels_of_absent
from vario.query.promql.lexer import Position
from vario.query.promql.matching import LabelSet, get_label, keep_labels
from vario.query.promql.nodes import Call, MatrixSelector, Node, Subquery
from vario.query.promql.range_histograms import (
    avg_histograms,
    count_mixed,
    edge_values,
    inform_ignored,
    instant_change_mixed,
    over_histograms,
    rate_histograms,
    sum_histograms,
    warn_mixed,
)
from vario.query.promql.signatures import FUNCTIONS
from vario.query.promql.values import Hists, Mask, Steps, Vector, holds, prune_hists
from vario.query.promql.windows import Ranges
from vario.store.base import GRID_FUNCTIONS

if TYPE_CHECKING:
    from vario.query.promql.evaluate import Evaluator

RANGE_FUNCTIONS = frozenset(
    name for name, signature in FUNCTIONS.items() if "matrix" in signature.args
)
_COUNTERS = frozenset(("rate", "increase", "irate"))
_COUNTER_SUFFIXES = ("_total", "_sum", "_count", "_bucket")
_FLOAT_ONLY: dict[str, Callable[[Ranges], floats.Result]] = {
    "max_over_time": floats.extreme(np.greater),
    "min_over_time": floats.extreme(np.less),
    "ts_of_max_over_time": floats.extreme(np.greater_equal, timestamp=True),
    "ts_of_min_over_time": floats.extreme(np.less_equal, timestamp=True),
    "stdvar_over_time": floats.variance,
    "stddev_over_time": floats.deviation,
    "mad_over_time": floats.median_deviation,
}


class RangeCalls:
    """Evaluates functions of ranges for an evaluator."""

    def __init__(self, evaluator: "Evaluator") -> None:
        self.evaluator = evaluator
        self.context = evaluator.context
        self.notes = evaluator.context.notes
        self._first_argument = Position(0, 0)

    def call(self, node: Call, steps: Steps) -> Vector:
        """Returns the value of a call; raises as `Evaluator.eval`."""
        argument = next(a for a in node.args if isinstance(a, MatrixSelector | Subquery))
        self._check_extended(node.name, argument)
        if pushed := self.pushed_down(node, argument, steps):
            self._note_non_counters(node, pushed, argument.position)
            return self.context.drop_names(pushed, strict=True)
        ranges = self.evaluator.ranges(argument, steps, counter=node.name in _COUNTERS)
        self._first_argument = node.args[0].position
        if node.name == "absent_over_time":
            return self.absent(argument, ranges)
        result = self.compute(node, argument, ranges, steps)
        self._note_non_counters(node, result, ranges.position)
        if node.name in ("last_over_time", "first_over_time"):
            return result
        return self.context.drop_names(result, strict=True)

    def _check_extended(self, name: str, argument: MatrixSelector | Subquery) -> None:
        if not isinstance(argument, MatrixSelector):
            return
        for modifier, on, allowed in (
            ("anchored", argument.vector.anchored, ANCHORED_FUNCTIONS),
            ("smoothed", argument.vector.smoothed, SMOOTHED_FUNCTIONS),
        ):
            if on and name not in allowed:
                names = ", ".join(sorted(allowed))
                message = f"{modifier} modifier can only be used with: {names} - not with {name}"
                raise ExecutionError(message)

    def pushed_down(
        self, node: Call, argument: MatrixSelector | Subquery, steps: Steps
    ) -> Vector | None:
        """Returns the values of a function that the store evaluates, None where it does not.

        Series that it cannot evaluate exactly are computed from their samples.
        """
        if node.name not in GRID_FUNCTIONS or not isinstance(argument, MatrixSelector):
            return None
        selectors = self.evaluator.selectors
        pushed = selectors.grid(node.name, argument.vector, steps, argument.range_ms)
        if pushed is None:
            return None
        found, grid = pushed
        rest = ~grid.exact
        if rest.any():
            ranges = selectors.ranges(argument, steps, only=rest)
            counter, per_second = node.name != "delta", node.name == "rate"
            grid.values[rest], grid.present[rest] = floats.rate(
                ranges, counter=counter, per_second=per_second
            )
        return Vector(found.labels, grid.values, grid.present).without_empty()

    def absent(self, argument: Node, ranges: Ranges) -> Vector:
        """absent_over_time: 1 at steps where no series has a sample in its window."""
        _, present = floats.present_over(ranges)
        missing = ~np.any(present, axis=0, keepdims=True)
        labels = labels_of_absent(argument)
        return Vector([labels], np.ones(missing.shape), missing).without_empty()

    def compute(  # noqa: PLR0911 - one return a case
        self, node: Call, argument: MatrixSelector | Subquery, ranges: Ranges, steps: Steps
    ) -> Vector:
        """Returns the function's values under the series' own labels."""
        if isinstance(argument, MatrixSelector) and (
            argument.vector.anchored or argument.vector.smoothed
        ):
            return self.extended(ranges, node.name, smoothed=argument.vector.smoothed)
        numbers = [self.evaluator.scalar(arg, steps) for arg in node.args if arg is not argument]
        match node.name:
            case "rate" | "increase" | "delta":
                return self.rate(ranges, node.name)
            case "irate" | "idelta":
                return self.instant_change(ranges, node)
            case "sum_over_time" | "avg_over_time":
                return self.sum_or_avg(ranges, average=node.name == "avg_over_time")
            case "count_over_time":
                return self._vector(ranges, *floats.count_over(ranges))
            case "present_over_time":
                return self._vector(ranges, *floats.present_over(ranges))
            case "resets" | "changes":
                return self.count_steps(ranges, node.name)
            case "quantile_over_time":
                return self.quantile(ranges, numbers[0])
            case "deriv" | "predict_linear":
                return self.regression(ranges, numbers[0] if numbers else None)
            case "double_exponential_smoothing":
                return self.smoothing(ranges, numbers[0], numbers[1])
            case _:
                return self.others(ranges, node.name)

    def extended(self, ranges: Ranges, name: str, *, smoothed: bool) -> Vector:
        """Functions of anchored and smoothed ranges."""
        if name in ("resets", "changes"):
            return self.count_steps(anchored_windows(ranges), name)
        if ranges.histograms is not None:
            message = "smoothed and anchored modifiers do not work with native histograms"
            raise ExecutionError(message)
        return self._vector(ranges, *Extended(ranges, name, smoothed).run())

    def others(self, ranges: Ranges, name: str) -> Vector:
        """First, last, and functions of floats alone."""
        if name in _FLOAT_ONLY:
            inform_ignored(ranges, self.notes)
            return self._vector(ranges, *_FLOAT_ONLY[name](ranges))
        if name not in (
            "first_over_time",
            "last_over_time",
            "ts_of_first_over_time",
            "ts_of_last_over_time",
        ):
            raise InternalError(f"function {name} is not there")
        values, present, hists, times = edge_values(ranges, last="last" in name)
        if name.startswith("ts_of"):
            return self._vector(ranges, times, present)
        return self._vector(ranges, values, present, hists)

    def _vector(
        self, ranges: Ranges, values: floats.Floats, present: Mask, hists: Hists | None = None
    ) -> Vector:
        drop_name = ranges.drop_name
        return Vector(ranges.labels, values, present, prune_hists(hists), drop_name).without_empty()

    def _merged(self, ranges: Ranges, values: floats.Floats, present: Mask, hists: Hists) -> Vector:
        return self._vector(ranges, values, present | holds(hists), hists)

    def rate(self, ranges: Ranges, name: str) -> Vector:
        """rate, increase and delta."""
        counter, per_second = name != "delta", name == "rate"
        values, present = floats.rate(ranges, counter=counter, per_second=per_second)
        if ranges.histograms is None:
            return self._vector(ranges, values, present)
        mixed = warn_mixed(ranges, self.notes)
        hists = rate_histograms(ranges, self.notes, counter=counter, per_second=per_second)
        return self._merged(ranges, values, present & ~mixed, hists)

    def instant_change(self, ranges: Ranges, node: Call) -> Vector:
        """Irate and idelta."""
        counter = node.name == "irate"
        values, present = floats.instant_change(ranges, counter=counter)
        if ranges.histograms is None:
            return self._vector(ranges, values, present)
        hists, void = instant_change_mixed(
            ranges, self.notes, node.args[0].position, counter=counter
        )
        return self._merged(ranges, values, present & ~void, hists)

    def sum_or_avg(self, ranges: Ranges, *, average: bool) -> Vector:
        """sum_over_time and avg_over_time."""
        values, present = floats.avg_over(ranges) if average else floats.sum_over(ranges)
        if ranges.histograms is None:
            return self._vector(ranges, values, present)
        mixed = warn_mixed(ranges, self.notes)
        summarise = avg_histograms if average else sum_histograms
        hists = over_histograms(ranges, self.notes, summarise, 1)
        return self._merged(ranges, values, present & ~mixed, hists)

    def count_steps(self, ranges: Ranges, name: str) -> Vector:
        """Resets and changes."""
        differs = floats.is_reset if name == "resets" else floats.is_change
        values, present = floats.count_steps(differs)(ranges)
        if ranges.histograms is None:
            return self._vector(ranges, values, present)
        present = present | (ranges.h_counts > 0)
        if name == "resets":
            values = count_mixed(
                ranges, values, lambda a, b: b < a, lambda a, b: detect_reset(b, a)
            )
        else:
            values = count_mixed(
                ranges,
                values,
                floats.differs,
                lambda a, b: not b.same_as(a),
            )
        return self._vector(ranges, values, present)

    def quantile(self, ranges: Ranges, quantile: floats.Floats) -> Vector:
        """quantile_over_time."""
        present = (ranges.counts > 0).any(axis=0)
        for value in np.unique(quantile[present]):
            if not 0 <= value <= 1:
                self.notes.bad_quantile(float(value), self._first_argument)
        inform_ignored(ranges, self.notes)
        return self._vector(ranges, *floats.quantiles_of_windows(ranges, quantile))

    def regression(self, ranges: Ranges, ahead: floats.Floats | None) -> Vector:
        """deriv, and predict_linear where `ahead` (seconds) is given."""
        inform_ignored(ranges, self.notes)
        if ahead is None:
            line = floats.regress(ranges, floats.first_times(ranges))
            return self._vector(ranges, line.slope, line.present)
        line = floats.regress(ranges, ranges.eval_ms)
        return self._vector(ranges, line.slope * ahead + line.intercept, line.present)

    def smoothing(self, ranges: Ranges, factor: floats.Floats, trend: floats.Floats) -> Vector:
        """double_exponential_smoothing."""
        for what, value in (("smoothing", factor), ("trend", trend)):
            bad = value[~((value > 0) & (value < 1))]
            if len(bad) and len(ranges.labels):
                symbol = "sf" if what == "smoothing" else "tf"
                message = f"invalid {what} factor. Expected: 0 < {symbol} < 1, got: {bad[0]:f}"
                raise ExecutionError(message)
        inform_ignored(ranges, self.notes)
        return self._vector(ranges, *floats.smoothing(ranges, factor, trend))

    def _note_non_counters(self, node: Call, result: Vector, at: Position) -> None:
        """Notes rates of floats that do not look like counters."""
        if node.name not in ("rate", "increase"):
            return
        rows = np.flatnonzero(result.is_float.any(axis=1))
        keys = ("__name__", "__type__")
        for labels in dict.fromkeys(keep_labels(result.labels[row], keys) for row in rows):
            self._note_non_counter(labels, at)

    def _note_non_counter(self, labels: LabelSet, at: Position) -> None:
        name = get_label(labels, "__name__")
        if not name:
            return
        if self.context.features.type_and_unit_labels:
            kind = get_label(labels, "__type__")
            if kind not in ("counter", "histogram"):
                self.notes.non_counter_label(name, kind, at)
        elif not name.endswith(_COUNTER_SUFFIXES):
            self.notes.possible_non_counter(name, at)
