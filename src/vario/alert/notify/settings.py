"""The file that says who is told of what: receivers, routes, inhibition, heartbeat.

Its words are those of an alertmanager.yml where that has one. `${NAME}` in a URL or a secret is
filled in from the environment.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, time
from pathlib import Path
from typing import Literal

from vario.alert.duration import parse_duration_ms
from vario.alert.notify import message
from vario.alert.notify.matchers import parse_matcher
from vario.alert.notify.mute import DEFAULT_INHIBITION, WEEKDAYS, InhibitRule, Maintenance
from vario.alert.notify.route import Route, Timing
from vario.errors import BadData
from vario.model.series import Matcher
from vario.wire.document import DocumentError, Item, read_document

S = 10**9
ReceiverType = Literal["webhook", "alertmanager", "apprise"]
_TYPES: Mapping[str, ReceiverType] = {
    "webhook": "webhook",
    "alertmanager": "alertmanager",
    "apprise": "apprise",
}
_TOP = frozenset({"receivers", "route", "inhibit_rules", "maintenance", "heartbeat", "give_up"})
_RECEIVER = frozenset(
    {
        "name",
        "type",
        "url",
        "secret",
        "timeout",
        "send_resolved",
        "title",
        "text",
        "resend",
        "incidents",
    }
)
_ROUTE = frozenset(
    {
        "receiver",
        "matchers",
        "group_by",
        "group_wait",
        "group_interval",
        "repeat_interval",
        "continue",
        "routes",
    }
)
_INHIBIT = frozenset({"source_matchers", "target_matchers", "equal"})
_WINDOW = frozenset(
    {"name", "matchers", "weekdays", "start", "duration", "time_zone", "comment", "from", "until"}
)
_VARIABLE = re.compile(r"\$\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Receiver:
    """Someone who is told.

    Attributes:
        url: address of the webhook or of the Alertmanager, or Apprise's URL of a service.
        secret: key that a webhook's body is signed with; empty for no signature.
        timeout_s: how long one attempt may take.
        title: template of the title, for what Apprise reaches; empty for vario's own.
        text: template of the text; empty for vario's own.
        resend_ns: how often an Alertmanager hears again of alerts that go on.
        incidents: whether it hears of incidents too: opened, explained, recovered, relapsed.
    """

    name: str
    type: ReceiverType
    url: str
    secret: str = ""
    timeout_s: float = 10.0
    send_resolved: bool = True
    title: str = ""
    text: str = ""
    resend_ns: int = 60 * S
    incidents: bool = False


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A message that says that all is well here, sent again and again; its absence is news."""

    receiver: str
    interval_ns: int = 60 * S


@dataclass(frozen=True, slots=True)
class NotifySettings:
    """Everything that the file says; without a file nobody is told anything.

    Attributes:
        route: root of the routing tree; None where there is no receiver.
        give_up_ns: age at which a notification that cannot be delivered is set aside.
    """

    receivers: Mapping[str, Receiver] = field(default_factory=dict)
    route: Route | None = None
    inhibition: tuple[InhibitRule, ...] = DEFAULT_INHIBITION
    maintenance: tuple[Maintenance, ...] = ()
    heartbeat: Heartbeat | None = None
    give_up_ns: int = 24 * 3600 * S


def load_notify_settings(path: str, environment: Mapping[str, str] = os.environ) -> NotifySettings:
    """Reads the file of receivers and routes; the defaults where `path` is empty.

    Raises:
        BadData: the file cannot be read, or something in it makes no sense; with its line.
    """
    if not path:
        return NotifySettings()
    try:
        text = Path(path).read_text(encoding="utf-8")
        return read_notify_settings(text, environment)
    except (OSError, UnicodeDecodeError) as error:
        raise BadData(f"{path}: cannot be read: {error}") from error
    except DocumentError as error:
        raise BadData(f"{path}:{error.line}:{error.column}: {error}") from error


def read_notify_settings(text: str, environment: Mapping[str, str]) -> NotifySettings:
    """Returns what a document says; raises `DocumentError` where it makes no sense."""
    document = read_document(text)
    if document is None:
        return NotifySettings()
    top = document.fields("the file of receivers", _TOP)
    receivers: dict[str, Receiver] = {}
    for item in _list(top, "receivers"):
        receiver = _read_receiver(item, environment)
        if receiver.name in receivers:
            raise item.fail(f"receiver {receiver.name!r} is given twice")
        receivers[receiver.name] = receiver
    settings = NotifySettings(receivers)
    if "route" in top:
        route = _read_route(top["route"], Route(""), receivers)
        settings = replace(settings, route=route)
    elif receivers:
        raise document.fail("there are receivers, but no route to them: add `route`")
    if "inhibit_rules" in top:
        rules = tuple(_read_inhibition(item) for item in _list(top, "inhibit_rules"))
        settings = replace(settings, inhibition=rules)
    windows = tuple(_read_window(item) for item in _list(top, "maintenance"))
    settings = replace(settings, maintenance=windows)
    if "heartbeat" in top:
        settings = replace(settings, heartbeat=_read_heartbeat(top["heartbeat"], receivers))
    give_up_ns = _duration_ns(top, "give_up", settings.give_up_ns)
    return replace(settings, give_up_ns=give_up_ns)


def _read_receiver(item: Item, environment: Mapping[str, str]) -> Receiver:
    given = item.fields("a receiver", _RECEIVER)
    name = _text(given, "name")
    if not name:
        raise item.fail("a receiver needs a `name`")
    kind = _TYPES.get(_text(given, "type"))
    if kind is None:
        raise item.fail(f"receiver {name!r} needs a `type`: {', '.join(_TYPES)}")

    def filled(key: str) -> str:
        return _VARIABLE.sub(_variable(given.get(key, item), environment), _text(given, key))

    url = filled("url")
    if not url:
        raise item.fail(f"receiver {name!r} needs a `url`")
    if kind != "apprise" and not url.startswith(("http://", "https://")):
        raise given["url"].fail(f"receiver {name!r}: the url begins with http:// or https://")
    incidents = _flag(given, "incidents", default=False)
    if incidents and kind == "alertmanager":
        raise given["incidents"].fail(f"receiver {name!r}: an Alertmanager knows no incidents")
    for key in ("title", "text"):
        try:
            message.check(_text(given, key))
        except BadData as error:
            raise given[key].fail(f"receiver {name!r}: {error}") from error
    return Receiver(
        name,
        kind,
        url,
        filled("secret"),
        _duration_ns(given, "timeout", 10 * S) / S,
        _flag(given, "send_resolved", default=True),
        _text(given, "title"),
        _text(given, "text"),
        _duration_ns(given, "resend", 60 * S),
        incidents,
    )


def _variable(item: Item, environment: Mapping[str, str]) -> Callable[[re.Match[str]], str]:
    def fill(match: re.Match[str]) -> str:
        if match[1] not in environment:
            raise item.fail(f"${{{match[1]}}} is not set in the environment")
        return environment[match[1]]

    return fill


def _read_route(
    item: Item, parent: Route, receivers: Mapping[str, Receiver], place: str = ""
) -> Route:
    given = item.fields("a route", _ROUTE)
    name = _text(given, "receiver") or parent.receiver
    if name not in receivers:
        known = ", ".join(receivers) or "none"
        raise given.get("receiver", item).fail(f"no receiver is named {name!r}; there are: {known}")
    timing = Timing(
        _duration_ns(given, "group_wait", parent.timing.wait_ns),
        _duration_ns(given, "group_interval", parent.timing.interval_ns),
        _duration_ns(given, "repeat_interval", parent.timing.repeat_ns),
    )
    matchers = _matchers(given, "matchers")
    if not parent.receiver and matchers:
        raise given["matchers"].fail("the root route takes every alert: it has no matchers")
    by = parent.group_by
    if "group_by" in given:
        by = tuple(label.text("a label") for label in given["group_by"].items("group_by"))
    path = f"{parent.path}/{place}" if place else "{}"
    route = Route(name, matchers, by, timing, _flag(given, "continue", default=False), path=path)
    children = enumerate(_list(given, "routes"))
    routes = tuple(_read_route(child, route, receivers, str(i)) for i, child in children)
    return replace(route, routes=routes)


def _read_inhibition(item: Item) -> InhibitRule:
    given = item.fields("an inhibit rule", _INHIBIT)
    source, target = _matchers(given, "source_matchers"), _matchers(given, "target_matchers")
    if not source or not target:
        raise item.fail("an inhibit rule needs `source_matchers` and `target_matchers`")
    equal = given["equal"].items("equal") if "equal" in given else ()
    return InhibitRule(source, target, tuple(label.text("a label") for label in equal))


def _read_window(item: Item) -> Maintenance:
    given = item.fields("a maintenance window", _WINDOW)
    name = _text(given, "name")
    if not name:
        raise item.fail("a maintenance window needs a `name`")
    try:
        return Maintenance(
            f"file:{name}",
            _matchers(given, "matchers"),
            tuple(_weekday(day) for day in _list(given, "weekdays")) or tuple(range(7)),
            time.fromisoformat(_text(given, "start") or "00:00"),
            _duration_ns(given, "duration", 3600 * S) // S,
            _text(given, "time_zone") or "UTC",
            "the configuration",
            _text(given, "comment") or name,
            _day(given, "from"),
            _day(given, "until"),
        )
    except (BadData, ValueError) as error:
        raise item.fail(f"maintenance window {name!r}: {error}") from error


def _weekday(item: Item) -> int:
    text = item.text("a weekday").lower()
    found = [i for i, day in enumerate(WEEKDAYS) if len(text) >= 2 and day.startswith(text)]
    if len(found) != 1:
        raise item.fail(f"{text!r} is no weekday; write one of {', '.join(WEEKDAYS)}")
    return found[0]


def _read_heartbeat(item: Item, receivers: Mapping[str, Receiver]) -> Heartbeat:
    given = item.fields("heartbeat", frozenset({"receiver", "interval"}))
    name = _text(given, "receiver")
    if name not in receivers:
        raise item.fail(f"heartbeat: no receiver is named {name!r}")
    return Heartbeat(name, _duration_ns(given, "interval", 60 * S))


def _list(fields: Mapping[str, Item], key: str) -> list[Item]:
    return list(fields[key].items(key)) if key in fields else []


def _text(fields: Mapping[str, Item], key: str) -> str:
    return fields[key].text(key) if key in fields else ""


def _day(fields: Mapping[str, Item], key: str) -> date | None:
    text = _text(fields, key)
    return date.fromisoformat(text) if text else None


def _flag(fields: Mapping[str, Item], key: str, *, default: bool) -> bool:
    text = _text(fields, key)
    if text not in ("", "true", "false"):
        raise fields[key].fail(f"{key} is true or false, not {text!r}")
    return text == "true" if text else default


def _matchers(fields: Mapping[str, Item], key: str) -> tuple[Matcher, ...]:
    found: list[Matcher] = []
    for item in _list(fields, key):
        try:
            found.append(parse_matcher(item.text("a matcher")))
        except BadData as error:
            raise item.fail(str(error)) from error
    return tuple(found)


def _duration_ns(fields: Mapping[str, Item], key: str, default_ns: int) -> int:
    if key not in fields:
        return default_ns
    try:
        return parse_duration_ms(fields[key].text(key)) * 1_000_000
    except ValueError as error:
        raise fields[key].fail(f"{key}: {error}") from error
