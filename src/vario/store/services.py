"""Reads the overview out of entry spans, and which fields and values there are."""

from collections.abc import Iterable, Mapping
from typing import Any

from vario.model.filter import Field, Scope
from vario.model.service import ServiceSummary, TrafficPoint, TrafficSeries, VersionSeen
from vario.model.telemetry import Signal, TimeRange
from vario.store.base import GroupBy
from vario.store.engine import Engine
from vario.store.filter_sql import compile_field
from vario.store.sampling import is_sampling
from vario.store.windows import (
    IN_WINDOW,
    LOGS_IN_WINDOW,
    STEP,
    bind_window,
    split_newest_first,
    step_starts,
)

_TABLES: Mapping[Signal, tuple[str, str]] = {
    Signal.TRACES: ("otel_traces", IN_WINDOW),
    Signal.LOGS: ("otel_logs", LOGS_IN_WINDOW),
}
_MAPS: Mapping[Signal, Mapping[Scope, str]] = {
    Signal.TRACES: {"attributes": "SpanAttributes", "resource": "ResourceAttributes"},
    Signal.LOGS: {"attributes": "LogAttributes", "resource": "ResourceAttributes"},
}
_GROUPS: Mapping[GroupBy, str] = {
    "none": "''",
    "region": "Region",
    "model_version": "ModelVersion",
}

MAX_FIELDS = 1_000
# Fields and values are looked for in about so many of the newest rows of a window.
_SAMPLE_ROWS = 200_000
# Groups beyond these are not counted: the values of a field such as an id are all rare anyway.
_VALUE_LIMITS = {"max_rows_to_group_by": 100_000, "group_by_overflow_mode": "any"}

# Bounded memory, exact for few requests, close at the tail for many (5 M spans by model: 135 ms).
# quantilesDD is a third faster, but its p95 of three requests is the second slowest.
# A span that an SDK sampled stands for `Weight` requests; one of weight 0 is counted elsewhere.
_QUANTILES = (
    "quantilesTDigestWeightedIf(0.5, 0.95, 0.99)(Duration, toUInt32(round(Weight)), Weight > 0)"
)
_REQUESTS = "toUInt64(round(sum(Weight)))"
_ERRORS = "toUInt64(round(sumIf(Weight, IsError)))"

_POINT = f"""
    {_REQUESTS} AS requests,
    {_ERRORS} AS errors,
    {_QUANTILES} AS quantiles,
    argMaxIf(TraceId, Duration, TraceId != '') AS slowest_id,
    max(Duration) AS slowest_ns
"""

_ENTRY_COLUMNS = "Timestamp, ServiceName, SpanName, ModelName, ModelVersion, Region, IsError"
# Where traces are sampled, requests are counted by rows that outlive them; those that are kept
# follow for their ids.
_SAMPLED_ENTRIES = f"""(
    SELECT {_ENTRY_COLUMNS}, Duration, Weight, '' AS TraceId FROM entry_spans WHERE {IN_WINDOW}
    UNION ALL
    SELECT {_ENTRY_COLUMNS}, Duration, 0 AS Weight, TraceId FROM otel_traces
    WHERE IsEntry AND {IN_WINDOW}
) AS entries WHERE"""
_ENTRIES = "otel_traces WHERE IsEntry AND"


def entries_of(engine: Engine) -> str:
    """Returns where requests are counted: what stands between FROM and a condition."""
    return _SAMPLED_ENTRIES if is_sampling(engine) else _ENTRIES


class ServiceQueries:
    """`vario.store.base.ServiceReader` over otel_traces (and otel_logs, for fields)."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find_services(self, window: TimeRange, *, step_ns: int) -> list[ServiceSummary]:
        """Summarises each (service, model) that answered requests in `window`."""
        params = bind_window(window)
        totals = self._engine.query_rows(
            f"""
            SELECT ServiceName, ModelName, {_REQUESTS}, {_ERRORS}, {_QUANTILES},
                toUnixTimestamp64Nano(max(Timestamp)), arraySort(groupUniqArray(Region))
            FROM {entries_of(self._engine)} {IN_WINDOW}
            GROUP BY ServiceName, ModelName ORDER BY ServiceName, ModelName
            """,
            params,
        )
        versions = self._find_versions(params)
        points = self._find_points(window, step_ns)
        empty = _fill_points({}, window, step_ns)
        return [
            ServiceSummary(
                service_name=service,
                model_name=model,
                versions=tuple(versions.get((service, model), ())),
                regions=tuple(region for region in regions if region),
                requests=requests,
                errors=errors,
                p50_s=quantiles[0] / 1e9,
                p95_s=quantiles[1] / 1e9,
                p99_s=quantiles[2] / 1e9,
                last_seen_ns=last_ns,
                points=points.get((service, model), empty),
            )
            for service, model, requests, errors, quantiles, last_ns, regions in totals
        ]

    def get_traffic(
        self, service: str, model: str | None, window: TimeRange, *, step_ns: int, by: GroupBy
    ) -> list[TrafficSeries]:
        """Returns a service's traffic, errors and latency percentiles in steps of `step_ns`."""
        of_model = "" if model is None else " AND ModelName = {model:String}"
        rows = self._engine.query_rows(
            f"""
            SELECT {_GROUPS[by]} AS group, {STEP} AS step, countIf(Weight > 0) AS spans, {_POINT}
            FROM {entries_of(self._engine)} {IN_WINDOW}
                AND ServiceName = {{service:String}}{of_model}
            GROUP BY group, step
            """,
            {**bind_window(window, step_ns), "service": service, "model": model or ""},
        )
        groups: dict[str, dict[int, tuple[Any, ...]]] = {} if rows or by != "none" else {"": {}}
        samples: dict[str, int] = {}
        for group, step, spans, *point in rows:
            groups.setdefault(group, {})[step] = tuple(point)
            samples[group] = samples.get(group, 0) + spans
        return [
            TrafficSeries(
                group, _fill_points(groups[group], window, step_ns), samples.get(group, 0)
            )
            for group in sorted(groups)
        ]

    def find_fields(self, signal: Signal, window: TimeRange) -> list[Field]:
        """Lists the attributes of spans or records and of resources seen in `window`, sorted.

        Where the window holds millions of rows, its newest part is looked at.
        """
        table, in_window = _TABLES[signal]
        params = bind_window(self._narrow(signal, window))
        fields: list[Field] = []
        for scope, column in _MAPS[signal].items():
            rows = self._engine.query_rows(
                f"SELECT DISTINCT arrayJoin(mapKeys({column})) AS key FROM {table}"
                f" WHERE {in_window} ORDER BY key LIMIT {MAX_FIELDS}",
                params,
            )
            fields.extend(Field(scope, row[0]) for row in rows)
        return fields

    def find_field_values(
        self, signal: Signal, field: Field, window: TimeRange, *, limit: int
    ) -> list[str]:
        """Lists the most frequent values of a field in `window`, the most frequent first.

        Where the window holds millions of rows, its newest part is looked at.
        """
        table, in_window = _TABLES[signal]
        expression = compile_field(field, signal)
        rows = self._engine.query_rows(
            f"SELECT {expression.sql} AS value FROM {table} WHERE {in_window} AND value != ''"
            " GROUP BY value ORDER BY count() DESC, value LIMIT {limit:UInt32}",
            {
                **bind_window(self._narrow(signal, window)),
                **expression.params,
                "limit": limit,
            },
            settings=_VALUE_LIMITS,
        )
        return [row[0] for row in rows]

    def _narrow(self, signal: Signal, window: TimeRange) -> TimeRange:
        """Returns the end of a window that holds enough rows to know its fields by."""
        table, in_window = _TABLES[signal]
        for part in split_newest_first(window):
            tail = TimeRange(part.start_ns, window.end_ns)
            rows = self._engine.query_rows(
                f"SELECT count() FROM {table} WHERE {in_window}", bind_window(tail)
            )
            if rows[0][0] >= _SAMPLE_ROWS:
                return tail
        return window

    def _find_versions(self, params: Mapping[str, Any]) -> dict[tuple[str, str], list[VersionSeen]]:
        """Returns the versions of each (service, model), oldest first."""
        rows = self._engine.query_rows(
            f"""
            SELECT ServiceName, ModelName, ModelVersion,
                toUnixTimestamp64Nano(min(Timestamp)) AS first_ns, {_REQUESTS}
            FROM {entries_of(self._engine)} {IN_WINDOW} AND ModelVersion != ''
            GROUP BY ServiceName, ModelName, ModelVersion ORDER BY first_ns, ModelVersion
            """,
            params,
        )
        versions: dict[tuple[str, str], list[VersionSeen]] = {}
        for service, model, version, first_ns, requests in rows:
            seen = VersionSeen(version=version, first_seen_ns=first_ns, requests=requests)
            versions.setdefault((service, model), []).append(seen)
        return versions

    def _find_points(
        self, window: TimeRange, step_ns: int
    ) -> dict[tuple[str, str], tuple[TrafficPoint, ...]]:
        rows = self._engine.query_rows(
            f"""
            SELECT ServiceName, ModelName, {STEP} AS step, {_POINT}
            FROM {entries_of(self._engine)} {IN_WINDOW}
            GROUP BY ServiceName, ModelName, step
            """,
            bind_window(window, step_ns),
        )
        steps: dict[tuple[str, str], dict[int, tuple[Any, ...]]] = {}
        for service, model, step, *point in rows:
            steps.setdefault((service, model), {})[step] = tuple(point)
        return {key: _fill_points(points, window, step_ns) for key, points in steps.items()}


def _fill_points(
    found: Mapping[int, Iterable[Any]], window: TimeRange, step_ns: int
) -> tuple[TrafficPoint, ...]:
    """Returns a point for every step of the window, those without requests included."""
    points: list[TrafficPoint] = []
    for step, start_ns in enumerate(step_starts(window, step_ns)):
        if step not in found:
            points.append(TrafficPoint(start_ns, 0, 0, None, None, None, "", None))
            continue
        requests, errors, quantiles, slowest_id, slowest_ns = found[step]
        p50_s, p95_s, p99_s = (value / 1e9 for value in quantiles)
        points.append(
            TrafficPoint(
                start_ns, requests, errors, p50_s, p95_s, p99_s, slowest_id, slowest_ns / 1e9
            )
        )
    return tuple(points)
