"""Rule files and SLO files together: SLOs are evaluated as rule groups like all others."""

import logging
from collections.abc import Sequence
from dataclasses import replace

from vario.alert.rulefile import RuleFileError, RuleGroup, check_text
from vario.alert.scheduler import RuleScheduler
from vario.alert.seams import make_write
from vario.alert.slo_events import SloEvents
from vario.app.rules import RulePlan, read_rules
from vario.clock import Clock
from vario.config import Settings, SloSettings
from vario.slo.load import load_slos
from vario.slo.model import Slo, SloSet
from vario.slo.rules import make_groups, to_yaml
from vario.store.base import Store

log = logging.getLogger(__name__)


def make_rule_groups(
    slos: Sequence[Slo], settings: SloSettings, now_ns: int
) -> tuple[RuleGroup, ...]:
    """Returns the rule groups of SLOs, as their exported files would be read.

    Raises:
        BadData: a rule that an SLO makes cannot be used.
    """
    interval_s = interval_of(settings)
    groups: list[RuleGroup] = []
    for slo in slos:
        text = to_yaml(make_groups(slo, now_s=now_ns // 10**9, interval_s=interval_s))
        found, problems = check_text(text, slo.place.file)
        if problems:
            raise RuleFileError(problems)
        groups += found
    return tuple(groups)


def interval_of(settings: SloSettings) -> int:
    """Returns how often what SLOs record is evaluated: whole seconds, as rule files have it."""
    return max(1, round(settings.evaluation_interval_s))


class RuleBook:
    """The rules and SLOs that a server evaluates, read from their files; may be read again."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._slos = SloSet()

    def slos(self) -> SloSet:
        """Returns the SLOs as they were read last."""
        return self._slos

    def read(self) -> RulePlan:
        """Reads every rule file and SLO file, and returns the rules of both.

        Raises:
            BadData: a file cannot be read or used; what was read before still holds.
        """
        settings = self._settings
        plan = read_rules(settings.alert, settings.ingest.prometheus_config)
        slos = load_slos(settings.slo.files)
        more = make_rule_groups(slos.slos, settings.slo, self._clock.now_ns())
        self._slos = replace(slos, interval_s=interval_of(settings.slo))
        for warning in slos.warnings:
            log.warning("%s", warning)
        return replace(plan, groups=(*plan.groups, *more))

    def reload(self, scheduler: RuleScheduler) -> None:
        """Reads everything again and evaluates that.

        Raises:
            BadData: a file cannot be read or used; nothing has changed.
        """
        plan = self.read()
        scheduler.update(plan.groups)
        log.info("reloaded: %d rule groups, %d SLOs", len(plan.groups), len(self._slos.slos))


def start_slo_events(book: RuleBook, store: Store, clock: Clock) -> SloEvents:
    """Starts counting what SLOs count by filters; the caller stops what comes back."""
    events = SloEvents(lambda: book.slos().slos, store, make_write(store), clock)
    events.start()
    return events
