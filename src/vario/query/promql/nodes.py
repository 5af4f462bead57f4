"""The syntax tree of PromQL: frozen, with the position of every node in the query.

Durations are integer milliseconds. A duration that is an expression (an experimental feature)
stands in the `*_expr` field until `prepare` resolves it for the range that is evaluated.
"""

from dataclasses import dataclass
from typing import Literal

from vario.model.series import Matcher
from vario.query.promql.lexer import Position

ValueType = Literal["scalar", "vector", "matrix", "string", "none"]
Cardinality = Literal["one-to-one", "many-to-one", "one-to-many", "many-to-many"]

DOCUMENTED_TYPE: dict[str, str] = {
    "vector": "instant vector",
    "matrix": "range vector",
    "scalar": "scalar",
    "string": "string",
    "none": "none",
}

COMPARISONS = frozenset(("==", "!=", ">", "<", ">=", "<="))
SET_OPERATORS = frozenset(("and", "or", "unless"))
TRIMS = frozenset(("</", ">/"))


@dataclass(frozen=True, slots=True)
class NumberLiteral:
    """A number; `duration` where it was written with units."""

    value: float
    position: Position
    duration: bool = False


@dataclass(frozen=True, slots=True)
class StringLiteral:
    """A string."""

    value: str
    position: Position


@dataclass(frozen=True, slots=True)
class DurationUnary:
    """`-d`, or `+(d)` for a duration in parentheses."""

    op: str
    operand: "DurationExpr"
    position: Position


@dataclass(frozen=True, slots=True)
class DurationBinary:
    """`a op b` over durations in seconds."""

    op: str
    lhs: "DurationExpr"
    rhs: "DurationExpr"
    position: Position
    wrapped: bool = False


@dataclass(frozen=True, slots=True)
class DurationCall:
    """`step()`, `range()`, `min_of(a, b)` or `max_of(a, b)`."""

    name: str
    args: tuple["DurationExpr", ...]
    position: Position


DurationExpr = NumberLiteral | DurationUnary | DurationBinary | DurationCall


@dataclass(frozen=True, slots=True)
class VectorSelector:
    """Series by matchers, each at its newest sample within the lookback.

    `statistics_only` is set by `prepare` where only count and sum of histograms are used.
    """

    name: str
    matchers: tuple[Matcher, ...]
    position: Position
    offset_ms: int = 0
    offset_expr: DurationExpr | None = None
    at_ms: int | None = None
    at_edge: Literal["start", "end"] | None = None
    anchored: bool = False
    smoothed: bool = False
    statistics_only: bool = False


@dataclass(frozen=True, slots=True)
class MatrixSelector:
    """Series with all their samples in `(t - range, t]`."""

    vector: VectorSelector
    range_ms: int
    position: Position
    range_expr: DurationExpr | None = None


@dataclass(frozen=True, slots=True)
class Subquery:
    """An instant expression evaluated at every `step` (0: the default) of a range."""

    expr: "Node"
    range_ms: int
    step_ms: int
    position: Position
    range_expr: DurationExpr | None = None
    step_expr: DurationExpr | None = None
    offset_ms: int = 0
    offset_expr: DurationExpr | None = None
    at_ms: int | None = None
    at_edge: Literal["start", "end"] | None = None


@dataclass(frozen=True, slots=True)
class Paren:
    """An expression in parentheses."""

    expr: "Node"
    position: Position


@dataclass(frozen=True, slots=True)
class Unary:
    """`+expr` or `-expr`."""

    op: str
    expr: "Node"
    position: Position


@dataclass(frozen=True, slots=True)
class VectorMatching:
    """How the series of two vectors find each other."""

    card: Cardinality = "one-to-one"
    labels: tuple[str, ...] = ()
    on: bool = False
    include: tuple[str, ...] = ()
    fill_left: float | None = None
    fill_right: float | None = None


@dataclass(frozen=True, slots=True)
class Binary:
    """`lhs op rhs`; `matching` is None unless both sides are vectors."""

    op: str
    lhs: "Node"
    rhs: "Node"
    position: Position
    matching: VectorMatching | None = None
    return_bool: bool = False


@dataclass(frozen=True, slots=True)
class Aggregate:
    """`op by|without (grouping) (param, expr)`."""

    op: str
    expr: "Node"
    position: Position
    param: "Node | None" = None
    grouping: tuple[str, ...] = ()
    without: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A function call."""

    name: str
    args: tuple["Node", ...]
    position: Position


@dataclass(frozen=True, slots=True)
class StepInvariant:
    """An expression whose value is the same at every step: evaluated once, then repeated."""

    expr: "Node"
    position: Position


Node = (
    NumberLiteral
    | StringLiteral
    | VectorSelector
    | MatrixSelector
    | Subquery
    | Paren
    | Unary
    | Binary
    | Aggregate
    | Call
    | StepInvariant
)
