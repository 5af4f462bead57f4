"""OTLP over gRPC against the whole server: what is answered, and what is stored."""

import gzip
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from google.rpc.status_pb2 import Status
from inline_snapshot import snapshot
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc
from opentelemetry.proto.collector.metrics.v1 import (
    metrics_service_pb2,
    metrics_service_pb2_grpc,
)
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from tests.support.otlp_factory import (
    logs_body,
    make_gauge,
    make_log,
    make_point,
    make_span,
    metrics_body,
    trace_hex,
    traces_body,
)

from vario.app.ports import Addresses
from vario.ingest.grpc import SERVICES
from vario.model.telemetry import Signal
from vario.store.clickhouse import ClickHouseStore

MIB = 1 << 20
YEAR_2262_NS = (1 << 63) - 1
SPAN = traces_body("ml-infer", make_span("predict", trace=7))

Send = Callable[..., bytes]


@pytest.fixture
def channel(doors: Addresses) -> Iterator[grpc.Channel]:
    target = doors.otlp_grpc.removeprefix("http://")
    with grpc.insecure_channel(target, [("grpc.max_send_message_length", -1)]) as opened:
        yield opened


@pytest.fixture
def send(channel: grpc.Channel) -> Send:
    """Sends bytes as they are, as no stub would."""

    def export(signal: Signal, body: bytes, **options: Any) -> bytes:
        call = channel.unary_unary(f"/{SERVICES[signal]}/Export")
        return call(body, timeout=60, **options)

    return export


def refusal(send: Send, signal: Signal, body: bytes, **options: Any) -> tuple[str, str]:
    with pytest.raises(grpc.RpcError) as caught:
        send(signal, body, **options)
    error: Any = caught.value
    details = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin")
    if details:
        status = Status.FromString(details)
        assert (status.code, status.message) == (error.code().value[0], error.details())
    return error.code().name, error.details()


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_every_signal_is_stored_when_it_is_acknowledged(
    channel: grpc.Channel, store: ClickHouseStore, compression: grpc.Compression
) -> None:
    traces: Any = trace_service_pb2_grpc.TraceServiceStub(channel)
    logs: Any = logs_service_pb2_grpc.LogsServiceStub(channel)
    metrics: Any = metrics_service_pb2_grpc.MetricsServiceStub(channel)
    records = logs_body("ml-infer", make_log("done", trace=7))
    points = metrics_body("ml-infer", make_gauge("depth", make_point(3)))
    answers = [
        traces.Export(
            trace_service_pb2.ExportTraceServiceRequest.FromString(SPAN), compression=compression
        ),
        logs.Export(
            logs_service_pb2.ExportLogsServiceRequest.FromString(records), compression=compression
        ),
        metrics.Export(
            metrics_service_pb2.ExportMetricsServiceRequest.FromString(points),
            compression=compression,
        ),
    ]
    assert [answer.HasField("partial_success") for answer in answers] == [False] * 3
    read = store.engine.query_rows
    assert read("SELECT SpanName, TraceId FROM otel_traces") == [("predict", trace_hex(7))]
    assert read("SELECT Body, TraceId FROM otel_logs") == [("done", trace_hex(7))]
    depth = "SELECT id FROM metric_series WHERE name = 'depth'"
    assert read(f"SELECT value FROM metric_samples WHERE id IN ({depth})") == [(3.0,)]


@pytest.mark.parametrize("signal", list(Signal))
def test_an_empty_request_is_valid(send: Send, signal: Signal) -> None:
    assert send(signal, b"") == b""


@pytest.mark.parametrize("signal", list(Signal))
def test_a_malformed_message_is_an_invalid_argument(send: Send, signal: Signal) -> None:
    assert refusal(send, signal, b"\xff\xff not protobuf") == (
        "INVALID_ARGUMENT",
        f"these 15 bytes are not an OTLP {signal} request in protobuf: Wire format was corrupt; "
        "send an Export*ServiceRequest of opentelemetry-proto 1.x",
    )


def test_invalid_utf8_is_an_invalid_argument(send: Send) -> None:
    body = traces_body("a", make_span("XX")).replace(b"XX", b"\xff\xfe")
    code, message = refusal(send, Signal.TRACES, body)
    assert (code, "UTF-8" in message) == ("INVALID_ARGUMENT", True)


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_a_message_over_the_limit_exhausts_a_resource(
    send: Send, store: ClickHouseStore, compression: grpc.Compression
) -> None:
    code, message = refusal(send, Signal.TRACES, bytes(65 * MIB), compression=compression)
    assert (code, "larger than max" in message) == ("RESOURCE_EXHAUSTED", True)
    assert send(Signal.TRACES, SPAN) == b""
    assert store.engine.query_rows("SELECT count() FROM otel_traces") == [(1,)]


def test_what_cannot_be_stored_is_rejected_alone(send: Send, store: ClickHouseStore) -> None:
    spans = [make_span(f"span {n}", span=n) for n in range(1, 5)]
    spans[0].trace_id, spans[1].span_id = b"x" * 15, bytes(8)
    spans[2].start_time_unix_nano = YEAR_2262_NS
    response = trace_service_pb2.ExportTraceServiceResponse.FromString(
        send(Signal.TRACES, traces_body("a", *spans))
    )
    partial = response.partial_success
    assert (partial.rejected_spans, partial.error_message) == snapshot(
        (
            3,
            "3 of 4 spans were not stored: trace_id is not 16 bytes, or all of them are 0 (1), "
            "span_id is not 8 bytes, or all of them are 0 (1), "
            "start_time_unix_nano or end_time_unix_nano is after 2106-02-07 (1)",
        )
    )
    assert store.engine.query_rows("SELECT SpanName FROM otel_traces") == [("span 4",)]


def test_ten_thousand_attributes_are_stored(send: Send, store: ClickHouseStore) -> None:
    attributes = {f"key.{n}": f"value {n}" for n in range(10_000)}
    assert send(Signal.LOGS, logs_body("a", make_log(attributes=attributes))) == b""
    assert store.engine.query_rows("SELECT LogAttributes FROM otel_logs") == [(attributes,)]


def test_a_body_that_only_claims_to_be_gzip_is_refused(send: Send) -> None:
    code, _ = refusal(send, Signal.TRACES, gzip.compress(SPAN))
    assert code == "INVALID_ARGUMENT"


def test_another_method_is_unimplemented(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary(f"/{SERVICES[Signal.TRACES]}/Import")(b"", timeout=10)
    error: Any = caught.value
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED
