"""OTLP over HTTP against the whole server: what is answered, and what is stored."""

import concurrent.futures
import gzip
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import cramjam
import httpx
import orjson
import pytest
from google.protobuf import json_format
from google.rpc.status_pb2 import Status
from inline_snapshot import snapshot
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceResponse,
)
from tests.support.otlp_factory import (
    START_NS,
    logs_body,
    make_gauge,
    make_log,
    make_point,
    make_span,
    metrics_body,
    span_hex,
    trace_hex,
    traces_body,
)

from vario.app.ports import Addresses
from vario.model.telemetry import Signal
from vario.store.clickhouse import ClickHouseStore

PROTOBUF, JSON = "application/x-protobuf", "application/json"
YEAR_2262_NS = (1 << 63) - 1
MIB = 1 << 20

RESPONSES: dict[Signal, Any] = {
    Signal.TRACES: ExportTraceServiceResponse,
    Signal.LOGS: ExportLogsServiceResponse,
    Signal.METRICS: ExportMetricsServiceResponse,
}
BODIES = {
    Signal.TRACES: traces_body("ml-infer", make_span("predict", trace=7, span=8)),
    Signal.LOGS: logs_body("ml-infer", make_log("done", trace=7, span=8)),
    Signal.METRICS: metrics_body("ml-infer", make_gauge("depth", make_point(3))),
}
COUNTS = {
    Signal.TRACES: "SELECT count() FROM otel_traces",
    Signal.LOGS: "SELECT count() FROM otel_logs",
    Signal.METRICS: "SELECT count() FROM metric_samples WHERE id IN "
    "(SELECT id FROM metric_series WHERE name = 'depth')",
}


@pytest.fixture
def client(doors: Addresses) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=doors.otlp_http, timeout=60) as opened:
        yield opened


def post(
    client: httpx.Client,
    signal: Signal,
    body: bytes | Iterator[bytes],
    media: str = PROTOBUF,
    **headers: str,
) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(f"/v1/{signal}", content=body, headers={"content-type": media, **named})


def count(store: ClickHouseStore, signal: Signal) -> int:
    return store.engine.query_rows(COUNTS[signal])[0][0]


def status_of(answer: httpx.Response) -> Status:
    if answer.headers["content-type"] == JSON:
        return json_format.ParseDict(answer.json(), Status())
    assert answer.headers["content-type"] == PROTOBUF
    return Status.FromString(answer.content)


def span_as_json(**changes: Any) -> bytes:
    span = {
        "traceId": trace_hex(7),
        "spanId": span_hex(8),
        "name": "predict",
        "startTimeUnixNano": str(START_NS),
        "endTimeUnixNano": START_NS + 5,
        **changes,
    }
    return orjson.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})


def test_every_signal_is_stored_when_it_is_acknowledged(
    client: httpx.Client, store: ClickHouseStore
) -> None:
    for signal, body in BODIES.items():
        answer = post(client, signal, body)
        assert (answer.status_code, answer.headers["content-type"]) == (200, PROTOBUF)
        assert answer.content == b""
        assert count(store, signal) == 1
    found = store.engine.query_rows("SELECT SpanName, TraceId, ServiceName FROM otel_traces")
    assert found == [("predict", trace_hex(7), "ml-infer")]


def test_json_is_answered_in_json(client: httpx.Client, store: ClickHouseStore) -> None:
    answer = post(client, Signal.TRACES, span_as_json(), f"{JSON}; charset=utf-8")
    assert (answer.status_code, answer.headers["content-type"], answer.content) == (
        200,
        JSON,
        b"{}",
    )
    found = store.engine.query_rows("SELECT SpanName, TraceId, SpanId, Duration FROM otel_traces")
    assert found == [("predict", trace_hex(7), span_hex(8), 5)]


ENCODINGS: dict[str, Callable[[bytes], bytes]] = {
    "identity": bytes,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": lambda data: bytes(cramjam.zstd.compress(data)),
}


def test_every_encoding_is_understood(client: httpx.Client, store: ClickHouseStore) -> None:
    for name, encode in ENCODINGS.items():
        body = encode(BODIES[Signal.TRACES])
        assert post(client, Signal.TRACES, body, content_encoding=name).status_code == 200
    assert count(store, Signal.TRACES) == len(ENCODINGS)


@pytest.mark.parametrize("media", [PROTOBUF, JSON])
def test_an_empty_request_is_valid(client: httpx.Client, media: str) -> None:
    for signal in Signal:
        assert post(client, signal, b"", media).status_code == 200
        assert post(client, signal, b"", media, content_encoding="gzip").status_code == 200


def test_malformed_bodies_are_refused_with_a_status(
    client: httpx.Client, store: ClickHouseStore
) -> None:
    for signal in Signal:
        answer = post(client, signal, b"\xff\xff not protobuf")
        assert answer.status_code == 400
        status = status_of(answer)
        assert (status.code, len(status.details)) == (3, 0)
        assert f"not an OTLP {signal} request in protobuf" in status.message
        answer = post(client, signal, b'{"resource', JSON)
        assert (answer.status_code, answer.headers["content-type"]) == (400, JSON)
        assert "is not JSON" in status_of(answer).message
        answer = post(client, signal, b"not gzip", content_encoding="gzip")
        assert answer.status_code == 400
        assert "not in content-encoding gzip" in status_of(answer).message
    assert sum(count(store, signal) for signal in Signal) == 0


def test_invalid_utf8_is_refused(client: httpx.Client) -> None:
    body = traces_body("a", make_span("XX")).replace(b"XX", b"\xff\xfe")
    answer = post(client, Signal.TRACES, body)
    assert (answer.status_code, "UTF-8" in status_of(answer).message) == (400, True)
    answer = post(client, Signal.TRACES, span_as_json(name="XX").replace(b"XX", b"\xff\xfe"), JSON)
    assert (answer.status_code, "UTF-8" in status_of(answer).message) == (400, True)


@pytest.mark.parametrize("media", ["text/plain", "application/octet-stream", ""])
def test_another_content_type_is_refused(client: httpx.Client, media: str) -> None:
    answer = post(client, Signal.LOGS, BODIES[Signal.LOGS], media)
    assert answer.status_code == 415
    assert status_of(answer).message == (
        f"content-type {media!r} is not OTLP: send application/x-protobuf or application/json"
    )


def test_another_encoding_is_refused(client: httpx.Client) -> None:
    answer = post(client, Signal.LOGS, b"x", content_encoding="br")
    assert answer.status_code == 415
    assert "send gzip, zstd, deflate or none" in status_of(answer).message


def test_other_paths_and_methods_are_refused_with_a_remedy(client: httpx.Client) -> None:
    answer = client.get("/v1/traces")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert status_of(answer).message == "/v1/traces takes POST, not GET"
    answer = client.post("/api/v2/spans", content=b"x")
    assert answer.status_code == 404
    assert status_of(answer).message == snapshot(
        "there is nothing at /api/v2/spans: this is vario's OTLP door, POST to /v1/traces, "
        "/v1/logs, /v1/metrics; the UI and the API are on another port (7070 unless set)"
    )


BOMB = gzip.compress(bytes(16 * MIB)) * 64
"""One GiB in a MiB: 64 members of 16 MiB each."""


def _piecewise(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), MIB):
        yield body[start : start + MIB]


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        pytest.param(bytes(65 * MIB), "identity", id="65 MiB"),
        pytest.param(BOMB, "gzip", id="gzip bomb"),
        pytest.param(bytes(cramjam.zstd.compress(bytes(65 * MIB))), "zstd", id="zstd bomb"),
        pytest.param(zlib.compress(bytes(65 * MIB)), "deflate", id="deflate bomb"),
    ],
)
@pytest.mark.parametrize("piecewise", [False, True])
def test_a_body_over_the_limit_is_refused(
    client: httpx.Client, store: ClickHouseStore, body: bytes, encoding: str, piecewise: bool
) -> None:
    sent = _piecewise(body) if piecewise else body
    answer = post(client, Signal.TRACES, sent, content_encoding=encoding)
    assert answer.status_code == 413
    status = status_of(answer)
    assert (status.code, len(status.details)) == (8, 0)
    assert status.message == snapshot(
        "the body is over 64 MiB after decompression: send smaller batches, or raise "
        "ingest.max_body_mb"
    )
    assert post(client, Signal.TRACES, BODIES[Signal.TRACES]).status_code == 200
    assert count(store, Signal.TRACES) == 1


def partial_of(answer: httpx.Response, signal: Signal) -> Any:
    assert answer.status_code == 200
    if answer.headers["content-type"] == JSON:
        return json_format.ParseDict(answer.json(), RESPONSES[signal]()).partial_success
    return RESPONSES[signal].FromString(answer.content).partial_success


def test_spans_with_ids_of_the_wrong_length_are_rejected_alone(
    client: httpx.Client, store: ClickHouseStore
) -> None:
    spans = [make_span(f"span {n}", span=n) for n in range(1, 5)]
    spans[0].trace_id, spans[2].span_id = b"x" * 15, b"x" * 9
    partial = partial_of(post(client, Signal.TRACES, traces_body("a", *spans)), Signal.TRACES)
    assert (partial.rejected_spans, partial.error_message) == snapshot(
        (
            2,
            "2 of 4 spans were not stored: trace_id is not 16 bytes, or all of them are 0 (1), "
            "span_id is not 8 bytes, or all of them are 0 (1)",
        )
    )
    found = store.engine.query_rows("SELECT SpanName FROM otel_traces ORDER BY SpanName")
    assert found == [("span 2",), ("span 4",)]


@pytest.mark.parametrize("text", ["abcd", "zz" * 16, ""])
def test_in_json_too(client: httpx.Client, store: ClickHouseStore, text: str) -> None:
    answer = post(client, Signal.TRACES, span_as_json(traceId=text), JSON)
    assert answer.json()["partialSuccess"]["rejectedSpans"] == "1"
    assert partial_of(answer, Signal.TRACES).rejected_spans == 1
    assert count(store, Signal.TRACES) == 0


def test_log_records_with_such_ids_are_kept_without_them(
    client: httpx.Client, store: ClickHouseStore
) -> None:
    record = make_log("kept", trace=7, span=8)
    record.trace_id = b"short"
    answer = post(client, Signal.LOGS, logs_body("a", record))
    assert (answer.status_code, answer.content) == (200, b"")
    found = store.engine.query_rows("SELECT Body, TraceId, SpanId FROM otel_logs")
    assert found == [("kept", "", span_hex(8))]


def test_times_of_zero_and_of_the_year_2262(client: httpx.Client, store: ClickHouseStore) -> None:
    nowhere = make_span("zero", span=1)
    nowhere.start_time_unix_nano = nowhere.end_time_unix_nano = 0
    spans = [nowhere, make_span("far", span=2, start_ns=YEAR_2262_NS), make_span("good", span=3)]
    partial = partial_of(post(client, Signal.TRACES, traces_body("a", *spans)), Signal.TRACES)
    assert partial.rejected_spans == 2
    records = [make_log("zero", time_ns=0), make_log("far", time_ns=YEAR_2262_NS), make_log("good")]
    partial = partial_of(post(client, Signal.LOGS, logs_body("a", *records)), Signal.LOGS)
    assert partial.rejected_log_records == 1
    points = [make_point(1, time_ns=t) for t in (0, YEAR_2262_NS, START_NS)]
    body = metrics_body("a", make_gauge("depth", *points))
    partial = partial_of(post(client, Signal.METRICS, body), Signal.METRICS)
    assert partial.rejected_data_points == 2

    assert store.engine.query_rows("SELECT SpanName FROM otel_traces") == [("good",)]
    # A record without a time was observed when it came, as the clock says.
    found = "SELECT Body, toUnixTimestamp64Nano(Timestamp) FROM otel_logs ORDER BY Body"
    assert store.engine.query_rows(found) == [("good", START_NS), ("zero", START_NS)]
    assert count(store, Signal.METRICS) == 1


def test_ten_thousand_attributes_are_stored(client: httpx.Client, store: ClickHouseStore) -> None:
    attributes = {f"key.{n}": f"value {n}" for n in range(10_000)}
    span = make_span(attributes=attributes)
    assert post(client, Signal.TRACES, traces_body("a", span)).content == b""
    assert store.engine.query_rows("SELECT SpanAttributes FROM otel_traces") == [(attributes,)]


def test_nested_values_are_stored_as_json_text(
    client: httpx.Client, store: ClickHouseStore
) -> None:
    record = make_log({"event": ["a", 1]}, attributes={"features_used": ["age", "country"]})
    post(client, Signal.LOGS, logs_body({"process.command_args": ["python"]}, record))
    found = "SELECT Body, LogAttributes, ResourceAttributes FROM otel_logs"
    assert store.engine.query_rows(found) == [
        (
            '{"event":["a",1]}',
            {"features_used": '["age","country"]'},
            {"process.command_args": '["python"]'},
        )
    ]


def test_many_small_requests_at_once_are_all_stored(
    doors: Addresses, store: ClickHouseStore
) -> None:
    with httpx.Client(base_url=doors.otlp_http, timeout=60) as client:

        def send(number: int) -> int:
            body = traces_body(f"service-{number}", make_span(trace=number, span=number))
            return post(client, Signal.TRACES, body).status_code

        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            assert set(pool.map(send, range(1, 201))) == {200}
    assert store.engine.query_rows("SELECT uniqExact(TraceId) FROM otel_traces") == [(200,)]


def test_what_the_doors_count_is_on_the_metrics_page(
    doors: Addresses, client: httpx.Client
) -> None:
    def read() -> dict[str, float]:
        answer = httpx.get(f"{doors.api}/metrics")
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        lines = [line.rpartition(" ") for line in answer.text.splitlines() if line[0] != "#"]
        return {name: float(value) for name, _, value in lines}

    before = read()
    post(client, Signal.TRACES, BODIES[Signal.TRACES])
    post(client, Signal.TRACES, b"\xff")
    grown = {name: value - before.get(name, 0) for name, value in read().items()}
    assert {
        name: value
        for name, value in grown.items()
        if name.startswith("vario_ingest") and "seconds" not in name and value
    } == {
        'vario_ingest_requests_total{signal="traces",door="http",outcome="ok"}': 1,
        'vario_ingest_requests_total{signal="traces",door="http",outcome="bad_data"}': 1,
        'vario_ingest_bytes_total{signal="traces"}': len(BODIES[Signal.TRACES]),
        'vario_ingest_items_total{signal="traces"}': 1,
        'vario_ingest_writes_total{signal="traces"}': 1,
    }
