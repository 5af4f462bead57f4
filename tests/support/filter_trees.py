"""Random filters, and what they mean said again in plain Python: the reference for the SQL."""

import re
from dataclasses import dataclass, field

from hypothesis import strategies as st

from vario.model.filter import (
    INTRINSIC_FIELDS,
    MATCH_ALL,
    SEVERITIES,
    SPAN_KINDS,
    STATUS_CODES,
    And,
    Compare,
    Exists,
    Field,
    Filter,
    Not,
    Or,
    Text,
)
from vario.model.telemetry import Signal

WORDS = (
    *("", "a", "A", "b", "ab", "aXb", "a.b", "500", "5e2", "-1.5", "true", "false", "1\n2"),
    *("ü", "Ü", "it's", 'a"\\b', "tab\t{x:String}", "%", "a_b", "\\"),
)
"""Values of fields and of comparisons alike, so that comparisons often hold."""
KEYS = ("k", "odd name", "http.status", "region")
NUMBERS = (0.0, 500.0, -1.5, 1e300)
DURATIONS = (0, 1, 1_500, 200_000_000, 3_600_000_000_000)
PATTERNS = ("a", "a.*", ".*b", "a|b", "(?i)A.*", "[0-9]+", "1.2", "", "ü")


@dataclass(frozen=True)
class Row:
    """A span or a log record as the reference sees it: own fields by their names in the grammar."""

    own: dict[str, str | int | bool]
    attributes: dict[str, str] = field(default_factory=dict)
    resource: dict[str, str] = field(default_factory=dict)
    severity_number: int = 0


def matches(tree: Filter, row: Row, signal: Signal) -> bool:
    """Returns whether the filter holds for the row."""
    match tree:
        case And(operands):
            return all(matches(operand, row, signal) for operand in operands)
        case Or(operands):
            return any(matches(operand, row, signal) for operand in operands)
        case Not(operand):
            return not matches(operand, row, signal)
        case Text(value):
            text = str(row.own["name" if signal is Signal.TRACES else "body"])
            return value.lower() in text.lower()
        case Exists(field):
            return _read(field, row) not in ("", 0) or field.name in ("duration", "error", "entry")
        case Compare(field, "!=", value):
            return not matches(Compare(field, "=", value), row, signal)
        case Compare(field, "!~", value):
            return not matches(Compare(field, "=~", value), row, signal)
        case Compare(field, op, value):
            return _compare(_read(field, row), op, value, row)


def _read(field: Field, row: Row) -> str | int | bool:
    match field.scope:
        case "intrinsic":
            return row.own[field.name]
        case "attributes":
            return row.attributes.get(field.name, "")
        case "resource":
            return row.resource.get(field.name, "")
        case "any":
            return row.attributes.get(field.name, "") or row.resource.get(field.name, "")


def _compare(actual: str | int | bool, op: str, wanted: str | float | bool, row: Row) -> bool:
    if isinstance(actual, str) and isinstance(wanted, bool):
        return actual == ("true" if wanted else "false")
    if isinstance(actual, str) and isinstance(wanted, float):
        if not re.fullmatch(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?", actual):
            return False
        return _ordered(float(actual), op, wanted)
    if isinstance(actual, int) and not isinstance(actual, bool):
        if isinstance(wanted, str):  # a severity by its name
            return _ordered(actual, op, SEVERITIES.index(wanted) + 1)
        if isinstance(wanted, float):  # a severity by its number
            return _ordered(row.severity_number, op, wanted)
    if op == "=~":
        return re.fullmatch(str(wanted), str(actual), re.DOTALL) is not None
    if op == "contains":
        return str(wanted) in str(actual)
    return _ordered(actual, op, wanted)


def _ordered(left, op: str, right) -> bool:
    if isinstance(left, str):  # by bytes, as the engine does
        left, right = left.encode(), right.encode()
    return {
        "=": left == right,
        "<": left < right,
        "<=": left <= right,
        ">": left > right,
        ">=": left >= right,
    }[op]


ORDER = ("=", "!=", "<", "<=", ">", ">=")
_words = st.sampled_from(WORDS)


def fields(signal: Signal) -> st.SearchStrategy[Field]:
    own = st.builds(Field, st.just("intrinsic"), st.sampled_from(sorted(INTRINSIC_FIELDS[signal])))
    scopes = st.sampled_from(("attributes", "resource", "any"))
    # An unscoped name that is a field of its own is written, and means, that field.
    return own | st.builds(Field, scopes, st.sampled_from(KEYS)).filter(
        lambda field: field != Field("any", "region")
    )


def comparisons(field: Field, signal: Signal) -> st.SearchStrategy[Compare]:
    """Comparisons of a field that the grammar can write."""

    def build(ops, values):
        return st.builds(Compare, st.just(field), st.sampled_from(ops), values)

    kind = INTRINSIC_FIELDS[signal][field.name] if field.scope == "intrinsic" else "attribute"
    patterns = build(("=~", "!~"), st.sampled_from(PATTERNS))
    text = build((*ORDER, "contains"), _words) | patterns
    match kind:
        case "attribute":
            numbers = build(ORDER, st.sampled_from(NUMBERS))
            return text | numbers | build(("=", "!="), st.booleans())
        case "text":
            return text
        case "id":
            return build(("=", "!=", "contains"), _words.map(str.lower)) | patterns
        case "duration":
            return build(ORDER, st.sampled_from(DURATIONS))
        case "bool":
            return build(("=", "!="), st.booleans())
        case "kind":
            return build(("=", "!="), st.sampled_from(SPAN_KINDS))
        case "status":
            return build(("=", "!="), st.sampled_from(STATUS_CODES))
        case "severity":
            return build(ORDER, st.sampled_from(SEVERITIES)) | build(
                ORDER, st.sampled_from((0.0, 9.0, 17.0))
            )
    raise AssertionError(kind)


def trees(signal: Signal) -> st.SearchStrategy[Filter]:
    """Filters that the grammar can write: no `And` or `Or` of fewer than two operands inside."""
    leaves = (
        fields(signal).flatmap(lambda field: comparisons(field, signal))
        | st.builds(Exists, fields(signal))
        | st.builds(Text, _words)
    )

    def deeper(inner: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
        several = st.lists(inner, min_size=2, max_size=3).map(tuple)
        return st.builds(Not, inner) | st.builds(And, several) | st.builds(Or, several)

    return st.just(MATCH_ALL) | st.recursive(leaves, deeper, max_leaves=6)
