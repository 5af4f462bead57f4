"""What was changed near the onset: markers, replicas, and how many requests there are.

A marker that was told is a suspect by its time and its target alone: what it says may have nothing
to do with the damage, so it never counts as proof by itself. One that is limited to another part
of the traffic than the damage is cleared.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from vario.investigate.case import Case, Clue
from vario.investigate.evidence import Notebook
from vario.investigate.frame import (
    Frame,
    believe,
    frame_of,
    join,
    judge_time,
    make_effect,
    say_scope,
)
from vario.investigate.rates import Change, Floats, compare_rates, find_start
from vario.investigate.reader import Reader
from vario.investigate.season import DAY_NS, say_days
from vario.model.filter import Compare, Field, Filter
from vario.model.investigation import Finding, FindingKind, Moment, RuledOut
from vario.model.marker import Marker, MarkerKind
from vario.model.telemetry import Signal, TimeRange

EARLIER_NS = 3600 * 10**9
"""Markers are looked for so long before the baseline."""
DECAY_NS = 20 * 60 * 10**9
LEAST_SURGE = 1.25
"""So many times as many requests are a surge, by the lower bound."""
LEAST_SCALING = 1.25
INSTANCE = Field("resource", "service.instance.id")

_MOMENTS: Mapping[MarkerKind, str] = {
    "release": "release", "config": "configuration", "flag": "configuration", "scale": "scaling",
    "fix": "fix", "note": "note",
}  # fmt: skip
_FINDINGS: Mapping[MarkerKind, FindingKind] = {
    "release": "release", "config": "configuration", "flag": "configuration", "scale": "change",
}  # fmt: skip
_UNDO: Mapping[MarkerKind, str] = {
    "release": "Take the release back{where}.",
    "config": "Set it back{where} to what it was.",
    "flag": "Switch the flag back{where}.",
    "scale": "Set the number of replicas{where} back.",
}


def probe_markers(reader: Reader, case: Case) -> Sequence[Clue]:
    """Returns what people and machines said they changed, as moments and as suspects."""
    span = TimeRange(max(0, case.history.start_ns - EARLIER_NS), case.history.end_ns)
    # Of every service: what an upstream changed matters too.
    markers = reader.store.find_markers(span, limit=100)
    clues: list[Clue] = []
    for marker in markers:
        clues.append(Moment(marker.time_ns, _MOMENTS[marker.kind], _say(marker), marker.link))
        if marker.kind in _FINDINGS:
            clues.append(_weigh(case, marker))
    return clues


def _say(marker: Marker) -> str:
    whom = " ".join(filter(None, (marker.service, *marker.scope.values())))
    by = f" ({marker.by})" if marker.by else ""
    return f"{whom}: {marker.text}{by}" if whom else f"{marker.text}{by}"


def _weigh(case: Case, marker: Marker) -> Clue:
    subject = _subject(marker)
    if marker.time_ns > case.onset_high_ns:
        minutes = (marker.time_ns - case.onset_ns) / 6e10
        return RuledOut(subject, f"it was {minutes:.0f} minutes after the onset")
    for name, value in marker.scope.items():
        if case.scope.get(name, value) != value:
            return RuledOut(subject, f"it changed {value}, and the damage is{say_scope(case)}")
    lag_ns = max(0, case.onset_low_ns - marker.time_ns)
    same = bool(marker.scope) and all(
        case.scope.get(name) == value for name, value in marker.scope.items()
    )
    # Changed for everybody, hurts one part; or for one part, and hurts everybody.
    target = 1.0 if same else 0.8 if bool(marker.scope) == bool(case.scope) else 0.55
    owner = 1.0 if marker.service == case.service else 0.75
    minutes = (case.onset_ns - marker.time_ns) / 6e10
    when = f"{minutes:.0f} minutes before the onset" if minutes >= 1.5 else "at the onset"
    where = f" for {', '.join(marker.scope.values())}" if marker.scope else ""
    return Finding(
        kind=_FINDINGS[marker.kind],
        subject=subject,
        statement=f"{_say(marker)}, {when}.",
        confidence=round(0.68 * math.exp(-lag_ns / DECAY_NS) * target * owner, 3),
        onset_ns=marker.time_ns,
        supports=("it was limited to where the damage is",) if same else (),
        cause=_MOMENTS[marker.kind],
        next_step=_UNDO[marker.kind].format(where=where),
    )


def _subject(marker: Marker) -> dict[str, str]:
    named = {"change": marker.text} if marker.kind != "release" else {"release": marker.text}
    service = {"service": marker.service} if marker.service else {}
    return {**named, **service, **marker.scope}


def probe_traffic(reader: Reader, case: Case) -> Sequence[Clue]:
    """Returns a surge, or a fall, of the slice's requests."""
    frame = frame_of(case)
    counts = _count(reader, case.slice, frame)
    change = _compare(frame, counts)
    if change is None:
        return ()
    rises = change.ratio_low >= LEAST_SURGE
    if not rises and change.ratio_high > 1 / LEAST_SURGE:
        return ()
    start = find_start(counts, frame.boundary(case.onset_ns), threshold=3.0)
    began_ns = 0 if start is None else frame.start_of(start)
    usual = _usual_on(reader, case, frame, change) if rises else 0
    if usual:
        reason = f"about as many more come at {say_days((usual,))}"
        return [RuledOut({"traffic": "more", **case.scope}, reason)]
    shared, well = False, ""
    if case.control is not None:
        elsewhere = _compare(frame, _count(reader, case.control, frame))
        if elsewhere is not None:
            shared = rises and elsewhere.ratio > 0.8 * change.ratio
            well = f"elsewhere {elsewhere.ratio:.2g} times as many"
    word = "more" if rises else "fewer"
    book = Notebook(reader)
    text = (
        f"{change.ratio:.2g} times as many requests{say_scope(case)}: {change.after:.3g}/s,"
        f" before {change.before:.3g}/s"
    )
    return [
        Moment(began_ns or case.onset_ns, "traffic", text),
        Finding(
            kind="traffic",
            subject={"traffic": word, **case.scope},
            statement=f"{text}.",
            effect=make_effect(
                "requests per second", "/s", change.before, change.after, (change.low, change.high)
            ),
            confidence=believe(
                q=change.p,
                timing=judge_time(case, began_ns),
                control=0.25 if shared else 1.0 if well else 0.75,
                ceiling=0.65 if rises and case.symptom != "cost" else 0.3,
            ),
            onset_ns=began_ns,
            evidence=tuple(
                book.count(f"requests {when}", case.slice, part)
                for when, part in (("before", case.baseline), ("since then", case.window))
            ),
            supports=(well,) if well and not shared else (),
            contradicts=("the rest has as many more, and is well",) if shared else (),
            cause="traffic",
            next_step="Add capacity for the traffic, or shed the least important of it.",
        ),
    ]


def _usual_on(reader: Reader, case: Case, frame: Frame, change: Change) -> int:
    """Returns how many days back there was such a surge at the same time; 0 for none."""
    for days in case.days:
        start_ns = frame.span.start_ns - days * DAY_NS
        span = TimeRange(start_ns, start_ns + frame.span.duration_ns)
        then = _compare(frame, _count(reader, case.slice, replace(frame, span=span)))
        if then is not None and then.ratio > 0.8 * change.ratio:
            return days
    return 0


def _count(reader: Reader, where: Filter, frame: Frame) -> Floats:
    cube = reader.store.read_cube(Signal.TRACES, where, frame.span, step_ns=frame.step_ns, by=())
    return cube.count.sum(axis=0)


def _compare(frame: Frame, counts: Floats) -> Change | None:
    """Returns how the rate changed, None where it cannot be said."""
    if not frame.before.any() or not frame.after.any():
        return None
    seconds = np.full(frame.steps, frame.step_ns / 1e9)
    before, after = frame.tallies(counts, seconds)
    return compare_rates(before, after) if before.total >= 20 else None


def probe_scaling(reader: Reader, case: Case) -> Sequence[Clue]:
    """Returns how many instances answer, where that changed: by spans, else by metrics."""
    frame = frame_of(case)
    counted = _instances(reader, case, frame)
    if counted is None:
        return ()
    replicas, source = counted
    known = np.isfinite(replicas)
    before, after = replicas[frame.before & known], replicas[frame.after & known]
    if len(before) < 3 or len(after) < 2:
        return ()
    old, new = float(np.median(before)), float(np.median(after))
    ratio = new / max(old, 1e-9)
    if abs(new - old) < 1 or 1 / LEAST_SCALING < ratio < LEAST_SCALING:
        return ()
    start = find_start(replicas, frame.boundary(case.onset_ns), threshold=2.0)
    began_ns = 0 if start is None else frame.start_of(start)
    moment = Moment(
        began_ns or case.onset_ns, "scaling",
        f"{case.service}: {new:.0f} replicas{say_scope(case)}, before {old:.0f}",
    )  # fmt: skip
    # More replicas are an answer to load, or what costs; fewer are what slows down.
    guilty = new > old if case.symptom == "cost" else new < old
    if not guilty:
        return [moment]
    book = Notebook(reader)
    evidence = tuple(
        book.ask(f"replicas {when}", "promql", source.format(window=_range(part)), part, unit="")
        if source
        else book.select(
            f"instances that answered {when}", "distinct", INSTANCE, case.slice, part, unit=""
        )
        for when, part in (("before", case.baseline), ("since then", case.window))
    )
    return [
        moment,
        Finding(
            kind="change",
            subject={"replicas": case.service, **case.scope},
            statement=(
                f"{new:.0f} replicas of {case.service} answer{say_scope(case)}, before {old:.0f}."
            ),
            effect=make_effect("replicas", "", old, new, (new - old, new - old)),
            confidence=believe(q=1e-4, timing=judge_time(case, began_ns), ceiling=0.8),
            onset_ns=began_ns,
            evidence=evidence,
            cause="capacity",
            next_step=(
                "Find out what the autoscaler reacted to; set its bounds."
                if new > old
                else "Find out why replicas went away; bring them back."
            ),
        ),
    ]


def _range(part: TimeRange) -> str:
    return f"{part.duration_ns // 10**6}ms"


def _instances(reader: Reader, case: Case, frame: Frame) -> tuple[Floats, str] | None:
    """Returns instances by step and the PromQL that counts them (empty: spans do)."""
    named = join(case.slice, Compare(INSTANCE, "!=", ""))
    cube = reader.store.read_cube(
        Signal.TRACES, named, frame.span, step_ns=frame.step_ns, by=(INSTANCE,)
    )
    if len(cube.keys) > 0:
        return (cube.count > 0).sum(axis=0).astype(np.float64), ""
    if not case.service:
        return None
    region = case.scope.get("region", "")
    where = f'job=~"(.+/)?{case.service}"' + (f', region="{region}"' if region else "")
    measured = reader.evaluate_range(f"sum(up{{{where}}})", frame.span, frame.step_ns)
    if not len(measured.labels):
        return None
    values = measured.values[0][: frame.steps]
    filled = np.full(frame.steps, np.nan)
    filled[: len(values)] = values
    return filled, f"sum(avg_over_time(up{{{{{where}}}}}[{{window}}]))"
