"""What the doors say when they will not take more, and to whom they do not open."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import httpx
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from inline_snapshot import snapshot
from tests.support.otlp_factory import make_span, traces_body
from tests.support.shelf import Shelf

from vario.clock import ManualClock
from vario.errors import Unavailable
from vario.ingest.grpc import SERVICES, OtlpGrpc
from vario.ingest.http import OtlpHttp
from vario.ingest.pipeline import Pipeline
from vario.model.telemetry import Signal

BODY = traces_body("a", make_span())
OTHER = traces_body("b", make_span())
PROTOBUF = {"content-type": "application/x-protobuf"}
METHOD = f"/{SERVICES[Signal.TRACES]}/Export"


def run(scene: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await scene()

    asyncio.run(main())


@asynccontextmanager
async def running(shelf: Shelf, max_queue_bytes: int) -> AsyncIterator[Pipeline]:
    pipeline = Pipeline(shelf, ManualClock(), max_queue_bytes=max_queue_bytes, pace_s=0)
    pipeline.start()
    try:
        yield pipeline
    finally:
        shelf.open.set()
        await asyncio.to_thread(pipeline.close)


def client_of(pipeline: Pipeline, *origins: str) -> httpx.AsyncClient:
    door = OtlpHttp(pipeline, max_body_bytes=1 << 20, cors_origins=origins)
    return httpx.AsyncClient(transport=httpx.ASGITransport(door), base_url="http://door")


def delays_of(status: Status) -> list[int]:
    infos = [RetryInfo() for _ in status.details]
    assert all(detail.Unpack(info) for detail, info in zip(status.details, infos, strict=True))
    return [info.retry_delay.seconds for info in infos]


def test_a_full_queue_is_told_with_a_time_to_retry() -> None:
    async def scene() -> None:
        shelf = Shelf()
        shelf.open.clear()
        async with running(shelf, 2 * len(BODY) - 1) as pipeline, client_of(pipeline) as client:
            first = asyncio.create_task(client.post("/v1/traces", content=BODY, headers=PROTOBUF))
            await asyncio.to_thread(shelf.asked.wait, 10)
            answer = await client.post("/v1/traces", content=OTHER, headers=PROTOBUF)
            assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
            status = Status.FromString(answer.content)
            assert (status.code, status.message, delays_of(status)) == snapshot(
                (
                    8,
                    "the ingest queue is full (0 of 0 MiB held): try again later, or raise "
                    "ingest.max_queue_mb",
                    [1],
                )
            )
            shelf.open.set()
            assert (await first).status_code == 200
            again = await client.post("/v1/traces", content=OTHER, headers=PROTOBUF)
            assert again.status_code == 200
        assert shelf.written == [(Signal.TRACES, BODY), (Signal.TRACES, OTHER)]

    run(scene)


def test_a_store_that_cannot_write_is_unavailable() -> None:
    async def scene() -> None:
        shelf = Shelf()
        shelf.fault = Unavailable("no space left", retry_after_s=7)
        async with running(shelf, 1 << 20) as pipeline, client_of(pipeline) as client:
            answer = await client.post("/v1/traces", content=BODY, headers=PROTOBUF)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")
            status = Status.FromString(answer.content)
            assert (status.code, status.message, delays_of(status)) == (14, "no space left", [7])

    run(scene)


def test_a_fault_of_vario_is_final() -> None:
    async def scene() -> None:
        shelf = Shelf()
        shelf.fault = RuntimeError("a bug")
        async with running(shelf, 1 << 20) as pipeline, client_of(pipeline) as client:
            answer = await client.post("/v1/traces", content=BODY, headers=PROTOBUF)
            assert (answer.status_code, "retry-after" in answer.headers) == (500, False)
            status = Status.FromString(answer.content)
            assert (status.code, delays_of(status)) == (13, [])
            assert "a bug" not in status.message

    run(scene)


@pytest.mark.parametrize(
    ("fault", "queue", "code", "delays"),
    [
        (Unavailable("no space left", retry_after_s=7), 1 << 20, "UNAVAILABLE", [7]),
        (RuntimeError("a bug"), 1 << 20, "INTERNAL", []),
        (None, 1, "RESOURCE_EXHAUSTED", [1]),
    ],
)
def test_over_grpc_too(fault: Exception | None, queue: int, code: str, delays: list[int]) -> None:
    async def scene() -> None:
        shelf = Shelf()
        shelf.fault = fault
        async with running(shelf, queue) as pipeline:
            door = OtlpGrpc(pipeline, max_body_bytes=1 << 20)
            port = await door.start("127.0.0.1", 0)
            try:
                async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                    with pytest.raises(grpc.aio.AioRpcError) as caught:
                        await channel.unary_unary(METHOD)(BODY, timeout=10)
            finally:
                await door.stop(1)
        error: Any = caught.value
        details = dict(error.trailing_metadata())["grpc-status-details-bin"]
        assert (error.code().name, delays_of(Status.FromString(details))) == (code, delays)

    run(scene)


def test_pages_of_strangers_may_not_send() -> None:
    async def scene() -> None:
        shelf = Shelf()
        async with running(shelf, 1 << 20) as pipeline, client_of(pipeline) as client:
            headers = {**PROTOBUF, "origin": "https://evil.example"}
            for answer in (
                await client.post("/v1/traces", content=BODY, headers=headers),
                await client.options("/v1/traces", headers=headers),
            ):
                assert answer.status_code == 403
                assert "access-control-allow-origin" not in answer.headers
                assert answer.json()["message"] == snapshot(
                    "pages of https://evil.example may not send telemetry here: add it to "
                    "ingest.cors_origins"
                )
        assert shelf.written == []

    run(scene)


@pytest.mark.parametrize("allowed", ["https://shop.example", "*"])
def test_pages_of_named_origins_may_send(allowed: str) -> None:
    async def scene() -> None:
        origin = "https://shop.example"
        asks = {
            "origin": origin,
            "access-control-request-method": "POST",
            "access-control-request-headers": "content-type,content-encoding",
        }
        async with running(Shelf(), 1 << 20) as pipeline, client_of(pipeline, allowed) as client:
            answer = await client.options("/v1/traces", headers=asks)
            assert answer.status_code == 204
            told = {
                name.removeprefix("access-control-"): value
                for name, value in answer.headers.items()
                if name.startswith("access-control-")
            }
            assert told == {
                "allow-origin": origin,
                "allow-methods": "POST",
                "allow-headers": "content-type,content-encoding",
                "max-age": "7200",
            }
            headers = {**PROTOBUF, "origin": origin}
            answer = await client.post("/v1/traces", content=BODY, headers=headers)
            assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (
                200,
                origin,
            )
            answer = await client.post("/v1/traces", content=b"\xff", headers=headers)
            assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (
                400,
                origin,
            )

    run(scene)


def test_a_client_that_goes_away_leaves_nothing() -> None:
    async def scene() -> None:
        shelf = Shelf()
        async with running(shelf, 1 << 20) as pipeline:
            door = OtlpHttp(pipeline, max_body_bytes=1 << 20)
            messages = [
                {"type": "http.request", "body": BODY[:10], "more_body": True},
                {"type": "http.disconnect"},
            ]
            sent: list[Any] = []

            async def receive() -> Any:
                return messages.pop(0)

            async def send(message: Any) -> None:
                sent.append(message)

            scope = {
                "type": "http",
                "method": "POST",
                "path": "/v1/traces",
                "headers": [(b"content-type", b"application/x-protobuf")],
            }
            await door(scope, receive, send)
            assert (sent, pipeline.budget.held_bytes) == ([], 0)
        assert shelf.written == []

    run(scene)
