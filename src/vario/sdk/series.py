"""Aggregation: what is measured becomes sums, last values and histograms.

A measurement on the request path is one `append` to its series' queue, which is atomic; it is
folded in the background or when so many wait that they would cost memory. Folding and collecting
hold the series' lock. Source of the data model: OpenTelemetry specification, "Metrics Data Model"
and "Metrics SDK"; exemplars follow its default reservoirs.
"""

import math
import sys
from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from random import random
from threading import Lock
from typing import Any

from vario.sdk.cleaning import Attributes
from vario.sdk.faults import say_once

_NUMBERS = frozenset({int, float})
_LARGEST = sys.float_info.max

MOST_WAITING = 4_096
"""Measurements that wait in a series: 0.3 MB. Folding them takes about a millisecond."""

_MAX_SCALE = 20
_MAX_BUCKETS = 160
_EXPONENTIAL_EXEMPLARS = 20


class Series:
    """One instrument's measurements with one set of attributes.

    `at` of a measurement is the sampled span around it, or what else has its trace_id and
    span_id; None makes no exemplar.
    """

    __slots__ = (
        "_lock", "attributes", "exemplars", "instrument", "is_delta", "pending", "seen", "start_ns",
    )  # fmt: skip

    floor: float = -sys.float_info.max
    reservoir = 1

    def __init__(self, instrument: str, attributes: Attributes, start_ns: int, delta: bool) -> None:
        self.instrument = instrument
        self.attributes = attributes
        self.start_ns = start_ns
        self.is_delta = delta
        self.pending: deque[tuple[float, int, Any]] = deque()
        self.exemplars: dict[int, tuple[float, int, Any]] = {}
        self.seen = 0
        self._lock = Lock()

    def record(self, value: float, time_ns: int, at: Any) -> None:
        """Takes a measurement."""
        pending = self.pending
        pending.append((value, time_ns, at))
        if len(pending) > MOST_WAITING:
            self.fold()

    def fold(self) -> None:
        """Works off what waits."""
        with self._lock:
            self._fold()

    def collect(self, now_ns: int) -> Any:
        """Returns a point of what has been measured; None where there is nothing to tell."""
        with self._lock:
            self._fold()
            point = self._point(now_ns)
            self.exemplars = {}
            self.seen = 0
            if self.is_delta:
                self.start_ns = now_ns
                self._reset()
            return point

    def _fold(self) -> None:
        pop = self.pending.popleft
        for _ in range(len(self.pending)):
            self._add_guarded(pop())

    def _add_guarded(self, item: tuple[float, int, Any]) -> None:
        try:
            value = item[0]
            if self.floor <= value <= _LARGEST:
                self._add(value, item)
            else:
                self._refuse(value)
        except Exception:  # no number
            self._refuse(item[0])

    def _refuse(self, value: Any) -> None:
        least = "" if self.floor < 0 else " of at least 0"
        say_once(
            f"{self.instrument} takes finite numbers{least}; a {type(value).__name__} is left out"
        )

    def _sample(self, item: tuple[float, int, Any]) -> None:
        """Keeps a uniform sample of measurements as exemplars."""
        seen = self.seen
        self.seen = seen + 1
        if seen < self.reservoir:
            self.exemplars[seen] = item
        elif (place := int(random() * (seen + 1))) < self.reservoir:
            self.exemplars[place] = item

    def _add(self, value: Any, item: tuple[float, int, Any]) -> None:
        raise NotImplementedError

    def _point(self, now_ns: int) -> Any:
        raise NotImplementedError

    def _reset(self) -> None:
        raise NotImplementedError


class NumberPoint:
    """A number at a moment."""

    __slots__ = ("exemplars", "series", "start_ns", "time_ns", "value")

    def __init__(self, series: Series, value: float, start_ns: int, time_ns: int) -> None:
        self.series = series
        self.value = value
        self.start_ns = start_ns
        self.time_ns = time_ns
        self.exemplars = list(series.exemplars.values())


class SumSeries(Series):
    """A counter that may go down."""

    __slots__ = ("is_touched", "value")

    def __init__(self, instrument: str, attributes: Attributes, start_ns: int, delta: bool) -> None:
        super().__init__(instrument, attributes, start_ns, delta)
        self._reset()

    def _reset(self) -> None:
        self.value: float = 0
        self.is_touched = False

    def _fold(self) -> None:
        """Does as `Series._fold` with `_add`, without a call for each measurement."""
        pop, floor = self.pending.popleft, self.floor
        for _ in range(len(self.pending)):
            item = pop()
            value = item[0]
            if type(value) in _NUMBERS and floor <= value <= _LARGEST:
                self.value += value
                self.is_touched = True
                if item[2] is not None:
                    self.seen = seen = self.seen + 1
                    if seen == 1 or random() * seen < 1:
                        self.exemplars[0] = item
            else:
                self._add_guarded(item)

    def _add(self, value: Any, item: tuple[float, int, Any]) -> None:
        self.value += value
        self.is_touched = True
        if item[2] is not None:
            self._sample(item)

    def _point(self, now_ns: int) -> NumberPoint | None:
        if not self.is_touched:
            return None
        return NumberPoint(self, self.value, self.start_ns, now_ns)


class CounterSeries(SumSeries):
    """A counter that only goes up."""

    __slots__ = ()
    floor = 0.0


class GaugeSeries(Series):
    """The last value."""

    __slots__ = ("value",)

    def __init__(self, instrument: str, attributes: Attributes, start_ns: int, delta: bool) -> None:
        super().__init__(instrument, attributes, start_ns, delta)
        self._reset()

    def _reset(self) -> None:
        self.value: float | None = None

    def _add(self, value: Any, item: tuple[float, int, Any]) -> None:
        self.value = value + 0
        if item[2] is not None:
            self._sample(item)

    def _point(self, now_ns: int) -> NumberPoint | None:
        return None if self.value is None else NumberPoint(self, self.value, 0, now_ns)


class HistogramSeries(Series):
    """Counts of values in buckets with bounds of one's own; the last of each is its exemplar."""

    __slots__ = ("bounds", "counts", "least", "most", "total")

    floor = 0.0

    def __init__(
        self,
        instrument: str,
        attributes: Attributes,
        start_ns: int,
        delta: bool,
        bounds: Sequence[float] = (),
    ) -> None:
        super().__init__(instrument, attributes, start_ns, delta)
        self.bounds = bounds
        self._reset()

    def _reset(self) -> None:
        self.counts = [0] * (len(self.bounds) + 1)
        self.total: float = 0
        self.least, self.most = math.inf, -math.inf

    def _fold(self) -> None:
        """Does as `Series._fold` with `_add`; most of what a service measures comes by here."""
        pop, counts, bounds, exemplars = (
            self.pending.popleft, self.counts, self.bounds, self.exemplars,
        )  # fmt: skip
        total, least, most = self.total, self.least, self.most
        for _ in range(len(self.pending)):
            item = pop()
            value = item[0]
            if type(value) is not float or not 0 <= value < math.inf:
                self.total, self.least, self.most = total, least, most
                self._add_guarded(item)
                total, least, most = self.total, self.least, self.most
                continue
            place = bisect_left(bounds, value)
            counts[place] += 1
            total += value
            least = min(least, value)
            most = max(most, value)
            if item[2] is not None:
                exemplars[place] = item
        self.total, self.least, self.most = total, least, most

    def _add(self, value: Any, item: tuple[float, int, Any]) -> None:
        place = bisect_left(self.bounds, value)
        self.total += value
        self.counts[place] += 1
        self.least = min(self.least, value)
        self.most = max(self.most, value)
        if item[2] is not None:
            self.exemplars[place] = item

    def _point(self, now_ns: int) -> "HistogramPoint | None":
        if not any(self.counts):
            return None
        return HistogramPoint(self, now_ns)


class HistogramPoint:
    """A histogram at a moment."""

    __slots__ = (
        "bounds", "counts", "exemplars", "least", "most", "series", "start_ns", "time_ns", "total",
    )  # fmt: skip

    def __init__(self, series: HistogramSeries, now_ns: int) -> None:
        self.series = series
        self.bounds, self.counts = series.bounds, tuple(series.counts)
        self.total, self.least, self.most = series.total, series.least, series.most
        self.start_ns, self.time_ns = series.start_ns, now_ns
        self.exemplars = [item for _, item in sorted(series.exemplars.items())]


class ExponentialSeries(Series):
    """Counts of values in buckets whose bounds grow by a factor, as fine as 160 buckets allow."""

    __slots__ = ("buckets", "count", "least", "most", "scale", "total", "zeros")

    floor = 0.0
    reservoir = _EXPONENTIAL_EXEMPLARS

    def __init__(self, instrument: str, attributes: Attributes, start_ns: int, delta: bool) -> None:
        super().__init__(instrument, attributes, start_ns, delta)
        self._reset()

    def _reset(self) -> None:
        self.scale = _MAX_SCALE
        self.buckets: dict[int, int] = {}
        self.count = self.zeros = 0
        self.total: float = 0
        self.least, self.most = math.inf, -math.inf

    def _add(self, value: Any, item: tuple[float, int, Any]) -> None:
        if value:
            self._put(float(value))
        else:
            self.zeros += 1
        self.total += value
        self.count += 1
        self.least, self.most = min(self.least, value), max(self.most, value)
        if item[2] is not None and value:
            self._sample(item)

    def _put(self, value: float) -> None:
        index = bucket_index(value, self.scale)
        if index not in self.buckets and self.buckets:
            low, high = min(index, *self.buckets), max(index, *self.buckets)
            shift = 0
            while (high >> shift) - (low >> shift) >= _MAX_BUCKETS:
                shift += 1
            if shift:
                self._coarsen(shift)
                index = bucket_index(value, self.scale)
        self.buckets[index] = self.buckets.get(index, 0) + 1

    def _coarsen(self, shift: int) -> None:
        merged: dict[int, int] = {}
        for index, count in self.buckets.items():
            merged[index >> shift] = merged.get(index >> shift, 0) + count
        self.buckets = merged
        self.scale -= shift

    def _point(self, now_ns: int) -> "ExponentialPoint | None":
        if not self.count:
            return None
        return ExponentialPoint(self, now_ns)


class ExponentialPoint:
    """An exponential histogram at a moment; `counts` begin with the bucket `offset`."""

    __slots__ = (
        "count", "counts", "exemplars", "least", "most", "offset", "scale", "series", "start_ns",
        "time_ns", "total", "zeros",
    )  # fmt: skip

    negative_offset = 0
    negative: tuple[int, ...] = ()

    def __init__(self, series: ExponentialSeries, now_ns: int) -> None:
        self.series = series
        buckets = series.buckets
        self.offset = min(buckets, default=0)
        highest = max(buckets, default=-1)
        self.counts = tuple(buckets.get(i, 0) for i in range(self.offset, highest + 1))
        self.scale = series.scale if buckets else 0
        self.count, self.zeros, self.total = series.count, series.zeros, series.total
        self.least, self.most = series.least, series.most
        self.start_ns, self.time_ns = series.start_ns, now_ns
        self.exemplars = [item for _, item in sorted(series.exemplars.items())]


def bucket_index(value: float, scale: int) -> int:
    """Returns the bucket of a positive value: its bounds are base**index and base**(index + 1).

    The upper bound belongs to a bucket; base is 2 ** (2 ** -scale).
    Source: OpenTelemetry specification, "Exponential Histogram", mapping by logarithm above
    scale 0 and by the exponent below.
    """
    value = max(value, 2.2250738585072014e-308)  # below, numbers lose their precision
    fraction, exponent = math.frexp(value)  # value is fraction * 2 ** exponent, fraction >= 0.5
    if scale <= 0:
        return (exponent - 1 - (fraction == 0.5)) >> -scale
    if fraction == 0.5:
        return ((exponent - 1) << scale) - 1
    highest = (1024 << scale) - 1
    return min(math.floor(math.log(value) * math.ldexp(1.0 / math.log(2), scale)), highest)
