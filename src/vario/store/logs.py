"""Reads log records: pages newest first, and volume over time."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vario.errors import BadData
from vario.model.filter import SEVERITIES, Filter
from vario.model.telemetry import LogBucket, LogPage, LogRecord, Signal, TimeRange
from vario.store.engine import Engine
from vario.store.filter_sql import SEVERITY_LEVEL, Condition, compile_filter
from vario.store.windows import (
    LOGS_AT_TIMES,
    LOGS_IN_WINDOW,
    STEP,
    bind_times,
    bind_window,
    split_newest_first,
    step_starts,
)

UNSET = "UNSET"
"""Key of a `LogBucket` for records without a severity."""

# Orders records of the same nanosecond. Records equal in all this are one to a reader.
_HASH = (
    "cityHash64(ServiceName, TraceId, SpanId, SeverityNumber, SeverityText, Body, ScopeName,"
    " EventName, LogAttributes, ResourceAttributes)"
)
_RECORD = (
    "toUnixTimestamp64Nano(Timestamp), TraceId, SpanId, SeverityText, SeverityNumber,"
    " ServiceName, Body, LogAttributes, ResourceAttributes, ScopeName, EventName"
)
_CURSOR = re.compile(r"(\d{1,19})-(\d{1,20})-(\d{1,9})", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Cursor:
    """The last record of a page, and how many records equal to it have been read so far."""

    time_ns: int
    hash: int
    repeats: int

    def __str__(self) -> str:
        return f"{self.time_ns}-{self.hash}-{self.repeats}"

    @classmethod
    def parse(cls, text: str) -> "_Cursor":
        match = _CURSOR.fullmatch(text)
        numbers = [int(part) for part in match.groups()] if match else []
        if not match or numbers[0] >= 2**63 or numbers[1] >= 2**64:
            raise BadData(
                f"cursor {text!r} was not made by this store; "
                "pass next_cursor of an earlier page as it is, or none for the first page"
            )
        return cls(*numbers)


class LogQueries:
    """`vario.store.base.LogReader` over otel_logs."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find_logs(
        self, where: Filter, window: TimeRange, *, limit: int, cursor: str | None = None
    ) -> LogPage:
        """Finds log records in `window`, newest first; `cursor` continues an earlier page.

        Pages stay whole while records arrive: a page begins after the last record of the one
        before, not after a number of records.

        Raises:
            BadData: the cursor was not made by this store.
        """
        condition = compile_filter(where, Signal.LOGS)
        after = _Cursor.parse(cursor) if cursor is not None else None
        times_ns = self._find_times(condition, window, limit, after)
        if not times_ns:
            return LogPage(records=())
        rows = self._fetch(condition, times_ns, limit, after)
        page = rows[:limit]
        following = _next_cursor(page, after) if len(rows) > limit else None
        return LogPage(
            records=tuple(_read_record(row) for row in page),
            next_cursor=str(following) if following else None,
        )

    def count_logs(self, where: Filter, window: TimeRange, *, step_ns: int) -> list[LogBucket]:
        """Counts log records by severity in steps of `step_ns`; steps without records are there."""
        condition = compile_filter(where, Signal.LOGS)
        rows = self._engine.query_rows(
            f"SELECT {STEP} AS step, {SEVERITY_LEVEL} AS level, count() FROM otel_logs"
            f" WHERE {LOGS_IN_WINDOW} AND ({condition.sql}) GROUP BY step, level",
            {**bind_window(window, step_ns), **condition.params},
        )
        counts: dict[int, dict[str, int]] = {}
        for step, level, count in sorted(rows):
            name = SEVERITIES[level - 1] if level else UNSET
            counts.setdefault(step, {})[name] = count
        return [
            LogBucket(start_ns, counts.get(step, {}))
            for step, start_ns in enumerate(step_starts(window, step_ns))
        ]

    def _find_times(
        self, condition: Condition, window: TimeRange, limit: int, after: _Cursor | None
    ) -> list[int]:
        """Returns the times of the page's records and of the one after it.

        This reads the filter's columns and the time alone, and lets the engine keep the newest
        few; the wide columns are then read at these times only.
        """
        older = window
        times_ns: list[int] = []
        if after is not None:
            older = TimeRange(window.start_ns, min(window.end_ns, after.time_ns))
            times_ns.append(after.time_ns)
        wanted = limit + 1
        for part in split_newest_first(older):
            rows = self._engine.query_rows(
                "SELECT toUnixTimestamp64Nano(Timestamp) AS time_ns FROM otel_logs"
                f" WHERE {LOGS_IN_WINDOW} AND ({condition.sql})"
                " ORDER BY Timestamp DESC LIMIT {wanted:UInt32}",
                {**bind_window(part), **condition.params, "wanted": wanted},
            )
            times_ns.extend(row[0] for row in rows)
            wanted -= len(rows)
            if wanted == 0:
                break
        return times_ns

    def _fetch(
        self, condition: Condition, times_ns: Sequence[int], limit: int, after: _Cursor | None
    ) -> list[tuple[Any, ...]]:
        params: dict[str, Any] = {**condition.params, "limit": limit + 1, "skip": 0}
        rest = ""
        if after is not None:
            rest = (
                " AND (Timestamp < fromUnixTimestamp64Nano({after_ns:Int64})"
                f" OR {_HASH} <= {{after_hash:UInt64}})"
            )
            params |= {"after_ns": after.time_ns, "after_hash": after.hash, "skip": after.repeats}
        return self._engine.query_rows(
            f"""
            SELECT {_RECORD}, {_HASH} AS hash
            FROM otel_logs
            WHERE {LOGS_AT_TIMES} AND ({condition.sql}){rest}
            ORDER BY Timestamp DESC, hash DESC
            LIMIT {{limit:UInt32}} OFFSET {{skip:UInt32}}
            """,
            {**bind_times(times_ns), **params},
        )


def fetch_oldest(
    engine: Engine, condition: Condition, window: TimeRange, limit: int
) -> tuple[LogRecord, ...]:
    """Returns the first records of a window that match, oldest first."""
    rows = engine.query_rows(
        f"SELECT {_RECORD} FROM otel_logs WHERE {LOGS_IN_WINDOW} AND ({condition.sql})"
        f" ORDER BY Timestamp, {_HASH} LIMIT {{limit:UInt32}}",
        {**bind_window(window), **condition.params, "limit": limit},
    )
    return tuple(_read_record(row) for row in rows)


def _next_cursor(page: Sequence[tuple[Any, ...]], after: _Cursor | None) -> _Cursor:
    last_ns, last_hash = page[-1][0], page[-1][-1]
    repeats = sum((row[0], row[-1]) == (last_ns, last_hash) for row in page)
    if after and (after.time_ns, after.hash) == (last_ns, last_hash):
        repeats += after.repeats
    return _Cursor(last_ns, last_hash, repeats)


def _read_record(row: tuple[Any, ...]) -> LogRecord:
    return LogRecord(
        time_ns=row[0],
        trace_id=row[1],
        span_id=row[2],
        severity_text=row[3],
        severity_number=row[4],
        service_name=row[5],
        body=row[6],
        attributes=row[7],
        resource=row[8],
        scope_name=row[9],
        event_name=row[10],
    )
