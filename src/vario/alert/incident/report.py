"""A draft of the post-mortem, in Markdown: what is known, and gaps for what only people know."""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from vario.alert.incident.changes import VERDICTS, headline
from vario.model.investigation import (
    Effect,
    Evidence,
    Finding,
    Incident,
    Investigation,
    Moment,
    Verification,
)

S = 10**9
GAPS = (
    ("Impact", "Who noticed, and what did it cost them? Write it from the customers' side."),
    ("What went well", "What limited the damage?"),
    ("What went badly", "What made it longer or worse than it had to be?"),
    ("Actions", "What is changed so that it does not happen again: what, who, until when?"),
)
"""Headings of what only people know, and what is asked there."""


def write(incident: Incident, base: str = "") -> str:
    """Returns the draft.

    Args:
        incident: what it is about.
        base: how users reach this server, without a slash at the end; for links.
    """
    return "\n".join(_lines(incident, base)) + "\n"


def _lines(incident: Incident, base: str) -> Iterator[str]:
    found, proof = incident.investigation, incident.verification
    yield f"# Incident {incident.id}: {plain(incident.title)}"
    yield ""
    for name, value in facts(incident):
        yield f"- **{name}**: {plain(value)}"
    if base:
        yield f"- **Page**: {base}/incidents/{incident.id}"
    yield ""
    if found is not None:
        yield from _investigation_lines(found)
    if proof is not None:
        yield from _proof_lines(proof)
    yield from ("## Timeline", "", "| time (UTC) | what |", "|---|---|")
    for moment in moments(incident):
        yield f"| {format_time(moment.time_ns)} | {plain(moment.text)} |"
    yield ""
    for title, text in GAPS:
        yield from (f"## {title}", "", f"*{text}*", "")


def facts(incident: Incident) -> list[tuple[str, str]]:
    """Returns what an incident is, in names and values."""
    proof = incident.verification
    over_ns = incident.resolved_ns
    listed = [
        ("Service", incident.service),
        ("Scope", ", ".join(f"{k}={v}" for k, v in incident.scope.items()) or "everything"),
        ("Severity", incident.severity),
        ("State", incident.state),
        ("Owner", incident.owner),
        ("Looked after by", incident.acknowledged_by),
        ("Began", format_time(begun_ns(incident))),
        ("Alert fired", format_time(incident.opened_ns)),
        ("Ended", format_time(over_ns) if over_ns else ""),
        ("Lasted", format_span(over_ns - begun_ns(incident)) if over_ns else ""),
        ("Came back", f"{incident.relapses} times" if incident.relapses else ""),
        ("Fix", VERDICTS[proof.verdict] if proof is not None else "none is claimed"),
        ("Runbook", incident.runbook),
    ]
    return [(name, value) for name, value in listed if value]


def begun_ns(incident: Incident) -> int:
    """Returns when it began: by its data where that is known, else when its alert fired."""
    found = incident.investigation
    return (found.onset_ns if found is not None else 0) or incident.opened_ns


def moments(incident: Incident) -> list[Moment]:
    """Returns what happened, that of the investigation too, oldest first."""
    found = incident.investigation
    both = (*(found.timeline if found is not None else ()), *incident.timeline)
    return sorted(set(both), key=lambda one: (one.time_ns, one.kind, one.text))


def _investigation_lines(found: Investigation) -> Iterator[str]:
    yield from ("## What happened", "")
    for sentence in found.summary or (headline(found),):
        yield f"- {plain(sentence)}"
    yield ""
    if found.findings:
        yield from ("## Causes and traces of them", "")
    for number, finding in enumerate(found.findings, start=1):
        yield from _finding_lines(number, finding)
    if found.ruled_out:
        yield from ("## Ruled out", "")
        for one in found.ruled_out:
            yield f"- {plain(subject(one.subject))}: {plain(one.reason)}"
        yield ""


def _finding_lines(number: int, finding: Finding) -> Iterator[str]:
    yield f"### {number}. {plain(finding.statement)}"
    yield ""
    yield f"Confidence {finding.confidence:.0%}. " + " ".join(measures(finding))
    yield ""
    for sentence in finding.supports:
        yield f"- for it: {plain(sentence)}"
    for sentence in finding.contradicts:
        yield f"- against it: {plain(sentence)}"
    if finding.next_step:
        yield f"- next: {plain(finding.next_step)}"
    if finding.command:
        yield f"- command: `{finding.command}`"
    if finding.trace_ids:
        yield f"- traces: {', '.join(f'`{trace}`' for trace in finding.trace_ids[:5])}"
    yield ""
    yield from _evidence_lines(finding.evidence)


def measures(finding: Finding) -> list[str]:
    """Returns what moved, and how much of the damage goes with it, in sentences."""
    said: list[str] = []
    if finding.effect is not None:
        said.append(f"{plain(describe(finding.effect))}.")
    if finding.explained is not None:
        bounds = ""
        if finding.explained_low is not None and finding.explained_high is not None:
            bounds = f" ({finding.explained_low:.0%} to {finding.explained_high:.0%})"
        said.append(f"{finding.explained:.0%} of the damage goes with it{bounds}.")
    return said


def describe(effect: Effect) -> str:
    """Returns what moved, in words."""
    before, after = quantity(effect.before, effect.unit), quantity(effect.after, effect.unit)
    return f"{effect.measure}: {before} before, {after} after"


def _evidence_lines(evidence: Sequence[Evidence]) -> Iterator[str]:
    for one in evidence:
        yield f"{plain(one.title)}: {quantity(one.value, one.unit)}"
        window = f"{format_time(one.window.start_ns)} to {format_time(one.window.end_ns)}"
        yield from ("", f"```{one.language}", f"# {window}", one.query, "```", "")


def _proof_lines(proof: Verification) -> Iterator[str]:
    yield from ("## Did the fix work?", "")
    yield f"**{VERDICTS[proof.verdict].capitalize()}.** {plain(proof.statement)}"
    yield ""
    for name, value in proof_facts(proof):
        yield f"- {name}: {value}"
    yield ""
    yield from _evidence_lines(proof.evidence)


def proof_facts(proof: Verification) -> list[tuple[str, str]]:
    """Returns the numbers of a proof, in names and values."""
    held = [name for name, has_held in proof.guards.items() if has_held]
    broken = [name for name, has_held in proof.guards.items() if not has_held]
    listed = [
        ("Claimed", f"{format_time(proof.claimed_ns)} by {_SOURCES[proof.source]}"),
        (
            f"{proof.measure} (before, during, now)".strip(),
            " / ".join(quantity(v, proof.unit) for v in (proof.baseline, proof.incident, proof.now))
            if proof.measure
            else "",
        ),
        (
            "now against before",
            f"{_ratio(proof.to_baseline_low)} to {_ratio(proof.to_baseline_high)} times, "
            f"recovered below {1 + proof.tolerance:g}",
        ),
        (
            "now against during",
            f"{_ratio(proof.to_incident_low)} to {_ratio(proof.to_incident_high)} times",
        ),
        ("requests since", f"{proof.requests:,}"),
        ("held too", ", ".join(held)),
        ("did not hold", ", ".join(broken)),
    ]
    return [(name, value) for name, value in listed if value]


_SOURCES = {
    "person": "a person",
    "release": "a release or a marker",
    "recovery": "its alerts, which ended",
}


def _ratio(value: float) -> str:
    return f"{value:.3g}" if math.isfinite(value) else "unknown"


def subject(names: Mapping[str, str]) -> str:
    """Returns what is meant, by name."""
    return ", ".join(f"{k}={v}" for k, v in names.items())


def quantity(value: float, unit: str) -> str:
    """Returns a number with its unit, as people read it.

    >>> quantity(0.0834, "s"), quantity(0.153, "1"), quantity(12.0, "requests")
    ('83.4 ms', '15.3 %', '12 requests')
    """
    if not math.isfinite(value):
        return "unknown"
    if unit == "s":
        return f"{value * 1e3:.3g} ms" if abs(value) < 1 else f"{value:.3g} s"
    if unit == "1":
        return f"{value:.3g}" if abs(value) > 1 else f"{value * 100:.3g} %"
    return f"{value:,.4g} {unit}".strip()


def format_time(time_ns: int) -> str:
    """Returns a time in UTC, to the second.

    >>> format_time(1_750_000_000_250_000_000)
    '2025-06-15 15:06:40'
    """
    return f"{datetime.fromtimestamp(time_ns // S, UTC):%Y-%m-%d %H:%M:%S}"


def format_span(span_ns: int) -> str:
    """Returns a duration in the two units that matter.

    >>> format_span(4_500 * 10**9), format_span(95 * 10**9)
    ('1 h 15 min', '1 min 35 s')
    """
    seconds = max(0, span_ns) // S
    if seconds >= 86_400:
        return f"{seconds // 86_400} d {seconds % 86_400 // 3600} h"
    if seconds >= 3600:
        return f"{seconds // 3600} h {seconds % 3600 // 60} min"
    return f"{seconds // 60} min {seconds % 60} s"


def plain(text: str) -> str:
    """Returns a text that means nothing else in Markdown: texts come from labels and log lines."""
    for mark in "\\`*_[]<>|":
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split())
