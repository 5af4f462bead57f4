"""The incident desk: opens incidents for alerts, has them investigated, has fixes proved.

`observe` hears of alerts, `step` does what is due by the clock; `vario.app.incidents` calls it from
a thread. What is decided is written down before it counts, and after a restart `load` goes on
from there: what is due follows from the incidents alone.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from vario.alert.incident import changes, claims
from vario.alert.incident.grouping import find_home
from vario.alert.incident.seams import IncidentSeams
from vario.alert.watch import SELF
from vario.clock import Clock
from vario.config import IncidentSettings
from vario.errors import BadData, NotFound, Unavailable, VarioError
from vario.model.alert import AlertEvent
from vario.model.investigation import Incident, IncidentState
from vario.model.telemetry import TimeRange
from vario.store.base_incidents import IncidentLog

log = logging.getLogger(__name__)

S = 10**9
INVESTIGATED_AFTER_S = (0, 60, 300, 900)
"""When an incident is investigated, counted from when it began or came back: at once, and again as
data arrives."""
CHECK_S, SLOW_CHECK_S = 10, 60
"""How often the proof of a fix is continued: before its first verdict, and after it."""
WRITE_S = 60
"""How often a proof that has only grown is written down; verdicts are at once."""
JUST_BEFORE_NS = 3600 * S
"""A fix may have been made before the alert fired, by so much."""
MOST_LOADED = 1000


@dataclass(slots=True)
class IncidentNumbers:
    """Counts for `/metrics` and the doctor.

    Attributes:
        states: incidents by state, those that ended lately included.
        investigations: by verdict, `failed` included, since the start.
        verdicts: verdicts on fixes since the start.
        seconds: spent investigating and verifying.
        errors: what fails now, by what it is about.
        unwritten: incidents whose newest version is not in the store.
    """

    states: dict[str, int] = field(default_factory=dict[str, int])
    investigations: dict[str, int] = field(default_factory=dict[str, int])
    verdicts: dict[str, int] = field(default_factory=dict[str, int])
    seconds: float = 0.0
    errors: dict[str, str] = field(default_factory=dict[str, str])
    unwritten: int = 0


class IncidentDesk:
    """Incidents, and what is due about them. For any thread.

    No lock is held while another desk is asked, or while something is investigated.
    """

    def __init__(
        self,
        incident_log: IncidentLog,
        settings: IncidentSettings,
        clock: Clock,
        seams: IncidentSeams | None = None,
    ) -> None:
        self.settings = settings
        self.seams = seams or IncidentSeams()
        self.numbers = IncidentNumbers()
        self._log = incident_log
        self._clock = clock
        self._lock = threading.RLock()
        self._asking = threading.Lock()
        self._known: Mapping[str, Incident] = {}
        self._events: Mapping[str, AlertEvent] = {}
        self._home: Mapping[str, str] = {}
        self._dirty: set[str] = set()
        self._written_ns: dict[str, int] = {}
        self._checked_ns: dict[str, int] = {}
        self._tried_ns: dict[str, int] = {}
        self._looked_ns: dict[str, int] = {}
        self._cost_s: dict[str, float] = {}
        self._rest_until_ns = 0
        self._running: str = ""

    def load(self) -> None:
        """Takes over what was before a restart.

        Raises:
            VarioError: the store cannot be read.
        """
        now_ns = self._clock.now_ns()
        window = TimeRange(now_ns - self._relapse_ns(), now_ns + 3600 * S)
        found = self._log.find_incidents(window, limit=MOST_LOADED)
        with self._lock:
            self._known = {one.id: one for one in sorted(found, key=lambda one: one.opened_ns)}
            self._index()

    def _relapse_ns(self) -> int:
        return round(self.settings.relapse_watch_s * S)

    # What alerts tell

    def observe(self, events: Sequence[AlertEvent], muted: Iterable[str], now_ns: int) -> None:
        """Takes the alerts as they are: those that fire, and those that ended lately.

        Args:
            events: the alerts.
            muted: ids of those that nobody is to hear of: they open no incident.
            now_ns: the time.
        """
        if not self.settings.enabled:
            return
        muted = set(muted)
        with self._lock:
            self._events = {event.id: event for event in events}
            for event in sorted(events, key=lambda one: (one.fired_ns, one.id)):
                if event.state == "firing" and not event.rule.startswith(f"{SELF.file};"):
                    self._place(event, now_ns, is_muted=event.id in muted)
                elif event.state == "resolved":
                    self._end(event)

    def _place(self, event: AlertEvent, now_ns: int, *, is_muted: bool) -> None:
        home = find_home(list(self._known.values()), event)
        if home is None:
            if not is_muted and event.labels.get("severity", "") in self.settings.opens:
                incident = changes.open_incident(event, now_ns)
                if incident.id not in self._known:
                    log.warning("incident %s opens: %s", incident.id, incident.title)
                    self._put(incident, "opened")
            return
        if event.id not in home.alert_ids:
            self._put(changes.join(home, event))
        elif home.state == "resolved":
            if event.fired_ns > home.resolved_ns and not is_muted:
                back = changes.reopen(home, event.fired_ns, f"{event.name} fires again")
                log.warning("incident %s is back: %s fires again", home.id, event.name)
                self._put(changes.add_alert(back, event), "relapsed")
        else:
            self._put(changes.add_alert(home, event))

    def _end(self, event: AlertEvent) -> None:
        home = self._known.get(self._home.get(event.id, ""))
        if home is not None and home.state != "resolved" and event.resolved_ns >= home.opened_ns:
            self._put(changes.add_alert(home, event))

    def incident_of(self, alert_id: str) -> str:
        """Returns the id of the incident that an alert belongs to, empty where there is none."""
        return self._home.get(alert_id, "")

    # What is due

    def step(self) -> None:
        """Does what is due now: writes, looks for fixes, continues proofs, investigates."""
        now_ns = self._clock.now_ns()
        with self._lock:
            self._write(now_ns)
            self._forget(now_ns)
            known = list(self._known.values())
        for incident in known:
            self._guarded("fixes", incident, self._look_for_fix, now_ns)
            self._guarded("proof", incident, self._continue_proof, now_ns)
        if now_ns >= self._rest_until_ns:
            due = next((one for one in known if self._is_investigation_due(one, now_ns)), None)
            if due is not None:
                self._guarded("investigation", due, self._investigate, now_ns)

    def _guarded(
        self, what: str, incident: Incident, work: Callable[[Incident, int], None], now_ns: int
    ) -> None:
        """Does a piece of work; what fails is told, and tried again."""
        key = f"{what} of incident {incident.id}"
        try:
            work(incident, now_ns)
        except VarioError as error:
            if self.numbers.errors.get(key) != str(error):
                log.warning("%s: %s", key, error)
            self.numbers.errors[key] = str(error)
        except Exception as error:  # a fault of ours in one incident must not stop the others
            log.exception("%s", key)
            self.numbers.errors[key] = f"{type(error).__name__}: {error}"
        else:
            self.numbers.errors.pop(key, None)

    def _forget(self, now_ns: int) -> None:
        before_ns = now_ns - self._relapse_ns()
        gone = [
            id_
            for id_, one in self._known.items()
            if one.state == "resolved" and one.resolved_ns < before_ns and id_ not in self._dirty
        ]
        if gone:
            self._known = {id_: one for id_, one in self._known.items() if id_ not in gone}
            self._index()
            for id_ in gone:
                for kept in (self._written_ns, self._checked_ns, self._tried_ns, self._looked_ns):
                    kept.pop(id_, None)
                self._cost_s.pop(id_, None)

    def _is_investigation_due(self, incident: Incident, now_ns: int) -> bool:
        if self.seams.investigate is None or incident.state == "resolved":
            return False
        begun_ns = changes.last_opened_ns(incident)
        found = incident.investigation
        if found is not None and incident.state == "verifying":  # what was wrong fades from sight
            return False
        asked_ns = max(
            found.asked_ns if found is not None else 0, self._tried_ns.get(incident.id, 0)
        )
        return any(asked_ns < begun_ns + after * S <= now_ns for after in INVESTIGATED_AFTER_S)

    def _investigate(self, incident: Incident, now_ns: int) -> None:
        if self.seams.investigate is None:
            raise Unavailable("this server does not investigate")
        with self._asking:
            self._tried_ns[incident.id] = now_ns
            self._running = incident.id
            try:
                found = self.seams.investigate(incident, self._alerts_of(incident), now_ns)
            except VarioError:
                self._count(self.numbers.investigations, "failed")
                raise
            finally:
                self._running = ""
                self._rest(now_ns)
        self._count(self.numbers.investigations, found.verdict)
        before = incident.investigation
        is_news = (
            before is None
            or before.verdict != "explained"
            or before.asked_ns < changes.last_opened_ns(incident)
        )
        self._change(
            incident.id,
            lambda one: changes.take_investigation(one, found),
            "explained" if found.verdict == "explained" and is_news else "",
        )

    def _rest(self, begun_ns: int) -> None:
        """Lets the processor rest after some work, so that its share stays what is allowed."""
        ended_ns = self._clock.now_ns()
        spent_ns = max(0, ended_ns - begun_ns)
        self.numbers.seconds += spent_ns / S
        self._rest_until_ns = ended_ns + round(spent_ns * (1 / self._share() - 1))

    def _share(self) -> float:
        return min(max(self.settings.cpu_share, 0.01), 1.0)

    @staticmethod
    def _is_due(last_ns: dict[str, int], incident_id: str, pause_s: float, now_ns: int) -> bool:
        """Returns whether something is to be done again; then it counts as done now."""
        if now_ns - last_ns.get(incident_id, 0) < pause_s * S:
            return False
        last_ns[incident_id] = now_ns
        return True

    def _look_for_fix(self, incident: Incident, now_ns: int) -> None:
        if incident.state == "resolved" or not self.settings.claim_by_itself:
            return
        since_ns = claims.markers_since_ns(incident)
        found = None
        if since_ns < now_ns and self._is_due(self._looked_ns, incident.id, CHECK_S, now_ns):
            markers = self.seams.find_markers(TimeRange(since_ns, now_ns + S), incident.service)
            found = claims.find_marked(incident, markers, now_ns)
        found = found or claims.find_recovery(incident, self._alerts_of(incident))
        if found is not None:
            tolerance = self.settings.tolerance
            self._change(
                incident.id,
                lambda one: changes.claim(one, found.at_ns, found.source, found.text, tolerance),
            )
            return
        if claims.is_quiet(incident, self._alerts_of(incident), now_ns):
            text = "resolved: its alerts have been over for long, and no proof came about"
            self._change(incident.id, lambda one: changes.resolve(one, now_ns, text))

    def _continue_proof(self, incident: Incident, now_ns: int) -> None:
        incident = self._known.get(incident.id, incident)
        proof = incident.verification
        if proof is None or self.seams.verify is None or proof.verdict == "relapsed":
            return
        if incident.state == "resolved" and proof.verdict != "recovered":
            return
        pause_s = CHECK_S if proof.verdict == "too_early" else SLOW_CHECK_S
        # Over much data a check takes long: then it is made more seldom.
        pause_s = max(pause_s, self._cost_s.get(incident.id, 0.0) / self._share())
        if not self._is_due(self._checked_ns, incident.id, pause_s, now_ns):
            return
        begun_ns = self._clock.now_ns()
        found = self.seams.verify(incident, self._alerts_of(incident), now_ns)
        spent_s = max(0, self._clock.now_ns() - begun_ns) / S
        self._cost_s[incident.id] = spent_s
        self.numbers.seconds += spent_s
        is_news = found.verdict != proof.verdict
        if is_news:
            self._count(self.numbers.verdicts, found.verdict)
            log.warning("incident %s: %s: %s", incident.id, found.verdict, found.statement)
        told = found.verdict if is_news and found.verdict in ("recovered", "relapsed") else ""

        def take(one: Incident) -> Incident:
            same = one.verification is not None and one.verification.claimed_ns == found.claimed_ns
            return changes.take_verification(one, found, now_ns) if same else one

        self._change(incident.id, take, told, soon=is_news)

    # What people do

    def incidents(self) -> list[Incident]:
        """Returns the incidents that are open, or ended lately, oldest first."""
        return list(self._known.values())

    def find(
        self, window: TimeRange, *, states: Sequence[IncidentState], service: str, limit: int
    ) -> list[Incident]:
        """Returns incidents of a window; those that are not resolved first, then the newest."""
        stored = self._log.find_incidents(window, states=(), service=service, limit=limit)
        with self._lock:
            found = {one.id: one for one in stored}
            for one in self._known.values():
                if not service or one.service == service:
                    found[one.id] = one
        wanted = [
            one
            for one in found.values()
            if (not states or one.state in states)
            and one.opened_ns < window.end_ns
            and (not one.resolved_ns or one.resolved_ns >= window.start_ns)
        ]
        return sorted(wanted, key=lambda one: (one.state == "resolved", -one.opened_ns))[:limit]

    def get(self, incident_id: str) -> Incident:
        """Returns an incident by its id, also one that was over long ago.

        Raises:
            NotFound: there is none.
        """
        found = self._known.get(incident_id) or self._log.get_incident(incident_id)
        if found is None:
            raise NotFound(
                f"there is no incident {incident_id!r}: it never was, or it was deleted after "
                "store.retention.alerts_days"
            )
        return found

    def is_investigating(self, incident_id: str) -> bool:
        """Returns whether it is being investigated now."""
        return self._running == incident_id

    def notes_on(self, incident_id: str) -> list[str]:
        """Returns what fails about an incident now."""
        return [
            f"{what}: {error}"
            for what, error in sorted(self.numbers.errors.items())
            if what.endswith(incident_id)
        ]

    def investigate(self, incident_id: str) -> Incident:
        """Investigates an incident now and returns it.

        Raises:
            NotFound: there is none.
            VarioError: the investigation fails.
        """
        self._investigate(self._live(incident_id), self._clock.now_ns())
        return self.get(incident_id)

    def claim_fix(self, incident_id: str, at_ns: int, by: str, note: str = "") -> Incident:
        """Notes that somebody says it is fixed since a time; the proof begins.

        Raises:
            NotFound: there is no such incident, or it was over long ago.
            BadData: the time is in the future, or before the incident.
        """
        now_ns = self._clock.now_ns()
        incident = self._live(incident_id)
        if at_ns > now_ns + 60 * S:
            raise BadData("a fix cannot be claimed for the future")
        if at_ns < incident.opened_ns - JUST_BEFORE_NS:
            raise BadData("a fix is claimed for a time after the incident began")
        text = f"{by} says that it is fixed" + (f": {note}" if note else "")
        tolerance = self.settings.tolerance
        at_ns = min(at_ns, now_ns)
        self._checked_ns.pop(incident_id, None)
        return self._change(
            incident_id, lambda one: changes.claim(one, at_ns, "person", text, tolerance)
        )

    def withdraw_fix(self, incident_id: str) -> Incident:
        """Takes the claim of a fix back.

        Raises:
            NotFound: there is no such incident.
            BadData: none is claimed.
        """
        if self._live(incident_id).verification is None:
            raise BadData(f"no fix of incident {incident_id} is claimed")
        now_ns = self._clock.now_ns()
        return self._change(incident_id, lambda one: changes.withdraw_claim(one, now_ns))

    def add_note(self, incident_id: str, by: str, text: str) -> Incident:
        """Puts a remark on the timeline, also of an incident that is over long ago."""
        now_ns = self._clock.now_ns()
        note = f"{by}: {text}"
        return self._change(incident_id, lambda one: changes.add_moment(one, now_ns, "note", note))

    def acknowledge(self, incident_id: str, by: str) -> Incident:
        """Notes who looks after it, of its firing alerts too."""
        incident = self._live(incident_id)
        for event in self._alerts_of(incident):
            if event.state == "firing":
                self.seams.acknowledge(event.id, by)
        now_ns = self._clock.now_ns()

        def take(one: Incident) -> Incident:
            one = replace(one, acknowledged_by=by)
            return changes.add_moment(one, now_ns, "acknowledged", f"{by} looks after it")

        return self._change(incident_id, take)

    def withdraw_acknowledgement(self, incident_id: str) -> Incident:
        """Notes that nobody looks after it any more, of its alerts too."""
        incident = self._live(incident_id)
        for alert_id in incident.alert_ids:
            try:
                self.seams.withdraw(alert_id)
            except NotFound:  # of this one nobody said so
                continue
        now_ns = self._clock.now_ns()

        def take(one: Incident) -> Incident:
            text = "nobody looks after it any more"
            one = replace(one, acknowledged_by="")
            return changes.add_moment(one, now_ns, "acknowledged", text)

        return self._change(incident_id, take)

    def resolve(self, incident_id: str, by: str, note: str = "") -> Incident:
        """Ends it by a person's word.

        Raises:
            BadData: it is over already.
        """
        if self._live(incident_id).state == "resolved":
            raise BadData(f"incident {incident_id} is resolved already")
        now_ns = self._clock.now_ns()
        text = f"resolved by {by}" + (f": {note}" if note else "")
        return self._change(incident_id, lambda one: changes.resolve(one, now_ns, text))

    # What is kept

    def _live(self, incident_id: str) -> Incident:
        """Returns an incident that can change."""
        found = self._known.get(incident_id)
        if found is None:
            self.get(incident_id)
            raise BadData(f"incident {incident_id} was over long ago: only notes can be added")
        return found

    def _alerts_of(self, incident: Incident) -> list[AlertEvent]:
        """Returns what is known now of its alerts, in the order in which they joined."""
        events = self._events
        return [events[id_] for id_ in incident.alert_ids if id_ in events]

    def _change(
        self,
        incident_id: str,
        change: Callable[[Incident], Incident],
        tell: str = "",
        *,
        soon: bool = True,
    ) -> Incident:
        with self._lock:
            return self._put(change(self.get(incident_id)), tell, soon=soon)

    def _put(self, incident: Incident, tell: str = "", *, soon: bool = True) -> Incident:
        """Takes an incident as it is now, and writes it down."""
        old = self._known.get(incident.id)
        if old == incident:
            return incident
        now_ns = self._clock.now_ns()
        version = max(now_ns, incident.version + 1)
        incident = replace(incident, version=version, updated_ns=now_ns)
        if tell:  # it is written down first: were it cut off here, it would be decided on again
            self.seams.tell(incident, tell, now_ns)
        self._known = {**self._known, incident.id: incident}
        self._dirty.add(incident.id)
        self._index()
        if soon or now_ns - self._written_ns.get(incident.id, 0) >= WRITE_S * S:
            self._write(now_ns)
        return incident

    def _index(self) -> None:
        self._home = {
            alert_id: incident.id
            for incident in self._known.values()
            for alert_id in incident.alert_ids
        }

    def write(self) -> None:
        """Writes what is not written yet; at the end."""
        with self._lock:
            self._write(self._clock.now_ns())

    def _write(self, now_ns: int) -> None:
        """Writes what is not written yet; what cannot be is kept and tried again."""
        due = [self._known[id_] for id_ in sorted(self._dirty) if id_ in self._known]
        if not due:
            return
        try:
            self._log.write_incidents(due)
        except VarioError as error:
            log.warning("%d incidents wait in memory: %s", len(due), error)
            self.numbers.errors["store"] = str(error)
        else:
            self._dirty.clear()
            self.numbers.errors.pop("store", None)
            for one in due:
                self._written_ns[one.id] = now_ns

    def counts(self) -> IncidentNumbers:
        """Returns what is counted, as it is now."""
        states = {"open": 0, "verifying": 0, "resolved": 0}
        for one in self._known.values():
            states[one.state] += 1
        return replace(
            self.numbers, states=states, errors=dict(self.numbers.errors),
            unwritten=len(self._dirty),
        )  # fmt: skip

    @staticmethod
    def _count(counts: dict[str, int], what: str) -> None:
        counts[what] = counts.get(what, 0) + 1
