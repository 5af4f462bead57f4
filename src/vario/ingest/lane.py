"""Group commit: requests of one kind, joined and written by one insert each.

While one insert runs, the requests that arrive meanwhile wait; then they are joined byte by byte
and written by one insert. An insert costs 5 to 20 ms of CPU before its first row, a large one 20 to
120 ms (see `vario.store.direct`), so between small inserts a lane rests: from one start to the next
pass at least `PACE_S`, and twice the time that the insert took.

A request that repeats another one byte by byte is not written again: it is a retry, of a sender
that had no answer in its time.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field

from vario.errors import BadData, InternalError, Overloaded, Unavailable, VarioError
from vario.ingest.counters import Counters
from vario.ingest.fair import FairQueue
from vario.ingest.recent import REMEMBER_S, Key, Recent, key_of

log = logging.getLogger(__name__)

PACE_S = 0.1
FULL_BYTES = 1 << 20
"""What is worth an insert of its own at once: about 4,000 spans, of which it costs some 20 ms."""
GROUP_BYTES = 16 << 20
"""How much one insert may hold: about 70,000 spans, where throughput has stopped growing."""


@dataclass(slots=True, eq=False)
class _Write:
    """One body and who waits for it: its sender, and those who sent the same after it."""

    key: Key
    body: bytes
    waiting: list[Future[bool]] = field(default_factory=list[Future[bool]])


class Lane:
    """Requests of one kind that wait for their insert, and the thread that writes them."""

    def __init__(
        self,
        name: str,
        write: Callable[[bytes], None],
        counters: Counters,
        *,
        pace_s: float = PACE_S,
        remember_s: float = REMEMBER_S,
    ) -> None:
        """Makes a lane; `start` starts its thread.

        Args:
            name: what is written here, for messages and counters.
            write: writes joined requests durably; raises as `SignalWriter` does.
            counters: where inserts are counted.
            pace_s: shortest time between the starts of two small inserts.
            remember_s: how long a request is known, so that its retry is not stored again.
        """
        self.name = name
        self._write_joined = write
        self._counters = counters
        self._pace_s = pace_s
        self._queue: FairQueue[_Write] = FairQueue()
        self._under_way: dict[Key, _Write] = {}
        self._recent = Recent(remember_s)
        self._changed = threading.Condition()
        self._closing = False
        self._fails_since: float | None = None
        self._thread = threading.Thread(target=self._run, name=f"vario-write-{name}")

    def start(self) -> None:
        """Starts writing."""
        self._thread.start()

    def find(self, key: Key) -> Future[bool] | None:
        """Returns the result of a request that repeats another, None for one that does not.

        The result is false: the request is already stored, or will be with the other.
        """
        with self._changed:
            return self._find(key)

    def put(self, body: bytes, client: str = "", key: Key | None = None) -> Future[bool]:
        """Takes a request that can be joined with others; the result comes once it is durable.

        The result is false where the body is already stored: it repeats a request of a short while
        ago, or one that is still on its way. A request whose future is cancelled before its turn
        is not written.

        Args:
            body: the request.
            client: who sends it; clients take turns.
            key: what it is known by; that of `body`, unless it was changed since it came.

        Raises:
            Unavailable: the lane is closed.
        """
        key = key or key_of(body)
        with self._changed:
            if self._closing:
                raise Unavailable("vario is stopping: try again when it is up", retry_after_s=5)
            if repeated := self._find(key):
                return repeated
            done: Future[bool] = Future()
            write = self._under_way[key] = _Write(key, body, [done])
            self._queue.put(client, len(body), write)
            self._changed.notify()
        return done

    def _find(self, key: Key) -> Future[bool] | None:
        done: Future[bool] = Future()
        if key in self._recent:
            done.set_result(False)
        elif key in self._under_way:
            self._under_way[key].waiting.append(done)
        else:
            return None
        return done

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
                self._changed.wait_for(lambda: self._queue or self._closing)
                if not self._queue:
                    return
                self._changed.wait_for(
                    lambda: self._queue.size_bytes >= FULL_BYTES or self._closing,
                    timeout=max(0.0, not_before - time.monotonic()),
                )
                group = [w for w in self._queue.take(GROUP_BYTES) if self._is_awaited(w)]
            started = time.monotonic()
            yield group
            took_s = time.monotonic() - started
            not_before = started + min(max(self._pace_s, 2 * took_s), 10 * self._pace_s)

    def _is_awaited(self, write: _Write) -> bool:
        """Says whether anyone waits; what nobody was told would be written is not written."""
        if all(done.cancelled() for done in write.waiting):
            del self._under_way[write.key]
            return False
        return True

    def _write(self, group: list[_Write]) -> None:
        """Writes a group; one that the engine refuses in halves, so that a bad body fails alone."""
        started = time.monotonic()
        try:
            self._write_joined(b"".join(write.body for write in group))
        except Unavailable as error:
            # Nobody's body is to blame, and the halves would not do better.
            self._note_outage(error)
            self._settle(group, error)
        except Exception as error:
            if len(group) > 1:
                middle = len(group) // 2
                self._write(group[:middle])
                self._write(group[middle:])
            else:
                self._settle(group, self._explain(error))
        else:
            seconds = time.monotonic() - started
            self._note_outage(None)
            self._counters.add("vario_ingest_writes_total", signal=self.name)
            self._counters.add("vario_ingest_write_seconds_total", seconds, signal=self.name)
            self._settle(group, None)

    def _settle(self, group: list[_Write], error: VarioError | None) -> None:
        """Tells everyone who waits for a group how it ended."""
        with self._changed:
            for write in group:
                del self._under_way[write.key]
                if error is None:
                    self._recent.add(write.key)
        for write in group:
            # Who has gone was told nothing.
            listening = [done for done in write.waiting if done.set_running_or_notify_cancel()]
            for place, done in enumerate(listening):
                if error is None:
                    done.set_result(place == 0)
                else:
                    done.set_exception(error)

    def _explain(self, error: Exception) -> VarioError:
        if isinstance(error, BadData | Overloaded):
            return error
        log.error("writing a request of %s failed", self.name, exc_info=error)
        if isinstance(error, VarioError):
            return error
        return InternalError(f"writing {self.name} failed ({type(error).__name__}); see the log")

    def _note_outage(self, error: Unavailable | None) -> None:
        """Logs when writing stops to work, and when it works again; once each."""
        if error is not None and self._fails_since is None:
            self._fails_since = time.monotonic()
            log.error("%s cannot be stored, senders are told to wait: %s", self.name, error)
        elif error is None and self._fails_since is not None:
            seconds = time.monotonic() - self._fails_since
            self._fails_since = None
            log.warning("%s are stored again, after %.0f s", self.name, seconds)
