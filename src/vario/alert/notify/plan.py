"""Which notifications are due: groups of alerts, each at its own times.

There are no timers: when a group is due follows from the alerts and from what its receiver was
told last, both of which outlive a restart. Like Alertmanager, with three differences. News about a
group that has been quiet for its interval wait for `group_wait` only. What a receiver was told of
is told to be over even if it has been silenced since. And so is an alert of which nothing is known
any more.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import orjson

from vario.alert.notify.message import Told, make_message, read_event
from vario.alert.notify.outbox import Outbox, make_delivery_id
from vario.alert.notify.route import Route, Timing
from vario.alert.notify.settings import NotifySettings, Receiver
from vario.alert.rulefile import Rule
from vario.model.alert import AlertEvent, Delivery
from vario.model.series import Labels

AT_ONCE = Timing(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Situation:
    """Alerts as they are now.

    Attributes:
        firing: by id.
        over: those that fired lately, by id.
        muted: ids of those that nobody is told of.
        acknowledged: ids of those that somebody looks after: they are not repeated.
        flapping: ids of those that change too often to be waited for.
        rule_of: gives an alert's rule.
        base: how users reach this server.
        incident_of: gives the id of an alert's incident, empty where it belongs to none.
    """

    firing: Mapping[str, AlertEvent]
    over: Mapping[str, AlertEvent]
    muted: frozenset[str]
    acknowledged: frozenset[str]
    flapping: frozenset[str]
    rule_of: Callable[[str], Rule | None]
    base: str
    incident_of: Callable[[str], str] = lambda _alert_id: ""


@dataclass(slots=True)
class _Group:
    """Alerts that a receiver is told of together."""

    route: Route
    labels: Labels
    members: dict[str, AlertEvent] = field(default_factory=dict)


class Planner:
    """Groups of alerts. Not locked: `AlertDesk` lets one thread in at a time."""

    def __init__(self, settings: NotifySettings, outbox: Outbox) -> None:
        self._settings = settings
        self._outbox = outbox
        self._refreshed: dict[str, int] = {}

    def plan(self, now: Situation, now_ns: int) -> list[Delivery]:
        """Returns the notifications that are due, not yet queued."""
        if self._settings.route is None:
            return []
        groups = self._groups(now)
        planned = (self._flush(key, groups[key], now, now_ns) for key in sorted(groups))
        return [delivery for delivery in planned if delivery is not None]

    def refresh(self, now: Situation, now_ns: int) -> list[Delivery]:
        """Returns what Alertmanagers are to hear again, lest they take it for over.

        It is not queued: where one is lost, the next says the same.
        """
        if self._settings.route is None:
            return []
        made: list[Delivery] = []
        for key, group in sorted(self._groups(now).items()):
            receiver = self._settings.receivers[key[0]]
            last = self._outbox.last.get(key)
            if receiver.type != "alertmanager" or last is None or self._outbox.is_open(last.id):
                continue
            before_ns = max(last.tried_ns, self._refreshed.get(receiver.name, 0))
            told = {id_: one for id_, one in group.members.items() if id_ not in now.muted}
            if told and now_ns - before_ns >= receiver.resend_ns:
                self._refreshed[receiver.name] = now_ns
                made.append(_make_delivery("refresh", key, group, told, now, now_ns))
        return made

    def routes_to(self, labels: Labels) -> list[str]:
        """Returns the receivers that hear of an alert with these labels."""
        route = self._settings.route
        return [] if route is None else list(dict.fromkeys(r.receiver for r in route.find(labels)))

    def _groups(self, now: Situation) -> dict[tuple[str, str], _Group]:
        """Returns the alerts by receiver and group key, with groups that must hear of an end."""
        groups: dict[tuple[str, str], _Group] = {}
        for event in (*now.firing.values(), *now.over.values()):
            for route in self._routes(event.labels):
                labels = route.group(event.labels)
                key = route.receiver, route.key(labels)
                group = groups.setdefault(key, _Group(route, labels))
                group.members.setdefault(event.id, event)
        for key, last in self._outbox.last.items():
            receiver = self._settings.receivers.get(key[0])
            lost = {id_ for id_ in last.firing if id_ not in now.firing and id_ not in now.over}
            if not lost or receiver is None:
                continue
            if key not in groups:
                labels = json.loads(last.message)["groupLabels"]
                groups[key] = _Group(self._route_of(receiver, last.group_key), labels)
            for alert in json.loads(last.message)["alerts"]:
                if alert["fingerprint"] in lost:
                    event = read_event(alert, last.created_ns)
                    groups[key].members[event.id] = event
        return groups

    def _routes(self, labels: Labels) -> list[Route]:
        assert self._settings.route is not None
        found: list[Route] = []
        for route in self._settings.route.find(labels):
            receiver = self._settings.receivers[route.receiver]
            found.append(_everything(receiver) if receiver.type == "alertmanager" else route)
        return found

    def _route_of(self, receiver: Receiver, group_key: str) -> Route:
        """Returns the node that a group's key names; one of its own if there is none any more."""
        if receiver.type == "alertmanager":
            return _everything(receiver)
        assert self._settings.route is not None
        for route in self._settings.route.walk():
            if route.receiver == receiver.name and group_key.startswith(f"{route.path}:"):
                return route
        return Route(receiver.name, path=group_key.partition(":")[0])

    def _flush(
        self, key: tuple[str, str], group: _Group, now: Situation, now_ns: int
    ) -> Delivery | None:
        """Returns the notification that a group needs now, None where it needs none."""
        receiver, last = self._settings.receivers[key[0]], self._outbox.last.get(key)
        known = frozenset(last.firing) if last else frozenset[str]()
        told = {
            id_: event
            for id_, event in group.members.items()
            if (id_ not in now.muted if event.state == "firing" else id_ in known)
            and (event.state == "firing" or receiver.send_resolved)
        }
        reason = self._reason(receiver, group.route.timing, last, told, now, now_ns)
        if not reason:
            return None
        made = _make_delivery(reason, key, group, told, now, now_ns)
        # A muted alert that the receiver knows of is still to be told to be over, one day.
        kept = [id_ for id_ in known if id_ in now.firing and id_ in now.muted]
        made = replace(made, firing=tuple(sorted({*made.firing, *kept})))
        if last is None:
            return made
        if receiver.type == "alertmanager" and self._outbox.is_open(last.id):
            # It is told how things are, not what has happened: the newest will do.
            return replace(last, firing=made.firing, resolved=made.resolved, message=made.message)
        return replace(made, id=make_delivery_id(*key, last.id, made.firing, made.resolved))

    def _reason(
        self,
        receiver: Receiver,
        timing: Timing,
        last: Delivery | None,
        told: Mapping[str, AlertEvent],
        now: Situation,
        now_ns: int,
    ) -> str:
        """Returns why the receiver is to be told now, empty if it is not."""
        known = frozenset(last.firing) if last else frozenset[str]()
        firing = {id_: event for id_, event in told.items() if event.state == "firing"}
        # Who hears of no ends must hear of each beginning.
        heard_ns = last.created_ns if last and not receiver.send_resolved else 2**63
        began = [
            event.fired_ns
            for id_, event in firing.items()
            if id_ not in known or event.fired_ns > heard_ns
        ]
        ended = [event.resolved_ns for id_, event in told.items() if id_ in known - firing.keys()]
        if began or ended:
            # One that never fires for as long as `group_wait` would never be told.
            waits = firing.keys().isdisjoint(now.flapping)
            due_ns = min([*began, *ended]) + (timing.wait_ns if waits else 0)
            if last is not None and known:
                due_ns = max(due_ns, last.created_ns + timing.interval_ns)
            return ("firing" if began else "resolved") if now_ns >= due_ns else ""
        if not firing or receiver.type == "alertmanager" or last is None:
            return ""
        if self._outbox.is_open(last.id) or firing.keys() <= now.acknowledged:
            return ""
        return "repeat" if now_ns - last.created_ns >= timing.repeat_ns else ""


def _make_delivery(
    reason: str,
    key: tuple[str, str],
    group: _Group,
    told: Mapping[str, AlertEvent],
    now: Situation,
    now_ns: int,
) -> Delivery:
    """Returns a notification about the alerts of a group, for a receiver that knows of none."""
    members = [
        Told(event, now.rule_of(id_), now.incident_of(id_)) for id_, event in sorted(told.items())
    ]
    firing = tuple(sorted(id_ for id_, event in told.items() if event.state == "firing"))
    resolved = tuple(sorted(id_ for id_ in told if id_ not in firing))
    message = make_message(group.route, group.labels, members, now.base)
    return Delivery(
        id=make_delivery_id(*key, "", firing, resolved),
        version=0,
        created_ns=now_ns,
        receiver=key[0],
        group_key=key[1],
        reason=reason,
        message=orjson.dumps(message).decode(),
        next_ns=now_ns,
        firing=firing,
        resolved=resolved,
    )


def _everything(receiver: Receiver) -> Route:
    """Returns the node of an Alertmanager: it is told everything at once, and groups by itself."""
    return Route(receiver.name, group_by=(), timing=AT_ONCE, path="{alertmanager}")
