"""Functions over ranges of float samples, for all series and steps at once.

Each takes windows and returns values and where they are present. A fold walks the windows sample
by sample, all of them side by side, in the order in which Prometheus adds; sums are compensated
(Kahan and Neumaier) exactly as there, so results agree to the last bits.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from vario.query.promql.values import Floats, Ints, Mask
from vario.query.promql.windows import Ranges

Result = tuple[Floats, Mask]


def fold(ranges: Ranges, skip: int = 0) -> Iterator[tuple[Ints, Ints, int]]:
    """Yields (cells, samples, k): flat cell indices and the index of each one's k-th sample."""
    counts = np.ascontiguousarray(ranges.counts).ravel()
    first = np.ascontiguousarray(ranges.first).ravel()
    active = np.flatnonzero(counts > skip)
    for k in range(skip, int(counts.max(initial=0))):
        active = active[counts[active] > k]
        yield active, first[active] + k, k


def kahan_add(increment: Floats, total: Floats, compensation: Floats) -> tuple[Floats, Floats]:
    """Returns sum and compensation after adding `increment` (Neumaier's variant)."""
    result = total + increment
    larger = np.abs(total) >= np.abs(increment)
    correction = np.where(larger, (total - result) + increment, (increment - result) + total)
    correction = np.where(np.isinf(result), 0.0, compensation + correction)
    return result, correction


def rate(ranges: Ranges, *, counter: bool, per_second: bool) -> Result:
    """rate, increase (counter) and delta, extrapolated to the window's ends."""
    counts = ranges.counts
    present = counts >= 2
    pool_t, pool_v = _pools(ranges)
    head = np.where(present, ranges.first, 0)
    tail = np.where(present, ranges.last - 1, 0)
    first_v, last_v = pool_v[head], pool_v[tail]
    result = last_v - first_v
    if counter:
        result = with_resets(ranges, present, result)
    first_t, last_t = pool_t[head], pool_t[tail]
    to_start = (first_t - ranges.start_ms) / 1000
    to_end = (ranges.end_ms - last_t) / 1000
    sampled = (last_t - first_t) / 1000
    average = sampled / np.maximum(counts - 1, 1)
    threshold = average * 1.1
    to_start = np.where(to_start >= threshold, average / 2, to_start)
    if counter:
        rising = (result > 0) & (first_v >= 0)
        to_zero = np.where(rising, sampled * (first_v / np.where(rising, result, 1.0)), to_start)
        to_start = np.where(to_zero < to_start, to_zero, to_start)
    to_end = np.where(to_end >= threshold, average / 2, to_end)
    factor = (sampled + to_start + to_end) / np.where(present, sampled, 1.0)
    if per_second:
        factor = factor / (ranges.range_ms / 1000)
    return result * factor, present


def with_resets(ranges: Ranges, present: Mask, change: Floats) -> Floats:
    """Returns each window's change with what it lost to counter resets added, one by one."""
    values = ranges.samples.values
    if len(values) < 2:
        return change
    falls = np.concatenate(([False], values[1:] < values[:-1]))
    before = np.concatenate(([0], np.cumsum(falls)))
    head = np.where(present, ranges.first + 1, 0)
    tail = np.where(present, ranges.last, 0)
    number = before[tail] - before[head]
    where = np.flatnonzero(falls)
    lost = np.concatenate((values[where - 1], [0.0]))
    start = before[head]
    for k in range(int(number.max(initial=0))):
        more = number > k
        change = np.where(more, change + lost[np.where(more, start + k, -1)], change)
    return change


def _pools(ranges: Ranges) -> tuple[Ints, Floats]:
    """Returns times and values that are safe to index with 0."""
    if len(ranges.samples.values):
        return ranges.samples.ts_ms, ranges.samples.values
    return np.zeros(1, dtype=np.int64), np.zeros(1)


def instant_change(ranges: Ranges, *, counter: bool) -> Result:
    """Irate (counter) and idelta: from the last two samples."""
    present = ranges.counts >= 2
    pool_t, pool_v = _pools(ranges)
    tail = np.where(present, ranges.last - 1, 0)
    previous = np.where(present, ranges.last - 2, 0)
    interval = pool_t[tail] - pool_t[previous]
    present = present & (interval != 0)
    result = pool_v[tail] - pool_v[previous]
    if counter:
        result = np.where(pool_v[tail] < pool_v[previous], pool_v[tail], result)
        result = result / (np.where(interval == 0, 1000, interval) / 1000)
    return result, present


def sum_over(ranges: Ranges) -> Result:
    """sum_over_time."""
    total, compensation = np.zeros(ranges.first.size), np.zeros(ranges.first.size)
    for cells, at, _ in fold(ranges):
        total[cells], compensation[cells] = kahan_add(
            ranges.samples.values[at], total[cells], compensation[cells]
        )
    result = np.where(np.isinf(total), total, total + compensation)
    return result.reshape(ranges.first.shape), ranges.counts > 0


def avg_over(ranges: Ranges) -> Result:
    """avg_over_time: a direct mean, an incremental one from where the sum would overflow."""
    mean = RunningMean(ranges.first.size)
    for cells, at, k in fold(ranges):
        mean.add(cells, ranges.samples.values[at], float(k + 1))
    result = mean.result(np.maximum(ranges.counts.ravel(), 1).astype(np.float64))
    return result.reshape(ranges.first.shape), ranges.counts > 0


class RunningMean:
    """Means of many cells side by side (avg and avg_over_time)."""

    def __init__(self, cells: int) -> None:
        self.total = np.zeros(cells)
        self.compensation = np.zeros(cells)
        self.mean = np.zeros(cells)
        self.incremental = np.zeros(cells, dtype=np.bool_)

    def add(self, cells: Ints, values: Floats, count: "float | Floats") -> None:
        """Adds the `count`-th value of each of the given cells."""
        n = np.broadcast_to(np.asarray(count, dtype=np.float64), values.shape)
        total, compensation = self.total[cells], self.compensation[cells]
        first = n == 1
        added, corrected = kahan_add(values, total, compensation)
        added = np.where(first, values, added)
        corrected = np.where(first, 0.0, corrected)
        was = self.incremental[cells]
        turning = ~was & ~first & np.isinf(added)
        plain = ~was & ~turning
        self.total[cells] = np.where(plain, added, total)
        before = np.maximum(n - 1, 1.0)
        mean = np.where(turning, total / before, self.mean[cells])
        compensation = np.where(turning, compensation / before, compensation)
        ratio = (n - 1) / n
        moved, drift = kahan_add(values / n, ratio * mean, ratio * compensation)
        self.mean[cells] = np.where(plain, mean, moved)
        self.compensation[cells] = np.where(plain, corrected, drift)
        self.incremental[cells] = was | turning

    def result(self, counts: Floats) -> Floats:
        """Returns the mean of every cell, given how many values each got."""
        direct = self.total / counts + self.compensation / counts
        return np.where(self.incremental, self.mean + self.compensation, direct)


def count_over(ranges: Ranges) -> Result:
    """count_over_time, of floats and histograms together."""
    counts = ranges.counts + ranges.h_counts
    return counts.astype(np.float64), counts > 0


def present_over(ranges: Ranges) -> Result:
    """present_over_time."""
    present = (ranges.counts + ranges.h_counts) > 0
    return np.ones(present.shape), present


def extreme(
    better: Callable[[Floats, Floats], Mask], *, timestamp: bool = False
) -> Callable[[Ranges], Result]:
    """Makes min/max_over_time and ts_of_min/max_over_time.

    Args:
        better: tells which new values replace the best so far; NaN is always replaced.
        timestamp: return the time of the value rather than the value.
    """

    def function(ranges: Ranges) -> Result:
        best, when = np.zeros(ranges.first.size), np.zeros(ranges.first.size)
        for cells, at, k in fold(ranges):
            value, time = ranges.samples.values[at], ranges.samples.ts_ms[at] / 1000
            if k == 0:
                best[cells], when[cells] = value, time
            old = best[cells]
            wins = better(value, old) | np.isnan(old)
            best[cells] = np.where(wins, value, old)
            when[cells] = np.where(wins, time, when[cells])
        result = when if timestamp else best
        return result.reshape(ranges.first.shape), ranges.counts > 0

    return function


def variance(ranges: Ranges) -> Result:
    """stdvar_over_time (Welford's method, compensated)."""
    size = ranges.first.size
    mean, c_mean, aux, c_aux = np.zeros(size), np.zeros(size), np.zeros(size), np.zeros(size)
    for cells, at, k in fold(ranges):
        value = ranges.samples.values[at]
        delta = value - (mean[cells] + c_mean[cells])
        mean[cells], c_mean[cells] = kahan_add(delta / (k + 1), mean[cells], c_mean[cells])
        step = delta * (value - (mean[cells] + c_mean[cells]))
        aux[cells], c_aux[cells] = kahan_add(step, aux[cells], c_aux[cells])
    counts = np.maximum(ranges.counts, 1)
    return (aux + c_aux).reshape(counts.shape) / counts, ranges.counts > 0


def deviation(ranges: Ranges) -> Result:
    """stddev_over_time."""
    values, present = variance(ranges)
    return np.sqrt(values), present


def quantiles_of_windows(ranges: Ranges, quantile: Floats) -> Result:
    """quantile_over_time; `quantile` has one value a step."""
    return _by_window(ranges, lambda values, step: sorted_quantile(quantile[step], values))


def median_deviation(ranges: Ranges) -> Result:
    """mad_over_time: the median of distances to the median."""

    def function(values: Floats, _: int) -> float:
        if np.isnan(values).any():
            return float("nan")
        middle = sorted_quantile(0.5, np.sort(values))
        return sorted_quantile(0.5, np.sort(np.abs(values - middle)))

    return _by_window(ranges, function)


def _by_window(ranges: Ranges, function: Callable[[Floats, int], float]) -> Result:
    present = ranges.counts > 0
    result = np.zeros(present.shape)
    for row, step in ranges.cells(present):
        _, values = ranges.floats_at(row, step)
        result[row, step] = function(np.sort(values), step)
    return result, present


def sorted_quantile(quantile: float, values: Floats) -> float:
    """Returns a quantile of values that are sorted with NaN at the end; NaN counts as lowest."""
    count = len(values)
    if count == 0 or math.isnan(quantile):
        return float("nan")
    if quantile < 0:
        return float("-inf")
    if quantile > 1:
        return float("inf")
    rank = quantile * (count - 1)
    lower = max(0, int(np.floor(rank)))
    upper = min(count - 1, lower + 1)
    weight = rank - np.floor(rank)
    nans = int(np.isnan(values).sum())
    low, high = (float("nan") if i < nans else values[i - nans] for i in (lower, upper))
    return float(low * (1 - weight) + high * weight)


@dataclass(frozen=True, slots=True)
class Regression:
    """Least squares of each window; `present` where there are two samples."""

    slope: Floats
    intercept: Floats
    present: Mask


def regress(ranges: Ranges, origin_ms: Ints) -> Regression:
    """Returns the straight line through each window's samples.

    Args:
        ranges: the windows.
        origin_ms: shape (n, steps) or broadcastable; the time at which the intercept is taken.
    """
    shape = ranges.first.shape
    size = ranges.first.size
    origin = np.broadcast_to(origin_ms, shape).ravel()
    sums = np.zeros((4, size))
    drift = np.zeros((4, size))
    constant = np.ones(size, dtype=np.bool_)
    pool = _pools(ranges)[1]
    initial = pool[np.where(ranges.counts > 0, ranges.first, 0)].ravel()
    for cells, at, _ in fold(ranges):
        y = ranges.samples.values[at]
        x = (ranges.samples.ts_ms[at] - origin[cells]) / 1e3
        constant[cells] &= y == initial[cells]
        for i, term in enumerate((x, y, x * y, x * x)):
            sums[i, cells], drift[i, cells] = kahan_add(term, sums[i, cells], drift[i, cells])
    sum_x, sum_y, sum_xy, sum_x2 = sums + drift
    n = np.maximum(ranges.counts.ravel(), 1)
    slope = (sum_xy - sum_x * sum_y / n) / (sum_x2 - sum_x * sum_x / n)
    intercept = sum_y / n - slope * sum_x / n
    flat = np.where(np.isinf(initial), np.nan, 0.0)
    slope = np.where(constant, flat, slope)
    intercept = np.where(constant, np.where(np.isinf(initial), np.nan, initial), intercept)
    present = ranges.counts >= 2
    return Regression(slope.reshape(shape), intercept.reshape(shape), present)


def first_times(ranges: Ranges) -> Ints:
    """Returns the time of each window's first float sample, 0 where there is none."""
    pool = _pools(ranges)[0]
    return pool[np.where(ranges.counts > 0, ranges.first, 0)]


def smoothing(ranges: Ranges, factor: Floats, trend: Floats) -> Result:
    """double_exponential_smoothing; both factors have one value a step."""
    shape = ranges.first.shape
    alpha = np.broadcast_to(factor, shape).ravel()
    beta = np.broadcast_to(trend, shape).ravel()
    size = ranges.first.size
    s0, s1, b = np.zeros(size), np.zeros(size), np.zeros(size)
    for cells, at, k in fold(ranges):
        value = ranges.samples.values[at]
        if k == 0:
            s1[cells] = value
            continue
        if k == 1:
            b[cells] = value - s1[cells]
        else:
            b[cells] = beta[cells] * (s1[cells] - s0[cells]) + (1 - beta[cells]) * b[cells]
        x = alpha[cells] * value
        y = (1 - alpha[cells]) * (s1[cells] + b[cells])
        s0[cells], s1[cells] = s1[cells], x + y
    return s1.reshape(shape), ranges.counts >= 2


def differs(before: float, after: float) -> bool:
    """Returns whether one value changed; NaN equals NaN."""
    return before != after and not (math.isnan(before) and math.isnan(after))


def count_steps(
    happens: Callable[[Floats, Floats], Mask],
) -> Callable[[Ranges], Result]:
    """Makes resets and changes: how often neighbouring samples are so."""

    def function(ranges: Ranges) -> Result:
        values = ranges.samples.values
        present = ranges.counts > 0
        if len(values) < 2:
            return np.zeros(present.shape), present
        hits = np.concatenate(([0, 0], np.cumsum(happens(values[:-1], values[1:]))))
        head = np.where(present, ranges.first + 1, 0)
        tail = np.where(present, ranges.last, 0)
        return (hits[tail] - hits[head]).astype(np.float64), present

    return function


def is_reset(before: Floats, after: Floats) -> Mask:
    """Returns where a counter fell."""
    return after < before


def is_change(before: Floats, after: Floats) -> Mask:
    """Returns where a value changed; NaN equals NaN."""
    return (before != after) & ~(np.isnan(before) & np.isnan(after))
