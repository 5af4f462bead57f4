"""What real libraries write, through the whole server: what is personal goes, the rest stays."""

import io
import logging
import time

import structlog
import uvicorn.logging
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from tests.guard.test_doors import assert_nothing_raw, labels_of, post, record
from tests.support.exposer import Exposer
from tests.support.otlp_factory import logs_body, make_log
from tests.support.prometheus import wait_until

from vario.app.ports import Addresses
from vario.store.clickhouse import ClickHouseStore

RESOURCE = Resource.create({"service.name": "real", "service.instance.id": "real-1"})

VLLM = """# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="meta-llama/Llama-3.1-8B-Instruct"} 3.0
# HELP vllm:prompt_tokens_total Number of prefill tokens processed.
# TYPE vllm:prompt_tokens_total counter
vllm:prompt_tokens_total{engine="0",model_name="meta-llama/Llama-3.1-8B-Instruct"} 1.2345e+011
# HELP vllm:prompt_tokens_created Number of prefill tokens processed.
# TYPE vllm:prompt_tokens_created gauge
vllm:prompt_tokens_created{engine="0",model_name="meta-llama/Llama-3.1-8B-Instruct"} 1.7412e+09
# HELP vllm:request_success_total Count of successfully processed requests.
# TYPE vllm:request_success_total counter
vllm:request_success_total{engine="0",finished_reason="stop",model_name="m"} 12.0
# HELP vllm:time_to_first_token_seconds Histogram of time to first token in seconds.
# TYPE vllm:time_to_first_token_seconds histogram
vllm:time_to_first_token_seconds_bucket{engine="0",le="0.001",model_name="m"} 0.0
vllm:time_to_first_token_seconds_bucket{engine="0",le="2560.0",model_name="m"} 12.0
vllm:time_to_first_token_seconds_bucket{engine="0",le="+Inf",model_name="m"} 12.0
vllm:time_to_first_token_seconds_count{engine="0",model_name="m"} 12.0
vllm:time_to_first_token_seconds_sum{engine="0",model_name="m"} 0.9
# HELP vllm:cache_config_info Information of the LLMEngine CacheConfig
# TYPE vllm:cache_config_info gauge
vllm:cache_config_info{block_size="16",cache_dtype="auto",engine="0",num_gpu_blocks="27818"} 1.0
"""
TRITON = """# HELP nv_inference_request_success Number of successful inference requests
# TYPE nv_inference_request_success counter
nv_inference_request_success{model="resnet50",version="1"} 4111
# HELP nv_inference_request_duration_us Cumulative inference request duration in microseconds
# TYPE nv_inference_request_duration_us counter
nv_inference_request_duration_us{model="resnet50",version="1"} 203113555
# HELP nv_gpu_utilization GPU utilization rate [0.0 - 1.0)
# TYPE nv_gpu_utilization gauge
nv_gpu_utilization{gpu_uuid="GPU-8c2d6f0b-5c3e-1f63-b0f1-0d1c3e7c6a4b"} 0.37
"""


def test_the_sdk_of_opentelemetry(doors: Addresses, store: ClickHouseStore) -> None:
    tracers = TracerProvider(resource=RESOURCE)
    exporter = OTLPSpanExporter(f"{doors.otlp_http}/v1/traces")
    tracers.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = tracers.get_tracer("real")
    try:
        with tracer.start_as_current_span("POST /login", kind=trace.SpanKind.SERVER) as span:
            span.set_attributes(
                {
                    "client.address": "203.0.113.9",
                    "server.address": "34.1.2.3",
                    "http.request.header.authorization": ("Bearer abcdef0123456789",),
                    "user_agent.original": "Mozilla/5.0 Chrome/120.0.0.0 Safari/537.36",
                    "gen_ai.usage.input_tokens": 411,
                    "url.full": "https://shop.example/?email=jane.doe%40example.com&page=2",
                }
            )
            raise ValueError("no account for jane.doe@example.com")
    except ValueError:
        pass
    tracers.shutdown()
    rows = store.engine.query_rows(
        "SELECT SpanAttributes, StatusMessage, Events.Attributes[1] FROM otel_traces "
        "WHERE ServiceName = 'real'"
    )
    ((attributes, message, event),) = rows
    assert attributes == {
        "client.address": "[ip]",
        "server.address": "34.1.2.3",
        "http.request.header.authorization": '["[secret]"]',
        "user_agent.original": "Mozilla/5.0 Chrome/120.0.0.0 Safari/537.36",
        "gen_ai.usage.input_tokens": "411",
        "url.full": "https://shop.example/?email=[email]&page=2",
    }
    assert message == "ValueError: no account for [email]"
    assert event["exception.message"] == "no account for [email]"
    assert "no account for [email]" in event["exception.stacktrace"]
    assert_nothing_raw(store)


def test_metrics_of_the_sdk(doors: Addresses, store: ClickHouseStore) -> None:
    exporter = OTLPMetricExporter(f"{doors.otlp_http}/v1/metrics")
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=600_000)
    meters = MeterProvider([reader], RESOURCE)
    counter = meters.get_meter("real").create_counter("real.sign_ins")
    for user in ("jane.doe", "kim", "lee"):
        counter.add(2, {"user": f"{user}@example.com", "method": "password"})
    meters.shutdown()
    found = labels_of(store, "real_sign_ins_total")
    assert found == [{"instance": "real-1", "job": "real", "method": "password", "user": "[email]"}]
    rows = store.engine.query_rows(
        "SELECT DISTINCT value FROM metric_samples JOIN metric_series USING id "
        "WHERE name = 'real_sign_ins_total'"
    )
    assert rows == [(6.0,)]
    assert_nothing_raw(store)


def send_lines(doors: Addresses, service: str, lines: list[str]) -> None:
    now = time.time_ns()
    records = [make_log(line, time_ns=now + number) for number, line in enumerate(lines)]
    post(doors.otlp_http, "/v1/logs", logs_body(service, *records))


def test_structlog(doors: Addresses, store: ClickHouseStore) -> None:
    file = io.StringIO()
    as_json, as_text = (
        structlog.wrap_logger(structlog.PrintLogger(file), processors=[renderer])
        for renderer in (
            structlog.processors.JSONRenderer(),
            structlog.processors.KeyValueRenderer(key_order=["event"]),
        )
    )
    values = {
        "password": "hunter2", "email": "jane.doe@example.com", "request_id": "4bf92f3577b34da6",
        "latency_ms": 12.25, "tokens": 411, "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    }  # fmt: skip
    as_json.info("signed in", user={"phone": "(415) 555-2671", "id": 7}, **values)
    as_text.info("signed in", **values)
    send_lines(doors, "structlog", file.getvalue().splitlines())
    assert [body for body, _, _ in record(store, "structlog")] == [
        '{"user":{"phone":"[phone]","id":7},"password":"[password]","email":"[email]",'
        '"request_id":"4bf92f3577b34da6","latency_ms":12.25,"tokens":411,'
        '"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","event":"signed in"}',
        "event='signed in' password='[password]' email='[email]' request_id='4bf92f3577b34da6' "
        "latency_ms=12.25 tokens=411 trace_id='4bf92f3577b34da6a3ce929d0e0e4736'",
    ]
    assert_nothing_raw(store)


def test_access_lines_of_uvicorn(doors: Addresses, store: ClickHouseStore) -> None:
    formatter = uvicorn.logging.AccessFormatter(
        '%(levelprefix)s %(client_addr)s - "%(request_line)s" %(status_code)s', use_colors=False
    )
    lines = [
        formatter.format(
            logging.LogRecord(
                "uvicorn.access", logging.INFO, "", 0, '%s - "%s %s HTTP/%s" %d',
                (client, "GET", path, "1.1", 200), None,
            )
        )
        for client, path in (
            ("203.0.113.9:52314", "/predict?token=abc123def456&page=2"),
            ("10.0.0.7:52315", "/users/jane.doe@example.com"),
            ("127.0.0.1:1", "/v2/models/resnet50/versions/1/infer"),
        )
    ]  # fmt: skip
    send_lines(doors, "uvicorn", lines)
    assert [body for body, _, _ in record(store, "uvicorn")] == [
        'INFO:     [ip]:52314 - "GET /predict?token=[secret]&page=2 HTTP/1.1" 200 OK',
        'INFO:     10.0.0.7:52315 - "GET /users/[email] HTTP/1.1" 200 OK',
        'INFO:     127.0.0.1:1 - "GET /v2/models/resnet50/versions/1/infer HTTP/1.1" 200 OK',
    ]
    assert_nothing_raw(store)


def test_expositions_of_inference_servers(
    doors: Addresses, store: ClickHouseStore, target: Exposer
) -> None:
    target.say(VLLM + TRITON)
    wait_until(lambda: bool(labels_of(store, "nv_gpu_utilization")), 60)
    names = {line.split("{")[0] for line in (VLLM + TRITON).splitlines() if line[0] != "#"}
    (gpu,) = labels_of(store, "nv_gpu_utilization")
    assert gpu["gpu_uuid"] == "GPU-8c2d6f0b-5c3e-1f63-b0f1-0d1c3e7c6a4b"
    for name in names:
        for labels in labels_of(store, name):
            assert not any(value.startswith(("[", "__")) for value in labels.values()), labels
    rows = store.engine.query_rows(
        "SELECT count(DISTINCT name) FROM metric_series "
        "WHERE startsWith(name, 'vllm:') OR startsWith(name, 'nv_')"
    )
    assert rows == [(len(names),)]
