"""Runs test scripts against an engine over a store."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from vario.errors import VarioError
from vario.model.series import HistogramBlock, Labels, SampleBlock
from vario.query.promql.engine import PromQL, Result, Series
from vario.query.promql.features import ALL_FEATURES
from vario.query.promql.histogram import Histogram
from vario.query.promql.nodes import (
    Aggregate,
    Binary,
    Call,
    MatrixSelector,
    Node,
    Paren,
    Subquery,
    Unary,
    VectorSelector,
)
from vario.query.promql.parser import parse
from vario.query.promql.prepare import STEP_DEPENDENT
from vario.query.promql.testing.compare import check_notes, check_value
from vario.query.promql.testing.custom_buckets import to_custom_buckets
from vario.query.promql.testing.script import Clear, Eval, Load, parse_script
from vario.query.promql.testing.series_text import SeriesLine

_QUERY_FUNCTIONS = frozenset(("start", "end", "range", "step"))


class Target(Protocol):
    """Where a script's series are written, and forgotten."""

    def write_samples(self, labels: Sequence[Labels], block: SampleBlock) -> None:
        """Writes float samples."""
        ...

    def write_histograms(self, labels: Sequence[Labels], block: HistogramBlock) -> None:
        """Writes native histograms."""
        ...

    def clear_metrics(self) -> None:
        """Forgets everything."""
        ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one evaluation went: `fault` says what was expected and what came, None for no fault."""

    line: int
    query: str
    fault: str | None


def run_script(
    text: str,
    target: Target,
    engine: PromQL,
    *,
    in_range: bool = True,
    at_times: bool = False,
) -> Iterator[Verdict]:
    """Yields a verdict for every evaluation of a script.

    Args:
        text: the script.
        target: where it loads.
        engine: what evaluates; it reads what `target` wrote.
        in_range: whether to evaluate instant queries once more as the middle of a range.
        at_times: whether to evaluate them once more at other times, with `@` set to the time that
            was asked for.

    Raises:
        ScriptError: a line cannot be understood.
    """
    commands = parse_script(text)
    target.clear_metrics()
    for command in commands:
        if isinstance(command, Clear):
            target.clear_metrics()
        elif isinstance(command, Load):
            load(command, target)
        else:
            fault = _Evaluation(command, engine, in_range, at_times).fault()
            yield Verdict(command.line, command.query, fault)


def load(command: Load, target: Target) -> None:
    """Writes the series of a load."""
    # Of two lines for one series, the later one counts.
    series = list({line.labels: line for line in command.series}.values())
    if command.with_custom_buckets:
        series += to_custom_buckets(series)
    floats = [(line.labels, _floats(line, command.step_ms)) for line in series]
    floats = [(labels, points) for labels, points in floats if points]
    if floats:
        points = [point for _, points in floats for point in points]
        block = SampleBlock(
            _offsets([len(points) for _, points in floats]),
            np.array([time for time, _ in points], dtype=np.int64),
            np.array([value for _, value in points]),
        )
        target.write_samples([dict(labels) for labels, _ in floats], block)
    histograms = [(line.labels, _histograms(line, command.step_ms)) for line in series]
    histograms = [(labels, points) for labels, points in histograms if points]
    if histograms:
        target.write_histograms(
            [dict(labels) for labels, _ in histograms],
            histogram_block([points for _, points in histograms]),
        )


def _floats(line: SeriesLine, step_ms: int) -> list[tuple[int, float]]:
    return [
        (i * step_ms, point.value)
        for i, point in enumerate(line.points)
        if isinstance(point.value, float)
    ]


def _histograms(line: SeriesLine, step_ms: int) -> list[tuple[int, Histogram]]:
    return [
        (i * step_ms, point.value)
        for i, point in enumerate(line.points)
        if isinstance(point.value, Histogram)
    ]


def _offsets(counts: list[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.concatenate(([0], np.cumsum(counts))).astype(np.int64)


def histogram_block(series: Sequence[Sequence[tuple[int, Histogram]]]) -> HistogramBlock:
    """Returns native histograms of several series as columns."""
    points = [point for one in series for point in one]
    histograms = [histogram for _, histogram in points]
    return HistogramBlock(
        offsets=_offsets([len(one) for one in series]),
        ts_ms=np.array([time for time, _ in points], dtype=np.int64),
        count=np.array([h.count for h in histograms]),
        sum=np.array([h.sum for h in histograms]),
        schema=np.array([h.schema for h in histograms], dtype=np.int64),
        zero_threshold=np.array([h.zero_threshold for h in histograms]),
        zero_count=np.array([h.zero_count for h in histograms]),
        positive_offset=np.array([h.positive.offset for h in histograms], dtype=np.int64),
        positive=[h.positive.counts.tolist() for h in histograms],
        negative_offset=np.array([h.negative.offset for h in histograms], dtype=np.int64),
        negative=[h.negative.counts.tolist() for h in histograms],
        bounds=[list(h.bounds) for h in histograms],
        reset_hint=np.array([int(h.hint) for h in histograms], dtype=np.int64),
    )


class _Evaluation:
    def __init__(self, command: Eval, engine: PromQL, in_range: bool, at_times: bool) -> None:
        self.command = command
        self.engine = engine
        self.in_range = in_range
        self.at_times = at_times

    def fault(self) -> str | None:
        """Returns what went wrong, None where nothing did."""
        command = self.command
        try:
            node = parse(command.query, ALL_FEATURES)
        except VarioError as error:
            return self._failure(error)
        if command.is_range:
            return self._range(node)
        if fault := self._instant(node, command.end_ms):
            return fault
        return self._at_other_times(node) if self.at_times else None

    def _failure(self, error: VarioError) -> str | None:
        wanted = self.command.wants("fail")
        if not wanted:
            return f"failed: {error}"
        if all(one.accepts(str(error)) for one in wanted):
            return None
        return f"expected failure {wanted}, got: {error}"

    def _checked(self, result: Result) -> str | None:
        if self.command.wants("fail"):
            return f"expected a failure, got {result.type}"
        return check_notes(self.command.expected, result) or check_value(self.command, result)

    def _range(self, node: Node) -> str | None:
        command = self.command
        try:
            result = self.engine.range(
                node, command.start_ms, command.end_ms, command.step_ms, text=command.query
            )
        except VarioError as error:
            return self._failure(error)
        return self._checked(result)

    def _instant(self, node: Node, time_ms: int) -> str | None:
        command = self.command
        try:
            result = self.engine.instant(node, time_ms, text=command.query)
        except VarioError as error:
            return self._failure(error)
        if fault := self._checked(result):
            return fault
        special = command.matrix or command.text is not None or calls(node, _QUERY_FUNCTIONS)
        if special or not self.in_range or result.type in ("matrix", "string"):
            return None
        return self._same_in_range(node, time_ms, result.type == "scalar")

    def _same_in_range(self, node: Node, time_ms: int, scalar: bool) -> str | None:
        """Checks that the middle step of a range query gives the same."""
        try:
            result = self.engine.range(
                node, time_ms - 60_000, time_ms + 60_000, 60_000, text=self.command.query
            )
        except VarioError as error:
            return f"as a range query it failed: {error}"
        if self.command.wants("ordered"):
            return None
        series = [found for one in result.series if (found := _at(one, time_ms)) is not None]
        middle = Result("vector", series)
        if scalar:
            middle = Result("scalar", scalar=(time_ms, float(series[0].values[0])))
        fault = check_value(self.command, middle)
        return f"in a range query: {fault}" if fault else None

    def _at_other_times(self, node: Node) -> str | None:
        if self.command.wants("fail") or calls(node, STEP_DEPENDENT | _QUERY_FUNCTIONS):
            return None
        time_ms = self.command.end_ms
        fixed = with_at(node, time_ms)
        others = [-10 * time_ms, 0, time_ms // 5, time_ms, 10 * time_ms]
        for other in others if time_ms else [-1000, 0, 1000]:
            if fault := self._instant(fixed, other):
                return f"with @ {time_ms} ms, at {other} ms: {fault}"
        return None


def _at(series: Series, time_ms: int) -> Series | None:
    """Returns what a series has at one time, None for nothing."""
    here = series.ts_ms == time_ms
    histograms = [pair for pair in series.histograms if pair[0] == time_ms]
    if not here.any() and not histograms:
        return None
    return Series(series.labels, series.ts_ms[here], series.values[here], histograms)


def children(node: Node) -> list[Node]:
    """Returns the expressions that a node is made of."""
    match node:
        case Binary():
            return [node.lhs, node.rhs]
        case Aggregate():
            return [node.expr] if node.param is None else [node.param, node.expr]
        case Call():
            return list(node.args)
        case Paren() | Unary() | Subquery():
            return [node.expr]
        case _:
            return []


def calls(node: Node, names: frozenset[str]) -> bool:
    """Returns whether a query calls any of the functions."""
    if isinstance(node, Call) and node.name in names:
        return True
    return any(calls(child, names) for child in children(node))


def with_at(node: Node, at_ms: int) -> Node:  # noqa: PLR0911 - one return a case
    """Returns a query with `@` set wherever it has none."""
    match node:
        case VectorSelector():
            free = node.at_ms is None and node.at_edge is None
            return replace(node, at_ms=at_ms) if free else node
        case MatrixSelector():
            vector = with_at(node.vector, at_ms)
            return replace(node, vector=vector) if isinstance(vector, VectorSelector) else node
        case Subquery():
            free = node.at_ms is None and node.at_edge is None
            return replace(node, at_ms=at_ms) if free else node
        case Paren() | Unary():
            return replace(node, expr=with_at(node.expr, at_ms))
        case Aggregate():
            param = None if node.param is None else with_at(node.param, at_ms)
            return replace(node, expr=with_at(node.expr, at_ms), param=param)
        case Binary():
            return replace(node, lhs=with_at(node.lhs, at_ms), rhs=with_at(node.rhs, at_ms))
        case Call():
            return replace(node, args=tuple(with_at(arg, at_ms) for arg in node.args))
        case _:
            return node
