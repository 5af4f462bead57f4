"""Functions over ranges that hold native histograms, window by window."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from vario.query.promql.annotations import Annotations
from vario.query.promql.histogram import Histogram, IncompatibleSchemas, ResetHint
from vario.query.promql.histogram_math import Combined, add, detect_reset, subtract
from vario.query.promql.histogram_sums import mean_of, total_of
from vario.query.promql.lexer import Position
from vario.query.promql.matching import get_label
from vario.query.promql.values import Floats, Hists, Mask, empty_hists
from vario.query.promql.windows import Ranges

Summary = Callable[[Sequence[Histogram], "Place"], Histogram | None]


class Place:
    """Where annotations of one series go."""

    def __init__(self, metric: str, position: Position, notes: Annotations) -> None:
        self.metric = metric
        self.position = position
        self.notes = notes

    def note_combination(self, combined: Combined, operation: str) -> Histogram:
        """Returns the result of an addition or subtraction, noting reconciled bounds."""
        if combined.bounds_reconciled:
            self.notes.reconciled_bounds(operation, self.position)
        return combined.value


def place_of(ranges: Ranges, row: int, notes: Annotations) -> Place:
    """Returns where annotations about one series of a range go."""
    return Place(get_label(ranges.labels[row], "__name__"), ranges.position, notes)


def over_histograms(ranges: Ranges, notes: Annotations, summarise: Summary, least: int) -> Hists:
    """Applies a summary to every window that holds histograms alone, at least `least` of them."""
    result = empty_hists(ranges.first.shape)
    for row, step in ranges.cells((ranges.h_counts >= least) & (ranges.counts == 0)):
        _, histograms = ranges.histograms_at(row, step)
        result[row, step] = summarise(histograms, place_of(ranges, row, notes))
    return result


def warn_mixed(ranges: Ranges, notes: Annotations) -> Mask:
    """Warns of windows that hold floats and histograms; returns which they are."""
    mixed = (ranges.counts > 0) & (ranges.h_counts > 0)
    for row in np.flatnonzero(mixed.any(axis=1)):
        name = get_label(ranges.labels[row], "__name__")
        notes.mixed_floats_histograms(name, ranges.position)
    return mixed


def inform_ignored(ranges: Ranges, notes: Annotations, least: int = 1) -> None:
    """Notes that histograms beside at least `least` floats are ignored."""
    mixed = (ranges.counts >= least) & (ranges.h_counts > 0)
    for row in np.flatnonzero(mixed.any(axis=1)):
        notes.ignored_in_range(get_label(ranges.labels[row], "__name__"), ranges.position)


# rate, increase, delta


def rate_histograms(
    ranges: Ranges, notes: Annotations, *, counter: bool, per_second: bool
) -> Hists:
    """rate, increase (counter) and delta of histograms, extrapolated as floats are."""
    result = empty_hists(ranges.first.shape)
    for row, step in ranges.cells((ranges.h_counts >= 2) & (ranges.counts == 0)):
        times, histograms = ranges.histograms_at(row, step)
        place = place_of(ranges, row, notes)
        try:
            change = _total_change(histograms, place, counter=counter)
        except IncompatibleSchemas:
            notes.mixed_schemas(place.metric, place.position)
            continue
        factor = _extrapolation(
            int(times[0]) - int(ranges.start_ms[step]),
            int(ranges.end_ms[step]) - int(times[-1]),
            int(times[-1]) - int(times[0]),
            len(times),
            (histograms[0].count, change.count) if counter else None,
        )
        if per_second:
            factor /= ranges.range_ms / 1000
        result[row, step] = change.scaled(factor)
    return result


def _extrapolation(
    to_start_ms: int,
    to_end_ms: int,
    sampled_ms: int,
    samples: int,
    first_and_change: tuple[float, float] | None,
) -> float:
    to_start, to_end, sampled = to_start_ms / 1000, to_end_ms / 1000, sampled_ms / 1000
    average = sampled / (samples - 1)
    threshold = average * 1.1
    if to_start >= threshold:
        to_start = average / 2
    if first_and_change is not None:
        first, change = first_and_change
        if change > 0 and first >= 0:
            to_start = min(to_start, sampled * (first / change))
    if to_end >= threshold:
        to_end = average / 2
    return (sampled + to_start + to_end) / sampled


def _total_change(points: Sequence[Histogram], place: Place, *, counter: bool) -> Histogram:
    first, last = points[0], points[-1]
    gauges = [h.hint == ResetHint.GAUGE for h in points]
    if counter and any(gauges):
        place.notes.not_a_counter(place.metric, place.position)
    if not counter and not (gauges[0] and gauges[-1]):
        place.notes.not_a_gauge(place.metric, place.position)
    if counter and detect_reset(points[1], first):
        first = Histogram(schema=points[1].schema, bounds=points[1].bounds)
    relevant = points[1:-1] if counter else ()
    if any(h.custom != first.custom for h in (last, *relevant)):
        raise IncompatibleSchemas
    schema = min(h.schema for h in (first, last, *relevant))
    change = place.note_combination(subtract(last.at_schema(schema), first), "subtraction")
    if counter:
        previous = first
        for point in points[1:]:
            if detect_reset(point, previous):
                change = place.note_combination(add(change, previous), "addition")
            previous = point
    return change.with_hint(ResetHint.GAUGE).compacted()


# irate, idelta


def instant_change_mixed(
    ranges: Ranges, notes: Annotations, args: Position, *, counter: bool
) -> tuple[Hists, Mask]:
    """Irate and idelta where histograms are involved.

    Returns:
        Results that are histograms, and which cells' float results do not hold.
    """
    result = empty_hists(ranges.first.shape)
    concerned = ranges.h_counts > 0
    keep_float = np.zeros(concerned.shape, dtype=np.bool_)
    for row, step in ranges.cells(concerned):
        times, histograms = ranges.histograms_at(row, step)
        f_times, _ = ranges.floats_at(row, step)
        newest = [(int(t), None) for t in f_times[-2:]]
        newest += [(int(t), h) for t, h in zip(times[-2:], histograms[-2:], strict=True)]
        newest.sort(key=lambda pair: pair[0])
        if len(newest) < 2:
            continue
        (t0, before), (t1, after) = newest[-2:]
        place = Place(place_of(ranges, row, notes).metric, args, notes)
        if before is None and after is None:
            keep_float[row, step] = True
        elif before is None or after is None:
            notes.mixed_floats_histograms(place.metric, args)
        elif t1 != t0:
            change = _instant_histogram(before, after, place, counter=counter)
            if change is not None:
                seconds = (t1 - t0) / 1000
                result[row, step] = change.divided(seconds) if counter else change
    return result, concerned & ~keep_float


def _instant_histogram(
    before: Histogram, after: Histogram, place: Place, *, counter: bool
) -> Histogram | None:
    gauges = (before.hint == ResetHint.GAUGE, after.hint == ResetHint.GAUGE)
    if counter and any(gauges):
        place.notes.not_a_counter(place.metric, place.position)
    if not counter and not all(gauges):
        place.notes.not_a_gauge(place.metric, place.position)
    result = after
    if not counter or not detect_reset(after, before):
        try:
            result = place.note_combination(subtract(after, before), "subtraction")
        except IncompatibleSchemas:
            place.notes.mixed_schemas(place.metric, place.position)
            return None
    return result.with_hint(ResetHint.GAUGE).compacted()


# sum_over_time, avg_over_time


def sum_histograms(histograms: Sequence[Histogram], place: Place) -> Histogram | None:
    """sum_over_time of histograms, None where their schemas do not go together."""
    return _guarded(histograms, place, total_of)


def avg_histograms(histograms: Sequence[Histogram], place: Place) -> Histogram | None:
    """avg_over_time of histograms, None where their schemas do not go together."""
    return _guarded(histograms, place, mean_of)


def _guarded(
    histograms: Sequence[Histogram],
    place: Place,
    compute: Callable[[Sequence[Histogram]], Combined],
) -> Histogram | None:
    try:
        result = place.note_combination(compute(histograms), "aggregation")
    except IncompatibleSchemas:
        place.notes.mixed_schemas(place.metric, place.position)
        return None
    hints = {h.hint for h in histograms}
    if ResetHint.RESET in hints and ResetHint.NOT_RESET in hints:
        place.notes.reset_collision("aggregation", place.position)
    return result


# resets, changes, first and last


def count_mixed(
    ranges: Ranges,
    values: Floats,
    float_differs: Callable[[float, float], bool],
    histogram_differs: Callable[[Histogram, Histogram], bool],
) -> Floats:
    """Recounts resets or changes in windows that hold histograms."""
    result = values.copy()
    for row, step in ranges.cells(ranges.h_counts > 0):
        times, histograms = ranges.histograms_at(row, step)
        f_times, floats = ranges.floats_at(row, step)
        points: list[tuple[int, float | Histogram]]
        points = list(zip(f_times.tolist(), floats.tolist(), strict=True))
        points += list(zip(times.tolist(), histograms, strict=True))
        points.sort(key=lambda point: point[0])
        number = 0
        for (_, before), (_, after) in pairwise(points):
            if isinstance(before, Histogram) and isinstance(after, Histogram):
                number += histogram_differs(before, after)
            elif isinstance(before, Histogram) or isinstance(after, Histogram):
                number += 1
            else:
                number += float_differs(before, after)
        result[row, step] = number
    return result


def edge_values(ranges: Ranges, *, last: bool) -> tuple[Floats, Mask, Hists | None, Floats]:
    """first_over_time or last_over_time.

    Returns:
        Values, where present, histograms, and the times of the samples in seconds.
    """
    present = ranges.counts > 0
    pool_v = ranges.samples.values if len(ranges.samples.values) else np.zeros(1)
    pool_t = ranges.samples.ts_ms if len(ranges.samples.ts_ms) else np.zeros(1, dtype=np.int64)
    index = np.where(present, ranges.last - 1 if last else ranges.first, 0)
    values, times = pool_v[index], pool_t[index]
    rows = ranges.histograms
    if rows is None or ranges.h_first is None or ranges.h_last is None:
        return values, present, None, times / 1000
    h_present = ranges.h_counts > 0
    h_index = np.where(h_present, ranges.h_last - 1 if last else ranges.h_first, 0)
    h_times = rows.ts_ms[h_index]
    earlier_or_later = h_times >= times if last else h_times <= times
    wins = h_present & (~present | earlier_or_later)
    hists = empty_hists(values.shape)
    hists[wins] = rows.values[h_index[wins]]
    times = np.where(wins, h_times, times)
    return values, present | h_present, hists, times / 1000
