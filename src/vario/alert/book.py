"""Every alert of every rule, as it is now and as the alert log keeps it.

Groups report here after each evaluation; what has changed is appended to the log. After a restart
the book knows from the log what was firing, gives it back to the groups, and so neither forgets
an alert nor takes it for a new one.
"""

import hashlib
import logging
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from vario.alert.journal import Journal
from vario.alert.rulefile import Rule, RuleGroup
from vario.alert.state import Alert, AlertState
from vario.model.alert import AlertEvent
from vario.model.series import Labels
from vario.query.promql.matching import LabelSet, label_set

log = logging.getLogger(__name__)

FLAPPING_NS = 3600 * 10**9
"""How far back changes are counted."""
FLAPPING_CHANGES = 6
"""Beginnings and ends within `FLAPPING_NS` from which an alert is called flapping."""


@dataclass(frozen=True, slots=True)
class RuleAlerts:
    """What a rule has found: its alerts by their labels, resolved ones included."""

    rule: Rule
    alerts: Mapping[LabelSet, Alert]


def rule_key(group: RuleGroup, rule: Rule) -> str:
    """Returns what names a rule over restarts."""
    return f"{group.file};{group.name};{rule.name}"


def make_alert_id(rule: str, labels: Labels) -> str:
    """Returns 16 hexadecimal digits that name an alert of a rule over restarts."""
    parts = [rule]
    for name, value in sorted(labels.items()):
        parts += [name, value]
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


class AlertListener(Protocol):
    """Hears what rule groups find, and knows what they found before a restart."""

    def recall(self, group: RuleGroup, rule: Rule) -> dict[LabelSet, Alert]:
        """Returns the alerts of a rule that fired before the restart."""
        ...

    def observe(self, group: RuleGroup, rules: Sequence[RuleAlerts], now_ns: int) -> None:
        """Takes the alerts of all alerting rules of a group after an evaluation."""
        ...

    def keep_only(self, groups: Sequence[RuleGroup], now_ns: int) -> None:
        """Takes which groups there are: alerts of all others have ended."""
        ...


class AlertBook:
    """The alerts. Not locked: `AlertDesk` lets one thread in at a time."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._alerts: dict[str, AlertEvent] = {}
        self._over: dict[str, AlertEvent] = {}
        self._rules: dict[str, Rule] = {}
        self._named: dict[str, list[Rule]] = {}
        self._changes: dict[str, deque[int]] = {}
        self._traced: set[str] = set()

    def load(self, events: Sequence[AlertEvent]) -> None:
        """Takes over what the log knows; before the first evaluation."""
        for event in events:
            self._journal.start_after(event.version)
            if event.state != "inactive":
                self._alerts[event.id] = event
            if event.state == "resolved":
                self._over[event.id] = event

    def load_changes(self, events: Iterable[AlertEvent]) -> None:
        """Takes over past beginnings and ends, for counting."""
        states: dict[str, str] = {}
        for event in sorted(events, key=lambda event: event.version):
            if states.get(event.id) != event.state:
                self._count(event)
            states[event.id] = event.state

    def alerts(self) -> list[AlertEvent]:
        """Returns what is pending, firing, or lately resolved, ordered by id."""
        return [self._alerts[id_] for id_ in sorted(self._alerts)]

    def firing(self) -> dict[str, AlertEvent]:
        """Returns the firing alerts by id, in its order."""
        return {event.id: event for event in self.alerts() if event.state == "firing"}

    def over(self) -> dict[str, AlertEvent]:
        """Returns the alerts that fired lately and do not now; they may be pending again."""
        return {id_: self._over[id_] for id_ in sorted(self._over)}

    def get(self, id_: str) -> AlertEvent | None:
        """Returns an alert by its id, None where it is not known any more."""
        return self._alerts.get(id_)

    def rule_of(self, id_: str) -> Rule | None:
        """Returns the rule of an alert that has been evaluated since the start."""
        return self._rules.get(id_)

    def rule_behind(self, event: AlertEvent) -> Rule | None:
        """Returns the rule that an alert of any time comes from, if it is still evaluated."""
        known = self._named.get(event.rule, ())
        return next((rule for rule in known if _fits(rule, event)), None)

    def changes(self, id_: str, now_ns: int) -> int:
        """Returns how often an alert began or ended to fire in the last hour."""
        times = self._changes.get(id_, ())
        return sum(time_ns > now_ns - FLAPPING_NS for time_ns in times)

    def is_flapping(self, id_: str, now_ns: int) -> bool:
        """Returns whether an alert begins and ends more often than people can follow."""
        return self.changes(id_, now_ns) >= FLAPPING_CHANGES

    def recall(self, group: RuleGroup, rule: Rule) -> dict[LabelSet, Alert]:
        """Returns the alerts of a rule that fired when the log was last written."""
        key = rule_key(group, rule)
        return {
            label_set(event.labels): _alert_of(event)
            for event in self.alerts()
            if event.state == "firing" and event.rule == key and _fits(rule, event)
        }

    def observe(self, group: RuleGroup, rules: Sequence[RuleAlerts], now_ns: int) -> bool:
        """Takes what an evaluation of a group has found; returns whether anything changed."""
        found: dict[str, AlertEvent] = {}
        named: dict[str, list[Rule]] = {}
        for entry in rules:
            key = rule_key(group, entry.rule)
            named.setdefault(key, []).append(entry.rule)
            for alert in entry.alerts.values():
                event = _event_of(key, entry.rule, alert, now_ns)
                other = found.get(event.id)
                if other is None or other.state != "firing":
                    found[event.id] = event
                    self._rules[event.id] = entry.rule
        self._named.update(named)
        prefix = f"{group.file};{group.name};"
        gone = [a for a in self._alerts.values() if a.rule.startswith(prefix) and a.id not in found]
        changed = [self._advance(event) for event in found.values()]
        changed += [self._end(event, now_ns, "its rule is gone") for event in gone]
        return self._write(event for event in changed if event is not None)

    def keep_only(self, groups: Iterable[RuleGroup], now_ns: int) -> bool:
        """Ends the alerts of groups that are no longer there; returns whether there were any."""
        known = tuple(f"{group.file};{group.name};" for group in groups)
        gone = [a for a in self._alerts.values() if not a.rule.startswith(known)]
        ended = [self._end(event, now_ns, "its group is gone") for event in gone]
        return self._write(event for event in ended if event is not None)

    def forget(self, before_ns: int) -> None:
        """Drops alerts that were resolved before a time."""
        for event in list(self._over.values()):
            if event.resolved_ns < before_ns:
                del self._over[event.id]
                if self._alerts[event.id].state == "resolved":
                    self._drop(event.id)

    def find_untraced(self, since_ns: int) -> list[AlertEvent]:
        """Returns firing alerts that began lately, for which no example has been looked for."""
        return [
            event
            for event in self.alerts()
            if event.state == "firing"
            and not event.trace_id
            and event.fired_ns >= since_ns
            and event.id not in self._traced
        ]

    def add_trace(self, event: AlertEvent, trace_id: str) -> None:
        """Notes the example that was found for an alert, empty for none."""
        self._traced.add(event.id)
        current = self._alerts.get(event.id)
        if trace_id and current is not None and current.fired_ns == event.fired_ns:
            version = self._journal.next_version()
            traced = replace(current, trace_id=trace_id, version=version, reason="trace")
            self._alerts[event.id] = traced
            self._journal.write([traced])

    def _advance(self, event: AlertEvent) -> AlertEvent | None:
        """Takes an alert as it is now; returns what is to be written, None for nothing."""
        old = self._alerts.get(event.id)
        if event.state == "resolved" and (old is None or old.state != "firing"):
            return None
        same_fire = old is not None and old.fired_ns == event.fired_ns
        if old is not None and same_fire:
            event = replace(event, trace_id=old.trace_id)
        if (
            old is not None
            and old.state == event.state
            and (old.keep_firing_ns > 0) == (event.keep_firing_ns > 0)
            and same_fire
        ):
            same = replace(event, version=old.version, time_ns=old.time_ns, reason=old.reason)
            self._alerts[event.id] = same
            return None
        return self._changed(event, old)

    def _end(self, event: AlertEvent, now_ns: int, reason: str) -> AlertEvent | None:
        """Ends an alert that nothing reports any more; returns what is to be written."""
        if event.state == "resolved":
            return None
        if event.state == "firing":
            ended = replace(event, state="resolved", resolved_ns=now_ns, time_ns=now_ns)
            return self._changed(replace(ended, reason=reason), event)
        gone = self._changed(replace(event, state="inactive", time_ns=now_ns), event)
        if event.id in self._over:
            self._alerts[event.id] = self._over[event.id]
        else:
            self._drop(event.id)
        return gone

    def _changed(self, event: AlertEvent, old: AlertEvent | None) -> AlertEvent:
        event = replace(event, version=self._journal.next_version())
        self._alerts[event.id] = event
        if event.state == "firing":
            self._over.pop(event.id, None)
            if old is None or old.fired_ns != event.fired_ns:
                self._traced.discard(event.id)
        elif event.state == "resolved":
            self._over[event.id] = event
        if old is None or old.state != event.state:
            self._count(event)
        return event

    def _count(self, event: AlertEvent) -> None:
        if event.state in ("firing", "resolved"):
            self._changes.setdefault(event.id, deque(maxlen=100)).append(event.time_ns)

    def _drop(self, id_: str) -> None:
        del self._alerts[id_]
        self._rules.pop(id_, None)
        self._traced.discard(id_)

    def _write(self, events: Iterable[AlertEvent]) -> bool:
        changed = list(events)
        if changed:
            self._journal.write(changed)
        return bool(changed)


def _fits(rule: Rule, event: AlertEvent) -> bool:
    """Whether an alert has the labels that its rule gives to all; a template gives any value."""
    fixed = {name: text for name, text in rule.labels.items() if "{{" not in text}
    return all(event.labels.get(name, "") == text for name, text in fixed.items())


def _event_of(key: str, rule: Rule, alert: Alert, now_ns: int) -> AlertEvent:
    resolved = alert.state is AlertState.INACTIVE
    return AlertEvent(
        id=make_alert_id(key, alert.labels),
        version=0,
        time_ns=now_ns,
        rule=key,
        name=rule.name,
        state="resolved" if resolved else "firing" if alert.fired_ns is not None else "pending",
        labels=dict(alert.labels),
        annotations=dict(alert.annotations),
        value=alert.value,
        active_ns=alert.active_ns,
        fired_ns=alert.fired_ns or 0,
        resolved_ns=alert.resolved_ns or 0,
        keep_firing_ns=alert.keep_firing_ns or 0,
    )


def _alert_of(event: AlertEvent) -> Alert:
    return Alert(
        dict(event.labels),
        dict(event.annotations),
        event.value,
        event.active_ns,
        AlertState.FIRING,
        event.fired_ns,
        None,
        event.keep_firing_ns or None,
    )
