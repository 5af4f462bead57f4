"""Predictions, feedback, batches, language models, hardware, other loggers, other processes."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import loguru
import numpy as np
import pytest
import structlog
from opentelemetry import context, trace
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tests.support.otlp_sink import OtlpSink

import vario
from vario.sdk.requests import RequestState, current_request
from vario.sdk.state import current

MODEL = {"model_name": "recommender", "model_version": "v23", "region": "eu-west"}


@pytest.fixture
def request_state(configured: OtlpSink) -> Iterator[RequestState]:
    pipeline = current()
    assert pipeline is not None
    state = RequestState("98f7-21ab", pipeline.labels)
    token = current_request.set(state)
    yield state
    current_request.reset(token)


def test_a_prediction_is_counted_and_said(
    configured: OtlpSink, request_state: RequestState
) -> None:
    features = {"age": 34, "country": "CH", "session_length": None, "rate": float("nan")}
    vario.record_prediction(features=features, prediction=0.87, user_region="eu-west")
    vario.record_prediction(prediction="cat", model_version="v24")
    assert vario.flush()
    assert request_state.fields == {
        "features_used": ["age", "country", "session_length", "rate"],
        "prediction": "cat",
    }
    assert request_state.model_version == "v24"
    missing = configured.points("feature_missing_total")
    assert sorted((p.attributes["feature"], p.value) for p in missing) == [
        ("rate", 1),
        ("session_length", 1),
    ]
    counts = {
        (p.attributes["model_version"], p.attributes.get("user_region")): p.value
        for p in configured.points("predictions_total")
    }
    assert counts == {("v23", "eu-west"): 1, ("v24", None): 1}


def test_feedback_finds_its_request(configured: OtlpSink) -> None:
    vario.record_prediction(prediction=True, request_id="r-1")
    with vario.step("feedback"):
        vario.record_feedback("r-1", accepted=True, actual=np.float64(1.5))
    assert vario.flush()
    (point,) = configured.points("prediction_feedback_total")
    assert point.attributes == {**MODEL, "accepted": "true"}
    (event,) = [record for record in configured.logs() if record.body == "feedback"]
    assert event.attributes["request_id"] == "r-1"
    assert event.attributes["actual"] == 1.5
    (span,) = configured.spans()
    assert (event.span_id, span.events) == (span.span_id, ["vario.feedback"])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("user_id", "7"),
        ("request_id", "98f7-21ab"),
        ("who", "0af7651916cd43dd8448eb211c80319c"[:16]),
        ("who", "123e4567-e89b-12d3-a456-426614174000"),
        ("account", 12345678901),
    ],
)
def test_an_id_as_a_label_goes_to_the_span_with_one_warning(
    configured: OtlpSink, caplog: pytest.LogCaptureFixture, name: str, value: Any
) -> None:
    with vario.step("predict"):
        for _ in range(3):
            vario.count("clicks_total", 1, **{name: value, "kind": "item"})
    assert vario.flush()
    (point,) = configured.points("clicks_total")
    assert (point.attributes, point.value) == ({**MODEL, "kind": "item"}, 3)
    assert configured.spans()[0].attributes[name] == value
    assert caplog.text.count(f"label {name} of clicks_total looks like an id") == 1


def test_labels_of_different_types_are_one_text(configured: OtlpSink) -> None:
    for value in (1, True, "1", 1.0):
        vario.count("x_total", 1, flag=value)
    assert vario.flush()
    found = {p.attributes["flag"]: p.value for p in configured.points("x_total")}
    assert found == {"1": 2, "true": 1, "1.0": 1}


def test_a_batch_and_its_requests_find_each_other(configured: OtlpSink) -> None:
    pipeline = current()
    assert pipeline is not None
    tickets: list[vario.Ticket] = []
    states: list[RequestState] = []
    spans: list[Any] = []
    for number in range(2):
        state = RequestState(f"r-{number}", pipeline.labels)
        token = current_request.set(state)
        with vario.step("predict") as span:
            tickets.append(vario.enqueue())
        current_request.reset(token)
        states.append(state)
        spans.append(span)
    with vario.step("unrelated"), vario.batch(tickets, "b-17") as whole:
        with vario.step("run"):
            pass
        assert vario.request_id() == ""
        assert trace.get_current_span() is whole
    assert vario.flush()
    found = {span.name: span for span in configured.spans()}
    batch = found["ml-infer.batch"]
    assert batch.parent_span_id == ""
    assert batch.attributes["batch_size"] == 2
    assert found["ml-infer.run"].parent_span_id == batch.span_id
    (received,) = [r for r in configured.received if r.path == "/v1/traces"]
    links = [
        link.span_id.hex()
        for group in received.message.resource_spans
        for scope in group.scope_spans
        for span in scope.spans
        if span.name == "ml-infer.batch"
        for link in span.links
    ]
    assert links == [f"{span.get_span_context().span_id:016x}" for span in spans]
    assert [(s.fields["batch_id"], s.fields["batch_size"]) for s in states] == [("b-17", 2)] * 2
    assert configured.points("inference_batch_size")[0].value == 1
    assert configured.points("inference_queue_wait_seconds")[0].value == 2


def test_tokens_of_a_language_model(configured: OtlpSink) -> None:
    with vario.generation("llama", provider="vllm") as made:
        assert list(made.stream(iter("abc"))) == ["a", "b", "c"]
        made.usage(input_tokens=7)

    async def stream() -> AsyncIterator[str]:
        yield "x"

    async def generate() -> None:
        async with vario.generation("llama", operation="text_completion") as made:
            assert [piece async for piece in made.astream(stream())] == ["x"]

    asyncio.run(generate())
    with pytest.raises(KeyError), vario.generation("llama"):
        raise KeyError("no such adapter")
    assert vario.flush()
    span = configured.spans()[0]
    assert span.attributes == {
        **MODEL,
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "llama",
        "gen_ai.provider.name": "vllm",
        "gen_ai.usage.input_tokens": 7,
        "gen_ai.usage.output_tokens": 3,
    }
    tokens = {
        (p.attributes["gen_ai.operation.name"], p.attributes["gen_ai.token.type"])
        for p in configured.points("gen_ai.client.token.usage")
    }
    assert tokens == {("chat", "input"), ("chat", "output"), ("text_completion", "output")}
    assert len(configured.points("gen_ai.server.request.duration")) == 3
    assert len(configured.points("gen_ai.server.time_to_first_token")) == 2
    assert len(configured.points("gen_ai.server.time_per_output_token")) == 1


def test_hardware_with_or_without_a_card(configured: OtlpSink) -> None:
    has_card = vario.gpu()
    assert vario.flush()
    assert configured.points("process_memory_bytes")[0].value > 1e6
    assert 0 <= configured.points("system_memory_utilization_ratio")[0].value <= 1
    assert bool(configured.points("gpu_utilization_ratio")) is has_card


def test_structlog(configured: OtlpSink, request_state: RequestState) -> None:
    written: list[Any] = []

    def render(logger: Any, name: str, event: Any) -> str:
        written.append(dict(event))
        return ""

    log: Any = structlog.wrap_logger(
        structlog.PrintLogger(open_null()), processors=[vario.structlog_processor, render]
    )
    with vario.step("predict"):
        log.warning("cold start", rows=3)
    log._logger._file.close()
    assert vario.flush()
    (record,), (span,) = configured.logs(), configured.spans()
    assert (record.body, record.severity, record.scope) == ("cold start", "WARN", "structlog")
    assert (record.span_id, record.attributes["rows"]) == (span.span_id, 3)
    assert record.attributes["request_id"] == "98f7-21ab"
    assert (written[0]["trace_id"], written[0]["request_id"]) == (span.trace_id, "98f7-21ab")


def open_null() -> Any:
    import os

    return open(os.devnull, "w", encoding="utf-8")


def test_structlog_over_logging_is_sent_once(configured: OtlpSink) -> None:
    log: Any = structlog.wrap_logger(
        logging.getLogger("app"),
        processors=[vario.structlog_processor, structlog.stdlib.render_to_log_kwargs],
    )
    log.warning("once")
    assert vario.flush()
    assert [record.body for record in configured.logs()] == ["once"]


def test_loguru(configured: OtlpSink, request_state: RequestState) -> None:
    logger, lines = loguru.logger, list[str]()
    logger.remove()
    logger.add(lines.append, format="{extra[trace_id]} {extra[request_id]} {message}")
    vario.instrument_loguru(logger)
    try:
        with vario.step("predict"):
            logger.bind(rows=3).error("out of memory")
        try:
            raise KeyError("age")
        except KeyError:
            logger.exception("no features")
    finally:
        logger.remove()
        logger.configure(patcher=lambda _: None)
    assert vario.flush()
    (span,) = configured.spans()
    assert lines[0] == f"{span.trace_id} 98f7-21ab out of memory\n"
    first, second = configured.logs()
    assert (first.body, first.severity, first.span_id) == ("out of memory", "ERROR", span.span_id)
    assert first.attributes["rows"] == 3
    assert second.attributes["exception.type"] == "KeyError"


def test_context_goes_into_threads_and_other_processes(
    configured: OtlpSink, request_state: RequestState
) -> None:
    import contextvars

    async def work() -> None:
        with vario.step("outer"):

            def blocking() -> None:
                with vario.step("in_thread"):
                    pass

            await asyncio.to_thread(blocking)
            around = contextvars.copy_context()
            with ThreadPoolExecutor(1) as pool:
                pool.submit(around.run, blocking).result()
            headers = vario.inject_headers()

        def elsewhere() -> None:
            with vario.request_from(headers), vario.step("elsewhere"):
                assert vario.request_id() == "98f7-21ab"

        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()

    asyncio.run(work())
    assert vario.flush()
    *inner, outer, other = configured.spans()
    assert [span.name for span in inner] == ["ml-infer.in_thread"] * 2
    assert {span.parent_span_id for span in [*inner, other]} == {outer.span_id}
    assert {span.attributes["request_id"] for span in configured.spans()} == {"98f7-21ab"}


def test_generators_are_steps_from_first_to_last_item(configured: OtlpSink) -> None:
    @vario.step("stream")
    def numbers() -> Iterator[Any]:
        got = yield trace.get_current_span().get_span_context().span_id
        with vario.step("inner"):
            yield got

    @vario.step("astream")
    async def anumbers() -> AsyncIterator[int]:
        yield trace.get_current_span().get_span_context().span_id

    with vario.step("consumer") as consumer:
        generator: Any = numbers()
        first = next(generator)
        assert trace.get_current_span() is consumer
        assert generator.send("x") == "x"
        generator.close()

        async def consume() -> list[int]:
            return [number async for number in anumbers()]

        (again,) = asyncio.run(consume())
    assert vario.flush()
    found = {span.name.partition(".")[2]: span for span in configured.spans()}
    assert list(found) == ["inner", "stream", "astream", "consumer"]
    assert int(found["stream"].span_id, 16) == first
    assert int(found["astream"].span_id, 16) == again
    assert found["inner"].parent_span_id == found["stream"].span_id
    assert found["stream"].status == 0


def test_stock_processors_and_exporters_can_be_added(configured: OtlpSink) -> None:
    spans, logs, printed = InMemorySpanExporter(), InMemoryLogRecordExporter(), list[str]()
    providers: Any = current().providers  # type: ignore[union-attr]
    console = ConsoleSpanExporter(out=Printed(printed))  # type: ignore[arg-type]
    providers.traces.add_span_processor(SimpleSpanProcessor(spans))
    providers.traces.add_span_processor(SimpleSpanProcessor(console))
    providers.logs.add_log_record_processor(SimpleLogRecordProcessor(logs))
    try:
        with vario.step("predict", batch_id="b-1") as span:
            span.add_event("loaded", {"rows": 3})
            logging.getLogger("app").warning("cold start")
    finally:
        providers.traces.shutdown()
        providers.logs.shutdown()
    (found,) = spans.get_finished_spans()
    assert (found.name, dict(found.attributes or {})) == (
        "ml-infer.predict",
        {**MODEL, "batch_id": "b-1"},
    )
    assert found.resource.attributes["service.name"] == "ml-infer"
    assert found.events[0].name == "loaded"
    assert '"name": "ml-infer.predict"' in printed[0]
    (record,) = logs.get_finished_logs()
    assert record.log_record.body == "cold start"
    assert record.log_record.span_id == found.context.span_id
    assert vario.flush()
    assert len(configured.spans()) == 1


class Printed:
    def __init__(self, lines: list[str]) -> None:
        self._lines = lines

    def write(self, text: str) -> None:
        self._lines.append(text)

    def flush(self) -> None:
        pass


def test_a_ratio_is_told_in_the_tracestate(sink: OtlpSink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.5")
    vario.configure(service="s")
    try:
        seen = 0
        for _ in range(200):
            with vario.step("a") as outer, vario.step("b"):
                own = outer.get_span_context()
                randomness = own.trace_id & (2**56 - 1)
                assert own.trace_flags.sampled is (randomness >= 2**55)
                assert dict(own.trace_state) == ({"ot": "th:8"} if own.trace_flags.sampled else {})
                assert outer.is_recording() is own.trace_flags.sampled
                seen += own.trace_flags.sampled
        assert vario.flush()
        assert 50 < seen < 150
        assert len(sink.spans()) == 2 * seen
        steps = sink.points("inference_step_seconds")
        assert sorted(point.value for point in steps) == [200, 200]  # counted, sampled or not
        states = {
            span.trace_state
            for received in sink.received
            if received.path == "/v1/traces"
            for group in received.message.resource_spans
            for scope in group.scope_spans
            for span in scope.spans
        }
        assert states == {"ot=th:8"}
    finally:
        vario.shutdown()


def test_faults_of_ours_stay_ours(
    configured: OtlpSink, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("VARIO_SDK_RAISE_FAULTS")

    class Bad:
        def __str__(self) -> str:
            raise RuntimeError("no words")

        __repr__ = __str__

    bad: Any = Bad()
    with vario.step("predict", odd=bad) as span:
        span.set_attribute("fine", 1)
    vario.count("x_total", bad)
    vario.count("x_total", 1, label=bad)
    vario.gauge(bad, 1)
    vario.record_prediction(features=bad, prediction=bad)
    vario.record_feedback(bad, accepted=bad)
    vario.annotate(prediction=bad)
    vario.inject_headers(bad)
    trace.get_tracer("t").start_span("x", attributes={"a": 1}).end()
    context.attach(context.get_current())
    assert vario.flush()
    assert "x" in {s.name for s in configured.spans()}
