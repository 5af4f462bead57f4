"""What may be hung on a selector: range, offset, `@`, `anchored`, `smoothed`."""

import math
from dataclasses import replace
from typing import Literal

from vario.query.promql.lexer import ParseError, Position
from vario.query.promql.nodes import (
    DurationExpr,
    MatrixSelector,
    Node,
    NumberLiteral,
    Subquery,
    VectorSelector,
)

_OFFSET_PLACE = (
    "offset modifier must be preceded by an instant vector selector or range vector selector "
    "or a subquery"
)
_AT_PLACE = (
    "@ modifier must be preceded by an instant vector selector or range vector selector "
    "or a subquery"
)


def split_duration(
    duration: DurationExpr | None, query: str, *, signed: bool = False
) -> tuple[int, DurationExpr | None]:
    """Returns a literal duration in milliseconds, or 0 and the expression it is.

    Raises:
        ParseError: a literal that is not positive, or too long.
    """
    if duration is None or not isinstance(duration, NumberLiteral):
        return 0, duration
    if not abs(duration.value) <= (1 << 63) / 1e9:
        raise ParseError("duration out of range", duration.position, query)
    if duration.value <= 0 and not signed:
        raise ParseError("duration must be greater than 0", duration.position, query)
    return round(duration.value * 1000), None


def make_matrix(node: Node, duration: DurationExpr, where: Position, query: str) -> MatrixSelector:
    """Returns `node[duration]`; `where` is the position of the brackets.

    Raises:
        ParseError: `node` is no bare selector.
    """
    if not isinstance(node, VectorSelector):
        raise ParseError("ranges only allowed for vector selectors", where, query)
    if node.offset_ms or node.offset_expr is not None:
        raise ParseError("no offset modifiers allowed before range", where, query)
    if node.at_ms is not None or node.at_edge is not None:
        raise ParseError("no @ modifiers allowed before range", where, query)
    range_ms, range_expr = split_duration(duration, query)
    return MatrixSelector(node, range_ms, Position(node.position.start, where.end), range_expr)


def set_offset(node: Node, duration: DurationExpr, end: int, query: str) -> Node:
    """Returns `node offset duration`.

    Raises:
        ParseError: `node` is no selector or subquery, or has an offset already.
    """
    offset_ms, offset_expr = split_duration(duration, query, signed=True)
    holder = node.vector if isinstance(node, MatrixSelector) else node
    if not isinstance(holder, VectorSelector | Subquery):
        raise ParseError(_OFFSET_PLACE, node.position, query)
    if holder.offset_ms or holder.offset_expr is not None:
        raise ParseError("offset may not be set multiple times", node.position, query)
    holder = replace(holder, offset_ms=offset_ms, offset_expr=offset_expr)
    return _attach(node, holder, end)


def set_at(node: Node, at: float | Literal["start", "end"], end: int, query: str) -> Node:
    """Returns `node @ at`, `at` in seconds.

    Raises:
        ParseError: `node` is no selector or subquery, has an `@` already, or `at` is no time.
    """
    holder = node.vector if isinstance(node, MatrixSelector) else node
    if not isinstance(holder, VectorSelector | Subquery):
        raise ParseError(_AT_PLACE, node.position, query)
    if holder.at_ms is not None or holder.at_edge is not None:
        raise ParseError("@ <timestamp> may not be set multiple times", node.position, query)
    if isinstance(at, str):
        return _attach(node, replace(holder, at_edge=at), end)
    if not math.isfinite(at) or abs(at) >= 2.0**63:
        message = f"timestamp out of bounds for @ modifier: {at:f}"
        raise ParseError(message, node.position, query)
    at_ms = math.floor(abs(at) * 1000 + 0.5) * (-1 if at < 0 else 1)
    return _attach(node, replace(holder, at_ms=at_ms), end)


def set_extended(node: Node, kind: str, query: str) -> Node:
    """Returns `node anchored` or `node smoothed`.

    Raises:
        ParseError: `node` cannot be extended, or is extended already the other way.
    """
    holder = node.vector if isinstance(node, MatrixSelector) else node
    if isinstance(holder, Subquery):
        message = f"{kind} modifier is not supported for subqueries"
        raise ParseError(message, node.position, query)
    if not isinstance(holder, VectorSelector):
        raise ParseError(f"{kind} modifier not implemented", node.position, query)
    anchored = holder.anchored or kind == "anchored"
    smoothed = holder.smoothed or kind == "smoothed"
    if anchored and smoothed:
        message = "anchored and smoothed modifiers cannot be used together"
        raise ParseError(message, node.position, query)
    holder = replace(holder, anchored=anchored, smoothed=smoothed)
    return _attach(node, holder, node.position.end)


def _attach(node: Node, holder: VectorSelector | Subquery, end: int) -> Node:
    position = Position(node.position.start, end)
    if isinstance(node, MatrixSelector) and isinstance(holder, VectorSelector):
        return replace(node, vector=holder, position=position)
    return replace(holder, position=position)
