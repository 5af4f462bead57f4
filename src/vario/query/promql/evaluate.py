"""The evaluator: a plan and its steps in, a value out."""

from dataclasses import replace

import numpy as np

from vario.errors import InternalError
from vario.query.promql.aggregate import Aggregation, note_quantiles
from vario.query.promql.arithmetic import scalar_operation
from vario.query.promql.binary import VectorOperation, set_operation, with_scalar
from vario.query.promql.calls import Calls
from vario.query.promql.context import Context
from vario.query.promql.extended import smoothed_instant
from vario.query.promql.lexer import Position
from vario.query.promql.nodes import (
    SET_OPERATORS,
    Aggregate,
    Binary,
    Call,
    MatrixSelector,
    Node,
    NumberLiteral,
    Paren,
    StepInvariant,
    StringLiteral,
    Subquery,
    Unary,
    VectorMatching,
    VectorSelector,
)
from vario.query.promql.select_k import count_values, select_series
from vario.query.promql.selectors import Selectors
from vario.query.promql.values import (
    Floats,
    Scalar,
    Steps,
    Text,
    Vector,
    merge_same_labels,
)
from vario.query.promql.windows import Ranges, make_ranges, samples_of
from vario.store.base import SampleReader

Value = Scalar | Text | Vector


class Evaluator:
    """Evaluates plans; one for each query."""

    def __init__(self, reader: SampleReader, context: Context) -> None:
        self.context = context
        self.selectors = Selectors(reader, context)
        self.calls = Calls(self)

    def eval(self, node: Node, steps: Steps) -> Value:  # noqa: PLR0911 - one return a case
        """Returns the value of a node at the given steps.

        Raises:
            ExecutionError: the query cannot be evaluated, or is over its limits.
            QueryTimeout: time is up.
        """
        self.context.budget.check()
        match node:
            case NumberLiteral():
                return Scalar(np.full(steps.count, node.value))
            case StringLiteral():
                return Text(node.value)
            case Paren():
                return self.eval(node.expr, steps)
            case StepInvariant():
                return self.invariant(node, steps)
            case VectorSelector():
                if node.smoothed:
                    return smoothed_instant(self.selectors, node, steps)
                return self.selectors.latest(node, steps)
            case Unary():
                return self.unary(node, steps)
            case Binary():
                return self.binary(node, steps)
            case Aggregate():
                return self.aggregate(node, steps)
            case Call():
                return self.calls.call(node, steps)
            case MatrixSelector() | Subquery():
                raise InternalError("a range stands where only functions can take it")

    def vector(self, node: Node, steps: Steps) -> Vector:
        """Returns the value of a node that is a vector."""
        value = self.eval(node, steps)
        if not isinstance(value, Vector):
            raise InternalError(f"{type(node).__name__} gave no vector")
        return value

    def scalar(self, node: Node, steps: Steps) -> Floats:
        """Returns the value of a node that is a scalar, shape (steps,)."""
        value = self.eval(node, steps)
        if not isinstance(value, Scalar):
            raise InternalError(f"{type(node).__name__} gave no scalar")
        return value.values

    def invariant(self, node: StepInvariant, steps: Steps) -> Value:
        """Evaluates once and repeats."""
        value = self.eval(node.expr, replace(steps, count=1))
        if isinstance(value, Text) or steps.count == 1:
            return value
        if isinstance(value, Scalar):
            return Scalar(np.repeat(value.values, steps.count))
        shape = (len(value), steps.count)
        self.context.budget.hold(shape[0] * shape[1])
        hists = None if value.hists is None else np.broadcast_to(value.hists, shape)
        return Vector(
            value.labels,
            np.broadcast_to(value.values, shape),
            np.broadcast_to(value.present, shape),
            hists,
            value.drop_name,
        )

    def unary(self, node: Unary, steps: Steps) -> Value:
        """Evaluates a sign."""
        value = self.eval(node.expr, steps)
        if node.op == "+" or isinstance(value, Text):
            return value
        if isinstance(value, Scalar):
            return Scalar(-value.values)
        hists = None
        if value.hists is not None:
            hists = np.array(
                [None if h is None else h.scaled(-1.0) for h in value.hists.ravel()] + [None],
                dtype=np.object_,
            )[:-1].reshape(value.hists.shape)
        negated = Vector(value.labels, -value.values, value.present, hists, value.drop_name)
        return self.context.drop_names(negated)

    def binary(self, node: Binary, steps: Steps) -> Value:
        """Evaluates a binary operator."""
        lhs, rhs = self.eval(node.lhs, steps), self.eval(node.rhs, steps)
        if isinstance(lhs, Scalar) and isinstance(rhs, Scalar):
            return Scalar(scalar_operation(node.op, lhs.values, rhs.values))
        if isinstance(lhs, Vector) and isinstance(rhs, Scalar):
            return with_scalar(node, lhs, rhs, swapped=False, context=self.context)
        if isinstance(lhs, Scalar) and isinstance(rhs, Vector):
            return with_scalar(node, rhs, lhs, swapped=True, context=self.context)
        if not (isinstance(lhs, Vector) and isinstance(rhs, Vector)):
            raise InternalError("an operator met a string")
        if node.op in SET_OPERATORS:
            return set_operation(node, lhs, rhs)
        matching = node.matching or VectorMatching()
        filled = matching.fill_left is not None or matching.fill_right is not None
        if not filled and (not len(lhs) or not len(rhs)):
            return Vector([], np.zeros((0, steps.count)), np.zeros((0, steps.count), dtype=bool))
        return VectorOperation(node, lhs, rhs, self.context).run()

    def aggregate(self, node: Aggregate, steps: Steps) -> Vector:
        """Evaluates an aggregation."""
        notes = self.context.notes
        if node.op == "count_values":
            label = self.eval(node.param, steps) if node.param else Text("")
            text = label.value if isinstance(label, Text) else ""
            return count_values(node, self.vector(node.expr, steps), text)
        parameter = np.zeros(steps.count)
        if node.param is not None:
            parameter = self.scalar(node.param, steps)
        vector = self.vector(node.expr, steps)
        if node.op in ("topk", "bottomk", "limitk", "limit_ratio"):
            return merge_same_labels(select_series(node, vector, parameter, notes))
        if node.op == "quantile" and node.param is not None:
            note_quantiles(parameter, node.param.position, notes)
        return Aggregation(node, vector, notes).run(parameter)

    def ranges(self, node: Node, steps: Steps, *, counter: bool = False) -> Ranges:
        """Returns the windows of a range selector or subquery."""
        if isinstance(node, MatrixSelector):
            return self.selectors.ranges(node, steps, counter=counter)
        if isinstance(node, Subquery):
            return self.subquery(node, steps)
        raise InternalError(f"{type(node).__name__} is no range")

    def subquery(self, node: Subquery, steps: Steps) -> Ranges:
        """Evaluates the inside of a subquery at its own steps, then looks at it in windows."""
        interval = node.step_ms or self.context.subquery_step_ms
        if node.at_ms is None:
            ends = replace(steps, start_ms=steps.start_ms - node.offset_ms)
        else:
            ends = Steps(node.at_ms - node.offset_ms, steps.step_ms, 1)
        bound = ends.start_ms - node.range_ms
        start = (abs(bound) // interval) * interval * (-1 if bound < 0 else 1)
        if start <= bound:
            start += interval
        count = max(0, (ends.end_ms - start) // interval + 1)
        inner = Steps(start, interval, count)
        labels: list[tuple[tuple[str, str], ...]] = []
        vector = Vector(labels, np.zeros((0, count)), np.zeros((0, count), dtype=np.bool_))
        if count:
            vector = self.vector(node.expr, inner)
        samples, histograms = samples_of(vector, inner)
        self.context.budget.load(len(samples.ts_ms))
        self.context.budget.hold(len(vector) * steps.count)
        ranges = make_ranges(
            vector.labels,
            samples,
            histograms,
            ends=ends,
            eval_steps=steps,
            range_ms=node.range_ms,
            # Prometheus puts what it notes about subqueries at the beginning of the query.
            position=Position(0, 0),
            check=self.context.budget.check,
        )
        return replace(ranges, drop_name=vector.drop_name)
