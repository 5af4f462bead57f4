"""One instrument: from a value and its attributes to the series that takes it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from time import time_ns
from typing import Any, cast

from opentelemetry import trace

from vario.sdk.cleaning import STRINGS, clean
from vario.sdk.context import SPAN_KEY, get_context
from vario.sdk.faults import report, say_once
from vario.sdk.series import Series
from vario.sdk.spans import OURS

CARDINALITY_LIMIT = 2_000
"""Series of one instrument; what goes over it is one series, `otel.metric.overflow`."""

_OVERFLOW = {"otel.metric.overflow": True}
_MOST_SPELLINGS = 4 * CARDINALITY_LIMIT


@dataclass(frozen=True, slots=True)
class Kind:
    """What an instrument is: its identity, and how its series are made."""

    provider: Any
    word: str
    name: str
    unit: str
    description: str
    make: Any
    bounds: tuple[float, ...] | None
    is_delta: bool
    is_monotonic: bool


class Overflowed:
    """Where a measurement belongs whose series did not get in: it keeps its attributes."""

    __slots__ = ("filtered", "span_id", "trace_id")

    def __init__(self, at: Any, attributes: Mapping[str, Any]) -> None:
        self.trace_id, self.span_id = at.trace_id, at.span_id
        self.filtered = attributes


class Instrument:
    """The series of one instrument by their attributes."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self._lock = Lock()
        self._filter = os.environ.get("OTEL_METRICS_EXEMPLAR_FILTER", "").strip().lower()
        self.clear()

    def clear(self) -> None:
        """Forgets what was measured: a forked child, or another configuration."""
        self._lock = Lock()
        self._spellings: dict[Any, Series] = {}
        self._series: dict[Any, Series] = {}
        self._retired: list[Series] = []
        self._began_ns: int | None = None
        self._before: dict[int, float] = {}

    def measure(self, value: float, attributes: Any, context: Any) -> None:
        """Takes a value; what cannot be taken is said once, never raised."""
        if not self.kind.provider.is_on:
            return
        try:
            at = self.exemplar(context)
            series = self.find(attributes)
            if series.attributes is _OVERFLOW and at is not None:
                at = Overflowed(at, clean(attributes, None, None)[0])
            series.record(value, time_ns(), at)
        except Exception as error:
            report(f"record {self.kind.name}", error)

    def find(self, attributes: Any) -> Series:
        """Returns the series of these attributes."""
        try:
            key = tuple(attributes.items()) if attributes else ()
            return self._spellings[key]
        except (KeyError, TypeError):
            return self._find_slowly(attributes)

    def _find_slowly(self, attributes: Any) -> Series:
        found: dict[str, Any] = clean(attributes, None, None)[0]
        key = tuple(sorted((name, _tagged(value)) for name, value in found.items()))
        with self._lock:
            series = self._series.get(key)
            if series is None:
                series = self._made(key, found)
            # Only text is found by its spelling: 1, 1.0 and True are one key to a dictionary.
            if STRINGS.issuperset(map(type, found.values())):
                if len(self._spellings) >= _MOST_SPELLINGS:
                    self._spellings.clear()
                if series.attributes is not _OVERFLOW:
                    self._spellings[tuple(found.items())] = series
            return series

    def _made(self, key: Any, attributes: dict[str, Any]) -> Series:
        if len(self._series) >= CARDINALITY_LIMIT and key != ("overflow",):
            say_once(
                f"{self.kind.name} has more than {CARDINALITY_LIMIT} sets of labels; the others "
                "are counted together. Labels are coarse: what is unique belongs on a span"
            )
            return self._series.get(("overflow",)) or self._made(("overflow",), _OVERFLOW)
        kind = self.kind
        began_ns = self._began_ns or time_ns()
        more = () if kind.bounds is None else (kind.bounds,)
        series = self._series[key] = kind.make(
            kind.name, attributes, began_ns, kind.is_delta, *more
        )
        return series

    def exemplar(self, context: Any = None) -> Any:
        """Returns the span that an exemplar would name; None where it would name none."""
        span = (get_context() if context is None else context).get(SPAN_KEY)
        if type(span) in OURS:
            wanted = span.flags & 1 or self._filter == "always_on"
            return span if wanted and self._filter != "always_off" else None
        if not isinstance(span, trace.Span) or self._filter == "always_off":
            return None
        found = span.get_span_context()
        return found if found.trace_flags & 1 or self._filter == "always_on" else None

    def set_total(self, series: Series, value: float, now_ns: int) -> None:
        """Takes the total that a callback has told; as a difference where that is asked for."""
        if self.kind.is_delta:
            before = self._before.get(id(series), 0)
            self._before[id(series)] = value
            value -= before
        elif reset := getattr(series, "_reset", None):
            reset()
        series.record(value, now_ns, None)

    def collect(self, now_ns: int) -> list[Any]:
        """Returns the points of all series that have something to tell."""
        is_observable = self.kind.word.startswith("observable")
        with self._lock:
            series, retired = list(self._series.items()), self._retired
            self._retired = []
            if self.kind.is_delta:
                self._began_ns = now_ns
        points: list[Any] = [one.collect(now_ns) for one in retired if one.pending]
        for key, one in series:
            if is_observable and not one.pending:
                continue
            if self.kind.is_delta and not is_observable and not self._is_busy(one):
                self._retire(key, one)
            points.append(one.collect(now_ns))
        return [point for point in points if point is not None]

    def _is_busy(self, series: Series) -> bool:
        return bool(series.pending) or any(
            (getattr(series, "is_touched", False), *getattr(series, "counts", ()))
        )

    def _retire(self, key: Any, series: Series) -> None:
        """Lets go of a series that was idle; it is looked at once more, should somebody hold it."""
        with self._lock:
            self._series.pop(key, None)
            self._spellings = {k: s for k, s in self._spellings.items() if s is not series}
            self._retired.append(series)

    def fold(self) -> None:
        """Works off measurements that wait."""
        for one in list(self._series.values()):
            if len(one.pending) > 64 and not self.kind.word.startswith("observable"):
                one.fold()


def _tagged(value: Any) -> Any:
    """Returns a value as a part of a key: of another type, it is another value."""
    if isinstance(value, Mapping):
        pairs = cast(Mapping[str, Any], value)
        return "mapping", repr(sorted((k, _tagged(v)) for k, v in pairs.items()))
    if isinstance(value, tuple):
        items = cast(tuple[Any, ...], value)
        return "sequence", repr([_tagged(item) for item in items])
    return type(value).__name__, repr(value)
