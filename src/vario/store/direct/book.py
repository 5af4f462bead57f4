"""Series by their labels: what the engine calls them, and in which hours they are stored."""

import struct
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson

from vario.store.direct.values import NotPlain, Texts, pairs_map
from vario.store.engine import Engine
from vario.store.row_binary import text

MOST_SERIES = 20_000
"""Bound on what is remembered: about 1.4 KiB a series."""
HOUR_MS = 3_600_000
_ASKED_AT_ONCE = 2_000
_PREFIX = struct.Struct("<IQ")
_STATE = struct.Struct("<BBqq")

Pairs = tuple[tuple[str, str], ...]
"""Labels sorted by name, `__name__` included."""
State = tuple[int, int, int]
"""What a row in `metric_series` says beside the labels: hour since the epoch, whether values are
differences, whether they are native histograms."""
Description = tuple[str, str, str, str]
"""A row in `metric_metadata`: name, type, unit, help."""

# Written into the query: the driver escapes a parameter letter by letter, 30 us a series.
_ASK = """
SELECT sipHash64(mapSort(labels)), toUInt32(sipHash64(labels['__name__']))
FROM (SELECT arrayJoin(JSONExtract(
    base64Decode('{json}'), 'Array(Map(String, String))')) AS labels)
"""
_SERIES_COLUMNS = ("id", "name", "labels", "delta", "native", "first_seen", "last_seen")


@dataclass(slots=True, eq=False)
class Series:
    """A series.

    Attributes:
        labels: sorted by name.
        prefix: how each of its rows in `metric_samples` begins; empty until the engine was asked.
        written: its rows in `metric_series`.
    """

    labels: Pairs
    prefix: bytes = b""
    written: tuple[State, ...] = ()

    @property
    def id(self) -> bytes:
        """Its id as UInt64."""
        return self.prefix[4:]


@dataclass(slots=True)
class Sightings:
    """Rows of series and metadata that a request needs and that are not stored yet."""

    series: dict[tuple[Series, State], None] = field(
        default_factory=dict[tuple[Series, State], None]
    )
    descriptions: dict[Description, None] = field(default_factory=dict[Description, None])

    def add(self, series: Series, ts_ms: int, *, delta: int = 0, native: int = 0) -> None:
        """Notes that a series has a value at a time."""
        state = (ts_ms // HOUR_MS, delta, native)
        if state not in series.written:
            self.series[series, state] = None


class SeriesBook:
    """The series of a process; of one thread at a time, the one in `SeenRows.writing`.

    Attributes:
        points: what a writer remembers of points that come again and again.
        described: rows in `metric_metadata`.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._series: dict[Pairs, Series] = {}
        self.points: dict[Any, Any] = {}
        self.described: set[Description] = set()

    def clear(self) -> None:
        """Forgets everything."""
        self._series.clear()
        self.points.clear()
        self.described.clear()

    def remember(self, key: Any, value: Any) -> None:
        """Keeps something about points until everything is forgotten.

        Raises:
            NotPlain: too much is remembered.
        """
        if len(self.points) >= 2 * MOST_SERIES or len(self.described) >= MOST_SERIES:
            raise NotPlain
        self.points[key] = value

    def find(self, labels: Pairs) -> Series:
        """Returns the series with these labels.

        Raises:
            NotPlain: it is new, and too many are remembered; the views know all of them.
        """
        series = self._series.get(labels)
        if series is None:
            if len(self._series) >= MOST_SERIES:
                raise NotPlain
            series = self._series[labels] = Series(labels)
        return series

    def store(self, new: Sightings) -> None:
        """Stores rows of series and metadata; from then on each of the series has its prefix."""
        if new.series:
            self._resolve(series for series, _ in new.series)
            texts = Texts()
            rows = b"".join([_series_row(series, state, texts) for series, state in new.series])
            self._engine.insert_bytes("metric_series", rows, "RowBinary", columns=_SERIES_COLUMNS)
            for series, state in new.series:
                series.written = (*series.written, state)
        if missing := [each for each in new.descriptions if each not in self.described]:
            rows = b"".join([text(word) for each in missing for word in each])
            columns = ("name", "type", "unit", "help")
            self._engine.insert_bytes("metric_metadata", rows, "RowBinary", columns=columns)
            self.described.update(missing)

    def _resolve(self, series: Iterable[Series]) -> None:
        new = list({id(one): one for one in series if not one.prefix}.values())
        for start in range(0, len(new), _ASKED_AT_ONCE):
            some = new[start : start + _ASKED_AT_ONCE]
            asked = b64encode(orjson.dumps([dict(one.labels) for one in some])).decode("ascii")
            found = self._engine.query_writing(_ASK.format(json=asked))
            for one, (number, name_hash) in zip(some, found, strict=True):
                one.prefix = _PREFIX.pack(name_hash, number)


def _series_row(series: Series, state: State, texts: Texts) -> bytes:
    hour, delta, native = state
    name = dict(series.labels).get("__name__", "")
    return b"".join(
        (
            series.id,
            texts[name],
            pairs_map(series.labels, texts),
            _STATE.pack(delta, native, hour * HOUR_MS, (hour + 1) * HOUR_MS),
        )
    )
