"""histogram_quantile, histogram_quantiles and histogram_fraction, over both kinds of histograms."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from vario.query.promql.classic_histograms import bucket_fraction, bucket_quantile
from vario.query.promql.histogram import Histogram
from vario.query.promql.lexer import Position
from vario.query.promql.literals import format_general, parse_number
from vario.query.promql.matching import LabelSet, get_label, with_label, without_labels
from vario.query.promql.native_histograms import histogram_fraction, histogram_quantile
from vario.query.promql.nodes import Call, Node
from vario.query.promql.values import Floats, Ints, Steps, Text, Vector, merge_same_labels

if TYPE_CHECKING:
    from vario.query.promql.evaluate import Evaluator

ClassicFunction = Callable[[Floats, Floats, Ints, str], Floats]
"""Bounds (b,), counts (b, k), steps (k,) and name of a histogram: its value at these steps."""
NativeFunction = Callable[[Histogram, int, str], float]


class Histograms:
    """A vector split into native histograms and classic ones, each at every step.

    Attributes:
        classic: rows and bounds of each classic histogram by its labels, `le` left out.
        native: rows that hold native histograms.
        conflict: shape (n, steps), native cells that a classic histogram contradicts.
    """

    def __init__(self, vector: Vector, argument: Node, evaluator: "Evaluator") -> None:
        self.vector = vector
        self.floats = vector.is_float
        self.cells = vector.is_histogram & vector.present
        self.native = [int(row) for row in np.flatnonzero(self.cells.any(axis=1))]
        self.classic: dict[LabelSet, list[tuple[float, int]]] = {}
        self._collect(argument.position, evaluator)
        self.conflict = np.zeros(vector.present.shape, dtype=np.bool_)
        self._find_conflicts(argument.position, evaluator)

    def _collect(self, at: Position, evaluator: "Evaluator") -> None:
        context = evaluator.context
        for row in np.flatnonzero(self.floats.any(axis=1)):
            labels = self.vector.labels[row]
            text = get_label(labels, "le")
            try:
                bound = parse_number(text)
            except ValueError:
                name = context.name_for_notes(get_label(labels, "__name__"))
                context.notes.bad_bucket_label(name, text, at)
                continue
            key = without_labels(labels, ("le",))
            self.classic.setdefault(key, []).append((bound, int(row)))
        for buckets in self.classic.values():
            buckets.sort(key=lambda pair: (math.isnan(pair[0]), pair[0]))

    def _find_conflicts(self, at: Position, evaluator: "Evaluator") -> None:
        context = evaluator.context
        for row in self.native:
            labels = self.vector.labels[row]
            rows = [r for _, r in self.classic.get(labels, ())]
            if not rows:
                continue
            both = self.cells[row] & self.floats[rows].any(axis=0)
            if both.any():
                name = context.name_for_notes(get_label(labels, "__name__"))
                context.notes.mixed_classic_native(name, at)
                self.conflict[row] = both

    def apply(self, native: NativeFunction, classic: ClassicFunction) -> Vector:
        """Returns a number for every histogram at every step."""
        labels: list[LabelSet] = []
        rows: list[Floats] = []
        shown: list[np.ndarray[tuple[int], np.dtype[np.bool_]]] = []
        drop_name: list[bool] = []
        steps = self.vector.values.shape[1]
        for row in self.native:
            present = self.cells[row] & ~self.conflict[row]
            name = get_label(self.vector.labels[row], "__name__")
            values = np.zeros(steps)
            for step in np.flatnonzero(present).tolist():
                if self.vector.hists is not None:
                    values[step] = native(self.vector.hists[row, step], step, name)
            labels.append(self.vector.labels[row])
            rows.append(values)
            shown.append(present)
            drop_name.append(bool(self.vector.drop_name[row]))
        for key, buckets in self.classic.items():
            values, present = self._classic_values(key, buckets, classic)
            labels.append(key)
            rows.append(values)
            shown.append(present)
            drop_name.append(bool(self.vector.drop_name[buckets[0][1]]))
        if not labels:
            return Vector([], np.zeros((0, steps)), np.zeros((0, steps), dtype=np.bool_))
        result = Vector(labels, np.array(rows), np.array(shown))
        result.drop_name = np.array(drop_name)
        return result.without_empty()

    def _classic_values(
        self, key: LabelSet, buckets: list[tuple[float, int]], classic: ClassicFunction
    ) -> tuple[Floats, "np.ndarray[tuple[int], np.dtype[np.bool_]]"]:
        bounds = np.array([bound for bound, _ in buckets])
        rows = [row for _, row in buckets]
        here = self.floats[rows]
        present = np.array(np.any(here, axis=0))
        for row in self.native:
            if self.vector.labels[row] == key:
                present &= ~self.conflict[row]
        counts = self.vector.values[rows]
        values = np.zeros(present.shape)
        name = get_label(key, "__name__")
        # Most often all buckets are there at all steps.
        patterns, of_step = np.unique(here, axis=1, return_inverse=True)
        for number in range(patterns.shape[1]):
            chosen = patterns[:, number]
            steps = np.flatnonzero(present & (of_step.ravel() == number))
            if len(steps):
                those = counts[np.ix_(chosen, steps)]
                values[steps] = classic(bounds[chosen], those, steps, name)
        return values, present


class QuantileCalls:
    """Evaluates quantiles and fractions of histograms for an evaluator."""

    def __init__(self, evaluator: "Evaluator") -> None:
        self.evaluator = evaluator
        self.context = evaluator.context
        self.notes = evaluator.context.notes

    def call(self, node: Call, steps: Steps) -> Vector:
        """Returns the value of a call; raises as `Evaluator.eval`."""
        if node.name == "histogram_quantile":
            quantile = self.evaluator.scalar(node.args[0], steps)
            self._check(quantile, node.args[0])
            histograms = self._histograms(node.args[1], steps)
            result = self._quantiles(histograms, quantile, node.args[1])
        elif node.name == "histogram_quantiles":
            return self._several(node, steps)
        else:
            lower, upper = (self.evaluator.scalar(arg, steps) for arg in node.args[:2])
            result = self._fractions(
                self._histograms(node.args[2], steps), lower, upper, node.args[2]
            )
        return self.context.drop_names(result)

    def _histograms(self, argument: Node, steps: Steps) -> Histograms:
        return Histograms(self.evaluator.vector(argument, steps), argument, self.evaluator)

    def _check(self, quantile: Floats, argument: Node) -> None:
        for value in np.unique(quantile):
            if not 0 <= value <= 1:
                self.notes.bad_quantile(float(value), argument.position)

    def _quantiles(self, histograms: Histograms, quantile: Floats, at: Node) -> Vector:
        def native(h: Histogram, step: int, name: str) -> float:
            return histogram_quantile(float(quantile[step]), h, self.notes, name, at.position)

        def classic(bounds: Floats, counts: Floats, steps: Ints, name: str) -> Floats:
            values, forced = bucket_quantile(quantile[steps], bounds, counts)
            if forced.any():
                shown = self.context.name_for_notes(name)
                self.notes.forced_monotonicity(shown, at.position)
            return values

        return histograms.apply(native, classic)

    def _several(self, node: Call, steps: Steps) -> Vector:
        label = self.evaluator.eval(node.args[1], steps)
        name = label.value if isinstance(label, Text) else ""
        histograms = self._histograms(node.args[0], steps)
        parts: list[Vector] = []
        for argument in node.args[2:]:
            quantile = self.evaluator.scalar(argument, steps)
            self._check(quantile, argument)
            result = self._quantiles(histograms, quantile, node.args[0])
            for value in np.unique(quantile):
                shown = result.present & (
                    np.isnan(quantile) if math.isnan(value) else quantile == value
                )
                text = openmetrics_float(float(value))
                part = Vector(result.labels, result.values, shown, None, result.drop_name)
                parts.append(
                    part.without_empty().relabelled(lambda ls, t=text: with_label(ls, name, t))
                )
        joined = Vector(
            [labels for part in parts for labels in part.labels],
            np.concatenate([part.values for part in parts]),
            np.concatenate([part.present for part in parts]),
        )
        joined.drop_name = np.concatenate([part.drop_name for part in parts])
        return self.context.drop_names(merge_same_labels(joined))

    def _fractions(self, histograms: Histograms, lower: Floats, upper: Floats, at: Node) -> Vector:
        def native(h: Histogram, step: int, name: str) -> float:
            low, high = float(lower[step]), float(upper[step])
            return histogram_fraction(low, high, h, self.notes, name, at.position)

        def classic(bounds: Floats, counts: Floats, steps: Ints, _: str) -> Floats:
            return bucket_fraction(lower[steps], upper[steps], bounds, counts)

        return histograms.apply(native, classic)


def openmetrics_float(value: float) -> str:
    """Returns a float as OpenMetrics writes it in labels: `1.0`, not `1`."""
    text = format_general(value)
    return text if any(char in text for char in "einfNa.") else text + ".0"
