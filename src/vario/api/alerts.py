"""Endpoints about alerts: what fires, what became of it, who was told, silences, maintenance."""

from datetime import date, time
from typing import Annotated

from fastapi import Query

from vario.alert.desk import AlertDesk
from vario.alert.notify.matchers import load_matchers, match_all, parse_matcher
from vario.alert.notify.mute import WEEKDAYS, Maintenance, Silence
from vario.api.alert_models import (
    AcknowledgeIn,
    AlertHistoryOut,
    AlertOut,
    AlertsOut,
    DeliveriesOut,
    DeliveryOut,
    MaintenanceIn,
    MaintenanceOut,
    MaintenanceWindowsOut,
    ReceiversOut,
    SilenceIn,
    SilenceOut,
    SilencesOut,
    TestOut,
)
from vario.api.alert_shapes import (
    alert_order,
    show_alert,
    show_delivery,
    show_event,
    show_receivers,
    show_silence,
    show_window,
)
from vario.api.context import CurrentContext
from vario.api.params import parse_time_ns, parse_window
from vario.errors import BadData, Unavailable

MatcherParameter = Annotated[
    list[str], Query(alias="matcher", max_length=50, description='such as service="ml-infer"')
]
Time = Annotated[str, Query(description="as elsewhere", max_length=64)]
_MOST_LOOKED_AT = 10_000


def get_desk(context: CurrentContext) -> AlertDesk:
    """Returns the alert desk.

    Raises:
        Unavailable: this application has none.
    """
    if context.alerts is None:
        raise Unavailable("this server evaluates no alerts")
    return context.alerts


def find_alerts(
    context: CurrentContext,
    matcher: MatcherParameter = [],  # noqa: B006 - FastAPI copies it
    state: Annotated[str, Query(pattern="^(|pending|firing|resolved)$")] = "",
) -> AlertsOut:
    """Alerts that are pending, firing or lately resolved, with what mutes them and who was told."""
    desk, matchers = get_desk(context), load_matchers(matcher)
    views = [
        view
        for view in desk.views()
        if state in ("", view.event.state) and match_all(matchers, view.event.labels)
    ]
    return AlertsOut(alerts=[show_alert(desk, view) for view in sorted(views, key=alert_order)])


def get_alert(context: CurrentContext, alert_id: str) -> AlertOut:
    """One alert, also one that was over long ago."""
    desk = get_desk(context)
    return show_alert(desk, desk.find_view(alert_id))


def find_alert_history(
    context: CurrentContext,
    matcher: MatcherParameter = [],  # noqa: B006 - FastAPI copies it
    id: Annotated[str, Query(max_length=64)] = "",
    start: Time = "now-24h",
    end: Time = "now",
    limit: Annotated[int, Query(ge=1, le=5000)] = 200,
) -> AlertHistoryOut:
    """What became of alerts: every change, newest first."""
    window = parse_window(start, end, context.clock.now_ns())
    matchers = load_matchers(matcher)
    plain = all(one.op in ("=", "!=") for one in matchers)
    events = context.store.find_alert_events(
        matchers, window, limit=limit if plain else _MOST_LOOKED_AT, alert_id=id
    )
    found = [event for event in events if match_all(matchers, event.labels)]
    return AlertHistoryOut(events=[show_event(event) for event in found[:limit]])


def acknowledge_alert(context: CurrentContext, alert_id: str, body: AcknowledgeIn) -> AlertOut:
    """Somebody looks after an alert: it is not told again while it fires on."""
    desk = get_desk(context)
    desk.decisions.acknowledge(desk.get_view(alert_id).event, body.author, body.comment)
    return show_alert(desk, desk.get_view(alert_id))


def withdraw_acknowledgement(context: CurrentContext, alert_id: str) -> AlertOut:
    """Nobody looks after an alert any more."""
    desk = get_desk(context)
    desk.decisions.withdraw(alert_id)
    return show_alert(desk, desk.get_view(alert_id))


def find_deliveries(
    context: CurrentContext,
    receiver: Annotated[str, Query(max_length=256)] = "",
    status: Annotated[str, Query(pattern="^(|queued|sent|dead)$")] = "",
    alert: Annotated[str, Query(max_length=64, description="id of an alert they tell of")] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> DeliveriesOut:
    """Notifications and how far they have come; `status=dead` is the dead-letter list."""
    looked_at = _MOST_LOOKED_AT if alert else limit
    found = [
        one
        for one in get_desk(context).find_deliveries(
            limit=looked_at, receiver=receiver, status=status
        )
        if alert in ("", *one.firing, *one.resolved)
    ]
    return DeliveriesOut(deliveries=[show_delivery(delivery) for delivery in found[:limit]])


def retry_delivery(context: CurrentContext, delivery_id: str) -> DeliveryOut:
    """Puts a notification that was given up on back on its way."""
    return show_delivery(get_desk(context).retry(delivery_id))


def find_receivers(context: CurrentContext) -> ReceiversOut:
    """Who is told, and how that goes."""
    return show_receivers(get_desk(context))


def test_receiver(context: CurrentContext, name: str) -> TestOut:
    """Sends a test message at once."""
    outcome = get_desk(context).test(name)
    return TestOut(receiver=name, delivered=outcome.verdict == "delivered", error=outcome.error)


def find_silences(context: CurrentContext) -> SilencesOut:
    """Silences, those that ended lately too."""
    desk, now_ns = get_desk(context), context.clock.now_ns()
    views = desk.views()
    return SilencesOut(
        silences=[show_silence(one, views, now_ns) for one in desk.decisions.silences()]
    )


def get_silence(context: CurrentContext, silence_id: str) -> SilenceOut:
    """One silence."""
    desk = get_desk(context)
    silence = desk.decisions.get_silence(silence_id)
    return show_silence(silence, desk.views(), context.clock.now_ns())


def put_silence(context: CurrentContext, body: SilenceIn) -> SilenceOut:
    """Makes a silence, or changes one; changing which alerts it silences makes another."""
    desk, now_ns = get_desk(context), context.clock.now_ns()
    made = desk.decisions.put_silence(
        Silence(
            body.id,
            tuple(parse_matcher(text) for text in body.matchers),
            parse_time_ns("starts", body.starts, now_ns),
            parse_time_ns("ends", body.ends, now_ns),
            body.author,
            body.comment,
        )
    )
    return show_silence(made, desk.views(), now_ns)


def expire_silence(context: CurrentContext, silence_id: str) -> SilenceOut:
    """Ends a silence now."""
    desk = get_desk(context)
    ended = desk.decisions.expire_silence(silence_id)
    return show_silence(ended, desk.views(), context.clock.now_ns())


def find_windows(context: CurrentContext) -> MaintenanceWindowsOut:
    """Maintenance windows, those of the file of receivers first."""
    desk, now_ns = get_desk(context), context.clock.now_ns()
    return MaintenanceWindowsOut(
        windows=[show_window(one, now_ns) for one in desk.decisions.windows()]
    )


def add_window(context: CurrentContext, body: MaintenanceIn) -> MaintenanceOut:
    """Adds a maintenance window."""
    weekdays = body.weekdays or WEEKDAYS
    window = Maintenance(
        "",
        tuple(parse_matcher(text) for text in body.matchers),
        tuple(sorted({WEEKDAYS.index(day) for day in weekdays})),
        time.fromisoformat(body.opens),
        body.duration_s,
        body.time_zone,
        body.author,
        body.comment,
        _day("first", body.first),
        _day("last", body.last),
    )
    made = get_desk(context).decisions.add_window(window)
    return show_window(made, context.clock.now_ns())


def _day(name: str, text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise BadData(f"{name}: {text!r} is no day; write one as 2026-01-31") from error


def remove_window(context: CurrentContext, window_id: str) -> MaintenanceWindowsOut:
    """Removes a maintenance window and returns those that are left."""
    get_desk(context).decisions.remove_window(window_id)
    return find_windows(context)
