"""What recording one request costs a service: vario's SDK beside those that it replaces.

One request is a server span and three step spans of six attributes each, a counter, a histogram
and a log record. vario is measured by its verbs (which time each step in a histogram as well),
through OpenTelemetry's API (the very program that OpenTelemetry's SDK runs) and as middleware of an
ASGI service; prometheus_client records the two metrics alone, structlog the log line alone. Each
runs in a process of its own and sends to a receiver in another, which reads and answers; nothing
is written to the terminal. "Call" is the time that the request itself is held up, the median of all
requests, and "p99" its 99th percentile; "CPU" is all that the process spends on a request, encoding
and sending included, the median of the rounds.
"""

import json
import logging
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event
from time import perf_counter, process_time
from typing import Any

from bench.report import Row

ROUNDS, REQUESTS, WARM_UP = 12, 400, 200
STEPS = ("encode_features", "predict", "postprocess")
IDENTITY = {"model_name": "recommender", "model_version": "v23", "region": "eu-west"}
FACTS = {"cache_hit": True, "batch_id": "b-17", "batch_size": 8}
GOALS = {
    "vario": {"call": "15", "cpu": "40", "p99": "5 x call"},
    "vario, 20 features": {"call": "15 more"},
}
SERVERS = ("ok", "dead", "slow", "hanging", "failing")
SERVED, WORK_BLOCKS = 4_000, 400


def run() -> list[Row]:
    """Returns what each costs, in microseconds a request, and what a bad server costs more."""
    with _receiver("ok") as url:
        found = {name: _measure_in_process(name, url) for name in PROGRAMS}
    rows = [
        Row(f"{name}: {what} a request", value, "us", GOALS.get(name, {}).get(what, ""), "median")
        for name, times in found.items()
        for what, value in times.items()
    ]
    took = {server: _served(server) for server in SERVERS}
    return rows + [
        Row(f"a service with a server that is {server}", took[server] / took["ok"], "x", "1.05")
        for server in SERVERS[1:]
    ]


@contextmanager
def _receiver(mood: str) -> Any:
    """Gives the address of a receiver in another process: one that is ok, slow, hanging, ..."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.sdk", f"receive:{mood}"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        url = process.stdout.readline().strip()
        if mood == "dead":
            process.terminate()
            process.wait()
        yield url
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def _served(mood: str) -> float:
    """Returns the seconds of CPU and waiting that a working service needs, best of three."""
    with _receiver(mood) as url:
        return min(_measure_in_process("service", url)["took"] for _ in range(3))


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
    """Returns median and p99 of a request's time and the CPU time that it costs, microseconds."""
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
    calls.sort()
    return {
        "call": statistics.median(calls) * 1e6,
        "p99": calls[len(calls) * 99 // 100] * 1e6,
        "cpu": statistics.median(cpu) * 1e6,
    }


def _configured() -> Any:
    import vario

    vario.configure(
        service="ml-infer", model="recommender", version="v23", region="eu-west", stdout=False
    )
    return vario


def _request_of_verbs(vario: Any, features: int = 0) -> Callable[[], None]:
    from vario.sdk.logs import write_request
    from vario.sdk.state import current

    pipeline = current()
    step, count, gauge = vario.step, vario.count, vario.gauge
    given = {f"feature_{number}": 0.5 * number for number in range(features)}

    def request() -> None:
        with step("request", **FACTS):
            for name in STEPS:
                with step(name, **FACTS):
                    pass
            count("requests_total", 1, status_code="200")
            gauge("last_latency_seconds", 0.1, status_code="200")
            if given:
                vario.record_prediction(features=given, prediction=0.87)
            write_request(
                pipeline,
                logging.INFO,
                "POST /predict 200",
                {"latency_ms": 1.5, "status_code": 200, "user_region": "eu-west"},
            )

    return request


def _vario() -> dict[str, float]:
    vario = _configured()
    return _measure(_request_of_verbs(vario), vario.flush)


def _vario_features() -> dict[str, float]:
    vario = _configured()
    return _measure(_request_of_verbs(vario, 20), vario.flush)


def _vario_api() -> dict[str, float]:
    from opentelemetry import metrics, trace
    from opentelemetry._logs import get_logger

    vario = _configured()
    return _measure(
        _request_of_api(trace.get_tracer("bench"), metrics.get_meter("bench"), get_logger("bench")),
        vario.flush,
    )


def _vario_asgi() -> dict[str, float]:
    vario = _configured()
    headers = [(b"host", b"localhost"), (b"x-request-id", b"98f7-21ab")]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for name in STEPS:
            with vario.step(name, **FACTS):
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
            "headers": headers,
        }
        answering = instrumented(scope, receive, send)
        try:  # what an event loop does, without one: nothing here waits
            answering.send(None)
        except StopIteration:
            return

    return _measure(request, vario.flush)


def _service() -> dict[str, float]:
    """Returns the seconds in which a service that works answers its requests."""
    os.environ["OTEL_EXPORTER_OTLP_TIMEOUT"] = "1"
    logging.getLogger("vario.sdk").addHandler(logging.NullHandler())
    vario = _configured()
    request = _request_of_verbs(vario)
    block = bytes(2_048)

    def work() -> None:
        with vario.step("work"):
            digest = sha256()
            for _ in range(WORK_BLOCKS):
                digest.update(block)
        request()

    for _ in range(WARM_UP):
        work()
    start = perf_counter()
    for _ in range(SERVED):
        work()
    took = perf_counter() - start
    sys.stdout.write(json.dumps({"took": took}))
    sys.stdout.flush()
    os._exit(0)  # what is left to send is not part of it


def _opentelemetry() -> dict[str, float]:
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
    request = _request_of_api(tracer, meter, logger)

    def flush() -> None:
        for provider in (traces, logs, metrics):
            provider.force_flush()

    return _measure(request, flush)


def _request_of_api(tracer: Any, meter: Any, logger: Any) -> Callable[[], None]:
    from opentelemetry._logs import LogRecord, SeverityNumber
    from opentelemetry.trace import SpanKind

    requests = meter.create_counter("inference_requests_total")
    latency = meter.create_histogram("inference_latency_seconds")
    labels = {**IDENTITY, "status_code": "200"}
    step = {**IDENTITY, **FACTS}
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

    return request


def _prometheus() -> dict[str, float]:
    from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

    registry, names = CollectorRegistry(), [*IDENTITY, "status_code"]
    counter = Counter("inference_requests_total", "Requests.", names, registry=registry)
    histogram = Histogram("inference_latency_seconds", "Time.", names, registry=registry)
    labels = {**IDENTITY, "status_code": "200"}
    one, took = counter.labels(**labels), histogram.labels(**labels)

    def request() -> None:
        one.inc()
        took.observe(0.1)

    return _measure(request, lambda: generate_latest(registry))


def _structlog() -> dict[str, float]:
    import structlog

    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        log: Any = structlog.wrap_logger(
            structlog.PrintLogger(nowhere),
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso"),
                structlog.processors.JSONRenderer(),
            ],
        )
        labels = {**IDENTITY, "status_code": 200, "request_id": "98f7-21ab", "latency_ms": 1.5}
        return _measure(lambda: log.info("POST /predict 200", **labels), lambda: None)


PROGRAMS: dict[str, Callable[[], dict[str, float]]] = {
    "vario": _vario,
    "vario, 20 features": _vario_features,
    "vario, OpenTelemetry's API": _vario_api,
    "vario, ASGI middleware": _vario_asgi,
    "opentelemetry-sdk": _opentelemetry,
    "prometheus_client, 2 metrics": _prometheus,
    "structlog, 1 line": _structlog,
}


class _Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    mood = "ok"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        if self.mood == "hanging":
            Event().wait()
        if self.mood == "slow":
            Event().wait(0.5)
        self.send_response(500 if self.mood == "failing" else 200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _receive(mood: str) -> None:
    _Receiver.mood = mood
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Receiver)
    server.daemon_threads = True
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, handlers=[logging.NullHandler()])
    if sys.argv[1].startswith("receive:"):
        _receive(sys.argv[1].removeprefix("receive:"))
    elif sys.argv[1] == "service":
        _service()
    else:
        print(json.dumps(PROGRAMS[sys.argv[1]]()))
