"""Between which bounds the values of an expression must lie, as far as its shape tells."""

import math
from dataclasses import dataclass

from vario.lint.tree import bare, metric_name, number
from vario.lint.words import unit_of
from vario.query.promql.nodes import (
    COMPARISONS,
    Aggregate,
    Binary,
    Call,
    MatrixSelector,
    Node,
    Subquery,
    VectorSelector,
)


@dataclass(frozen=True, slots=True)
class Reach:
    """The least and the greatest value; infinite where nothing is known."""

    low: float = -math.inf
    high: float = math.inf


ANY = Reach()
_UNIT = Reach(0.0, 1.0)
_POSITIVE = Reach(0.0)
_ZERO_OR_ONE = frozenset({"up", "probe_success"})
_SAME_REACH = frozenset(
    (
        *("avg_over_time", "min_over_time", "max_over_time", "last_over_time", "first_over_time"),
        *("quantile_over_time", "sort", "sort_desc", "label_replace", "label_join"),
    )
)
_NOT_NEGATIVE = frozenset(
    (
        *("rate", "increase", "irate", "changes", "resets", "abs", "stddev_over_time"),
        *("stdvar_over_time", "histogram_count", "histogram_stddev"),
    )
)


def reach(node: Node) -> Reach:  # noqa: PLR0911 - one return a case
    """Returns the bounds of an expression's values."""
    node = bare(node)
    value = number(node)
    if value is not None:
        return Reach(value, value)
    match node:
        case VectorSelector():
            return _UNIT if metric_name(node) in _ZERO_OR_ONE else ANY
        case MatrixSelector():
            return reach(node.vector)
        case Subquery():
            return reach(node.expr)
        case Aggregate():
            return _aggregate(node)
        case Call():
            return _call(node)
        case Binary():
            return _binary(node)
        case _:
            return ANY


def _aggregate(node: Aggregate) -> Reach:
    inner = reach(node.expr)
    match node.op:
        case "avg" | "min" | "max" | "topk" | "bottomk" | "quantile" | "limitk" | "limit_ratio":
            return inner
        case "sum":
            return _POSITIVE if inner.low >= 0 else ANY
        case "count":
            return Reach(1.0)
        case "group":
            return Reach(1.0, 1.0)
        case "stddev" | "stdvar":
            return _POSITIVE
        case _:
            return ANY


def _call(node: Call) -> Reach:  # noqa: PLR0911 - one return a case
    if node.name in ("absent", "absent_over_time", "present_over_time"):
        return Reach(1.0, 1.0)
    if node.name == "count_over_time":
        return Reach(1.0)
    if node.name == "histogram_fraction":
        return _UNIT
    if node.name in _SAME_REACH:
        vectors = [arg for arg in node.args if number(arg) is None]
        return reach(vectors[0]) if node.name != "quantile_over_time" else reach(node.args[1])
    if node.name in _NOT_NEGATIVE:
        return _POSITIVE
    if node.name == "sum_over_time" and reach(node.args[0]).low >= 0:
        return _POSITIVE
    return ANY


def _binary(node: Binary) -> Reach:  # noqa: PLR0911 - one return a case
    left, right = reach(node.lhs), reach(node.rhs)
    match node.op:
        case "/" if is_share(node):
            return _UNIT
        case "/" if left.low >= 0 and right.low >= 0:
            return _POSITIVE
        case "*" if left.low >= 0 and right.low >= 0:
            return Reach(_product(left.low, right.low), _product(left.high, right.high))
        case "-" if left.low == left.high:
            return Reach(left.low - right.high, left.low - right.low)
        case "+":
            return Reach(left.low + right.low, left.high + right.high)
        case "or":
            return Reach(min(left.low, right.low), max(left.high, right.high))
        case "and" | "unless":
            return left
        case op if op in COMPARISONS:
            if node.return_bool:
                return _UNIT
            return right if number(node.lhs) is not None else left
        case _:
            return ANY


def _product(left: float, right: float) -> float:
    return 0.0 if left == 0 or right == 0 else left * right


def is_share(node: Node) -> bool:
    """Whether an expression is a part over its whole: a ratio from 0 to 1.

    It is where numerator and denominator are the same expression, but for further matchers in the
    numerator: `sum(rate(x{code=~"5.."}[5m])) / sum(rate(x[5m]))`.
    """
    node = bare(node)
    if not isinstance(node, Binary) or node.op != "/":
        return False
    return _is_part(bare(node.lhs), bare(node.rhs))


def _is_part(part: Node, whole: Node) -> bool:
    match part, whole:
        case Aggregate(), Aggregate():
            same = (part.op, part.grouping, part.without) == (
                whole.op,
                whole.grouping,
                whole.without,
            )
            return (
                same and part.op in ("sum", "count") and _is_part(bare(part.expr), bare(whole.expr))
            )
        case Call(), Call():
            counts = part.name in ("rate", "increase", "count_over_time", "sum_over_time")
            return (
                part.name == whole.name
                and counts
                and _is_part(bare(part.args[0]), bare(whole.args[0]))
            )
        case MatrixSelector(), MatrixSelector():
            return part.range_ms == whole.range_ms and _is_part(part.vector, whole.vector)
        case VectorSelector(), VectorSelector():
            same = (part.name, part.offset_ms) == (whole.name, whole.offset_ms)
            return same and bool(part.name) and set(part.matchers) >= set(whole.matchers)
        case _:
            return False


def scale(node: Node) -> str:  # noqa: PLR0911 - one return a case
    """Returns `ratio` (0 to 1), `percent` (0 to 100) or nothing: what the values are written in."""
    node = bare(node)
    if is_share(node):
        return "ratio"
    match node:
        case VectorSelector():
            unit = unit_of(metric_name(node))
            return unit if unit in ("ratio", "percent") else ""
        case MatrixSelector():
            return scale(node.vector)
        case Aggregate() if node.op in ("avg", "min", "max", "topk", "bottomk", "quantile"):
            return scale(node.expr)
        case Call() if node.name in _SAME_REACH:
            return scale(node.args[-1] if node.name == "quantile_over_time" else node.args[0])
        case Binary() if node.op == "*" and 100.0 in (number(node.lhs), number(node.rhs)):
            other = node.rhs if number(node.lhs) is not None else node.lhs
            return "percent" if scale(other) == "ratio" else ""
        case Binary() if node.op == "-" and number(node.lhs) == 1.0:
            return "ratio" if scale(node.rhs) == "ratio" else ""
        case Binary() if node.op == "-" and number(node.lhs) == 100.0:
            return "percent" if scale(node.rhs) == "percent" else ""
        case _:
            return ""
