"""Function calls: arguments evaluated, the right implementation chosen, names dropped."""

import math
from typing import TYPE_CHECKING

import numpy as np

from vario.errors import ExecutionError, InternalError
from vario.query.promql.info import join_info
from vario.query.promql.instant_functions import (
    DATE_FUNCTIONS,
    FLOAT_FUNCTIONS,
    HISTOGRAM_FUNCTIONS,
    clamp,
    on_floats,
    on_histograms,
    round_to,
)
from vario.query.promql.label_functions import (
    label_join,
    label_replace,
    labels_of_absent,
    sort_by_labels,
    sort_by_value,
)
from vario.query.promql.nodes import Call, Node, StepInvariant, VectorSelector
from vario.query.promql.quantile_calls import QuantileCalls
from vario.query.promql.range_calls import RANGE_FUNCTIONS, RangeCalls
from vario.query.promql.values import Floats, Scalar, Steps, Text, Vector

if TYPE_CHECKING:
    from vario.query.promql.evaluate import Evaluator, Value

_SORTS = frozenset(("sort", "sort_desc", "sort_by_label", "sort_by_label_desc"))
_CONSTANTS = frozenset(("time", "pi", "start", "end", "step", "range", "min_of", "max_of"))


class Calls:
    """Evaluates function calls for an evaluator."""

    def __init__(self, evaluator: "Evaluator") -> None:
        self.evaluator = evaluator
        self.context = evaluator.context
        self.range_calls = RangeCalls(evaluator)
        self.quantile_calls = QuantileCalls(evaluator)

    def call(self, node: Call, steps: Steps) -> "Value":  # noqa: PLR0911 - one return a case
        """Returns the value of a call; raises as `Evaluator.eval`."""
        name = node.name
        if name in RANGE_FUNCTIONS:
            return self.range_calls.call(node, steps)
        if name in _CONSTANTS:
            return Scalar(self.constant(node, steps))
        if name == "scalar":
            return Scalar(_only_value(self.vector(node.args[0], steps)))
        if name in ("label_replace", "label_join", "info", "vector", "absent", "timestamp"):
            return self.structural(node, steps)
        if name in _SORTS:
            return self.sort(node, steps)
        if name in ("histogram_quantile", "histogram_quantiles", "histogram_fraction"):
            return self.quantile_calls.call(node, steps)
        return self.context.drop_names(self.elementwise(node, steps))

    def vector(self, node: Node, steps: Steps) -> Vector:
        """Returns the value of an argument that is a vector."""
        return self.evaluator.vector(node, steps)

    def scalar(self, node: Node, steps: Steps) -> Floats:
        """Returns the value of an argument that is a scalar, shape (steps,)."""
        return self.evaluator.scalar(node, steps)

    def text(self, node: Node, steps: Steps) -> str:
        """Returns the value of an argument that is a string."""
        value = self.evaluator.eval(node, steps)
        if not isinstance(value, Text):
            raise InternalError("a function got no string where it takes one")
        return value.value

    def constant(self, node: Call, steps: Steps) -> Floats:
        """Functions of time and of the query itself."""
        context = self.context
        if node.name == "time":
            return steps.times() / 1000
        if node.name in ("min_of", "max_of"):
            lhs, rhs = (self.scalar(arg, steps) for arg in node.args)
            return np.minimum(lhs, rhs) if node.name == "min_of" else np.maximum(lhs, rhs)
        values = {
            "pi": math.pi,
            "start": context.start_ms / 1000,
            "end": context.end_ms / 1000,
            "step": context.step_ms / 1000,
            "range": (context.end_ms - context.start_ms) / 1000,
        }
        return np.full(steps.count, values[node.name])

    def structural(self, node: Call, steps: Steps) -> Vector:
        """Functions that look at labels, presence or times rather than values."""
        args = node.args
        if node.name == "vector":
            values = self.scalar(args[0], steps)[None, :]
            return Vector([()], values, np.ones(values.shape, dtype=np.bool_))
        if node.name == "absent":
            missing = ~np.any(self.vector(args[0], steps).present, axis=0, keepdims=True)
            labels = labels_of_absent(args[0])
            return Vector([labels], np.ones(missing.shape), missing).without_empty()
        if node.name == "timestamp":
            return self.context.drop_names(self.timestamps(args[0], steps))
        if node.name == "info":
            base = self.vector(args[0], steps)
            return join_info(self.evaluator.selectors, node, base, steps)
        texts = [self.text(arg, steps) for arg in args[1:]]
        if node.name == "label_join":
            return label_join(self.vector(args[0], steps), texts[0], texts[1], texts[2:])
        target, replacement, source, pattern = texts
        vector = self.vector(args[0], steps)
        return label_replace(vector, target, replacement, source, pattern)

    def timestamps(self, arg: Node, steps: Steps) -> Vector:
        """Times of samples where the argument is a selector, else of the steps."""
        inner = arg.expr if isinstance(arg, StepInvariant) else arg
        if isinstance(inner, VectorSelector) and not inner.smoothed:
            newest = self.evaluator.selectors.instant(inner, steps)
            vector, times = newest.vector, newest.ts_ms / 1000
        else:
            vector = self.vector(arg, steps)
            times = np.broadcast_to(steps.times() / 1000, vector.values.shape)
        result = Vector(vector.labels, times, vector.present, None, vector.drop_name)
        return result.without_empty()

    def sort(self, node: Call, steps: Steps) -> Vector:
        """Sorts an instant vector; in a range query, only warns."""
        vector = self.vector(node.args[0], steps)
        if self.context.start_ms != self.context.end_ms:
            self.context.notes.useless_sort(node.position)
        descending = node.name.endswith("_desc")
        if steps.count != 1:
            if node.name in ("sort", "sort_desc"):
                present = vector.is_float
                return Vector(vector.labels, vector.values, present, None, vector.drop_name)
            return vector
        if node.name in ("sort", "sort_desc"):
            return sort_by_value(vector, descending=descending)
        names = [self.text(arg, steps) for arg in node.args[1:]]
        return sort_by_labels(vector, names, descending=descending)

    def elementwise(self, node: Call, steps: Steps) -> Vector:
        """Functions that look at one value at a time."""
        name, args = node.name, node.args
        if name in DATE_FUNCTIONS:
            if not args:
                values = DATE_FUNCTIONS[name](np.floor(steps.times() / 1000))[None, :]
                return Vector([()], values, np.ones(values.shape, dtype=np.bool_))
            return on_floats(self.vector(args[0], steps), DATE_FUNCTIONS[name])
        vector = self.vector(args[0], steps)
        if name in FLOAT_FUNCTIONS:
            return on_floats(vector, FLOAT_FUNCTIONS[name])
        if name in HISTOGRAM_FUNCTIONS:
            return on_histograms(vector, HISTOGRAM_FUNCTIONS[name])
        numbers = [self.scalar(arg, steps) for arg in args[1:]]
        if name == "round":
            return round_to(vector, numbers[0] if numbers else np.ones(steps.count))
        lowest, highest = np.full(steps.count, -np.inf), np.full(steps.count, np.inf)
        match name:
            case "clamp":
                lowest, highest = numbers
            case "clamp_min":
                lowest = numbers[0]
            case "clamp_max":
                highest = numbers[0]
            case _:
                raise ExecutionError(f"function {name} is not there")
        return clamp(vector, lowest, highest)


def _only_value(vector: Vector) -> Floats:
    """Returns the value of each step's only float, NaN where there is none or more than one."""
    present = vector.is_float
    single = present.sum(axis=0) == 1
    values = np.where(present, vector.values, 0.0).sum(axis=0)
    return np.where(single, values, np.nan)
