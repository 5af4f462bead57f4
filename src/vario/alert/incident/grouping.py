"""Which incident an alert belongs to: by service, by scope and by time."""

from collections.abc import Iterable, Mapping, Sequence

from vario.model.alert import AlertEvent
from vario.model.investigation import Incident
from vario.model.series import Labels

S = 10**9
JOIN_NS = 3600 * S
"""How long after an incident's last news an alert of the same service and scope joins it."""
SAME_MOMENT_NS = 300 * S
"""Within it, alerts of one service belong together even where their scopes differ: what broke in
two regions at once has one cause."""
NO_SERVICE = "(no service)"

_SERVICE = ("service", "service_name", "service.name", "job")
_NOT_SCOPE = frozenset(
    {
        *_SERVICE, "__name__", "alertname", "severity", "priority", "owner", "team", "slo", "sli",
        "long", "short", "window", "burn_rate", "le", "quantile", "instance", "pod", "runbook",
        "runbook_url", "category", "objective", "sloth_severity", "sloth_slo", "sloth_service",
        "sloth_id", "prometheus", "alert", "kind", "signal",
    }
)  # fmt: skip
_GRAVITY = {"page": 3, "critical": 3, "ticket": 2, "warning": 2, "error": 2}


def service_of(labels: Labels) -> str:
    """Returns the service that an alert names, or its job.

    >>> service_of({"alertname": "Slow", "job": "ml-infer"})
    'ml-infer'
    """
    return next((labels[name] for name in _SERVICE if labels.get(name)), NO_SERVICE)


def scope_of(labels: Labels) -> dict[str, str]:
    """Returns the labels of an alert that say where it is wrong.

    >>> scope_of({"alertname": "Slow", "service": "a", "severity": "page", "region": "us-east"})
    {'region': 'us-east'}
    """
    return {k: v for k, v in sorted(labels.items()) if k not in _NOT_SCOPE and v}


def shared(scopes: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Returns what all scopes have in common."""
    each = list(scopes)
    if not each:
        return {}
    return {k: v for k, v in each[0].items() if all(other.get(k) == v for other in each[1:])}


def gravity_of(severity: str) -> int:
    """Returns a number that is larger for graver severities.

    >>> gravity_of("page") > gravity_of("ticket") > gravity_of("")
    True
    """
    return _GRAVITY.get(severity, 1)


def graver(one: str, other: str) -> str:
    """Returns the graver of two severities; the first where they are equal.

    >>> graver("ticket", "page")
    'page'
    """
    return other if gravity_of(other) > gravity_of(one) else one


def find_home(incidents: Sequence[Incident], event: AlertEvent) -> Incident | None:
    """Returns the incident that an alert belongs to; None where it begins one.

    An alert that was a part of an incident stays so; else it joins what is open for its service,
    where the scopes do not contradict each other, or both began at the same moment.

    Args:
        incidents: those that are open, and those that ended lately, the newest last.
        event: a firing alert.
    """
    for incident in reversed(incidents):
        if event.id in incident.alert_ids:
            return incident
    for incident in reversed(incidents):
        if incident.state != "resolved" and _fits(incident, event):
            return incident
    return None


def _fits(incident: Incident, event: AlertEvent) -> bool:
    if incident.service != service_of(event.labels):
        return False
    scope = scope_of(event.labels)
    disagree = any(scope.get(name, value) != value for name, value in incident.scope.items())
    patience_ns = SAME_MOMENT_NS if disagree else JOIN_NS
    since_ns = incident.opened_ns if disagree else last_news_ns(incident)
    return event.fired_ns - since_ns <= patience_ns


def last_news_ns(incident: Incident) -> int:
    """Returns when one of its alerts last began or ended."""
    times = [moment.time_ns for moment in incident.timeline if moment.kind == "alert"]
    return max(times, default=incident.opened_ns)
