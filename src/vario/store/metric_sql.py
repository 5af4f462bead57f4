"""Matchers and times of metric queries as SQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vario.model.series import Matcher, SeriesSet
from vario.store.engine import Engine

_BY_MATCHERS_FROM = 500
"""From so many series on, samples are read by the matchers that found them.

A list of 10,000 ids is 200 kB of SQL to parse; finding them anew by name takes 2 ms."""
_MOST_NAMES = 100
"""Of more metrics than this, samples are read by their ids alone."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition and the parameters that it names."""

    sql: str
    params: Mapping[str, Any]


def compile_matchers(matchers: Sequence[Matcher], prefix: str = "m") -> Condition:
    """Returns the condition on `metric_series` that all matchers hold.

    An absent label is an empty one. Regular expressions are RE2, anchored at both ends.
    """
    parts: list[str] = []
    params: dict[str, Any] = {}
    for number, matcher in enumerate(matchers):
        value = f"{prefix}{number}"
        params[value] = matcher.value
        subject = "name"
        if matcher.name != "__name__":
            params[f"{value}n"] = matcher.name
            subject = f"labels[{{{value}n:String}}]"
        if matcher.op in ("=", "!="):
            parts.append(f"{subject} {matcher.op} {{{value}:String}}")
        else:
            params[value] = f"^(?s:{matcher.value})$"
            negation = "NOT " if matcher.op == "!~" else ""
            parts.append(f"{negation}match({subject}, {{{value}:String}})")
    return Condition(" AND ".join(parts) or "true", params)


def seen_between(start_ms: int, end_ms: int) -> Condition:
    """Returns the HAVING condition of series that were seen within `(start_ms, end_ms]`."""
    sql = (
        "max(last_seen) > fromUnixTimestamp64Milli({start:Int64})"
        " AND min(first_seen) <= fromUnixTimestamp64Milli({end:Int64})"
    )
    return Condition(sql, {"start": start_ms, "end": end_ms})


def samples_between(series: SeriesSet, start_ms: int, end_ms: int) -> Condition:
    """Returns the condition on float samples of `series` within `(start_ms, end_ms]`.

    Samples of other series, from other times or of names with the same hash, may satisfy it too.
    """
    times = _between(start_ms, end_ms)
    names = sorted({labels.get("__name__", "") for labels in series.labels})
    if len(names) > _MOST_NAMES:
        return _and(times, _of_series(series))
    each = [f"toUInt32(sipHash64({{name{i}:String}}))" for i in range(len(names))]
    hashed = Condition(
        f"name_hash IN ({', '.join(each) or 'NULL'})",
        {f"name{i}": name for i, name in enumerate(names)},
    )
    if _is_whole_metric(series.matchers):
        return _and(hashed, times)
    return _and(hashed, times, _of_series(series))


def histograms_between(series: SeriesSet, start_ms: int, end_ms: int) -> Condition:
    """Returns the condition on native histograms; see `samples_between`."""
    return _and(_between(start_ms, end_ms), _of_series(series))


def _between(start_ms: int, end_ms: int) -> Condition:
    after = "ts > fromUnixTimestamp64Milli({start:Int64})"
    until = "ts <= fromUnixTimestamp64Milli({end:Int64})"
    return Condition(f"{after} AND {until}", {"start": start_ms, "end": end_ms})


def _of_series(series: SeriesSet) -> Condition:
    if len(series) < _BY_MATCHERS_FROM or not series.matchers:
        return Condition(f"id IN ({','.join(map(str, series.ids.tolist())) or 'NULL'})", {})
    found = compile_matchers(series.matchers)
    return Condition(f"id IN (SELECT id FROM metric_series WHERE {found.sql})", found.params)


def _and(*conditions: Condition) -> Condition:
    params = {name: value for each in conditions for name, value in each.params.items()}
    return Condition(" AND ".join(each.sql for each in conditions), params)


def _is_whole_metric(matchers: Sequence[Matcher]) -> bool:
    """Whether matchers choose all series of one metric, so that none needs to be left out."""
    return len(matchers) == 1 and matchers[0].name == "__name__" and matchers[0].op == "="


@dataclass(frozen=True, slots=True)
class Rows:
    """Where the rows of each series lie in columns ordered by id and time.

    Attributes:
        index: the rows to keep, series after series in the order of the `SeriesSet`.
        offsets: shape (n + 1,), where each series' rows begin in `index`.
    """

    index: np.ndarray[tuple[int], np.dtype[np.int64]]
    offsets: np.ndarray[tuple[int], np.dtype[np.int64]]


def arrange_rows(
    series: SeriesSet,
    ids: np.ndarray[tuple[int], np.dtype[np.uint64]],
    ts_ms: np.ndarray[tuple[int], np.dtype[np.int64]],
) -> Rows:
    """Returns the order of `series`, of equal times only the last row."""
    last = np.ones(len(ids), dtype=np.bool_)
    last[:-1] = (ids[1:] != ids[:-1]) | (ts_ms[1:] != ts_ms[:-1])
    kept = np.flatnonzero(last)
    starts = np.searchsorted(ids[kept], series.ids, side="left")
    stops = np.searchsorted(ids[kept], series.ids, side="right")
    offsets = np.concatenate(([0], np.cumsum(stops - starts))).astype(np.int64)
    shift = np.repeat(starts - offsets[:-1], stops - starts)
    return Rows(kept[np.arange(offsets[-1]) + shift], offsets)


def find_ids(
    engine: Engine, labels: Sequence[Mapping[str, str]]
) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """Returns the ids that the engine gives to label sets."""
    sql = (
        "SELECT sipHash64(mapSort(mapFromArrays(pair.1, pair.2))) AS id FROM"
        " (SELECT arrayJoin(arrayZip({names:Array(Array(String))}, {values:Array(Array(String))}))"
        " AS pair)"
    )
    names = [list(one) for one in labels]
    values = [list(one.values()) for one in labels]
    return engine.query_columns(sql, {"names": names, "values": values})["id"]
