"""The incident log in memory.

`tests/store/test_incidents.py` holds the real one to its contract.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from vario.errors import Unavailable
from vario.model.investigation import Incident, IncidentState
from vario.model.telemetry import TimeRange
from vario.store.incidents import dump_incident, load_incident


@dataclass
class MemoryIncidentLog:
    """Versions as texts, as the store has them; `full` makes every write fail."""

    rows: list[str] = field(default_factory=list)
    full: bool = False

    def write_incidents(self, incidents: Sequence[Incident]) -> None:
        if self.full:
            raise Unavailable("no space left")
        self.rows += [dump_incident(one) for one in incidents]

    def _last(self) -> dict[str, Incident]:
        last: dict[str, Incident] = {}
        for row in self.rows:
            one = load_incident(row)
            if one.id not in last or one.version > last[one.id].version:
                last[one.id] = one
        return last

    def find_incidents(
        self,
        window: TimeRange,
        *,
        states: Sequence[IncidentState] = (),
        service: str = "",
        limit: int,
    ) -> list[Incident]:
        found = [
            one
            for one in self._last().values()
            if one.opened_ns < window.end_ns
            and (not one.resolved_ns or one.resolved_ns >= window.start_ns)
            and (not states or one.state in states)
            and service in ("", one.service)
        ]
        return sorted(found, key=lambda one: (one.state == "resolved", -one.opened_ns))[:limit]

    def get_incident(self, incident_id: str) -> Incident | None:
        return self._last().get(incident_id)
