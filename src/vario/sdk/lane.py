"""The queue of one signal: finished items in, serialised OTLP requests out."""

from collections import deque
from collections.abc import Callable, Sequence
from random import random
from typing import Any, Generic, Protocol, TypeVar

from vario.sdk.faults import LOG, report
from vario.sdk.settings import Target
from vario.sdk.transport import Answer, Connection

_MAX_BACKOFF_S = 30.0
T = TypeVar("T")


class Message(Protocol):
    """A protobuf message, as far as the SDK needs to know one."""

    def SerializeToString(self) -> bytes:  # noqa: N802 -- protobuf's name
        """Returns the message's wire form."""
        ...


class Lane(Generic[T]):
    """A bounded queue, the batch that is on its way, and the connection that it takes.

    `put` may be called from any thread; everything else belongs to whoever holds the exporter's
    lock. A service never waits here: what does not fit is dropped and counted.
    """

    def __init__(
        self,
        words: str,
        target: Target,
        encode: Callable[[Sequence[T]], Message],
        *,
        decode_answer: Callable[[bytes], Any],
        max_queue: int,
        max_batch: int,
    ) -> None:
        self.words = words
        self.url = target.url
        self.not_before_s = 0.0
        self._encode = encode
        self._decode_answer = decode_answer
        self._max_queue = max_queue
        self._max_batch = max_batch
        self._queue: deque[T] = deque()
        self._pending: bytes | None = None
        self._pending_items = 0
        self._failures = 0
        self._dropped = 0
        self._complaints: set[str] = set()
        self._connection = Connection(target)

    def put(self, item: T) -> bool:
        """Queues an item; returns whether a whole batch is waiting."""
        if len(self._queue) >= self._max_queue:
            self._dropped += 1
            return False
        self._queue.append(item)
        return len(self._queue) >= self._max_batch

    def replace(self, item: T) -> None:
        """Puts the newest state in the place of what is unsent: for cumulative metrics."""
        self._queue.clear()
        self._pending = None
        self._queue.append(item)

    @property
    def is_empty(self) -> bool:
        """Says whether nothing waits to be sent."""
        return self._pending is None and not self._queue

    def take_dropped(self) -> int:
        """Returns how many items have been dropped since it was last asked."""
        dropped, self._dropped = self._dropped, 0
        return dropped

    def send_one(self, now_s: float, timeout_s: float) -> Answer | None:
        """Sends one batch.

        Returns:
            The answer; None where there was nothing to send. After a failure that may pass the
            batch is kept and `not_before_s` says when to try again; otherwise it is gone.
        """
        body = self._next_body()
        if body is None:
            return None
        answer = self._connection.post(body, timeout_s)
        if answer.is_retryable:
            wait_s = min(_MAX_BACKOFF_S, 2.0**self._failures) * (0.8 + 0.4 * random())
            self.not_before_s = now_s + max(wait_s, min(answer.retry_after_s, _MAX_BACKOFF_S))
            self._failures = min(self._failures + 1, 10)
            return answer
        if answer.problem:
            self._dropped += self._pending_items
            self._complain(f"the server refused {self.words} ({answer.problem}) at {self.url}")
        else:
            self._read_partial_success(answer.body)
        self._pending = None
        self._failures = 0
        self.not_before_s = 0.0
        return answer

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()

    def _next_body(self) -> bytes | None:
        if self._pending is None and self._queue:
            count = min(len(self._queue), self._max_batch)
            batch = [self._queue.popleft() for _ in range(count)]
            try:
                self._pending = self._encode(batch).SerializeToString()
                self._pending_items = count
            except Exception as error:
                self._dropped += count
                report(f"serialise {self.words}", error)
        return self._pending

    def _read_partial_success(self, body: bytes) -> None:
        if not body:
            return
        try:
            partial = self._decode_answer(body).partial_success
        except Exception as error:
            self._complain(f"{self.url} answered with something that is not OTLP: {error}")
            return
        rejected = max((n for f, n in partial.ListFields() if f.name != "error_message"), default=0)
        if rejected:
            self._complain(
                f"the server rejected {rejected} {self.words} of a batch: {partial.error_message}"
            )

    def _complain(self, message: str) -> None:
        if message not in self._complaints and len(self._complaints) < 10:
            self._complaints.add(message)
            LOG.warning("vario: %s (said once)", message)
