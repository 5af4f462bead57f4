"""Sketches of features: histograms of numbers of either sign, which merge exactly.

Bounds grow by a factor, as in OpenTelemetry's exponential histograms, as fine as `MOST_BUCKETS`
buckets of each sign allow. A value is then known to within half a bucket: with the numbers of a
feature spread over a factor of 100, that is 1%; over a factor of a billion, 5%.

Many values at once go through NumPy, if the service has loaded it; the SDK itself does not.
"""

import math
import sys
from collections import Counter
from collections.abc import Sequence
from math import ceil, log2
from typing import Any

from vario.sdk.cleaning import Attributes
from vario.sdk.series import Series

MOST_BUCKETS = 320
FINEST_SCALE = 7
"""Bounds 0.5% apart: finer ones would only divide what is one value to a model."""

_ENOUGH_FOR_NUMPY = 64


class SketchSeries(Series):
    """Values of one feature: counts in buckets of either sign, zeros, and extremes.

    At most `2 * MOST_BUCKETS` counts, about 20 kB, however many values were seen.
    """

    __slots__ = ("count", "least", "most", "negative", "positive", "scale", "total", "zeros")

    def __init__(self, instrument: str, attributes: Attributes, start_ns: int, delta: bool) -> None:
        super().__init__(instrument, attributes, start_ns, delta)
        self._reset()

    def _reset(self) -> None:
        self.scale = FINEST_SCALE
        self.positive: dict[int, int] = {}
        self.negative: dict[int, int] = {}
        self.count = self.zeros = 0
        self.total = 0.0
        self.least, self.most = math.inf, -math.inf

    def add_values(self, values: Sequence[float]) -> None:
        """Takes finite floats."""
        if not len(values):
            return
        with self._lock:
            numpy = sys.modules.get("numpy")
            if numpy is not None and len(values) >= _ENOUGH_FOR_NUMPY:
                self._add_array(numpy, numpy.asarray(values))
                return
            self.count += len(values)
            self.total += sum(map(float, values))
            self.least = min(self.least, *values)
            self.most = max(self.most, *values)
            positive = [value for value in values if value > 0]
            negative = [-value for value in values if value < 0]
            self.zeros += len(values) - len(positive) - len(negative)
            self._put_list(self.positive, positive)
            self._put_list(self.negative, negative)

    def _put_list(self, buckets: dict[int, int], magnitudes: Sequence[float]) -> None:
        scale = self.scale
        factor = math.ldexp(1.0, scale)
        # Bucket i holds (base^i, base^(i + 1)], so that the upper bound is in it.
        indices = Counter([ceil(log2(value) * factor) for value in magnitudes])
        for index, count in indices.items():
            self._put(buckets, (index - 1) >> (scale - self.scale), count)

    def _add_array(self, numpy: Any, values: Any) -> None:
        if values.dtype.kind != "f":  # the least integer has no negative
            values = values.astype(numpy.float64)
        least, most = float(values.min()), float(values.max())
        self.count += len(values)
        with numpy.errstate(over="ignore"):
            self.total += float(values.sum(dtype=numpy.float64))
        self.least = min(self.least, least)
        self.most = max(self.most, most)
        if least > 0:
            self._put_array(numpy, self.positive, values)
            return
        self.zeros += int(len(values) - numpy.count_nonzero(values))
        self._put_array(numpy, self.positive, values[values > 0])
        self._put_array(numpy, self.negative, -values[values < 0])

    def _put_array(self, numpy: Any, buckets: dict[int, int], magnitudes: Any) -> None:
        if not len(magnitudes):
            return
        exact = numpy.log2(magnitudes) * float(2.0**self.scale)
        indices = numpy.ceil(exact, out=exact).astype(numpy.int64)
        low = int(indices.min())
        counts = numpy.bincount(indices - low) if indices.max() - low < 1 << 16 else None
        if counts is None:
            found, many = numpy.unique(indices, return_counts=True)
        else:
            found = numpy.flatnonzero(counts)
            many = counts[found]
            found = found + low
        places = (found - 1).tolist()
        scale, known = self.scale, buckets.get
        self._fit(buckets, places[0], places[-1])
        shift = scale - self.scale
        for index, count in zip(places, many.tolist(), strict=True):
            place = index >> shift
            buckets[place] = known(place, 0) + count

    def _fit(self, buckets: dict[int, int], low: int, high: int) -> None:
        """Coarsens all buckets until these and others from `low` to `high` are few enough."""
        if buckets:
            low, high = min(low, *buckets), max(high, *buckets)
        shift = 0
        while (high >> shift) - (low >> shift) >= MOST_BUCKETS:
            shift += 1
        if shift:
            self._coarsen(shift)

    def _put(self, buckets: dict[int, int], index: int, count: int) -> None:
        if index not in buckets and buckets:
            scale = self.scale
            self._fit(buckets, index, index)
            index >>= scale - self.scale
        buckets[index] = buckets.get(index, 0) + count

    def _coarsen(self, shift: int) -> None:
        for buckets in (self.positive, self.negative):
            merged: dict[int, int] = {}
            for index, count in buckets.items():
                merged[index >> shift] = merged.get(index >> shift, 0) + count
            buckets.clear()
            buckets.update(merged)
        self.scale -= shift

    def _point(self, now_ns: int) -> "SketchPoint | None":
        return SketchPoint(self, now_ns) if self.count else None


class SketchPoint:
    """A sketch at a moment; the runs of counts begin with the buckets `*_offset`."""

    __slots__ = (
        "count", "counts", "exemplars", "least", "most", "negative", "negative_offset", "offset",
        "scale", "series", "start_ns", "time_ns", "total", "zeros",
    )  # fmt: skip

    def __init__(self, series: SketchSeries, now_ns: int) -> None:
        self.series = series
        self.offset, self.counts = _run(series.positive)
        self.negative_offset, self.negative = _run(series.negative)
        self.scale = series.scale
        self.count, self.zeros, self.total = series.count, series.zeros, series.total
        self.least, self.most = series.least, series.most
        self.start_ns, self.time_ns = series.start_ns, now_ns
        self.exemplars: list[Any] = []


def _run(buckets: dict[int, int]) -> tuple[int, tuple[int, ...]]:
    """Returns the first bucket and the counts from there on."""
    if not buckets:
        return 0, ()
    low, high = min(buckets), max(buckets)
    return low, tuple(buckets.get(i, 0) for i in range(low, high + 1))
