"""OpenTelemetry's own SDK is the oracle: one program under both says the same on the wire."""

import logging
import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry import context, trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.baggage import set_baggage
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.metrics import Observation
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk import trace as stock_trace
from opentelemetry.sdk._logs import LoggerProvider as StockLoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import Counter, Histogram, ObservableCounter
from opentelemetry.sdk.metrics import MeterProvider as StockMeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation
from opentelemetry.sdk.resources import Resource as StockResource
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
)
from tests.support.otlp_decoded import decoded_logs, decoded_metrics, decoded_spans

from vario.sdk import loggers, span_wire
from vario.sdk.cleaning import read_limits
from vario.sdk.labels import time_late_step
from vario.sdk.loggers import LoggerProvider
from vario.sdk.meters import MeterProvider
from vario.sdk.metric_wire import encode_metrics as encode_own_metrics
from vario.sdk.recorder import Queue, Recorder, Resource
from vario.sdk.sampling import read_sampler
from vario.sdk.tracing import TracerProvider

RESOURCE = {"service.name": "oracle", "process.pid": 7, "tags": ("a", "b"), "ratio": 0.5}
MANY = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NAMES = st.sampled_from(["model_name", "cache_hit", "rows", "k", "ключ", "a.b", "batch_size"])
SCALARS = st.one_of(
    TEXT,
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.binary(max_size=8),
    st.none(),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(TEXT.filter(bool), inner, max_size=3)
    ),
    max_leaves=5,
)
ATTRIBUTES = st.dictionaries(NAMES, VALUES, max_size=6)
Program = Callable[[Any], None]


def recorder() -> Recorder:
    import threading

    wake = threading.Event()
    return Recorder(
        resource=Resource(RESOURCE),
        limits=read_limits(),
        sampler=read_sampler(),
        spans=Queue(100_000, 100_000, wake),
        logs=Queue(100_000, 100_000, wake),
        late_step=time_late_step,
    )


def own_spans(program: Program) -> Any:
    provider, into = TracerProvider(), recorder()
    provider.use(into, lambda _: True)
    program(provider)
    scopes = span_wire.group(into.spans.take(100_000))
    body = into.resource.envelope([(s, b"".join(parts)) for s, parts in scopes.items()])
    return decoded_spans(ExportTraceServiceRequest.FromString(body))


def stock_spans(program: Program) -> Any:
    exporter = InMemorySpanExporter()
    provider = stock_trace.TracerProvider(resource=StockResource(RESOURCE), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    program(provider)
    return decoded_spans(encode_spans(exporter.get_finished_spans()))


def check_spans(program: Program) -> Any:
    own = own_spans(program)
    assert own == stock_spans(program)
    return own


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.CRITICAL):
        yield


@st.composite
def trees(draw: st.DrawFn, depth: int = 2) -> dict[str, Any]:
    """A span with everything that a span may have, and its children."""
    return {
        "name": draw(st.sampled_from(["encode", "predict", "POST /предсказание", ""])),
        "kind": draw(st.sampled_from(list(SpanKind))),
        "attributes": draw(st.none() | ATTRIBUTES),
        "start": draw(st.none() | st.integers(1, 2**62)),
        "later": draw(st.lists(st.tuples(NAMES, VALUES), max_size=3)),
        "many": draw(st.none() | ATTRIBUTES),
        "events": draw(st.lists(st.tuples(TEXT, st.none() | ATTRIBUTES), max_size=2)),
        "links": draw(st.lists(st.tuples(st.booleans(), st.none() | ATTRIBUTES), max_size=2)),
        "rename": draw(st.none() | TEXT),
        "statuses": draw(
            st.lists(st.tuples(st.sampled_from(list(StatusCode)), st.none() | TEXT), max_size=2)
        ),
        "fails": draw(st.booleans()),
        "as_current": draw(st.booleans()),
        "children": draw(st.lists(trees(depth - 1), max_size=2)) if depth else [],
    }


def run_tree(tracer: trace.Tracer, tree: dict[str, Any]) -> None:
    links = [
        Link(SpanContext(1 + n, 2, remote, TraceFlags(1)), attributes)
        for n, (remote, attributes) in enumerate(tree["links"])
    ]
    beginning = {
        "kind": tree["kind"],
        "attributes": tree["attributes"],
        "links": links[:1],
        "start_time": tree["start"],
    }
    if tree["as_current"]:
        try:
            with tracer.start_as_current_span(tree["name"], **beginning) as span:
                fill(tracer, span, tree, links[1:])
        except KeyError:
            return
    else:
        span = tracer.start_span(tree["name"], **beginning)
        token = context.attach(trace.set_span_in_context(span))
        try:
            fill(tracer, span, tree, links[1:])
        except KeyError as error:
            span.record_exception(error, {"why": "test"})
        finally:
            context.detach(token)
            span.end()
            span.set_attribute("late", True)
            span.end()


def fill(tracer: trace.Tracer, span: trace.Span, tree: dict[str, Any], links: list[Link]) -> None:
    for key, value in tree["later"]:
        span.set_attribute(key, value)
    if tree["many"] is not None:
        span.set_attributes(tree["many"])
    for name, attributes in tree["events"]:
        span.add_event(name, attributes, 5)
    for link in links:
        span.add_link(link.context, link.attributes)
    if tree["rename"] is not None:
        span.update_name(tree["rename"])
    for code, words in tree["statuses"]:
        span.set_status(code, words if code is StatusCode.ERROR else None)
    for child in tree["children"]:
        run_tree(tracer, child)
    if tree["fails"]:
        raise KeyError("age")


@MANY
@given(st.lists(trees(), min_size=1, max_size=2))
def test_spans(forest: list[dict[str, Any]]) -> None:
    def program(provider: Any) -> None:
        for number, tree in enumerate(forest):
            tracer = provider.get_tracer(f"scope {number}", "1.0", "https://schema", {"a": number})
            run_tree(tracer, tree)

    check_spans(program)


@pytest.mark.parametrize("remote", [True, False])
@pytest.mark.parametrize("sampled", [True, False])
@pytest.mark.parametrize("sampler", ["", "always_on", "always_off", "parentbased_always_off"])
def test_parents(
    monkeypatch: pytest.MonkeyPatch, remote: bool, sampled: bool, sampler: str
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler or "parentbased_always_on")
    state = TraceState([("vendor", "1"), ("ot", "th:8")])
    parent = SpanContext(11, 12, remote, TraceFlags(int(sampled) | 2), state)
    seen: list[Any] = []

    def program(provider: Any) -> None:
        tracer = provider.get_tracer("parents")
        around = trace.set_span_in_context(NonRecordingSpan(parent))
        with tracer.start_as_current_span("server", around) as span:
            own = span.get_span_context()
            seen.append((own.trace_id, own.trace_flags, dict(own.trace_state), span.is_recording()))
            with tracer.start_as_current_span("step"):
                pass
        with tracer.start_as_current_span("root"):
            pass

    check_spans(program)
    assert seen[0] == seen[1]


LIMITS = {
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "3",
    "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT": "4",
    "OTEL_SPAN_EVENT_COUNT_LIMIT": "2",
    "OTEL_SPAN_LINK_COUNT_LIMIT": "1",
    "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT": "1",
    "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT": "1",
    "OTEL_ATTRIBUTE_COUNT_LIMIT": "2",
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "5",
    "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT": "2",
    "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT": "3",
}


@pytest.mark.parametrize("names", [*[[name] for name in LIMITS], list(LIMITS)])
@pytest.mark.parametrize("value", [None, "0", ""])
def test_limits(monkeypatch: pytest.MonkeyPatch, names: list[str], value: str | None) -> None:
    for name in names:
        monkeypatch.setenv(name, LIMITS[name] if value is None else value)

    def program(provider: Any) -> None:
        tracer = provider.get_tracer("limits")
        five = {f"k{n}": ["longer than", {"a": "it may be"}, n] for n in range(5)}
        links = [Link(SpanContext(n, 1, False), five) for n in range(1, 4)]
        with tracer.start_as_current_span("x", attributes=five, links=links) as span:
            span.set_attribute("k1", "once more and longer")
            span.set_attributes({"new": b"bytes are not cut", "k4": 1})
            span.add_link(SpanContext(9, 9, True), five)
            for n in range(4):
                span.add_event(f"e{n}", five, n)

    check_spans(program)
    check_logs(lambda logger: logger.emit(body="long enough", attributes={"a": "1234567", "b": 2}))


@pytest.mark.parametrize(
    "attributes",
    [
        {"": 1, "a": 2},
        {1: "number", "a": 2},
        {"a": object, "b": {"": 1, 2: [object]}},
        {"a": [1, "x", None, [True]], "b": (), "c": {}},
        {"1": 1, "2": 1.0, "3": True, "4": 0, "5": False, "6": 0.0, "7": -0.0},
        {"nan": math.inf, "big": 2**63 - 1, "small": -(2**63)},
        {"t": "x" * 40_000, "u": "ж" * 300},
    ],
)
def test_odd_attributes(attributes: Any) -> None:
    def program(provider: Any) -> None:
        tracer = provider.get_tracer("odd")
        with tracer.start_as_current_span("x", attributes=attributes) as span:
            span.add_event("e", attributes, 1)
            span.set_attributes(attributes)
        with tracer.start_as_current_span("y") as span:
            for key, value in attributes.items():
                span.set_attribute(key, value)

    check_spans(program)


def test_exceptions_and_decorators() -> None:
    def program(provider: Any) -> None:
        tracer = provider.get_tracer("failing")

        @tracer.start_as_current_span("decorated")
        def decorated() -> None:
            raise LookupError("nowhere")

        for call in (decorated, decorated):
            with pytest.raises(LookupError):
                call()
        with (
            pytest.raises(ValueError, match="x"),
            tracer.start_as_current_span(
                "unrecorded", record_exception=False, set_status_on_exception=False
            ),
        ):
            raise ValueError("x")
        with pytest.raises(ValueError, match="y"), tracer.start_span("own exit"):
            raise ValueError("y")
        with pytest.raises(SystemExit), tracer.start_as_current_span("leaving"):
            raise SystemExit
        with tracer.start_as_current_span("kept open", end_on_exit=False) as span:
            pass
        assert span.is_recording()
        span.set_status(Status(StatusCode.OK))
        span.set_status(StatusCode.ERROR, "too late")
        span.end(99)

    check_spans(program)


def test_context_and_baggage_are_openTelemetry_s() -> None:
    provider, into = TracerProvider(), recorder()
    provider.use(into, lambda _: True)
    tracer = provider.get_tracer("context")
    token = context.attach(set_baggage("tenant", "a"))
    with tracer.start_as_current_span("x") as span:
        assert trace.get_current_span() is span
        assert context.get_value("baggage-missing") is None
        assert set_baggage("b", "c")
    context.detach(token)
    assert trace.get_current_span() is trace.INVALID_SPAN


# --- logs ----------------------------------------------------------------------------------------


def check_logs(program: Program) -> Any:
    own, into = LoggerProvider(), recorder()
    own.use(into, lambda _: True)
    program(own.get_logger("scope", "2", "https://schema", {"k": "v"}))
    scopes = loggers.group(into.logs.take(1_000))
    body = into.resource.envelope([(s, b"".join(parts)) for s, parts in scopes.items()])
    found = decoded_logs(ExportLogsServiceRequest.FromString(body))
    exporter = InMemoryLogRecordExporter()
    stock = StockLoggerProvider(StockResource(RESOURCE), shutdown_on_exit=False)
    stock.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program(stock.get_logger("scope", "2", "https://schema", {"k": "v"}))
    assert found == decoded_logs(encode_logs(exporter.get_finished_logs()))
    return found


@MANY
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "timestamp": st.none() | st.integers(1, 2**62),
                "observed_timestamp": st.integers(1, 2**62),
                "severity_number": st.sampled_from(list(SeverityNumber)),
                "severity_text": st.none() | TEXT,
                "body": VALUES,
                "attributes": st.none() | ATTRIBUTES,
                "event_name": st.none() | TEXT,
            }
        ),
        max_size=3,
    ),
    st.booleans(),
)
def test_logs(records: list[dict[str, Any]], in_span: bool) -> None:
    def program(logger: Any) -> None:
        around = SpanContext(5, 6, False, TraceFlags(1))
        token = context.attach(
            trace.set_span_in_context(NonRecordingSpan(around)) if in_span else context.Context()
        )
        for record in records:
            logger.emit(LogRecord(**record))
            logger.emit(**record, exception=KeyError("age"))
        context.detach(token)

    check_logs(program)


# --- metrics -------------------------------------------------------------------------------------

LABELS = st.sampled_from(
    [
        None,
        {},
        {"a": "x"},
        {"a": "x", "b": "y"},
        {"b": "y", "a": "x"},
        {"a": 1},
        {"a": True},
        {"a": 1.0},
        {"a": ["x", "y"]},
    ]
)
NUMBERS = st.one_of(
    st.integers(-(2**40), 2**40),
    st.floats(-1e9, 1e9).map(lambda x: round(x, 3)),
    st.sampled_from([0, 0.0, 5, 5.0, 10.0, 1e-320, 0.2, 1.0, 2.0, 1024.0, math.inf, math.nan]),
)
WORDS = ("counter", "up_down_counter", "histogram", "gauge")


def stock_provider(delta: bool, exponential: bool) -> tuple[Any, Any]:
    reader = InMemoryMetricReader(
        preferred_temporality=dict.fromkeys(
            (Counter, Histogram, ObservableCounter), AggregationTemporality.DELTA
        )
        if delta
        else None,
        preferred_aggregation={Histogram: ExponentialBucketHistogramAggregation()}
        if exponential
        else None,
    )
    return StockMeterProvider([reader], StockResource(RESOURCE), shutdown_on_exit=False), reader


def run_metrics(provider: Any, collect: Callable[[], Any], rounds: Any) -> list[Any]:
    meter = provider.get_meter("scope", "3", "https://schema", {"k": "v"})
    made = {
        "counter": meter.create_counter("c_total", "{item}", "how many").add,
        "up_down_counter": meter.create_up_down_counter("now").add,
        "histogram": meter.create_histogram(
            "took_seconds", "s", explicit_bucket_boundaries_advisory=[0.2, 1, 5]
        ).record,
        "gauge": meter.create_gauge("State").set,
    }
    totals = iter(range(1, 100))
    meter.create_observable_counter(
        "seen_total", [lambda _: [Observation(n := next(totals), {"a": "x"}), Observation(n)]]
    )
    meter.create_observable_up_down_counter("waiting", [lambda _: [Observation(2), Observation(3)]])
    meter.create_observable_gauge("level", [lambda _: [Observation(0.5, {"a": 1})]])
    found: list[Any] = []
    for round_ in rounds:
        for word, value, labels, sampled in round_:
            around = SpanContext(7, 8, False, TraceFlags(int(sampled)))
            given_context = trace.set_span_in_context(NonRecordingSpan(around))
            made[word](value, labels, given_context)
        found.append(collect())
    return found


@MANY
@given(
    st.lists(
        st.lists(st.tuples(st.sampled_from(WORDS), NUMBERS, LABELS, st.booleans()), max_size=12),
        min_size=1,
        max_size=3,
    ),
    st.booleans(),
    st.booleans(),
)
def test_metrics(rounds: Any, delta: bool, exponential: bool) -> None:
    stock, reader = stock_provider(delta, exponential)
    expected = run_metrics(
        stock, lambda: decoded_metrics(encode_metrics(reader.get_metrics_data())), rounds
    )
    with pytest.MonkeyPatch.context() as environment:
        if delta:
            environment.setenv("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta")
        if exponential:
            environment.setenv(
                "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
                "base2_exponential_bucket_histogram",
            )
        own = MeterProvider()
        own.use(Resource(RESOURCE), lambda _: True)
        clock = iter(range(10**18, 10**19, 10**9))

        def collect() -> Any:
            body = encode_own_metrics(Resource(RESOURCE), own.collect(next(clock)))
            return decoded_metrics(ExportMetricsServiceRequest.FromString(body))

        assert run_metrics(own, collect, rounds) == expected


def test_cardinality_overflows_into_one_series() -> None:
    def program(meter: Any) -> None:
        counter = meter.create_counter("c_total")
        for number in range(2_100):
            counter.add(1, {"user": str(number)})

    stock, reader = stock_provider(delta=False, exponential=False)
    program(stock.get_meter("scope"))
    own = MeterProvider()
    own.use(Resource(RESOURCE), lambda _: True)
    program(own.get_meter("scope"))
    body = encode_own_metrics(Resource(RESOURCE), own.collect(1))
    found = decoded_metrics(ExportMetricsServiceRequest.FromString(body))
    assert found == decoded_metrics(encode_metrics(reader.get_metrics_data()))
