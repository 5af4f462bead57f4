"""Thins out old samples so that counters and histograms stay right at coarser steps.

Of each series and interval `(k * i, (k + 1) * i]` these samples stay as they are: the first and the
last, those on both sides of a counter's reset, a gauge's smallest and largest, and every stale
marker. So `rate`, `increase`, `delta`, `resets`, `min_over_time`, `max_over_time` and the last
value are the same as before over windows that begin and end at multiples of the interval and that
the series covers (beyond its ends rates are extrapolated by the mean distance of samples), and
buckets of a histogram keep common times, so that they can still be added up. What changes for
gauges is what weighs samples: averages, counts, quantiles and deviations over time. OTLP delta
counts are added up at the last time of their interval. Native histograms keep the first and the
last and both sides of resets; gauge histograms and delta ones are left alone.

A day's parts are listed while merges rest, their thinned copy is attached beside them, and they
are dropped one by one. Whatever arrives meanwhile is in other parts. If the process ends half-way,
samples are there twice, which readers do not mind, and the next round does the day anew.
"""

import logging
from collections.abc import Generator
from contextlib import contextmanager

from vario.model.retention import Piece
from vario.model.series import STALE_NAN_BITS
from vario.store.engine import Engine
from vario.store.schema import read_state, write_state

log = logging.getLogger(__name__)

_TABLES = ("metric_samples", "metric_histograms")
_HOUR_MS = 3_600_000
_GROWN = 1.1
"""A day that has grown by so much since it was thinned out is thinned out again."""


class Downsampler:
    """Thins out whole days of samples and native histograms."""

    def __init__(self, engine: Engine, interval_s: int) -> None:
        self._engine = engine
        self._interval_s = interval_s
        self._done = {
            name: value
            for name, value in read_state(engine).items()
            if name.startswith("downsampled:")
        }

    def describe(self) -> str:
        """Returns what becomes of samples, in words."""
        return f"thinned out to intervals of {self._interval_s} s"

    def takes(self, piece: Piece) -> bool:
        """Returns whether a piece has samples that are not thinned out yet."""
        if piece.table not in _TABLES or piece.first_day is None or not piece.rows:
            return False
        known = self._done.get(self._key(piece), "")
        interval, _, rows = known.partition(":")
        return interval != str(self._interval_s) or piece.rows > int(rows) * _GROWN

    def thin_out(self, piece: Piece) -> tuple[int, int] | None:
        """Thins out a day and returns the rows and bytes that went, None if nothing did."""
        table, copy = piece.table, f"vario_thin_{piece.table}"
        self._engine.command(f"DROP TABLE IF EXISTS {copy} SYNC")
        self._engine.command(f"CREATE TABLE {copy} AS {table}")
        try:
            with self._merges_rest(table):
                parts = self._parts(table, piece.partition)
                self._fill(copy, piece, parts)
                self._engine.command(
                    f"ALTER TABLE {table} ATTACH PARTITION ID '{piece.partition}' FROM {copy}"
                )
                for part in parts:
                    self._engine.command(f"ALTER TABLE {table} DROP PART '{part}'")
            rows, size = self._size(copy)
        finally:
            self._engine.command(f"DROP TABLE IF EXISTS {copy} SYNC")
        write_state(self._engine, {self._key(piece): f"{self._interval_s}:{rows}"})
        gone = piece.rows - rows
        return (gone, max(0, piece.bytes - size)) if gone > 0 else None

    def _fill(self, copy: str, piece: Piece, parts: list[str]) -> None:
        """Writes the thinned copy hour by hour: one hour's samples are held in memory."""
        sql = _SAMPLES if piece.table == "metric_samples" else _HISTOGRAMS
        # Intervals are open on the left, and so are these hours.
        hours = self._engine.query_rows(
            f"SELECT DISTINCT intDiv(toUnixTimestamp64Milli(ts) - 1, {_HOUR_MS}) AS hour"
            f" FROM {piece.table} WHERE _partition_id = {{partition:String}} ORDER BY hour",
            {"partition": piece.partition},
        )
        for (hour,) in hours:
            start_ms = hour * _HOUR_MS
            self._engine.command(
                sql.format(copy=copy, table=piece.table),
                {
                    "parts": parts,
                    "partition": piece.partition,
                    "start": start_ms,
                    "end": start_ms + _HOUR_MS,
                    "interval": self._interval_s * 1000,
                },
            )

    def _parts(self, table: str, partition: str) -> list[str]:
        rows = self._engine.query_rows(
            "SELECT name FROM system.parts WHERE active AND database = currentDatabase()"
            " AND table = {table:String} AND partition_id = {partition:String} ORDER BY name",
            {"table": table, "partition": partition},
        )
        return [row[0] for row in rows]

    def _size(self, table: str) -> tuple[int, int]:
        rows = self._engine.query_rows(
            "SELECT sum(rows), sum(bytes_on_disk) FROM system.parts"
            " WHERE active AND database = currentDatabase() AND table = {table:String}",
            {"table": table},
        )
        return rows[0]

    @contextmanager
    def _merges_rest(self, table: str) -> Generator[None]:
        self._engine.command(f"SYSTEM STOP MERGES {table}")
        try:
            yield
        finally:
            self._engine.command(f"SYSTEM START MERGES {table}")

    def _key(self, piece: Piece) -> str:
        return f"downsampled:{piece.table}:{piece.partition}"


_FROM = """
    FROM {table}
    WHERE _partition_id = {{partition:String}} AND _part IN {{parts:Array(String)}}
        AND ts > fromUnixTimestamp64Milli({{start:Int64}})
        AND ts <= fromUnixTimestamp64Milli({{end:Int64}})
"""
_SLOT = "intDiv(toUnixTimestamp64Milli(ts) - 1, {{interval:Int64}})"

# A counter by its metadata, else by the suffix that every convention gives it.
_COUNTERS = """
    SELECT id, max(delta) AS is_delta,
        max(name NOT IN (SELECT name FROM metric_metadata WHERE type = 'gauge')
            AND (match(name, '_(total|count|sum|bucket)$')
                OR name IN (SELECT name FROM metric_metadata WHERE type = 'counter'))) AS counts
    FROM metric_series GROUP BY id
"""

# points: (ts, value) by time, of equal times the last; near: each with its neighbours' values.
_SAMPLES = f"""
INSERT INTO {{copy}} (name_hash, id, ts, value)
SELECT name_hash, id, row.1, row.2 FROM (
    SELECT name_hash, id, arrayJoin(if(is_delta AND length(live) > 0,
        arrayConcat([(live[-1].1, arraySum(p -> p.2, live))], stale),
        arrayDistinct(arrayConcat(kept, stale)))) AS row
    FROM (
        SELECT name_hash, id, is_delta, live, stale,
            arrayMap(p -> p.2, live) AS values,
            if(counts,
                arrayFilter(
                    (p, i, before, after) -> i = 1 OR i = length(live)
                        OR p.2 < before OR after < p.2,
                    live, arrayEnumerate(live), arrayShiftRight(values, 1),
                    arrayShiftLeft(values, 1)),
                arrayFilter(
                    (p, i) -> i = 1 OR i = length(live)
                        OR i = indexOf(values, arrayMin(values))
                        OR i = indexOf(values, arrayMax(values)),
                    live, arrayEnumerate(live))) AS kept
        FROM (
            SELECT name_hash, id, is_delta, counts,
                arrayFilter(p -> reinterpretAsUInt64(p.2) != {STALE_NAN_BITS}, points) AS live,
                arrayFilter(p -> reinterpretAsUInt64(p.2) = {STALE_NAN_BITS}, points) AS stale
            FROM (
                SELECT name_hash, id, slot,
                    arraySort(p -> p.1, groupArray((ts, value))) AS points
                FROM (
                    SELECT name_hash, id, ts, {_SLOT} AS slot, anyLast(value) AS value
                    {_FROM}
                    GROUP BY name_hash, id, ts, slot
                )
                GROUP BY name_hash, id, slot
            ) AS slots
            LEFT JOIN ({_COUNTERS}) AS known USING (id)
        )
    )
)
"""

# points: (ts, count, reset_hint) by time.
_HISTOGRAMS = f"""
INSERT INTO {{copy}}
SELECT * FROM {{table}}
WHERE _partition_id = {{{{partition:String}}}} AND _part IN {{{{parts:Array(String)}}}}
    AND ts > fromUnixTimestamp64Milli({{{{start:Int64}}}})
    AND ts <= fromUnixTimestamp64Milli({{{{end:Int64}}}})
    AND (id, ts) IN (
        SELECT id, point.1 FROM (
            SELECT id, arrayJoin(if(is_delta OR has(points.3, 'gauge'), points, arrayFilter(
                (p, i, before, after) -> i = 1 OR i = length(points) OR isNaN(p.2)
                    OR p.2 < before.2 OR p.3 = 'yes' OR after.2 < p.2 OR after.3 = 'yes',
                points, arrayEnumerate(points), arrayShiftRight(points, 1),
                arrayShiftLeft(points, 1)))) AS point
            FROM (
                SELECT id, slot,
                    arraySort(p -> p.1, groupArray((ts, count, CAST(reset_hint, 'String'))))
                        AS points
                FROM (SELECT id, ts, {_SLOT} AS slot, count, reset_hint {_FROM})
                GROUP BY id, slot
            ) AS slots
            LEFT JOIN ({_COUNTERS}) AS known USING (id)
        )
    )
"""
