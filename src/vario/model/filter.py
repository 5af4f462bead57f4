"""The syntax tree of the one filter grammar that traces and logs share.

`vario.query.filter` parses text into this tree; `vario.store` compiles the tree into SQL.
"""

from dataclasses import dataclass
from typing import Literal

CompareOp = Literal["=", "!=", "<", "<=", ">", ">=", "=~", "!~", "contains"]
Scope = Literal["intrinsic", "attributes", "resource"]


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a span or log record.

    `scope` is `intrinsic` for columns of their own (`service.name`, `name`, `kind`, `status`,
    `duration`, `trace_id`, `span_id`, `severity`, `body`, ...), else the attribute map to look in.
    """

    scope: Scope
    name: str


@dataclass(frozen=True, slots=True)
class Compare:
    """`field op value`. Durations are integer nanoseconds, other numbers float, booleans bool."""

    field: Field
    op: CompareOp
    value: str | int | float | bool


@dataclass(frozen=True, slots=True)
class Exists:
    """The field is present and not empty."""

    field: Field


@dataclass(frozen=True, slots=True)
class Text:
    """A bare quoted text: found anywhere in a log body or a span name, whatever the case."""

    value: str


@dataclass(frozen=True, slots=True)
class Not:
    """Negation."""

    operand: "Filter"


@dataclass(frozen=True, slots=True)
class And:
    """Every operand holds; with no operand, everything matches."""

    operands: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one operand holds."""

    operands: tuple["Filter", ...]


Filter = Compare | Exists | Text | Not | And | Or

MATCH_ALL: Filter = And(())
