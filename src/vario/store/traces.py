"""Reads traces: candidates by window and filter first, then whole traces by id."""

from collections.abc import Mapping, Sequence
from typing import Any

from vario.model.filter import Filter
from vario.model.telemetry import Signal, Span, SpanEvent, SpanLink, TimeRange, TraceSummary
from vario.store.base import TraceOrder
from vario.store.engine import Engine
from vario.store.filter_sql import Condition, compile_filter
from vario.store.windows import IN_WINDOW, bind_window, split_newest_first

MAX_SPANS = 50_000
"""Spans of one trace that are read back; the earliest are kept."""

# Matching spans fetched for each trace wanted. A trace often matches with several spans; if these
# rows hold too few traces, eight times as many are fetched.
_ROWS_PER_TRACE = 8

_ORDER_COLUMN: Mapping[TraceOrder, str] = {"newest": "Timestamp", "slowest": "Duration"}


class TraceQueries:
    """`vario.store.base.TraceReader` over otel_traces and otel_traces_trace_id_ts."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find_traces(
        self, where: Filter, window: TimeRange, *, limit: int, order: TraceOrder
    ) -> list[TraceSummary]:
        """Finds traces of which at least one span matches `where` and starts in `window`."""
        condition = compile_filter(where, Signal.TRACES)
        ids = self._find_ids(condition, window, limit, order)
        if not ids:
            return []
        summaries = self._summarise(ids, condition, window)
        # A trace may expire between the two queries.
        return [summaries[trace_id] for trace_id in ids if trace_id in summaries]

    def count_spans(self, where: Filter, window: TimeRange) -> int:
        """Returns how many spans match `where` and start in `window`."""
        condition = compile_filter(where, Signal.TRACES)
        ((count,),) = self._engine.query_rows(
            f"SELECT count() FROM otel_traces WHERE {IN_WINDOW} AND ({condition.sql})",
            {**bind_window(window), **condition.params},
        )
        return count

    def get_trace(self, trace_id: str) -> list[Span]:
        """Returns all stored spans of a trace ordered by start, empty where there is none."""
        params = {"id": trace_id, "limit": MAX_SPANS}
        rows = self._engine.query_rows(_SELECT_TRACE.format(bound=_BOUND), params)
        if not rows:
            # A database that vario found here may lack the table of times, or old rows in it.
            rows = self._engine.query_rows(_SELECT_TRACE.format(bound=""), params)
        return [_read_span(row) for row in rows]

    def _find_ids(
        self, condition: Condition, window: TimeRange, limit: int, order: TraceOrder
    ) -> list[str]:
        """Returns ids of matching traces in the order asked for."""
        parts = split_newest_first(window) if order == "newest" else [window]
        ids: dict[str, None] = {}
        for part in parts:
            ids |= dict.fromkeys(self._first_ids(condition, part, limit, _ORDER_COLUMN[order]))
            if len(ids) >= limit:
                break
        return list(ids)[:limit]

    def _first_ids(
        self, condition: Condition, window: TimeRange, limit: int, column: str
    ) -> list[str]:
        """Returns up to `limit` ids of traces with the greatest values in a column.

        The engine keeps and returns the first rows of that order only, never sorts all matches.
        """
        rows_wanted = limit * _ROWS_PER_TRACE
        while True:
            rows = self._engine.query_rows(
                f"SELECT TraceId FROM otel_traces WHERE {IN_WINDOW} AND ({condition.sql})"
                f" ORDER BY {column} DESC LIMIT {{rows:UInt64}}",
                {**bind_window(window), **condition.params, "rows": rows_wanted},
            )
            ids = list(dict.fromkeys(row[0] for row in rows if row[0]))
            if len(ids) >= limit or len(rows) < rows_wanted:
                return ids[:limit]
            rows_wanted *= 8

    def _summarise(
        self, ids: Sequence[str], condition: Condition, window: TimeRange
    ) -> dict[str, TraceSummary]:
        bounds, params = bound_traces(self._engine, ids)
        rows = self._engine.query_rows(
            f"""
            SELECT
                TraceId,
                argMin((ServiceName, SpanName), (ParentSpanId != '', Timestamp)) AS root,
                toUnixTimestamp64Nano(min(Timestamp)) AS start_ns,
                max(toUnixTimestamp64Nano(Timestamp) + Duration) - start_ns AS duration_ns,
                count() AS spans,
                countIf(IsError) AS errors,
                countIf({IN_WINDOW} AND ({condition.sql})) AS matched,
                arraySort(groupUniqArray(ServiceName)) AS services,
                max(Weight)
            FROM otel_traces
            WHERE TraceId IN {{ids:Array(String)}}{bounds}
            GROUP BY TraceId
            """,
            {**bind_window(window), **condition.params, **params, "ids": list(ids)},
        )
        kept_for = dict(
            self._engine.query_rows(
                "SELECT TraceId, max(Weight) FROM trace_decisions"
                " WHERE Kept AND TraceId IN {ids:Array(String)} GROUP BY TraceId",
                {"ids": list(ids)},
            )
        )
        return {
            row[0]: TraceSummary(
                trace_id=row[0],
                root_service=row[1][0],
                root_name=row[1][1],
                start_ns=row[2],
                duration_ns=row[3],
                span_count=row[4],
                error_count=row[5],
                matched_spans=row[6],
                services=tuple(row[7]),
                weight=row[8] * kept_for.get(row[0], 1.0),
            )
            for row in rows
        }


def bound_traces(engine: Engine, ids: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """Returns a condition on time that holds for every span of these traces, if one is known.

    Without it the engine looks for the ids in every part of the table.
    """
    found, first_s, last_s = engine.query_rows(
        "SELECT uniqExact(TraceId), toUnixTimestamp(min(Start)), toUnixTimestamp(max(End))"
        " FROM otel_traces_trace_id_ts WHERE TraceId IN {ids:Array(String)}",
        {"ids": list(ids)},
    )[0]
    if found < len(set(ids)):
        return "", {}
    condition = (
        " AND Timestamp >= fromUnixTimestamp64Nano({first_ns:Int64})"
        " AND Timestamp < fromUnixTimestamp64Nano({last_ns:Int64})"
    )
    return condition, {"first_ns": first_s * 10**9, "last_ns": (last_s + 1) * 10**9}


_SELECT_TRACE = """
SELECT
    TraceId, SpanId, ParentSpanId, SpanName, SpanKind, ServiceName,
    toUnixTimestamp64Nano(Timestamp), Duration, StatusCode, StatusMessage,
    SpanAttributes, ResourceAttributes, ScopeName,
    arrayMap(t -> toUnixTimestamp64Nano(t), Events.Timestamp), Events.Name, Events.Attributes,
    Links.TraceId, Links.SpanId, Links.Attributes
FROM otel_traces
WHERE TraceId = {{id:String}}{bound}
ORDER BY Timestamp, SpanId
LIMIT {{limit:UInt32}}
"""
_BOUND = """
    AND Timestamp >= (SELECT min(Start) FROM otel_traces_trace_id_ts WHERE TraceId = {id:String})
    AND Timestamp < (SELECT max(End) + 1 FROM otel_traces_trace_id_ts WHERE TraceId = {id:String})
"""


def _read_span(row: tuple[Any, ...]) -> Span:
    events = zip(row[13], row[14], row[15], strict=True)
    links = zip(row[16], row[17], row[18], strict=True)
    return Span(
        trace_id=row[0],
        span_id=row[1],
        parent_span_id=row[2],
        name=row[3],
        kind=row[4],
        service_name=row[5],
        start_ns=row[6],
        duration_ns=row[7],
        status_code=row[8],
        status_message=row[9],
        attributes=row[10],
        resource=row[11],
        scope_name=row[12],
        events=tuple(SpanEvent(*event) for event in events),
        links=tuple(SpanLink(*link) for link in links),
    )
