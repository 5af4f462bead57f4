"""Reads YAML field by field and knows where each stands: messages name file and line."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml

from vario.errors import BadData

T = TypeVar("T")
W = TypeVar("W", bound=str)

_DURATION = re.compile(
    r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?"
)
_UNIT_S = (365 * 86400.0, 7 * 86400.0, 86400.0, 3600.0, 60.0, 1.0, 0.001)
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGTPE]?)i?B?", re.IGNORECASE)
_TRUE, _FALSE = {"true", "yes", "on", "y"}, {"false", "no", "off", "n"}


@dataclass(slots=True)
class Reader:
    """Reads nodes of one file. Faults raise; what is only not understood becomes a warning."""

    file: Path
    warnings: list[str] = field(default_factory=list[str])

    def load(self) -> Any:
        """Returns the document's node, None for an empty file.

        Raises:
            BadData: the file cannot be read, or is not YAML.
        """
        try:
            loader = yaml.SafeLoader(self.file.read_text(encoding="utf-8"))
        except OSError as error:
            raise BadData(f"cannot read {self.file}: {error.strerror}") from error
        except (UnicodeDecodeError, yaml.YAMLError) as error:
            raise BadData(f"{self.file} is not YAML: {error}") from error
        try:
            node = loader.get_single_node()
            for each in _mappings(node):
                _merge(loader, each)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise BadData(f"{self.file}:{line}: not valid YAML: {error.problem}") from error
        else:
            return node
        finally:
            loader.dispose()

    def fail(self, node: Any, message: str) -> BadData:
        """Returns the error for something wrong at a node."""
        return BadData(f"{self.file}:{node.start_mark.line + 1}: {message}")

    def warn(self, node: Any, message: str) -> None:
        """Notes something at a node that will have no effect."""
        self.warnings.append(f"{self.file}:{node.start_mark.line + 1}: {message}")

    # Values

    def text(self, node: Any) -> str:
        """Returns a scalar as it is written."""
        if not isinstance(node, yaml.ScalarNode):
            raise self.fail(node, "a single value is expected here")
        return "" if node.tag == "tag:yaml.org,2002:null" else str(node.value)

    def boolean(self, node: Any) -> bool:
        """Returns true or false."""
        word = self.text(node).lower()
        if word not in _TRUE | _FALSE:
            raise self.fail(node, f"true or false is expected here, not {word!r}")
        return word in _TRUE

    def number(self, node: Any) -> int:
        """Returns an integer of 0 or more."""
        word = self.text(node)
        if not word.isdecimal():
            raise self.fail(node, f"a number of 0 or more is expected here, not {word!r}")
        return int(word)

    def duration(self, node: Any) -> float:
        """Returns seconds for Prometheus' durations such as `1m30s`."""
        word = self.text(node)
        found = _DURATION.fullmatch(word)
        if word != "0" and (not word or found is None):
            raise self.fail(node, f"a duration such as 15s or 1m30s is expected, not {word!r}")
        units = found.groups() if found else ()
        return sum(int(n) * unit for n, unit in zip(units, _UNIT_S, strict=False) if n)

    def size(self, node: Any) -> int:
        """Returns bytes for sizes such as `10MB`; a thousand is 1024, as in Prometheus."""
        word = self.text(node)
        found = _SIZE.fullmatch(word)
        if found is None:
            raise self.fail(node, f"a size such as 10MB is expected here, not {word!r}")
        return int(float(found[1]) * 1024 ** " KMGTPE".index((found[2] or " ").upper()))

    def choice(self, allowed: Iterable[W]) -> Callable[[Any], W]:
        """Returns a reader of one of the words that are allowed."""
        words = tuple(allowed)

        def read(node: Any) -> W:
            word = self.text(node)
            for each in words:
                if each.lower() == word.lower():
                    return each
            raise self.fail(node, f"one of {', '.join(words)} is expected here, not {word!r}")

        return read

    def path(self, node: Any) -> Path:
        """Returns a path, relative ones starting at the folder of this file."""
        return self.file.parent / self.text(node)

    # Structures

    def items(self, read: Callable[[Any], T]) -> Callable[[Any], tuple[T, ...]]:
        """Returns a reader of a list."""

        def read_list(node: Any) -> tuple[T, ...]:
            if _is_null(node):
                return ()
            if not isinstance(node, yaml.SequenceNode):
                raise self.fail(node, "a list is expected here")
            return tuple(read(item) for item in node.value)

        return read_list

    def mapping(self, read: Callable[[Any], T]) -> Callable[[Any], dict[str, T]]:
        """Returns a reader of a mapping with keys of any name."""
        return lambda node: {self.text(key): read(value) for key, value in self.pairs(node)}

    def pairs(self, node: Any) -> list[tuple[Any, Any]]:
        """Returns the nodes of keys and values of a mapping."""
        if _is_null(node):
            return []
        if not isinstance(node, yaml.MappingNode):
            raise self.fail(node, "a mapping of keys to values is expected here")
        return list(node.value)

    def fields(
        self, node: Any, known: Mapping[str, Callable[[Any], Any]], where: str
    ) -> dict[str, Any]:
        """Returns the values of a mapping whose keys are `known`, and warns of others.

        Args:
            node: the mapping.
            known: how the value of each key is read.
            where: what the mapping is called in warnings.

        Raises:
            BadData: a key comes twice, or a value is malformed.
        """
        found: dict[str, Any] = {}
        for key_node, value in self.pairs(node):
            key = self.text(key_node)
            if key in found:
                raise self.fail(key_node, f"{key} comes twice in {where}")
            if key in known:
                found[key] = known[key](value)
            else:
                self.warn(key_node, f"{where} has the key {key}, which is not known and is ignored")
        return found


def _merge(loader: Any, node: Any) -> None:
    """Resolves `<<` in a mapping; its own keys win over those that come from elsewhere."""
    if any(key.tag == "tag:yaml.org,2002:merge" for key, _ in node.value):
        loader.flatten_mapping(node)
        node.value = list({key.value: (key, value) for key, value in node.value}.values())


def _is_null(node: Any) -> bool:
    return node is None or (
        isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"
    )


def _mappings(node: Any) -> Iterable[Any]:
    """Yields every mapping under a node once, however often aliases point to it."""
    seen: set[int] = set()
    waiting = [node]
    while waiting:
        each = waiting.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, yaml.MappingNode):
            yield each
            waiting += [part for pair in each.value for part in pair]
        elif isinstance(each, yaml.SequenceNode):
            waiting += each.value
