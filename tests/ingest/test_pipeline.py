import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.support.otlp_factory import logs_body, make_log, make_span, traces_body
from tests.support.shelf import Shelf

from vario.clock import ManualClock
from vario.errors import BadData, InternalError, Overloaded, Unavailable, VarioError
from vario.ingest.budget import Budget
from vario.ingest.pipeline import Pipeline
from vario.model.telemetry import Signal
from vario.wire.otlp import Checked

BODY = traces_body("a", make_span())
POISON = traces_body("poison", make_span())


@asynccontextmanager
async def running(shelf: Shelf, **options: Any) -> AsyncIterator[Pipeline]:
    pipeline = Pipeline(
        shelf, ManualClock(7), **{"max_queue_bytes": 1 << 20, "pace_s": 0.0, **options}
    )
    pipeline.start()
    try:
        yield pipeline
    finally:
        shelf.open.set()
        await asyncio.to_thread(pipeline.close)


def values(pipeline: Pipeline) -> dict[str, dict[Any, float]]:
    return {
        metric.name.removeprefix("vario_ingest_"): dict(metric.values)
        for metric in pipeline.metrics()
        if metric.values and "seconds" not in metric.name
    }


def test_a_request_is_acknowledged_when_it_is_written() -> None:
    async def scene() -> None:
        shelf = Shelf()
        shelf.open.clear()
        async with running(shelf) as pipeline:
            sent = asyncio.create_task(pipeline.export(Signal.TRACES, BODY))
            await asyncio.to_thread(shelf.asked.wait, 10)
            assert not sent.done()
            shelf.open.set()
            assert await sent == Checked(BODY, 1)
            assert shelf.written == [(Signal.TRACES, BODY)]

    asyncio.run(scene())


def test_requests_that_wait_are_written_as_one() -> None:
    async def scene() -> None:
        shelf = Shelf()
        shelf.open.clear()
        async with running(shelf) as pipeline:
            first = asyncio.create_task(pipeline.export(Signal.LOGS, logs_body("a", make_log())))
            await asyncio.to_thread(shelf.asked.wait, 10)
            bodies = [logs_body(f"s{n}", make_log()) for n in range(5)]
            more = [asyncio.create_task(pipeline.export(Signal.LOGS, body)) for body in bodies]
            await asyncio.sleep(0)
            shelf.open.set()
            await asyncio.gather(first, *more)
            assert shelf.written[1:] == [(Signal.LOGS, b"".join(bodies))]

    asyncio.run(scene())


def test_one_bad_body_never_fails_its_neighbours() -> None:
    async def scene() -> None:
        shelf = Shelf(POISON)
        shelf.open.clear()
        async with running(shelf) as pipeline:
            first = asyncio.create_task(pipeline.export(Signal.TRACES, BODY))
            await asyncio.to_thread(shelf.asked.wait, 10)
            bodies = [traces_body(f"s{n}", make_span()) for n in range(7)]
            bodies[3] = POISON
            more = [asyncio.create_task(pipeline.export(Signal.TRACES, body)) for body in bodies]
            await asyncio.sleep(0)
            shelf.open.set()
            await first
            answers = await asyncio.gather(*more, return_exceptions=True)
            assert [type(answer) for answer in answers] == [
                *[Checked] * 3,
                BadData,
                *[Checked] * 3,
            ]
            written = b"".join(body for _, body in shelf.written[1:])
            assert written == b"".join(body for body in bodies if body != POISON)

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Unavailable("no space left"), Unavailable),
        (RuntimeError("a bug"), InternalError),
    ],
)
def test_a_fault_of_the_store_is_told_to_everyone(
    fault: Exception, kind: type[VarioError], caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        shelf = Shelf()
        shelf.fault = fault
        async with running(shelf) as pipeline:
            with pytest.raises(kind):
                await pipeline.export(Signal.TRACES, BODY)

    asyncio.run(scene())
    assert ("a bug" in caplog.text) == (kind is InternalError)


def test_what_cannot_be_stored_is_counted_by_reason() -> None:
    async def scene() -> None:
        shelf = Shelf()
        async with running(shelf) as pipeline:
            bad = make_span()
            bad.trace_id = b"short"
            body = traces_body("a", bad, make_span(), make_span(span=2))
            checked = await pipeline.export(Signal.TRACES, body)
            reason = "trace_id is not 16 bytes, or all of them are 0"
            assert (checked.items, checked.rejected) == (2, Counter({reason: 1}))
            traces = ("signal", "traces")
            assert values(pipeline) == {
                "bytes_total": {(traces,): len(body)},
                "items_total": {(traces,): 2},
                "rejected_items_total": {(traces, ("reason", reason)): 1},
                "writes_total": {(traces,): 1},
                "queue_bytes": {(): 0},
                "queue_limit_bytes": {(): 1 << 20},
            }

    asyncio.run(scene())


def test_an_empty_request_is_not_written() -> None:
    async def scene() -> None:
        shelf = Shelf()
        async with running(shelf) as pipeline:
            assert await pipeline.export(Signal.METRICS, b"") == Checked(b"", 0)
            assert await pipeline.export(Signal.METRICS, b"{}", is_json=True) == Checked(b"", 0)
        assert shelf.written == []

    asyncio.run(scene())


def test_a_request_whose_sender_has_gone_is_not_written() -> None:
    async def scene() -> None:
        shelf = Shelf()
        shelf.open.clear()
        async with running(shelf) as pipeline:
            first = asyncio.create_task(pipeline.export(Signal.TRACES, BODY))
            await asyncio.to_thread(shelf.asked.wait, 10)
            other = traces_body("b", make_span())
            gone = asyncio.create_task(pipeline.export(Signal.TRACES, other))
            await asyncio.sleep(0)
            gone.cancel()
            await asyncio.wait({gone})
            shelf.open.set()
            await first
        assert shelf.written == [(Signal.TRACES, BODY)]

    asyncio.run(scene())


def test_closing_writes_what_waits_and_refuses_what_comes() -> None:
    async def scene() -> None:
        shelf = Shelf()
        shelf.open.clear()
        pipeline = Pipeline(shelf, ManualClock(), max_queue_bytes=1 << 20, pace_s=3600)
        pipeline.start()
        sent = [asyncio.create_task(pipeline.export(Signal.TRACES, BODY)) for _ in range(3)]
        await asyncio.to_thread(shelf.asked.wait, 10)
        closing = asyncio.create_task(asyncio.to_thread(pipeline.close))
        shelf.open.set()
        await asyncio.gather(*sent, closing)
        assert b"".join(body for _, body in shelf.written) == BODY * 3
        with pytest.raises(Unavailable, match="stopping"):
            await pipeline.export(Signal.TRACES, BODY)

    asyncio.run(scene())


def test_a_pipeline_that_was_never_started_closes() -> None:
    Pipeline(Shelf(), ManualClock(), max_queue_bytes=1).close()


def test_the_budget_is_a_bound_and_is_given_back() -> None:
    budget = Budget(100)
    with budget.hold() as first, budget.hold() as second:
        first.grow(60)
        second.grow(40)
        with pytest.raises(Overloaded, match="queue is full"):
            first.grow(1)
        assert budget.held_bytes == 100
    assert budget.held_bytes == 0
