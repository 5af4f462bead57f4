"""Alerts, silences and notifications as the API's shapes."""

import json
import math
from collections.abc import Sequence
from typing import Any, cast
from urllib.parse import urlsplit

from vario.alert.book import FLAPPING_CHANGES
from vario.alert.conditions import find_conditions
from vario.alert.desk import AlertDesk, AlertView
from vario.alert.notify.matchers import dump_matchers
from vario.alert.notify.message import make_links, make_title
from vario.alert.notify.mute import WEEKDAYS, Maintenance, Silence
from vario.alert.notify.settings import Receiver
from vario.api.alert_models import (
    AcknowledgementOut,
    AlertEventOut,
    AlertOut,
    ConditionOut,
    DeliveryOut,
    MaintenanceOut,
    MuteOut,
    ReceiverOut,
    ReceiversOut,
    SilenceOut,
)
from vario.api.shapes import to_seconds
from vario.model.alert import AlertEvent, Delivery

_STATES = {"firing": 0, "pending": 1, "resolved": 2}


def alert_order(view: AlertView) -> tuple[int, bool, bool, int]:
    """Returns where an alert stands in a list: firing pages that nobody has seen come first."""
    event = view.event
    return (
        _STATES.get(event.state, 3),
        bool(view.mutes),
        event.labels.get("severity") != "page",
        -event.active_ns,
    )


def show_alert(desk: AlertDesk, view: AlertView) -> AlertOut:
    """Returns an alert with all that is known of it."""
    event = view.event
    ack = desk.decisions.find_acknowledgement(event)
    expr = view.rule.expr if view.rule else ""
    return AlertOut(
        id=event.id,
        name=event.name,
        state=cast(Any, event.state),
        rule=event.rule,
        expr=expr,
        conditions=[
            ConditionOut(expr=one.expr, op=one.op, threshold=one.threshold, bound=one.bound)
            for one in find_conditions(expr)
        ]
        if expr
        else [],
        labels=dict(event.labels),
        annotations=dict(event.annotations),
        value=_number(event.value),
        active=to_seconds(event.active_ns),
        fired=_time(event.fired_ns),
        resolved=_time(event.resolved_ns),
        keep_firing=_time(event.keep_firing_ns),
        trace_id=event.trace_id,
        changes=view.changes,
        flapping=view.changes >= FLAPPING_CHANGES,
        muted_by=[MuteOut(kind=mute.kind, id=mute.id, comment=mute.comment) for mute in view.mutes],
        acknowledged=AcknowledgementOut(
            author=ack.author, comment=ack.comment, time=to_seconds(ack.time_ns)
        )
        if ack
        else None,
        receivers=list(view.receivers),
        deliveries=[show_delivery(delivery) for delivery in view.deliveries],
        links=make_links(
            event,
            view.rule,
            desk.surroundings.base,
            desk.surroundings.incident_of(event.id),
        ),
    )


def show_event(event: AlertEvent) -> AlertEventOut:
    """Returns a change of an alert."""
    return AlertEventOut(
        id=event.id,
        time=to_seconds(event.time_ns),
        name=event.name,
        state=event.state,
        rule=event.rule,
        labels=dict(event.labels),
        annotations=dict(event.annotations),
        value=_number(event.value),
        active=to_seconds(event.active_ns),
        fired=_time(event.fired_ns),
        resolved=_time(event.resolved_ns),
        trace_id=event.trace_id,
        reason=event.reason,
    )


def show_delivery(delivery: Delivery) -> DeliveryOut:
    """Returns a notification; of what it says, the title."""
    return DeliveryOut(
        id=delivery.id,
        receiver=delivery.receiver,
        group=delivery.group_key,
        reason=delivery.reason,
        status=delivery.status,
        created=to_seconds(delivery.created_ns),
        tried=_time(delivery.tried_ns),
        next=to_seconds(delivery.next_ns) if delivery.status == "queued" else None,
        attempts=delivery.attempts,
        error=delivery.error,
        title=make_title(json.loads(delivery.message)),
        firing=list(delivery.firing),
        resolved=list(delivery.resolved),
    )


def show_receivers(desk: AlertDesk) -> ReceiversOut:
    """Returns who is told, and how that goes."""
    waiting, last = desk.receiver_state()
    heartbeat = desk.settings.heartbeat
    return ReceiversOut(
        receivers=[
            ReceiverOut(
                name=receiver.name,
                type=receiver.type,
                address=_address(receiver),
                waiting=waiting.get(receiver.name, 0),
                last=show_delivery(last[receiver.name]) if receiver.name in last else None,
            )
            for receiver in desk.settings.receivers.values()
        ],
        heartbeat=heartbeat.receiver if heartbeat else None,
        heartbeat_error=desk.heartbeat_error(),
    )


def _address(receiver: Receiver) -> str:
    """Returns where a receiver is, without paths and passwords: keys are often in them."""
    parts = urlsplit(receiver.url)
    if receiver.type == "apprise":
        return f"{parts.scheme}://"
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}"


def show_silence(silence: Silence, views: Sequence[AlertView], now_ns: int) -> SilenceOut:
    """Returns a silence with how many alerts it silences now."""
    return SilenceOut(
        id=silence.id,
        state=silence.state(now_ns),
        matchers=dump_matchers(silence.matchers),
        starts=to_seconds(silence.starts_ns),
        ends=to_seconds(silence.ends_ns),
        updated=to_seconds(silence.updated_ns),
        author=silence.author,
        comment=silence.comment,
        silenced=sum(
            any(mute.kind == "silence" and mute.id == silence.id for mute in view.mutes)
            for view in views
        ),
    )


def show_window(window: Maintenance, now_ns: int) -> MaintenanceOut:
    """Returns a maintenance window."""
    opening = window.opening(now_ns)
    return MaintenanceOut(
        id=window.id,
        matchers=dump_matchers(window.matchers),
        weekdays=[WEEKDAYS[day] for day in window.weekdays],
        opens=window.opens.isoformat("minutes"),
        duration_s=window.duration_s,
        time_zone=window.zone,
        first=window.first.isoformat() if window.first else "",
        last=window.last.isoformat() if window.last else "",
        author=window.author,
        comment=window.comment,
        open_until=to_seconds(opening[1]) if opening else None,
    )


def _time(time_ns: int) -> float | None:
    return to_seconds(time_ns) if time_ns else None


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
