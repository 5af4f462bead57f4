"""Evidence: numbers with the query that gives them again, and the asking itself.

`promql` and `filter` are the languages of the API. What neither can say is asked in one form of
SELECT, one function of one field over spans or logs:

    SELECT p95(duration) FROM spans WHERE service.name = "ml-infer" and entry = true

What stands after WHERE is the filter grammar. The text is parsed here and never reaches the engine:
its names and values are compiled as those of a filter are, so there is nothing to escape from.
"""

import re
from dataclasses import dataclass
from typing import cast
from urllib.parse import quote

from vario.errors import BadData
from vario.investigate.reader import Reader
from vario.model.filter import MATCH_ALL, Field, Filter
from vario.model.investigation import Evidence, QueryLanguage
from vario.model.telemetry import Signal, TimeRange
from vario.query.filter import parse_field, parse_filter
from vario.query.filter_text import format_field, format_filter
from vario.store.base import Aggregate

FUNCTIONS: tuple[Aggregate, ...] = (
    "count", "avg", "sum", "min", "max", "p50", "p90", "p95", "p99", "distinct",
)  # fmt: skip
_SELECT = re.compile(
    r"\s*SELECT\s+(\w+)\s*\(([^()]*)\)\s+FROM\s+(\w+)(?:\s+WHERE\s+(.*))?\s*", re.I | re.S
)
_TABLES = {"spans": Signal.TRACES, "logs": Signal.LOGS}
DURATION = Field("intrinsic", "duration")


@dataclass(frozen=True, slots=True)
class Select:
    """One number over spans or records."""

    signal: Signal
    function: Aggregate
    field: Field | None
    where: Filter


def parse_select(text: str) -> Select:
    """Returns the question that a SELECT asks.

    Raises:
        BadData: it is not of the form above.

    Example:
        >>> parse_select('SELECT avg(duration) FROM spans WHERE entry = true').function
        'avg'
    """
    match = _SELECT.fullmatch(text)
    if match is None:
        raise BadData(
            "sql: write SELECT function(field) FROM spans|logs WHERE filter, such as"
            ' SELECT p95(duration) FROM spans WHERE service.name = "api"'
        )
    function, field, table, where = match.groups()
    if function.lower() not in FUNCTIONS:
        raise BadData(f"sql: there is no function {function}; there are {', '.join(FUNCTIONS)}")
    if table.lower() not in _TABLES:
        raise BadData(f"sql: there is no table {table}; there are spans and logs")
    signal = _TABLES[table.lower()]
    bare = field.strip() in ("", "*")
    if bare != (function.lower() == "count"):
        raise BadData("sql: count() takes no field, every other function takes one")
    return Select(
        signal=signal,
        function=cast(Aggregate, function.lower()),
        field=None if bare else parse_field(field.strip(), signal),
        where=parse_filter(where, signal) if where else MATCH_ALL,
    )


def format_select(select: Select) -> str:
    """Returns the text of a question; `parse_select` reads it back."""
    table = "spans" if select.signal is Signal.TRACES else "logs"
    field = format_field(select.field) if select.field else ""
    where = format_filter(select.where)
    text = f"SELECT {select.function}({field}) FROM {table}"
    return f"{text} WHERE {where}" if where else text


def run_query(
    reader: Reader,
    language: QueryLanguage,
    query: str,
    window: TimeRange,
    *,
    signal: Signal = Signal.TRACES,
) -> float:
    """Returns the number that a piece of evidence stands for.

    Args:
        reader: what is asked.
        language: of the query; `filter` counts the spans, or records, that match.
        query: the text.
        window: of spans and records; PromQL is evaluated at its end.
        signal: of a filter.

    Raises:
        BadData: the query cannot be read, or does not give one number.
    """
    if language == "promql":
        values = reader.evaluate(query, window.end_ns)
        if len(values) > 1:
            raise BadData(f"promql: {len(values)} series where evidence is one number: aggregate")
        return values[0][1] if values else float("nan")
    if language == "filter":
        select = Select(signal, "count", None, parse_filter(query, signal))
    else:
        select = parse_select(query)
    return reader.store.aggregate(
        select.signal, select.function, select.field, select.where, window
    )


class Notebook:
    """Collects evidence: asks each question once, and writes down its answer."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._known: dict[tuple[str, str, TimeRange], float] = {}

    def ask(
        self,
        title: str,
        language: QueryLanguage,
        query: str,
        window: TimeRange,
        *,
        unit: str = "1",
        link: str = "",
    ) -> Evidence:
        """Returns the number and its query."""
        key = (language, query, window)
        if key not in self._known:
            self._known[key] = run_query(self._reader, language, query, window)
        return Evidence(title, language, query, window, self._known[key], unit, link)

    def count(self, title: str, where: Filter, window: TimeRange) -> Evidence:
        """Returns how many spans match, by a filter."""
        query = format_filter(where)
        return self.ask(title, "filter", query, window, unit="spans", link=link_traces(where))

    def select(
        self, title: str, function: Aggregate, field: Field | None, where: Filter,
        window: TimeRange, *, unit: str = "s", signal: Signal = Signal.TRACES,
    ) -> Evidence:  # fmt: skip
        """Returns a function of a field over what matches, by a SELECT."""
        query = format_select(Select(signal, function, field, where))
        return self.ask(title, "sql", query, window, unit=unit, link=link_traces(where))


def link_traces(where: Filter) -> str:
    """Returns the UI's path of the traces with spans that match; the page adds the times."""
    text = format_filter(where)
    return f"/traces?filter={quote(text)}" if text else "/traces"
