"""From syntax tree to plan: durations resolved, `@` edges fixed, invariant parts marked."""

import math
from dataclasses import replace

from vario.errors import ExecutionError
from vario.query.promql.nodes import (
    Aggregate,
    Binary,
    Call,
    DurationBinary,
    DurationCall,
    DurationExpr,
    DurationUnary,
    MatrixSelector,
    Node,
    NumberLiteral,
    Paren,
    StepInvariant,
    StringLiteral,
    Subquery,
    Unary,
    VectorSelector,
)

# Functions whose value changes with the step even where their arguments do not.
STEP_DEPENDENT = frozenset(
    [
        "days_in_month",
        "day_of_month",
        "day_of_week",
        "day_of_year",
        "hour",
        "minute",
        "month",
        "year",
        "predict_linear",
        "time",
        "timestamp",
    ]
)

# Functions that use count and sum of a histogram alone, and functions that use all of it.
_STATISTICS = frozenset(("histogram_count", "histogram_sum", "histogram_avg"))
_WHOLE = frozenset(("histogram_quantile", "histogram_quantiles", "histogram_fraction"))


def prepare(node: Node, start_ms: int, end_ms: int, step_ms: int) -> Node:
    """Returns the plan of a query over the given steps.

    Raises:
        ExecutionError: a duration expression that is not positive, or divides by zero.
    """
    return _Preparation(start_ms, end_ms, step_ms).wrapped(node)


class _Preparation:
    def __init__(self, start_ms: int, end_ms: int, step_ms: int) -> None:
        self.start_ms, self.end_ms, self.step_ms = start_ms, end_ms, step_ms
        # How many of each stand around the node that is visited.
        self.statistics = 0
        self.whole = 0

    def wrapped(self, node: Node) -> Node:
        """Returns a node's plan, marked where all of it is invariant."""
        plan, invariant = self.visit(node)
        return _mark(plan) if invariant else plan

    def visit(self, node: Node) -> tuple[Node, bool]:  # noqa: PLR0911 - one return a case
        """Returns a node's plan, and whether its value is the same at every step."""
        match node:
            case NumberLiteral() | StringLiteral() | StepInvariant():
                return node, True
            case VectorSelector():
                selector = self.selector(node)
                return selector, selector.at_ms is not None
            case MatrixSelector():
                return self.matrix(node)
            case Subquery():
                return self.subquery(node)
            case Paren() | Unary():
                inner, invariant = self.visit(node.expr)
                return replace(node, expr=inner), invariant
            case Aggregate():
                return self.aggregate(node)
            case Binary():
                return self.binary(node)
            case Call():
                return self.call(node)

    def aggregate(self, node: Aggregate) -> tuple[Node, bool]:
        expr, invariant = self.visit(_unwrapped(node.expr))
        if node.param is None:
            return replace(node, expr=expr), invariant
        param, same = self.visit(_unwrapped(node.param))
        if invariant and not same:
            expr = _mark(expr)
        elif same and not invariant:
            param = _mark(param)
        return replace(node, expr=expr, param=param), invariant and same

    def binary(self, node: Binary) -> tuple[Node, bool]:
        lhs, left = self.visit(node.lhs)
        rhs, right = self.visit(node.rhs)
        if not (left and right):
            lhs = _mark(lhs) if left else lhs
            rhs = _mark(rhs) if right else rhs
        return replace(node, lhs=lhs, rhs=rhs), left and right

    def call(self, node: Call) -> tuple[Node, bool]:
        self.statistics += node.name in _STATISTICS
        self.whole += node.name in _WHOLE
        visited = [self.visit(_unwrapped(arg)) for arg in node.args]
        self.statistics -= node.name in _STATISTICS
        self.whole -= node.name in _WHOLE
        invariant = node.name not in STEP_DEPENDENT and all(same for _, same in visited)
        if invariant:
            return replace(node, args=tuple(arg for arg, _ in visited)), True
        marked = tuple(_mark(arg) if same else arg for arg, same in visited)
        return replace(node, args=marked), False

    def selector(self, node: VectorSelector) -> VectorSelector:
        offset = node.offset_ms
        if node.offset_expr is not None:
            offset = self.duration(node.offset_expr, signed=True)
        at_ms = self.edge(node.at_ms, node.at_edge)
        statistics = self.statistics > 0 and self.whole == 0
        return replace(
            node, offset_ms=offset, offset_expr=None, at_ms=at_ms, statistics_only=statistics
        )

    def matrix(self, node: MatrixSelector) -> tuple[Node, bool]:
        vector = self.selector(node.vector)
        range_ms = node.range_ms
        if node.range_expr is not None:
            range_ms = self.duration(node.range_expr)
        plan = replace(node, vector=vector, range_ms=range_ms, range_expr=None)
        return plan, vector.at_ms is not None

    def subquery(self, node: Subquery) -> tuple[Node, bool]:
        self.whole += 1
        inner, invariant = self.visit(node.expr)
        self.whole -= 1
        offset, range_ms, step_ms = node.offset_ms, node.range_ms, node.step_ms
        if node.offset_expr is not None:
            offset = self.duration(node.offset_expr, signed=True)
        if node.range_expr is not None:
            range_ms = self.duration(node.range_expr)
        if node.step_expr is not None:
            step_ms = self.duration(node.step_expr)
        at_ms = self.edge(node.at_ms, node.at_edge)
        plan = replace(
            node,
            expr=_mark(inner) if invariant else inner,
            range_ms=range_ms,
            range_expr=None,
            step_ms=step_ms,
            step_expr=None,
            offset_ms=offset,
            offset_expr=None,
            at_ms=at_ms,
        )
        return plan, at_ms is not None

    def edge(self, at_ms: int | None, edge: str | None) -> int | None:
        """Returns the time of `@`, None where there is none."""
        if edge is None:
            return at_ms
        return self.start_ms if edge == "start" else self.end_ms

    # Duration expressions, in seconds

    def duration(self, node: DurationExpr, *, signed: bool = False) -> int:
        """Returns a duration expression's value in milliseconds."""
        seconds = self.seconds(node)
        if seconds <= 0 and not signed:
            raise ExecutionError("duration must be greater than 0")
        if not abs(seconds) <= (1 << 63) / 1e9:
            raise ExecutionError("duration is out of range")
        return int(seconds * 1000)

    def seconds(self, node: DurationExpr) -> float:
        match node:
            case NumberLiteral():
                return node.value
            case DurationUnary():
                value = self.seconds(node.operand)
                return -value if node.op == "-" else value
            case DurationCall():
                return self.call_seconds(node)
            case DurationBinary():
                return _apply(node.op, self.seconds(node.lhs), self.seconds(node.rhs))

    def call_seconds(self, node: DurationCall) -> float:
        if node.name == "step":
            return self.step_ms / 1000
        if node.name == "range":
            return (self.end_ms - self.start_ms) / 1000
        values = [self.seconds(arg) for arg in node.args]
        return min(values) if node.name == "min_of" else max(values)


def _apply(op: str, lhs: float, rhs: float) -> float:
    match op:
        case "+":
            return lhs + rhs
        case "-":
            return lhs - rhs
        case "*":
            return lhs * rhs
        case "/":
            if rhs == 0:
                raise ExecutionError("division by zero")
            return lhs / rhs
        case "%":
            if rhs == 0:
                raise ExecutionError("modulo by zero")
            return math.fmod(lhs, rhs)
        case _:
            try:
                return math.pow(lhs, rhs)
            except (OverflowError, ValueError) as error:
                raise ExecutionError("duration is out of range") from error


def _unwrapped(node: Node) -> Node:
    while isinstance(node, Paren):
        node = node.expr
    return node


def _mark(node: Node) -> Node:
    """Marks an invariant node; literals and ranges are cheap or handled by their function."""
    inner = _unwrapped(node)
    if isinstance(inner, NumberLiteral | StringLiteral | MatrixSelector | Subquery | StepInvariant):
        return node
    return StepInvariant(node, node.position)
