"""Walking a PromQL tree: what stands in what, and which labels come out of it."""

from collections.abc import Iterator
from dataclasses import dataclass

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

COUNTER_FUNCTIONS = frozenset({"rate", "increase", "irate"})
_PER_SERIES = frozenset({"topk", "bottomk", "limitk", "limit_ratio"})
_NO_LABELS = frozenset({"scalar", "vector", "time", "pi"})


def children(node: Node) -> tuple[Node, ...]:
    """Returns the expressions that stand directly in one."""
    match node:
        case Aggregate():
            return (node.expr,) if node.param is None else (node.param, node.expr)
        case Binary():
            return node.lhs, node.rhs
        case Call():
            return node.args
        case MatrixSelector():
            return (node.vector,)
        case Subquery() | Paren() | Unary() | StepInvariant():
            return (node.expr,)
        case NumberLiteral() | StringLiteral() | VectorSelector():
            return ()


def walk(node: Node) -> Iterator[Node]:
    """Yields an expression and everything in it, in the order of the text."""
    yield node
    for child in children(node):
        yield from walk(child)


def bare(node: Node) -> Node:
    """Returns an expression without the parentheses around it."""
    while isinstance(node, Paren | StepInvariant):
        node = node.expr
    return node


def selectors(node: Node) -> list[VectorSelector]:
    """Returns every selector in an expression."""
    return [part for part in walk(node) if isinstance(part, VectorSelector)]


def metric_name(selector: VectorSelector) -> str:
    """Returns the metric that a selector names, also as `{__name__="x"}`; empty if none."""
    if selector.name:
        return selector.name
    names = [m.value for m in selector.matchers if m.name == "__name__" and m.op == "="]
    return names[0] if names else ""


def ranges(node: Node) -> Iterator[tuple[Call, MatrixSelector | Subquery]]:
    """Yields every function over a range, with the range."""
    for part in walk(node):
        if isinstance(part, Call):
            for arg in part.args:
                inner = bare(arg)
                if isinstance(inner, MatrixSelector | Subquery):
                    yield part, inner


def number(node: Node) -> float | None:
    """Returns the value of an expression of numbers alone; None where it has series in it."""
    node = bare(node)
    match node:
        case NumberLiteral():
            return node.value
        case Unary():
            inner = number(node.expr)
            return None if inner is None else -inner if node.op == "-" else inner
        case Binary():
            return _arithmetic(node.op, number(node.lhs), number(node.rhs))
        case _:
            return None


def _arithmetic(op: str, left: float | None, right: float | None) -> float | None:
    if left is None or right is None:
        return None
    match op:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            return left / right if right else None
        case _:
            return None


@dataclass(frozen=True, slots=True)
class LabelFlow:
    """Which labels the series of an expression can have.

    Attributes:
        only: the labels that they may have at most; None where any may be there.
        gone: labels that they surely do not have, where `only` is None.
    """

    only: frozenset[str] | None = None
    gone: frozenset[str] = frozenset()

    def lacks(self, label: str) -> bool:
        """Whether no series has the label."""
        return label in self.gone if self.only is None else label not in self.only

    def keep(self, labels: frozenset[str]) -> "LabelFlow":
        """Returns the flow after `by (labels)`."""
        return LabelFlow(frozenset(label for label in labels if not self.lacks(label)))

    def drop(self, labels: frozenset[str]) -> "LabelFlow":
        """Returns the flow after `without (labels)`."""
        if self.only is not None:
            return LabelFlow(self.only - labels)
        return LabelFlow(None, self.gone | labels)

    def add(self, labels: frozenset[str]) -> "LabelFlow":
        """Returns the flow with labels that it may have besides."""
        if self.only is not None:
            return LabelFlow(self.only | labels)
        return LabelFlow(None, self.gone - labels)

    def either(self, other: "LabelFlow") -> "LabelFlow":
        """Returns what holds where series come from one or the other."""
        if self.only is not None and other.only is not None:
            return LabelFlow(self.only | other.only)
        if self.only is None and other.only is None:
            return LabelFlow(None, self.gone & other.gone)
        known, unknown = (self, other) if self.only is not None else (other, self)
        return LabelFlow(None, unknown.gone - (known.only or frozenset()))


_NAME = frozenset({"__name__"})


def label_flow(node: Node) -> LabelFlow:
    """Returns which labels the series of an expression can have."""
    node = bare(node)
    match node:
        case VectorSelector() | MatrixSelector():
            return LabelFlow()
        case Subquery() | Unary():
            return label_flow(node.expr)
        case Aggregate():
            return _aggregated(node)
        case Binary():
            return _joined(node)
        case Call():
            return _called(node)
        case _:
            return LabelFlow(frozenset())


def _aggregated(node: Aggregate) -> LabelFlow:
    inner = label_flow(node.expr)
    if node.op in _PER_SERIES:
        return inner
    grouping = frozenset(node.grouping)
    flow = inner.drop(grouping | _NAME) if node.without else inner.keep(grouping)
    if node.op == "count_values" and isinstance(node.param, StringLiteral):
        flow = flow.add(frozenset({node.param.value}))
    return flow


def _joined(node: Binary) -> LabelFlow:
    left, right = label_flow(node.lhs), label_flow(node.rhs)
    if node.matching is None:  # one side is a number, which has no labels
        return left.either(right)
    if node.op == "or":
        return left.either(right)
    if node.op in SET_OPERATORS:
        return left
    return _matched(node.matching, left, right)


def _matched(matching: VectorMatching, left: LabelFlow, right: LabelFlow) -> LabelFlow:
    named = frozenset(matching.labels)
    include = frozenset(matching.include)
    if matching.card == "many-to-one":
        return left.add(include)
    if matching.card == "one-to-many":
        return right.add(include)
    return left.keep(named) if matching.on else left.drop(named)


def _called(node: Call) -> LabelFlow:
    if node.name in _NO_LABELS:
        return LabelFlow(frozenset())
    if node.name in ("absent", "absent_over_time"):
        return LabelFlow(_absent_labels(node.args[0]))
    vectors = [arg for arg in node.args if not isinstance(bare(arg), StringLiteral | NumberLiteral)]
    flow = label_flow(vectors[0]) if vectors else LabelFlow(frozenset())
    if node.name in ("label_replace", "label_join") and isinstance(node.args[1], StringLiteral):
        return flow.add(frozenset({node.args[1].value}))
    if node.name == "info":
        return LabelFlow()
    if node.name == "histogram_quantile":
        return flow.drop(frozenset({"le"}))
    return flow


def _absent_labels(node: Node) -> frozenset[str]:
    inner = bare(node)
    vector = inner.vector if isinstance(inner, MatrixSelector) else inner
    if not isinstance(vector, VectorSelector):
        return frozenset()
    equal = [m.name for m in vector.matchers if m.op == "="]
    return frozenset(name for name in equal if equal.count(name) == 1) - _NAME
