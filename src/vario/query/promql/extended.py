"""Anchored and smoothed ranges (experimental): values at the very edges of a window."""

from dataclasses import replace
from itertools import pairwise

import numpy as np

from vario.query.promql.nodes import VectorSelector
from vario.query.promql.range_functions import with_resets
from vario.query.promql.selectors import Selectors
from vario.query.promql.values import Floats, Ints, Mask, Steps, Vector
from vario.query.promql.windows import Ranges, drop_stale, first_after, is_stale

ANCHORED_FUNCTIONS = frozenset(("resets", "changes", "rate", "increase", "delta"))
SMOOTHED_FUNCTIONS = frozenset(("rate", "increase", "delta"))


class Extended:
    """Evaluates a function over windows that also hold samples before (and after) their edges.

    An anchored window begins with the newest sample at or before its start; a smoothed one has
    values interpolated at both edges.
    """

    def __init__(self, ranges: Ranges, name: str, smoothed: bool) -> None:
        self.ranges = ranges
        self.name = name
        self.smoothed = smoothed
        self.counter = name in ("rate", "increase")

    def run(self) -> tuple[Floats, Mask]:
        """Returns values and where they are present, shape (n, steps)."""
        if not self.smoothed:
            return self._anchored()
        shape = self.ranges.first.shape
        values, present = np.zeros(shape), np.zeros(shape, dtype=np.bool_)
        for row, step in self.ranges.cells(self.ranges.counts > 0):
            times, samples = self.ranges.floats_at(row, step)
            start = int(self.ranges.start_ms[step])
            end = int(self.ranges.end_ms[step])
            value = self._window(times.tolist(), samples.tolist(), start, end)
            if value is not None:
                values[row, step], present[row, step] = value, True
        return values, present

    def _anchored(self) -> tuple[Floats, Mask]:
        """Returns what lies between the newest samples at both edges, of all windows at once."""
        windows = anchored_windows(self.ranges)
        present, pool = windows.counts > 0, windows.samples.values
        values = np.zeros(present.shape)
        values[present] = pool[windows.last[present] - 1] - pool[windows.first[present]]
        if self.counter:
            values = with_resets(windows, present, values)
        return values / (windows.range_ms / 1000) if self.name == "rate" else values, present

    def _window(self, times: list[int], values: list[float], start: int, end: int) -> float | None:
        last = len(times) - 1
        first = max(0, sum(t <= start for t in times[:last]) - 1)
        if times[first] > end:
            return None
        last = sum(t < end for t in times[:last])
        if times[last] <= start:
            return None
        left, right = values[first], values[last]
        if times[first] < start:
            left = self._between(times, values, first, start)
        if last > 0 and times[last] > end:
            right = self._between(times, values, last - 1, end)
        result = right - left
        if self.counter:
            inner = slice(first + (times[first] <= start), last + 1 - (times[last] >= end))
            result += _lost([left, *values[inner], right])
        return result / (self.ranges.range_ms / 1000) if self.name == "rate" else result

    def _between(self, times: list[int], values: list[float], index: int, at: int) -> float:
        """Returns the value at a time between sample `index` and the next."""
        before, after = values[index], values[index + 1]
        if self.counter and after < before:
            before = 0.0
        share = (at - times[index]) / (times[index + 1] - times[index])
        return before + (after - before) * share


def anchored_windows(ranges: Ranges) -> Ranges:
    """Returns windows that begin with the newest sample at or before their start.

    Those without a sample after their start become empty.

    Args:
        ranges: windows that reach back before their start.
    """
    if ranges.h_first is None or ranges.h_last is None:
        return replace(ranges, first=_first_of_floats(ranges))
    first, h_first = np.array(ranges.first), np.array(ranges.h_first)
    empty = np.ones(first.shape, dtype=np.bool_)
    for row, step in ranges.cells((ranges.counts + ranges.h_counts) > 0):
        start = ranges.start_ms[step]
        times, h_times = ranges.floats_at(row, step)[0], ranges.histograms_at(row, step)[0]
        before, h_before = (int(np.searchsorted(t, start, side="right")) for t in (times, h_times))
        empty[row, step] = before == len(times) and h_before == len(h_times)
        is_float = before > 0 and (h_before == 0 or times[before - 1] > h_times[h_before - 1])
        first[row, step] += before - is_float
        h_first[row, step] += h_before - (h_before > 0 and not is_float)
    first = np.where(empty, ranges.last, first)
    return replace(ranges, first=first, h_first=np.where(empty, ranges.h_last, h_first))


def _first_of_floats(ranges: Ranges) -> Ints:
    """Returns where windows begin that hold floats alone; at their end where they are empty."""
    block, start_ms = ranges.samples, ranges.start_ms
    if not len(block.ts_ms):
        return ranges.last
    step_ms = int(start_ms[1] - start_ms[0]) if len(start_ms) > 1 else 1
    starts = Steps(int(start_ms[0]), step_ms, len(start_ms))
    newest = first_after(block.offsets, block.ts_ms, starts) - 1
    is_used = (ranges.counts > 0) & (block.ts_ms[ranges.last - 1] > start_ms)
    return np.where(is_used, np.maximum(newest, ranges.first), ranges.last)


def _lost(values: list[float]) -> float:
    """Returns what a counter lost to resets along a row of values."""
    return sum(before for before, after in pairwise(values) if after < before)


def smoothed_instant(selectors: Selectors, node: VectorSelector, steps: Steps) -> Vector:
    """Returns series interpolated at each step between the samples around it."""
    at = selectors.at_times(node, steps)
    lookback = selectors.context.lookback_ms
    span = (node.matchers, at.start_ms - lookback, at.end_ms + lookback)
    found = selectors.find(*span)
    block = drop_stale(selectors.samples(*span))
    shape = (len(found.labels), steps.count)
    values, present = np.zeros(shape), np.zeros(shape, dtype=np.bool_)
    moments = np.broadcast_to(at.times(), (steps.count,))
    for row in range(shape[0]):
        window = slice(int(block.offsets[row]), int(block.offsets[row + 1]))
        times, samples = block.ts_ms[window], block.values[window]
        for step, moment in enumerate(moments.tolist()):
            near = (times > moment - lookback) & (times <= moment + lookback)
            value = _interpolated(times[near], samples[near], moment)
            if value is not None:
                values[row, step], present[row, step] = value, True
    return Vector(found.labels, values, present).without_empty()


def _interpolated(
    times: "np.ndarray[tuple[int], np.dtype[np.int64]]", values: Floats, at: int
) -> float | None:
    index = int(np.searchsorted(times, at, side="left"))
    if index < len(times) and times[index] == at:
        return float(values[index])
    if index == 0:
        return None
    if index == len(times):
        return float(values[index - 1])
    before, after = values[index - 1], values[index]
    share = (at - times[index - 1]) / (times[index] - times[index - 1])
    return float(before + (after - before) * share)


__all__ = [
    "ANCHORED_FUNCTIONS",
    "SMOOTHED_FUNCTIONS",
    "Extended",
    "anchored_windows",
    "is_stale",
    "smoothed_instant",
]
