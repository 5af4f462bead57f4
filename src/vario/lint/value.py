"""YAML and JSON as one tree of values that know where in the text they were written."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from json.decoder import scanstring  # pyright: ignore[reportAttributeAccessIssue]
from typing import Any

import yaml

from vario.lint.source import Source, Text

_MERGE = "tag:yaml.org,2002:merge"
_MAX_DEPTH = 100
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SPACE = re.compile(r"[ \t\r\n]*")
_WORD = re.compile(r"[-+.\w]+")
_BLOCK_STYLES = ("|", ">")


class SyntaxFault(Exception):
    """A text that is not YAML or JSON, with the offset of the fault."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


@dataclass(slots=True)
class Value:
    """A value, written in the characters `start` to `end` of the source.

    Attributes:
        scalar: the text, number, boolean or None that it is; None for lists and mappings too.
        members: the values of a mapping by key, None where it is none.
        keys: where each key of the mapping stands.
        items: the elements of a list, None where it is none.
        repeated: keys that a JSON object has twice, with their places.
        block: a YAML block, whose first line is a header.
    """

    source: Source
    start: int
    end: int
    scalar: Any = None
    members: "dict[str, Value] | None" = None
    keys: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    items: "list[Value] | None" = None
    repeated: list[tuple[str, int, int]] = field(default_factory=list[tuple[str, int, int]])
    block: bool = False

    def get(self, *path: str) -> "Value | None":
        """Returns the value under some keys, None where there is none."""
        found: Value | None = self
        for key in path:
            found = found.members.get(key) if found is not None and found.members else None
        return found

    def each(self, *path: str) -> "list[Value]":
        """Returns the elements of the list under some keys; none where there is no list."""
        found = self.get(*path)
        return found.items if found is not None and found.items is not None else []

    def text(self, *path: str) -> Text | None:
        """Returns the scalar under some keys as a text; None where there is none."""
        found = self.get(*path)
        if found is None or found.members is not None or found.items is not None:
            return None
        if found.scalar is None or isinstance(found.scalar, bool):
            return None
        return Text(str(found.scalar), found.source, found.start, found.end, found.block)

    def word(self, *path: str) -> str:
        """Returns the scalar under some keys as a text; empty where there is none."""
        found = self.text(*path)
        return found.value.strip() if found else ""

    def texts(self, *path: str) -> dict[str, Text]:
        """Returns the texts of the mapping under some keys."""
        found = self.get(*path)
        members = found.members if found is not None and found.members else {}
        texts = {key: value.text() for key, value in members.items()}
        return {key: text for key, text in texts.items() if text is not None}

    def key_span(self, key: str) -> tuple[int, int]:
        """Returns where a key stands; where the value begins if there is no such key."""
        return self.keys.get(key, (self.start, self.start + 1))


def read_yaml(source: Source) -> list[Value]:
    """Returns the documents of a YAML text.

    Scalars are texts as they are written, but for null, which is None.

    Raises:
        SyntaxFault: it is none.
    """
    loader = _Loader(source.text)
    try:
        nodes = list[Any]()
        while loader.check_node():
            nodes.append(loader.get_node())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        offset = source.offset(mark.line, mark.column) if mark else 0
        raise SyntaxFault(f"this is not YAML: {error.problem}", offset) from error
    except (yaml.YAMLError, UnicodeError) as error:
        raise SyntaxFault(f"this is not YAML: {error}", 0) from error
    finally:
        loader.dispose()
    return [_YamlReader(source).value(node, 0) for node in nodes]


class _YamlReader:
    """Turns nodes into values; an anchor's node is read once, so that aliases cannot multiply."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.known: dict[int, Value] = {}

    def value(self, node: Any, depth: int) -> Value:
        if id(node) in self.known:
            return self.known[id(node)]
        start = self.source.offset(node.start_mark.line, node.start_mark.column)
        end = self.source.offset(node.end_mark.line, node.end_mark.column)
        if depth > _MAX_DEPTH:
            raise SyntaxFault(f"nested deeper than {_MAX_DEPTH} levels", start)
        value = Value(self.source, start, end)
        self.known[id(node)] = value
        if node.id == "scalar":
            value.scalar = None if node.tag == "tag:yaml.org,2002:null" else node.value
            value.block = node.style in _BLOCK_STYLES
        elif node.id == "sequence":
            value.items = [self.value(item, depth + 1) for item in node.value]
        else:
            self._fill(value, node, depth)
        return value

    def _fill(self, value: Value, node: Any, depth: int) -> None:
        own: dict[str, Value] = {}
        merged: dict[str, Value] = {}
        for key_node, value_node in node.value:
            inner = self.value(value_node, depth + 1)
            if key_node.tag == _MERGE:
                for part in inner.items if inner.items is not None else [inner]:
                    merged = {**(part.members or {}), **merged}
            elif key_node.id == "scalar":
                own[key_node.value] = inner
                key = self.value(key_node, depth + 1)
                value.keys[key_node.value] = (key.start, key.end)
        value.members = {**merged, **own}


def read_json(source: Source, start: int = 0, end: int | None = None) -> Value:
    """Returns the JSON value in a stretch of a text.

    Raises:
        SyntaxFault: there is none, or something follows it.
    """
    reader = _JsonReader(source, len(source.text) if end is None else end)
    at = reader.space(start)
    value = reader.value(at, 0)
    rest = reader.space(value.end)
    if rest < reader.end:
        raise SyntaxFault("something follows the JSON value", rest)
    return value


class _JsonReader:
    """Reads JSON (RFC 8259) by recursion; strings are left to the standard library."""

    def __init__(self, source: Source, end: int) -> None:
        self.source = source
        self.text = source.text
        self.end = end

    def space(self, at: int) -> int:
        """Returns the offset of the next character that is no space."""
        found = _SPACE.match(self.text, at, self.end)
        return found.end() if found else at

    def _peek(self, at: int) -> str:
        return self.text[at] if at < self.end else ""

    def value(self, at: int, depth: int) -> Value:
        """Returns the value that begins at an offset."""
        if depth > _MAX_DEPTH:
            raise SyntaxFault(f"nested deeper than {_MAX_DEPTH} levels", at)
        match self._peek(at):
            case "{":
                return self._mapping(at, depth)
            case "[":
                return self._list(at, depth)
            case '"':
                text, end = self._string(at)
                return Value(self.source, at, end, text)
            case _:
                return self._plain(at)

    def _string(self, at: int) -> tuple[str, int]:
        try:
            text, end = scanstring(self.text, at + 1, True)
        except ValueError as error:
            raise SyntaxFault(f"a text that is not JSON: {error}", at) from error
        if end > self.end:
            raise SyntaxFault("a text without its closing quote", at)
        return text, end

    def _plain(self, at: int) -> Value:
        found = _WORD.match(self.text, at, self.end)
        if found is None:
            what = repr(self._peek(at)) if at < self.end else "the end"
            raise SyntaxFault(f"a value is expected, not {what}", at)
        try:
            scalar = json.loads(found[0], parse_constant=_no_constant)
        except ValueError as error:
            raise SyntaxFault(f"{found[0]!r} is not JSON", at) from error
        return Value(self.source, at, found.end(), scalar)

    def _list(self, at: int, depth: int) -> Value:
        items: list[Value] = []
        for place in self._parts(at, "]"):
            items.append(self.value(place, depth + 1))
            self._at = items[-1].end
        return Value(self.source, at, self._at, items=items)

    def _mapping(self, at: int, depth: int) -> Value:
        value = Value(self.source, at, at, members={})
        members: dict[str, Value] = {}
        for place in self._parts(at, "}"):
            if self._peek(place) != '"':
                raise SyntaxFault("a key is expected, in double quotes", place)
            key, end = self._string(place)
            colon = self.space(end)
            if self._peek(colon) != ":":
                raise SyntaxFault('":" is expected after a key', colon)
            if key in members:
                value.repeated.append((key, place, end))
            members[key] = self.value(self.space(colon + 1), depth + 1)
            value.keys[key] = (place, end)
            self._at = members[key].end
        value.members, value.end = members, self._at
        return value

    def _parts(self, at: int, closing: str) -> Iterator[int]:
        """Yields where each part of a list or mapping begins; `_at` must be left at its end."""
        self._at = self.space(at + 1)
        if self._peek(self._at) == closing:
            self._at += 1
            return
        while True:
            yield self.space(self._at)
            self._at = self.space(self._at)
            sign = self._peek(self._at)
            self._at += 1
            if sign == closing:
                return
            if sign != ",":
                raise SyntaxFault(f'"," or "{closing}" is expected', self._at - 1)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
