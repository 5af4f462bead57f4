"""The alert desk: what rules find goes in, what people hear goes out.

`tick` does everything that is due by the clock; `start` lets a thread call it. Sending happens in
threads of its own, so that a receiver that hangs holds up nobody else.
"""

import logging
import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from vario.alert.book import FLAPPING_NS, AlertBook, RuleAlerts
from vario.alert.decisions import Decisions
from vario.alert.journal import Journal
from vario.alert.notify import beat
from vario.alert.notify.mute import Mute, find_inhibited, find_mutes
from vario.alert.notify.outbox import Outbox
from vario.alert.notify.plan import Planner, Situation
from vario.alert.notify.send import Outcome, Sender
from vario.alert.notify.settings import NotifySettings, Receiver
from vario.alert.rulefile import Rule, RuleGroup
from vario.alert.state import RESOLVED_RETENTION_NS, Alert
from vario.alert.watch import SELF, GroupHealth, HealthFunction, Watch, late_after_ns
from vario.clock import Clock
from vario.errors import BadData, NotFound, VarioError
from vario.model.alert import AlertEvent, Delivery
from vario.model.telemetry import TimeRange
from vario.query.promql.matching import LabelSet
from vario.store.base import AlertLog

log = logging.getLogger(__name__)

SENDERS = 8
"""Threads that send; of one receiver there is one attempt at a time."""
TICK_S = 1.0
"""How often the clock is looked at: the shortest `group_wait` that makes sense is some seconds."""
TRACED_NS = 3600 * 10**9
"""Age of an alert up to which an example is looked for: older ones had theirs, or had none."""
EVENTS_COUNTED = 10_000

TraceFunction = Callable[[Rule | None, AlertEvent], str]
"""Returns the id of a trace that shows what an alert is about, empty where there is none."""

AlertsFunction = Callable[[Sequence[AlertEvent], frozenset[str], int], None]
"""Takes the alerts that fire or ended lately, the ids of those that are silenced, and the time."""

SendFunction = Callable[[Receiver, Delivery, int], Outcome]
"""Tries once to tell a receiver, at a time; never raises."""


@dataclass(frozen=True, slots=True)
class AlertView:
    """An alert with all that is known of it.

    Attributes:
        mutes: what keeps it from being told.
        changes: how often it began or ended to fire in the last hour.
        receivers: who hears of it.
        deliveries: the last notification about its group to each of them.
    """

    event: AlertEvent
    rule: Rule | None
    mutes: tuple[Mute, ...]
    changes: int
    receivers: tuple[str, ...]
    deliveries: tuple[Delivery, ...]


@dataclass(slots=True)
class Surroundings:
    """What the desk asks of the rest of the house.

    Attributes:
        base: how users reach this server, without a slash at the end; known once it is served.
        find_trace: finds an example of what an alert is about.
        health: says how evaluations go.
        dice: spreads retries.
        send: tries once to tell a receiver; None for `Sender`, over the network.
        observe: hears of alerts before people are told of them.
        incident_of: gives the id of the incident that an alert belongs to, empty for none.
    """

    base: str = ""
    find_trace: TraceFunction = lambda _rule, _event: ""
    health: HealthFunction = list[GroupHealth]
    dice: random.Random = field(default_factory=random.Random)
    send: SendFunction | None = None
    observe: AlertsFunction = lambda _events, _muted, _now_ns: None
    incident_of: Callable[[str], str] = lambda _alert_id: ""


class AlertDesk:
    """Alerts, decisions about them, and notifications. For any thread.

    Without `start`, `tick` sends in the calling thread, which is how tests drive it.
    """

    def __init__(
        self,
        alert_log: AlertLog,
        settings: NotifySettings,
        clock: Clock,
        surroundings: Surroundings | None = None,
    ) -> None:
        self.settings = settings
        self.surroundings = surroundings or Surroundings()
        self._log = alert_log
        self._clock = clock
        self._journal = Journal(alert_log, clock)
        self.decisions = Decisions(self._journal, clock, settings.maintenance)
        self._book = AlertBook(self._journal)
        self._outbox = Outbox(
            self._journal, give_up_ns=settings.give_up_ns, dice=self.surroundings.dice
        )
        self._planner = Planner(settings, self._outbox)
        self._watch = Watch()
        self._beat = beat.Beat(settings)
        self._sender = Sender()
        self._send_once = self.surroundings.send or self._sender.send
        self._lock = threading.RLock()
        self._wake = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._pool: ThreadPoolExecutor | None = None
        self._lost: list[Delivery] = []

    def load(self) -> None:
        """Takes over what the log knows of the time before a restart; before rules are evaluated.

        Raises:
            VarioError: the store cannot be read.
        """
        now_ns = self._clock.now_ns()
        with self._lock:
            self._book.load(self._log.find_latest_alerts(now_ns - self._retention_ns()))
            lately = TimeRange(now_ns - FLAPPING_NS, now_ns + FLAPPING_NS)
            self._book.load_changes(self._log.find_alert_events([], lately, limit=EVENTS_COUNTED))
            self._outbox.load(self._log.find_open_deliveries(), self._log.find_last_deliveries())
            self._outbox.drop_unknown(self.settings.receivers, now_ns)
            self.decisions.load(self._log)
            self._watch.recall(lambda rule: self._book.recall(SELF, rule))

    def _retention_ns(self) -> int:
        """Returns how long an alert that is over is remembered: until everybody has heard."""
        route = self.settings.route
        longest_ns = (
            max((one.timing.interval_ns for one in route.walk()), default=0) if route else 0
        )
        return max(RESOLVED_RETENTION_NS, 2 * longest_ns)

    # What rule groups tell

    def recall(self, group: RuleGroup, rule: Rule) -> dict[LabelSet, Alert]:
        """Returns the alerts of a rule that fired before the restart."""
        with self._lock:
            return self._book.recall(group, rule)

    def observe(self, group: RuleGroup, rules: Sequence[RuleAlerts], now_ns: int) -> None:
        """Takes the alerts of all alerting rules of a group after an evaluation."""
        with self._lock:
            changed = self._book.observe(group, rules, now_ns)
        if changed:
            self._wake.set()

    def keep_only(self, groups: Sequence[RuleGroup], now_ns: int) -> None:
        """Takes which groups there are: alerts of all others have ended."""
        with self._lock:
            self._book.keep_only([*groups, SELF], now_ns)

    # What is due

    def tick(self) -> None:
        """Does everything that is due now: looks after vario itself, plans, sends."""
        now_ns = self._clock.now_ns()
        health = self.surroundings.health()
        with self._lock:
            self._journal.write()
            lost = [one for one in self._lost if now_ns - one.tried_ns < FLAPPING_NS]
            self._lost = lost
            found = self._watch.look(health, [*self._outbox.waiting(), *lost], now_ns)
            self._book.observe(SELF, found, now_ns)
            self._book.forget(now_ns - self._retention_ns())
            untraced = self._book.find_untraced(now_ns - TRACED_NS)
            for event in untraced:
                self._book.add_trace(event, "")
        for event in untraced:
            self._run(self._trace, event)
        self._report(now_ns)
        with self._lock:
            situation = self._situation(now_ns)
            self._outbox.queue(self._planner.plan(situation, now_ns))
            again = self._planner.refresh(situation, now_ns)
            is_late = any(now_ns - one.due_ns >= late_after_ns(one) for one in health)
            again += self._beat.take_due(now_ns, self.surroundings.base, is_late=is_late)
            due = self._outbox.take_due(now_ns)
        for delivery in again:
            self._run(self._send_unqueued, delivery)
        for delivery in due:
            self._run(self._send, delivery)

    def _report(self, now_ns: int) -> None:
        """Lets others hear of the alerts; not under the lock, because they ask back."""
        with self._lock:
            firing = self._book.firing()
            muted = {
                id_
                for id_, mutes in self._mutes(firing, now_ns).items()
                if any(mute.kind != "inhibition" for mute in mutes)
            }
            events = [*firing.values(), *self._book.over().values()]
        try:
            self.surroundings.observe(events, frozenset(muted), now_ns)
        except Exception:  # people are told, whatever becomes of incidents
            log.exception("the incident desk could not hear of alerts")

    def _situation(self, now_ns: int) -> Situation:
        firing, over = self._book.firing(), self._book.over()
        acknowledged = {
            id_ for id_, event in firing.items() if self.decisions.find_acknowledgement(event)
        }
        return Situation(
            firing,
            over,
            frozenset(self._mutes(firing, now_ns)),
            frozenset(acknowledged),
            frozenset(id_ for id_ in firing if self._book.is_flapping(id_, now_ns)),
            self._book.rule_of,
            self.surroundings.base,
            self.surroundings.incident_of,
        )

    def _mutes(self, firing: dict[str, AlertEvent], now_ns: int) -> dict[str, list[Mute]]:
        """Returns what mutes which firing alerts."""
        silences, windows = self.decisions.silences(), self.decisions.windows()
        labels = {id_: event.labels for id_, event in firing.items()}
        muted = find_inhibited(labels, self.settings.inhibition)
        for id_, event in firing.items():
            found = find_mutes(event.labels, silences, windows, now_ns)
            if found:
                muted[id_] = [*found, *muted.get(id_, ())]
        return muted

    def _trace(self, event: AlertEvent) -> None:
        with self._lock:
            rule = self._book.rule_of(event.id)
        try:
            trace_id = self.surroundings.find_trace(rule, event)
        except VarioError as error:
            log.warning("no example is found for alert %s: %s", event.name, error)
            return
        if trace_id:
            with self._lock:
                self._book.add_trace(event, trace_id)

    def _send(self, delivery: Delivery) -> None:
        outcome = self._attempt(delivery)
        with self._lock:
            now_ns = self._clock.now_ns()
            self._outbox.finish(delivery, outcome, now_ns)
            if outcome.verdict != "delivered" and not self._outbox.is_open(delivery.id):
                dead = replace(delivery, status="dead", error=outcome.error, tried_ns=now_ns)
                self._lost.append(dead)
        self._wake.set()

    def _send_unqueued(self, delivery: Delivery) -> None:
        outcome = self._attempt(delivery)
        with self._lock:
            self._outbox.count(delivery.receiver, outcome)
            self._beat.finish(delivery, outcome)

    def _attempt(self, delivery: Delivery) -> Outcome:
        receiver = self.settings.receivers.get(delivery.receiver)
        if receiver is None:
            return Outcome("refused", f"no receiver is named {delivery.receiver!r}")
        outcome = self._send_once(receiver, delivery, self._clock.now_ns())
        if outcome.verdict != "delivered":
            log.warning("receiver %s: %s (%s)", receiver.name, outcome.error, outcome.verdict)
        return outcome

    def _run(self, work: Callable[..., None], argument: object) -> None:
        if self._pool is None:
            work(argument)
        else:
            self._pool.submit(work, argument)

    # The thread

    def start(self) -> None:
        """Starts to do what is due, in threads of its own."""
        self._pool = ThreadPoolExecutor(SENDERS, thread_name_prefix="notify")
        self._thread = threading.Thread(target=self._work, name="alerts", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Waits for attempts that run, and starts no more; what is queued waits in the store."""
        self._stopping = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
        self._sender.close()

    def _work(self) -> None:
        while not self._stopping:
            try:
                self.tick()
            except Exception:  # a fault of ours must not end all notifications
                log.exception("what is due at the alert desk could not be done")
            self._wake.wait(TICK_S)
            self._wake.clear()

    # What people ask and do

    def views(self) -> list[AlertView]:
        """Returns the alerts that are pending, firing or lately resolved, ordered by id."""
        now_ns = self._clock.now_ns()
        with self._lock:
            mutes = self._mutes(self._book.firing(), now_ns)
            return [self._view(event, mutes, now_ns) for event in self._book.alerts()]

    def get_view(self, id_: str) -> AlertView:
        """Returns an alert by its id.

        Raises:
            NotFound: there is none that is pending, firing or lately resolved.
        """
        for view in self.views():
            if view.event.id == id_:
                return view
        raise NotFound(f"there is no alert {id_!r} now; its history may have it")

    def find_view(self, id_: str) -> AlertView:
        """Returns an alert by its id, also one that was over long ago.

        Raises:
            NotFound: nothing is known of it, or no longer.
        """
        try:
            return self.get_view(id_)
        except NotFound:
            always = TimeRange(0, self._clock.now_ns() + FLAPPING_NS)
            events = self._log.find_alert_events([], always, limit=1, alert_id=id_)
            if not events:
                raise NotFound(
                    f"nothing is known of an alert {id_!r}: it never was, or its history was "
                    "deleted after store.retention.alerts_days"
                ) from None
        with self._lock:
            return AlertView(events[0], self._book.rule_behind(events[0]), (), 0, (), ())

    def _view(self, event: AlertEvent, mutes: dict[str, list[Mute]], now_ns: int) -> AlertView:
        told = [
            delivery
            for delivery in self._outbox.last.values()
            if event.id in delivery.firing or event.id in delivery.resolved
        ]
        return AlertView(
            event,
            self._book.rule_of(event.id),
            tuple(mutes.get(event.id, ())),
            self._book.changes(event.id, now_ns),
            tuple(self._planner.routes_to(event.labels)),
            tuple(sorted(told, key=lambda one: -one.created_ns)),
        )

    def receiver_state(self) -> tuple[dict[str, int], dict[str, Delivery]]:
        """Returns by receiver how many notifications wait, and the newest one."""
        with self._lock:
            waiting = Counter(delivery.receiver for delivery in self._outbox.waiting())
            told = sorted(self._outbox.last.values(), key=lambda one: one.created_ns)
        return dict(waiting), {delivery.receiver: delivery for delivery in told}

    def heartbeat_error(self) -> str:
        """Returns why the last heartbeat was not delivered; empty where it was."""
        return self._beat.error

    def find_deliveries(
        self, *, limit: int, receiver: str = "", status: str = ""
    ) -> list[Delivery]:
        """Returns notifications, newest first; of one receiver or status where it is given."""
        return self._log.find_deliveries(limit=limit, receiver=receiver, status=status)

    def retry(self, id_: str) -> Delivery:
        """Puts a notification that was given up on back on its way, and returns it.

        Raises:
            NotFound: there is no such notification.
            BadData: it was not given up on, or its receiver is gone.
        """
        found = self._log.find_deliveries(limit=1, delivery_id=id_)
        if not found:
            raise NotFound(f"there is no notification {id_!r}")
        if found[0].status != "dead":
            raise BadData(f"notification {id_} is {found[0].status}: only dead ones are retried")
        if found[0].receiver not in self.settings.receivers:
            raise BadData(f"no receiver is named {found[0].receiver!r} any more")
        with self._lock:
            self._lost = [one for one in self._lost if one.id != id_]
            again = self._outbox.revive(found[0], self._clock.now_ns())
        self._wake.set()
        return again

    def rule_of(self, event: AlertEvent) -> Rule | None:
        """Returns the rule that an alert comes from, if it is still evaluated."""
        with self._lock:
            return self._book.rule_of(event.id) or self._book.rule_behind(event)

    def queue(self, deliveries: Sequence[Delivery]) -> None:
        """Puts notifications on their way that no group of alerts is behind; each id once."""
        with self._lock:
            new = [
                one
                for one in deliveries
                if not self._log.find_deliveries(limit=1, delivery_id=one.id)
            ]
            self._outbox.queue(new)
        self._wake.set()

    def test(self, name: str) -> Outcome:
        """Sends a test message to a receiver at once and returns what became of it.

        Raises:
            NotFound: no receiver has this name.
        """
        if name not in self.settings.receivers:
            known = ", ".join(sorted(self.settings.receivers)) or "none"
            raise NotFound(f"no receiver is named {name!r}; there are: {known}")
        now_ns = self._clock.now_ns()
        delivery = beat.make_test(name, self.surroundings.base, now_ns)
        outcome = self._attempt(delivery)
        status = "sent" if outcome.verdict == "delivered" else "dead"
        with self._lock:
            self._outbox.note(replace(delivery, status=status, error=outcome.error, attempts=1))
        return outcome

    def numbers(self) -> "DeskNumbers":
        """Returns counts for `/metrics`."""
        with self._lock:
            states: dict[str, int] = {"pending": 0, "firing": 0}
            for event in self._book.alerts():
                if event.state in states:
                    states[event.state] += 1
            return DeskNumbers(
                states, dict(self._outbox.outcomes), len(self._outbox.waiting()), len(self._lost)
            )


@dataclass(frozen=True, slots=True)
class DeskNumbers:
    """Counts for `/metrics`.

    Attributes:
        alerts: by state.
        attempts: by receiver and verdict.
        waiting: notifications on their way.
        dead: notifications given up on in the last hour.
    """

    alerts: dict[str, int]
    attempts: dict[tuple[str, str], int]
    waiting: int
    dead: int
