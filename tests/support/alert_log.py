"""The alert log in memory, for tests that restart a desk hundreds of times.

It keeps the contract of `vario.store.base.AlertLog`; `tests/store/test_alerts.py` holds the real
one to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from vario.errors import Unavailable
from vario.model.alert import AlertEvent, AlertRecord, Delivery, RecordKind
from vario.model.series import Matcher
from vario.model.telemetry import TimeRange


@dataclass
class MemoryAlertLog:
    """Rows in lists; `full` makes every write fail, as a full disk does."""

    events: list[AlertEvent] = field(default_factory=list)
    records: list[AlertRecord] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    full: bool = False

    def _check(self) -> None:
        if self.full:
            raise Unavailable("no space left")

    def write_alert_events(self, events: Sequence[AlertEvent]) -> None:
        self._check()
        self.events += events

    def find_latest_alerts(self, since_ns: int) -> list[AlertEvent]:
        last = {event.id: event for event in sorted(self.events, key=lambda one: one.version)}
        return sorted(
            (e for e in last.values() if e.state in ("pending", "firing") or e.time_ns >= since_ns),
            key=lambda one: one.version,
        )

    def find_alert_events(
        self, matchers: Sequence[Matcher], window: TimeRange, *, limit: int, alert_id: str = ""
    ) -> list[AlertEvent]:
        found = [
            event
            for event in self.events
            if window.start_ns <= event.time_ns < window.end_ns
            and alert_id in ("", event.id)
            and all(
                (event.labels.get(m.name, "") == m.value) == (m.op == "=")
                for m in matchers
                if m.op in ("=", "!=")
            )
        ]
        return sorted(found, key=lambda one: -one.version)[:limit]

    def write_alert_records(self, records: Sequence[AlertRecord]) -> None:
        self._check()
        self.records += records

    def find_alert_records(self, kind: RecordKind) -> list[AlertRecord]:
        last = {record.id: record for record in self.records if record.kind == kind}
        return [last[id_] for id_ in sorted(last) if not last[id_].deleted]

    def write_deliveries(self, deliveries: Sequence[Delivery]) -> None:
        self._check()
        self.deliveries += deliveries

    def _last(self) -> list[Delivery]:
        last: dict[str, Delivery] = {}
        for delivery in sorted(self.deliveries, key=lambda one: one.version):
            last[delivery.id] = delivery
        return list(last.values())

    def find_open_deliveries(self) -> list[Delivery]:
        found = [delivery for delivery in self._last() if delivery.status == "queued"]
        return sorted(found, key=lambda one: (one.created_ns, one.id))

    def find_last_deliveries(self) -> list[Delivery]:
        newest: dict[tuple[str, str], Delivery] = {}
        for one in sorted(self._last(), key=lambda one: (one.created_ns, one.version)):
            if one.reason != "test":
                newest[one.receiver, one.group_key] = one
        return list(newest.values())

    def find_deliveries(
        self, *, limit: int, receiver: str = "", status: str = "", delivery_id: str = ""
    ) -> list[Delivery]:
        found = [
            one
            for one in self._last()
            if receiver in ("", one.receiver)
            and status in ("", one.status)
            and delivery_id in ("", one.id)
        ]
        return sorted(found, key=lambda one: (-one.created_ns, one.id))[:limit]
