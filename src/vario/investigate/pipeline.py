"""From a question to an answer: the order of the steps, and when to stop.

Each step is a pure function of what the ones before it found. Where the symptom is not beyond its
usual variation the answer is that nothing changed, and no suspect is looked for: a search among
hundreds of attributes always finds one.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from vario.clock import Clock
from vario.investigate.case import Case, Clue, Prober
from vario.investigate.chain import Inside, find_inside
from vario.investigate.effect import measure_effect
from vario.investigate.evidence import Notebook
from vario.investigate.fuse import Judged, judge
from vario.investigate.mediators import find_shifted
from vario.investigate.paths import RequestPath, compare_paths, read_paths
from vario.investigate.reader import Reader
from vario.investigate.summary import say_no_change, say_nothing_there, summarise
from vario.investigate.timeline import Sign, Timeline, find_signs, read_timeline
from vario.investigate.where import Where, find_where, join, outside, scope_filter
from vario.model.filter import And, Compare, Field, Filter
from vario.model.investigation import (
    Coverage,
    Effect,
    Investigation,
    Moment,
    Question,
)
from vario.model.telemetry import Signal, TimeRange
from vario.query.filter import parse_field

TRACES = 1_200
"""Requests of each of slice and control, before and since, whose traces are read."""
CONTROL_TRACES = 500
UNKNOWN_EFFECT = Effect("requests", "1", math.nan, math.nan, math.nan, math.nan)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the first steps found of one service."""

    timeline: Timeline
    sign: Sign
    where: Where | None


def investigate(
    reader: Reader, question: Question, clock: Clock, probers: Sequence[Prober] = ()
) -> Investigation:
    """Returns the answer to a question, from what is stored at the clock's time.

    Args:
        reader: spans, logs, metrics and drift.
        question: what is asked.
        clock: what "now" means.
        probers: looked at beside the requests themselves, each for one sort of suspect.
    """
    asked_ns = clock.now_ns()
    requests = requests_of(question)
    timeline = read_timeline(reader, question, requests, asked_ns)
    if timeline is None:
        return _stop(question, asked_ns, None, say_nothing_there(question))
    signs = find_signs(timeline, question.symptom)
    if not signs:
        return _stop(question, asked_ns, timeline, say_no_change(question, timeline))
    sign = signs[0]
    where = find_where(reader, requests, timeline, sign)
    seen = _Seen(timeline, sign, where)
    notebook = Notebook(reader)
    case, inside, spans = _build_case(reader, notebook, question, requests, seen)
    clues: list[Clue] = list(find_inside(notebook, case, inside))
    for prober in probers:
        clues.extend(prober(reader, case))
    judged = judge(case, where, clues)
    return _answer(question, asked_ns, seen, case, judged, _coverage(timeline, where, spans))


def requests_of(question: Question) -> Filter:
    """Returns which spans are the requests that a question is about."""
    parts: list[Filter] = [Compare(Field("intrinsic", "entry"), "=", True)]
    if question.service:
        parts.insert(0, Compare(Field("intrinsic", "service.name"), "=", question.service))
    if question.model:
        parts.append(Compare(Field("intrinsic", "model_name"), "=", question.model))
    for name, value in sorted(question.scope.items()):
        parts.append(Compare(parse_field(name, Signal.TRACES), "=", value))
    return And(tuple(parts)) if len(parts) > 1 else parts[0]


def _build_case(
    reader: Reader, notebook: Notebook, question: Question, requests: Filter, seen: _Seen
) -> tuple[Case, Inside, int]:
    """Returns the case, what happened inside its requests, and how many spans were read."""
    timeline, onset = seen.timeline, seen.sign.onset
    baseline = timeline.span_of(0, max(onset.low, 1))
    window = timeline.span_of(min(onset.high + 1, max(onset.start, onset.end - 2)), onset.end)
    where = seen.where
    scope = dict(where.scope) if where else {}
    inner = scope_filter(scope, where.dimensions) if where and scope else None
    slice_ = join(requests, inner) if inner else requests
    control = outside(requests, inner) if inner else None
    paths, spans = _read_paths(reader, slice_, question.service, (baseline, window), TRACES)
    well: tuple[list[RequestPath], list[RequestPath]] = ([], [])
    if control is not None:
        well, more = _read_paths(
            reader, control, question.service, (baseline, window), CONTROL_TRACES
        )
        spans += more
    symptom = seen.sign.symptom
    effect, _ = measure_effect(notebook, symptom, slice_, (baseline, window), paths)
    case = Case(
        question=question,
        service=question.service,
        symptom=symptom,
        baseline=baseline,
        window=window,
        onset_ns=timeline.time_of(onset.start),
        onset_low_ns=timeline.time_of(onset.low),
        onset_high_ns=timeline.time_of(onset.high + 1),
        scope=scope,
        requests=requests,
        slice=slice_,
        control=control,
        effect=effect,
        slow_ns=timeline.slow_ns,
        history=timeline.history,
    )
    outcome = _failed if symptom == "errors" else _duration
    inside = Inside(
        before=paths[0],
        after=paths[1],
        moved=compare_paths(*paths),
        shifted=find_shifted(*paths, well, outcome),
    )
    return case, inside, spans


def _read_paths(
    reader: Reader,
    where: Filter,
    service: str,
    windows: tuple[TimeRange, TimeRange],
    limit: int,
) -> tuple[tuple[list[RequestPath], list[RequestPath]], int]:
    found: list[list[RequestPath]] = []
    spans = 0
    for window in windows:
        table = reader.store.sample_traces(where, window, limit=limit)
        spans += len(table.trace)
        found.append(read_paths(table, service))
    return (found[0], found[1]), spans


def _duration(path: RequestPath) -> float:
    return path.duration_s


def _failed(path: RequestPath) -> float:
    return float(path.error)


def _coverage(timeline: Timeline, where: Where | None, spans: int) -> Coverage:
    requests = int(timeline.count.sum())
    return Coverage(spans=requests + spans, placebos=where.attribution.placebos if where else 0)


def _answer(
    question: Question,
    asked_ns: int,
    seen: _Seen,
    case: Case,
    judged: Judged,
    coverage: Coverage,
) -> Investigation:
    moments = [
        Moment(case.onset_ns, "onset", f"{case.service or 'requests'}: {case.symptom} begins"),
        *judged.moments,
    ]
    draft = Investigation(
        id=_id_of(question, asked_ns),
        question=question,
        verdict=judged.verdict,
        asked_ns=asked_ns,
        window=case.window,
        baseline=case.baseline,
        summary=(),
        symptom=case.symptom,
        effect=case.effect,
        onset_ns=case.onset_ns,
        onset_low_ns=case.onset_low_ns,
        onset_high_ns=case.onset_high_ns,
        scope=case.scope,
        findings=tuple(judged.findings),
        ruled_out=tuple(judged.ruled_out),
        timeline=tuple(sorted(moments, key=lambda one: (one.time_ns, one.kind, one.text))),
        coverage=coverage,
    )
    return replace(draft, summary=summarise(draft, seen.timeline))


def _stop(
    question: Question, asked_ns: int, timeline: Timeline | None, summary: tuple[str, ...]
) -> Investigation:
    window = timeline.history if timeline else question.window
    spans = int(timeline.count.sum()) if timeline else 0
    return Investigation(
        id=_id_of(question, asked_ns),
        question=question,
        verdict="no_change",
        asked_ns=asked_ns,
        window=question.window,
        baseline=TimeRange(window.start_ns, max(window.start_ns, question.window.start_ns)),
        summary=summary,
        coverage=Coverage(spans=spans),
    )


def _id_of(question: Question, asked_ns: int) -> str:
    return hashlib.sha256(f"{question!r} {asked_ns}".encode()).hexdigest()[:16]
