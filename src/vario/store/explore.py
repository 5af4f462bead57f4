"""Reads what exploring asks: latencies over time, samples of traces, values, metrics."""

from collections.abc import Sequence
from typing import Any

from vario.model.explore import (
    BUCKETS_PER_OCTAVE,
    AttributeCount,
    Box,
    Counted,
    FieldTop,
    LatencyCell,
    MetricSeries,
    TraceSample,
)
from vario.model.filter import Field, Filter
from vario.model.telemetry import LogRecord, Signal, TimeRange
from vario.store.engine import Engine
from vario.store.filter_sql import Condition, compile_field, compile_filter
from vario.store.logs import fetch_oldest
from vario.store.metric_sql import seen_between
from vario.store.sampling import is_sampling
from vario.store.traces import bound_traces
from vario.store.windows import (
    IN_WINDOW,
    LOGS_IN_WINDOW,
    STEP,
    bind_window,
    split_newest_first,
)

_COUNTED: dict[Counted, str] = {"traces": "ParentSpanId = ''", "requests": "IsEntry", "spans": "1"}
_BUCKET = f"toInt32(floor(log2(greatest(Duration, 1)) * {BUCKETS_PER_OCTAVE} + 1e-9))"

# How many traces a stored one stands for beyond its SDK's sampling, where tail sampling chose it.
_STANDS = """
    LEFT ANY JOIN (
        SELECT TraceId, max(Weight) AS Stands FROM trace_decisions
        WHERE Kept AND Decided >= fromUnixTimestamp64Nano({start_ns:Int64}) GROUP BY TraceId
    ) AS decided USING (TraceId)
"""

_IN_BOX = (
    "Timestamp >= fromUnixTimestamp64Nano({box_start_ns:Int64})"
    " AND Timestamp < fromUnixTimestamp64Nano({box_end_ns:Int64})"
    " AND Duration >= {least_ns:UInt64} AND Duration < {most_ns:UInt64}"
)
# Traces are drawn by a hash of their id out of about so many spans: what is grouped stays small.
_DRAWN_FROM = 100_000
_MOST_PAIRS = 5_000
# A field's values are counted in about so many of the newest rows of a window.
_VALUE_ROWS = 1_000_000
_VALUE_LIMITS = {"max_rows_to_group_by": 200_000, "group_by_overflow_mode": "any"}
_MOST_METRICS = 10_000


class ExploreQueries:
    """`vario.store.base.ExploreReader` over the tables of all three signals."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def count_latencies(
        self, where: Filter, window: TimeRange, *, step_ns: int, counted: Counted
    ) -> list[LatencyCell]:
        """Counts matching spans by step of time and bucket of duration."""
        condition = compile_filter(where, Signal.TRACES)
        sampled = is_sampling(self._engine)
        weight = "Weight * if(Stands > 0, Stands, 1)" if sampled else "Weight"
        rows = self._engine.query_rows(
            f"SELECT {STEP} AS step, {_BUCKET} AS bucket, sum({weight}),"
            f" sumIf({weight}, IsError), count()"
            f" FROM otel_traces {_STANDS if sampled else ''}"
            f" WHERE {IN_WINDOW} AND {_COUNTED[counted]} AND ({condition.sql})"
            " GROUP BY step, bucket ORDER BY step, bucket",
            {**bind_window(window, step_ns), **condition.params},
        )
        return [LatencyCell(*row) for row in rows]

    def draw_traces(self, where: Filter, box: Box, *, counted: Counted, limit: int) -> TraceSample:
        """Draws traces that have a matching span in the box."""
        return self._draw(where, box.window, _IN_BOX, box, counted, limit)

    def draw_rest(
        self, where: Filter, window: TimeRange, box: Box, *, counted: Counted, limit: int
    ) -> TraceSample:
        """Draws traces that have matching spans in `window`, and none of them in the box."""
        condition = compile_filter(where, Signal.TRACES)
        outside = (
            "TraceId NOT IN (SELECT TraceId FROM otel_traces"
            f" WHERE {_IN_BOX} AND {_COUNTED[counted]} AND ({condition.sql}))"
        )
        return self._draw(where, window, outside, box, counted, limit)

    def _draw(
        self, where: Filter, window: TimeRange, part: str, box: Box, counted: Counted, limit: int
    ) -> TraceSample:
        condition = compile_filter(where, Signal.TRACES)
        source = (
            f"FROM otel_traces WHERE {IN_WINDOW} AND {_COUNTED[counted]} AND ({condition.sql})"
            f" AND {part} AND TraceId != ''"
        )
        params = {**bind_window(window), **condition.params, **_bind_box(box)}
        ((spans,),) = self._engine.query_rows(f"SELECT count() {source}", params)
        rows = self._engine.query_rows(
            f"SELECT DISTINCT TraceId {source} AND cityHash64(TraceId) % {{one_in:UInt64}} = 0"
            " ORDER BY cityHash64(TraceId) LIMIT {limit:UInt32}",
            {**params, "one_in": max(1, spans // _DRAWN_FROM), "limit": limit},
        )
        return TraceSample(tuple(row[0] for row in rows), spans)

    def count_attributes(
        self, selected: Sequence[str], rest: Sequence[str], before: Sequence[str]
    ) -> list[AttributeCount]:
        """Counts the traces of three samples by what their spans say, the most selected first.

        What fewer than two of the selected and rest have is left out, as are fields of a number
        of values that only ids have.
        """
        ids = [*selected, *rest, *before]
        if not ids:
            return []
        bounds, params = bound_traces(self._engine, ids)
        rows = self._engine.query_rows(
            f"""
            SELECT ServiceName, pair.1 AS name, pair.2 AS value,
                uniqExactIf(TraceId, TraceId IN {{selected:Array(String)}}) AS in_selected,
                uniqExactIf(TraceId, TraceId IN {{rest:Array(String)}}) AS in_rest,
                uniqExactIf(TraceId, TraceId IN {{before:Array(String)}})
            FROM (
                SELECT ServiceName, TraceId, arrayJoin(arrayConcat(
                    arrayZip(arrayMap(k -> concat('attributes.', k), mapKeys(SpanAttributes)),
                        mapValues(SpanAttributes)),
                    arrayZip(arrayMap(k -> concat('resource.', k), mapKeys(ResourceAttributes)),
                        mapValues(ResourceAttributes)),
                    [('name', toString(SpanName)), ('error', if(IsError, 'true', 'false'))]
                )) AS pair
                FROM otel_traces WHERE TraceId IN {{ids:Array(String)}}{bounds}
            )
            WHERE value != ''
            GROUP BY ServiceName, name, value HAVING in_selected + in_rest >= 2
            ORDER BY in_selected DESC, ServiceName, name, value LIMIT {_MOST_PAIRS}
            """,
            {
                **params,
                "ids": ids,
                "selected": list(selected),
                "rest": list(rest),
                "before": list(before),
            },
        )
        return [AttributeCount(*row) for row in rows]

    def count_values(
        self, signal: Signal, field: Field, where: Filter, window: TimeRange, *, limit: int
    ) -> FieldTop:
        """Counts the values of a field among the spans or records that match."""
        table, in_window = (
            ("otel_logs", LOGS_IN_WINDOW) if signal == Signal.LOGS else ("otel_traces", IN_WINDOW)
        )
        condition = compile_filter(where, signal)
        value = _rename(compile_field(field, signal))
        looked_at = self._newest(table, in_window, window)
        params = {**bind_window(looked_at), **condition.params, **value.params}
        matching = f"FROM {table} WHERE {in_window} AND ({condition.sql})"
        ((records, present, distinct),) = self._engine.query_rows(
            f"SELECT count(), countIf({value.sql} != ''), uniqIf({value.sql}, {value.sql} != '')"
            f" {matching}",
            params,
        )
        rows = self._engine.query_rows(
            f"SELECT {value.sql} AS value, count() AS n {matching} AND value != ''"
            " GROUP BY value ORDER BY n DESC, value LIMIT {limit:UInt32}",
            {**params, "limit": limit},
            settings=_VALUE_LIMITS,
        )
        return FieldTop(looked_at, records, present, distinct, tuple(rows))

    def _newest(self, table: str, in_window: str, window: TimeRange) -> TimeRange:
        """Returns the end of a window that holds enough rows."""
        for part in split_newest_first(window):
            tail = TimeRange(part.start_ns, window.end_ns)
            ((count,),) = self._engine.query_rows(
                f"SELECT count() FROM {table} WHERE {in_window}", bind_window(tail)
            )
            if count >= _VALUE_ROWS:
                return tail
        return window

    def find_oldest_logs(
        self, where: Filter, window: TimeRange, *, limit: int
    ) -> tuple[LogRecord, ...]:
        """Finds the first log records of a window, oldest first."""
        return fetch_oldest(self._engine, compile_filter(where, Signal.LOGS), window, limit)

    def list_metrics(self, start_ms: int, end_ms: int) -> list[MetricSeries]:
        """Lists metrics by job with the number of their series seen in `(start_ms, end_ms]`."""
        seen = seen_between(start_ms, end_ms)
        rows = self._engine.query_rows(
            "SELECT name, job, count() AS series, max(native) > 0, max(quantile)"
            " FROM (SELECT name, id, any(labels['job']) AS job, max(native) AS native,"
            " any(labels['quantile'] != '') AS quantile FROM metric_series"
            f" GROUP BY name, id HAVING {seen.sql})"
            f" GROUP BY name, job ORDER BY job, name LIMIT {_MOST_METRICS}",
            dict(seen.params),
        )
        return [
            MetricSeries(name, job, series, bool(native), bool(quantiles))
            for name, job, series, native, quantiles in rows
        ]


def _bind_box(box: Box) -> dict[str, Any]:
    return {
        "box_start_ns": box.window.start_ns,
        "box_end_ns": box.window.end_ns,
        "least_ns": box.least_ns,
        "most_ns": box.most_ns,
    }


def _rename(field: Condition) -> Condition:
    """Returns a field's expression with parameters that no filter beside it has."""
    sql, params = field.sql, dict[str, Any]()
    for name, value in sorted(field.params.items(), reverse=True):
        sql = sql.replace(f"{{{name}:", f"{{of_{name}:")
        params[f"of_{name}"] = value
    return Condition(sql, params)
