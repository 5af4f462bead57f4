"""Reads and writes series, samples, native histograms, exemplars and metadata."""

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vario.model.series import (
    Exemplar,
    HistogramBlock,
    Labels,
    Matcher,
    Metadata,
    SampleBlock,
    SeriesSet,
)
from vario.store import row_binary
from vario.store.base import Grid
from vario.store.engine import Engine
from vario.store.metric_grid import fetch_grid
from vario.store.metric_sql import (
    Condition,
    arrange_rows,
    compile_matchers,
    find_ids,
    histograms_between,
    samples_between,
    seen_between,
)
from vario.store.series_index import SeriesIndex

_HISTOGRAM_COLUMNS = [
    "id",
    "ts",
    "count",
    "sum",
    "schema",
    "zero_threshold",
    "zero_count",
    "positive_offset",
    "reset_hint",
    "positive",
    "negative_offset",
    "negative",
    "bounds",
]


class MetricQueries:
    """`vario.store.base.MetricReader`, and the writing of samples, over the metric tables."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._index = SeriesIndex(engine)

    # Writing

    def write_samples(self, labels: Sequence[Labels], block: SampleBlock) -> None:
        """Writes float samples of series given by their labels (`__name__` included)."""
        self._write(labels, block.offsets, block.ts_ms, block.values, native=False)

    def write_histograms(self, labels: Sequence[Labels], block: HistogramBlock) -> None:
        """Writes native histograms of series given by their labels (`__name__` included)."""
        if not len(block.ts_ms):
            return
        self._write(labels, block.offsets, block.ts_ms, np.zeros(len(block.ts_ms)), native=True)
        ids = np.repeat(find_ids(self._engine, labels), np.diff(block.offsets))
        body = [row_binary.header(_HISTOGRAM_COLUMNS)]
        body.extend(_histogram_row(int(id_), block, row) for row, id_ in enumerate(ids))
        self._engine.insert_bytes("metric_histograms", b"".join(body), "RowBinaryWithNames")

    def _write(
        self,
        labels: Sequence[Labels],
        offsets: NDArray[np.int64],
        ts_ms: NDArray[np.int64],
        values: NDArray[np.float64],
        *,
        native: bool,
    ) -> None:
        """Makes series known and stores their samples, unless these are native histograms'."""
        if not len(ts_ms):
            return
        body = [row_binary.header(("labels", "ts", "value", "delta", "native"))]
        for i, one in enumerate(labels):
            window = slice(int(offsets[i]), int(offsets[i + 1]))
            prefix, suffix = row_binary.text_map(one), bytes((0, native))
            body.append(row_binary.repeat_prefix(prefix, ts_ms[window], values[window], suffix))
        self._engine.insert_bytes("metric_samples_in", b"".join(body), "RowBinaryWithNames")

    # Reading

    def find_series(
        self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, *, limit: int | None = None
    ) -> SeriesSet:
        """Finds the series that match every matcher and have samples near the range."""
        return self._index.find(matchers, start_ms, end_ms, limit=limit)

    def fetch_samples(self, series: SeriesSet, start_ms: int, end_ms: int) -> SampleBlock:
        """Fetches the float samples of `series` in `(start_ms, end_ms]`."""
        if not len(series):
            return SampleBlock(
                np.zeros(1, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0)
            )
        where = samples_between(series, start_ms, end_ms)
        columns = self._engine.query_columns(
            "SELECT id, toUnixTimestamp64Milli(ts) AS time, value FROM metric_samples"
            f" WHERE {where.sql} ORDER BY id, ts",
            where.params,
        )
        rows = arrange_rows(series, columns["id"], columns["time"])
        return SampleBlock(rows.offsets, columns["time"][rows.index], columns["value"][rows.index])

    def fetch_histograms(
        self, series: SeriesSet, start_ms: int, end_ms: int
    ) -> HistogramBlock | None:
        """Fetches the native histograms of `series` in `(start_ms, end_ms]`, None for none."""
        if not len(series) or not series.native:
            return None
        where = histograms_between(series, start_ms, end_ms)
        columns = self._engine.query_columns(
            "SELECT id, toUnixTimestamp64Milli(ts) AS time, count, sum, toInt64(schema) AS scale,"
            " zero_threshold, zero_count, toInt64(positive_offset) AS p_offset, positive,"
            " toInt64(negative_offset) AS n_offset, negative, bounds,"
            " toInt64(CAST(reset_hint, 'Int8')) AS hint"
            f" FROM metric_histograms WHERE {where.sql} ORDER BY id, ts",
            where.params,
        )
        if not len(columns["id"]):
            return None
        rows = arrange_rows(series, columns["id"], columns["time"])

        def lists(name: str) -> list[list[float]]:
            return [columns[name][i] for i in rows.index.tolist()]

        return HistogramBlock(
            offsets=rows.offsets,
            ts_ms=columns["time"][rows.index],
            count=columns["count"][rows.index],
            sum=columns["sum"][rows.index],
            schema=columns["scale"][rows.index],
            zero_threshold=columns["zero_threshold"][rows.index],
            zero_count=columns["zero_count"][rows.index],
            positive_offset=columns["p_offset"][rows.index],
            positive=lists("positive"),
            negative_offset=columns["n_offset"][rows.index],
            negative=lists("negative"),
            bounds=lists("bounds"),
            reset_hint=columns["hint"][rows.index],
        )

    def fetch_grid(
        self,
        function: str,
        series: SeriesSet,
        *,
        start_ms: int,
        end_ms: int,
        step_ms: int,
        window_ms: int,
    ) -> Grid:
        """Evaluates a range function inside the engine; see `vario.store.metric_grid`."""
        return fetch_grid(
            self._engine,
            function,
            series,
            start_ms=start_ms,
            end_ms=end_ms,
            step_ms=step_ms,
            window_ms=window_ms,
        )

    # Names and values

    def find_label_names(
        self, matchers: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
    ) -> list[str]:
        """Lists label names, sorted, of series that match any of the selectors (all if none)."""
        found = self._selected(matchers, start_ms, end_ms)
        rows = self._engine.query_rows(
            f"SELECT DISTINCT arrayJoin(mapKeys(labels)) AS name FROM ({found.sql}) ORDER BY name",
            found.params,
        )
        return [row[0] for row in rows]

    def find_label_values(
        self, name: str, matchers: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
    ) -> list[str]:
        """Lists the values of a label, sorted."""
        found = self._selected(matchers, start_ms, end_ms)
        rows = self._engine.query_rows(
            f"SELECT DISTINCT labels[{{label:String}}] AS value FROM ({found.sql})"
            " WHERE value != '' ORDER BY value",
            {**found.params, "label": name},
        )
        return [row[0] for row in rows]

    def _selected(
        self, matchers: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
    ) -> Condition:
        """Returns the query of labels of series that match any of the selectors."""
        conditions = [compile_matchers(each, f"s{i}_") for i, each in enumerate(matchers)]
        where = " OR ".join(f"({c.sql})" for c in conditions) or "true"
        seen = seen_between(start_ms, end_ms)
        params: dict[str, Any] = dict(seen.params)
        for condition in conditions:
            params.update(condition.params)
        sql = (
            f"SELECT labels FROM metric_series WHERE {where} GROUP BY id, labels HAVING {seen.sql}"
        )
        return Condition(sql, params)

    def find_exemplars(
        self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, *, limit: int = 1000
    ) -> list[Exemplar]:
        """Finds exemplars of matching series, ordered by time."""
        where = compile_matchers(matchers)
        rows = self._engine.query_rows(
            "SELECT labels, toUnixTimestamp64Milli(ts) AS time, value, trace_id, span_id,"
            " attributes FROM metric_exemplars"
            f" INNER JOIN (SELECT DISTINCT id, labels FROM metric_series WHERE {where.sql})"
            " AS series USING (id)"
            " WHERE ts >= fromUnixTimestamp64Milli({start:Int64})"
            " AND ts <= fromUnixTimestamp64Milli({end:Int64})"
            f" ORDER BY ts, id LIMIT {int(limit)}",
            {**where.params, "start": start_ms, "end": end_ms},
        )
        return [Exemplar(*row) for row in rows]

    def find_metadata(self, metric: str | None = None) -> list[Metadata]:
        """Lists what is known of one metric or of all."""
        rows = self._engine.query_rows(
            "SELECT name, type, unit, help FROM metric_metadata FINAL"
            + (" WHERE name = {name:String}" if metric is not None else "")
            + " ORDER BY name",
            {"name": metric} if metric is not None else {},
        )
        return [Metadata(*row) for row in rows]


def _histogram_row(id_: int, block: HistogramBlock, row: int) -> bytes:
    plain = struct.pack(
        "<QqddbddiB",
        id_,
        int(block.ts_ms[row]),
        block.count[row],
        block.sum[row],
        int(block.schema[row]),
        block.zero_threshold[row],
        block.zero_count[row],
        int(block.positive_offset[row]),
        int(block.reset_hint[row]),
    )
    return b"".join(
        (
            plain,
            row_binary.floats(block.positive[row]),
            struct.pack("<i", int(block.negative_offset[row])),
            row_binary.floats(block.negative[row]),
            row_binary.floats(block.bounds[row]),
        )
    )
