"""The series that selectors find, remembered until new ones are stored."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vario.model.series import Matcher, SeriesSet
from vario.store.engine import Engine
from vario.store.metric_sql import compile_matchers, seen_between

_HOUR_MS = 3_600_000
_MOST_SERIES = 200_000
"""Bound on what is remembered: about 1 kB a series with four labels."""

# A row is written when a series is new or in a new hour. Blocks are numbered, a part is named after
# the first and the last that it holds (`all_1_8_2`), and merges keep the newest number. 3 ms.
_BLOCK = "toUInt64(splitByChar('_', _part)[3])"
_ADDED = f"""
SELECT max({_BLOCK}) AS block, groupUniqArray(toString(name)) AS names FROM metric_series
WHERE {_BLOCK} > {{block:UInt64}}
"""

_BESIDE = frozenset({
    "metric_samples", "metric_histograms", "metric_exemplars", "metric_metadata",
    "otel_traces", "otel_logs",
})  # fmt: skip
"""Inserts into these say nothing of series."""

_Key = tuple[tuple[Matcher, ...], int, int]


_News = tuple[int, int]
"""Statements that were run, any of which may have taken series away, and a block of series."""


@dataclass(frozen=True, slots=True)
class _Known:
    news: _News
    series: SeriesSet


class _Newsreader:
    """Says which metrics got series, by the number of the block that they came with."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._writes = -1, -1
        self._names: dict[str, int] = {}
        self._block = 0

    def read(self, matchers: Sequence[Matcher]) -> _News:
        """Returns the newest of what concerns series that may match; asks only after a write."""
        with self._lock:
            writes = self._engine.count_writes(beside=_BESIDE)
            if writes != self._writes:
                block, names = self._engine.query_rows(_ADDED, {"block": self._block})[0]
                self._names.update(dict.fromkeys(names, block))
                self._block = max(self._block, block)
                self._writes = writes
            block = self._block
            for matcher in matchers:
                if matcher.name == "__name__" and matcher.op == "=":
                    block = self._names.get(matcher.value, 0)
            return self._writes[0], block


class SeriesIndex:
    """Finds series, each question once until series of its metric are added.

    A dashboard asks for the same series every few seconds, and so do rules; finding 6,000 and
    arranging their labels takes 0.2 s. Tables spread over a cluster are asked every time.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._known: OrderedDict[_Key, _Known] = OrderedDict()
        self._size = 0
        self._news = _Newsreader(engine)

    def find(
        self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, *, limit: int | None = None
    ) -> SeriesSet:
        """Returns the series that match and were seen in the hours around `(start, end]`."""
        if limit is not None or not self._engine.address.embedded:
            return self._read(matchers, start_ms, end_ms, limit)
        # Times of series are whole hours, so that these say as much as the exact ones.
        key = (tuple(matchers), start_ms // _HOUR_MS, end_ms // _HOUR_MS)
        news = self._news.read(matchers)
        with self._lock:
            known = self._known.get(key)
            if known and known.news == news:
                self._known.move_to_end(key)
                return known.series
        series = self._read(matchers, start_ms, end_ms, None)
        with self._lock:
            self._remember(key, _Known(news, series))
        return series

    def _remember(self, key: _Key, known: _Known) -> None:
        old = self._known.pop(key, None)
        self._size += len(known.series) + 1 - (len(old.series) + 1 if old else 0)
        self._known[key] = known
        while self._size > _MOST_SERIES:
            _, gone = self._known.popitem(last=False)
            self._size -= len(gone.series) + 1

    def _read(
        self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, limit: int | None
    ) -> SeriesSet:
        where, seen = compile_matchers(matchers), seen_between(start_ms, end_ms)
        columns = self._engine.query_columns(
            "SELECT id, any(labels) AS pairs, max(delta) > 0 AS is_delta, max(native) > 0 AS"
            f" is_native FROM metric_series WHERE {where.sql} GROUP BY id HAVING {seen.sql}"
            + (f" LIMIT {int(limit)}" if limit is not None else ""),
            {**where.params, **seen.params},
        )
        pairs = [tuple(sorted(labels.items())) for labels in columns["pairs"]]
        order = sorted(range(len(pairs)), key=pairs.__getitem__)
        index = np.array(order, dtype=np.intp)
        return SeriesSet(
            np.asarray(columns["id"], dtype=np.uint64)[index],
            tuple(columns["pairs"][i] for i in order),
            np.asarray(columns["is_delta"], dtype=np.bool_)[index],
            tuple(matchers),
            bool(np.any(columns["is_native"])),
            tuple(pairs[i] for i in order),
        )
