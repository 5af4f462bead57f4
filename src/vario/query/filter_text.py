"""Filters back as text: what this prints, `parse_filter` reads as the same tree."""

import re

from vario.model.filter import (
    INTRINSIC_FIELDS,
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
from vario.query.durations import format_duration_ns
from vario.query.filter import KEYWORDS

_PLAIN = re.compile(r"""[^\s()",'`=!<>~&|.]+(?:\.[^\s()",'`=!<>~&|.]+)*""")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_TAKEN = frozenset(INTRINSIC_FIELDS[Signal.TRACES]) | frozenset(INTRINSIC_FIELDS[Signal.LOGS])


def format_filter(tree: Filter) -> str:
    """Returns text that parses to `tree`; everything-matches prints as empty text.

    A tree that the parser cannot make (`And` or `Or` of fewer than two operands inside another
    node) has no text of its own; its operands are printed.
    """
    match tree:
        case And(operands):
            return " and ".join(_operand(part) for part in operands)
        case Or(operands):
            return " or ".join(_operand(part) for part in operands)
        case Not(operand):
            return f"not {_operand(operand)}"
        case Exists(field):
            return f"exists({format_field(field)})"
        case Text(value):
            return format_text(value)
        case Compare(field, op, value):
            return f"{format_field(field)} {op} {_value(value)}"


def format_field(field: Field) -> str:
    """Returns the name of a field as the filter grammar writes it."""
    if field.scope == "intrinsic":
        return field.name
    name = field.name if _PLAIN.fullmatch(field.name) else format_text(field.name)
    if field.scope != "any":
        return f"{field.scope}.{name}"
    reserved = name.lower() in KEYWORDS or name in _TAKEN or name != field.name
    scoped = name.startswith(("attributes.", "resource."))
    return f".{name}" if reserved or scoped else name


def format_text(value: str) -> str:
    """Returns a text in double quotes."""
    return '"' + "".join(_ESCAPES.get(character, character) for character in value) + '"'


def _operand(tree: Filter) -> str:
    text = format_filter(tree)
    return f"({text})" if isinstance(tree, And | Or) else text


def _value(value: str | int | float | bool) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return format_duration_ns(value)
        case float():
            return repr(value)
        case str():
            return format_text(value)
