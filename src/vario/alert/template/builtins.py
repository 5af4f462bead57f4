"""The functions that every Go template has: comparison, logic, indexing, printing, escaping.

Source: the documentation of Go's package text/template, "Functions".
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus

from vario.alert.template.execute import Function, FunctionError
from vario.alert.template.format import default_form, sprint, sprintf, sprintln
from vario.alert.template.values import (
    NO_VALUE,
    Byte,
    QueryResult,
    Sample,
    StringMap,
    Value,
    is_true,
    type_name,
)

_HTML = {'"': "&#34;", "'": "&#39;", "&": "&amp;", "<": "&lt;", ">": "&gt;", "\0": "\ufffd"}
_JS = {
    "\\": "\\\\",
    "'": "\\'",
    '"': '\\"',
    "<": "\\u003C",
    ">": "\\u003E",
    "&": "\\u0026",
    "=": "\\u003D",
}


def _kind(value: Value) -> str:
    """Returns what a value compares as; empty for what only equals itself."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, Byte):
        return "uint"
    for python_type, kind in ((int, "int"), (float, "float"), (str, "string")):
        if isinstance(value, python_type):
            return kind
    return ""


def _incomparable(left: Value, right: Value) -> FunctionError:
    return FunctionError(
        f"incompatible types for comparison: {type_name(left)} and {type_name(right)}"
    )


def _eq(first: Value, *others: Value) -> bool:
    if not others:
        raise FunctionError("missing argument for comparison")
    return any(_equal(first, other) for other in others)


def _equal(left: Value, right: Value) -> bool:
    kinds = {_kind(left), _kind(right)}
    if len(kinds) == 2 and kinds != {"int", "uint"}:
        if None in (left, right) or NO_VALUE in (left, right):
            return False
        raise _incomparable(left, right)
    if kinds == {""}:
        for value in (left, right):
            if isinstance(value, (Mapping, QueryResult)):
                raise FunctionError(
                    f"non-comparable type {default_form(value)}: {type_name(value)}"
                )
        return left is right
    return bool(left == right)


def _lt(left: Value, right: Value) -> bool:
    kinds = {_kind(left), _kind(right)}
    if "" in kinds:
        raise FunctionError("invalid type for comparison")
    if len(kinds) == 2 and kinds != {"int", "uint"}:
        raise _incomparable(left, right)
    if kinds == {"bool"}:
        raise FunctionError("invalid type for comparison")
    return bool(left < right)


def _le(left: Value, right: Value) -> bool:
    return _lt(left, right) or _equal(left, right)


def _position(index: Value, length: int) -> int:
    if index is None:
        raise FunctionError("cannot index slice/array with nil")
    if not isinstance(index, int) or isinstance(index, bool):
        raise FunctionError(f"cannot index slice/array with type {type_name(index)}")
    if not 0 <= index <= length:
        raise FunctionError(f"index out of range: {index}")
    return index


def _index(item: Value, *indices: Value) -> Value:
    if item is None or item is NO_VALUE:
        raise FunctionError("index of untyped nil")
    for index in indices:
        if item is None or item is NO_VALUE:
            raise FunctionError("index of nil pointer")
        if isinstance(item, str):
            raw = item.encode(errors="surrogateescape")
            item = Byte(_element(raw, index, "string"))
        elif isinstance(item, QueryResult):
            item = _element(item, index, "slice")
        elif isinstance(item, Mapping):
            item = _entry(item, index)
        else:
            raise FunctionError(f"can't index item of type {type_name(item)}")
    return item


def _element(items: Any, index: Value, kind: str) -> Value:
    position = _position(index, len(items))
    if position == len(items):
        raise FunctionError(f"reflect: {kind} index out of range")
    return items[position]


def _entry(item: Mapping[str, Any], key: Value) -> Value:
    if key is None:
        raise FunctionError("value is nil; should be of type string")
    if type(key) is not str:
        raise FunctionError(f"value has type {type_name(key)}; should be string")
    return item.get(key, "" if isinstance(item, StringMap) else NO_VALUE)


def _slice(item: Value, *indices: Value) -> Value:
    if item is None or item is NO_VALUE:
        raise FunctionError("slice of untyped nil")
    if len(indices) > 3:
        raise FunctionError(f"too many slice indexes: {len(indices)}")
    if isinstance(item, str):
        if len(indices) == 3:
            raise FunctionError("cannot 3-index slice a string")
        raw: Any = item.encode(errors="surrogateescape")
    elif isinstance(item, QueryResult):
        raw = item
    else:
        raise FunctionError(f"can't slice item of type {type_name(item)}")
    bounds = [_position(index, len(raw)) for index in indices]
    start = bounds[0] if bounds else 0
    end = bounds[1] if len(bounds) > 1 else len(raw)
    if start > end:
        raise FunctionError(f"invalid slice index: {start} > {end}")
    part = raw[start:end]
    return part.decode(errors="replace") if isinstance(item, str) else QueryResult(part)


def _len(item: Value) -> int:
    if item is None or item is NO_VALUE:
        raise FunctionError("len of nil pointer")
    if isinstance(item, str):
        return len(item.encode(errors="surrogateescape"))
    if isinstance(item, (Mapping, QueryResult)):
        return len(item)
    name = type_name(item)
    raise FunctionError(f"len of type {name.removeprefix('*')}")


def _call(function: Value, *_arguments: Value) -> Value:
    if function is None:
        raise FunctionError("call of nil")
    raise FunctionError(f"non-function {default_form(function)} of type {type_name(function)}")


def _joined(arguments: tuple[Value, ...]) -> str:
    shown = ["<no value>" if a is None or a is NO_VALUE else a for a in arguments]
    if len(shown) == 1 and isinstance(shown[0], Sample):
        return sprint(shown)[1:]
    return sprint(shown)


def escape_html(text: str) -> str:
    """Returns text with the characters that HTML gives a meaning escaped, as Go does."""
    return "".join(_HTML.get(char, char) for char in text)


def _js(*arguments: Value) -> str:
    out: list[str] = []
    for char in _joined(arguments):
        if char in _JS:
            out.append(_JS[char])
        elif char < " " or (ord(char) > 0x7F and not char.isprintable()):
            out.append(f"\\u{ord(char):04X}")
        else:
            out.append(char)
    return "".join(out)


BUILTINS: Mapping[str, Function] = {
    "and": Function(lambda *arguments: arguments[0], ("any",), "any"),
    "or": Function(lambda *arguments: arguments[0], ("any",), "any"),
    "not": Function(lambda value: not is_true(value), ("any",)),
    "call": Function(_call, ("any",), "any"),
    "html": Function(lambda *arguments: escape_html(_joined(arguments)), (), "any"),
    "js": Function(_js, (), "any"),
    "urlquery": Function(lambda *arguments: quote_plus(_joined(arguments), safe="~"), (), "any"),
    "index": Function(_index, ("any",), "any"),
    "slice": Function(_slice, ("any",), "any"),
    "len": Function(_len, ("any",)),
    "print": Function(lambda *arguments: sprint(arguments), (), "any"),
    "printf": Function(lambda form, *arguments: sprintf(form, arguments), ("string",), "any"),
    "println": Function(lambda *arguments: sprintln(arguments), (), "any"),
    "eq": Function(_eq, ("any",), "any"),
    "ne": Function(lambda left, right: not _eq(left, right), ("any", "any")),
    "lt": Function(_lt, ("any", "any")),
    "le": Function(_le, ("any", "any")),
    "gt": Function(lambda left, right: not _le(left, right), ("any", "any")),
    "ge": Function(lambda left, right: not _lt(left, right), ("any", "any")),
}
