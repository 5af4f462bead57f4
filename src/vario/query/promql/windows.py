"""Samples seen through windows: which samples each step of each series looks at.

Windows are left-open, `(end - range, end]`, as in Prometheus 3. Stale markers are no samples, but
one that is newest ends a series for instant selectors.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from vario.model.series import STALE_NAN_BITS, HistogramBlock, SampleBlock
from vario.query.promql.histogram import Buckets, Histogram, ResetHint
from vario.query.promql.histogram_math import detect_reset
from vario.query.promql.lexer import Position
from vario.query.promql.matching import LabelSet
from vario.query.promql.values import Floats, Hists, Ints, Mask, Steps, Vector

_STALE = np.uint64(STALE_NAN_BITS)
_BLOCK_CELLS = 1 << 20
"""Cells between two looks at the clock: a few hundredths of a second, and 8 MiB an array."""


@dataclass(frozen=True, slots=True)
class HistogramRows:
    """Native histograms of n series in compressed-row form; `stale` marks the ends of series."""

    offsets: Ints
    ts_ms: Ints
    values: Hists
    stale: Mask


@dataclass(frozen=True, slots=True)
class Ranges:
    """A range vector at every step.

    Attributes:
        labels: n label sets.
        samples: float samples without stale markers.
        first: shape (n, steps), index of the first sample of the window.
        last: shape (n, steps), index after the last one.
        histograms: native histograms, or None; `h_first` and `h_last` are their windows.
        start_ms: shape (steps,), excluded start of each window.
        end_ms: shape (steps,), included end.
        eval_ms: shape (steps,), time of each step.
        range_ms: length of the window.
        position: where the range stands in the query, for annotations.
    """

    labels: list[LabelSet]
    samples: SampleBlock
    first: Ints
    last: Ints
    start_ms: Ints
    end_ms: Ints
    eval_ms: Ints
    range_ms: int
    position: Position
    histograms: HistogramRows | None = None
    h_first: Ints | None = None
    h_last: Ints | None = None
    drop_name: Mask = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))

    @property
    def counts(self) -> Ints:
        """Shape (n, steps), number of float samples in each window."""
        return self.last - self.first

    @property
    def h_counts(self) -> Ints:
        """Shape (n, steps), number of histograms in each window."""
        if self.h_last is None or self.h_first is None:
            return np.zeros_like(self.first)
        return self.h_last - self.h_first

    def cells(self, chosen: Mask) -> Iterator[tuple[int, int]]:
        """Yields (series, step) of chosen cells."""
        rows, steps = np.nonzero(chosen)
        yield from zip(rows.tolist(), steps.tolist(), strict=True)

    def floats_at(self, row: int, step: int) -> tuple[Ints, Floats]:
        """Returns times and values of the float samples in one window."""
        window = slice(int(self.first[row, step]), int(self.last[row, step]))
        return self.samples.ts_ms[window], self.samples.values[window]

    def histograms_at(self, row: int, step: int) -> tuple[Ints, list[Histogram]]:
        """Returns times and values of the native histograms in one window."""
        if self.histograms is None or self.h_first is None or self.h_last is None:
            return np.zeros(0, dtype=np.int64), []
        window = slice(int(self.h_first[row, step]), int(self.h_last[row, step]))
        return self.histograms.ts_ms[window], list(self.histograms.values[window])


def _never_late() -> None:
    """Has all the time there is."""


def first_after(
    offsets: Ints, ts_ms: Ints, steps: Steps, check: Callable[[], None] = _never_late
) -> Ints:
    """Returns, for each series and step, the index of the first sample later than the step.

    Args:
        offsets: compressed-row offsets of n series, shape (n + 1,).
        ts_ms: times of all samples, ordered within each series.
        steps: the times of comparison.
        check: asked between blocks of series whether to go on; raises where not.

    Returns:
        Shape (n, steps.count).
    """
    series = len(offsets) - 1
    if not len(ts_ms):
        return np.broadcast_to(offsets[:-1, None], (series, steps.count))
    result = np.empty((series, steps.count), dtype=np.int64)
    height = max(1, _BLOCK_CELLS // max(steps.count, 1))
    for low in range(0, series, height):
        check()
        part = offsets[low : low + height + 1]
        result[low : low + height] = _first_after(part, ts_ms[part[0] : part[-1]], steps)
    return result


def _first_after(offsets: Ints, ts_ms: Ints, steps: Steps) -> Ints:
    """Returns the same for some of the series, whose times alone are given."""
    series = len(offsets) - 1
    due = -((steps.start_ms - ts_ms) // max(steps.step_ms, 1))
    due = np.where(ts_ms <= steps.start_ms, 0, due)
    np.clip(due, 0, steps.count, out=due)
    rows = np.repeat(np.arange(series, dtype=np.int64), np.diff(offsets))
    width = steps.count + 1
    counts = np.bincount(rows * width + due, minlength=series * width).reshape(series, width)
    return offsets[:-1, None] + np.cumsum(counts, axis=1)[:, : steps.count]


def is_stale(values: Floats) -> Mask:
    """Returns which values are stale markers."""
    return values.view(np.uint64) == _STALE


def drop_stale(block: SampleBlock) -> SampleBlock:
    """Returns the samples without stale markers."""
    stale = is_stale(block.values)
    if not stale.any():
        return block
    kept = ~stale
    before = np.concatenate(([0], np.cumsum(kept)))
    return SampleBlock(before[block.offsets], block.ts_ms[kept], block.values[kept])


def make_cumulative(block: SampleBlock, delta: Mask) -> SampleBlock:
    """Returns the samples with those of delta series summed up from the block's start.

    Args:
        block: samples without stale markers.
        delta: shape (n,), which series hold deltas.
    """
    if not delta.any() or not len(block.values):
        return block
    values = block.values.copy()
    for row in np.flatnonzero(delta):
        window = slice(int(block.offsets[row]), int(block.offsets[row + 1]))
        values[window] = np.cumsum(values[window])
    return SampleBlock(block.offsets, block.ts_ms, values)


def histogram_rows(block: HistogramBlock | None) -> HistogramRows | None:
    """Returns a block of columns as histograms, None for none.

    Counters get the hints that Prometheus' storage gives them: "no reset" after a sample that
    they continue, "unknown" after none or a reset.
    """
    if block is None or not len(block.ts_ms):
        return None
    values = np.empty(len(block.ts_ms), dtype=np.object_)
    for i in range(len(values)):
        values[i] = Histogram(
            schema=int(block.schema[i]),
            zero_threshold=float(block.zero_threshold[i]),
            zero_count=float(block.zero_count[i]),
            count=float(block.count[i]),
            sum=float(block.sum[i]),
            positive=_buckets(int(block.positive_offset[i]), block.positive[i]),
            negative=_buckets(int(block.negative_offset[i]), block.negative[i]),
            bounds=tuple(block.bounds[i]),
            hint=ResetHint(int(block.reset_hint[i])),
        )
    stale = is_stale(np.ascontiguousarray(block.sum))
    for row in range(len(block.offsets) - 1):
        before: Histogram | None = None
        for i in range(int(block.offsets[row]), int(block.offsets[row + 1])):
            if not stale[i]:
                values[i] = _hinted(values[i], before, ResetHint.UNKNOWN)
                before = values[i]
    return HistogramRows(block.offsets, block.ts_ms, values, stale)


def hint_resets(rows: HistogramRows) -> HistogramRows:
    """Returns the histograms with resets between them told by their hints."""
    values = rows.values.copy()
    for row in range(len(rows.offsets) - 1):
        for i in range(int(rows.offsets[row]) + 1, int(rows.offsets[row + 1])):
            values[i] = _hinted(rows.values[i], rows.values[i - 1], ResetHint.RESET)
    return replace(rows, values=values)


def _hinted(histogram: Histogram, before: Histogram | None, after_reset: ResetHint) -> Histogram:
    if histogram.hint != ResetHint.UNKNOWN or before is None:
        return histogram
    reset = before.hint == ResetHint.GAUGE or detect_reset(histogram, before)
    return histogram.with_hint(after_reset if reset else ResetHint.NOT_RESET)


def drop_stale_histograms(rows: HistogramRows | None) -> HistogramRows | None:
    """Returns the histograms without stale markers."""
    if rows is None or not rows.stale.any():
        return rows
    kept = ~rows.stale
    before = np.concatenate(([0], np.cumsum(kept)))
    return HistogramRows(
        before[rows.offsets], rows.ts_ms[kept], rows.values[kept], rows.stale[kept]
    )


def _buckets(offset: int, counts: Sequence[float]) -> Buckets:
    return Buckets(offset, np.asarray(counts, dtype=np.float64)) if len(counts) else Buckets()


def samples_of(vector: Vector, steps: Steps) -> tuple[SampleBlock, HistogramRows | None]:
    """Returns the cells of an evaluated vector as samples: the inside of a subquery.

    Reset hints do not survive, since samples between the steps are not seen.
    """
    times = steps.times()
    floats = vector.is_float
    offsets = np.concatenate(([0], np.cumsum(floats.sum(axis=1)))).astype(np.int64)
    ts = np.broadcast_to(times, floats.shape)
    block = SampleBlock(offsets, ts[floats], vector.values[floats])
    if vector.hists is None:
        return block, None
    cells = vector.is_histogram & vector.present
    values = np.empty(int(cells.sum()), dtype=np.object_)
    for i, histogram in enumerate(vector.hists[cells]):
        keep = histogram.hint == ResetHint.GAUGE
        values[i] = histogram if keep else histogram.with_hint(ResetHint.UNKNOWN)
    h_offsets = np.concatenate(([0], np.cumsum(cells.sum(axis=1)))).astype(np.int64)
    none_stale = np.zeros(len(values), dtype=np.bool_)
    return block, HistogramRows(h_offsets, ts[cells], values, none_stale)


def make_ranges(
    labels: list[LabelSet],
    samples: SampleBlock,
    histograms: HistogramRows | None,
    *,
    ends: Steps,
    eval_steps: Steps,
    range_ms: int,
    position: Position,
    before_ms: int = 0,
    after_ms: int = 0,
    check: Callable[[], None] = _never_late,
) -> Ranges:
    """Returns the windows `(end - range, end]` over samples.

    Args:
        labels: n label sets.
        samples: float samples without stale markers.
        histograms: native histograms or None.
        ends: ends of the windows; one end serves every step where `@` fixes it.
        eval_steps: the steps themselves.
        range_ms: length of the windows.
        position: where the range stands in the query.
        before_ms: how much earlier than its start a window may look (extended ranges).
        after_ms: how much later than its end.
        check: asked now and then whether to go on; raises where not.
    """
    starts = Steps(ends.start_ms - range_ms - before_ms, ends.step_ms, ends.count)
    stops = Steps(ends.start_ms + after_ms, ends.step_ms, ends.count)
    count = eval_steps.count

    def widen(columns: Ints) -> Ints:
        if columns.shape[-1] == count:
            return columns
        return np.broadcast_to(columns, (*columns.shape[:-1], count))

    h_first = h_last = None
    if histograms is not None:
        h_first = widen(first_after(histograms.offsets, histograms.ts_ms, starts, check))
        h_last = widen(first_after(histograms.offsets, histograms.ts_ms, stops, check))
    end_ms = widen(ends.times())
    return Ranges(
        labels=labels,
        samples=samples,
        first=widen(first_after(samples.offsets, samples.ts_ms, starts, check)),
        last=widen(first_after(samples.offsets, samples.ts_ms, stops, check)),
        start_ms=end_ms - range_ms,
        end_ms=end_ms,
        eval_ms=eval_steps.times(),
        range_ms=range_ms,
        position=position,
        histograms=histograms,
        h_first=h_first,
        h_last=h_last,
    )


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest sample of each series at each step, with its own time."""

    vector: Vector
    ts_ms: Ints


def newest(
    labels: list[LabelSet],
    samples: SampleBlock,
    histograms: HistogramRows | None,
    at: Steps,
    lookback_ms: int,
    check: Callable[[], None] = _never_late,
) -> Newest:
    """Returns each series' newest sample in `(t - lookback, t]`, unless it is a stale marker.

    Args:
        labels: n label sets.
        samples: float samples, stale markers included.
        histograms: native histograms or None.
        at: the times to look at.
        lookback_ms: how old a sample may be.
        check: asked now and then whether to go on; raises where not.
    """
    after = first_after(samples.offsets, samples.ts_ms, at, check)
    ts, present, index = _newest_index(samples.offsets, samples.ts_ms, after, at, lookback_ms)
    pool = samples.values if len(samples.values) else np.zeros(1)
    values = pool[index]
    hists: Hists | None = None
    if histograms is not None:
        after = first_after(histograms.offsets, histograms.ts_ms, at, check)
        h_ts, h_present, h_index = _newest_index(
            histograms.offsets, histograms.ts_ms, after, at, lookback_ms
        )
        newer = h_present & (~present | (h_ts > ts))
        hists = np.full(values.shape, None, dtype=np.object_)
        hists[newer] = histograms.values[h_index[newer]]
        values = np.where(newer, 0.0, values)
        ts, present = np.where(newer, h_ts, ts), present | newer
        stale = np.where(newer, histograms.stale[h_index], is_stale(values))
    else:
        stale = is_stale(values)
    present = present & ~stale
    vector = Vector(labels, values, present, hists)
    return Newest(vector, ts)


def _newest_index(
    offsets: Ints, ts_ms: Ints, after: Ints, at: Steps, lookback_ms: int
) -> tuple[Ints, Mask, Ints]:
    index = after - 1
    there = index >= offsets[:-1, None]
    index = np.maximum(index, 0)
    pool = ts_ms if len(ts_ms) else np.zeros(1, dtype=np.int64)
    ts = pool[index]
    return ts, there & (ts > at.times() - lookback_ms), index
