"""Selectors: from matchers and times to samples in windows."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vario.model.series import Matcher, SampleBlock, SeriesSet
from vario.query.promql.context import Context
from vario.query.promql.matching import LabelSet, label_set
from vario.query.promql.nodes import (
    Aggregate,
    Binary,
    Call,
    MatrixSelector,
    Node,
    NumberLiteral,
    Paren,
    StepInvariant,
    StringLiteral,
    Subquery,
    Unary,
    VectorSelector,
)
from vario.query.promql.values import Steps, Vector
from vario.query.promql.windows import (
    HistogramRows,
    Newest,
    Ranges,
    drop_stale,
    drop_stale_histograms,
    hint_resets,
    histogram_rows,
    make_cumulative,
    make_ranges,
    newest,
)
from vario.store.base import Grid, SampleReader

_GRID_CELLS = 1 << 23
"""Most cells of a grid that are fetched at a time: 72 MiB."""
_USUAL_INTERVAL_MS = 15_000
"""Taken for the distance of samples where their number is only guessed."""


@dataclass(frozen=True, slots=True)
class Found:
    """Series that a selector found, ordered by their labels."""

    series: SeriesSet
    labels: list[LabelSet]

    def chosen(self, rows: NDArray[np.bool_]) -> "Found":
        """Returns some of the series; they are read by their ids."""
        index = np.flatnonzero(rows)
        series = SeriesSet(
            self.series.ids[index],
            tuple(self.series.labels[i] for i in index),
            self.series.delta[index],
            (),
            self.series.native,
        )
        return Found(series, [self.labels[i] for i in index])


class Selectors:
    """Reads what selectors ask for; equal selectors of one query are read once."""

    def __init__(self, reader: SampleReader, context: Context) -> None:
        self.reader = reader
        self.context = context
        self._found: dict[tuple[tuple[Matcher, ...], int, int], Found] = {}
        self._samples: dict[tuple[tuple[Matcher, ...], int, int], SampleBlock] = {}
        self._histograms: dict[tuple[tuple[Matcher, ...], int, int], HistogramRows | None] = {}

    def find(self, matchers: tuple[Matcher, ...], start_ms: int, end_ms: int) -> Found:
        """Finds series by labels, ordered by labels."""
        key = (matchers, start_ms, end_ms)
        if key not in self._found:
            self.context.budget.check()
            series = self.reader.find_series(matchers, start_ms, end_ms)
            if series.pairs is not None:
                self._found[key] = Found(series, list(series.pairs))
                return self._found[key]
            labels = [label_set(labels) for labels in series.labels]
            order = sorted(range(len(labels)), key=labels.__getitem__)
            index = np.array(order, dtype=np.intp)
            ordered = SeriesSet(
                series.ids[index],
                tuple(series.labels[i] for i in order),
                series.delta[index],
                series.matchers,
                series.native,
            )
            self._found[key] = Found(ordered, [labels[i] for i in order])
        return self._found[key]

    def samples(self, matchers: tuple[Matcher, ...], start_ms: int, end_ms: int) -> SampleBlock:
        """Fetches float samples in `(start_ms, end_ms]`, stale markers included."""
        key = (matchers, start_ms, end_ms)
        if key not in self._samples:
            found = self.find(*key)
            self.context.budget.check()
            block = self.reader.fetch_samples(found.series, start_ms, end_ms)
            self.context.budget.load(len(block.ts_ms))
            self._samples[key] = block
        return self._samples[key]

    def histograms(
        self, node: VectorSelector, matchers: tuple[Matcher, ...], start_ms: int, end_ms: int
    ) -> HistogramRows | None:
        """Fetches native histograms in `(start_ms, end_ms]`, None for none.

        They begin a lookback earlier, since a counter's hint depends on the sample before.
        """
        key = (matchers, start_ms, end_ms)
        if key not in self._histograms:
            series = self.find(*key).series
            earlier = start_ms - self.context.lookback_ms
            block = self.reader.fetch_histograms(series, earlier, end_ms)
            self.context.budget.load(0 if block is None else len(block.ts_ms))
            self._histograms[key] = histogram_rows(block)
        rows = self._histograms[key]
        return hint_resets(rows) if rows is not None and node.statistics_only else rows

    def at_times(self, node: VectorSelector, steps: Steps) -> Steps:
        """Returns the times that a selector looks at: one for all steps where `@` fixes it."""
        if node.at_ms is not None:
            return Steps(node.at_ms - node.offset_ms, steps.step_ms, 1)
        return replace(steps, start_ms=steps.start_ms - node.offset_ms)

    def grid(
        self, function: str, node: VectorSelector, steps: Steps, window_ms: int
    ) -> tuple[Found, Grid] | None:
        """Returns what the store evaluates by itself, None where it cannot do so exactly.

        Args:
            function: one of the store's `GRID_FUNCTIONS`.
            node: whose series.
            steps: the steps.
            window_ms: how far each step looks back.
        """
        least = self.context.pushdown_from
        if least is None or node.at_ms is not None or node.anchored or node.smoothed:
            return None
        at = self.at_times(node, steps)
        found = self.find(node.matchers, at.start_ms - window_ms, at.end_ms)
        if not len(found.labels) or found.series.native or found.series.delta.any():
            return None
        span_ms = at.end_ms - at.start_ms + window_ms
        if len(found.labels) * span_ms // _USUAL_INTERVAL_MS < least:
            return None
        self.context.budget.load(len(found.labels) * steps.count)
        return found, self._fetch_grid(function, found.series, at, window_ms)

    def _fetch_grid(self, function: str, series: SeriesSet, steps: Steps, window_ms: int) -> Grid:
        """Fetches a grid; a large one in parts, so that time can run out between them."""
        width = max(1, _GRID_CELLS // len(series))
        shape = (len(series), steps.count)
        whole = Grid(np.empty(shape), np.empty(shape, np.bool_), np.ones(len(series), np.bool_))
        for low in range(0, steps.count, width):
            self.context.budget.check()
            last = min(low + width, steps.count) - 1
            columns = slice(low, last + 1)
            part = self.reader.fetch_grid(
                function,
                series,
                start_ms=steps.start_ms + low * steps.step_ms,
                end_ms=steps.start_ms + last * steps.step_ms,
                step_ms=steps.step_ms,
                window_ms=window_ms,
            )
            if steps.count <= width:
                return part
            whole.values[:, columns], whole.present[:, columns] = part.values, part.present
            whole.exact[:] &= part.exact
        return whole

    def latest(self, node: VectorSelector, steps: Steps) -> Vector:
        """Returns the value of an instant selector."""
        if pushed := self.grid("last", node, steps, self.context.lookback_ms):
            found, grid = pushed
            return Vector(found.labels, grid.values, grid.present).without_empty()
        return self.instant(node, steps).vector.without_empty()

    def instant(self, node: VectorSelector, steps: Steps) -> Newest:
        """Returns the newest sample of each series at each step, with its time."""
        at = self.at_times(node, steps)
        lookback = self.context.lookback_ms
        span = (node.matchers, at.start_ms - lookback, at.end_ms)
        found = self.find(*span)
        self.context.budget.hold(len(found.labels) * steps.count)
        result = newest(
            found.labels,
            self.samples(*span),
            self.histograms(node, *span),
            at,
            lookback,
            self.context.budget.check,
        )
        if at.count == steps.count:
            return result
        return Newest(widen(result, steps.count).vector, widen(result, steps.count).ts_ms)

    def ranges(
        self,
        node: MatrixSelector,
        steps: Steps,
        *,
        counter: bool = False,
        only: NDArray[np.bool_] | None = None,
    ) -> Ranges:
        """Returns the windows of a range selector at every step.

        Args:
            node: the selector.
            steps: the steps.
            counter: whether OTLP delta series are to be summed up first.
            only: shape (n,), which of the series found are wanted; None for all.
        """
        vector = node.vector
        at = self.at_times(vector, steps)
        lookback = self.context.lookback_ms
        before = lookback if vector.anchored or vector.smoothed else 0
        after = lookback if vector.smoothed else 0
        span = (vector.matchers, at.start_ms - node.range_ms - before, at.end_ms + after)
        found = self.find(*span)
        if only is not None:
            found = found.chosen(only)
            block = self.reader.fetch_samples(found.series, span[1], span[2])
            self.context.budget.load(len(block.ts_ms))
        else:
            block = self.samples(*span)
        samples = drop_stale(block)
        if counter:
            samples = make_cumulative(samples, found.series.delta)
        histograms = drop_stale_histograms(self.histograms(vector, *span))
        self.context.budget.hold(len(found.labels) * steps.count)
        return make_ranges(
            found.labels,
            samples,
            histograms,
            ends=at,
            eval_steps=steps,
            range_ms=node.range_ms,
            position=node.position,
            before_ms=before,
            after_ms=after,
            check=self.context.budget.check,
        )


def find_selectors(node: Node) -> list[VectorSelector]:  # noqa: PLR0911 - one return a case
    """Returns every selector of series in a query."""
    match node:
        case VectorSelector():
            return [node]
        case MatrixSelector():
            return [node.vector]
        case Binary():
            return find_selectors(node.lhs) + find_selectors(node.rhs)
        case Aggregate():
            return ([] if node.param is None else find_selectors(node.param)) + find_selectors(
                node.expr
            )
        case Call():
            return [selector for arg in node.args for selector in find_selectors(arg)]
        case Paren() | Unary() | Subquery() | StepInvariant():
            return find_selectors(node.expr)
        case NumberLiteral() | StringLiteral():
            return []


def widen(result: Newest, count: int) -> Newest:
    """Returns one step repeated `count` times."""
    vector = result.vector
    shape = (len(vector), count)
    hists = None if vector.hists is None else np.broadcast_to(vector.hists, shape)
    vector = replace(
        vector,
        values=np.broadcast_to(vector.values, shape),
        present=np.broadcast_to(vector.present, shape),
        hists=hists,
    )
    return Newest(vector, np.broadcast_to(result.ts_ms, shape))
