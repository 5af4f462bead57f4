"""One pipeline behind all doors: check, join, write, and only then acknowledge.

Group commit: while one insert runs, the requests that arrive meanwhile wait; then they are joined
(two OTLP requests joined byte by byte are one valid request) and written by one insert. An insert
costs 30 to 40 ms of CPU before its first row, so inserts of a signal start at most every
`PACE_S`, unless much is waiting.
"""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Protocol

from vario.clock import Clock
from vario.errors import BadData, InternalError, Unavailable, VarioError
from vario.ingest.budget import Budget
from vario.ingest.counters import Counters, Metric
from vario.model.telemetry import Signal
from vario.wire.otlp import Checked, check_request
from vario.wire.otlp_json import decode_json

log = logging.getLogger(__name__)

PACE_S = 0.1
FULL_BYTES = 512 << 10
"""What is worth an insert of its own at once: about 2,000 spans, of which it costs some 10 ms."""
GROUP_BYTES = 16 << 20
"""How much one insert may hold: about 70,000 spans, where throughput has stopped growing."""
INLINE_BYTES = 256 << 10
"""Up to here a check takes less than 2 ms, and a thread would cost more than it spares."""


class OtlpWriter(Protocol):
    """The part of `vario.store.base.SignalWriter` that is used here."""

    def write_otlp(self, signal: Signal, body: bytes) -> None:
        """Writes export requests of one signal, joined, durably."""
        ...


@dataclass(slots=True, eq=False)
class _Write:
    body: bytes
    done: Future[None] = field(default_factory=Future[None])


class _Lane:
    """Requests of one signal that wait for their insert."""

    def __init__(self, pace_s: float) -> None:
        self._pace_s = pace_s
        self._waiting: deque[_Write] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._closing = False

    def put(self, write: _Write) -> None:
        with self._changed:
            if self._closing:
                raise Unavailable("vario is stopping: try again when it is up", retry_after_s=5)
            self._waiting.append(write)
            self._bytes += len(write.body)
            self._changed.notify()

    def close(self) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify()

    def groups(self) -> Iterator[list[_Write]]:
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
            not_before = time.monotonic() + self._pace_s
            # A request whose sender has gone is not written: nobody was told that it would be.
            yield [write for write in group if write.done.set_running_or_notify_cancel()]

    def _take(self) -> list[_Write]:
        group: list[_Write] = []
        size = 0
        while self._waiting and (not group or size + len(self._waiting[0].body) <= GROUP_BYTES):
            write = self._waiting.popleft()
            size += len(write.body)
            group.append(write)
        self._bytes -= size
        return group


class Pipeline:
    """Takes export requests from the doors to the store."""

    def __init__(
        self,
        writer: OtlpWriter,
        clock: Clock,
        *,
        max_queue_bytes: int,
        pace_s: float = PACE_S,
    ) -> None:
        """Makes a pipeline; `start` starts its threads, one for each signal.

        Args:
            writer: where requests are written.
            clock: gives log records without a time theirs.
            max_queue_bytes: bytes that may be held between the doors and the store.
            pace_s: shortest time between the starts of two small inserts of a signal.
        """
        self.budget = Budget(max_queue_bytes)
        self.counters = Counters()
        self._writer = writer
        self._clock = clock
        self._lanes = {signal: _Lane(pace_s) for signal in Signal}
        self._threads = [
            threading.Thread(target=self._run, args=(signal,), name=f"vario-write-{signal}")
            for signal in Signal
        ]

    def start(self) -> None:
        """Starts writing."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Refuses new requests, writes those that wait, and returns when all is written."""
        for lane in self._lanes.values():
            lane.close()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    async def export(self, signal: Signal, body: bytes, *, is_json: bool = False) -> Checked:
        """Stores an export request and returns once what it holds is durable.

        The caller holds `len(body)` bytes of `budget` until this returns.

        Args:
            signal: what the request exports.
            body: the request, in protobuf or in JSON.
            is_json: whether it is in JSON.

        Returns:
            How much of the request was stored, and what was rejected.

        Raises:
            BadData: the body is not such a request, or the engine refuses it.
            Unavailable: the store cannot write now, or the pipeline is stopping.
            InternalError: a fault of vario; it is logged.
        """
        if is_json or len(body) > INLINE_BYTES:
            checked = await asyncio.to_thread(self._check, signal, body, is_json)
        else:
            checked = self._check(signal, body, is_json)
        if checked.body:
            write = _Write(checked.body)
            self._lanes[signal].put(write)
            await asyncio.wrap_future(write.done)
        self.counters.add("vario_ingest_bytes_total", len(body), signal=signal)
        self.counters.add("vario_ingest_items_total", checked.items, signal=signal)
        for reason, count in checked.rejected.items():
            self.counters.add(
                "vario_ingest_rejected_items_total", count, signal=signal, reason=reason
            )
        return checked

    def metrics(self) -> Iterator[Metric]:
        """Yields what the pipeline counts about itself."""
        yield from self.counters.metrics()
        held = "Bytes read, queued or being written."
        total = "Bytes that may be held before requests are refused."
        yield Metric("vario_ingest_queue_bytes", "gauge", held, {(): self.budget.held_bytes})
        yield Metric(
            "vario_ingest_queue_limit_bytes", "gauge", total, {(): self.budget.total_bytes}
        )

    def _check(self, signal: Signal, body: bytes, is_json: bool) -> Checked:
        protobuf = decode_json(signal, body) if is_json else body
        return check_request(signal, protobuf, now_ns=self._clock.now_ns())

    def _run(self, signal: Signal) -> None:
        for group in self._lanes[signal].groups():
            if group:
                self._write(signal, group)

    def _write(self, signal: Signal, group: list[_Write]) -> None:
        """Writes a group; one that the engine refuses in halves, so that a bad body fails alone."""
        started = time.monotonic()
        try:
            self._writer.write_otlp(signal, b"".join(write.body for write in group))
        except BadData as error:
            if len(group) == 1:
                group[0].done.set_exception(error)
                return
            middle = len(group) // 2
            self._write(signal, group[:middle])
            self._write(signal, group[middle:])
        except VarioError as error:
            _fail(group, error)
        except Exception as error:
            log.exception("writing %d requests of %s failed", len(group), signal)
            fault = InternalError(f"writing {signal} failed ({type(error).__name__}); see the log")
            _fail(group, fault)
        else:
            seconds = time.monotonic() - started
            self.counters.add("vario_ingest_writes_total", signal=signal)
            self.counters.add("vario_ingest_write_seconds_total", seconds, signal=signal)
            for write in group:
                write.done.set_result(None)


def _fail(group: list[_Write], error: VarioError) -> None:
    for write in group:
        write.done.set_exception(error)
