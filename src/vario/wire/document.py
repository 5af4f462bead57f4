"""YAML as a tree that remembers its lines, read strictly.

PyYAML's own loading forgets where a value stood and lets a key be given twice; both matter in a
file that people edit by hand. Scalars are read as Go's yaml.v3 reads them into a struct: a text
field takes any scalar as it is written.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

_NULL = "tag:yaml.org,2002:null"
_INT = "tag:yaml.org,2002:int"
_MERGE = "tag:yaml.org,2002:merge"
_KINDS = {"mapping": "a mapping", "sequence": "a list", "scalar": "a value"}

# libyaml's loader is about ten times faster; PyYAML's wheels carry it everywhere.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class DocumentError(Exception):
    """A document that is not of the expected shape, with the line and column of the fault."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


@dataclass(frozen=True, slots=True)
class Item:
    """A value in a document and where it stands; lines and columns count from 1."""

    node: Any

    @property
    def line(self) -> int:
        """Line of the value's first character."""
        return int(self.node.start_mark.line) + 1

    @property
    def column(self) -> int:
        """Column of the value's first character."""
        return int(self.node.start_mark.column) + 1

    @property
    def is_null(self) -> bool:
        """Whether the value is missing or `null`."""
        return self.node.id == "scalar" and self.node.tag == _NULL

    def fail(self, message: str) -> DocumentError:
        """Returns an error at this value."""
        return DocumentError(message, self.line, self.column)

    def _wanted(self, kind: str, what: str) -> DocumentError:
        return self.fail(f"{what} must be {kind}, not {_KINDS.get(self.node.id, self.node.id)}")

    def text(self, what: str) -> str:
        """Returns a scalar as it is written; `null` is empty.

        Raises:
            DocumentError: it is a mapping or a list.
        """
        if self.node.id != "scalar":
            raise self._wanted("a text", what)
        return "" if self.is_null else str(self.node.value)

    def integer(self, what: str) -> int:
        """Returns a whole number; `null` is 0.

        Raises:
            DocumentError: it is none.
        """
        if self.is_null:
            return 0
        if self.node.id != "scalar" or self.node.tag != _INT:
            raise self._wanted("a whole number", what)
        return int(yaml.safe_load(self.node.value))

    def items(self, what: str) -> Iterator["Item"]:
        """Yields the elements of a list; `null` has none.

        Raises:
            DocumentError: it is no list.
        """
        if self.is_null:
            return
        if self.node.id != "sequence":
            raise self._wanted("a list", what)
        for node in self.node.value:
            yield Item(node)

    def fields(self, what: str, known: frozenset[str] | None = None) -> Mapping[str, "Item"]:
        """Returns a mapping's values by key; `null` has none.

        Args:
            what: what the mapping is, for messages.
            known: the keys that it may have; None allows all.

        Raises:
            DocumentError: it is no mapping, a key is given twice, or a key is not known.
        """
        if self.is_null:
            return {}
        if self.node.id != "mapping":
            raise self._wanted("a mapping", what)
        fields: dict[str, Item] = {}
        for key_node, value_node in self.node.value:
            key = Item(key_node)
            if key_node.tag == _MERGE:
                continue
            name = key.text(f"a key of {what}")
            if name in fields:
                raise key.fail(f'"{name}" is given twice in {what}')
            if known is not None and name not in known:
                allowed = ", ".join(sorted(known))
                raise key.fail(f'field "{name}" is not known in {what}; known here: {allowed}')
            fields[name] = Item(value_node)
        return {**self._merged(what, known), **fields}

    def _merged(self, what: str, known: frozenset[str] | None) -> dict[str, "Item"]:
        """Returns the fields that `<<` brings in; the mapping's own win over them."""
        merged: dict[str, Item] = {}
        for key_node, value_node in self.node.value:
            if key_node.tag == _MERGE:
                source = Item(value_node)
                parts = source.items(what) if value_node.id == "sequence" else [source]
                for part in parts:
                    merged = {**part.fields(what, known), **merged}
        return merged

    def texts(self, what: str) -> dict[str, str]:
        """Returns a mapping of text to text."""
        return {key: item.text(f"{what} {key!r}") for key, item in self.fields(what).items()}


def read_document(text: str) -> Item | None:
    """Returns the first document of a YAML text, or None where there is nothing in it.

    Raises:
        DocumentError: the text is not YAML.
    """
    return next(_read(text), None)


def read_documents(text: str) -> list[Item]:
    """Returns every document of a YAML text; those that are empty are left out.

    Raises:
        DocumentError: the text is not YAML.
    """
    return [item for item in _read(text) if not item.is_null]


def _read(text: str) -> Iterator[Item]:
    loader = _Loader(text)
    try:
        while loader.check_node():
            yield Item(loader.get_node())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise DocumentError(f"this is not YAML: {error.problem}", line, column) from error
    except (yaml.YAMLError, UnicodeError) as error:
        raise DocumentError(f"this is not YAML: {error}", 1, 1) from error
    finally:
        loader.dispose()
