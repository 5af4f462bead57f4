"""Mutated bodies through every door: no crash, no hang, no 5xx but 503.

The doors are the real ones over the real store, in this process: ASGI applications called directly,
gRPC over a loopback connection, scrapes from a source that answers what it is told. Requests go in
many at a time, so that they are joined as under load; what the doors let through is stored of one
body in fifty. `VARIO_BENCH_BODIES` says how many (10 million), `VARIO_BENCH_SECONDS` how long at
most.
"""

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import grpc.aio

from bench.mutate import (
    compress,
    exposition_seeds,
    json_seeds,
    mutate,
    protobuf_seeds,
    remote_seeds,
)
from bench.report import Row
from vario.clock import SystemClock
from vario.config import StoreSettings
from vario.ingest.grpc import SERVICES, OtlpGrpc
from vario.ingest.http import OtlpHttp
from vario.ingest.pipeline import Pipeline
from vario.ingest.remote_pipeline import RemotePipeline
from vario.ingest.remote_write import PATH, RemoteWriteHttp
from vario.ingest.scrape.config import ScrapeJob
from vario.ingest.scrape.fetch import Fetched
from vario.ingest.scrape.loop import ScrapeLoop
from vario.ingest.scrape.scraper import PipelineSink
from vario.ingest.scrape.targets import Target
from vario.model.telemetry import Signal
from vario.store.base import RemoteFeed
from vario.store.clickhouse import open_store

BODIES = int(os.environ.get("VARIO_BENCH_BODIES", "10000000"))
SECONDS = float(os.environ.get("VARIO_BENCH_SECONDS", "500"))
SEED = int(os.environ.get("VARIO_BENCH_SEED", "1"))
STORED_ONE_IN = 50
"""The engine takes 2 to 9 ms of CPU for a mutated body, since what it refuses is tried again in
halves; the doors take 0.3."""
AT_ONCE = 2000
HANG_S, BATCH_S = 300, 1200
_PROTOBUF, _JSON = "application/x-protobuf", "application/json"
_V2 = "application/x-protobuf;proto=io.prometheus.write.v2.Request"
_GRPC_TOO_SLOW = ("CANCELLED", "DEADLINE_EXCEEDED")
_GRPC_FAULTS = ("INTERNAL", "UNKNOWN", "DATA_LOSS", *_GRPC_TOO_SLOW)

Outcomes = Counter[tuple[str, str]]


def run() -> list[Row]:
    """Sends bodies until there were as many as wanted, or the time is up."""
    stored = BODIES // STORED_ONE_IN
    rows: list[Row] = []
    for bodies, store, where in (
        (BODIES - stored, False, "the doors"),
        (stored, True, "the doors and the engine"),
    ):
        begun = time.monotonic()
        outcomes = fuzz(bodies, seed=SEED, seconds=SECONDS / 2, store=store)
        took_s = time.monotonic() - begun
        count = outcomes.total()
        note = f"of {bodies}, seed {SEED}, {took_s:.0f} s"
        rows += [
            Row(f"mutated bodies through {where}", count, "bodies", note=note),
            Row("a second", count / took_s, "bodies/s"),
        ]
        rows += [
            Row(f"{door}: {outcome}", number, "bodies")
            for (door, outcome), number in sorted(outcomes.items())
        ]
    return rows


def fuzz(bodies: int, *, seed: int, seconds: float = 1e9, store: bool = True) -> Outcomes:
    """Returns how often each door gave each outcome.

    Args:
        bodies: how many to send.
        seed: of the mutations.
        seconds: after which no more are sent.
        store: whether the engine takes what the doors let through; it costs ten times the doors.

    Raises:
        AssertionError: an answer that no body may cause; the message has the body.
        TimeoutError: a batch of bodies was not answered in time.
    """
    dice, deadline = random.Random(seed), time.monotonic() + seconds
    if not store:
        return asyncio.run(_fuzz(_Nowhere(), bodies, dice, deadline))
    settings = StoreSettings(dsn="chdb://memory/fuzz", reader_threads=1)
    opened = open_store(settings, SystemClock())
    try:
        outcomes = asyncio.run(_fuzz(opened, bodies, dice, deadline))
        opened.ping()
    finally:
        opened.engine.command("DROP DATABASE fuzz SYNC")
        opened.close()
    return outcomes


class _Nowhere:
    """Takes everything and keeps nothing."""

    def write_otlp(self, signal: Signal, body: bytes) -> None:
        """Returns."""

    def write_remote(self, feed: RemoteFeed, body: bytes) -> None:
        """Returns."""


async def _fuzz(writer: Any, bodies: int, dice: random.Random, deadline: float) -> Outcomes:
    pipeline = Pipeline(writer, SystemClock(), max_queue_bytes=256 << 20, pace_s=0)
    remote = RemotePipeline(writer, pipeline.budget, pipeline.counters, pace_s=0)
    pipeline.start()
    remote.start()
    door = OtlpGrpc(pipeline, max_body_bytes=1 << 20)
    port = await door.start("127.0.0.1", 0)
    outcomes: Outcomes = Counter()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            doors = Doors(dice, pipeline, remote, channel)
            while outcomes.total() < bodies and time.monotonic() < deadline:
                batch = [doors.send() for _ in range(min(AT_ONCE, bodies - outcomes.total()))]
                outcomes.update(await asyncio.wait_for(asyncio.gather(*batch), BATCH_S))
    finally:
        await door.stop(5)
        await asyncio.to_thread(pipeline.close)
        await asyncio.to_thread(remote.close)
    return outcomes


class Doors:
    """Every way in, each with seeds of its own."""

    def __init__(
        self, dice: random.Random, pipeline: Pipeline, remote: RemotePipeline, channel: Any
    ) -> None:
        """Opens the doors over one pipeline."""
        self._dice = dice
        self._otlp = OtlpHttp(pipeline, max_body_bytes=1 << 20)
        self._remote = RemoteWriteHttp(remote, max_body_bytes=1 << 20)
        self._sink = PipelineSink(remote)
        self._calls = {
            signal: channel.unary_unary(f"/{service}/Export")
            for signal, service in SERVICES.items()
        }
        self._protobuf, self._json = protobuf_seeds(), json_seeds()
        self._v1, self._v2 = remote_seeds()
        self._expositions = exposition_seeds()
        self._ways: list[tuple[Callable[[], Awaitable[tuple[str, str]]], int]] = [
            (self._send_protobuf, 40), (self._send_json, 20), (self._send_remote, 25),
            (self._send_grpc, 5), (self._send_exposition, 10),
        ]  # fmt: skip

    def send(self) -> Awaitable[tuple[str, str]]:
        """Sends one mutated body through one of the doors; returns the door and the outcome."""
        ways, weights = zip(*self._ways, strict=True)
        return self._dice.choices(ways, weights)[0]()

    def _mutated(self, seeds: list[bytes]) -> bytes:
        return mutate(self._dice, self._dice.choice(seeds), self._dice.choice(seeds))

    def _send_protobuf(self) -> Awaitable[tuple[str, str]]:
        signal = self._dice.choice(list(Signal))
        return self._post_otlp(f"http {signal}", signal, _PROTOBUF, self._protobuf[signal])

    def _send_json(self) -> Awaitable[tuple[str, str]]:
        signal = self._dice.choice(list(Signal))
        return self._post_otlp(f"json {signal}", signal, _JSON, self._json[signal])

    def _post_otlp(
        self, name: str, signal: Signal, media: str, seeds: list[bytes]
    ) -> Awaitable[tuple[str, str]]:
        encoding = self._dice.choices(("", "gzip", "zstd", "deflate"), (90, 4, 3, 3))[0]
        body = compress(encoding, self._mutated(seeds))
        if encoding and self._dice.random() < 0.5:
            body = mutate(self._dice, body, body)
        headers = {"content-type": media, "content-encoding": encoding}
        return _post(name, self._otlp, f"/v1/{signal}", headers, body)

    def _send_remote(self) -> Awaitable[tuple[str, str]]:
        media, seeds = self._dice.choice(((_PROTOBUF, self._v1), (_V2, self._v2)))
        body = compress("snappy", self._mutated(seeds))
        if self._dice.random() < 0.05:
            body = mutate(self._dice, body, body)
        name = "remote write 2" if media == _V2 else "remote write 1"
        headers = {"content-type": media, "content-encoding": "snappy"}
        return _post(name, self._remote, PATH, headers, body)

    async def _send_grpc(self) -> tuple[str, str]:
        signal = self._dice.choice(list(Signal))
        body = self._mutated(self._protobuf[signal])
        outcome, details = await self._call(signal, body)
        if outcome in _GRPC_TOO_SLOW:
            # A machine that stood still is no body that hangs the door: the body is asked again.
            outcome, details = await self._call(signal, body)
        assert outcome not in _GRPC_FAULTS, (signal, outcome, details, body.hex())
        return f"grpc {signal}", outcome

    async def _call(self, signal: Signal, body: bytes) -> tuple[str, str]:
        try:
            await self._calls[signal](body, timeout=HANG_S)
        except grpc.aio.AioRpcError as error:
            return error.code().name, error.details() or ""
        return "OK", ""

    async def _send_exposition(self) -> tuple[str, str]:
        media, seed = self._dice.choice(self._expositions)
        body = mutate(self._dice, seed, seed)
        target = Target("fuzz", {}, {"job": "fuzz", "instance": "i"}, "http://i", 15, 10)
        job = replace(ScrapeJob("fuzz"), scrape_native_histograms=self._dice.random() < 0.5)
        loop = ScrapeLoop(job, target, _Answer(body, media), self._sink, SystemClock())
        await loop.scrape()
        return f"scrape {media.partition(';')[0]}", loop.state().health


class _Answer:
    """A target that answers one body."""

    def __init__(self, body: bytes, media: str) -> None:
        self._fetched = Fetched(body, media)

    async def fetch(self, target: Target) -> Fetched:
        """Returns it."""
        return self._fetched


async def _post(
    name: str, application: Any, path: str, headers: dict[str, str], body: bytes
) -> tuple[str, str]:
    """Returns the door and the status of a request to an ASGI application."""
    said: list[dict[str, Any]] = []
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "client": ("127.0.0.1", 1),
        "headers": [(key.encode(), value.encode()) for key, value in headers.items() if value],
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        said.append(message)

    await application(scope, receive, send)
    status = said[0]["status"]
    answer = b"".join(message.get("body", b"") for message in said[1:])
    assert status < 500 or status == 503, (name, status, answer, headers, body.hex())
    return name, str(status)
