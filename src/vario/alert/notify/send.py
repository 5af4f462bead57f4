"""One attempt to tell one receiver: over HTTP, to an Alertmanager, or through Apprise."""

import hashlib
import hmac
import io
import json
import logging
import math
import threading
import time
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal

import httpx
import orjson

from vario.alert.notify import message as messages
from vario.alert.notify.settings import Receiver
from vario.alert.template import TemplateError
from vario.model.alert import Delivery

S = 10**9
LONGEST_RETRY_AFTER_S = 3600.0
_AGAIN = frozenset({408, 425, 429})
_ANSWER_BYTES = 2000
_RESENDS = 4
"""An alert that goes on ends in an Alertmanager when it misses this many resends, as it would
with Prometheus."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an attempt.

    Attributes:
        verdict: `again` where a later attempt may succeed, `refused` where none will.
        error: why; empty where it was delivered.
        after_s: least time until the next attempt that the receiver asks for.
    """

    verdict: Literal["delivered", "again", "refused"]
    error: str = ""
    after_s: float = 0.0


DELIVERED = Outcome("delivered")


class Sender:
    """Sends to receivers; keeps connections. For any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._client: httpx.Client | None = None

    def close(self) -> None:
        """Closes the connections."""
        if self._client is not None:
            self._client.close()

    def _connections(self) -> httpx.Client:
        """Returns the client, made when it is needed first: reading certificates takes 40 ms."""
        with self._lock:
            if self._client is None:
                self._client = httpx.Client(follow_redirects=False)
            return self._client

    def send(self, receiver: Receiver, delivery: Delivery, now_ns: int) -> Outcome:
        """Tries once, for `receiver.timeout_s` at most; never raises."""
        message = json.loads(delivery.message)
        try:
            if receiver.type == "webhook":
                return self._webhook(receiver, delivery, now_ns)
            if receiver.type == "alertmanager":
                return self._alertmanager(receiver, message, now_ns)
            return _apprise(receiver, message)
        except httpx.HTTPError as error:
            return Outcome("again", f"{type(error).__name__}: {error}")
        except TemplateError as error:
            return Outcome("refused", f"template of receiver {receiver.name}: {error}")
        except Exception as error:  # a fault of one receiver must not stop the others
            return Outcome("again", f"{type(error).__name__}: {error}")

    def _webhook(self, receiver: Receiver, delivery: Delivery, now_ns: int) -> Outcome:
        body = delivery.message.encode()
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": delivery.id,
            "X-Vario-Attempt": str(delivery.attempts + 1),
        }
        if receiver.secret:
            headers["X-Vario-Signature"] = sign(receiver.secret, body, now_ns // S)
        return self._post(receiver, receiver.url, body, headers)

    def _alertmanager(self, receiver: Receiver, message: Mapping[str, Any], now_ns: int) -> Outcome:
        ends_ns = now_ns + _RESENDS * receiver.resend_ns
        alerts = [
            {
                "labels": alert["labels"],
                "annotations": alert["annotations"],
                "startsAt": alert["startsAt"],
                "endsAt": messages.format_time(ends_ns)
                if alert["status"] == "firing"
                else alert["endsAt"],
                "generatorURL": alert["generatorURL"],
            }
            for alert in message["alerts"]
        ]
        url = f"{receiver.url.rstrip('/')}/api/v2/alerts"
        return self._post(receiver, url, orjson.dumps(alerts), {"Content-Type": "application/json"})

    def _post(
        self, receiver: Receiver, url: str, body: bytes, headers: Mapping[str, str]
    ) -> Outcome:
        deadline_s = time.monotonic() + receiver.timeout_s
        with self._connections().stream(
            "POST",
            url,
            content=body,
            headers={"User-Agent": "vario", **headers},
            timeout=receiver.timeout_s,
        ) as answer:
            if answer.is_success:
                return DELIVERED
            said = b""
            for part in answer.iter_bytes():
                said += part
                if len(said) >= _ANSWER_BYTES or time.monotonic() > deadline_s:
                    break
        text = said[:_ANSWER_BYTES].decode("utf-8", "replace").strip()
        error = f"HTTP {answer.status_code}" + (f": {text[:200]}" if text else "")
        if answer.status_code < 500 and answer.status_code not in _AGAIN:
            return Outcome("refused", error)
        return Outcome("again", error, parse_retry_after(answer.headers.get("Retry-After", "")))


def sign(secret: str, body: bytes, time_s: int) -> str:
    """Returns the value of `X-Vario-Signature`: a time, and HMAC-SHA256 over time and body.

    The receiver computes the same over `time`, a full stop, and the body as it came, and refuses
    what is too old: so nobody can send an overheard message again.

    >>> sign("key", b"{}", 1)[:24]
    't=1,v1=f6da71b8cb2a1d2c2'
    """
    digest = hmac.new(secret.encode(), f"{time_s}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={time_s},v1={digest}"


def parse_retry_after(text: str) -> float:
    """Returns the seconds that a `Retry-After` header asks for: a number, or a date; else 0."""
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
        except (TypeError, ValueError):
            return 0.0
    return 0.0 if math.isnan(seconds) else min(max(seconds, 0.0), LONGEST_RETRY_AFTER_S)


def _apprise(receiver: Receiver, message: Mapping[str, Any]) -> Outcome:
    import apprise  # a second of imports that most servers never need

    title = messages.expand(receiver.title, message) if receiver.title else ""
    text = messages.expand(receiver.text, message) if receiver.text else ""
    service: Any = apprise.Apprise()
    if not service.add(receiver.url):
        return Outcome("refused", f"Apprise does not know the url of receiver {receiver.name}")
    kinds = apprise.NotifyType
    said = io.StringIO()
    handler = logging.StreamHandler(said)
    handler.addFilter(_OfThisCall())
    log = logging.getLogger("apprise")
    log.addHandler(handler)
    try:
        done = service.notify(
            title=title or messages.make_title(message),
            body=text or messages.make_text(message),
            notify_type=kinds.FAILURE if message["status"] == "firing" else kinds.SUCCESS,
            body_format=apprise.NotifyFormat.TEXT,
        )
    finally:
        log.removeHandler(handler)
    if done:
        return DELIVERED
    return Outcome("again", said.getvalue().strip()[:500] or "Apprise could not deliver it")


class _OfThisCall(logging.Filter):
    """Lets pass what is logged on behalf of one attempt, in whatever thread Apprise does it."""

    def __init__(self) -> None:
        super().__init__()
        _call.set(self)

    def filter(self, record: logging.LogRecord) -> bool:
        """Returns whether the record is about that attempt."""
        return _call.get() is self


_call: ContextVar[_OfThisCall | None] = ContextVar("_call", default=None)
