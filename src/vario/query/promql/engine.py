"""The face of PromQL: text in, results out."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from vario.errors import BadData
from vario.model.series import SampleBlock
from vario.query.promql.annotations import Annotations
from vario.query.promql.check import type_of
from vario.query.promql.context import Budget, Context
from vario.query.promql.evaluate import Evaluator
from vario.query.promql.features import Features
from vario.query.promql.histogram import Histogram
from vario.query.promql.matching import LabelSet
from vario.query.promql.nodes import MatrixSelector, Node, Paren, StepInvariant, Subquery
from vario.query.promql.parser import parse
from vario.query.promql.prepare import prepare
from vario.query.promql.values import (
    Floats,
    Ints,
    Scalar,
    Steps,
    Text,
    Vector,
    finish_names,
)
from vario.query.promql.windows import HistogramRows, Ranges
from vario.store.base import SampleReader

ResultType = Literal["vector", "matrix", "scalar", "string"]

PUSHDOWN_FROM = 50_000
"""Below, fetching samples is faster: the engine takes 9 ms more to analyse a pushed-down query."""


@dataclass(frozen=True, slots=True)
class Series:
    """One series of a result: its labels, its floats and its native histograms.

    Attributes:
        ts_ms: times of the floats, shape (m,).
        values: the floats, shape (m,).
        histograms: (time, histogram) pairs.
    """

    labels: LabelSet
    ts_ms: Ints
    values: Floats
    histograms: list[tuple[int, Histogram]] = field(default_factory=list[tuple[int, Histogram]])


@dataclass(frozen=True, slots=True)
class Result:
    """The answer to a query.

    Attributes:
        type: what kind of value it is.
        series: series of a vector (one sample each) or matrix.
        scalar: (time in ms, value) of a scalar.
        text: (time in ms, value) of a string.
        warnings: with their places in the query; `infos` likewise.
        samples: samples that were loaded; `peak` the most that were held at once.
        timings: seconds by phase, in Prometheus' words.
    """

    type: ResultType
    series: list[Series] = field(default_factory=list[Series])
    scalar: tuple[int, float] = (0, 0.0)
    text: tuple[int, str] = (0, "")
    warnings: list[str] = field(default_factory=list[str])
    infos: list[str] = field(default_factory=list[str])
    samples: int = 0
    peak: int = 0
    timings: dict[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of the engine.

    Attributes:
        features: experimental parts of the language that are switched on.
        lookback_ms: how old a sample an instant selector may return.
        max_samples: most samples that one query may hold at once.
        timeout_s: how long one query may take.
        subquery_step_ms: resolution of a subquery that names none.
        pushdown_from: from about so many samples on, the store evaluates functions of ranges by
            itself where it can; None for never.
    """

    features: Features = field(default_factory=Features)
    lookback_ms: int = 300_000
    max_samples: int = 50_000_000
    timeout_s: float = 120.0
    subquery_step_ms: int = 60_000
    pushdown_from: int | None = PUSHDOWN_FROM


def _never() -> bool:
    return False


class PromQL:
    """Answers PromQL queries over a metric reader; any number at a time."""

    def __init__(self, reader: SampleReader, options: Options | None = None) -> None:
        self.reader = reader
        self.options = options or Options()

    def parse(self, query: str) -> Node:
        """Returns a query's syntax tree.

        Raises:
            BadData: it is not PromQL.
        """
        return parse(query, self.options.features)

    def instant(
        self,
        query: str | Node,
        time_ms: int,
        *,
        text: str = "",
        lookback_ms: int | None = None,
        timeout_s: float | None = None,
        canceled: Callable[[], bool] = _never,
    ) -> Result:
        """Evaluates a query at one time.

        Args:
            query: PromQL, or its syntax tree.
            time_ms: the time.
            text: the query's text where `query` is a tree, for annotations.
            lookback_ms: instead of the engine's own.
            timeout_s: instead of the engine's own, where it is shorter.
            canceled: asked now and then whether the caller went away.

        Raises:
            BadData: not PromQL.
            ExecutionError: it cannot be evaluated, or is over a limit.
            QueryTimeout: out of time.
        """
        source = query if isinstance(query, str) else text
        node = self.parse(query) if isinstance(query, str) else query
        context = self._context(time_ms, time_ms, 0, lookback_ms, timeout_s, canceled)
        plan = prepare(node, time_ms, time_ms, 0)
        evaluator = Evaluator(self.reader, context)
        steps = Steps(time_ms, 1, 1)
        with np.errstate(all="ignore"):
            if type_of(plan) == "matrix":
                ranges = evaluator.ranges(_inner(plan), steps)
                series = _series_of_ranges(ranges, context)
                return _finish(Result("matrix", series), context, source)
            value = evaluator.eval(plan, steps)
            if isinstance(value, Scalar):
                answer = Result("scalar", scalar=(time_ms, float(value.values[0])))
            elif isinstance(value, Text):
                answer = Result("string", text=(time_ms, value.value))
            else:
                answer = Result("vector", _series_of(_finished(value, context), steps))
        return _finish(answer, context, source)

    def range(
        self,
        query: str | Node,
        start_ms: int,
        end_ms: int,
        step_ms: int,
        *,
        text: str = "",
        lookback_ms: int | None = None,
        timeout_s: float | None = None,
        canceled: Callable[[], bool] = _never,
    ) -> Result:
        """Evaluates a query at every step of a range; as `instant`.

        Args:
            query: PromQL, or its syntax tree.
            start_ms: first step.
            end_ms: no step is later.
            step_ms: distance of steps, positive.
            text: the query's text where `query` is a tree.
            lookback_ms: instead of the engine's own.
            timeout_s: instead of the engine's own, where it is shorter.
            canceled: asked now and then whether the caller went away.

        Raises:
            BadData: not PromQL, or of a type that has no value at each step.
            ExecutionError: it cannot be evaluated, or is over a limit.
            QueryTimeout: out of time.
        """
        source = query if isinstance(query, str) else text
        node = self.parse(query) if isinstance(query, str) else query
        kind = type_of(node)
        if kind not in ("scalar", "vector"):
            documented = "range vector" if kind == "matrix" else kind
            raise BadData(
                f'invalid parameter "query": invalid expression type "{documented}" for range '
                "query, "
                "must be Scalar or instant Vector"
            )
        context = self._context(start_ms, end_ms, step_ms, lookback_ms, timeout_s, canceled)
        plan = prepare(node, start_ms, end_ms, step_ms)
        steps = Steps(start_ms, step_ms, (end_ms - start_ms) // step_ms + 1)
        with np.errstate(all="ignore"):
            value = Evaluator(self.reader, context).eval(plan, steps)
            if isinstance(value, Scalar):
                value = Vector([()], value.values[None, :], np.ones((1, steps.count), dtype=bool))
            if isinstance(value, Text):
                raise BadData("a string has no value at each step")
            vector = _finished(value, context)
            order = sorted(range(len(vector)), key=vector.labels.__getitem__)
            series = _series_of(vector.take(np.array(order, dtype=np.intp)), steps)
        return _finish(Result("matrix", series), context, source)

    def _context(
        self,
        start_ms: int,
        end_ms: int,
        step_ms: int,
        lookback_ms: int | None,
        timeout_s: float | None,
        canceled: Callable[[], bool],
    ) -> Context:
        options = self.options
        limit = min(options.timeout_s, timeout_s if timeout_s is not None else options.timeout_s)
        return Context(
            start_ms=start_ms,
            end_ms=end_ms,
            step_ms=step_ms,
            features=options.features,
            lookback_ms=options.lookback_ms if lookback_ms is None else lookback_ms,
            subquery_step_ms=options.subquery_step_ms,
            pushdown_from=options.pushdown_from,
            notes=Annotations(),
            budget=Budget(options.max_samples, time.monotonic() + limit, canceled),
        )


def _inner(node: Node) -> MatrixSelector | Subquery:
    while isinstance(node, Paren | StepInvariant):
        node = node.expr
    if not isinstance(node, MatrixSelector | Subquery):
        raise BadData("no range where one is expected")
    return node


def _finished(vector: Vector, context: Context) -> Vector:
    vector = vector.without_empty()
    return finish_names(vector) if context.features.delayed_name_removal else vector


def _finish(result: Result, context: Context, query: str) -> Result:
    warnings, infos = context.notes.texts(query)
    elapsed = time.monotonic() - context.began
    timings = {"evalTotalTime": elapsed, "execTotalTime": elapsed}
    return Result(
        result.type,
        result.series,
        result.scalar,
        result.text,
        warnings,
        infos,
        context.budget.samples,
        context.budget.peak,
        timings,
    )


def _series_of(vector: Vector, steps: Steps) -> list[Series]:
    times = steps.times()
    floats = vector.is_float
    histograms = vector.is_histogram & vector.present
    series: list[Series] = []
    for row, labels in enumerate(vector.labels):
        here = floats[row]
        pairs: list[tuple[int, Histogram]] = []
        if vector.hists is not None and histograms[row].any():
            chosen = np.flatnonzero(histograms[row])
            pairs = [(int(times[step]), vector.hists[row, step]) for step in chosen]
        series.append(Series(labels, times[here], vector.values[row][here], pairs))
    return series


def _series_of_ranges(ranges: Ranges, context: Context) -> list[Series]:
    """Returns the raw samples of a range selector, at one step."""
    del context
    series: list[Series] = []
    for row, labels in enumerate(ranges.labels):
        times, values = ranges.floats_at(row, 0)
        h_times, histograms = ranges.histograms_at(row, 0)
        pairs = list(zip(h_times.tolist(), histograms, strict=True))
        if len(times) or pairs:
            series.append(Series(labels, times, values, pairs))
    series.sort(key=lambda one: one.labels)
    return series


__all__ = ["HistogramRows", "Options", "PromQL", "Result", "SampleBlock", "Series"]
