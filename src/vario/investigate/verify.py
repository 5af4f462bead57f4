"""Whether a claimed fix works: what is measured of an incident, and the proof, in words.

The measure is that of the incident's symptom: mean duration and the share of errors from the
requests themselves, everything else from the metric that the investigation found. It is read in
the slice that was hurt, by segment, and where there is traffic outside the slice, there too.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vario.investigate.blocks import LEAST_REQUESTS, Table, whole_steps
from vario.investigate.evidence import DURATION, Notebook
from vario.investigate.measures import Measure, find_measure, read_steps
from vario.investigate.pipeline import requests_of
from vario.investigate.proof import TOO_LITTLE, Judgement, judge_fix
from vario.investigate.reader import Reader
from vario.investigate.season import find_days, say_days
from vario.investigate.trial import Trial
from vario.investigate.where import join, outside, scope_filter
from vario.model.filter import Field, Filter
from vario.model.investigation import (
    Evidence,
    FixSource,
    FixVerdict,
    Investigation,
    Question,
    Symptom,
    Verification,
)
from vario.model.telemetry import Signal, TimeRange
from vario.query.filter import parse_field
from vario.store.base import Cube

S = 10**9
SHORT_STEP_NS, LONG_STEP_NS = 10 * S, 60 * S
METRIC_STEPS_NS = (10 * S, 20 * S, 30 * S, 60 * S, 120 * S)
"""A metric is read in the first of these in which nearly every step has a value of it: how often it
is collected decides, and an incident minutes after the start leaves few steps before it."""
NEARLY_EVERY = 0.9
SHORT_NS = 3 * 3600 * S
"""Incidents up to this long are looked at in short steps."""
SHORT_HISTORY_NS, LONG_HISTORY_NS = 2 * 3600 * S, 24 * 3600 * S
LEAST_EARLIER = 0.8
"""Part of the steps with requests that an earlier day must have, to be compared with."""
LATE_NS = 12 * S
"""Data of the last seconds may still be on its way."""
ONSET_UNKNOWN_NS = 300 * S
ONSET_LATEST_NS = 60 * S
"""Without an investigation, the incident began at most so long before its alert was active; the
second where there is no data from before the first."""
_SEGMENT = re.compile(
    r"(.*[._])?(region|zone|route|endpoint|method|tier|plan|tenant|customer|device|platform|country)",
    re.IGNORECASE,
)
_MOST_DIMENSIONS = 2
_VERSIONS = ("model_version", "service.version")
_PROFILED_ROWS = 20_000


@dataclass(frozen=True, slots=True)
class Claim:
    """A fix that is claimed, and of what.

    Attributes:
        question: what the incident's alert asks; its scope holds in any case.
        found: the latest investigation, None where there is none.
        active_ns: since when the incident's first alert was active.
        claimed_ns: when it was said to be fixed.
        source: who said so.
        tolerance: how far above the baseline still counts as recovered.
    """

    question: Question
    found: Investigation | None
    active_ns: int
    claimed_ns: int
    source: FixSource
    tolerance: float

    @property
    def has_onset(self) -> bool:
        """Whether an investigation has found when it began."""
        return self.found is not None and self.found.onset_ns > 0

    @property
    def onset(self) -> tuple[int, int]:
        """Between which times it began."""
        found = self.found
        if found is not None and found.onset_ns:
            return found.onset_low_ns or found.onset_ns, found.onset_high_ns or found.onset_ns
        return self.active_ns - ONSET_UNKNOWN_NS, self.active_ns


@dataclass(frozen=True, slots=True)
class _Subject:
    """What is measured: its tables, its name, and the query of one number of it.

    `days` is how many days back the control lies, 0 for other traffic of the same time.
    """

    name: str
    unit: str
    slice: Table
    control: Table | None
    guards: dict[str, Table]
    is_share: bool
    where: Filter | None = None
    measure: Measure | None = None
    days: int = 0

    @property
    def is_gauge(self) -> bool:
        """Whether a step has one value, rather than an amount of so many requests."""
        return self.measure is not None and not self.measure.total


def verify(
    reader: Reader, claim: Claim, now_ns: int, previous: FixVerdict = "too_early"
) -> Verification:
    """Returns how far the proof of a fix is.

    Args:
        reader: what may be read.
        claim: the fix.
        now_ns: the time.
        previous: the verdict so far.
    """
    low_ns, high_ns = claim.onset
    window = _window(low_ns, claim.claimed_ns, now_ns)
    subject = _choose(reader, claim, window)
    if subject is None:
        remark = "nothing is there to measure it by: neither requests nor a metric of the symptom"
        return _show(claim, Judgement("too_early", remark=remark), None, now_ns, ())
    trial = Trial(
        subject.slice,
        subject.control,
        low_ns,
        max(high_ns, low_ns),
        claim.claimed_ns,
        subject.is_share,
        claim.tolerance,
        subject.guards,
        1 if subject.is_gauge else LEAST_REQUESTS,
    )
    judged = judge_fix(trial, previous)
    if judged.remark == TOO_LITTLE and not claim.has_onset:
        later_ns = claim.active_ns - ONSET_LATEST_NS
        judged = judge_fix(replace(trial, onset_low_ns=later_ns), previous)
    checked_ns = subject.slice.start_ns + subject.slice.steps * subject.slice.step_ns
    evidence = _evidence(reader, subject, judged, claim, checked_ns)
    return _show(claim, judged, subject, checked_ns, evidence)


def _window(low_ns: int, claimed_ns: int, now_ns: int) -> tuple[TimeRange, int]:
    """Returns what is looked at, and in which steps."""
    is_short = now_ns - low_ns <= SHORT_NS
    step_ns = SHORT_STEP_NS if is_short else LONG_STEP_NS
    start_ns = max(0, low_ns - (SHORT_HISTORY_NS if is_short else LONG_HISTORY_NS))
    # A step begins at the claim: what was before it says nothing about the fix.
    start_ns += (claimed_ns - start_ns) % step_ns
    steps = max(1, (now_ns - LATE_NS - start_ns) // step_ns)
    return TimeRange(start_ns, start_ns + steps * step_ns), step_ns


def _choose(reader: Reader, claim: Claim, window: tuple[TimeRange, int]) -> _Subject | None:
    """Returns what is measured, by the symptom; the requests where that is not known."""
    found = claim.found
    symptom: Symptom | None = (found.symptom if found else None) or claim.question.symptom
    name = found.effect.measure if found is not None and found.effect is not None else ""
    measure = None
    if symptom in ("quality", "cost", "saturation"):
        asked = replace(claim.question, symptom=symptom)
        measure = find_measure(reader, asked, window[0], name)
    if measure is not None:
        return _of_metric(reader, claim, measure, window[0])
    return _of_requests(reader, claim, symptom, *window)


def _of_requests(
    reader: Reader, claim: Claim, symptom: Symptom | None, window: TimeRange, step_ns: int
) -> _Subject | None:
    requests, scope = _split(claim)
    slice_ = join(requests, scope) if scope is not None else requests
    by = _dimensions(reader, slice_, window)
    cube = reader.store.read_cube(Signal.TRACES, slice_, window, step_ns=step_ns, by=by)
    if not cube.keys:
        return None
    other = None
    if scope is not None:
        other = reader.store.read_cube(
            Signal.TRACES, outside(requests, scope), window, step_ns=step_ns, by=by
        )
        other = other if other.keys else None
    is_errors = symptom == "errors" or (symptom is None and _errors_rose(cube, claim, window))

    def table(of: Cube) -> Table:
        amount = of.errors if is_errors else of.duration_s
        return Table(window.start_ns, step_ns, amount, of.count)

    def earlier(days: int, then: TimeRange) -> tuple[int, Cube] | None:
        day = reader.store.read_cube(Signal.TRACES, slice_, then, step_ns=step_ns, by=by)
        busy = cube.count.sum(axis=0) > 0
        there = day.keys and (day.count.sum(axis=0)[busy] > 0).mean() >= LEAST_EARLIER
        return (days, day) if there else None

    days = 0
    if other is None:
        # A wave of the day ends by itself, as an incident may: the day before tells them apart.
        known = find_days(reader, claim.question.service, window, earlier)
        days, other = known[0] if known else (0, None)
    guards: dict[str, Table] = {}
    if not is_errors:
        guards["errors"] = Table(window.start_ns, step_ns, cube.errors, cube.count)
    return _Subject(
        name="share of failed requests" if is_errors else "mean duration",
        unit="1" if is_errors else "s",
        slice=table(cube),
        control=table(other) if other is not None else None,
        guards=guards,
        is_share=is_errors,
        where=slice_,
        days=days,
    )


def _errors_rose(cube: Cube, claim: Claim, window: TimeRange) -> bool:
    """Whether errors rose more clearly than durations did, where nobody said what is wrong."""
    step_ns = window.duration_ns // max(1, cube.count.shape[1])
    at = (claim.onset[0] - window.start_ns) // step_ns
    until = (claim.claimed_ns - window.start_ns) // step_ns
    before, during = cube.count[:, :at].sum(), cube.count[:, at:until].sum()
    if before <= 0 or during <= 0:
        return False
    usual, now = cube.errors[:, :at].sum() / before, cube.errors[:, at:until].sum() / during
    chance = math.sqrt(max(usual, 1 / before) * (1 / before + 1 / during))
    return bool(now - usual > max(6 * chance, 0.01))


def _split(claim: Claim) -> tuple[Filter, Filter | None]:
    """Returns the requests that the question is about, and where among them it was wrong."""
    found = claim.found
    # What an alert names (a region) is where it hurts: the rest of the service is what compares.
    scope = _without_versions(
        {**claim.question.scope, **(dict(found.scope) if found is not None else {})}
    )
    requests = requests_of(replace(claim.question, scope={}))
    if not scope:
        return requests, None
    fields = {name: parse_field(name, Signal.TRACES) for name in scope}
    return requests, scope_filter(scope, fields)


def _without_versions(scope: Mapping[str, str]) -> dict[str, str]:
    """Returns a scope that still has traffic once a release is taken back."""
    return {name: value for name, value in scope.items() if name not in _VERSIONS}


def _dimensions(reader: Reader, where: Filter, window: TimeRange) -> list[Field]:
    """Returns by which attributes the traffic mix is kept: where requests come from, never how
    they were served, which is what a fix changes.
    """  # noqa: D205
    newest = TimeRange(max(window.start_ns, window.end_ns - SHORT_HISTORY_NS), window.end_ns)
    profiles = reader.store.profile_fields(Signal.TRACES, where, newest, rows=_PROFILED_ROWS)
    usable = [
        one
        for one in profiles
        if _SEGMENT.fullmatch(one.field.name) and 1 < one.distinct <= 20 and one.share > 0.5
    ]
    usable.sort(key=lambda one: (one.distinct, one.field.name))
    return [Field("intrinsic", "name"), *(one.field for one in usable[:_MOST_DIMENSIONS])]


def _of_metric(
    reader: Reader, claim: Claim, measure: Measure, window: TimeRange
) -> _Subject | None:
    chosen: tuple[TimeRange, int] | None = None
    for step_ns in METRIC_STEPS_NS:
        whole = whole_steps(window, step_ns, claim.claimed_ns)
        cube = read_steps(reader, measure, whole, step_ns) if whole.duration_ns > 0 else None
        if cube is None or not cube.count.any():
            continue
        there = np.flatnonzero(cube.count.any(axis=0))
        chosen = whole, step_ns
        if len(there) >= NEARLY_EVERY * (there[-1] + 1 - there[0]):
            break
    if chosen is None:
        return None
    cube = read_steps(reader, measure, *chosen, once=True)
    return _cut_metric(claim, measure, cube, chosen[0].start_ns, chosen[1]) if cube else None


def _cut_metric(
    claim: Claim, measure: Measure, cube: Cube, start_ns: int, step_ns: int
) -> _Subject:
    """Returns a metric inside the scope and outside of it."""
    found = claim.found
    scope = _without_versions(found.scope if found is not None else claim.question.scope)
    inside = [
        all(
            scope.get(name, value) == value for name, value in zip(measure.labels, key, strict=True)
        )
        for key in cube.keys
    ]
    rows = np.array(inside, dtype=np.bool_)
    is_cut = bool(rows.any() and not rows.all())

    def table(kept: NDArray[np.bool_]) -> Table:
        return Table(start_ns, step_ns, cube.errors[kept], cube.count[kept])

    return _Subject(
        name=f"share rejected (1 - {measure.name})" if measure.falls else measure.name,
        unit=measure.unit,
        slice=table(rows if rows.any() else ~rows),
        control=table(~rows) if is_cut else None,
        guards={},
        is_share=measure.unit == "1",
        measure=measure,
    )


def _evidence(
    reader: Reader, subject: _Subject, judged: Judgement, claim: Claim, checked_ns: int
) -> tuple[Evidence, ...]:
    """Returns the plain numbers before, during and since, as anyone can ask for them again."""
    low_ns, high_ns = claim.onset
    parts = {
        "before": TimeRange(subject.slice.start_ns, low_ns),
        "during": TimeRange(min(high_ns, claim.claimed_ns - 1), claim.claimed_ns),
        "since": TimeRange(max(claim.claimed_ns, judged.since_ns), checked_ns),
    }
    notebook = Notebook(reader)
    found: list[Evidence] = []
    for name, window in parts.items():
        if window.duration_ns <= 0:
            continue
        title = f"{subject.name} {name}, with the traffic as it was"
        if subject.measure is not None:
            scope = _without_versions(claim.found.scope) if claim.found is not None else {}
            query = subject.measure.ratio(scope, window)
            if subject.measure.falls:
                query = f"1 - ({query})"
            found.append(notebook.ask(title, "promql", query, window, unit=subject.unit))
        elif subject.where is not None and not subject.is_share:
            found.append(notebook.select(title, "avg", DURATION, subject.where, window))
    return tuple(found)


def _show(
    claim: Claim,
    judged: Judgement,
    subject: _Subject | None,
    checked_ns: int,
    evidence: tuple[Evidence, ...],
) -> Verification:
    return Verification(
        verdict=judged.verdict,
        claimed_ns=claim.claimed_ns,
        source=claim.source,
        checked_ns=checked_ns,
        measure=subject.name if subject is not None else "",
        unit=subject.unit if subject is not None else "",
        baseline=judged.baseline,
        incident=judged.incident,
        now=judged.now,
        to_baseline_low=judged.to_baseline_low,
        to_baseline_high=judged.to_baseline_high,
        to_incident_low=judged.to_incident_low,
        to_incident_high=judged.to_incident_high,
        tolerance=claim.tolerance,
        statement=_say(claim, judged, subject),
        requests=judged.requests,
        mix_adjusted=judged.mix_adjusted,
        controlled=judged.controlled,
        guards=judged.guards,
        points=judged.points,
        eta_ns=checked_ns + judged.more * judged.block_ns if judged.more else 0,
        evidence=evidence,
    )


def _say(claim: Claim, judged: Judgement, subject: _Subject | None) -> str:
    """Returns the verdict in one or two sentences."""
    if subject is None or math.isnan(judged.now):
        return f"{judged.remark or 'no data has arrived since the fix'}.".capitalize()
    now, before = _quantity(judged.now, subject.unit), _quantity(judged.baseline, subject.unit)
    during = _quantity(judged.incident, subject.unit)
    levels = f"The {subject.name} is {now}, after {during} during the incident and {before} before"
    high, low = judged.to_baseline_high, judged.to_baseline_low
    against = ""
    if math.isfinite(high):
        against = f" ({low:.2f} to {high:.2f} times as before"
        beside = say_days((subject.days,)) if subject.days else "what was not affected"
        against += f", beside {beside})" if judged.controlled else ")"
    tails = {
        "recovered": f": within {claim.tolerance:.0%} of what it was.",
        "improved": f": better, but not within {claim.tolerance:.0%} of what it was.",
        "not_recovered": ": that is not better than during the incident.",
        "relapsed": ": it has risen again since the fix was proved.",
        "too_early": ": too little data to be sure.",
    }
    tail = tails[judged.verdict]
    if judged.verdict == "improved" and judged.remark:
        tail = ": better."
    said = f"{levels}{against}{tail}"
    if judged.remark:
        said += f" It is not called recovered, because {judged.remark}."
    return said


def _quantity(value: float, unit: str) -> str:
    if not math.isfinite(value):
        return "unknown"
    if unit == "s":
        return f"{value * 1e3:.3g} ms" if abs(value) < 1 else f"{value:.3g} s"
    if unit == "1":
        return f"{value:.2%}"
    return f"{value:.4g} {unit}"
