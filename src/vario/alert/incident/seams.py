"""What incidents ask of the rest of the house, as functions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from vario.model.alert import AlertEvent
from vario.model.investigation import Incident, Investigation, Verification
from vario.model.marker import Marker
from vario.model.telemetry import TimeRange

InvestigateFunction = Callable[[Incident, Sequence[AlertEvent], int], Investigation]
"""Asks why, about an incident with its alerts, at a time; raises a `VarioError` where it fails."""

VerifyFunction = Callable[[Incident, Sequence[AlertEvent], int], Verification]
"""Says how far the proof of the claimed fix is at a time; raises a `VarioError` where it fails."""

MarkersFunction = Callable[[TimeRange, str], list[Marker]]
"""Returns what was changed of a service in a window, oldest first."""

TellFunction = Callable[[Incident, str, int], None]
"""Tells who wants to hear that an incident is `opened`, `explained`, `recovered` or `relapsed`."""


def _no_markers(_window: TimeRange, _service: str) -> list[Marker]:
    return []


def _tell_nobody(_incident: Incident, _what: str, _now_ns: int) -> None:
    return


@dataclass(slots=True)
class IncidentSeams:
    """The functions; without one of them that part of the work is left out."""

    investigate: InvestigateFunction | None = None
    verify: VerifyFunction | None = None
    find_markers: MarkersFunction = _no_markers
    tell: TellFunction = _tell_nobody
    acknowledge: Callable[[str, str], None] = field(default=lambda _alert, _by: None)
    """Says of an alert that somebody looks after it; raises `BadData` where it does not fire."""
    withdraw: Callable[[str], None] = field(default=lambda _alert: None)
    """Takes that back; raises `NotFound` where nobody does."""
