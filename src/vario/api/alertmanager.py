"""Alertmanager's API, version 2, over vario's own alerts and silences: amtool and Grafana work.

Alerts are not taken here: whoever has them from elsewhere wants an Alertmanager. Source: the
OpenAPI document of Alertmanager's repository.
"""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query
from pydantic import BaseModel, Field

from vario.alert.desk import AlertDesk, AlertView
from vario.alert.notify.matchers import check_matcher, load_matchers, match_all
from vario.alert.notify.message import format_time, make_links, parse_time_ns
from vario.alert.notify.mute import Silence
from vario.api.alerts import get_desk
from vario.api.context import CurrentContext
from vario.errors import BadData
from vario.model.series import Matcher, MatchOp

Filter = Annotated[list[str], Query(alias="filter", max_length=50)]
_OPS: dict[tuple[bool, bool], MatchOp] = {
    (True, False): "=",
    (False, False): "!=",
    (True, True): "=~",
    (False, True): "!~",
}


class MatcherBody(BaseModel):
    """A matcher as Alertmanager's API writes it."""

    name: str
    value: str
    isRegex: bool = False  # noqa: N815 - Alertmanager's own word
    isEqual: bool = True  # noqa: N815


class SilenceBody(BaseModel):
    """A silence to make or change."""

    id: str | None = ""
    matchers: Annotated[list[MatcherBody], Field(max_length=50)]
    startsAt: str  # noqa: N815
    endsAt: str  # noqa: N815
    createdBy: str  # noqa: N815
    comment: str


def find_alerts(
    context: CurrentContext,
    filter: Filter = [],  # noqa: B006 - FastAPI copies it
    active: bool = True,
    silenced: bool = True,
    inhibited: bool = True,
    receiver: Annotated[str, Query(max_length=256)] = "",
) -> list[dict[str, Any]]:
    """Returns the firing alerts."""
    desk, matchers = get_desk(context), load_matchers(filter)
    try:
        named = re.compile(receiver)
    except re.error as error:
        raise BadData(f"receiver: {receiver!r} is no regular expression: {error}") from error
    found: list[dict[str, Any]] = []
    for view in desk.views():
        kinds = {mute.kind for mute in view.mutes}
        if (
            view.event.state == "firing"
            and match_all(matchers, view.event.labels)
            and (active or kinds)
            and (silenced or not kinds & {"silence", "maintenance"})
            and (inhibited or "inhibition" not in kinds)
            and (not receiver or any(named.fullmatch(name) for name in view.receivers))
        ):
            found.append(_alert(desk, view, context.clock.now_ns()))
    return found


def find_groups(context: CurrentContext) -> list[dict[str, Any]]:
    """Returns the firing alerts by the groups in which receivers hear of them."""
    desk, now_ns = get_desk(context), context.clock.now_ns()
    groups: dict[str, dict[str, Any]] = {}
    for view in desk.views():
        if view.event.state != "firing" or desk.settings.route is None:
            continue
        for route in desk.settings.route.find(view.event.labels):
            labels = route.group(view.event.labels)
            group = groups.setdefault(
                route.key(labels),
                {"labels": labels, "receiver": {"name": route.receiver}, "alerts": []},
            )
            group["alerts"].append(_alert(desk, view, now_ns))
    return [groups[key] for key in sorted(groups)]


def _alert(desk: AlertDesk, view: AlertView, now_ns: int) -> dict[str, Any]:
    event = view.event
    by_kind = {
        kind: [mute.id for mute in view.mutes if mute.kind == kind]
        for kind in ("silence", "inhibition", "maintenance")
    }
    links = make_links(event, view.rule, desk.surroundings.base)
    return {
        "labels": dict(event.labels),
        "annotations": dict(event.annotations),
        "startsAt": format_time(event.fired_ns),
        "updatedAt": format_time(now_ns),
        "endsAt": format_time(now_ns),
        "fingerprint": event.id,
        "generatorURL": links.get("query", links["alert"]),
        "receivers": [{"name": name} for name in view.receivers],
        "status": {
            "state": "suppressed" if view.mutes else "active",
            "silencedBy": by_kind["silence"],
            "inhibitedBy": by_kind["inhibition"],
            "mutedBy": by_kind["maintenance"],
        },
    }


def find_silences(
    context: CurrentContext,
    filter: Filter = [],  # noqa: B006 - FastAPI copies it
) -> list[dict[str, Any]]:
    """Returns the silences; of those that name a label of the filter, the ones that fit it."""
    wanted = load_matchers(filter)
    return [
        _silence(silence, context.clock.now_ns())
        for silence in get_desk(context).decisions.silences()
        if all(any(_same(one, two) for two in silence.matchers) for one in wanted)
    ]


def _same(one: Matcher, two: Matcher) -> bool:
    return one == two or (one.name == two.name and match_all([one], {two.name: two.value}))


def get_silence(context: CurrentContext, silence_id: str) -> dict[str, Any]:
    """Returns one silence."""
    silence = get_desk(context).decisions.get_silence(silence_id)
    return _silence(silence, context.clock.now_ns())


def put_silence(context: CurrentContext, body: Annotated[SilenceBody, Body()]) -> dict[str, str]:
    """Makes or changes a silence and returns its id."""
    made = get_desk(context).decisions.put_silence(
        Silence(
            body.id or "",
            tuple(
                check_matcher(Matcher(one.name, _OPS[one.isEqual, one.isRegex], one.value))
                for one in body.matchers
            ),
            parse_time_ns(body.startsAt),
            parse_time_ns(body.endsAt),
            body.createdBy,
            body.comment,
        )
    )
    return {"silenceID": made.id}


def expire_silence(context: CurrentContext, silence_id: str) -> None:
    """Ends a silence."""
    get_desk(context).decisions.expire_silence(silence_id)


def _silence(silence: Silence, now_ns: int) -> dict[str, Any]:
    return {
        "id": silence.id,
        "status": {"state": silence.state(now_ns)},
        "updatedAt": format_time(silence.updated_ns),
        "startsAt": format_time(silence.starts_ns),
        "endsAt": format_time(silence.ends_ns),
        "createdBy": silence.author,
        "comment": silence.comment,
        "matchers": [
            {
                "name": matcher.name,
                "value": matcher.value,
                "isRegex": "~" in matcher.op,
                "isEqual": not matcher.op.startswith("!"),
            }
            for matcher in silence.matchers
        ],
    }


def find_receivers(context: CurrentContext) -> list[dict[str, str]]:
    """Returns who is told."""
    return [{"name": name} for name in sorted(get_desk(context).settings.receivers)]


def get_status(context: CurrentContext) -> dict[str, Any]:
    """Returns what Alertmanager says of itself, as far as it has a meaning here."""
    return {
        "cluster": {"status": "disabled", "peers": []},
        "config": {"original": ""},
        "uptime": format_time(context.facts.started_ns),
        "versionInfo": {
            "version": context.facts.version,
            "revision": "",
            "branch": "",
            "buildUser": "",
            "buildDate": "",
            "goVersion": "",
        },
    }


ROUTES = (
    ("GET", "/api/v2/alerts", find_alerts),
    ("GET", "/api/v2/alerts/groups", find_groups),
    ("GET", "/api/v2/silences", find_silences),
    ("POST", "/api/v2/silences", put_silence),
    ("GET", "/api/v2/silence/{silence_id}", get_silence),
    ("DELETE", "/api/v2/silence/{silence_id}", expire_silence),
    ("GET", "/api/v2/receivers", find_receivers),
    ("GET", "/api/v2/status", get_status),
)
"""Method, path, and what answers."""


def create_router() -> APIRouter:
    """Returns the routes of Alertmanager's API."""
    router = APIRouter()
    for method, path, endpoint in ROUTES:
        router.add_api_route(path, endpoint, methods=[method], include_in_schema=False)
    return router
