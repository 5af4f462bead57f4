"""What people decided about alerts: silences, maintenance windows, acknowledgements."""

import logging
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from vario.alert.journal import Journal
from vario.alert.notify.matchers import match_all
from vario.alert.notify.mute import Maintenance, Silence
from vario.clock import Clock
from vario.errors import BadData, NotFound
from vario.model.alert import AlertEvent, AlertRecord, RecordKind
from vario.store.base import AlertLog

log = logging.getLogger(__name__)

EXPIRED_KEPT_NS = 5 * 86400 * 10**9
"""How long a silence that has ended is listed, as in Alertmanager."""


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Somebody looks after an alert: as long as it fires on, it is not told again."""

    alert_id: str
    fired_ns: int
    author: str
    comment: str
    time_ns: int

    def covers(self, event: AlertEvent) -> bool:
        """Whether it is about this time that the alert fires, not about an earlier one."""
        return event.state == "firing" and event.fired_ns == self.fired_ns

    def dump(self) -> dict[str, Any]:
        """Returns what a record keeps of it."""
        return {
            "fired_ns": self.fired_ns,
            "author": self.author,
            "comment": self.comment,
            "time_ns": self.time_ns,
        }


class Decisions:
    """Decisions by id, each written down before it counts. For any thread."""

    def __init__(self, journal: Journal, clock: Clock, windows: Sequence[Maintenance] = ()) -> None:
        self._journal = journal
        self._clock = clock
        self._lock = threading.Lock()
        self._fixed = tuple(windows)
        self._silences: Mapping[str, Silence] = {}
        self._windows: Mapping[str, Maintenance] = {}
        self._acks: Mapping[str, Acknowledgement] = {}

    def load(self, alert_log: AlertLog) -> None:
        """Takes over what the log knows; a record that cannot be read is left out and told of."""
        before_ns = self._clock.now_ns() - EXPIRED_KEPT_NS
        silences = self._load(alert_log, "silence", Silence.load)
        self._silences = {i: one for i, one in silences.items() if one.ends_ns >= before_ns}
        self._windows = self._load(alert_log, "maintenance", Maintenance.load)
        self._acks = self._load(
            alert_log, "acknowledgement", lambda id_, body: Acknowledgement(id_, **body)
        )

    def _load(
        self, alert_log: AlertLog, kind: RecordKind, read: Callable[[str, Mapping[str, Any]], Any]
    ) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for record in alert_log.find_alert_records(kind):
            self._journal.start_after(record.version)
            try:
                found[record.id] = read(record.id, record.body)
            except (BadData, KeyError, TypeError, ValueError) as error:
                log.warning("%s %s cannot be read and is left out: %s", kind, record.id, error)
        return found

    def _write(
        self, kind: RecordKind, id_: str, body: Mapping[str, Any], *, deleted: bool = False
    ) -> None:
        version = self._journal.next_version()
        self._journal.write(records=[AlertRecord(kind, id_, version, body, deleted)])

    # Silences

    def silences(self) -> list[Silence]:
        """Returns the silences, those that ended lately too, the latest end first."""
        return sorted(self._silences.values(), key=lambda one: (-one.ends_ns, one.id))

    def get_silence(self, id_: str) -> Silence:
        """Returns a silence by its id.

        Raises:
            NotFound: there is none.
        """
        if id_ not in self._silences:
            raise NotFound(f"there is no silence {id_!r}")
        return self._silences[id_]

    def put_silence(self, silence: Silence) -> Silence:
        """Adds a silence, or replaces the one of its id, and returns it.

        One that is active and silences other alerts from now on is ended, and another is made, so
        that what was silenced when stays true.

        Raises:
            NotFound: it has an id that is not known.
            BadData: it has no matcher that refuses an absent label, or ends before it begins.
        """
        now_ns = self._clock.now_ns()
        if not silence.matchers or match_all(silence.matchers, {}):
            raise BadData("a silence needs a matcher that does not match an absent label")
        if silence.ends_ns <= max(silence.starts_ns, now_ns):
            raise BadData("a silence must end after it begins, and in the future")
        if not silence.author or not silence.comment:
            raise BadData("a silence needs an author and a comment: others will wonder")
        silence = replace(silence, updated_ns=now_ns)
        with self._lock:
            old = self.get_silence(silence.id) if silence.id else None
            if old is not None and old.state(now_ns) != "pending":
                same = old.matchers == silence.matchers and old.ends_ns > now_ns
                if not same:
                    if old.ends_ns > now_ns:
                        self._keep_silence(replace(old, ends_ns=now_ns, updated_ns=now_ns))
                    old = None
            if old is None:
                starts_ns = max(silence.starts_ns, now_ns)
                silence = replace(silence, id=str(uuid.uuid4()), starts_ns=starts_ns)
            self._keep_silence(silence)
        return silence

    def expire_silence(self, id_: str) -> Silence:
        """Ends a silence now and returns it.

        Raises:
            NotFound: there is none of this id.
            BadData: it has ended already.
        """
        now_ns = self._clock.now_ns()
        with self._lock:
            old = self.get_silence(id_)
            if old.ends_ns <= now_ns:
                raise BadData(f"silence {id_} has ended already")
            starts_ns = min(old.starts_ns, now_ns)
            ended = replace(old, starts_ns=starts_ns, ends_ns=now_ns, updated_ns=now_ns)
            self._keep_silence(ended)
        return ended

    def _keep_silence(self, silence: Silence) -> None:
        self._write("silence", silence.id, silence.dump())
        self._silences = {**self._silences, silence.id: silence}

    # Maintenance windows

    def windows(self) -> list[Maintenance]:
        """Returns the maintenance windows, those of the file first."""
        return [*self._fixed, *(self._windows[id_] for id_ in sorted(self._windows))]

    def add_window(self, window: Maintenance) -> Maintenance:
        """Adds a maintenance window under a new id and returns it.

        Raises:
            BadData: it has no author or no comment.
        """
        if not window.author or not window.comment:
            raise BadData("a maintenance window needs an author and a comment")
        window = replace(window, id=str(uuid.uuid4()))
        with self._lock:
            self._write("maintenance", window.id, window.dump())
            self._windows = {**self._windows, window.id: window}
        return window

    def remove_window(self, id_: str) -> None:
        """Removes a maintenance window.

        Raises:
            NotFound: there is none of this id.
            BadData: it stands in the file of receivers.
        """
        if any(window.id == id_ for window in self._fixed):
            raise BadData(f"maintenance window {id_} stands in the file of receivers: change that")
        with self._lock:
            if id_ not in self._windows:
                raise NotFound(f"there is no maintenance window {id_!r}")
            self._write("maintenance", id_, self._windows[id_].dump(), deleted=True)
            self._windows = {i: one for i, one in self._windows.items() if i != id_}

    # Acknowledgements

    def acknowledge(self, event: AlertEvent, author: str, comment: str) -> Acknowledgement:
        """Notes that somebody looks after an alert.

        Raises:
            BadData: the alert does not fire, or nobody's name is given.
        """
        if event.state != "firing":
            raise BadData(f"alert {event.id} is {event.state}: only what fires is acknowledged")
        if not author:
            raise BadData("an acknowledgement needs an author: who looks after the alert?")
        ack = Acknowledgement(event.id, event.fired_ns, author, comment, self._clock.now_ns())
        with self._lock:
            self._write("acknowledgement", event.id, ack.dump())
            self._acks = {**self._acks, event.id: ack}
        return ack

    def withdraw(self, alert_id: str) -> None:
        """Takes an acknowledgement back.

        Raises:
            NotFound: the alert is not acknowledged.
        """
        with self._lock:
            if alert_id not in self._acks:
                raise NotFound(f"alert {alert_id!r} is not acknowledged")
            self._write("acknowledgement", alert_id, self._acks[alert_id].dump(), deleted=True)
            self._acks = {i: one for i, one in self._acks.items() if i != alert_id}

    def find_acknowledgement(self, event: AlertEvent) -> Acknowledgement | None:
        """Returns who looks after an alert, None if nobody does."""
        ack = self._acks.get(event.id)
        return ack if ack is not None and ack.covers(event) else None
