"""Reads what investigations weigh: cubes over fields, samples of whole traces, single numbers."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vario.errors import BadData
from vario.model.filter import Field, Filter, Scope
from vario.model.telemetry import Signal, TimeRange
from vario.store.base import Aggregate, Cube, FieldProfile, SpanTable
from vario.store.engine import Engine
from vario.store.filter_sql import SEVERITY_LEVEL, Condition, compile_field, compile_filter
from vario.store.windows import IN_WINDOW, LOGS_IN_WINDOW, STEP, bind_window

_TABLES: Mapping[Signal, tuple[str, str]] = {
    Signal.TRACES: ("otel_traces", IN_WINDOW),
    Signal.LOGS: ("otel_logs", LOGS_IN_WINDOW),
}
_OWN = {Signal.TRACES: "SpanAttributes", Signal.LOGS: "LogAttributes"}
_MEASURES = {
    Signal.TRACES: """
        sum(Weight) AS count,
        sumIf(Weight, IsError) AS errors,
        sumIf(Weight, Duration > {slow_ns:UInt64}) AS slow,
        sum(Weight * Duration) / 1e9 AS duration_s""",
    Signal.LOGS: f"""
        toFloat64(count()) AS count,
        toFloat64(countIf({SEVERITY_LEVEL} >= 5)) AS errors,
        toFloat64(0) AS slow,
        toFloat64(0) AS duration_s""",
}
_FUNCTIONS: Mapping[Aggregate, str] = {
    "avg": "avg({x})",
    "sum": "sum({x})",
    "min": "min({x})",
    "max": "max({x})",
    "p50": "quantileExactInclusive(0.5)({x})",
    "p90": "quantileExactInclusive(0.9)({x})",
    "p95": "quantileExactInclusive(0.95)({x})",
    "p99": "quantileExactInclusive(0.99)({x})",
}

_AGE = "(toUnixTimestamp64Nano(Timestamp) - {start_ns:Int64})"
_VALUES_SHOWN = 12
_PIECES = 8
"""A large window is sampled in so many pieces of equal distance."""
_TRACE_LASTS_NS, _BUSY_TRACE_LASTS_NS = 30 * 10**9, 10 * 10**9
"""Spans of a trace are looked for so long before and after its matching span; less long where
there are many traces, for all that begins in that time is read around every piece."""
_MAX_SPANS = 200_000


class EvidenceQueries:
    """`vario.store.base.EvidenceReader` over otel_traces and otel_logs."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def profile_fields(
        self, signal: Signal, where: Filter, window: TimeRange, *, rows: int
    ) -> list[FieldProfile]:
        """Describes the attributes of spans or records, and of resources, from a sample of rows.

        Names are in order of scope and name.
        """
        condition = compile_filter(where, signal)
        table, _ = _TABLES[signal]
        pieces, params = self._thin(signal, condition, window, rows)
        found: list[FieldProfile] = []
        scopes: tuple[tuple[Scope, str], ...] = (
            ("attributes", _OWN[signal]),
            ("resource", "ResourceAttributes"),
        )
        for scope, column in scopes:
            answer = self._engine.query_rows(
                f"""
                SELECT key, count() / any(all) AS share, uniqExact(value) AS distinct,
                    topK({_VALUES_SHOWN})(value)
                FROM (
                    SELECT {column} AS attributes, count() OVER () AS all
                    FROM {table} WHERE ({pieces}) AND ({condition.sql})
                ) ARRAY JOIN mapKeys(attributes) AS key, mapValues(attributes) AS value
                WHERE value != ''
                GROUP BY key ORDER BY key
                """,
                {**condition.params, **params},
            )
            found.extend(
                FieldProfile(Field(scope, key), share, distinct, tuple(sorted(values)))
                for key, share, distinct, values in answer
            )
        return found

    def read_cube(
        self,
        signal: Signal,
        where: Filter,
        window: TimeRange,
        *,
        step_ns: int,
        by: Sequence[Field],
        slow_ns: int = 0,
        limit: int = 20_000,
        share: float = 1.0,
    ) -> Cube:
        """Counts spans or records by fields and step; the `limit` largest combinations.

        With a `share` below 1 only that part of the time of each step is read.
        """
        condition = compile_filter(where, signal)
        table, in_window = _TABLES[signal]
        params: dict[str, Any] = {**bind_window(window, step_ns), **condition.params}
        names = [f"k{number}" for number in range(len(by))]
        keys: list[str] = []
        for name, field in zip(names, by, strict=True):
            sql, own = _rename(compile_field(field, signal), name)
            keys.append(f"{sql} AS {name}")
            params |= own
        part = ""
        if share < 1:
            part = f" AND ({_AGE} % {{step_ns:Int64}}) < {{part_ns:Int64}}"
            params["part_ns"] = max(1, int(step_ns * share))
        columns = self._engine.query_columns(
            f"SELECT {', '.join([*keys, f'{STEP} AS step', _MEASURES[signal]])}"
            f" FROM {table} WHERE {in_window}{part} AND ({condition.sql})"
            f" GROUP BY {', '.join([*names, 'step'])}",
            params | {"slow_ns": slow_ns},
        )
        steps = -(-window.duration_ns // step_ns)
        return _fold(columns, names, steps, limit)

    def sample_traces(self, where: Filter, window: TimeRange, *, limit: int) -> SpanTable:
        """Returns the spans of at most about `limit` traces with a span that matches `where`.

        Of a window that holds more, evenly spread pieces of time are taken, which the tables'
        order by time answers without reading the rest.
        """
        condition = compile_filter(where, Signal.TRACES)
        pieces, params = self._thin(Signal.TRACES, condition, window, limit)
        ids = self._engine.query_rows(
            "SELECT DISTINCT TraceId FROM otel_traces"
            f" WHERE ({pieces}) AND ({condition.sql}) AND TraceId != ''"
            " ORDER BY cityHash64(TraceId) LIMIT {most:UInt32}",
            {**condition.params, **params, "most": 2 * limit},
        )
        margin_ns = _TRACE_LASTS_NS if len(params) == 2 else _BUSY_TRACE_LASTS_NS
        wider = {
            name: value + (margin_ns if name.startswith("to") else -margin_ns)
            for name, value in params.items()
        }
        columns = self._engine.query_columns(
            f"""
            SELECT TraceId, SpanId, ParentSpanId, toString(ServiceName) AS service,
                toString(SpanName) AS name, toString(SpanKind) AS kind,
                toUnixTimestamp64Nano(Timestamp) AS start_ns, toInt64(Duration) AS duration_ns,
                IsError AS error, SpanAttributes AS attributes
            FROM otel_traces
            WHERE ({pieces}) AND TraceId IN {{ids:Array(String)}}
            ORDER BY TraceId, Timestamp, SpanId LIMIT {_MAX_SPANS}
            """,
            {**wider, "ids": [row[0] for row in ids]},
        )
        return _span_table(columns)

    def aggregate(
        self,
        signal: Signal,
        function: Aggregate,
        field: Field | None,
        where: Filter,
        window: TimeRange,
    ) -> float:
        """Returns one number over all that matches; durations in seconds, NaN over nothing.

        Raises:
            BadData: a function other than `count` without a field.
        """
        condition = compile_filter(where, signal)
        table, in_window = _TABLES[signal]
        params: dict[str, Any] = {**bind_window(window), **condition.params}
        if function == "count":
            expression = "toFloat64(count())"
        elif field is None:
            raise BadData(f"{function} needs a field: write {function}(duration)")
        else:
            sql, own = _rename(compile_field(field, signal), "x")
            params |= own
            if function == "distinct":
                expression = f"toFloat64(uniqExactIf({sql}, {sql} != ''))"
            else:
                number = (
                    "Duration / 1e9"
                    if field == Field("intrinsic", "duration")
                    else f"toFloat64OrNull({sql})"
                )
                expression = f"toFloat64OrNull(toString({_FUNCTIONS[function].format(x=number)}))"
        ((value,),) = self._engine.query_rows(
            f"SELECT {expression} FROM {table} WHERE {in_window} AND ({condition.sql})", params
        )
        return float("nan") if value is None else float(value)

    def _thin(
        self, signal: Signal, condition: Condition, window: TimeRange, rows: int
    ) -> tuple[str, dict[str, Any]]:
        """Returns a condition on time under which about `rows` rows match, and its parameters."""
        table, in_window = _TABLES[signal]
        ((count,),) = self._engine.query_rows(
            f"SELECT count() FROM {table} WHERE {in_window} AND ({condition.sql})",
            {**bind_window(window), **condition.params},
        )
        pieces, part = (1, 1.0) if count <= rows else (_PIECES, rows / count)
        length_ns = window.duration_ns // pieces
        params: dict[str, Any] = {}
        ranges: list[str] = []
        for number in range(pieces):
            start_ns = window.start_ns + number * length_ns
            last = number == pieces - 1 and part == 1.0
            params[f"from{number}"] = start_ns
            params[f"to{number}"] = (
                window.end_ns if last else start_ns + max(1, int(length_ns * part))
            )
            ranges.append(
                f"Timestamp >= fromUnixTimestamp64Nano({{from{number}:Int64}})"
                f" AND Timestamp < fromUnixTimestamp64Nano({{to{number}:Int64}})"
            )
        return " OR ".join(f"({one})" for one in ranges), params


def _rename(condition: Condition, prefix: str) -> tuple[str, dict[str, Any]]:
    """Returns an expression whose parameters have names of their own."""
    sql = condition.sql
    params: dict[str, Any] = {}
    for name, value in condition.params.items():
        sql = sql.replace(f"{{{name}:", f"{{{prefix}_{name}:")
        params[f"{prefix}_{name}"] = value
    return sql, params


def _fold(columns: Mapping[str, Any], names: Sequence[str], steps: int, limit: int) -> Cube:
    """Returns rows of (keys, step, measures) as a cube."""
    step = np.asarray(columns["step"], dtype=np.int64)
    given = [list(columns[name]) for name in names]
    row_keys: list[tuple[str, ...]] = list(zip(*given, strict=True)) if given else [()] * len(step)
    order = {key: row for row, key in enumerate(sorted(set(row_keys)))}
    row = np.array([order[key] for key in row_keys], dtype=np.int64)
    measures: dict[str, Any] = {}
    for name in ("count", "errors", "slow", "duration_s"):
        grid = np.zeros((len(order), steps))
        np.add.at(grid, (row, step), np.asarray(columns[name], dtype=np.float64))
        measures[name] = grid
    keys = tuple(order)
    if len(keys) > limit:
        kept = np.sort(np.argsort(-measures["count"].sum(axis=1), kind="stable")[:limit])
        keys = tuple(keys[one] for one in kept)
        measures = {name: grid[kept] for name, grid in measures.items()}
    return Cube(keys=keys, **measures)


def _span_table(columns: Mapping[str, Any]) -> SpanTable:
    ids = list(columns["TraceId"])
    order = {trace_id: number for number, trace_id in enumerate(dict.fromkeys(ids))}
    return SpanTable(
        trace_ids=tuple(order),
        trace=np.array([order[one] for one in ids], dtype=np.int64),
        span_id=columns["SpanId"],
        parent_id=columns["ParentSpanId"],
        service=columns["service"],
        name=columns["name"],
        kind=columns["kind"],
        start_ns=np.asarray(columns["start_ns"], dtype=np.int64),
        duration_ns=np.asarray(columns["duration_ns"], dtype=np.int64),
        error=np.asarray(columns["error"], dtype=np.bool_),
        attributes=columns["attributes"],
    )
