"""What happens to an incident, as functions from an incident to an incident."""

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

from vario.alert.incident.grouping import graver, scope_of, service_of, shared
from vario.model.alert import AlertEvent
from vario.model.investigation import (
    FixSource,
    Incident,
    Investigation,
    Moment,
    Verification,
)

_LONGEST_TITLE = 160
_MOST_MOMENTS = 500
_STRENGTH = {"explained": 3, "partial": 2, "unexplained": 1, "no_change": 0}
VERDICTS = {
    "recovered": "recovered",
    "improved": "improved, but not recovered",
    "not_recovered": "not recovered",
    "too_early": "too early to say",
    "relapsed": "it is back",
}


def open_incident(event: AlertEvent, now_ns: int) -> Incident:
    """Returns the incident that an alert begins."""
    service, scope = service_of(event.labels), scope_of(event.labels)
    digest = hashlib.sha256(f"{event.id}\0{event.fired_ns}".encode()).hexdigest()
    incident = Incident(
        id=digest[:12],
        version=0,
        title=make_title(event),
        state="open",
        severity=event.labels.get("severity", ""),
        owner=event.labels.get("owner") or event.labels.get("team", ""),
        runbook=_runbook(event),
        service=service,
        scope=scope,
        alert_ids=(event.id,),
        opened_ns=event.fired_ns,
        updated_ns=now_ns,
    )
    text = f"opened for {service}" + (f" ({_words(scope)})" if scope else "")
    return add_alert(add_moment(incident, event.fired_ns, "opened", text), event)


def make_title(event: AlertEvent, scope: Mapping[str, str] | None = None) -> str:
    """Returns the symptom and whom it hurts, in one line.

    Args:
        event: an alert that says what is wrong.
        scope: where it is wrong; that of the alert if it is None.
    """
    said = event.annotations.get("summary") or event.annotations.get("title") or event.name
    where = scope_of(event.labels) if scope is None else scope
    return _titled(said, (service_of(event.labels), *where.values()))


def _titled(said: str, where: Iterable[str]) -> str:
    missing = [value for value in where if value not in said]
    title = said + (f" ({', '.join(missing)})" if missing else "")
    return title if len(title) <= _LONGEST_TITLE else f"{title[: _LONGEST_TITLE - 3]}..."


def _retitled(incident: Incident, scope: Mapping[str, str]) -> str:
    """Returns the title for another scope: what stood in brackets at the end may not hold now."""
    said, bracket, inside = incident.title.rpartition(" (")
    where = {incident.service, *incident.scope.values()}
    if not bracket or not inside.endswith(")") or not set(inside[:-1].split(", ")) <= where:
        return incident.title
    return _titled(said, (incident.service, *scope.values()))


def _runbook(event: AlertEvent) -> str:
    return event.annotations.get("runbook_url") or event.annotations.get("runbook", "")


def _words(scope: dict[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in scope.items())


def join(incident: Incident, event: AlertEvent) -> Incident:
    """Returns the incident with one more alert."""
    scope = shared([incident.scope, scope_of(event.labels)])
    severity = graver(incident.severity, event.labels.get("severity", ""))
    is_graver = severity != incident.severity  # it says better what is wrong
    return replace(
        add_alert(incident, event),
        title=make_title(event, scope) if is_graver else _retitled(incident, scope),
        severity=severity,
        alert_ids=(*incident.alert_ids, event.id),
        scope=scope,
        owner=incident.owner or event.labels.get("owner") or event.labels.get("team", ""),
        runbook=incident.runbook or _runbook(event),
    )


def add_alert(incident: Incident, event: AlertEvent) -> Incident:
    """Returns the incident with what became of one of its alerts on the timeline, once."""
    fired = event.state == "firing"
    time_ns = event.fired_ns if fired else event.resolved_ns
    text = f"{event.name} {'fires' if fired else 'is over'}"
    return add_moment(incident, time_ns, "alert", text, f"/alerts/{event.id}")


def add_moment(incident: Incident, time_ns: int, kind: str, text: str, link: str = "") -> Incident:
    """Returns the incident with a moment on its timeline, in the order of time; once."""
    moment = Moment(time_ns, kind, text, link)
    if moment in incident.timeline:
        return incident
    timeline = sorted((*incident.timeline, moment), key=lambda one: one.time_ns)
    # The beginning and the end say most about an incident that goes on for days.
    if len(timeline) > _MOST_MOMENTS:
        del timeline[_MOST_MOMENTS // 2]
    return replace(incident, timeline=tuple(timeline))


def take_investigation(incident: Incident, found: Investigation) -> Incident:
    """Returns the incident with a new answer; on the timeline where it says something new.

    An answer that says less than the one before does not take its place: once a fix works, there
    is nothing to be seen any more of what it fixed.
    """
    before = incident.investigation
    is_same_time = before is not None and before.asked_ns >= last_opened_ns(incident)
    if before is not None and is_same_time and _STRENGTH[found.verdict] < _STRENGTH[before.verdict]:
        text = f"investigated again, which says less now: {headline(found)}"
        return add_moment(incident, found.asked_ns, "finding", text)
    incident = replace(incident, investigation=found)
    if before is not None and headline(before) == headline(found):
        return incident
    return add_moment(incident, found.asked_ns, "finding", headline(found))


def headline(found: Investigation) -> str:
    """Returns an answer in one sentence."""
    if found.findings and found.verdict in ("explained", "partial"):
        return found.findings[0].statement
    if found.summary:
        return found.summary[0]
    return "nothing beyond the usual is found" if found.verdict == "no_change" else "no clear cause"


def claim(
    incident: Incident, at_ns: int, source: FixSource, text: str, tolerance: float
) -> Incident:
    """Returns the incident with a fix that is claimed and not yet looked at."""
    begun = Verification(
        verdict="too_early",
        claimed_ns=at_ns,
        source=source,
        checked_ns=0,
        measure="",
        unit="",
        baseline=math.nan,
        incident=math.nan,
        now=math.nan,
        to_baseline_low=0.0,
        to_baseline_high=math.inf,
        to_incident_low=0.0,
        to_incident_high=math.inf,
        tolerance=tolerance,
        statement="a fix is claimed; what has arrived since is not yet looked at",
    )
    incident = replace(incident, state="verifying", verification=begun, resolved_ns=0)
    return add_moment(incident, at_ns, "fix", text)


def withdraw_claim(incident: Incident, now_ns: int) -> Incident:
    """Returns the incident as one of which nobody says that it is fixed."""
    incident = replace(incident, state="open", verification=None, resolved_ns=0)
    return add_moment(incident, now_ns, "fix", "the claim of a fix is withdrawn")


def take_verification(incident: Incident, proof: Verification, now_ns: int) -> Incident:
    """Returns the incident with how far the proof is; a verdict changes its state."""
    old = incident.verification
    incident = replace(incident, verification=proof)
    if old is not None and old.verdict == proof.verdict:
        return incident
    if proof.verdict == "too_early":
        return replace(incident, state="verifying")
    text = f"{VERDICTS[proof.verdict]}: {proof.statement}"
    if proof.verdict == "relapsed":
        return reopen(incident, now_ns, proof.statement)
    incident = add_moment(incident, now_ns, "verdict", text)
    if proof.verdict == "recovered":
        return resolve(incident, now_ns, "resolved: the fix is proved")
    return replace(incident, state="open")


def resolve(incident: Incident, now_ns: int, text: str) -> Incident:
    """Returns the incident as one that is over."""
    incident = replace(incident, state="resolved", resolved_ns=now_ns)
    return add_moment(incident, now_ns, "resolved", text)


def reopen(incident: Incident, now_ns: int, why: str) -> Incident:
    """Returns an incident that was over as one that is back."""
    relapses = incident.relapses + 1
    proof = incident.verification
    if proof is not None:
        proof = replace(proof, verdict="relapsed")
    back = replace(
        incident, state="open", resolved_ns=0, relapses=relapses, verification=proof,
        acknowledged_by="",
    )  # fmt: skip
    return add_moment(back, now_ns, "relapse", f"it is back: {why}")


def last_opened_ns(incident: Incident) -> int:
    """Returns when it began, or came back."""
    relapses = [moment.time_ns for moment in incident.timeline if moment.kind == "relapse"]
    return max([incident.opened_ns, *relapses])
