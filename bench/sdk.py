"""What recording one request costs a service: vario's SDK beside OpenTelemetry's own.

One request is a server span and three step spans of six attributes each, a counter, a histogram
and a log record. vario records three timings of steps more. Each SDK runs in a process of its own
and sends to a receiver in another, which reads and answers; nothing is written to the terminal.
"Call" is the time that the request itself is held up, the median of all requests; "CPU" is all that
the process spends on a request, serialising and sending included, the median of the rounds.
"""

import json
import logging
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import perf_counter, process_time
from typing import Any

from bench.report import Row

ROUNDS, REQUESTS, WARM_UP = 12, 400, 200
STEPS = ("encode_features", "predict", "postprocess")
IDENTITY = {"model_name": "recommender", "model_version": "v23", "region": "eu-west"}
GOALS = {"call": "15", "cpu": "40"}


def run() -> list[Row]:
    """Returns call and CPU time of both SDKs, in microseconds a request."""
    receiver = subprocess.Popen(
        [sys.executable, "-m", "bench.sdk", "receive"], stdout=subprocess.PIPE, text=True
    )
    assert receiver.stdout is not None
    try:
        url = receiver.stdout.readline().strip()
        found = {name: _measure_in_process(name, url) for name in ("vario", "opentelemetry-sdk")}
    finally:
        receiver.terminate()
        receiver.wait()
        receiver.stdout.close()
    return [
        Row(
            f"{name}: {what} a request",
            times[what],
            "us",
            GOALS[what] if name == "vario" else "",
            "median",
        )
        for name, times in found.items()
        for what in ("call", "cpu")
    ]


def _measure_in_process(name: str, url: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.sdk", name],
        env={**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": url},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def _measure(request: Callable[[], None], flush: Callable[[], object]) -> dict[str, float]:
    """Returns the medians of a request's time and of the CPU time that it costs, microseconds."""
    for _ in range(WARM_UP):
        request()
    flush()
    calls: list[float] = []
    cpu: list[float] = []
    for _ in range(ROUNDS):
        cpu_start = process_time()
        for _ in range(REQUESTS):
            start = perf_counter()
            request()
            calls.append(perf_counter() - start)
        flush()
        cpu.append((process_time() - cpu_start) / REQUESTS)
    return {"call": statistics.median(calls) * 1e6, "cpu": statistics.median(cpu) * 1e6}


def _vario() -> dict[str, float]:
    import vario

    vario.configure(
        service="ml-infer",
        model="recommender",
        version="v23",
        region="eu-west",
        stdout=False,
    )
    scope_headers = [(b"host", b"localhost"), (b"x-request-id", b"98f7-21ab")]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for name in STEPS:
            with vario.step(name, cache_hit=True, batch_id="b-17", batch_size=8):
                pass
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    async def receive() -> dict[str, str]:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        pass

    instrumented = vario.instrument_asgi(app)

    def request() -> None:
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/predict",
            "scheme": "http",
            "http_version": "1.1",
            "headers": scope_headers,
        }
        answering = instrumented(scope, receive, send)
        try:  # what an event loop does, without one: nothing here waits
            answering.send(None)  # type: ignore[attr-defined]
        except StopIteration:
            return

    return _measure(request, vario.flush)


def _opentelemetry() -> dict[str, float]:
    from opentelemetry._logs import LogRecord, SeverityNumber
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.trace import SpanKind

    resource = Resource({"service.name": "ml-infer", "service.version": "v23"})
    traces = TracerProvider(resource=resource)
    traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    logs = LoggerProvider(resource=resource)
    logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
    metrics = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())], resource)
    tracer, logger, meter = (
        traces.get_tracer("bench"),
        logs.get_logger("bench"),
        metrics.get_meter("bench"),
    )
    requests = meter.create_counter("inference_requests_total")
    latency = meter.create_histogram("inference_latency_seconds")
    labels = {**IDENTITY, "status_code": "200"}
    step = {**IDENTITY, "cache_hit": True, "batch_id": "b-17", "batch_size": 8}
    server = {**IDENTITY, "http.request.method": "POST", "url.path": "/predict", "request_id": "x"}

    def request() -> None:
        start = perf_counter()
        with tracer.start_as_current_span("POST", kind=SpanKind.SERVER, attributes=server):
            for name in STEPS:
                with tracer.start_as_current_span(f"ml-infer.{name}", attributes=step):
                    pass
            requests.add(1, labels)
            latency.record(perf_counter() - start, labels)
            record = LogRecord(
                severity_text="INFO",
                severity_number=SeverityNumber.INFO,
                body="POST /predict 200",
                attributes={**labels, "request_id": "98f7-21ab", "latency_ms": 1.5},
            )
            logger.emit(record)

    def flush() -> None:
        for provider in (traces, logs, metrics):
            provider.force_flush()

    return _measure(request, flush)


class _Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _receive() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Receiver)
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, handlers=[logging.NullHandler()])
    if sys.argv[1] == "receive":
        _receive()
    else:
        print(json.dumps(_vario() if sys.argv[1] == "vario" else _opentelemetry()))
