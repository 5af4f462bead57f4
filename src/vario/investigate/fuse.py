"""Weighs suspects against each other: what stands, in which order, and how far to believe it.

A suspect is raised by what happened in the right order, by the same part of the traffic, and by
what it would bring about having been seen. It is sunk by beginning later than the symptom.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from vario.investigate.case import Case, Clue
from vario.investigate.where import Where
from vario.investigate.words import say_scope, say_share
from vario.model.investigation import Finding, FindingKind, Moment, RuledOut, Verdict

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


@dataclass(frozen=True, slots=True)
class Judged:
    """What stands after weighing."""

    verdict: Verdict
    findings: Sequence[Finding]
    ruled_out: Sequence[RuledOut]
    moments: Sequence[Moment]


def judge(case: Case, where: Where | None, clues: Sequence[Clue]) -> Judged:
    """Returns the findings in order, what is ruled out, and what happened when."""
    found = [one for one in clues if isinstance(one, Finding)]
    ruled_out = [one for one in clues if isinstance(one, RuledOut)]
    slice_ = _tell_slice(case, where)
    if slice_ is not None:
        found.append(slice_)
    kept: list[Finding] = []
    for one in found:
        late = _is_late(case, one)
        if late:
            ruled_out.append(RuledOut(one.subject, late, one.evidence))
        elif one.confidence >= MIN_CONFIDENCE:
            kept.append(one)
    kept = [_weigh(case, one, kept) for one in kept]
    kept.sort(key=lambda one: (-one.confidence * _WEIGHT[one.kind], one.kind, one.statement))
    findings = kept[:MOST_FINDINGS]
    return Judged(
        verdict=_verdict(findings),
        findings=findings,
        ruled_out=ruled_out[:12],
        moments=[one for one in clues if isinstance(one, Moment)],
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
    for other in others:
        if other is one or not _belong(one, other):
            continue
        if other.kind in ("release", "configuration", "change", "traffic") and one.kind not in (
            "release", "configuration", "change", "traffic",
        ) and other.onset_ns <= case.onset_high_ns:  # fmt: skip
            supports.append(other.statement)
            belief += (1 - belief) * 0.4 * other.confidence
    return replace(one, confidence=round(min(belief, 0.99), 3), supports=tuple(supports[:6]))


def _belong(one: Finding, other: Finding) -> bool:
    """Returns whether two suspects speak of the same part of the traffic: no value disagrees."""
    return all(other.subject.get(name, value) == value for name, value in one.subject.items())


def _tell_slice(case: Case, where: Where | None) -> Finding | None:
    if where is None or where.slice is None:
        return None
    part = where.slice
    same = "".join(f"; so does {say_scope(other)}: nothing here tells them apart"
                   for other in part.same_as[:2])  # fmt: skip
    what = "fail" if case.symptom == "errors" else "are slow"
    return Finding(
        kind="slice",
        subject=dict(part.where),
        statement=(
            f"{say_scope(part.where)} holds {say_share(part.share)} of the damage: "
            f"{say_share(part.before)} of its requests {what} before, {say_share(part.after)} "
            f"since{same}."
        ),
        explained=part.share,
        confidence=round(min(0.9, 0.5 + 0.4 * part.share) * (1 - part.p), 3),
        onset_ns=case.onset_ns,
        cause="where",
        next_step=f"Compare requests of {say_scope(part.where)} with the rest.",
    )
