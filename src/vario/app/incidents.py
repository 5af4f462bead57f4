"""The incident desk of a server: what it asks and tells, its thread, and what it counts."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from time import perf_counter

from vario.alert.desk import AlertDesk
from vario.alert.incident.desk import IncidentDesk
from vario.alert.incident.grouping import gravity_of
from vario.alert.incident.seams import IncidentSeams
from vario.alert.incident.telling import make_news
from vario.api.investigation_reader import make_reader
from vario.clock import Clock
from vario.config import Settings
from vario.drift.report import DriftReport
from vario.errors import BadData
from vario.ingest.counters import Labels, Metric
from vario.investigate.pipeline import investigate
from vario.investigate.probers import PROBERS
from vario.investigate.questions import BEFORE_NS, question_of_alert
from vario.investigate.verify import Claim, verify
from vario.model.alert import AlertEvent
from vario.model.investigation import Incident, Investigation, Question, Verdict, Verification
from vario.model.marker import Marker
from vario.model.telemetry import TimeRange
from vario.store.base import Store

log = logging.getLogger(__name__)

TICK_S = 2.0
MOST_QUESTIONS = 3
"""Different questions of an incident's alerts that are asked each time."""
VERDICTS: tuple[Verdict, ...] = ("explained", "partial", "unexplained", "no_change")
"""The best first."""
STOP_S = 60.0
"""How long an investigation in flight is waited for at the end."""


class IncidentLoop:
    """Does what is due at the incident desk, in a thread of its own."""

    def __init__(self, desk: IncidentDesk) -> None:
        self.desk = desk
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="incidents", daemon=True)

    def start(self) -> None:
        """Starts the thread, unless the settings switch incidents off."""
        if self.desk.settings.enabled:
            self._thread.start()

    def stop(self) -> None:
        """Waits for what is in flight and writes what is not written yet."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(STOP_S)
        self.desk.write()

    def canceled(self) -> bool:
        """Returns whether nobody waits for an answer any more."""
        return self._stopping.is_set()

    def _run(self) -> None:
        while not self._stopping.wait(TICK_S):
            try:
                self.desk.step()
            except Exception:  # a fault of ours must not end the looking after
                log.exception("what is due at the incident desk could not be done")


def open_incidents(
    settings: Settings,
    store: Store,
    clock: Clock,
    alerts: AlertDesk,
    drift: Callable[[], DriftReport],
) -> IncidentLoop:
    """Returns an incident desk that knows what was before a restart; the caller starts and stops.

    Args:
        settings: what opens incidents, and when a fix is proved.
        store: what is read, and where incidents are kept.
        clock: when.
        alerts: tells of alerts, and tells people.
        drift: gives what drifts now.

    Raises:
        VarioError: the store cannot be read.
    """
    desk = IncidentDesk(store, settings.incident, clock)
    loop = IncidentLoop(desk)
    desk.seams = _make_seams(store, alerts)
    asker = Asker(store, clock, drift, alerts, loop.canceled, settings)
    desk.seams.investigate, desk.seams.verify = asker.investigate, asker.verify
    desk.load()
    alerts.surroundings.observe = desk.observe
    alerts.surroundings.incident_of = desk.incident_of
    return loop


@dataclass(frozen=True, slots=True)
class Asker:
    """Asks about incidents: why, and whether a fix works."""

    store: Store
    clock: Clock
    drift: Callable[[], DriftReport]
    alerts: AlertDesk
    canceled: Callable[[], bool]
    settings: Settings

    def questions(
        self, incident: Incident, events: Sequence[AlertEvent], now_ns: int
    ) -> list[Question]:
        """Returns what its alerts ask, those that fire first, the gravest of them before others.

        Of alerts that ask the same the first speaks; without any, what the incident knows does.
        """
        if not events:
            window = TimeRange(incident.opened_ns - BEFORE_NS, max(now_ns, incident.opened_ns + 1))
            return [Question(incident.service, window, title=incident.title)]

        def urgency(event: AlertEvent) -> tuple[bool, int]:
            return event.resolved_ns > 0, -gravity_of(event.labels.get("severity", ""))

        asked: dict[tuple[str, str | None, tuple[tuple[str, str], ...]], Question] = {}
        for event in sorted(events, key=urgency):
            one = self._ask(event, now_ns)
            asked.setdefault((one.service, one.symptom, tuple(sorted(one.scope.items()))), one)
        return list(asked.values())[:MOST_QUESTIONS]

    def _ask(self, event: AlertEvent, now_ns: int) -> Question:
        rule = self.alerts.rule_of(event)
        asked = question_of_alert(event, now_ns, expression=rule.expr if rule else "")
        # From before it began to now, also where the alert has ended: what was the fix?
        return replace(asked, window=TimeRange(asked.window.start_ns, now_ns))

    def investigate(
        self, incident: Incident, events: Sequence[AlertEvent], now_ns: int
    ) -> Investigation:
        """Returns why: the first answer that explains what is asked, or else the best of all."""
        reader = make_reader(self.store, self.drift(), self.settings.cost, self.canceled)
        begun_s = perf_counter()
        best: Investigation | None = None
        for question in self.questions(incident, events, now_ns):
            found = investigate(reader, question, self.clock, PROBERS)
            if best is None or VERDICTS.index(found.verdict) < VERDICTS.index(best.verdict):
                best = found
            if found.verdict == "explained":
                break
        assert best is not None, "there is always a question"
        return replace(best, took_ms=1000 * (perf_counter() - begun_s))

    def verify(self, incident: Incident, events: Sequence[AlertEvent], now_ns: int) -> Verification:
        """Returns how far the proof of the claimed fix is."""
        proof, found = incident.verification, incident.investigation
        if proof is None:
            raise BadData(f"no fix of incident {incident.id} is claimed")
        found = found if found is not None and found.verdict != "no_change" else None
        active_ns = min((one.active_ns for one in events), default=incident.opened_ns)
        claim = Claim(
            question=found.question if found else self.questions(incident, events, now_ns)[0],
            found=found,
            active_ns=min(active_ns, incident.opened_ns),
            claimed_ns=proof.claimed_ns,
            source=proof.source,
            tolerance=proof.tolerance or self.settings.incident.tolerance,
        )
        reader = make_reader(self.store, self.drift(), self.settings.cost, self.canceled)
        return verify(reader, claim, now_ns, proof.verdict)


def _make_seams(store: Store, alerts: AlertDesk) -> IncidentSeams:
    def find_markers(window: TimeRange, service: str) -> list[Marker]:
        return store.find_markers(window, service=service)

    def tell(incident: Incident, what: str, now_ns: int) -> None:
        base = alerts.surroundings.base
        alerts.queue(make_news(incident, what, alerts.settings, base, now_ns))

    def acknowledge(alert_id: str, by: str) -> None:
        alerts.decisions.acknowledge(alerts.get_view(alert_id).event, by, "with its incident")

    return IncidentSeams(
        find_markers=find_markers,
        tell=tell,
        acknowledge=acknowledge,
        withdraw=alerts.decisions.withdraw,
    )


def incident_metrics(desk: IncidentDesk) -> Iterator[Metric]:
    """Yields what the incident desk counts."""
    numbers = desk.counts()
    states: dict[Labels, float] = {(("state", k),): n for k, n in sorted(numbers.states.items())}
    text = "Incidents by state, those that ended lately included."
    yield Metric("vario_incidents", "gauge", text, states)
    found: dict[Labels, float] = {
        (("verdict", verdict),): count for verdict, count in sorted(numbers.investigations.items())
    }
    text = "Investigations of incidents by verdict; failed where there was none."
    yield Metric("vario_incidents_investigations_total", "counter", text, found)
    proofs: dict[Labels, float] = {
        (("verdict", verdict),): count for verdict, count in sorted(numbers.verdicts.items())
    }
    text = "Verdicts on claimed fixes."
    yield Metric("vario_incidents_fix_verdicts_total", "counter", text, proofs)
    spent: dict[Labels, float] = {(): numbers.seconds}
    text = "Time spent on investigations and proofs."
    yield Metric("vario_incidents_work_seconds_total", "counter", text, spent)
    failing: dict[Labels, float] = {(): len(numbers.errors)}
    text = "Pieces of work on incidents that fail now."
    yield Metric("vario_incidents_failing", "gauge", text, failing)
    waiting: dict[Labels, float] = {(): numbers.unwritten}
    text = "Incidents whose newest version is not in the store yet."
    yield Metric("vario_incidents_unwritten", "gauge", text, waiting)
