"""The SELECTs that a request ran, as SQL that anybody can run again.

What asks the engine notes it here; nothing is kept unless somebody listens.
"""

import re
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from inspect import cleandoc
from typing import Any, cast

_listening: ContextVar[list[str] | None] = ContextVar("listening", default=None)
_PARAMETER = re.compile(r"\{(\w+):([^{}]+)\}")
_PLAIN = ("String", "UInt8", "UInt16", "UInt32")
"""Types that a literal has by itself, or that nothing asks for."""


@contextmanager
def listening() -> Generator[list[str]]:
    """Yields a list that takes up every SELECT that this context, or threads it starts, runs."""
    heard: list[str] = []
    token = _listening.set(heard)
    try:
        yield heard
    finally:
        _listening.reset(token)


def note_query(sql: str, params: Mapping[str, Any] | None) -> None:
    """Tells whoever listens of a SELECT that is about to run."""
    heard = _listening.get()
    if heard is not None:
        heard.append(fill_in(sql, params or {}))


def fill_in(sql: str, params: Mapping[str, Any]) -> str:
    r"""Returns SQL with the values of its parameters written out.

    >>> fill_in("SELECT {a:Int64}, {b:String}", {"a": 7, "b": "it's"})
    "SELECT 7::Int64, 'it\\'s'"
    """

    def written(match: re.Match[str]) -> str:
        name, kind = match.group(1), match.group(2)
        text = _write_literal(params[name])
        return text if kind in _PLAIN else f"{text}::{kind}"

    return _PARAMETER.sub(written, cleandoc(sql))


def _write_literal(value: Any) -> str:
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        return f"'{escaped}'"
    if isinstance(value, Sequence):
        parts = cast("Sequence[Any]", value)
        return "[" + ", ".join(_write_literal(part) for part in parts) + "]"
    return "NULL" if value is None else str(value)
