"""Contract of keeping incidents: a part of `vario.store.base`."""

from collections.abc import Sequence
from typing import Protocol

from vario.model.investigation import Incident, IncidentState
from vario.model.telemetry import TimeRange


class IncidentLog(Protocol):
    """Keeps incidents. Versions are appended; of those of one id the highest holds."""

    def write_incidents(self, incidents: Sequence[Incident]) -> None:
        """Appends versions of incidents."""
        ...

    def find_incidents(
        self,
        window: TimeRange,
        *,
        states: Sequence[IncidentState] = (),
        service: str = "",
        limit: int,
    ) -> list[Incident]:
        """Returns incidents that began before the end of `window` and were not over before it.

        Those that are not resolved come first, then the newest. `states` and `service` narrow it.
        """
        ...

    def get_incident(self, incident_id: str) -> Incident | None:
        """Returns an incident by its id, None where there is none."""
        ...
