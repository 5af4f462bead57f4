"""Which values a field can be compared with, and how they are written in the tree."""

import re

import re2

from vario.model.filter import (
    INTRINSIC_FIELDS,
    SEVERITIES,
    SPAN_KINDS,
    STATUS_CODES,
    CompareOp,
    Field,
    FieldType,
)
from vario.model.telemetry import Signal
from vario.query.durations import is_duration, parse_duration_ns
from vario.query.filter_lexer import Token

Value = str | int | float | bool

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_BOOLEANS = {"true": True, "false": False}
_ORDER = frozenset({"<", "<=", ">", ">="})
_EQUAL = frozenset({"=", "!="})
_OPS: dict[FieldType, frozenset[str]] = {
    "text": _EQUAL | _ORDER | {"=~", "!~", "contains"},
    "id": _EQUAL | {"=~", "!~", "contains"},
    "duration": _EQUAL | _ORDER,
    "bool": _EQUAL,
    "kind": _EQUAL,
    "status": _EQUAL,
    "severity": _EQUAL | _ORDER,
}
_MEMBERS: dict[str, tuple[str, ...]] = {
    "kind": SPAN_KINDS,
    "status": STATUS_CODES,
    "severity": SEVERITIES,
}
# What other loggers call these ranges.
_ALIASES = {"warning": "WARN", "critical": "FATAL", "err": "ERROR", "information": "INFO"}


def find_operators(signal: Signal, field: Field) -> frozenset[str]:
    """Returns the operators that a field can be compared by."""
    own = INTRINSIC_FIELDS[signal][field.name] if field.scope == "intrinsic" else "text"
    return _OPS[own]


def check_value(signal: Signal, field: Field, op: CompareOp, token: Token) -> Value:
    """Returns the value of `token` as the tree keeps it for this field and operator.

    Raises:
        ValueError: they cannot be compared; the text is `problem; remedy`.
    """
    if op in ("=~", "!~"):
        return _pattern(token)
    if field.scope != "intrinsic":
        return _attribute_value(op, token)
    return _own_value(INTRINSIC_FIELDS[signal][field.name], field.name, token)


def _own_value(kind: FieldType, name: str, token: Token) -> Value:
    match kind:
        case "text":
            return token.text
        case "id":
            return token.text.lower()
        case "duration":
            return _duration(token)
        case "bool":
            return _boolean(name, token)
        case "kind" | "status" | "severity":
            return _member(kind, token)


def _attribute_value(op: CompareOp, token: Token) -> Value:
    """Types a value by how it is written: attributes themselves have no declared type."""
    if token.kind == "string" or op == "contains":
        return token.text
    lowered = token.text.lower()
    if lowered in _BOOLEANS:
        if op not in _EQUAL:
            raise ValueError(f'{op} does not compare {lowered}; use = or !=, or quote "{lowered}"')
        return _BOOLEANS[lowered]
    if _NUMBER.fullmatch(token.text):
        return _number(token.text)
    if is_duration(token.text):
        raise ValueError(
            f"{token.text} is a duration and attributes have no unit; "
            f'write the number in the attribute\'s own unit, or "{token.text}" for the text'
        )
    return token.text


def _pattern(token: Token) -> str:
    """Checks a regular expression by the engine's own library, before the engine does."""
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(token.text, options)
    except re2.error as error:
        reason = error.args[0].decode(errors="replace")
        raise ValueError(
            f"this is no RE2 regular expression ({reason}); "
            "escape what is meant literally, or use contains"
        ) from None
    return token.text


def _number(text: str) -> float:
    number = float(text)
    if abs(number) == float("inf"):
        raise ValueError(f"{text} is out of range; write a number below 1.8e308")
    return number


def _duration(token: Token) -> int:
    if token.kind != "word" or not is_duration(token.text):
        raise ValueError(f"{token.text!r} is no duration; write one such as 200ms, 1.5s or 2m")
    return parse_duration_ns(token.text)


def _boolean(name: str, token: Token) -> bool:
    lowered = token.text.lower()
    if lowered not in _BOOLEANS:
        raise ValueError(f"{token.text!r} is not true or false; write {name} = true")
    return _BOOLEANS[lowered]


def _member(kind: str, token: Token) -> Value:
    """Finds a kind, status or severity by its name in any case, with or without OTLP's prefix."""
    if kind == "severity" and _NUMBER.fullmatch(token.text):
        return _number(token.text)
    word = token.text.upper()
    for prefix in ("SPAN_KIND_", "STATUS_CODE_", "SEVERITY_NUMBER_"):
        word = word.removeprefix(prefix)
    word = _ALIASES.get(word.lower(), word) if kind == "severity" else word
    for member in _MEMBERS[kind]:
        if member.upper() == word:
            return member
    known = ", ".join(member.lower() for member in _MEMBERS[kind])
    raise ValueError(f"{token.text!r} is no {kind}; write one of: {known}")
