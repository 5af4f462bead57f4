"""One PromQL expression of a document, parsed, with the way back to the file."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from vario.lint.finding import Edit, Hit
from vario.lint.source import Text
from vario.query.promql.features import ALL_FEATURES
from vario.query.promql.lexer import Position
from vario.query.promql.nodes import Node
from vario.query.promql.parser import ParseError, parse

Role = Literal["alert", "record", "panel", "slo"]

# Grafana's variables: $name, ${name}, ${name:format}, [[name]].
_VARIABLE = re.compile(r"\$\{\w+(?::\w+)?(?:\.[\w.]+)?\}|\$\w+|\[\[\w+(?::\w+)?\]\]")
_IN_BRACKETS = re.compile(r"[\[:]\s*$")


@dataclass(frozen=True, slots=True)
class Query:
    """An expression and what is around it.

    Attributes:
        text: the value as it stands in the document.
        tree: what it means; where there are variables, with stand-ins of the same length.
        said: what people wrote about it: annotations, a title.
        name: of the alert, the recording rule or the panel.
        variables: where in the value variables stood.
    """

    text: Text
    tree: Node
    role: Role
    name: str = ""
    said: str = ""
    variables: tuple[Position, ...] = field(default=())

    def hit(
        self, at: Position, message: str, *, remedy: str = "", edits: tuple[Edit, ...] = ()
    ) -> Hit:
        """Returns a hit at a part of the expression."""
        start, end = self.text.span(at.start, at.end)
        return Hit(start, end, message, remedy, edits)

    def edit(self, at: Position, replacement: str) -> tuple[Edit, ...]:
        """Returns the edit that replaces a part; none where the file writes it in another way."""
        if self.touches_variable(at) or not self.text.is_verbatim(at.start, at.end):
            return ()
        if any(c in "\"'\\\n" for c in replacement) and not self.text.block:
            return ()  # would need the escapes of the value around it
        start, end = self.text.span(at.start, at.end)
        return (Edit(start, end, replacement),)

    def touches_variable(self, at: Position) -> bool:
        """Whether a variable stands in this part."""
        return any(v.start < at.end and at.start < v.end for v in self.variables)

    def part(self, at: Position) -> str:
        """Returns a part of the expression as it is written."""
        return self.text.value[at.start : at.end]


def read_query(text: Text, role: Role, name: str = "", said: str = "") -> Query | ParseError:
    """Returns an expression of a rule or an SLO parsed, or why it is none."""
    try:
        return Query(text, parse(text.value, ALL_FEATURES), role, name, said)
    except ParseError as error:
        return error


def read_panel_query(text: Text, name: str, said: str) -> Query | ParseError | None:
    """Returns a panel's expression parsed, or why it is none.

    Returns:
        None where it has variables and no stand-in makes it PromQL: nobody can say what it will be.
    """
    variables = tuple(Position(m.start(), m.end()) for m in _VARIABLE.finditer(text.value))
    fault: ParseError | None = None
    for filled in _stand_ins(text.value, variables):
        try:
            return Query(text, parse(filled, ALL_FEATURES), "panel", name, said, variables)
        except ParseError as error:
            fault = error
    return None if variables else fault


def _stand_ins(text: str, variables: tuple[Position, ...]) -> Iterator[str]:
    """Yields the text with variables as words, then as numbers; as durations where only they go."""
    for words in (True, False) if variables else (True,):
        filled = text
        for at in variables:
            length = at.end - at.start
            if _IN_BRACKETS.search(text, 0, at.start):
                stand_in = "5m".ljust(length)
            elif words:
                stand_in = re.sub(r"\W", "_", text[at.start : at.end])
            else:
                stand_in = "1".ljust(length)
            filled = filled[: at.start] + stand_in + filled[at.end :]
        yield filled
