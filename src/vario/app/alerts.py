"""The alert desk of a server: what it reads, whom it asks, and what it counts."""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from vario.alert.desk import AlertDesk, Surroundings, TraceFunction
from vario.alert.example import find_example
from vario.alert.notify.settings import load_notify_settings
from vario.alert.rulefile import Rule
from vario.alert.scheduler import RuleScheduler
from vario.clock import Clock
from vario.config import AlertSettings
from vario.errors import VarioError
from vario.ingest.counters import Labels, Metric
from vario.model.alert import AlertEvent
from vario.store.base import Store
from vario.store.sampling import Sampler

log = logging.getLogger(__name__)

PinFunction = Callable[[Iterable[str]], None]
"""Keeps traces by their ids, whatever sampling would decide; raises a `VarioError` if it cannot."""


@dataclass(slots=True)
class Desk:
    """The alert desk before and while it works.

    Rules are evaluated before the API is served, and the desk sends links to it: so the desk hears
    of alerts first, and begins to tell people of them later.
    """

    desk: AlertDesk
    settings: AlertSettings

    def begin(self, rules: RuleScheduler) -> None:
        """Begins to tell people of alerts; evaluations of `rules` are watched."""
        self.desk.surroundings.base = self.settings.external_url
        self.desk.surroundings.health = rules.health
        self.desk.start()


def open_desk(
    settings: AlertSettings, store: Store, clock: Clock, sampler: Sampler | None = None
) -> Desk:
    """Returns an alert desk that knows what was before a restart; the caller stops it.

    Args:
        settings: whom it tells, and how links begin.
        store: what it reads, and where its memory is.
        clock: when.
        sampler: keeps the traces that alerts show; None where traces are not sampled.

    Raises:
        BadData: the file of receivers cannot be read, or makes no sense.
        VarioError: the store cannot be read.
    """
    pin = sampler.pin if sampler is not None else None
    surroundings = Surroundings(find_trace=make_find_trace(store, pin))
    desk = AlertDesk(store, load_notify_settings(settings.receivers_file), clock, surroundings)
    desk.load()
    return Desk(desk, settings)


def make_find_trace(store: Store, pin: PinFunction | None) -> TraceFunction:
    """Returns what finds an alert's example and sees to it that the example stays."""

    def find(rule: Rule | None, event: AlertEvent) -> str:
        trace_id = find_example(store, rule, event)
        if trace_id and pin is not None:
            try:
                pin([trace_id])
            except VarioError as error:  # the link is of use all the same
                log.warning("trace %s of an alert may not be kept: %s", trace_id, error)
        return trace_id

    return find


def desk_metrics(desk: AlertDesk) -> Iterator[Metric]:
    """Yields what the desk counts."""
    numbers = desk.numbers()
    states: dict[Labels, float] = {(("state", k),): n for k, n in sorted(numbers.alerts.items())}
    yield Metric("vario_alerts", "gauge", "Alerts by state.", states)
    attempts: dict[Labels, float] = {
        (("receiver", receiver), ("verdict", verdict)): count
        for (receiver, verdict), count in sorted(numbers.attempts.items())
    }
    text = "Attempts to send by receiver: delivered, again (to be repeated), refused."
    yield Metric("vario_notification_attempts_total", "counter", text, attempts)
    waiting: dict[Labels, float] = {(): numbers.waiting}
    yield Metric("vario_notifications_waiting", "gauge", "Notifications on their way.", waiting)
    dead: dict[Labels, float] = {(): numbers.dead}
    text = "Notifications given up on in the last hour."
    yield Metric("vario_notifications_dead", "gauge", text, dead)
    missed: dict[Labels, float] = {
        (("rule_group", group.name),): group.missed for group in desk.surroundings.health()
    }
    text = "Evaluations of a rule group that did not happen in time."
    yield Metric("vario_rule_evaluation_missed_total", "counter", text, missed)
