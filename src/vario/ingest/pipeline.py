"""One pipeline behind all doors: check, join, write (see `lane`), and only then acknowledge."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from typing import Protocol

from vario.clock import Clock
from vario.ingest.budget import Budget
from vario.ingest.counters import Counters, Metric
from vario.ingest.lane import PACE_S, Lane
from vario.ingest.recent import REMEMBER_S, key_of
from vario.model.telemetry import Signal
from vario.wire.otlp import Checked, check_request
from vario.wire.otlp_json import decode_json

INLINE_BYTES = 256 << 10
"""Up to here a check takes less than 2 ms, and a thread would cost more than it spares."""


Clean = Callable[[Signal, bytes], bytes]


class OtlpWriter(Protocol):
    """The part of `vario.store.base.SignalWriter` that is used here."""

    def write_otlp(self, signal: Signal, body: bytes) -> None:
        """Writes export requests of one signal, joined, durably."""
        ...


class Pipeline:
    """Takes export requests from the doors to the store."""

    def __init__(
        self,
        writer: OtlpWriter,
        clock: Clock,
        *,
        max_queue_bytes: int,
        pace_s: float = PACE_S,
        remember_s: float = REMEMBER_S,
        clean: Clean | None = None,
    ) -> None:
        """Makes a pipeline; `start` starts its threads, one for each signal.

        Args:
            writer: where requests are written.
            clock: gives log records without a time theirs.
            max_queue_bytes: bytes that may be held between the doors and the store.
            pace_s: shortest time between the starts of two small inserts of a signal.
            remember_s: how long a request is known, so that its retry is not stored again.
            clean: takes out of a sound request what must not be stored (`vario.guard`).
        """
        self.budget = Budget(max_queue_bytes)
        self.counters = Counters()
        self._clock = clock
        self._clean = clean
        self._lanes = {
            signal: Lane(
                signal,
                partial(writer.write_otlp, signal),
                self.counters,
                pace_s=pace_s,
                remember_s=remember_s,
            )
            for signal in Signal
        }

    def start(self) -> None:
        """Starts writing."""
        for lane in self._lanes.values():
            lane.start()

    def close(self) -> None:
        """Refuses new requests, writes those that wait, and returns when all is written."""
        for lane in self._lanes.values():
            lane.close()
        for lane in self._lanes.values():
            lane.join()

    async def export(
        self, signal: Signal, body: bytes, *, is_json: bool = False, client: str = ""
    ) -> Checked:
        """Stores an export request and returns once what it holds is durable.

        The caller holds `len(body)` bytes of `budget` until this returns.

        Args:
            signal: what the request exports.
            body: the request, in protobuf or in JSON.
            is_json: whether it is in JSON.
            client: who sends it (`vario.ingest.client`).

        Returns:
            How much of the request was stored, and what was rejected.

        Raises:
            BadData: the body is not such a request, or the engine refuses it.
            Unavailable: the store cannot write now, or the pipeline is stopping.
            InternalError: a fault of vario; it is logged.
        """
        if is_json or len(body) > INLINE_BYTES:
            checked, put = await asyncio.to_thread(self._take, signal, body, is_json, client)
        else:
            checked, put = self._take(signal, body, is_json, client)
        if put and not await asyncio.wrap_future(put):
            self.counters.add("vario_ingest_repeated_requests_total", signal=signal)
            return checked
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

    def _take(
        self, signal: Signal, body: bytes, is_json: bool, client: str
    ) -> tuple[Checked, Future[bool] | None]:
        """Returns what can be stored of a request, and what says that it is."""
        protobuf = decode_json(signal, body) if is_json else body
        checked = check_request(signal, protobuf, now_ns=self._clock.now_ns())
        if not checked.body:
            return checked, None
        lane, key = self._lanes[signal], key_of(checked.body)
        # A retry is known by what was sent: what the guards make of it may differ from time to
        # time, and they must not count it twice.
        if repeated := lane.find(key):
            return checked, repeated
        if self._clean:
            checked = replace(checked, body=self._clean(signal, checked.body))
        return checked, lane.put(checked.body, client, key) if checked.body else None
