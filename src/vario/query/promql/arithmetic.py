"""Binary operators on floats and histograms, element by element."""

from collections.abc import Callable

import numpy as np

from vario.query.promql.annotations import Annotations
from vario.query.promql.histogram import Histogram, IncompatibleSchemas, ResetHint
from vario.query.promql.histogram_math import Combined, add, subtract
from vario.query.promql.lexer import Position
from vario.query.promql.nodes import COMPARISONS, TRIMS
from vario.query.promql.trim import trimmed
from vario.query.promql.values import Floats, Hists, Mask, empty_hists, holds, prune_hists

ARITHMETIC: dict[str, Callable[[Floats, Floats], Floats]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "^": np.power,
    "%": np.fmod,
    "atan2": np.arctan2,
}
COMPARE: dict[str, Callable[[Floats, Floats], Mask]] = {
    "==": np.equal,
    "!=": np.not_equal,
    ">": np.greater,
    "<": np.less,
    ">=": np.greater_equal,
    "<=": np.less_equal,
}


def scalar_operation(op: str, lhs: Floats, rhs: Floats) -> Floats:
    """Returns `lhs op rhs` of scalars; comparisons give 1 and 0."""
    if op in COMPARE:
        return COMPARE[op](lhs, rhs).astype(np.float64)
    return ARITHMETIC[op](lhs, rhs)


class Operands:
    """Both sides of an operator, cell by cell.

    Attributes:
        lhs: left floats; `lhs_hists` its histograms or None.
        rhs: right floats; `rhs_hists` its histograms or None.
        both: where both sides are present.
    """

    def __init__(
        self,
        lhs: Floats,
        rhs: Floats,
        both: Mask,
        lhs_hists: Hists | None = None,
        rhs_hists: Hists | None = None,
    ) -> None:
        self.lhs, self.rhs, self.both = lhs, rhs, both
        self.lhs_hists, self.rhs_hists = lhs_hists, rhs_hists


class Outcome:
    """Cells of a result.

    Attributes:
        values: floats.
        hists: histograms or None.
        valid: where the operation exists for the types it met.
        keep: where a comparison holds; all of `valid` for other operators.
    """

    def __init__(self, values: Floats, hists: Hists | None, valid: Mask, keep: Mask) -> None:
        self.values, self.hists, self.valid, self.keep = values, hists, valid, keep


def operate(op: str, cells: Operands, notes: Annotations, at: Position) -> Outcome:
    """Applies an operator to every pair of cells.

    A comparison returns its left side. Pairs whose types the operator does not have are invalid
    and noted.
    """
    if op in COMPARISONS:
        keep = cells.both & COMPARE[op](cells.lhs, cells.rhs)
        values = np.broadcast_to(cells.lhs, cells.both.shape).copy()
    elif op in TRIMS:
        keep, values = cells.both.copy(), np.zeros(cells.both.shape)
    else:
        keep = cells.both.copy()
        values = np.broadcast_to(ARITHMETIC[op](cells.lhs, cells.rhs), cells.both.shape)
    outcome = Outcome(values, None, cells.both.copy(), keep)
    if cells.lhs_hists is None and cells.rhs_hists is None:
        if op in TRIMS and cells.both.any():
            notes.incompatible_types("float", op, "float", at)
            outcome.valid[:], outcome.keep[:] = False, False
        return outcome
    return _with_histograms(op, cells, outcome, notes, at)


def _with_histograms(
    op: str, cells: Operands, outcome: Outcome, notes: Annotations, at: Position
) -> Outcome:
    shape = cells.both.shape
    left = _spread(cells.lhs_hists, shape)
    right = _spread(cells.rhs_hists, shape)
    concerned = cells.both & (holds(left) | holds(right))
    if op in TRIMS:
        concerned = cells.both
    lhs = np.broadcast_to(cells.lhs, shape)
    rhs = np.broadcast_to(cells.rhs, shape)
    hists = empty_hists(shape)
    operation = _PairOperation(op, notes, at)
    for index in map(tuple, np.argwhere(concerned).tolist()):
        a: float | Histogram = float(lhs[index]) if left[index] is None else left[index]
        b: float | Histogram = float(rhs[index]) if right[index] is None else right[index]
        result, keep = operation(a, b)
        outcome.valid[index] = result is not None
        outcome.keep[index] = keep
        hists[index] = result
    outcome.hists = prune_hists(hists)
    return outcome


def _spread(hists: Hists | None, shape: tuple[int, ...]) -> Hists:
    return empty_hists(shape) if hists is None else np.broadcast_to(hists, shape)


class _PairOperation:
    """One operator on pairs of which at least one side is a histogram."""

    def __init__(self, op: str, notes: Annotations, at: Position) -> None:
        self.op, self.notes, self.at = op, notes, at

    def __call__(self, a: float | Histogram, b: float | Histogram) -> tuple[Histogram | None, bool]:
        """Returns the result, None where there is no such operation, and whether it is kept."""
        if isinstance(a, Histogram) and isinstance(b, Histogram):
            return self._both(a, b)
        result: Histogram | None = None
        if isinstance(a, Histogram) and not isinstance(b, Histogram):
            result = self._by_float(a, b)
        elif isinstance(b, Histogram) and self.op == "*" and not isinstance(a, Histogram):
            result = b.scaled(a).compacted()
        if result is None:
            kinds = ["histogram" if isinstance(side, Histogram) else "float" for side in (a, b)]
            self.notes.incompatible_types(kinds[0], self.op, kinds[1], self.at)
        return result, result is not None

    def _by_float(self, a: Histogram, b: float) -> Histogram | None:
        if self.op == "*":
            return a.scaled(b).compacted()
        if self.op == "/":
            return a.divided(b).compacted()
        if self.op in TRIMS:
            return trimmed(a, b, upper=self.op == "</")
        return None

    def _both(self, a: Histogram, b: Histogram) -> tuple[Histogram | None, bool]:
        if self.op == "==":
            return a, a.same_as(b)
        if self.op == "!=":
            return a, not a.same_as(b)
        if self.op not in ("+", "-"):
            self.notes.incompatible_types("histogram", self.op, "histogram", self.at)
            return None, False
        try:
            combined = add(a, b) if self.op == "+" else subtract(a, b)
        except IncompatibleSchemas:
            self.notes.incompatible_layout(self.op, self.at)
            return None, False
        return self._noted(combined).compacted(), True

    def _noted(self, combined: Combined) -> Histogram:
        operation = "addition" if self.op == "+" else "subtraction"
        if combined.hints_collide:
            self.notes.reset_collision(operation, self.at)
        if combined.bounds_reconciled:
            self.notes.reconciled_bounds(operation, self.at)
        if self.op == "-":
            return combined.value.with_hint(ResetHint.GAUGE)
        return combined.value
