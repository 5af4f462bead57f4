"""Shapes of the API about incidents; times are float seconds since the epoch, null for never."""

from typing import Annotated

from pydantic import Field

from vario.api.investigation_models import InvestigationOut, MomentOut, VerificationOut
from vario.api.models import Shape
from vario.model.investigation import FixVerdict, IncidentState, Verdict

ShortText = Annotated[str, Field(max_length=4096)]
Name = Annotated[str, Field(min_length=1, max_length=256)]


class IncidentSummaryOut(Shape):
    """An incident in a list: what was found, and whether the fix works, in a word and a sentence.

    `verdict` is the latest investigation's and `finding` the first suspect's statement; both are
    empty until there is one. `fix` is the verdict on the claimed fix, null where none is claimed.
    """

    id: str
    title: str
    state: IncidentState
    severity: str
    owner: str
    runbook: str
    service: str
    scope: dict[str, str]
    alert_ids: list[str]
    opened: float
    updated: float
    resolved: float | None
    relapses: int
    acknowledged_by: str
    verdict: Verdict | None
    finding: str
    fix: FixVerdict | None


class IncidentsOut(Shape):
    """Incidents: those that are not resolved first, then the newest."""

    incidents: list[IncidentSummaryOut]


class IncidentOut(Shape):
    """One incident whole.

    `state` is `verifying` from a claimed fix to its verdict. `version` grows with every change.
    `investigating` says that an investigation runs now; `notes` why one failed, or is missing.
    """

    id: str
    version: int
    title: str
    state: IncidentState
    severity: str
    owner: str
    runbook: str
    service: str
    scope: dict[str, str]
    alert_ids: list[str]
    opened: float
    updated: float
    resolved: float | None
    relapses: int
    acknowledged_by: str
    investigation: InvestigationOut | None
    verification: VerificationOut | None
    timeline: list[MomentOut]
    investigating: bool
    notes: list[str]


class FixedIn(Shape):
    """Somebody says that it is fixed; `at` as times elsewhere, such as `now-5m`."""

    by: Name
    at: Annotated[str, Field(max_length=64)] = "now"
    note: ShortText = ""


class NoteIn(Shape):
    """A remark for the timeline."""

    by: Name
    text: Annotated[str, Field(min_length=1, max_length=4096)]


class AcknowledgeIncidentIn(Shape):
    """Who looks after it."""

    by: Name


class ResolveIn(Shape):
    """Somebody's word that it is over, without proof."""

    by: Name
    note: ShortText = ""
