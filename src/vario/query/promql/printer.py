"""Syntax trees back to text: on one line, and laid out for reading (`format_query`).

Source: String and Pretty of promql/parser.
"""

import math
from collections.abc import Sequence

from vario.query.promql.lexer import go_quote
from vario.query.promql.literals import format_duration_ms, format_float
from vario.query.promql.nodes import (
    SET_OPERATORS,
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

_LINE = 100
_PLAIN_NAME_START = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
_PLAIN_NAME = _PLAIN_NAME_START | frozenset("0123456789")


def format_number(node: NumberLiteral) -> str:
    """Returns a number as it would be written."""
    if node.duration and math.isfinite(node.value):
        sign = "-" if node.value < 0 else ""
        return sign + format_duration_ms(round(abs(node.value) * 1000))
    return format_float(node.value)


def to_text(node: Node) -> str:  # noqa: PLR0911 - one return a case
    """Returns a tree as PromQL on one line."""
    match node:
        case NumberLiteral():
            return format_number(node)
        case StringLiteral():
            return go_quote(node.value)
        case Paren():
            return f"({to_text(node.expr)})"
        case StepInvariant():
            return to_text(node.expr)
        case Unary():
            return f"{node.op}{to_text(node.expr)}"
        case Binary():
            return f"{to_text(node.lhs)} {binary_operator(node)} {to_text(node.rhs)}"
        case Aggregate():
            return f"{aggregate_head(node)}({', '.join(map(to_text, aggregate_args(node)))})"
        case Call():
            return f"{node.name}({', '.join(map(to_text, node.args))})"
        case VectorSelector() | MatrixSelector() | Subquery():
            return _selector(node)


def _selector(node: VectorSelector | MatrixSelector | Subquery) -> str:
    if isinstance(node, Subquery):
        return to_text(node.expr) + subquery_tail(node)
    vector = node.vector if isinstance(node, MatrixSelector) else node
    window = ""
    if isinstance(node, MatrixSelector):
        window = f"[{_duration(node.range_ms, node.range_expr)}]"
    extended = " anchored" if vector.anchored else " smoothed" if vector.smoothed else ""
    return _series(vector) + window + extended + _times(vector)


def _series(node: VectorSelector) -> str:
    matchers = list(node.matchers)
    if node.name and matchers:
        matchers.pop()
    shown = [f"{_name(m.name)}{m.op}{go_quote(m.value)}" for m in matchers]
    if not node.name:
        for i, matcher in enumerate(matchers):
            if matcher.name == "__name__" and matcher.op == "=" and not _is_plain(matcher.value):
                shown[i] = go_quote(matcher.value)
    labels = f"{{{','.join(shown)}}}" if shown or not node.name else ""
    return node.name + labels


def _is_plain(name: str) -> bool:
    return bool(name) and name[0] in _PLAIN_NAME_START | {":"} and set(name) <= _PLAIN_NAME | {":"}


def _group_name(name: str) -> str:
    return name if _is_plain(name) else go_quote(name)


def _name(name: str) -> str:
    plain = bool(name) and name[0] in _PLAIN_NAME_START and set(name) <= _PLAIN_NAME
    return name if plain else go_quote(name)


def _times(node: VectorSelector | Subquery) -> str:
    parts = ""
    if node.at_ms is not None:
        parts += f" @ {node.at_ms / 1000:.3f}"
    elif node.at_edge is not None:
        parts += f" @ {node.at_edge}()"
    if node.offset_expr is not None:
        parts += f" offset {duration_text(node.offset_expr)}"
    elif node.offset_ms > 0:
        parts += f" offset {format_duration_ms(node.offset_ms)}"
    elif node.offset_ms < 0:
        parts += f" offset -{format_duration_ms(-node.offset_ms)}"
    return parts


def _duration(milliseconds: int, expression: DurationExpr | None) -> str:
    return format_duration_ms(milliseconds) if expression is None else duration_text(expression)


def duration_text(node: DurationExpr) -> str:
    """Returns a duration expression."""
    match node:
        case NumberLiteral():
            return format_number(node)
        case DurationUnary():
            inner = duration_text(node.operand)
            return f"({inner})" if node.op == "+" else f"-{inner}"
        case DurationCall():
            return f"{node.name}({', '.join(map(duration_text, node.args))})"
        case DurationBinary():
            text = f"{duration_text(node.lhs)} {node.op} {duration_text(node.rhs)}"
            return f"({text})" if node.wrapped else text


def subquery_tail(node: Subquery) -> str:
    """Returns `[range:step]` with `@` and offset."""
    step = _duration(node.step_ms, node.step_expr) if node.step_ms or node.step_expr else ""
    return f"[{_duration(node.range_ms, node.range_expr)}:{step}]{_times(node)}"


def binary_operator(node: Binary) -> str:
    """Returns an operator with its modifiers."""
    text = node.op + (" bool" if node.return_bool else "")
    matching = node.matching
    if matching is None:
        return text
    if matching.labels or matching.on:
        word = "on" if matching.on else "ignoring"
        text += f" {word} ({', '.join(map(_group_name, matching.labels))})"
    if matching.card in ("many-to-one", "one-to-many") and node.op not in SET_OPERATORS:
        word = "group_left" if matching.card == "many-to-one" else "group_right"
        text += f" {word} ({', '.join(map(_group_name, matching.include))})"
    left, right = matching.fill_left, matching.fill_right
    if (
        left is not None
        and right is not None
        and (left == right or (math.isnan(left) and math.isnan(right)))
    ):
        return text + f" fill ({format_float(left)})"
    if left is not None:
        text += f" fill_left ({format_float(left)})"
    if right is not None:
        text += f" fill_right ({format_float(right)})"
    return text


def aggregate_head(node: Aggregate) -> str:
    """Returns an aggregation up to its opening parenthesis."""
    names = ", ".join(map(_group_name, node.grouping))
    if node.without:
        return f"{node.op} without ({names}) "
    return f"{node.op} by ({names}) " if node.grouping else node.op


def aggregate_args(node: Aggregate) -> list[Node]:
    """Returns an aggregation's arguments as they are written."""
    return [node.expr] if node.param is None else [node.param, node.expr]


def to_pretty(node: Node, level: int = 0) -> str:  # noqa: PLR0911 - one return a case
    """Returns a tree as PromQL, broken into indented lines where one is longer than 100."""
    indent = "  " * level
    text = to_text(node)
    if len(text) <= _LINE:
        return indent + text
    match node:
        case Aggregate():
            return _block(indent, aggregate_head(node), aggregate_args(node), level)
        case Call():
            return _block(indent, node.name, node.args, level)
        case Binary():
            lines = [to_pretty(node.lhs, level + 1), f"{indent}{binary_operator(node)}"]
            return "\n".join([*lines, to_pretty(node.rhs, level + 1)])
        case Paren():
            return f"{indent}(\n{to_pretty(node.expr, level + 1)}\n{indent})"
        case Unary():
            return f"{indent}{node.op}{to_pretty(node.expr, level).strip()}"
        case Subquery():
            return to_pretty(node.expr, level) + subquery_tail(node)
        case _:
            return indent + text


def _block(indent: str, head: str, args: Sequence[Node], level: int) -> str:
    inner = ",\n".join(to_pretty(arg, level + 1) for arg in args)
    return f"{indent}{head}(\n{inner}\n{indent})"
