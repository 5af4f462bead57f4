"""Evidence over time: the query behind one number, asked for every step around an onset."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from vario.investigate.evidence import DURATION, Select, format_select, parse_select
from vario.model.explore import BUCKETS_PER_OCTAVE, LatencyCell
from vario.model.filter import And, Compare, Field, Filter
from vario.model.investigation import Evidence, Investigation, QueryLanguage
from vario.model.telemetry import Signal, TimeRange
from vario.query.filter import parse_field, parse_filter
from vario.query.promql.engine import PromQL
from vario.store.base import Aggregate, Store

STEPS = 120
_S, _MS = 10**9, 10**6
_QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
_LEAST_RANGE_S = 60
_RANGE = re.compile(r"\[(\d+)(ms|s|m|h)\]")
_UNIT_S = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
_SUMS = ("increase(", "sum_over_time(", "count_over_time(")
"""Over a shorter range these would give another number, not a finer one."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A measure over time: a value for each time, NaN where there is none."""

    measure: str
    unit: str
    times_ns: Sequence[int]
    values: Sequence[float]


def step_of(window: TimeRange) -> int:
    """Returns a step of whole seconds that divides a window into at most `STEPS`."""
    return max(1, math.ceil(window.duration_ns / STEPS / _S)) * _S


def choose_evidence(evidence: Sequence[Evidence]) -> Evidence | None:
    """Returns the first piece of evidence that can be drawn over time, if any."""
    return next((one for one in evidence if _can_draw(one)), None)


def _can_draw(one: Evidence) -> bool:
    if one.language != "sql":
        return True
    select = parse_select(one.query)
    if select.signal is Signal.LOGS:
        return select.function == "count"
    timed = select.field == DURATION and select.function in {"avg", *_QUANTILES}
    return timed or select.function == "count"


def draw_evidence(
    store: Store, language: QueryLanguage, query: str, unit: str, window: TimeRange
) -> Picture:
    """Returns what a piece of evidence asks, for each step of a window.

    Counts become rates. Percentiles are read off buckets that double each four, between whose ends
    they are interpolated. Ranges of PromQL are shortened, so that a change is seen when it is.

    Args:
        store: what is asked.
        language: of the query.
        query: the text.
        unit: of the evidence.
        window: what is drawn; it begins at a whole second.

    Raises:
        BadData: the query cannot be read.
    """
    step_ns = step_of(window)
    if language == "promql":
        return _draw_promql(store, query, unit, window, step_ns)
    if language == "sql":
        select = parse_select(query)
    else:
        select = Select(Signal.TRACES, "count", None, parse_filter(query, Signal.TRACES))
    times = list(range(window.start_ns, window.end_ns, step_ns))
    if select.signal is Signal.LOGS:
        buckets = store.count_logs(select.where, window, step_ns=step_ns)
        rates = [sum(one.counts.values()) * _S / step_ns for one in buckets]
        return Picture("log records", "records/s", [one.start_ns for one in buckets], rates)
    if select.function in _QUANTILES:
        cells = store.count_latencies(select.where, window, step_ns=step_ns, counted="spans")
        steps: list[list[LatencyCell]] = [[] for _ in times]
        for cell in cells:
            steps[cell.step].append(cell)
        values = [_quantile(step, _QUANTILES[select.function]) for step in steps]
        return Picture(f"{select.function} of durations", "s", times, values)
    cube = store.read_cube(Signal.TRACES, select.where, window, step_ns=step_ns, by=())
    counts, durations = cube.count.sum(axis=0).tolist(), cube.duration_s.sum(axis=0).tolist()
    if select.function == "count":
        return Picture("spans", "spans/s", times, [count * _S / step_ns for count in counts])
    means = [d / n if n else math.nan for d, n in zip(durations, counts, strict=True)]
    return Picture("mean duration", "s", times, means)


def _quantile(cells: Sequence[LatencyCell], share: float) -> float:
    """Returns a percentile in seconds of durations in buckets; NaN of nothing."""
    rank = share * sum(cell.count for cell in cells)
    for cell in sorted(cells, key=lambda cell: cell.bucket):
        if rank <= cell.count:
            return 2 ** ((cell.bucket + rank / cell.count) / BUCKETS_PER_OCTAVE) / _S
        rank -= cell.count
    return math.nan


def _draw_promql(store: Store, query: str, unit: str, window: TimeRange, step_ns: int) -> Picture:
    longest_s = max(_LEAST_RANGE_S, 4 * step_ns // _S)

    def shorten(match: re.Match[str]) -> str:
        given_s = int(match.group(1)) * _UNIT_S[match.group(2)]
        return f"[{longest_s}s]" if given_s > longest_s else match.group()

    asked = query if any(name in query for name in _SUMS) else _RANGE.sub(shorten, query)
    start_ms, end_ms, step_ms = (
        value // _MS for value in (window.start_ns, window.end_ns, step_ns)
    )
    result = PromQL(store).range(asked, start_ms, end_ms, step_ms)
    times = list(range(start_ms, end_ms + 1, step_ms))
    values = [math.nan] * len(times)
    for series in result.series[:1]:
        for at, value in zip(series.ts_ms.tolist(), series.values.tolist(), strict=True):
            values[(at - start_ms) // step_ms] = value
    return Picture("PromQL", unit, [time * _MS for time in times], values)


def drawn_window(found: Investigation) -> TimeRange:
    """Returns what a chart of an investigation shows: enough of before to see what was usual."""
    length_ns = max(60 * _S, found.window.duration_ns)
    start_ns = max(found.baseline.start_ns, found.window.start_ns - 3 * length_ns)
    return TimeRange(start_ns - start_ns % _S, found.window.end_ns)


def symptom_evidence(found: Investigation) -> Evidence | None:
    """Returns what to ask over time to see the symptom, where spans or a metric say it."""
    if found.measured is not None:
        return found.measured
    question = found.question
    if not question.service or found.symptom not in ("latency", "errors", "traffic"):
        if not question.expression:
            return None
        return Evidence("the metric", "promql", question.expression, found.window, math.nan, "")
    named = {"service.name": question.service, "model_name": question.model, **found.scope}
    parts: list[Filter] = [Compare(Field("intrinsic", "entry"), "=", True)]
    parts += [
        Compare(parse_field(name, Signal.TRACES), "=", value)
        for name, value in named.items()
        if value
    ]
    if found.symptom == "errors":
        parts.append(Compare(Field("intrinsic", "error"), "=", True))
        return _spans("requests that failed", "count", None, And(tuple(parts)), found)
    if found.symptom == "traffic":
        return _spans("requests", "count", None, And(tuple(parts)), found)
    return _spans("p95 latency", "p95", DURATION, And(tuple(parts)), found)


def _spans(
    title: str, function: Aggregate, field: Field | None, where: Filter, found: Investigation
) -> Evidence:
    query = format_select(Select(Signal.TRACES, function, field, where))
    return Evidence(title, "sql", query, found.window, math.nan, "s" if field else "1")
