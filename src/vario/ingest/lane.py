"""Group commit: requests of one kind, joined and written by one insert each.

While one insert runs, the requests that arrive meanwhile wait; then they are joined byte by byte
and written by one insert. An insert costs 20 (logs) to 200 ms (metrics) of CPU before its first
row, so between small inserts a lane rests: from one start to the next pass at least `PACE_S`, and
twice the time that the insert took.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field

from vario.errors import BadData, InternalError, Unavailable, VarioError
from vario.ingest.counters import Counters

log = logging.getLogger(__name__)

PACE_S = 0.1
FULL_BYTES = 1 << 20
"""What is worth an insert of its own at once: about 4,000 spans, of which it costs some 20 ms."""
GROUP_BYTES = 16 << 20
"""How much one insert may hold: about 70,000 spans, where throughput has stopped growing."""


@dataclass(slots=True, eq=False)
class _Write:
    body: bytes
    done: Future[None] = field(default_factory=Future[None])


class Lane:
    """Requests of one kind that wait for their insert, and the thread that writes them."""

    def __init__(
        self,
        name: str,
        write: Callable[[bytes], None],
        counters: Counters,
        *,
        pace_s: float = PACE_S,
    ) -> None:
        """Makes a lane; `start` starts its thread.

        Args:
            name: what is written here, for messages and counters.
            write: writes joined requests durably; raises as `SignalWriter` does.
            counters: where inserts are counted.
            pace_s: shortest time between the starts of two small inserts.
        """
        self.name = name
        self._write_joined = write
        self._counters = counters
        self._pace_s = pace_s
        self._waiting: deque[_Write] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=f"vario-write-{name}")

    def start(self) -> None:
        """Starts writing."""
        self._thread.start()

    def put(self, body: bytes) -> Future[None]:
        """Takes a request that can be joined with others; the result comes once it is durable.

        A request whose future is cancelled before its turn is not written.

        Raises:
            Unavailable: the lane is closed.
        """
        write = _Write(body)
        with self._changed:
            if self._closing:
                raise Unavailable("vario is stopping: try again when it is up", retry_after_s=5)
            self._waiting.append(write)
            self._bytes += len(body)
            self._changed.notify()
        return write.done

    def close(self) -> None:
        """Refuses new requests; those that wait are still written."""
        with self._changed:
            self._closing = True
            self._changed.notify()

    def join(self) -> None:
        """Returns once everything is written; call `close` before."""
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        for group in self._groups():
            if group:
                self._write(group)

    def _groups(self) -> Iterator[list[_Write]]:
        """Yields what is to be written by one insert each, until closed and empty."""
        not_before = 0.0
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                if not self._waiting:
                    return
                self._changed.wait_for(
                    lambda: self._bytes >= FULL_BYTES or self._closing,
                    timeout=max(0.0, not_before - time.monotonic()),
                )
                group = self._take()
            started = time.monotonic()
            # A request whose sender has gone is not written: nobody was told that it would be.
            yield [write for write in group if write.done.set_running_or_notify_cancel()]
            took_s = time.monotonic() - started
            not_before = started + min(max(self._pace_s, 2 * took_s), 10 * self._pace_s)

    def _take(self) -> list[_Write]:
        group: list[_Write] = []
        size = 0
        while self._waiting and (not group or size + len(self._waiting[0].body) <= GROUP_BYTES):
            write = self._waiting.popleft()
            size += len(write.body)
            group.append(write)
        self._bytes -= size
        return group

    def _write(self, group: list[_Write]) -> None:
        """Writes a group; one that the engine refuses in halves, so that a bad body fails alone."""
        started = time.monotonic()
        try:
            self._write_joined(b"".join(write.body for write in group))
        except BadData as error:
            if len(group) == 1:
                group[0].done.set_exception(error)
                return
            middle = len(group) // 2
            self._write(group[:middle])
            self._write(group[middle:])
        except VarioError as error:
            _fail(group, error)
        except Exception as error:
            log.exception("writing %d requests of %s failed", len(group), self.name)
            reason = f"writing {self.name} failed ({type(error).__name__}); see the log"
            _fail(group, InternalError(reason))
        else:
            seconds = time.monotonic() - started
            self._counters.add("vario_ingest_writes_total", signal=self.name)
            self._counters.add("vario_ingest_write_seconds_total", seconds, signal=self.name)
            for write in group:
                write.done.set_result(None)


def _fail(group: list[_Write], error: VarioError) -> None:
    for write in group:
        write.done.set_exception(error)
