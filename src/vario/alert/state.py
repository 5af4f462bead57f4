"""The state machine of one alerting rule: inactive, pending, firing, resolved.

Pure: `advance` takes what was active and what the rule's expression found, and returns what is
active now. Source: Prometheus' documentation, "Alerting rules", and the behaviour of its server.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from vario.model.series import Labels
from vario.query.promql.matching import LabelSet

RESOLVED_RETENTION_NS = 15 * 60 * 10**9
"""How long a resolved alert is remembered, so that whoever is notified hears of it for sure."""


class AlertState(StrEnum):
    """State of one alert; a resolved alert is inactive and has `resolved_ns`."""

    INACTIVE = "inactive"
    PENDING = "pending"
    FIRING = "firing"


SEVERITY = {AlertState.INACTIVE: 0, AlertState.PENDING: 1, AlertState.FIRING: 2}
"""Order of states: a rule is as bad as the worst of its alerts."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert of a rule: one element of its vector. Times are nanoseconds, None for never.

    Attributes:
        labels: the element's and the rule's labels, `alertname` included.
        annotations: texts of the rule, expanded at the last evaluation that found the alert.
        value: what the expression gave then.
        active_ns: since when the expression has found it.
        fired_ns: when it began to fire.
        resolved_ns: when it stopped firing.
        keep_firing_ns: since when it fires only because of `keep_firing_for`.
    """

    labels: Labels
    annotations: Labels
    value: float
    active_ns: int
    state: AlertState = AlertState.PENDING
    fired_ns: int | None = None
    resolved_ns: int | None = None
    keep_firing_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a rule waits before it fires, and before it stops; nanoseconds."""

    for_ns: int = 0
    keep_firing_ns: int = 0


@dataclass(frozen=True, slots=True)
class Advanced:
    """Alerts after an evaluation, by their labels.

    Attributes:
        alerts: pending and firing ones, and those resolved lately.
        active: keys of the pending and firing ones, in order.
    """

    alerts: Mapping[LabelSet, Alert] = field(default_factory=dict)
    active: tuple[LabelSet, ...] = ()


def advance(
    alerts: Mapping[LabelSet, Alert],
    found: Mapping[LabelSet, Alert],
    now_ns: int,
    patience: Patience,
) -> Advanced:
    """Returns the alerts of a rule after an evaluation.

    Args:
        alerts: as they were.
        found: what the expression gives now, each as a new pending alert.
        now_ns: the time of the evaluation.
        patience: the rule's `for` and `keep_firing_for`.
    """
    known = dict(alerts)
    for key, fresh in found.items():
        old = known.get(key)
        if old is None or old.state is AlertState.INACTIVE:
            known[key] = fresh
        else:
            known[key] = replace(old, value=fresh.value, annotations=fresh.annotations)
    after: dict[LabelSet, Alert] = {}
    active: list[LabelSet] = []
    for key, alert in known.items():
        moved = (
            _still_there(alert, now_ns, patience)
            if key in found
            else _gone(alert, now_ns, patience)
        )
        if moved is None:
            continue
        after[key] = moved
        if moved.state is not AlertState.INACTIVE:
            active.append(key)
    return Advanced(after, tuple(active))


def _still_there(alert: Alert, now_ns: int, patience: Patience) -> Alert:
    if alert.state is AlertState.PENDING and now_ns - alert.active_ns >= patience.for_ns:
        return replace(alert, state=AlertState.FIRING, fired_ns=now_ns, keep_firing_ns=None)
    return replace(alert, keep_firing_ns=None)


def _gone(alert: Alert, now_ns: int, patience: Patience) -> Alert | None:
    """Returns what becomes of an alert that the expression no longer finds; None to forget it."""
    if alert.state is AlertState.PENDING:
        return None
    if alert.resolved_ns is not None:
        return None if now_ns - alert.resolved_ns > RESOLVED_RETENTION_NS else alert
    if patience.keep_firing_ns > 0:
        since = now_ns if alert.keep_firing_ns is None else alert.keep_firing_ns
        if now_ns - since < patience.keep_firing_ns:
            return replace(alert, keep_firing_ns=since)
        alert = replace(alert, keep_firing_ns=since)
    return replace(alert, state=AlertState.INACTIVE, resolved_ns=now_ns)


def hold(
    advanced: Advanced, before: Mapping[LabelSet, Alert], held: frozenset[LabelSet]
) -> Advanced:
    """Returns alerts after an evaluation that may not end those that are held.

    After a restart, what alerts depend on may not have arrived yet: what fired before fires on
    until that is sure to have.

    Args:
        advanced: as the evaluation left them.
        before: as they were.
        held: keys of alerts that fire on.
    """
    kept = {
        key: before[key]
        for key in held
        if key in before
        and before[key].state is AlertState.FIRING
        and advanced.alerts[key].state is AlertState.INACTIVE
    }
    if not kept:
        return advanced
    alerts = {**advanced.alerts, **kept}
    active = tuple(key for key, alert in alerts.items() if alert.state is not AlertState.INACTIVE)
    return Advanced(alerts, active)


def restore_active(
    alert: Alert, seen_ns: int, active_ns: int, now_ns: int, patience: Patience, grace_ns: int
) -> Alert:
    """Returns an alert with the `for` that it had served before a restart.

    Args:
        alert: as it was found since the restart.
        seen_ns: when `ALERTS_FOR_STATE` was last written before the restart.
        active_ns: since when the alert was active then.
        now_ns: the time of the restoration.
        patience: the rule's `for`.
        grace_ns: least time that a pending alert waits after a restart, since the samples that
            would have ended it may have been lost with the outage.
    """
    remaining_ns = patience.for_ns - (seen_ns - active_ns)
    if remaining_ns <= 0:
        restored_ns = active_ns  # it was firing, and fires again at the next evaluation
    elif remaining_ns < grace_ns:
        restored_ns = now_ns + grace_ns - patience.for_ns
    else:
        restored_ns = active_ns + (now_ns - seen_ns)  # the outage does not count
    return replace(alert, active_ns=restored_ns)
