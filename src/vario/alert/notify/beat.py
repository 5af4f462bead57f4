"""Messages that are about no alert: the heartbeat, and tests of a receiver."""

import uuid

import orjson

from vario.alert.notify.message import Told, make_message
from vario.alert.notify.route import Route
from vario.alert.notify.send import Outcome
from vario.alert.notify.settings import NotifySettings
from vario.model.alert import AlertEvent, Delivery

HEARTBEAT = "VarioHeartbeat"


class Beat:
    """The dead-man switch: a message that says that all is well, until it no longer is.

    It stops while rule groups are late. One that is lost is not sent again: the next is its
    repetition, and an old one would lie. Not locked: `AlertDesk` lets one thread in at a time.
    """

    def __init__(self, settings: NotifySettings) -> None:
        self._heartbeat = settings.heartbeat
        self._due_ns = 0
        self.error = ""
        """Why the last one was not delivered; empty where it was."""

    def take_due(self, now_ns: int, base: str, *, is_late: bool) -> list[Delivery]:
        """Returns the heartbeat if it is due and evaluations are on time."""
        if self._heartbeat is None or is_late or now_ns < self._due_ns:
            return []
        self._due_ns = now_ns + self._heartbeat.interval_ns
        labels = {"alertname": HEARTBEAT, "severity": "none", "service": "vario"}
        texts = {"summary": "vario evaluates its rules and can send; silence is an alarm"}
        return [_make(self._heartbeat.receiver, "heartbeat", labels, texts, base, now_ns)]

    def finish(self, delivery: Delivery, outcome: Outcome) -> None:
        """Notes what became of a heartbeat."""
        if delivery.reason == "heartbeat":
            self.error = outcome.error


def make_test(receiver: str, base: str, now_ns: int) -> Delivery:
    """Returns a test message for a receiver."""
    labels = {"alertname": "VarioTest", "severity": "none", "service": "vario"}
    texts = {"summary": "This is a test: notifications from vario arrive here"}
    return _make(receiver, "test", labels, texts, base, now_ns)


def _make(
    receiver: str,
    reason: str,
    labels: dict[str, str],
    texts: dict[str, str],
    base: str,
    now_ns: int,
) -> Delivery:
    event = AlertEvent(
        id=f"{reason:0<16}"[:16],
        version=0,
        time_ns=now_ns,
        rule="",
        name=labels["alertname"],
        state="firing",
        labels=labels,
        annotations=texts,
        value=1.0,
        active_ns=now_ns,
        fired_ns=now_ns,
    )
    route = Route(receiver, path=f"{{{reason}}}")
    message = make_message(route, {"alertname": labels["alertname"]}, [Told(event)], base)
    return Delivery(
        id=uuid.uuid4().hex,
        version=0,
        created_ns=now_ns,
        receiver=receiver,
        group_key=f"{{{reason}}}",
        reason=reason,
        message=orjson.dumps(message).decode(),
        tried_ns=now_ns,
    )
