"""Endpoints about incidents: what is wrong, why, who looks after it, and whether the fix worked."""

from typing import Annotated, Literal

from fastapi import Query
from starlette.responses import Response

from vario.alert.incident.changes import headline
from vario.alert.incident.desk import IncidentDesk
from vario.api.context import CurrentContext
from vario.api.incident_models import (
    AcknowledgeIncidentIn,
    FixedIn,
    IncidentOut,
    IncidentsOut,
    IncidentSummaryOut,
    NoteIn,
    ResolveIn,
)
from vario.api.investigation_shapes import dump
from vario.api.params import parse_time_ns, parse_window
from vario.errors import Unavailable
from vario.investigate.picture import Picture, draw_evidence
from vario.model.investigation import Evidence, Incident, IncidentState
from vario.model.telemetry import TimeRange
from vario.query.doctor import Check

Time = Annotated[str, Query(description="as elsewhere", max_length=64)]
_BODIES = ("investigation", "verification", "timeline", "version")


def get_incident_desk(context: CurrentContext) -> IncidentDesk:
    """Returns the incident desk.

    Raises:
        Unavailable: this application has none.
    """
    if context.incidents is None:
        raise Unavailable("this server looks after no incidents")
    return context.incidents


def find_incidents(
    context: CurrentContext,
    state: Annotated[str, Query(pattern="^(open|verifying|resolved|all)$")] = "all",
    service: Annotated[str, Query(max_length=1024)] = "",
    start: Time = "now-30d",
    end: Time = "now",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> IncidentsOut:
    """Incidents of a time: those that are not resolved first, then the newest."""
    window = parse_window(start, end, context.clock.now_ns())
    found = get_incident_desk(context).find(
        window, states=_states(state), service=service, limit=limit
    )
    return IncidentsOut(incidents=[show_summary(one) for one in found])


def _states(state: str) -> tuple[IncidentState, ...]:
    match state:
        case "open" | "verifying" | "resolved":
            return (state,)
        case _:
            return ()


def show_summary(incident: Incident) -> IncidentSummaryOut:
    """Returns an incident as a list shows it."""
    found, proof = incident.investigation, incident.verification
    shown = {key: value for key, value in dump(incident).items() if key not in _BODIES}
    return IncidentSummaryOut.model_validate(
        {
            **shown,
            "verdict": found.verdict if found is not None else None,
            "finding": headline(found) if found is not None else "",
            "fix": proof.verdict if proof is not None else None,
        }
    )


def show_incident(desk: IncidentDesk, incident: Incident) -> IncidentOut:
    """Returns an incident whole."""
    return IncidentOut.model_validate(
        {
            **dump(incident),
            "investigating": desk.is_investigating(incident.id),
            "notes": desk.notes_on(incident.id),
        }
    )


def get_incident(context: CurrentContext, incident_id: str) -> IncidentOut:
    """One incident, also one that was over long ago."""
    desk = get_incident_desk(context)
    return show_incident(desk, desk.get(incident_id))


def investigate_incident(context: CurrentContext, incident_id: str) -> IncidentOut:
    """Investigates it again, now."""
    desk = get_incident_desk(context)
    return show_incident(desk, desk.investigate(incident_id))


def claim_fix(context: CurrentContext, incident_id: str, body: FixedIn) -> IncidentOut:
    """Somebody says that it is fixed: the proof begins."""
    desk = get_incident_desk(context)
    at_ns = parse_time_ns("at", body.at, context.clock.now_ns())
    return show_incident(desk, desk.claim_fix(incident_id, at_ns, body.by, body.note))


def withdraw_fix(context: CurrentContext, incident_id: str) -> IncidentOut:
    """It is not fixed after all."""
    desk = get_incident_desk(context)
    return show_incident(desk, desk.withdraw_fix(incident_id))


def note_incident(context: CurrentContext, incident_id: str, body: NoteIn) -> IncidentOut:
    """Puts a remark on the timeline."""
    desk = get_incident_desk(context)
    return show_incident(desk, desk.add_note(incident_id, body.by, body.text))


def acknowledge_incident(
    context: CurrentContext, incident_id: str, body: AcknowledgeIncidentIn
) -> IncidentOut:
    """Somebody looks after it: its alerts are not told again while they fire on."""
    desk = get_incident_desk(context)
    return show_incident(desk, desk.acknowledge(incident_id, body.by))


def withdraw_incident_acknowledgement(context: CurrentContext, incident_id: str) -> IncidentOut:
    """Nobody looks after it any more."""
    desk = get_incident_desk(context)
    return show_incident(desk, desk.withdraw_acknowledgement(incident_id))


def resolve_incident(context: CurrentContext, incident_id: str, body: ResolveIn) -> IncidentOut:
    """It is over by a person's word."""
    desk = get_incident_desk(context)
    return show_incident(desk, desk.resolve(incident_id, body.by, body.note))


def report_incident(
    context: CurrentContext,
    incident_id: str,
    format: Literal["markdown", "html"] = "markdown",
) -> Response:
    """A draft of the post-mortem as a file."""
    from vario.alert.incident import report, report_html

    incident = get_incident_desk(context).get(incident_id)
    base = context.alerts.surroundings.base if context.alerts is not None else ""

    def draw(evidence: Evidence, window: TimeRange) -> Picture:
        language, query, unit = evidence.language, evidence.query, evidence.unit
        return draw_evidence(context.store, language, query, unit, window)

    if format == "html":
        text, kind, suffix = report_html.write(incident, base, draw), "text/html", "html"
    else:
        text, kind, suffix = report.write(incident, base), "text/markdown", "md"
    name = f"incident-{incident.id}.{suffix}"
    return Response(
        text,
        media_type=f"{kind}; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def check_incidents(context: CurrentContext) -> list[Check]:
    """Returns what the doctor says of work on incidents that fails."""
    if context.incidents is None:
        return []
    return [
        Check(
            "incidents",
            "vario",
            "warning",
            f"{what} fails: {error}",
            "it is tried again; where it goes on, the server's log says more",
        )
        for what, error in sorted(context.incidents.counts().errors.items())
    ]
