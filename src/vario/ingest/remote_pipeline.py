"""Prometheus remote write to the store: check, join, write, and only then acknowledge."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Protocol

from vario.errors import BadData
from vario.ingest.budget import Budget
from vario.ingest.counters import Counters
from vario.ingest.lane import PACE_S, Lane
from vario.ingest.recent import REMEMBER_S, key_of
from vario.store.base import RemoteFeed
from vario.wire.remote_sift import sift_request
from vario.wire.remote_write import RemoteWrite, Version, check_request

INLINE_BYTES = 256 << 10
"""Up to here a check takes less than 2 ms, and a thread would cost more than it spares."""

_FEEDS = {
    (Version.V1, True): RemoteFeed.V1,
    (Version.V1, False): RemoteFeed.V1_FULL,
    (Version.V2, True): RemoteFeed.V2,
    (Version.V2, False): RemoteFeed.V2_FULL,
}


Clean = Callable[[RemoteWrite], RemoteWrite]


class RemoteWriter(Protocol):
    """The part of `vario.store.base.SignalWriter` that is used here."""

    def write_remote(self, feed: RemoteFeed, body: bytes) -> None:
        """Writes requests of one kind, joined, durably."""
        ...


class RemotePipeline:
    """Takes remote-write requests from the doors, and scraped samples, to the store."""

    def __init__(
        self,
        writer: RemoteWriter,
        budget: Budget,
        counters: Counters,
        *,
        pace_s: float = PACE_S,
        remember_s: float = REMEMBER_S,
        clean: Clean | None = None,
    ) -> None:
        """Makes a pipeline; `start` starts its threads, one for each kind of request.

        Args:
            writer: where requests are written.
            budget: bytes that may be held between the doors and the store.
            counters: what is counted.
            pace_s: shortest time between the starts of two small inserts of a kind.
            remember_s: how long a request is known, so that its retry is not stored again.
            clean: takes out of a request what must not be stored (`vario.guard`).
        """
        self.budget = budget
        self.counters = counters
        self._clean = clean
        self._lanes = {
            feed: Lane(
                feed,
                partial(writer.write_remote, feed),
                counters,
                pace_s=pace_s,
                remember_s=remember_s,
            )
            for feed in RemoteFeed
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

    async def write(self, version: Version, body: bytes, *, client: str = "") -> RemoteWrite:
        """Stores a request and returns once what it holds is durable.

        The caller holds `len(body)` bytes of `budget` until this returns.

        Args:
            version: what the request is written in.
            body: the request.
            client: who sends it (`vario.ingest.client`).

        Returns:
            What was stored; `rejected` says what was not.

        Raises:
            BadData: the body is not such a request.
            Unavailable: the store cannot write now, or the pipeline is stopping.
            InternalError: a fault of vario; it is logged.
        """
        try:
            request = await _checked(version, body)
            fresh = await self.put(request, client)
        except BadData:
            # Something in it is unsound; what is sound is stored.
            request = await asyncio.to_thread(sift_request, version, body)
            fresh = await self.put(request, client)
        if fresh:
            self._count(request, len(body))
        else:
            self.counters.add("vario_ingest_repeated_requests_total", signal="remote_write")
        return request

    async def put(self, request: RemoteWrite, client: str = "") -> bool:
        """Stores a request that is known to be sound, and counts nothing.

        Returns:
            False where the request repeats one that is stored already.

        Raises:
            BadData: the engine refuses it after all.
            Unavailable, InternalError: as `write`.
        """
        if not request.body:
            return True
        # A retry is known by what was sent: what the guards make of it may differ from time to
        # time, and they must not count it twice.
        key = key_of(request.chunk)
        if repeated := self._lane(request).find(key):
            return await asyncio.wrap_future(repeated)
        if self._clean:
            if len(request.body) > INLINE_BYTES:
                request = await asyncio.to_thread(self._clean, request)
            else:
                request = self._clean(request)
            if not request.body:
                return True
        return await asyncio.wrap_future(self._lane(request).put(request.chunk, client, key))

    def _lane(self, request: RemoteWrite) -> Lane:
        return self._lanes[_FEEDS[request.version, request.plain]]

    def _count(self, request: RemoteWrite, size_bytes: int) -> None:
        signal = "remote_write"
        items = request.samples + request.histograms + request.exemplars
        self.counters.add("vario_ingest_bytes_total", size_bytes, signal=signal)
        self.counters.add("vario_ingest_items_total", items, signal=signal)
        if request.rejected:
            count = request.rejected.total()
            self.counters.add(
                "vario_ingest_rejected_items_total", count, signal=signal, reason="unsound"
            )


async def _checked(version: Version, body: bytes) -> RemoteWrite:
    if len(body) > INLINE_BYTES:
        return await asyncio.to_thread(check_request, version, body)
    return check_request(version, body)
