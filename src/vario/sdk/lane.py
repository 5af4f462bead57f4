"""What waits to be sent of one signal: encoded requests, within bounds, and their connection."""

from collections import deque
from random import random

from vario.sdk.faults import LOG
from vario.sdk.protobuf import read_fields
from vario.sdk.recorder import Queue
from vario.sdk.settings import Target
from vario.sdk.transport import Answer, Connection

_MAX_BACKOFF_S = 30.0
_MAX_BYTES = 32 * 2**20


class Lane:
    """Encoded requests on their way to one target.

    Everything here belongs to whoever holds the exporter's lock. A service never waits: what does
    not fit is dropped and counted.
    """

    def __init__(self, words: str, target: Target, *, max_items: int, queue: Queue | None) -> None:
        self.words = words
        self.url = target.url
        self.not_before_s = 0.0
        self.dropped = 0
        self._told = 0
        self._queue = queue
        self._max_items = max_items
        self._ready: deque[tuple[bytes, int]] = deque()
        self._items = 0
        self._bytes = 0
        self._failures = 0
        self._complaints: set[str] = set()
        self._connection = Connection(target)

    def has_room(self, items: int) -> bool:
        """Says whether so many items more may wait."""
        return self._items + items <= self._max_items and self._bytes < _MAX_BYTES

    def load(self, body: bytes, items: int) -> None:
        """Adds an encoded request."""
        self._ready.append((body, items))
        self._items += items
        self._bytes += len(body)

    def replace(self, body: bytes, items: int) -> None:
        """Puts the newest state in the place of what is unsent: for cumulative metrics."""
        self._ready.clear()
        self._items = self._bytes = 0
        self.load(body, items)

    @property
    def is_empty(self) -> bool:
        """Says whether nothing that was encoded waits to be sent."""
        return not self._ready

    @property
    def dropped_in_all(self) -> int:
        """How many items were dropped since the beginning."""
        return self.dropped + (self._queue.dropped if self._queue is not None else 0)

    def take_dropped(self) -> int:
        """Returns how many items have been dropped since it was last asked."""
        now, before = self.dropped_in_all, self._told
        self._told = now
        return now - before

    def send_one(self, now_s: float, timeout_s: float) -> Answer | None:
        """Sends one request.

        Returns:
            The answer; None where there was nothing to send. After a failure that may pass the
            request is kept and `not_before_s` says when to try again; otherwise it is gone.
        """
        if not self._ready:
            return None
        body, items = self._ready[0]
        answer = self._connection.post(body, timeout_s)
        if answer.is_retryable:
            wait_s = min(_MAX_BACKOFF_S, 2.0**self._failures) * (0.8 + 0.4 * random())
            self.not_before_s = now_s + max(wait_s, min(answer.retry_after_s, _MAX_BACKOFF_S))
            self._failures = min(self._failures + 1, 10)
            return answer
        self._ready.popleft()
        self._items -= items
        self._bytes -= len(body)
        if answer.problem:
            self.dropped += items
            self._complain(f"the server refused {self.words} ({answer.problem}) at {self.url}")
        else:
            self._read_partial_success(answer.body)
        self._failures = 0
        self.not_before_s = 0.0
        return answer

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()

    def _read_partial_success(self, body: bytes) -> None:
        """Says what the server rejected: `partial_success` is field 1 of every OTLP answer."""
        if not body:
            return
        rejected, words = 0, ""
        try:
            for number, partial in read_fields(body):
                if number == 1 and isinstance(partial, bytes):
                    for inner, value in read_fields(partial):
                        if inner == 1 and isinstance(value, int):
                            rejected = value
                        elif isinstance(value, bytes):
                            words = value.decode("utf-8", "replace")
        except ValueError as error:
            self._complain(f"{self.url} answered with something that is not OTLP: {error}")
            return
        if rejected:
            self._complain(f"the server rejected {rejected} {self.words} of a batch: {words}")

    def _complain(self, message: str) -> None:
        if message not in self._complaints and len(self._complaints) < 10:
            self._complaints.add(message)
            LOG.warning("vario: %s (said once)", message)
