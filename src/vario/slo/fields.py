"""Fields of an SLO file: read with their names and places."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from vario.query.promql.literals import parse_duration_ms
from vario.wire.document import Item

Fields = Mapping[str, Item]
Parsed = TypeVar("Parsed")


def text_of(fields: Fields, key: str, default: str = "") -> str:
    """Returns a field's text, or a default where it is missing or null."""
    return fields[key].text(key) or default if key in fields else default


def parsed(item: Item, key: str, parse: Callable[[str], Parsed]) -> Parsed:
    """Returns `parse(text)` of a field; a `ValueError` gets the field's name and place."""
    text = item.text(key)
    try:
        return parse(text)
    except ValueError as error:
        raise item.fail(f"{key}: {error}") from error


def duration_s(text: str) -> int:
    """Returns a duration such as `1h30m` in seconds."""
    return parse_duration_ms(text) // 1000
