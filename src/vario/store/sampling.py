"""Tail sampling that keeps the truth: whole traces or nothing, decided when they are complete.

Every span is stored and acknowledged as without sampling, and can be searched at once. A view keeps
a short row of each trace that arrives (`trace_pending`), another one a row of every entry span
(`entry_spans`), from which the overview counts. When nothing more of a trace has come for
`decide_after_s`, it is decided: its decision is written first, its spans are then deleted if it is
not kept. A crash between the two repeats the deletion, never the decision; whatever comes of a
trace later shares its fate. Traces whose root has not come wait for `wait_for_root_s`.

Kept are: errors, traces that somebody named (`pin`), traces that an exemplar names, traces with an
entry span slower than the `slow_quantile` of its service and operation in the last hour, and of the
rest as many as the budget has left, by a hash of their id; each of these stands for 1 / share.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from vario.clock import Clock
from vario.config import SamplingSettings
from vario.errors import BadData
from vario.store.engine import Engine
from vario.store.schema import read_state, write_state

log = logging.getLogger(__name__)

ENTRIES_VIEW = "sampling_entries_mv"
_MS = 1_000_000
_HOUR_MS = 3_600_000
# Where what is kept anyway takes all of the budget, so much of it goes to the rest all the same:
# an error is understood beside requests that went well.
_REST_SHARE = 0.1
_LEAST_REQUESTS = 20
"""Requests of an operation in the last hour from which on its slowest are known."""
_MOST_OPERATIONS = 5_000

_VIEWS = {
    ENTRIES_VIEW: """
        TO entry_spans AS
        SELECT Timestamp, ServiceName, SpanName, ModelName, ModelVersion, Region, IsError, Duration,
            Weight
        FROM otel_traces WHERE IsEntry""",
    "sampling_pending_mv": """
        TO trace_pending AS
        SELECT TraceId, now64(3) AS Arrived, count() AS Spans, max(ParentSpanId = '') AS HasRoot,
            max(IsError) AS HasError, min(Timestamp) AS First, max(Timestamp) AS Last,
            groupArrayIf((concat(ServiceName, char(0), SpanName), Duration), IsEntry) AS Entries
        FROM otel_traces WHERE TraceId != '' GROUP BY TraceId""",
}


@dataclass(frozen=True, slots=True)
class Round:
    """What one round decided: traces by reason, spans kept and dropped, share of the rest kept."""

    kept: Mapping[str, int]
    dropped: int
    kept_spans: int
    dropped_spans: int
    share: float


def check_sampling(settings: SamplingSettings, cluster: str) -> None:
    """Returns if the settings make sense.

    Raises:
        BadData: one of them does not, and which.
    """
    if settings.spans_per_second < 0:
        raise BadData("sampling.spans_per_second is below 0: 0 keeps every trace")
    if not 0 < settings.slow_quantile < 1:
        raise BadData("sampling.slow_quantile lies between 0 and 1, such as 0.99")
    if not 0 < settings.decide_after_s <= settings.wait_for_root_s:
        raise BadData("sampling.decide_after_s is above 0 and at most sampling.wait_for_root_s")
    if settings.spans_per_second and cluster:
        raise BadData("sampling.spans_per_second cannot be set on a cluster: sample in a Collector")


class Sampler:
    """Decides on traces; `run_once` does one round. Nothing is sampled without a budget."""

    def __init__(
        self, engine: Engine, clock: Clock, settings: SamplingSettings, *, cluster: str = ""
    ) -> None:
        """Makes a sampler; `enable` must come before spans do.

        Raises:
            BadData: a setting makes no sense.
        """
        check_sampling(settings, cluster)
        self._engine = engine
        self._clock = clock
        self._settings = settings
        self.decided: dict[tuple[str, str], int] = {}
        """Traces since the start by (kept or dropped, reason)."""

    def enable(self) -> None:
        """Makes the views; what is stored already is counted as it is, and stays."""
        if is_sampling(self._engine):
            return
        self._engine.command("TRUNCATE TABLE entry_spans")
        self._engine.command(
            "INSERT INTO entry_spans SELECT Timestamp, ServiceName, SpanName, ModelName,"
            " ModelVersion, Region, IsError, Duration, Weight FROM otel_traces WHERE IsEntry"
        )
        now_ms = self._clock.now_ns() // _MS
        write_state(self._engine, {"sampling:until": str(now_ms), "sampling:round": str(now_ms)})
        for name, select in reversed(_VIEWS.items()):
            self._engine.command(f"CREATE MATERIALIZED VIEW IF NOT EXISTS {name} {select}")

    def pin(self, trace_ids: Iterable[str]) -> None:
        """Keeps traces whatever they are like, if they are not decided yet: an alert names them."""
        self._engine.command(
            "INSERT INTO trace_decisions SELECT id, fromUnixTimestamp64Milli({now:Int64}), true,"
            " 'pinned', 1 FROM (SELECT arrayJoin({ids:Array(String)}) AS id)"
            " WHERE id NOT IN (SELECT TraceId FROM trace_decisions)",
            {"ids": sorted(set(trace_ids)), "now": self._clock.now_ns() // _MS},
        )

    def run_once(self) -> Round:
        """Decides on every trace of which nothing more has come for long enough."""
        now_ms = self._clock.now_ns() // _MS
        state = read_state(self._engine)
        until_ms = int(state.get("sampling:until", "0"))
        last_ms = int(state.get("sampling:round", "0"))
        bounds = self._bounds(now_ms, until_ms)
        by_reason = self._weigh(bounds)
        share = self._share(by_reason, (now_ms - last_ms) / 1000)
        self._decide(bounds, share)
        done = self._delete(bounds, share)
        write_state(
            self._engine, {"sampling:until": str(bounds["quiet"]), "sampling:round": str(now_ms)}
        )
        self._forget(now_ms)
        return done

    def _bounds(self, now_ms: int, until_ms: int) -> dict[str, Any]:
        wait_ms = int(self._settings.wait_for_root_s * 1000)
        quiet_ms = int(self._settings.decide_after_s * 1000)
        limits = self._engine.query_rows(
            "SELECT concat(ServiceName, char(0), SpanName) AS operation,"
            f" toUInt64(quantileTDigest({self._settings.slow_quantile})(Duration)) FROM entry_spans"
            " WHERE Timestamp >= fromUnixTimestamp64Milli({since:Int64})"
            f" GROUP BY operation HAVING count() >= {_LEAST_REQUESTS}"
            f" ORDER BY count() DESC LIMIT {_MOST_OPERATIONS}",
            {"since": now_ms - _HOUR_MS},
        )
        return {
            "now": now_ms,
            "quiet": max(until_ms, now_ms - quiet_ms),
            "until": until_ms,
            "wait": now_ms - wait_ms,
            "waited": until_ms + quiet_ms - wait_ms,
            "operations": [operation for operation, _ in limits],
            "limits": [limit for _, limit in limits],
        }

    def _weigh(self, bounds: Mapping[str, Any]) -> dict[str, int]:
        rows = self._engine.query_rows(
            f"SELECT reason, sum(spans) FROM ({_RIPE}) GROUP BY reason", bounds
        )
        return dict(rows)

    def _share(self, spans: Mapping[str, int], seconds: float) -> float:
        """Returns which share of the rest the budget has room for."""
        rest = spans.get("rest", 0)
        if not rest:
            return 1.0
        budget = self._settings.spans_per_second * max(seconds, 1.0)
        due = sum(count for reason, count in spans.items() if reason not in ("rest", "late"))
        return min(1.0, max(budget - due, budget * _REST_SHARE) / rest)

    def _decide(self, bounds: Mapping[str, Any], share: float) -> None:
        self._engine.command(
            "INSERT INTO trace_decisions SELECT TraceId, fromUnixTimestamp64Milli({now:Int64}),"
            " reason NOT IN ('late', 'rest')"
            " OR (reason = 'rest' AND sipHash64(TraceId) / pow(2, 64) < {share:Float64}) AS kept,"
            " reason, if(reason = 'rest' AND kept, 1 / {share:Float64}, 1)"
            f" FROM ({_RIPE}) WHERE reason != 'known'",
            {**bounds, "share": share},
        )

    def _delete(self, bounds: Mapping[str, Any], share: float) -> Round:
        rows = self._engine.query_rows(
            "SELECT Kept, Reason, count(), sum(spans), toUnixTimestamp64Nano(min(first)),"
            " toUnixTimestamp64Nano(max(last))"
            f" FROM trace_decisions INNER JOIN ({_TRACES}) AS traces USING (TraceId)"
            " WHERE Decided = fromUnixTimestamp64Milli({now:Int64})"
            " GROUP BY Kept, Reason",
            bounds,
        )
        dropped = [row for row in rows if not row[0]]
        if dropped:
            self._engine.command(
                "DELETE FROM otel_traces WHERE Timestamp >= fromUnixTimestamp64Nano({first:Int64})"
                " AND Timestamp <= fromUnixTimestamp64Nano({last:Int64}) AND TraceId IN"
                " (SELECT TraceId FROM trace_decisions WHERE NOT Kept"
                " AND Decided = fromUnixTimestamp64Milli({now:Int64}))",
                {
                    "first": min(row[4] for row in dropped),
                    "last": max(row[5] for row in dropped),
                    "now": bounds["now"],
                },
            )
        for kept, reason, traces, *_ in rows:
            key = ("kept" if kept else "dropped", reason)
            self.decided[key] = self.decided.get(key, 0) + traces
        return Round(
            kept={row[1]: row[2] for row in rows if row[0]},
            dropped=sum(row[2] for row in dropped),
            kept_spans=sum(row[3] for row in rows if row[0]),
            dropped_spans=sum(row[3] for row in dropped),
            share=share,
        )

    def _forget(self, now_ms: int) -> None:
        """Drops the hours of `trace_pending` in which nothing can be undecided any more."""
        before = now_ms - int(self._settings.wait_for_root_s * 1000) - 2 * _HOUR_MS
        rows = self._engine.query_rows(
            "SELECT DISTINCT partition_id FROM system.parts WHERE active"
            " AND database = currentDatabase() AND table = 'trace_pending'"
            " AND max_time < fromUnixTimestamp64Milli({before:Int64})",
            {"before": before},
        )
        for (partition,) in rows:
            self._engine.command(f"ALTER TABLE trace_pending DROP PARTITION ID '{partition}'")


def is_sampling(engine: Engine) -> bool:
    """Returns whether traces are sampled here, or have been: `entry_spans` is what to count by."""
    rows = engine.query_rows(
        "SELECT count() FROM system.tables WHERE database = currentDatabase()"
        f" AND name = '{ENTRIES_VIEW}'"
    )
    return bool(rows[0][0])


_AT = "fromUnixTimestamp64Milli({{{}:Int64}})"

_ARRIVED = f"""(SELECT TraceId FROM trace_pending
        WHERE Arrived > {_AT.format("waited")} AND Arrived <= {_AT.format("quiet")})"""

# All that arrived of the traces of which something arrived in the time that is looked at.
_TRACES = f"""
    SELECT TraceId, max(Arrived) AS arrived, sum(Spans) AS spans, max(HasRoot) AS root,
        max(HasError) AS error, min(First) AS first, max(Last) AS last,
        groupArrayArray(Entries) AS entries
    FROM trace_pending
    WHERE TraceId IN {_ARRIVED}
    GROUP BY TraceId
    HAVING (root AND arrived > {_AT.format("until")} AND arrived <= {_AT.format("quiet")})
        OR (NOT root AND arrived > {_AT.format("waited")} AND arrived <= {_AT.format("wait")})
"""

# Those that are to be decided, and why. known: kept before, so that all of it is; late: dropped
# before, so that what came since goes too.
_RIPE = f"""
    SELECT TraceId, spans, multiIf(
        TraceId IN (SELECT TraceId FROM trace_decisions WHERE Kept AND TraceId IN {_ARRIVED}),
            'known',
        TraceId IN (SELECT TraceId FROM trace_decisions WHERE NOT Kept AND TraceId IN {_ARRIVED}),
            'late',
        error, 'error',
        TraceId IN (SELECT trace_id FROM metric_exemplars
            WHERE ts > {_AT.format("waited")} - INTERVAL 1 HOUR), 'exemplar',
        arrayExists(e -> e.2 > transform(e.1, {{operations:Array(String)}},
            {{limits:Array(UInt64)}}, toUInt64(18446744073709551615)), entries), 'slow',
        'rest') AS reason
    FROM ({_TRACES})
"""
