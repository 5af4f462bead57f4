"""What receivers hear of incidents: each piece of news once, by the outbox of alerts.

The document is a webhook's as ever (Alertmanager's, version 4), with one alert that stands for the
incident, and `incident` beside it.
"""

import hashlib
from collections.abc import Sequence

import orjson

from vario.alert.incident.changes import VERDICTS, headline
from vario.alert.notify.message import Told, make_message
from vario.alert.notify.route import Route
from vario.alert.notify.settings import NotifySettings
from vario.model.alert import AlertEvent, Delivery
from vario.model.investigation import Incident

ALERT_NAME = "VarioIncident"
NEWS = ("opened", "explained", "recovered", "relapsed")


def make_news(
    incident: Incident, what: str, settings: NotifySettings, base: str, now_ns: int
) -> list[Delivery]:
    """Returns the notifications about one piece of news, for all that want to hear of incidents.

    Args:
        incident: as it is now.
        what: one of `NEWS`.
        settings: whom there is.
        base: how users reach this server, without a slash at the end.
        now_ns: the time.
    """
    return [
        _make(incident, what, receiver.name, base, now_ns)
        for receiver in settings.receivers.values()
        if receiver.incidents
    ]


def _make(incident: Incident, what: str, receiver: str, base: str, now_ns: int) -> Delivery:
    key = f"{{incident}}:{incident.id}"
    # The same news after a restart has the same id: each return of an incident is news again.
    parts = (receiver, key, what, str(incident.relapses))
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
    message = {
        **make_message(Route(receiver, path="{incident}"), {"incident": incident.id}, [
            Told(_stand_in(incident, what, now_ns), incident=incident.id)
        ], base),
        "incident": {
            "id": incident.id,
            "news": what,
            "title": incident.title,
            "state": incident.state,
            "service": incident.service,
            "scope": dict(incident.scope),
            "summary": list(_lines(incident, what)),
            "link": f"{base}/incidents/{incident.id}",
        },
    }  # fmt: skip
    return Delivery(
        id=digest[:32],
        version=0,
        created_ns=now_ns,
        receiver=receiver,
        group_key=key,
        reason=f"incident {what}",
        message=orjson.dumps(message).decode(),
        next_ns=now_ns,
    )


def _stand_in(incident: Incident, what: str, now_ns: int) -> AlertEvent:
    """Returns the alert that stands for an incident."""
    labels = {
        "alertname": ALERT_NAME,
        "severity": incident.severity,
        "service": incident.service,
        "incident": incident.id,
        **incident.scope,
    }
    over = what == "recovered"
    summary = f"Incident {what}: {incident.title}"
    return AlertEvent(
        id=f"{incident.id}{incident.relapses:04x}"[:16],
        version=0,
        time_ns=now_ns,
        rule="",
        name=ALERT_NAME,
        state="resolved" if over else "firing",
        labels={name: value for name, value in labels.items() if value},
        annotations={"summary": summary, "description": " ".join(_lines(incident, what))},
        value=1.0,
        active_ns=incident.opened_ns,
        fired_ns=incident.opened_ns,
        resolved_ns=now_ns if over else 0,
    )


def _lines(incident: Incident, what: str) -> Sequence[str]:
    """Returns what there is to say, in sentences."""
    proof, found = incident.verification, incident.investigation
    if what in ("recovered", "relapsed") and proof is not None:
        return (f"{VERDICTS[proof.verdict].capitalize()}: {proof.statement}",)
    if what == "explained" and found is not None:
        return found.summary or (headline(found),)
    return ()
