"""Fixes that nobody had to tell: a release, a marker, or alerts that ended by themselves."""

from collections.abc import Sequence
from dataclasses import dataclass

from vario.alert.incident.grouping import last_news_ns
from vario.model.alert import AlertEvent
from vario.model.investigation import FixSource, Incident
from vario.model.marker import Marker

S = 10**9
QUIET_NS = 1800 * S
"""An incident whose alerts are over for so long ends, also where nothing could be measured."""
LONG_QUIET_NS = 24 * 3600 * S
"""The same where the measurement says that it has not recovered."""


@dataclass(frozen=True, slots=True)
class FoundFix:
    """A claim: when, by what, and in words."""

    at_ns: int
    source: FixSource
    text: str


def markers_since_ns(incident: Incident) -> int:
    """Returns from when on a change may be the fix: since it began, and since the last claim."""
    found = incident.investigation
    onset_ns = found.onset_high_ns or found.onset_ns if found is not None else 0
    begun_ns = onset_ns or incident.opened_ns
    claimed_ns = max((m.time_ns for m in incident.timeline if m.kind == "fix"), default=0)
    return max(begun_ns, claimed_ns + 1)


def find_marked(incident: Incident, markers: Sequence[Marker], now_ns: int) -> FoundFix | None:
    """Returns the newest change that may be the fix, None where there is none.

    A marker of a fix counts from the onset on. A release counts once the incident was open: one at
    the onset is rather the cause.
    """
    proof = incident.verification
    if proof is not None and proof.source == "person" and proof.verdict == "too_early":
        return None
    since_ns = markers_since_ns(incident)
    for marker in reversed(markers):
        if not since_ns <= marker.time_ns <= now_ns or not _concerns(marker, incident):
            continue
        if marker.kind == "fix":
            return FoundFix(marker.time_ns, "release", f"a fix is marked: {marker.text}")
        if marker.kind == "release" and marker.time_ns > incident.opened_ns:
            return FoundFix(marker.time_ns, "release", f"released: {marker.text}")
    return None


def _concerns(marker: Marker, incident: Incident) -> bool:
    if marker.service not in ("", incident.service):
        return False
    return all(incident.scope.get(k, v) == v for k, v in marker.scope.items() if k == "region")


def find_recovery(incident: Incident, alerts: Sequence[AlertEvent]) -> FoundFix | None:
    """Returns the claim that alerts make by ending, None while one fires or it is claimed."""
    if not alerts or any(event.state != "resolved" for event in alerts):
        return None
    ended_ns = max(event.resolved_ns for event in alerts)
    proof = incident.verification
    if proof is not None and (
        proof.verdict in ("too_early", "recovered") or proof.claimed_ns >= ended_ns
    ):
        return None
    claimed = (moment.time_ns for moment in incident.timeline if moment.kind == "fix")
    if max(claimed, default=0) >= ended_ns:  # a withdrawn claim is not made again
        return None
    return FoundFix(ended_ns, "recovery", "its alerts are over")


def is_quiet(incident: Incident, alerts: Sequence[AlertEvent], now_ns: int) -> bool:
    """Returns whether its alerts have been over for so long that it can be called over."""
    if any(event.state == "firing" for event in alerts):
        return False
    proof = incident.verification
    measured = proof is not None and proof.verdict in ("improved", "not_recovered")
    patience_ns = LONG_QUIET_NS if measured else QUIET_NS
    return now_ns - max(last_news_ns(incident), incident.opened_ns) >= patience_ns
