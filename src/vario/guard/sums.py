"""Series that share one set of labels from now on, added up so that their sum stays right.

Where a label is folded or redacted, several cumulative counters fall on one series at the same
times. Their values cannot be stored under one name, and adding up whatever values are at hand
would read as a reset whenever a source comes or goes. So each source's *increase* is added to a
running total, which is what is stored: `rate` over it is the sum of the rates. Gauges give the sum
of the latest values of the sources that are there; deltas the sum of what came.
"""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["gauge", "counter", "delta"]
Parts = Mapping[Hashable, float]
"""A value by its parts: one number, or a histogram's count, sum and buckets. The part `COUNT` or
`VALUE` shows a reset by growing smaller."""

VALUE = "value"
COUNT = "count"

GONE_AFTER_NS = 5 * 60 * 1_000_000_000
"""A gauge not heard of for so long is not there, as in Prometheus."""
FORGET_AFTER_NS = 3600 * 1_000_000_000
"""A counter's last value is remembered for so long; what comes later counts from there on."""
MAX_SOURCES = 500_000
"""Bound on the sources remembered, about 150 bytes each; the oldest are forgotten first."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one source says at one moment.

    Attributes:
        time_ns: when.
        key: the series that it falls on.
        source: tells it from the others there.
        parts: its value; None where it says that it is gone.
        kind: how values of the series go together.
        fresh: whether a source that was never heard of began at nothing; otherwise its first value
            is where it starts to count from.
        anew: whether the series cannot have values of an earlier life. Its total may then begin
            with what its first sources say, as a counter's does that was not seen before; otherwise
            it begins at nothing, which after a restart reads as a reset that adds nothing.
    """

    time_ns: int
    key: Hashable
    source: int
    parts: Parts | None
    kind: Kind
    fresh: bool
    anew: bool = False


@dataclass(frozen=True, slots=True)
class Sum:
    """What is stored: the value of a series at one moment."""

    time_ns: int
    key: Hashable
    parts: Parts


@dataclass(slots=True)
class _Series:
    total: dict[Hashable, float] = field(default_factory=dict[Hashable, float])
    sources: dict[int, tuple[Parts, int]] = field(default_factory=dict[int, tuple[Parts, int]])
    last_ns: int = 0
    swept_ns: int = 0


class Sums:
    """Running totals. Not safe for threads: the caller holds a lock."""

    def __init__(self, *, tick_ns: int = 1_000_000, max_sources: int = MAX_SOURCES) -> None:
        """Makes an empty set of totals.

        Args:
            tick_ns: least distance of two values of a series, which is what a store can tell apart.
            max_sources: how many sources are remembered.
        """
        self._tick_ns = tick_ns
        self._max_sources = max_sources
        self._series: dict[Hashable, _Series] = {}
        self._sources = 0

    def add(self, steps: Iterable[Step]) -> list[Sum]:
        """Takes what the sources of one request say; returns one value a series and moment.

        A value that comes no later than the last one of its series is dated as that one, so that
        totals grow with time: of two at one time either is true, and what the lesser lacks is in
        the next. A delta is dated one tick after, for it would be lost.
        """
        sums: list[Sum] = []
        touched: dict[Hashable, Kind] = {}
        now_ns = 0
        for step in sorted(steps, key=lambda step: step.time_ns):
            if step.time_ns != now_ns:
                sums += self._emit(touched, now_ns)
                touched, now_ns = {}, step.time_ns
            if self._take(step):
                touched[step.key] = step.kind
        sums += self._emit(touched, now_ns)
        return sums

    def _take(self, step: Step) -> bool:
        series = self._series.setdefault(step.key, _Series())
        if step.kind == "delta":
            _merge(series.total, step.parts or {})
            return step.parts is not None
        self._sweep(series, step)
        known = series.sources.get(step.source)
        if step.parts is None:
            if known and step.kind == "gauge":
                _merge(series.total, known[0], sign=-1)
                self._forget(series, step.source)
            return False
        if known:
            before: Parts = known[0]
        else:
            self._sources += 1
            begins = step.anew and not series.last_ns
            before = {} if step.kind == "gauge" or step.fresh or begins else step.parts
        if step.kind == "counter" and _fell(step.parts, before):
            before = {}
        _merge(series.total, step.parts)
        _merge(series.total, before, sign=-1)
        series.sources.pop(step.source, None)
        series.sources[step.source] = (step.parts, step.time_ns)
        if self._sources > self._max_sources and len(series.sources) > 1:
            self._forget(series, next(iter(series.sources)))
        return True

    def _emit(self, touched: Mapping[Hashable, Kind], time_ns: int) -> list[Sum]:
        sums: list[Sum] = []
        for key, kind in touched.items():
            series = self._series[key]
            after = self._tick_ns if kind == "delta" else 0
            series.last_ns = max(time_ns, series.last_ns + after)
            sums.append(Sum(series.last_ns, key, dict(series.total)))
            if kind == "delta":
                series.total.clear()
        return sums

    def _sweep(self, series: _Series, step: Step) -> None:
        """Forgets sources that have not been heard of; the oldest stand first."""
        if step.time_ns - series.swept_ns < GONE_AFTER_NS // 5:
            return
        series.swept_ns = step.time_ns
        after = GONE_AFTER_NS if step.kind == "gauge" else FORGET_AFTER_NS
        for source, (parts, seen_ns) in list(series.sources.items()):
            if step.time_ns - seen_ns < after:
                break
            if source != step.source:
                if step.kind == "gauge":
                    _merge(series.total, parts, sign=-1)
                self._forget(series, source)

    def _forget(self, series: _Series, source: int) -> None:
        del series.sources[source]
        self._sources -= 1


def _merge(total: dict[Hashable, float], parts: Parts, *, sign: int = 1) -> None:
    for name, value in parts.items():
        total[name] = total.get(name, 0) + sign * value


def _fell(parts: Parts, before: Parts) -> bool:
    """Whether a counter began anew."""
    return any(parts.get(name, 0) < before.get(name, 0) for name in (VALUE, COUNT))
