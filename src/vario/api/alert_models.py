"""Shapes of the API about alerts; times are float seconds since the epoch, as in Prometheus."""

from typing import Annotated, Literal

from pydantic import Field

from vario.api.models import Shape

ShortText = Annotated[str, Field(max_length=4096)]
MatcherText = Annotated[
    str, Field(max_length=4096, description='such as service="ml-infer" or region=~"us-.*"')
]

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class MuteOut(Shape):
    """Why nobody is told of an alert: a silence, a maintenance window, or another alert."""

    kind: Literal["silence", "maintenance", "inhibition"]
    id: str
    comment: str


class AcknowledgementOut(Shape):
    """Who looks after an alert."""

    author: str
    comment: str
    time: float


class DeliveryOut(Shape):
    """One notification to one receiver and how far it has come.

    `queued` is on its way, `dead` was given up on: it reached nobody and can be retried.
    """

    id: str
    receiver: str
    group: str
    reason: str
    status: Literal["queued", "sent", "dead"]
    created: float
    tried: float | None
    next: float | None
    attempts: int
    error: str
    title: str
    firing: list[str]
    resolved: list[str]


class ConditionOut(Shape):
    """One comparison of an alert's expression: what is measured, and with what it is compared.

    `op` is empty where nothing is compared, `threshold` null where it is not constant: `bound` is
    then its PromQL.
    """

    expr: str
    op: str
    threshold: float | None
    bound: str


class AlertOut(Shape):
    """One alert and all that is known of it.

    `inactive` is one that was pending and went away before it fired.

    `changes` counts how often it began or ended to fire in the last hour. `links` leads to the
    alert's page, its rule's expression, its runbook, and a trace of the time at which it began.
    """

    id: str
    name: str
    state: Literal["pending", "firing", "resolved", "inactive"]
    rule: str
    expr: str
    conditions: list[ConditionOut]
    labels: dict[str, str]
    annotations: dict[str, str]
    value: float | None
    active: float
    fired: float | None
    resolved: float | None
    keep_firing: float | None
    trace_id: str
    changes: int
    flapping: bool
    muted_by: list[MuteOut]
    acknowledged: AcknowledgementOut | None
    receivers: list[str]
    deliveries: list[DeliveryOut]
    links: dict[str, str]


class AlertsOut(Shape):
    """Alerts that are pending, firing or lately resolved: the worst and newest first."""

    alerts: list[AlertOut]


class AlertEventOut(Shape):
    """A change of an alert: what it was from `time` on."""

    id: str
    time: float
    name: str
    state: Literal["pending", "firing", "resolved", "inactive"]
    rule: str
    labels: dict[str, str]
    annotations: dict[str, str]
    value: float | None
    active: float
    fired: float | None
    resolved: float | None
    trace_id: str
    reason: str


class AlertHistoryOut(Shape):
    """Changes of alerts, newest first."""

    events: list[AlertEventOut]


class DeliveriesOut(Shape):
    """Notifications, newest first."""

    deliveries: list[DeliveryOut]


class ReceiverOut(Shape):
    """Someone who is told; the address without what is secret in it."""

    name: str
    type: Literal["webhook", "alertmanager", "apprise"]
    address: str
    waiting: int
    last: DeliveryOut | None


class ReceiversOut(Shape):
    """Everyone who is told, and how the heartbeat fares (null where there is none)."""

    receivers: list[ReceiverOut]
    heartbeat: str | None
    heartbeat_error: str


class TestOut(Shape):
    """What became of a test message."""

    receiver: str
    delivered: bool
    error: str


class AcknowledgeIn(Shape):
    """Who looks after an alert, and what they say."""

    author: ShortText
    comment: ShortText = ""


class SilenceIn(Shape):
    """A silence to make, or with an `id` to change; times as elsewhere, such as `now+2h`."""

    id: ShortText = ""
    matchers: Annotated[list[MatcherText], Field(min_length=1, max_length=50)]
    starts: Annotated[str, Field(max_length=64)] = "now"
    ends: Annotated[str, Field(max_length=64)]
    author: ShortText
    comment: ShortText


class SilenceOut(Shape):
    """A silence."""

    id: str
    state: Literal["pending", "active", "expired"]
    matchers: list[str]
    starts: float
    ends: float
    updated: float
    author: str
    comment: str
    silenced: int


class SilencesOut(Shape):
    """Silences, those that ended lately too, the latest end first."""

    silences: list[SilenceOut]


class MaintenanceIn(Shape):
    """A maintenance window: on these weekdays, from a time of day on, for so many seconds."""

    matchers: Annotated[list[MatcherText], Field(default_factory=list, max_length=50)]
    weekdays: Annotated[list[Weekday], Field(default_factory=list, max_length=7)]
    opens: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
    duration_s: int
    time_zone: Annotated[str, Field(max_length=64)] = "UTC"
    first: Annotated[str, Field(max_length=10)] = ""
    last: Annotated[str, Field(max_length=10)] = ""
    author: ShortText
    comment: ShortText


class MaintenanceOut(Shape):
    """A maintenance window, and when it closes if it is open now."""

    id: str
    matchers: list[str]
    weekdays: list[str]
    opens: str
    duration_s: int
    time_zone: str
    first: str
    last: str
    author: str
    comment: str
    open_until: float | None


class MaintenanceWindowsOut(Shape):
    """Maintenance windows, those of the file of receivers first."""

    windows: list[MaintenanceOut]
