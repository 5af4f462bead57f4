"""What an alert's expression compares with what: the lines of its chart."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from vario.errors import BadData
from vario.query.promql.nodes import Binary, Node, NumberLiteral, Paren, StepInvariant, Unary
from vario.query.promql.parser import parse
from vario.query.promql.printer import to_text

_FLIPPED = {">": "<", "<": ">", ">=": "<=", "<=": ">=", "==": "==", "!=": "!="}
_SETS = ("and", "or", "unless")
MOST_CONDITIONS = 6


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison of an expression.

    Attributes:
        expr: PromQL of what is measured.
        op: how it is compared, such as `>`; empty where the expression compares nothing.
        threshold: the number that it is compared with; None where that is not constant.
        bound: PromQL of what it is compared with, where it is not constant.
    """

    expr: str
    op: str = ""
    threshold: float | None = None
    bound: str = ""


@lru_cache(maxsize=512)
def find_conditions(expr: str) -> tuple[Condition, ...]:
    """Returns the comparisons that make an alert fire, the first ones of many.

    What is joined by `and`, `or` and `unless` is taken apart. An expression that compares nothing
    is one condition by itself; one that cannot be parsed is none.

    >>> find_conditions("rate(errors_total[5m]) > 2 * 0.05")
    (Condition(expr='rate(errors_total[5m])', op='>', threshold=0.1, bound=''),)
    """
    try:
        node = parse(expr)
    except BadData:
        return ()
    return tuple(_walk(node))[:MOST_CONDITIONS]


def _walk(node: Node) -> Iterator[Condition]:
    node = _bare(node)
    if isinstance(node, Binary):
        if node.op in _SETS:
            yield from _walk(node.lhs)
            yield from _walk(node.rhs)
            return
        if node.op in _FLIPPED:
            yield _compare(node)
            return
        for inner, other in ((node.lhs, node.rhs), (node.rhs, node.lhs)):
            # A factor around comparisons, as in (a > 2 and b > 2) / 0.01, changes the value alone.
            if fold(other) is not None and _compares(inner):
                yield from _walk(inner)
                return
    yield Condition(to_text(node))


def _compare(node: Binary) -> Condition:
    left, right = fold(node.lhs), fold(node.rhs)
    if left is not None and right is None:
        return Condition(to_text(_bare(node.rhs)), _FLIPPED[node.op], left)
    measured = to_text(_bare(node.lhs))
    if right is None:
        return Condition(measured, node.op, None, to_text(_bare(node.rhs)))
    return Condition(measured, node.op, right)


def _compares(node: Node) -> bool:
    node = _bare(node)
    if not isinstance(node, Binary):
        return False
    return node.op in _SETS or node.op in _FLIPPED or _compares(node.lhs) or _compares(node.rhs)


def _bare(node: Node) -> Node:
    while isinstance(node, Paren | StepInvariant):
        node = node.expr
    return node


def fold(node: Node) -> float | None:
    """Returns the value of an arithmetic expression of numbers; None for any other."""
    node = _bare(node)
    if isinstance(node, NumberLiteral):
        return node.value
    if isinstance(node, Unary):
        value = fold(node.expr)
        return value if value is None or node.op == "+" else -value
    if not isinstance(node, Binary):
        return None
    left, right = fold(node.lhs), fold(node.rhs)
    if left is None or right is None:
        return None
    if node.op == "/":
        return left / right if right else None
    folded = {"+": left + right, "-": left - right, "*": left * right}
    return folded.get(node.op)
