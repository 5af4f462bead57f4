"""Reads what the doctor asks: what arrives from whom, and how well its spans fit together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from vario.model.telemetry import Signal, TimeRange
from vario.store.base import ServiceHealth
from vario.store.engine import Engine
from vario.store.filter_sql import own_column
from vario.store.windows import IN_WINDOW, LOGS_IN_WINDOW, bind_window

# Spans are joined with their parents in a sample of the newest ones (0.1 s).
_SAMPLE_SPANS = 50_000
# A parent that runs longer than this past its child counts as missing until it ends.
_GRACE_NS = 30 * 10**9
# A parent may begin this long before the window, or seem to begin after it by its own clock.
_MARGIN_NS = 600 * 10**9
# Records of a service without spans that are looked into for a version and a region.
_SAMPLE_LOGS = 100

_EMPTY = ServiceHealth(
    service_name="",
    spans=0,
    logs=0,
    metric_series=0,
    logs_with_trace_id=0,
    spans_with_remote_parent=0,
    orphan_spans=0,
    has_version=False,
    has_region=False,
    clock_skew_ns=0,
    newest_ns=0,
)


@dataclass(frozen=True, slots=True)
class _Arrival:
    """What one signal brought of one service; `linked` counts what carries a trace id."""

    count: int
    linked: int
    newest_ns: int


class HealthQueries:
    """`vario.store.base.HealthReader` over all tables."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def check_services(self, window: TimeRange) -> list[ServiceHealth]:
        """Reports the state of each service's telemetry in `window`."""
        # Every span has a trace id, and reading them all costs most.
        spans = self._count("otel_traces", IN_WINDOW, window, linked="count()")
        logs = self._count("otel_logs", LOGS_IN_WINDOW, window, linked="countIf(TraceId != '')")
        identities = self._find_identities(window, [name for name in logs if name not in spans])
        links = self._find_links(window)
        series, described = self._count_series(window, spans.keys() | logs.keys())
        return [
            replace(
                _combine(name, spans.get(name), logs.get(name), links.get(name)),
                metric_series=series.get(name, 0),
                has_version=identities.get(name, (False, False))[0],
                has_region=identities.get(name, (False, False))[1],
            )
            for name in sorted(spans.keys() | logs.keys() | described)
        ]

    def get_sizes(self) -> Mapping[str, tuple[int, int]]:
        """Returns rows and bytes on disk by table."""
        rows = self._engine.query_rows(
            "SELECT name, ifNull(total_rows, 0), ifNull(total_bytes, 0) FROM system.tables"
            " WHERE database = currentDatabase() AND engine LIKE '%MergeTree'"
        )
        return {table: (count, size) for table, count, size in rows}

    def _count(
        self, table: str, in_window: str, window: TimeRange, *, linked: str
    ) -> dict[str, _Arrival]:
        rows = self._engine.query_rows(
            f"SELECT ServiceName, count(), {linked}, toUnixTimestamp64Nano(max(Timestamp))"
            f" FROM {table} WHERE {in_window} GROUP BY ServiceName",
            bind_window(window),
        )
        return {name: _Arrival(count, linked, newest_ns) for name, count, linked, newest_ns in rows}

    def _find_identities(
        self, window: TimeRange, without_spans: Sequence[str]
    ) -> dict[str, tuple[bool, bool]]:
        """Returns whether each service names a version and a region: in its spans, else its logs.

        Spans have both in columns of their own; of logs a few are looked into.
        """
        rows = self._engine.query_rows(
            "SELECT ServiceName, max(ModelVersion != ''), max(Region != '') FROM otel_traces"
            f" WHERE {IN_WINDOW} GROUP BY ServiceName",
            bind_window(window),
        )
        if without_spans:
            rows += self._engine.query_rows(
                f"""
                SELECT ServiceName,
                    max({own_column("model_version", Signal.LOGS)} != ''),
                    max({own_column("region", Signal.LOGS)} != '')
                FROM (
                    SELECT ServiceName, LogAttributes, ResourceAttributes FROM otel_logs
                    WHERE {LOGS_IN_WINDOW} AND ServiceName IN {{services:Array(String)}}
                    LIMIT {_SAMPLE_LOGS} BY ServiceName
                )
                GROUP BY ServiceName
                """,
                {**bind_window(window), "services": list(without_spans)},
            )
        return {name: (bool(version), bool(region)) for name, version, region in rows}

    def _count_series(self, window: TimeRange, known: set[str]) -> tuple[dict[str, int], set[str]]:
        """Returns the series of each service, and the services that metrics alone speak of.

        A job is `namespace/name` or the name. Jobs without `target_info` and without other signals
        are scraped exporters, which owe nobody spans.
        """
        rows = self._engine.query_rows(
            "SELECT labels['job'] AS job, uniqExact(id), countIf(name = 'target_info')"
            " FROM metric_series WHERE last_seen >= fromUnixTimestamp64Nano({start_ns:Int64})"
            " AND first_seen < fromUnixTimestamp64Nano({end_ns:Int64}) AND job != '' GROUP BY job",
            bind_window(window),
        )
        series: dict[str, int] = {}
        described: set[str] = set()
        for job, count, infos in rows:
            name = job if job in known else job.rpartition("/")[2]
            series[name] = series.get(name, 0) + count
            if infos:
                described.add(name)
        return series, described

    def _find_links(self, window: TimeRange) -> dict[str, tuple[int, int, int]]:
        """Returns (spans with a parent in another service, orphans, skew in ns) by service."""
        params = bind_window(window)
        newest = self._engine.query_rows(
            f"SELECT toUnixTimestamp64Nano(Timestamp) FROM otel_traces WHERE {IN_WINDOW}"
            f" ORDER BY Timestamp DESC LIMIT 1 OFFSET {_SAMPLE_SPANS}",
            params,
        )
        start_ns = newest[0][0] if newest else window.start_ns
        rows = self._engine.query_rows(
            _LINKS,
            {
                **bind_window(TimeRange(start_ns, window.end_ns)),
                "first_ns": max(0, start_ns - _MARGIN_NS),
                "last_ns": min(window.end_ns + _MARGIN_NS, 2**63 - 1),
                "settled_ns": window.end_ns - _GRACE_NS,
            },
        )
        return {
            name: (remote, orphans, round(skew_ns) if remote else 0)
            for name, remote, orphans, skew_ns in rows
        }


def _combine(
    name: str,
    spans: _Arrival | None,
    logs: _Arrival | None,
    links: tuple[int, int, int] | None,
) -> ServiceHealth:
    remote, orphans, skew_ns = links or (0, 0, 0)
    return replace(
        _EMPTY,
        service_name=name,
        spans=spans.count if spans else 0,
        logs=logs.count if logs else 0,
        logs_with_trace_id=logs.linked if logs else 0,
        spans_with_remote_parent=remote,
        orphan_spans=orphans,
        clock_skew_ns=skew_ns,
        newest_ns=max((arrival.newest_ns for arrival in (spans, logs) if arrival), default=0),
    )


# A consumer may well run after its producer, so that only other children are late by their clock.
_LINKS = f"""
SELECT
    child.ServiceName,
    countIf(parent.SpanId != '' AND parent.ServiceName != child.ServiceName) AS remote,
    countIf(parent.SpanId = '' AND child.start_ns < {{settled_ns:Int64}}) AS orphans,
    quantileExactIf(0.5)(
        multiIf(
            child.start_ns < parent.start_ns, parent.start_ns - child.start_ns,
            child.SpanKind != 'Consumer' AND child.Duration <= parent.Duration
                AND child.start_ns + child.Duration > parent.start_ns + parent.Duration,
            (parent.start_ns + parent.Duration) - (child.start_ns + child.Duration),
            0
        ),
        parent.SpanId != '' AND parent.ServiceName != child.ServiceName
    ) AS skew_ns
FROM (
    SELECT TraceId, ParentSpanId, ServiceName, SpanKind,
        toUnixTimestamp64Nano(Timestamp) AS start_ns, toInt64(Duration) AS Duration
    FROM otel_traces WHERE {IN_WINDOW} AND ParentSpanId != ''
) AS child
LEFT ANY JOIN (
    SELECT TraceId, SpanId, ServiceName,
        toUnixTimestamp64Nano(Timestamp) AS start_ns, toInt64(Duration) AS Duration
    FROM otel_traces
    WHERE Timestamp >= fromUnixTimestamp64Nano({{first_ns:Int64}})
        AND Timestamp < fromUnixTimestamp64Nano({{last_ns:Int64}})
) AS parent ON child.TraceId = parent.TraceId AND child.ParentSpanId = parent.SpanId
GROUP BY child.ServiceName
"""
