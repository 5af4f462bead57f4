"""Weighs suspects against each other: what stands, in which order, and how far to believe it.

A suspect is raised by what happened in the right order, by the same part of the traffic, and by
what it would bring about having been seen. It is sunk by beginning later than the symptom.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from vario.investigate.case import Case, Clue
from vario.investigate.slices import BAD
from vario.investigate.where import Where
from vario.investigate.words import say_share
from vario.model.investigation import (
    Finding,
    FindingKind,
    Moment,
    RuledOut,
    Verdict,
)

MOST_FINDINGS = 5
MIN_CONFIDENCE = 0.15
HIGH = 0.7
"""A cause with this confidence is named: of 100 healthy controls at most one has such a finding."""

CAUSES: frozenset[FindingKind] = frozenset({
    "mediator", "dependency", "feature", "resource", "release", "change", "configuration",
})  # fmt: skip
"""Kinds that say why; the others say where, or what else was seen."""
_WEIGHT: Mapping[FindingKind, float] = {
    "feature": 1.0, "mediator": 1.0, "configuration": 0.97, "release": 0.95, "dependency": 0.95,
    "change": 0.9, "resource": 0.8, "traffic": 0.7, "operation": 0.7, "log": 0.6, "slice": 0.6,
}  # fmt: skip


_BEGINNINGS: frozenset[FindingKind] = frozenset({"release", "configuration", "change", "traffic"})
_FOLLOWING: frozenset[FindingKind] = frozenset({"mediator", "dependency", "feature"})
"""What a change at the onset makes more likely; a new log line or gauge it does not."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What stands after weighing."""

    verdict: Verdict
    findings: Sequence[Finding]
    ruled_out: Sequence[RuledOut]
    moments: Sequence[Moment]


def judge(
    case: Case, where: Where | None, clues: Sequence[Clue], services: Collection[str] = ()
) -> Judged:
    """Returns the findings in order, what is ruled out, and what happened when.

    `services` are those that the requests were seen to reach.
    """
    found = [_at_home(case, one, services) for one in clues if isinstance(one, Finding)]
    ruled_out = [one for one in clues if isinstance(one, RuledOut)]
    kept: list[Finding] = []
    for one in found:
        late = _is_late(case, one)
        if late:
            ruled_out.append(RuledOut(one.subject, late, one.evidence))
        elif one.confidence >= MIN_CONFIDENCE:
            kept.append(one)
    mix = _tell_mix(case, where)
    if mix is not None:
        # What follows from other traffic needs no other cause.
        kept = [mix, *(replace(one, confidence=0.3 * one.confidence) for one in kept)]
    kept = [_weigh(case, one, kept) for one in _merge(kept)]
    kept = [one for one in kept if one.confidence >= MIN_CONFIDENCE]
    kept.sort(key=lambda one: (-one.confidence * _WEIGHT[one.kind], one.kind, one.statement))
    findings = kept[:MOST_FINDINGS]
    return Judged(
        verdict=_verdict(findings),
        findings=findings,
        ruled_out=ruled_out[:12],
        moments=[one for one in clues if isinstance(one, Moment)],
    )


def _at_home(case: Case, one: Finding, services: Collection[str]) -> Finding:
    """Returns a finding, believed less where it is about a service that no request reaches."""
    service = one.subject.get("service", case.service)
    if not case.service or not services or service in services or service == case.service:
        return one
    note = f"requests of {case.service} were not seen to reach {service}"
    return replace(one, confidence=0.4 * one.confidence, contradicts=(*one.contradicts, note))


def _merge(found: Sequence[Finding]) -> list[Finding]:
    """Returns one finding for each suspect: the one that is believed most, with all evidence."""
    groups: dict[tuple[str, ...], list[Finding]] = {}
    for one in found:
        groups.setdefault(_identity(one), []).append(one)
    merged: list[Finding] = []
    for group in groups.values():
        group.sort(key=lambda one: (-one.confidence, one.statement))
        best = group[0]
        subject: dict[str, str] = {}
        for one in reversed(group):
            subject |= one.subject
        merged.append(
            replace(
                best,
                subject=subject,
                evidence=tuple(dict.fromkeys(e for one in group for e in one.evidence))[:12],
                trace_ids=best.trace_ids or next((o.trace_ids for o in group if o.trace_ids), ()),
                logs=best.logs or next((o.logs for o in group if o.logs), ()),
                supports=(*best.supports, *(one.statement for one in group[1:])),
            )
        )
    return merged


_SPOKEN_FOR = ("upstream", "feature", "release", "cache_hit", "batch_size", "metric", "pattern")
"""Parts of a subject that name the suspect; the rest says where."""


def _identity(one: Finding) -> tuple[str, ...]:
    named = [f"{n}={one.subject[n]}" for n in _SPOKEN_FOR if n in one.subject]
    if named:
        return (one.kind, *named)
    return (one.kind, *(f"{n}={v}" for n, v in sorted(one.subject.items())))


def _tell_mix(case: Case, where: Where | None) -> Finding | None:
    """Returns that there is other traffic, where that is most of the change."""
    if where is None or where.scope:
        return None
    change = where.attribution.change
    moved = change.after - change.before
    if moved <= 0 or change.mix < 0.5 * moved:
        return None
    what = BAD.get(case.symptom, "are not as they should be")
    return Finding(
        kind="traffic",
        subject={"traffic": "mix"},
        statement=(
            f"{say_share(min(change.mix / moved, 1.0))} of the change comes from other traffic: "
            f"parts that were always so take a larger share. At the mix of before "
            f"{say_share(change.before + change.rate)} of requests {what}, not "
            f"{say_share(change.after)}."
        ),
        explained=min(change.mix / moved, 1.0),
        confidence=0.6,
        onset_ns=case.onset_ns,
        cause="traffic",
        next_step="Nothing became worse by itself: look at who sends more, not at a release.",
    )


def _verdict(findings: Sequence[Finding]) -> Verdict:
    if any(one.kind in CAUSES and one.confidence >= HIGH for one in findings):
        return "explained"
    return "partial" if any(one.confidence >= 0.3 for one in findings) else "unexplained"


def _is_late(case: Case, one: Finding) -> str:
    """Returns why a suspect cannot be: it began well after the symptom; empty where it may."""
    slack_ns = max(case.onset_high_ns - case.onset_low_ns, 60 * 10**9)
    if one.onset_ns > case.onset_high_ns + slack_ns:
        return f"it began {(one.onset_ns - case.onset_ns) / 6e10:.0f} minutes after the symptom"
    return ""


def _weigh(case: Case, one: Finding, others: Sequence[Finding]) -> Finding:
    """Returns a finding with what else speaks for it."""
    supports = list(one.supports)
    belief = one.confidence
    if one.kind == "dependency" and (through := _mediator_of(one, others)) is not None:
        # More calls reach it because of how requests are served: a step on the way, not its start.
        belief = min(belief, 0.9 * through.confidence)
    for other in others:
        leads = other.kind in _BEGINNINGS and other.onset_ns <= case.onset_high_ns
        if leads and one.kind in _FOLLOWING and _belong(one, other):
            supports.append(other.statement)
            belief += (1 - belief) * 0.4 * other.confidence
    return replace(one, confidence=round(min(belief, 0.99), 3), supports=tuple(supports[:6]))


def _mediator_of(one: Finding, others: Sequence[Finding]) -> Finding | None:
    through = [
        other
        for other in others
        if other.kind == "mediator" and "span" in other.subject and _agree(one, other)
        and other.confidence >= 0.5
    ]  # fmt: skip
    return max(through, key=lambda other: other.confidence, default=None)


def _agree(one: Finding, other: Finding) -> bool:
    shared = set(one.subject) & set(other.subject) - {"span"}
    return all(one.subject[name] == other.subject[name] for name in shared)


def _belong(one: Finding, other: Finding) -> bool:
    """Returns whether two suspects speak of the same part of the traffic: no value disagrees."""
    return all(other.subject.get(name, value) == value for name, value in one.subject.items())
