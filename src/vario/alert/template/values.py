"""Values that templates compute with, and Go's names for their types.

Rule files carry Go templates, and their authors see Go's type names in error messages. Python's
`str`, `int`, `float`, `bool` and `None` stand for Go's `string`, `int`, `float64`, `bool` and
`nil`; the rest has a class here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


class StringMap(dict[str, str]):
    """Go's `map[string]string`; a missing key reads as the empty string."""


class AnyMap(dict[str, Any]):
    """Go's `map[string]interface {}`, what `args` makes; a missing key reads as no value."""


class SafeHtml(str):
    """Go's `template.HTML`: text that `safeHtml` has passed."""

    __slots__ = ()


class Byte(int):
    """Go's `uint8`: one byte of a string."""


class NoValue:
    """What Go calls an invalid value: prints as `<no value>` and counts as false."""


NO_VALUE = NoValue()


@dataclass(frozen=True, slots=True)
class Sample:
    """One element of a query's answer, as templates see it: `.Labels` and `.Value`."""

    Labels: StringMap
    Value: float


class QueryResult(list[Sample]):
    """The answer to `query`."""


@dataclass(frozen=True, slots=True)
class AlertData:
    """What a template of an alerting rule is given as its dot.

    `Value` is a float, or the text of a native histogram.
    """

    Labels: StringMap
    ExternalLabels: StringMap
    ExternalURL: str
    Value: Any


Value = Any
"""Any of the above: the evaluator is as dynamic as the language that it evaluates."""

_TYPE_NAMES: tuple[tuple[type, str], ...] = (
    (bool, "bool"),
    (Byte, "uint8"),
    (int, "int"),
    (float, "float64"),
    (SafeHtml, "template.HTML"),
    (str, "string"),
    (StringMap, "map[string]string"),
    (AnyMap, "map[string]interface {}"),
    (QueryResult, "template.queryResult"),
    (Sample, "*template.sample"),
    (
        AlertData,
        "struct { Labels map[string]string; ExternalLabels map[string]string; "
        "ExternalURL string; Value interface {} }",
    ),
)


def type_name(value: Value) -> str:
    """Returns the Go type of a value, `<nil>` for nil."""
    for python_type, name in _TYPE_NAMES:
        if isinstance(value, python_type):
            return name
    go_type = getattr(type(value), "GO_TYPE", None)
    return str(go_type) if go_type else "<nil>"


def is_true(value: Value) -> bool:
    """Returns whether `if` takes the first branch: not the zero of its type, and not empty."""
    if value is None or value is NO_VALUE:
        return False
    if isinstance(value, (bool, int, float)):
        return value != 0
    if isinstance(value, (str, Mapping, QueryResult)):
        return len(value) > 0
    return True


def struct_fields(value: Value) -> list[tuple[str, Value]] | None:
    """Returns the exported fields of a struct in order, or None for what is no struct."""
    if isinstance(value, (Sample, AlertData)):
        return [(f.name, getattr(value, f.name)) for f in fields(value)]
    return None
