"""The syntax tree of the one filter grammar that traces and logs share.

`vario.query.filter` parses text into this tree; `vario.store` compiles the tree into SQL.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from vario.model.telemetry import Signal

CompareOp = Literal["=", "!=", "<", "<=", ">", ">=", "=~", "!~", "contains"]
Scope = Literal["intrinsic", "attributes", "resource", "any"]
FieldType = Literal["text", "id", "duration", "bool", "kind", "status", "severity"]

_SHARED_FIELDS: Mapping[str, FieldType] = {
    "service.name": "text",
    "trace_id": "id",
    "span_id": "id",
    "model_name": "text",
    "model_version": "text",
    "region": "text",
    "scope.name": "text",
}
INTRINSIC_FIELDS: Mapping[Signal, Mapping[str, FieldType]] = MappingProxyType(
    {
        Signal.TRACES: {
            "name": "text",
            "kind": "kind",
            "status": "status",
            "status_message": "text",
            "duration": "duration",
            "error": "bool",
            "entry": "bool",
            "parent_span_id": "id",
            **_SHARED_FIELDS,
        },
        Signal.LOGS: {
            "severity": "severity",
            "body": "text",
            "event_name": "text",
            **_SHARED_FIELDS,
        },
    }
)
"""The fields that a span or log record has of its own, and what their values are.

`model_name` is the attribute, else the resource attribute of that name; `model_version` falls back
on `service.version` and `region` on `cloud.region` of the resource. `error` is a span with status
Error or an HTTP status of 500 and above; `entry` a request as the answering service sees it.
"""

SPAN_KINDS = ("Unspecified", "Internal", "Server", "Client", "Producer", "Consumer")
STATUS_CODES = ("Unset", "Ok", "Error")
SEVERITIES = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
"""Severity ranges of the log data model: the i-th holds the numbers 4i + 1 to 4i + 4."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a span or log record.

    `scope` is `intrinsic` for the names in `INTRINSIC_FIELDS`, else the attribute map to look in;
    `any` means the attribute of the span or record, else that of its resource. A field that is
    not there reads as empty text.
    """

    scope: Scope
    name: str


@dataclass(frozen=True, slots=True)
class Compare:
    """`field op value`. Durations are integer nanoseconds, other numbers float, booleans bool.

    With a number the field is read as a number, and no comparison but `!=` holds where it is not
    one. `!=` and `!~` are the negations of `=` and `=~`. Regular expressions are RE2, anchored at
    both ends, and their dot matches a line break. `contains` heeds the case.
    """

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
