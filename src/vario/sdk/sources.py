"""From finished items to encoded requests, off the request's path.

Encoding holds the interpreter lock, so it is done in small slices with a pause after each: a
request that waits for the lock waits for a slice at most.
"""

from collections.abc import Callable, Sequence
from time import sleep
from typing import Any

from vario.sdk.faults import report
from vario.sdk.lane import Lane
from vario.sdk.recorder import Queue, Resource

# A slice of 48 spans takes some 100 microseconds; with 12, pausing costs 2 microseconds a span.
# Where many items wait, the service makes more than it leaves time to encode, and being quick is
# worth more than being polite.
_SLICE, _LARGE_SLICE = 48, 256
_PAUSE_S = 0.000_02
_MANY = 2_048


class Source:
    """The queue of one signal, and how its items are encoded.

    Args:
        words: what the items are called.
        queue: finished items.
        lane: where requests go; None where the signal is not sent.
        resource: the process.
        group: returns encoded items by scope.
        count: told of every item, whether it is sent or not.
        max_batch: the most items of one request.
    """

    def __init__(
        self,
        words: str,
        queue: Queue,
        lane: Lane | None,
        resource: Resource,
        *,
        group: Callable[[Sequence[Any]], dict[Any, list[bytes]]],
        count: Callable[[Sequence[Any]], Sequence[Any]],
        max_batch: int,
    ) -> None:
        self._words = words
        self._queue = queue
        self._lane = lane
        self._resource = resource
        self._group = group
        self._count = count
        self._max_batch = max_batch

    def drain(self, *, is_patient: bool) -> None:
        """Encodes what is in the queue, a batch at a time.

        Args:
            is_patient: whether to pause, so that requests come first.
        """
        while waiting := len(self._queue):
            size = _SLICE if is_patient and waiting < _MANY else _LARGE_SLICE
            scopes: dict[Any, list[bytes]] = {}
            total = 0
            while total < self._max_batch and (
                items := self._queue.take(min(size, self._max_batch - total))
            ):
                total += self._encode(items, scopes)
                if is_patient:
                    sleep(_PAUSE_S)
            if total and self._lane is not None:
                parts = [(scope, b"".join(encoded)) for scope, encoded in scopes.items()]
                self._lane.load(self._resource.envelope(parts), total)

    def _encode(self, items: Sequence[Any], scopes: dict[Any, list[bytes]]) -> int:
        """Adds encoded items to their scopes; returns how many."""
        items = self._count(items)
        lane = self._lane
        if lane is None or not items:
            return 0
        if not lane.has_room(len(items)):
            lane.dropped += len(items)
            return 0
        try:
            found = self._group(items)
        except Exception as error:
            if len(items) > 1:  # one of them: the others need not suffer
                return sum([self._encode([item], scopes) for item in items])
            lane.dropped += 1
            report(f"encode {self._words}", error)
            return 0
        for scope, encoded in found.items():
            scopes.setdefault(scope, []).extend(encoded)
        return len(items)
