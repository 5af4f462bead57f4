"""Endpoints of exploring: latency heat map, comparison, values of a field, context, metrics."""

from typing import Annotated

from fastapi import Query

from vario.api.context import CurrentContext
from vario.api.explore_models import (
    ComparisonOut,
    CountedName,
    FieldTopOut,
    LatencyMapOut,
    LogsAroundOut,
    MetricOut,
    MetricsOut,
    TraitOut,
    ValueCountOut,
    ValueOut,
)
from vario.api.params import MAX_TIME_NS, FilterText, StepNs, Window, parse_window
from vario.api.shapes import show_log, to_seconds
from vario.api.signals import SignalName
from vario.errors import BadData
from vario.model.explore import Box
from vario.model.filter import And, Compare, Field
from vario.model.telemetry import Signal, TimeRange
from vario.query.filter import parse_field, parse_filter
from vario.query.filter_text import format_field, format_filter
from vario.query.latency_map import map_latencies
from vario.query.metric_list import join_parts
from vario.query.selection import Trait, compare_selection
from vario.query.steps import SECOND_NS, align

AROUND_NS = 24 * 3600 * SECOND_NS
"""How far from a line its neighbours are looked for."""

Duration = Annotated[float, Query(ge=0, le=1e9, description="seconds")]


def get_latency_map(
    context: CurrentContext,
    window: Window,
    step_ns: StepNs,
    where: FilterText = "",
    count: Annotated[
        CountedName | None, Query(description="absent: the first of which something matches")
    ] = None,
) -> LatencyMapOut:
    """Matching traces, requests or spans by time and duration."""
    aligned = align(window, step_ns)
    tree = parse_filter(where, Signal.TRACES)
    found = map_latencies(context.store, tree, aligned, step_ns, count)
    return LatencyMapOut(
        start=to_seconds(aligned.start_ns),
        end=to_seconds(aligned.end_ns),
        step=to_seconds(step_ns),
        counted=found.counted,
        bounds=list(found.bounds_s),
        cells=list(found.cells),
        stored=found.stored,
        stands_for=found.stands_for,
    )


def compare_traces(
    context: CurrentContext,
    window: Window,
    selection_start: Annotated[str, Query(max_length=64)],
    selection_end: Annotated[str, Query(max_length=64)],
    at_least: Duration = 0,
    below: Duration = 1e9,
    where: FilterText = "",
    count: CountedName = "traces",
) -> ComparisonOut:
    """What tells the traces of a stretch of time and band of durations from the others."""
    selected = parse_window(selection_start, selection_end, context.clock.now_ns())
    tree = parse_filter(where, Signal.TRACES)
    box = Box(selected, round(at_least * 1e9), round(below * 1e9))
    found = compare_selection(context.store, tree, window, box, count)
    return ComparisonOut(
        counted=count,
        selected=found.selected,
        rest=found.rest,
        before=found.before,
        selected_spans=found.selected_spans,
        rest_spans=found.rest_spans,
        before_start=to_seconds(found.before_window.start_ns),
        before_end=to_seconds(found.before_window.end_ns),
        tested=found.tested,
        traits=[
            _show_trait(trait, found.selected, found.rest, found.before) for trait in found.traits
        ],
    )


def _show_trait(trait: Trait, selected: int, rest: int, before: int) -> TraitOut:
    field = _read_field(trait.name)
    tree = And(
        (
            Compare(Field("intrinsic", "service.name"), "=", trait.service),
            Compare(field, "=", trait.value == "true" if trait.name == "error" else trait.value),
        )
    )
    return TraitOut(
        service=trait.service,
        field=format_field(field),
        value=trait.value,
        selected=trait.selected / selected,
        rest=trait.rest / rest,
        before=trait.before / before if before else None,
        low=trait.low,
        high=trait.high,
        habit=trait.habit,
        filter=format_filter(tree),
        also=[
            ValueOut(service=service, field=format_field(_read_field(name)), value=value)
            for service, name, value in trait.also
        ],
    )


def _read_field(name: str) -> Field:
    """Returns the field of a counted attribute: `attributes.` or `resource.`, then any text."""
    scope, dot, rest = name.partition(".")
    if dot and scope == "attributes":
        return Field("attributes", rest)
    if dot and scope == "resource":
        return Field("resource", rest)
    return Field("intrinsic", name)


def get_field_top(
    context: CurrentContext,
    window: Window,
    signal: SignalName,
    field: Annotated[str, Query(max_length=500)],
    where: FilterText = "",
    limit: Annotated[int, Query(ge=1, le=100)] = 10,
) -> FieldTopOut:
    """The most frequent values of a field among what matches, with their numbers."""
    parsed = parse_field(field, signal)
    found = context.store.count_values(
        signal, parsed, parse_filter(where, signal), window, limit=limit
    )
    return FieldTopOut(
        field=format_field(parsed),
        start=to_seconds(found.window.start_ns),
        end=to_seconds(found.window.end_ns),
        records=found.records,
        present=found.present,
        distinct=found.distinct,
        values=[ValueCountOut(value=value, count=count) for value, count in found.values],
    )


def get_logs_around(
    context: CurrentContext,
    time: Annotated[str, Query(pattern=r"^\d{1,19}$", description="nanoseconds")],
    where: FilterText = "",
    limit: Annotated[int, Query(ge=1, le=500, description="of each side")] = 10,
) -> LogsAroundOut:
    """Records that match before a moment and from it on, up to a day away."""
    at_ns = int(time)
    if at_ns >= MAX_TIME_NS:
        raise BadData(f"time: {time} lies after the year 2262")
    tree = parse_filter(where, Signal.LOGS)
    earlier = TimeRange(max(0, at_ns - AROUND_NS), at_ns)
    later = TimeRange(at_ns, min(at_ns + AROUND_NS, MAX_TIME_NS))
    before = context.store.find_logs(tree, earlier, limit=limit).records if at_ns else ()
    after = context.store.find_oldest_logs(tree, later, limit=limit)
    return LogsAroundOut(
        before=[show_log(record) for record in reversed(before)],
        after=[show_log(record) for record in after],
    )


def find_metrics(context: CurrentContext, window: Window) -> MetricsOut:
    """The metrics that have series in the window, by job, each with its type, unit and help."""
    rows = context.store.list_metrics(window.start_ns // 1_000_000, window.end_ns // 1_000_000)
    known = {one.name: one for one in context.store.find_metadata()}
    return MetricsOut(
        metrics=[
            MetricOut(
                name=one.name,
                job=one.job,
                type=one.type,
                unit=one.unit,
                help=one.help,
                series=one.series,
                guessed=one.guessed,
                classic=one.classic,
                native=one.native,
            )
            for one in join_parts(rows, known)
        ]
    )
