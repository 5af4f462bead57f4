"""Alerts as they are kept: changes of state, what people said of them, what was told to whom.

Times are integer nanoseconds since the Unix epoch, 0 for never.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from vario.model.series import Labels

AlertEventState = Literal["pending", "firing", "resolved", "inactive"]
"""`inactive` is a pending alert that went away before it fired."""

RecordKind = Literal["silence", "maintenance", "acknowledgement"]

DeliveryStatus = Literal["queued", "sent", "dead"]
"""`dead` was given up on: what it says reached nobody, and it can be queued again by hand."""


@dataclass(frozen=True, slots=True)
class AlertEvent:
    """One alert, as it is from `time_ns` on.

    Attributes:
        id: 16 hexadecimal digits from the rule and the labels.
        version: orders the events of all alerts; grows with every event.
        rule: file, group and name of the rule, separated by semicolons.
        active_ns: since when the rule's expression has found it.
        fired_ns: when it began to fire.
        resolved_ns: when it stopped firing.
        keep_firing_ns: since when it fires only because of `keep_firing_for`.
        trace_id: a request of that time that shows what is wrong; empty where none was found.
        reason: why it changed, where the rule's expression was not the reason.
    """

    id: str
    version: int
    time_ns: int
    rule: str
    name: str
    state: AlertEventState
    labels: Labels
    annotations: Labels
    value: float
    active_ns: int
    fired_ns: int = 0
    resolved_ns: int = 0
    keep_firing_ns: int = 0
    trace_id: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AlertRecord:
    """Something that a person decided; `body` holds JSON's types only."""

    kind: RecordKind
    id: str
    version: int
    body: Mapping[str, Any]
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Delivery:
    """One notification on its way to one receiver.

    Attributes:
        id: 32 hexadecimal digits; the same whenever the same notification is decided on again, so
            that receivers can tell a repetition.
        group_key: which group of alerts it is about.
        reason: `firing`, `resolved`, `repeat` or `test`.
        attempts: how often it was tried.
        tried_ns: when it was tried last.
        next_ns: when it is tried next.
        error: why the last attempt failed; empty where it did not.
        firing: ids of the alerts that it says are firing.
        resolved: ids of the alerts that it says are resolved.
        message: what is told, as JSON; see `vario.alert.message`.
    """

    id: str
    version: int
    created_ns: int
    receiver: str
    group_key: str
    reason: str
    message: str
    status: DeliveryStatus = "queued"
    attempts: int = 0
    tried_ns: int = 0
    next_ns: int = 0
    error: str = ""
    firing: tuple[str, ...] = field(default=())
    resolved: tuple[str, ...] = field(default=())
