"""What a notification says: Alertmanager's webhook document (version 4), and a title and text.

Beside Alertmanager's fields each alert has `value` and `links`: its incident, its own page, its
rule's runbook, its expression as a graph, and a trace of the time at which it began.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from vario.alert.notify.route import Route
from vario.alert.rulefile import Rule
from vario.alert.template import TemplateError
from vario.alert.template.execute import execute
from vario.alert.template.functions import FUNCTION_NAMES, Links, make_functions
from vario.alert.template.parse import parse
from vario.alert.template.values import QueryResult, StringMap
from vario.errors import BadData
from vario.model.alert import AlertEvent
from vario.model.series import Labels

NEVER = "0001-01-01T00:00:00Z"
_LISTED = 20
"""Alerts that a text lists; a flood is counted."""


@dataclass(frozen=True, slots=True)
class Told:
    """An alert as a notification tells it: with the rule it comes from and its incident's id."""

    event: AlertEvent
    rule: Rule | None = None
    incident: str = ""


def format_time(time_ns: int) -> str:
    """Returns a time in RFC 3339; 0 is Go's zero time.

    >>> format_time(1_750_000_000_250_000_000)
    '2025-06-15T15:06:40.25Z'
    """
    if time_ns == 0:
        return NEVER
    seconds, nanos = divmod(time_ns, 10**9)
    fraction = f".{nanos:09d}".rstrip("0") if nanos else ""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}{fraction}Z"


def parse_time_ns(text: str) -> int:
    """Returns the nanoseconds of an RFC 3339 time; of Go's zero time 0.

    Raises:
        BadData: the text is no time with a zone.
    """
    if text == NEVER:
        return 0
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadData(f"{text!r} is no time; write one as 2026-01-02T03:04:05Z") from error
    if moment.tzinfo is None:
        raise BadData(f"{text!r} has no time zone; write one as 2026-01-02T03:04:05Z")
    whole = int(moment.replace(microsecond=0).timestamp()) * 10**9
    fraction = text.partition(".")[2]
    digits = fraction[: len(fraction) - len(fraction.lstrip("0123456789"))]
    return whole + int((digits + "0" * 9)[:9]) if digits else whole


def make_links(
    event: AlertEvent, rule: Rule | None, base: str, incident: str = ""
) -> dict[str, str]:
    """Returns where there is more to see, by what it is.

    Args:
        event: the alert.
        rule: its rule; without it there is no link to the expression.
        base: how users reach this server, without a slash at the end.
        incident: id of the incident that it belongs to, empty for none.
    """
    links = {"incident": f"{base}/incidents/{quote(incident)}"} if incident else {}
    links["alert"] = f"{base}/alerts/{quote(event.id)}"
    if rule is not None and rule.expr:
        links["query"] = f"{base}/graph?{urlencode({'g0.expr': rule.expr, 'g0.tab': '1'})}"
    if runbook := event.annotations.get("runbook_url") or event.annotations.get("runbook", ""):
        links["runbook"] = runbook
    if event.trace_id:
        links["trace"] = f"{base}/traces/{event.trace_id}"
    return links


def make_alert(told: Told, base: str) -> dict[str, Any]:
    """Returns one alert of the document."""
    event = told.event
    links = make_links(event, told.rule, base, told.incident)
    return {
        "status": "resolved" if event.state == "resolved" else "firing",
        "labels": dict(sorted(event.labels.items())),
        "annotations": dict(sorted(event.annotations.items())),
        "startsAt": format_time(event.fired_ns),
        "endsAt": format_time(event.resolved_ns),
        "generatorURL": links.get("query", links["alert"]),
        "fingerprint": event.id,
        "value": repr(event.value),
        "links": links,
    }


def make_message(route: Route, group: Labels, told: Sequence[Told], base: str) -> dict[str, Any]:
    """Returns the document about the alerts of a group, the firing ones first."""
    ordered = sorted(told, key=lambda one: (one.event.state == "resolved", one.event.fired_ns))
    alerts = [make_alert(one, base) for one in ordered]
    firing = any(alert["status"] == "firing" for alert in alerts)
    return {
        "version": "4",
        "groupKey": route.key(group),
        "truncatedAlerts": 0,
        "status": "firing" if firing else "resolved",
        "receiver": route.receiver,
        "groupLabels": dict(group),
        "commonLabels": _common([alert["labels"] for alert in alerts]),
        "commonAnnotations": _common([alert["annotations"] for alert in alerts]),
        "externalURL": base,
        "alerts": alerts,
    }


def _common(many: Sequence[Mapping[str, str]]) -> dict[str, str]:
    if not many:
        return {}
    return {k: v for k, v in many[0].items() if all(other.get(k) == v for other in many)}


def read_event(alert: Mapping[str, Any], now_ns: int) -> AlertEvent:
    """Returns an alert of an earlier document as resolved now, when nothing else is known of it."""
    labels = alert["labels"]
    fired_ns = parse_time_ns(alert["startsAt"])
    return AlertEvent(
        id=alert["fingerprint"],
        version=0,
        time_ns=now_ns,
        rule="",
        name=labels.get("alertname", ""),
        state="resolved",
        labels=labels,
        annotations=alert["annotations"],
        value=float(alert["value"]),
        active_ns=fired_ns,
        fired_ns=fired_ns,
        resolved_ns=now_ns,
    )


def make_title(message: Mapping[str, Any]) -> str:
    """Returns one line on a document: state, count, what and where."""
    alerts = message["alerts"]
    firing = sum(alert["status"] == "firing" for alert in alerts)
    state = f"FIRING:{firing}" if firing else f"RESOLVED:{len(alerts)}"
    common = message["commonLabels"]
    name = common.get("alertname") or " ".join(message["groupLabels"].values()) or "alerts"
    names = ("service", "region", "model_version", "slo")
    where = ", ".join(common[label] for label in names if common.get(label))
    return f"[{state}] {name}" + (f" ({where})" if where else "")


def make_text(message: Mapping[str, Any]) -> str:
    """Returns the lines on a document: each alert with its summary, since when, and its links."""
    blocks: list[str] = []
    for alert in message["alerts"][:_LISTED]:
        annotations, labels = alert["annotations"], alert["labels"]
        said = annotations.get("summary") or annotations.get("description")
        until = f", until {alert['endsAt']}" if alert["status"] == "resolved" else ""
        lines = [
            f"{alert['status'].upper()}: {said or labels.get('alertname', 'an alert')}",
            f"since {alert['startsAt']}{until}, value {alert['value']}",
            ", ".join(f"{k}={v}" for k, v in labels.items() if k != "alertname"),
        ]
        lines += [f"{what}: {link}" for what, link in alert["links"].items()]
        blocks.append("\n".join(line for line in lines if line))
    if len(message["alerts"]) > _LISTED:
        blocks.append(f"and {len(message['alerts']) - _LISTED} more: {message['externalURL']}")
    return "\n\n".join(blocks)


def expand(template: str, message: Mapping[str, Any]) -> str:
    """Returns what a template of a receiver makes of a document.

    The template sees Alertmanager's names: `.Status`, `.Receiver`, `.GroupLabels`,
    `.CommonLabels`, `.CommonAnnotations`, `.ExternalURL` and `.Alerts`, each with `.Status`,
    `.Labels`, `.Annotations`, `.StartsAt`, `.EndsAt`, `.GeneratorURL`, `.Fingerprint`, `.Value`
    and `.Links`.

    Raises:
        TemplateError: it cannot be parsed or executed.
    """
    base = message["externalURL"]
    functions = make_functions(lambda _: [], Links(base))
    return execute(parse("notification", template, FUNCTION_NAMES), _data(message), functions)


def check(template: str) -> None:
    """Returns if a template of a receiver can be parsed.

    Raises:
        BadData: it cannot.
    """
    try:
        parse("notification", template, FUNCTION_NAMES)
    except TemplateError as error:
        raise BadData(str(error)) from error


def _data(value: Any) -> Any:
    """Returns a document under Go's names, its maps of texts as such."""
    if isinstance(value, list):
        return QueryResult(_data(element) for element in value)  # the list that templates know
    if not isinstance(value, Mapping):
        return value
    return {
        key[:1].upper() + key[1:]: StringMap(inner)
        if key.endswith(("abels", "nnotations")) or key == "links"
        else _data(inner)
        for key, inner in value.items()
    }
