"""From a question to an answer: the order of the steps, and when to stop.

Each step is a pure function of what the ones before it found. Where the symptom is not beyond its
usual variation the answer is that nothing changed, and no suspect is looked for: a search among
hundreds of attributes always finds one.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from vario.clock import Clock
from vario.investigate.case import Case, Clue, Prober
from vario.investigate.chain import Inside, find_inside
from vario.investigate.effect import measure_effect
from vario.investigate.evidence import Notebook
from vario.investigate.fuse import Judged, judge
from vario.investigate.measures import Measured, find_measured, measure_change, measure_now
from vario.investigate.mediators import find_shifted
from vario.investigate.paths import RequestPath, compare_paths, read_paths
from vario.investigate.reader import Reader
from vario.investigate.slices import tell_slice
from vario.investigate.summary import say_no_change, say_nothing_there, summarise
from vario.investigate.timeline import (
    Sign,
    Timeline,
    around,
    compare_days,
    find_signs,
    read_timeline,
    zoom,
)
from vario.investigate.where import (
    Where,
    cut,
    find_where,
    join,
    outside,
    scope_filter,
    share_read,
)
from vario.model.filter import And, Compare, Field, Filter
from vario.model.investigation import (
    Coverage,
    Investigation,
    Moment,
    Question,
)
from vario.model.telemetry import Signal, TimeRange
from vario.query.filter import parse_field

TRACES = 700
"""Requests of each of slice and control, before and since, whose traces are read."""
CONTROL_TRACES = 300
MOST_REQUESTS = 80_000
"""Requests that are compared: of more, those nearest to the onset."""
MOST_SERVICES = 8
"""Services that are looked at where none is named; the busiest."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the first steps found of one service.

    `timeline` is None where it has no spans, `measured` None where they show the symptom.
    """

    timeline: Timeline | None
    measured: Measured | None
    sign: Sign
    where: Where | None

    @property
    def history(self) -> TimeRange:
        source = self.measured or self.timeline
        assert source is not None, "a sign was seen in one of them"
        return source.history

    @property
    def days(self) -> tuple[int, ...]:
        """Returns how many days back those lie that it was compared with."""
        source = self.measured or self.timeline
        return source.days if source is not None else ()

    def span_of(self, first: int, end: int) -> TimeRange:
        """Returns the time of the steps from `first` up to `end`."""
        source = self.measured or self.timeline
        assert source is not None, "a sign was seen in one of them"
        start_ns = source.history.start_ns
        return TimeRange(start_ns + first * source.step_ns, start_ns + end * source.step_ns)


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
    if not question.service:
        question = replace(question, service=_find_worst(reader, question, asked_ns))
    requests = requests_of(question)
    asked = join(requests, *_asked_scope(question))
    timeline = read_timeline(reader, question, asked, asked_ns)
    if timeline is not None:
        timeline = compare_days(reader, question, asked, timeline, question.symptom)
    seen = _look(reader, question, asked, timeline, asked_ns)
    if seen is None:
        if timeline is None:
            return _stop(question, asked_ns, None, say_nothing_there(question))
        return _stop(question, asked_ns, timeline, say_no_change(question, timeline))
    notebook = Notebook(reader)
    parts = _Parts.of(requests, question, seen.where)
    series = reader.tally.series
    case, inside, spans = _build_case(reader, notebook, question, requests, seen, parts)
    clues: list[Clue] = list(find_inside(notebook, case, inside)) if inside else []
    slice_ = tell_slice(notebook, case, seen.where, parts.earlier)
    if slice_ is not None:
        clues.append(slice_)
    for prober in probers:
        clues.extend(prober(reader, case))
    reached = {one.operation[0] for one in inside.moved} if inside else set[str]()
    judged = judge(case, seen.where, clues, reached)
    coverage = replace(
        _coverage(seen, timeline, spans),
        logs=_count_logs(reader, case) if probers else 0,
        series=reader.tally.series - series,
    )
    return _answer(question, asked_ns, case, judged, coverage)


def _find_worst(reader: Reader, question: Question, now_ns: int) -> str:
    """Returns the service whose requests show a symptom most clearly, empty where none does."""
    window, _ = around(question, now_ns)
    known = reader.store.find_services(window, step_ns=max(window.duration_ns, 1))
    busiest = sorted(known, key=lambda one: (-one.requests, one.service_name))
    names = list(dict.fromkeys(one.service_name for one in busiest))[:MOST_SERVICES]
    found: list[tuple[float, str]] = []
    for name in names:
        asked = replace(question, service=name)
        requests = join(requests_of(asked), *_asked_scope(asked))
        timeline = read_timeline(reader, asked, requests, now_ns)
        if timeline is not None:
            timeline = compare_days(reader, asked, requests, timeline, question.symptom)
        signs = find_signs(timeline, question.symptom) if timeline else []
        found += [(sign.onset.statistic, name) for sign in signs[:1]]
    return max(found, default=(0.0, ""))[1]


def _look(
    reader: Reader,
    question: Question,
    requests: Filter,
    timeline: Timeline | None,
    now_ns: int,
) -> _Seen | None:
    """Returns what is wrong and for whom: by requests, and where they are well by metrics."""
    signs = find_signs(timeline, question.symptom) if timeline else []
    history, step_ns = around(question, now_ns)
    if timeline is not None:
        history, step_ns = timeline.history, timeline.step_ns
    found = [] if signs else find_measured(reader, question, history, step_ns)
    if timeline and not signs and not found and question.alert_id:
        # What an alert is about is guessed from its words; that something is wrong is not.
        timeline = compare_days(reader, question, requests, timeline, None)
        signs = find_signs(timeline, None)
    if timeline and signs:
        nearer, sign = zoom(reader, requests, timeline, signs[0], most=MOST_REQUESTS)
        return _Seen(nearer, None, sign, find_where(reader, requests, nearer, sign))
    if not found:
        return None
    measured = found[0]
    where = cut(measured.cube, measured.fields, measured.sign) if measured.measure.labels else None
    return _Seen(timeline, measured, measured.sign, where)


def requests_of(question: Question) -> Filter:
    """Returns which spans are the service's requests, those outside the asked scope as well."""
    parts: list[Filter] = [Compare(Field("intrinsic", "entry"), "=", True)]
    if question.service:
        parts.insert(0, Compare(Field("intrinsic", "service.name"), "=", question.service))
    if question.model:
        parts.append(Compare(Field("intrinsic", "model_name"), "=", question.model))
    return And(tuple(parts)) if len(parts) > 1 else parts[0]


def _asked_scope(question: Question) -> list[Filter]:
    return [
        Compare(parse_field(name, Signal.TRACES), "=", value)
        for name, value in sorted(question.scope.items())
    ]


def _build_case(
    reader: Reader,
    notebook: Notebook,
    question: Question,
    requests: Filter,
    seen: _Seen,
    parts: "_Parts",
) -> tuple[Case, Inside | None, int]:
    """Returns the case, what happened inside its requests, and how many spans were read."""
    onset, where = seen.sign.onset, seen.where
    baseline = seen.span_of(0, max(onset.low, 1))
    window = seen.span_of(min(onset.high + 1, max(onset.start, onset.end - 2)), onset.end)
    inside, measured, spans = None, None, 0
    if seen.measured is not None:
        scope = {**question.scope, **(where.scope if where else {})}
        effect, _ = measure_change(notebook, seen.measured, scope, (baseline, window))
        measured = measure_now(notebook, seen.measured.measure, scope, window.end_ns)
    else:
        inside, spans = _look_inside(reader, question, parts, (baseline, window), seen.sign)
        effect, _ = measure_effect(
            notebook,
            seen.sign.symptom,
            (parts.earlier, parts.slice),
            (baseline, window),
            (inside.before, inside.after),
        )
    case = Case(
        question=question,
        service=question.service,
        symptom=seen.sign.symptom,
        baseline=baseline,
        window=window,
        onset_ns=seen.span_of(onset.start, onset.end).start_ns,
        onset_low_ns=seen.span_of(onset.low, onset.end).start_ns,
        onset_high_ns=seen.span_of(0, onset.high + 1).end_ns,
        scope={**question.scope, **(where.scope if where else {})},
        requests=requests,
        slice=parts.slice,
        control=parts.control,
        effect=effect,
        slow_ns=seen.timeline.slow_ns if seen.timeline else 0,
        history=seen.history,
        days=seen.days,
        measured=measured,
    )
    return case, inside, spans


@dataclass(frozen=True, slots=True)
class _Parts:
    """Filters of the requests that are hurt, of what they were before, and of the others."""

    slice: Filter
    earlier: Filter
    control: Filter | None

    @classmethod
    def of(cls, requests: Filter, question: Question, where: Where | None) -> "_Parts":
        asked = _asked_scope(question)
        inner, before = list(asked), list(asked)
        if where is not None and where.scope:
            inner.append(scope_filter(where.scope, where.dimensions))
            before.append(scope_filter(where.earlier, where.dimensions))
        if not inner:
            return cls(requests, requests, None)
        scope = join(*inner)
        return cls(join(requests, scope), join(requests, *before), outside(requests, scope))


def _look_inside(
    reader: Reader,
    question: Question,
    parts: _Parts,
    windows: tuple[TimeRange, TimeRange],
    sign: Sign,
) -> tuple[Inside, int]:
    """Returns the paths of sampled requests, and what became of operations and attributes."""
    service = question.service
    before, read = _read_paths(reader, parts.earlier, service, windows[0], TRACES)
    after, more = _read_paths(reader, parts.slice, service, windows[1], TRACES)
    read += more
    well: list[list[RequestPath]] = [[], []]
    if parts.control is not None:
        for at, window in enumerate(windows):
            well[at], more = _read_paths(reader, parts.control, service, window, CONTROL_TRACES)
            read += more
    outcome = _failed if sign.symptom == "errors" else _duration
    inside = Inside(
        before=before,
        after=after,
        moved=compare_paths(before, after),
        shifted=find_shifted(before, after, (well[0], well[1]), outcome),
    )
    return inside, read


def _read_paths(
    reader: Reader, where: Filter, service: str, window: TimeRange, limit: int
) -> tuple[list[RequestPath], int]:
    table = reader.store.sample_traces(where, window, limit=limit)
    return read_paths(table, service), len(table.trace)


def _duration(path: RequestPath) -> float:
    return path.duration_s


def _failed(path: RequestPath) -> float:
    return float(path.error)


def _coverage(seen: _Seen, whole: Timeline | None, spans: int) -> Coverage:
    """Returns what was read; of more requests than are compared, which are not."""
    placebos = seen.where.attribution.placebos if seen.where else 0
    if whole is None or seen.timeline is None:
        return Coverage(spans=spans, placebos=placebos)
    every = float(whole.count.sum())
    compared = float(seen.timeline.count.sum()) * share_read(seen.timeline)
    sampled = min(1.0, compared / max(every, 1.0))
    minutes = seen.timeline.history.duration_ns / 6e10
    left = (f"requests further from the onset than {minutes / 2:.0f} minutes",)
    return Coverage(
        spans=int(every) + spans,
        sampled=round(sampled, 3),
        placebos=placebos,
        left_out=left if sampled < 1 else (),
    )


def _count_logs(reader: Reader, case: Case) -> int:
    """Returns how many records of the service there are from the baseline to the window's end."""
    where = Compare(Field("intrinsic", "service.name"), "=", case.service)
    span = TimeRange(case.baseline.start_ns, case.window.end_ns)
    return int(reader.store.aggregate(Signal.LOGS, "count", None, where, span))


def _answer(
    question: Question, asked_ns: int, case: Case, judged: Judged, coverage: Coverage
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
        measured=case.measured,
        onset_ns=case.onset_ns,
        onset_low_ns=case.onset_low_ns,
        onset_high_ns=case.onset_high_ns,
        scope=case.scope,
        findings=tuple(judged.findings),
        ruled_out=tuple(judged.ruled_out),
        timeline=tuple(sorted(moments, key=lambda one: (one.time_ns, one.kind, one.text))),
        coverage=coverage,
        days=case.days,
    )
    return replace(draft, summary=summarise(draft))


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
        days=timeline.days if timeline else (),
    )


def _id_of(question: Question, asked_ns: int) -> str:
    return hashlib.sha256(f"{question!r} {asked_ns}".encode()).hexdigest()[:16]
