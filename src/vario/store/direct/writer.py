"""Stores small requests by rows that are made here."""

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from google.protobuf.message import DecodeError

from vario.model.series import Labels, SampleBlock
from vario.model.telemetry import Signal
from vario.store import row_binary
from vario.store.direct import records, spans
from vario.store.direct.book import Series, SeriesBook, Sightings
from vario.store.direct.points import Rows, point_rows
from vario.store.direct.remote import sample_rows
from vario.store.direct.values import NotPlain
from vario.store.engine import Engine

DIRECT_BYTES = {Signal.TRACES: 128 << 10, Signal.LOGS: 128 << 10, Signal.METRICS: 512 << 10}
"""Up to here rows are made here: 500 spans, 350 records or 9,000 points. Where the ways cost the
same (`python -m bench inserts`): 1,000 spans, 500 records, 18,000 points of known series."""
MOST_NEW = 2_000
"""So many new series take 0.1 s."""
MOST_SAMPLES = 2_000
"""Likewise of samples given by their labels."""
REMOTE_BYTES = 4 << 20
"""Likewise of remote write: 20,000 samples, for which it holds the interpreter 60 ms."""
_SAMPLE = struct.Struct("<qd")
_SAMPLE_COLUMNS = ("name_hash", "id", "ts", "value")
_EXEMPLAR_COLUMNS = ("id", "ts", "value", "trace_id", "span_id", "attributes")
_HISTOGRAM_COLUMNS = (
    "id", "ts", "count", "sum", "schema", "zero_threshold", "zero_count", "positive_offset",
    "positive", "negative_offset", "negative", "bounds", "reset_hint",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Plan:
    """How the requests of a signal become rows of its table."""

    table: str
    rows: Callable[[bytes], bytes]
    columns: Mapping[str, str]


_PLANS = {
    Signal.TRACES: _Plan("otel_traces", spans.span_rows, spans.COLUMNS),
    Signal.LOGS: _Plan("otel_logs", records.record_rows, records.COLUMNS),
}


class DirectWriter:
    """Takes what is small and plain; the rest is for the engine's views."""

    def __init__(self, engine: Engine, book: SeriesBook) -> None:
        self._engine = engine
        self._book = book
        self._fits: dict[str, bool] = {}

    def write_otlp(self, signal: Signal, body: bytes) -> bool:
        """Stores an export request and returns whether it did.

        Metrics are written within `SeenRows.writing`.

        Raises:
            Unavailable: no space left, or the engine does not answer.
        """
        if len(body) > DIRECT_BYTES[signal]:
            return False
        try:
            if signal is Signal.METRICS:
                found = point_rows(body, self._book)
            else:
                plan = _PLANS[signal]
                if not self._is_fit(plan):
                    return False
                found = plan.rows(body)
        except (NotPlain, DecodeError, struct.error):
            return False  # the last: a number is too large for its column
        if isinstance(found, Rows):
            if not self._is_known(found.new):
                return False
            self._write_points(found)
        else:
            self._insert(_PLANS[signal].table, [found], tuple(_PLANS[signal].columns))
        return True

    def write_samples(self, labels: Sequence[Labels], block: SampleBlock) -> bool:
        """Stores samples of series given by their labels and returns whether it did.

        Within `SeenRows.writing`.

        Raises:
            Unavailable: no space left, or the engine does not answer.
        """
        if len(block.ts_ms) > MOST_SAMPLES:
            return False
        new = Sightings()
        windows: list[tuple[Series, slice]] = []
        try:
            for at, one in enumerate(labels):
                window = slice(int(block.offsets[at]), int(block.offsets[at + 1]))
                if window.stop > window.start:
                    windows.append((self._book.find(tuple(sorted(one.items()))), window))
        except NotPlain:
            return False
        for series, window in windows:
            for ts_ms in set(block.ts_ms[window].tolist()):
                new.add(series, ts_ms)
        self._book.store(new)
        rows = [
            row_binary.repeat_prefix(series.prefix, block.ts_ms[window], block.values[window], b"")
            for series, window in windows
        ]
        self._insert("metric_samples", rows, _SAMPLE_COLUMNS)
        return True

    def write_remote(self, body: bytes) -> bool:
        """Stores requests of remote write 1.0 with samples alone, and returns whether it did.

        Within `SeenRows.writing`.

        Raises:
            Unavailable: no space left, or the engine does not answer.
        """
        if len(body) > REMOTE_BYTES:
            return False
        try:
            found = sample_rows(body, self._book)
        except NotPlain:
            return False
        if not self._is_known(found.new):
            return False
        self._book.store(found.new)
        self._insert("metric_samples", found.finish(), _SAMPLE_COLUMNS)
        return True

    def _is_known(self, new: Sightings) -> bool:
        """Whether few enough series of a request are new; of too many, some are stored by now.

        The views take new series in half the time, but nothing of what they learn is known here.
        """
        if len(new.series) <= MOST_NEW:
            return True
        self._book.store(Sightings(dict(islice(new.series.items(), MOST_NEW))))
        return False

    def _write_points(self, found: Rows) -> None:
        self._book.store(found.new)
        histograms = [series.id + row for series, row in found.histograms]
        self._insert("metric_histograms", histograms, _HISTOGRAM_COLUMNS)
        exemplars = [series.id + row for series, row in found.exemplars]
        self._insert("metric_exemplars", exemplars, _EXEMPLAR_COLUMNS)
        pack = _SAMPLE.pack
        samples = [series.prefix + pack(ts_ms, value) for series, ts_ms, value in found.samples]
        self._insert("metric_samples", samples, _SAMPLE_COLUMNS)

    def _insert(self, table: str, rows: list[bytes], columns: tuple[str, ...]) -> None:
        if body := b"".join(rows):
            self._engine.insert_bytes(table, body, "RowBinary", columns=columns)

    def _is_fit(self, plan: _Plan) -> bool:
        """Says whether the table is as vario makes it; a Collector may have made another."""
        fit = self._fits.get(plan.table)
        if fit is None:
            found = self._engine.query_writing(
                "SELECT name, type FROM system.columns WHERE database = currentDatabase()"
                " AND table = {table:String} AND default_kind IN ('', 'DEFAULT')",
                {"table": plan.table},
            )
            types = dict(found)
            fit = all(types.get(name) == kind for name, kind in plan.columns.items())
            self._fits[plan.table] = fit
        return fit
