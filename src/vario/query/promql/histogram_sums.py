"""Sums and means of many native histograms, compensated for rounding (Kahan and Neumaier)."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from vario.query.promql.histogram import Buckets, Histogram, IncompatibleSchemas
from vario.query.promql.histogram_math import (
    Combined,
    add,
    combined_hint,
    first_index_above,
    map_to_bounds,
    reconcile_zero_buckets,
    zero_count_up_to,
)

Counts = NDArray[np.float64]


class CompensatedSum:
    """A running sum of histograms; `drift` holds what rounding took from each of its numbers.

    Attributes:
        reconciled: whether custom bounds ever differed.
    """

    def __init__(self, first: Histogram) -> None:
        self.total = first
        self.drift = _zeros_like(first)
        self.reconciled = False

    def add(self, value: Histogram) -> None:
        """Adds a histogram.

        Raises:
            IncompatibleSchemas: it has custom buckets and the sum has not, or the other way round.
        """
        if value.custom != self.total.custom:
            raise IncompatibleSchemas
        hint, _ = combined_hint(self.total.hint, value.hint)
        total, drift, value = self._aligned(value)
        plain, plain_drift = neumaier(_plain(total), _plain(drift), _plain(value))
        positive, positive_drift = _add_runs(total.positive, drift.positive, value.positive)
        negative, negative_drift = _add_runs(total.negative, drift.negative, value.negative)
        self.total = replace(
            _with_plain(total, plain), positive=positive, negative=negative, hint=hint
        )
        self.drift = replace(
            _with_plain(drift, plain_drift), positive=positive_drift, negative=negative_drift
        )

    def _aligned(self, value: Histogram) -> tuple[Histogram, Histogram, Histogram]:
        """Returns sum, drift and value in one layout of buckets."""
        total, drift = self.total, self.drift
        if total.custom:
            if total.bounds == value.bounds:
                return total, drift, value
            self.reconciled = True
            bounds = tuple(sorted(set(total.bounds) & set(value.bounds)))
            return (_mapped(total, bounds), _mapped(drift, bounds), _mapped(value, bounds))
        widened, zero_count = reconcile_zero_buckets(total, value)
        schema = min(widened.schema, value.schema)
        first = first_index_above(widened.zero_threshold, schema)
        drift_zero = drift.zero_count
        if widened.zero_threshold != total.zero_threshold:
            drift_zero, _ = zero_count_up_to(drift, widened.zero_threshold)
        total = widened.at_schema(schema)
        value = _from_index(replace(value.at_schema(schema), zero_count=zero_count), first)
        drift = _from_index(replace(drift.at_schema(schema), zero_count=drift_zero), first)
        return total, replace(drift, zero_threshold=total.zero_threshold), value

    def scale(self, factor: float) -> None:
        """Multiplies the sum."""
        self.total, self.drift = self.total.scaled(factor), self.drift.scaled(factor)

    def divide(self, divisor: float) -> None:
        """Divides the sum."""
        self.total, self.drift = self.total.divided(divisor), self.drift.divided(divisor)

    def result(self) -> Histogram:
        """Returns the sum with its drift put back."""
        return replace(add(self.total, self.drift).value, hint=self.total.hint)

    def overflows(self) -> bool:
        """Returns whether a number of the sum is infinite."""
        runs = (self.total.positive.counts, self.total.negative.counts)
        return any(map(math.isinf, _plain(self.total).tolist())) or any(
            bool(np.isinf(run).any()) for run in runs
        )


def neumaier(total: Counts, drift: Counts, value: Counts) -> tuple[Counts, Counts]:
    """Returns sums and their drifts after adding values."""
    result = total + value
    larger = np.abs(total) >= np.abs(value)
    correction = np.where(larger, (total - result) + value, (value - result) + total)
    return result, np.where(np.isinf(result), 0.0, drift + correction)


def _plain(h: Histogram) -> Counts:
    return np.array((h.zero_count, h.count, h.sum))


def _with_plain(h: Histogram, plain: Counts) -> Histogram:
    zero_count, count, total = plain.tolist()
    return replace(h, zero_count=zero_count, count=count, sum=total)


def _zeros_like(h: Histogram) -> Histogram:
    return replace(
        h,
        zero_count=0.0,
        count=0.0,
        sum=0.0,
        positive=Buckets(h.positive.offset, np.zeros(len(h.positive))),
        negative=Buckets(h.negative.offset, np.zeros(len(h.negative))),
    )


def _mapped(h: Histogram, bounds: tuple[float, ...]) -> Histogram:
    return replace(h, bounds=bounds, positive=Buckets(0, map_to_bounds(h, bounds)))


def _from_index(h: Histogram, first: int) -> Histogram:
    return replace(h, positive=h.positive.from_index(first), negative=h.negative.from_index(first))


def _add_runs(total: Buckets, drift: Buckets, value: Buckets) -> tuple[Buckets, Buckets]:
    runs = [run for run in (total, drift, value) if len(run)]
    if not runs:
        return total, drift
    start = min(run.offset for run in runs)
    end = max(run.offset + len(run) for run in runs)

    def spread(run: Buckets) -> Counts:
        counts = np.zeros(end - start)
        if len(run):
            counts[run.offset - start : run.offset - start + len(run)] = run.counts
        return counts

    counts, rest = neumaier(spread(total), spread(drift), spread(value))
    return Buckets(start, counts), Buckets(start, rest)


def total_of(histograms: Sequence[Histogram]) -> Combined:
    """Returns the sum of histograms.

    Raises:
        IncompatibleSchemas: some have custom buckets and some have not.
    """
    running = CompensatedSum(histograms[0])
    for histogram in histograms[1:]:
        running.add(histogram)
    return Combined(running.result(), False, running.reconciled)


def mean_of(histograms: Sequence[Histogram]) -> Combined:
    """Returns the mean of histograms; raises as `total_of`.

    A sum is kept and divided at the end; from where it would overflow on, the mean is moved
    instead, histogram by histogram.
    """
    running = CompensatedSum(histograms[0])
    moving = False
    for count, histogram in enumerate(histograms[1:], start=2):
        if not moving:
            before = (running.total, running.drift)
            running.add(histogram)
            if not running.overflows():
                continue
            moving = True
            running.total, running.drift = before
            running.divide(float(count - 1))
        running.scale((count - 1) / count)
        running.add(histogram.divided(float(count)))
    if not moving:
        running.divide(float(len(histograms)))
    return Combined(running.result(), False, running.reconciled)
