"""A document's text, and where in it the pieces of a value were written.

A rule's expression is a YAML or JSON value: quoted, folded over lines, indented. A finding names
the place in the file, so a place in the value is carried back to the place in the text.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property

_BREAK = re.compile(r"\r\n|[\r\n\x85\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of a file; lines and columns count from 1, the end is the place after it."""

    line: int
    column: int
    end_line: int
    end_column: int


class Source:
    """The text of one file and the name that it goes by."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(match.end() for match in _BREAK.finditer(self.text))]

    def offset(self, line: int, column: int) -> int:
        """Returns the offset of a place, both counted from 0."""
        if line >= len(self._starts):
            return len(self.text)
        return min(self._starts[line] + column, len(self.text))

    def place(self, start: int, end: int) -> Place:
        """Returns a stretch of characters as lines and columns."""
        return Place(*self._at(start), *self._at(max(start, end)))

    def _at(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def line(self, number: int) -> str:
        """Returns a line by its number from 1, without its break; empty past the end."""
        if not 1 <= number <= len(self._starts):
            return ""
        end = self._starts[number] if number < len(self._starts) else len(self.text)
        return self.text[self._starts[number - 1] : end].rstrip("\r\n\x85\u2028\u2029")


@dataclass(frozen=True, slots=True)
class Text:
    """A text value of a document and the characters `start` to `end` that it was written with.

    `block` says that it is a YAML block (`|` or `>`), whose first line is a header.
    """

    value: str
    source: Source
    start: int
    end: int
    block: bool = False

    @property
    def content_start(self) -> int:
        """Offset of the first character that may belong to the value."""
        if not self.block:
            return self.start
        first = self.source.text.find("\n", self.start, self.end)
        return self.start if first < 0 else first + 1

    def span(self, start: int = 0, end: int | None = None) -> tuple[int, int]:
        """Returns where the characters `start` to `end` of the value stand in the file."""
        places = self._places()
        if not places:
            return self.start, self.end
        last = min(len(places) if end is None else max(end, start + 1), len(places))
        first = min(start, last - 1)
        return places[first], places[last - 1] + 1

    def _places(self) -> list[int]:
        """Returns for each character of the value where it stands.

        The text is walked beside the value; what only the text has (quotes, backslashes,
        indentation) is stepped over.
        """
        text, at, places = self.source.text, self.content_start, list[int]()
        for character in self.value:
            if character.isspace():
                found = text[at] if at < self.end else ""
                places.append(min(at, self.end))
                if found == "\\":
                    at += 2
                elif found.isspace():
                    at += 1
                continue
            next_at = text.find(character, at, self.end)
            if next_at < 0:  # written as an escape: the walk goes on where it is
                places.append(min(at, self.end))
                continue
            places.append(next_at)
            at = next_at + 1
        return places

    def is_verbatim(self, start: int, end: int) -> bool:
        """Whether these characters of the value stand in the file just as they are."""
        first, last = self.span(start, end)
        return self.source.text[first:last] == self.value[start:end]
