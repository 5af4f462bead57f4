"""Endpoints over log patterns and markers."""

import secrets
from typing import Annotated

from fastapi import Path, Query

from vario.api.context import CurrentContext
from vario.api.params import FilterText, Window, parse_time_ns
from vario.api.pattern_models import MarkerIn, MarkerOut, MarkersOut, PatternOut, PatternsOut
from vario.api.shapes import to_seconds
from vario.errors import BadData, NotFound
from vario.investigate.logs import Judged, filter_of, judge_patterns
from vario.investigate.releases import find_rollouts
from vario.model.marker import Marker
from vario.model.pattern import LogPattern, LogPatterns
from vario.model.telemetry import Signal, TimeRange
from vario.query.filter import parse_filter
from vario.query.filter_text import format_filter

MOST_SCOPE = 10
_FIRST = ("new", "more")


def find_patterns(
    context: CurrentContext,
    window: Window,
    where: FilterText = "",
    baseline: Annotated[
        str,
        Query(description="none, previous (as long as the window), or start/end", max_length=140),
    ] = "previous",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> PatternsOut:
    """Log patterns: records that differ in numbers and ids alone, counted, with what is new."""
    tree = parse_filter(where, Signal.LOGS)
    before = _parse_baseline(baseline, window, context.clock.now_ns())
    found = context.store.find_log_patterns(tree, window, baseline=before, limit=1_000)
    judged = judge_patterns(found) if before else [None] * len(found.patterns)
    shown = [
        _show(found, pattern, one) for pattern, one in zip(found.patterns, judged, strict=True)
    ]
    shown.sort(key=lambda one: one.change not in _FIRST)
    return PatternsOut(
        start=to_seconds(window.start_ns),
        end=to_seconds(window.end_ns),
        baseline_start=to_seconds(before.start_ns) if before else None,
        baseline_end=to_seconds(before.end_ns) if before else None,
        step=to_seconds(-(-window.duration_ns // found.steps)),
        records=_scale(found.records, found),
        sampled=found.sampled,
        patterns=shown[:limit],
    )


def _parse_baseline(text: str, window: TimeRange, now_ns: int) -> TimeRange | None:
    if text == "none":
        return None
    if text == "previous":
        return TimeRange(max(0, window.start_ns - window.duration_ns), window.start_ns)
    start, slash, end = text.partition("/")
    if not slash:
        raise BadData(f"baseline: {text!r} is not none, previous, or start/end")
    found = TimeRange(
        parse_time_ns("baseline", start, now_ns), parse_time_ns("baseline", end, now_ns)
    )
    if found.duration_ns <= 0:
        raise BadData(f"baseline: its start ({start}) must be before its end ({end})")
    return found


def _scale(count: int, found: LogPatterns) -> int:
    return round(count / found.sampled) if found.sampled else count


def _show(found: LogPatterns, pattern: LogPattern, judged: Judged | None) -> PatternOut:
    example = pattern.examples[0]
    change = judged.change if judged else None
    return PatternOut(
        service=pattern.service,
        severity=pattern.severity,
        template=pattern.template,
        count=_scale(pattern.count, found),
        baseline=_scale(pattern.baseline, found) if judged else None,
        change=judged.verdict if judged else None,
        ratio=change.ratio if change else None,
        ratio_low=change.ratio_low if change else None,
        ratio_high=change.ratio_high if change else None,
        first_time_unix_nano=str(pattern.first_ns),
        counts=[_scale(count, found) for count in pattern.counts[found.baseline_steps :]],
        example=example.body,
        example_time_unix_nano=str(example.time_ns),
        trace_id=example.trace_id,
        filter=format_filter(filter_of(pattern)),
    )


def find_markers(
    context: CurrentContext,
    window: Window,
    service: Annotated[str, Query(max_length=200)] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> MarkersOut:
    """What was changed, oldest first: told, sent as events, and releases seen in the traffic."""
    told = context.store.find_markers(window, service=service, limit=limit)
    seen = find_rollouts(context.store, service, window)
    known = {marker.scope.get("model_version") for marker in told if marker.kind == "release"}
    new = [marker for marker in seen if marker.scope.get("model_version") not in known]
    found = sorted([*told, *new], key=lambda marker: (marker.time_ns, marker.id))
    return MarkersOut(markers=[show_marker(marker) for marker in found[-limit:]])


def put_marker(context: CurrentContext, body: MarkerIn) -> MarkerOut:
    """Keeps what was changed, for every time axis and for investigations."""
    if len(body.scope) > MOST_SCOPE:
        raise BadData(f"scope: {len(body.scope)} attributes; at most {MOST_SCOPE} are kept")
    marker = Marker(
        id=secrets.token_hex(6),
        time_ns=parse_time_ns("at", body.at, context.clock.now_ns()),
        kind=body.kind,
        text=body.text,
        service=body.service,
        scope=body.scope,
        by=body.by,
        link=body.link,
    )
    context.store.write_marker(marker)
    return show_marker(marker)


def delete_marker(
    context: CurrentContext, marker_id: Annotated[str, Path(pattern="^[0-9a-f]{12}$")]
) -> MarkersOut:
    """Takes back a marker that was told; returns no markers."""
    if not context.store.delete_marker(marker_id):
        raise NotFound(f"no marker {marker_id} was told: see GET /api/markers")
    return MarkersOut(markers=[])


def show_marker(marker: Marker) -> MarkerOut:
    """Returns a marker as the API shows it."""
    return MarkerOut(
        id=marker.id,
        time=to_seconds(marker.time_ns),
        kind=marker.kind,
        text=marker.text,
        service=marker.service,
        scope=dict(marker.scope),
        by=marker.by,
        link=marker.link,
        source=marker.source,
    )
