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
from vario.ingest.recent import Recent, key_of
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


def test_a_body_that_breaks_the_store_fails_alone(caplog: pytest.LogCaptureFixture) -> None:
    class Fragile(Shelf):
        def write_otlp(self, signal: Signal, body: bytes) -> None:
            if POISON in body:
                raise InternalError("the engine has a bug")
            super().write_otlp(signal, body)

    async def scene() -> None:
        shelf = Fragile()
        async with running(shelf, pace_s=0.2) as pipeline:
            await pipeline.export(Signal.TRACES, BODY)
            bodies = [traces_body(f"s{n}", make_span()) for n in range(3)]
            sent = [pipeline.export(Signal.TRACES, body) for body in (*bodies, POISON)]
            answers = await asyncio.gather(*sent, return_exceptions=True)
        assert [type(answer) for answer in answers] == [*[Checked] * 3, InternalError]

    asyncio.run(scene())
    assert "the engine has a bug" in caplog.text


def test_a_retry_is_acknowledged_and_not_written_again() -> None:
    async def scene() -> None:
        shelf = Shelf()
        shelf.open.clear()
        async with running(shelf) as pipeline:
            first = asyncio.create_task(pipeline.export(Signal.TRACES, BODY))
            await asyncio.to_thread(shelf.asked.wait, 10)
            beside = asyncio.create_task(pipeline.export(Signal.TRACES, BODY))
            await asyncio.sleep(0)
            assert not beside.done()
            shelf.open.set()
            assert await asyncio.gather(first, beside) == [Checked(BODY, 1)] * 2
            assert await pipeline.export(Signal.TRACES, BODY) == Checked(BODY, 1)
            assert shelf.written == [(Signal.TRACES, BODY)]
            counted = values(pipeline)
        traces = (("signal", "traces"),)
        assert (counted["items_total"], counted["repeated_requests_total"]) == (
            {traces: 1},
            {traces: 2},
        )

    asyncio.run(scene())


def test_the_guards_see_a_retry_once() -> None:
    seen: list[bytes] = []

    def clean(signal: Signal, body: bytes) -> bytes:
        seen.append(body)
        return traces_body(f"cleaned {len(seen)}", make_span())

    async def scene() -> None:
        shelf = Shelf()
        async with running(shelf, clean=clean) as pipeline:
            for _ in range(2):
                await pipeline.export(Signal.TRACES, BODY)
        assert seen == [BODY]
        assert shelf.written == [(Signal.TRACES, traces_body("cleaned 1", make_span()))]

    asyncio.run(scene())


def test_a_retry_of_what_failed_is_written() -> None:
    async def scene() -> None:
        shelf = Shelf()
        async with running(shelf) as pipeline:
            shelf.fault = Unavailable("no space left")
            with pytest.raises(Unavailable):
                await pipeline.export(Signal.TRACES, BODY)
            shelf.fault = None
            await pipeline.export(Signal.TRACES, BODY)
        assert shelf.written == [(Signal.TRACES, BODY)]

    asyncio.run(scene())


def test_a_retry_outlives_the_request_that_it_repeats() -> None:
    async def scene() -> None:
        shelf = Shelf()
        shelf.open.clear()
        async with running(shelf) as pipeline:
            first = asyncio.create_task(pipeline.export(Signal.TRACES, BODY))
            await asyncio.to_thread(shelf.asked.wait, 10)
            other = traces_body("b", make_span())
            gone = asyncio.create_task(pipeline.export(Signal.TRACES, other))
            again = asyncio.create_task(pipeline.export(Signal.TRACES, other))
            await asyncio.sleep(0)
            gone.cancel()
            await asyncio.wait({gone})
            shelf.open.set()
            await asyncio.gather(first, again)
        assert shelf.written == [(Signal.TRACES, BODY), (Signal.TRACES, other)]

    asyncio.run(scene())


def test_what_is_remembered_is_forgotten_in_time() -> None:
    now = [0.0]
    recent = Recent(900, most=2, now_s=lambda: now[0])
    keys = [key_of(body) for body in (b"a", b"b", b"c")]
    assert keys[0] not in recent
    recent.add(keys[0])
    now[0] = 899
    assert keys[0] in recent
    now[0] = 900
    assert keys[0] not in recent
    for key in keys:
        recent.add(key)
    assert [key in recent for key in keys] == [False, True, True]
    never = Recent(0)
    never.add(keys[0])
    assert keys[0] not in never


def test_an_outage_is_logged_when_it_begins_and_when_it_ends(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scene() -> None:
        shelf = Shelf()
        async with running(shelf) as pipeline:
            shelf.fault = Unavailable("no space left")
            for _ in range(3):
                with pytest.raises(Unavailable):
                    await pipeline.export(Signal.TRACES, BODY)
            shelf.fault = None
            await pipeline.export(Signal.TRACES, BODY)

    asyncio.run(scene())
    assert [record.message for record in caplog.records] == [
        "traces cannot be stored, senders are told to wait: no space left",
        "traces are stored again, after 0 s",
    ]


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
        bodies = [traces_body(f"s{n}", make_span()) for n in range(3)]
        sent = [asyncio.create_task(pipeline.export(Signal.TRACES, body)) for body in bodies]
        await asyncio.to_thread(shelf.asked.wait, 10)
        closing = asyncio.create_task(asyncio.to_thread(pipeline.close))
        shelf.open.set()
        await asyncio.gather(*sent, closing)
        assert b"".join(body for _, body in shelf.written) == b"".join(bodies)
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


def test_one_client_cannot_hold_all_of_the_budget() -> None:
    budget = Budget(120)
    with budget.hold("loud") as loud, budget.hold("loud") as more, budget.hold("quiet") as quiet:
        loud.grow(50)
        more.grow(30)
        with pytest.raises(Overloaded, match="MiB are kept for other clients"):
            more.grow(1)
        quiet.grow(20)
        with pytest.raises(Overloaded, match="of quiet, and"):
            quiet.grow(10)
        assert budget.held_bytes == 100
    with budget.hold("quiet") as quiet:
        quiet.grow(80)
    assert budget.held_bytes == 0
