"""A small OTLP/HTTP receiver that keeps what it was sent, decoded from the wire."""

import gzip
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

REQUESTS = {
    "/v1/traces": ExportTraceServiceRequest,
    "/v1/metrics": ExportMetricsServiceRequest,
    "/v1/logs": ExportLogsServiceRequest,
}


@dataclass(frozen=True)
class Span:
    trace_id: str
    span_id: str
    parent_span_id: str
    name: str
    kind: int
    attributes: dict[str, Any]
    resource: dict[str, Any]
    status: int
    duration_ns: int
    events: list[str]

    @property
    def service(self) -> str:
        return self.resource["service.name"]


@dataclass(frozen=True)
class Log:
    trace_id: str
    span_id: str
    severity: str
    body: str
    scope: str
    attributes: dict[str, Any]
    resource: dict[str, Any]


@dataclass(frozen=True)
class Point:
    name: str
    unit: str
    attributes: dict[str, Any]
    resource: dict[str, Any]
    value: float
    bounds: tuple[float, ...] = ()
    exemplars: tuple[str, ...] = ()


@dataclass
class Received:
    path: str
    headers: dict[str, str]
    message: Any


@dataclass
class OtlpSink:
    """Use it as a context manager; `url` is the endpoint.

    `answers` holds the statuses of the next answers, 200 when it is empty.
    """

    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    answer_body: bytes = b""
    port: int = 0
    received: list[Received] = field(default_factory=list)
    refused: int = 0
    tls: ssl.SSLContext | None = None

    def __enter__(self) -> "OtlpSink":
        self._changed = threading.Condition()
        self.connections: set[socket.socket] = set()
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), _handler(self))
        self._server.daemon_threads = True
        if self.tls:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        for connection in list(self.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def take(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str]]:
        with self._changed:
            answer = self.answers.pop(0) if self.answers else (200, {})
            if answer[0] == 200:
                message = REQUESTS[path].FromString(body)
                self.received.append(Received(path, headers, message))
            else:
                self.refused += 1
            self._changed.notify_all()
            return answer

    def wait_for(self, wanted: Callable[["OtlpSink"], Any], timeout_s: float = 20) -> Any:
        """Returns what `wanted` says as soon as it is true."""
        deadline = monotonic() + timeout_s
        with self._changed:
            while True:
                found = wanted(self)
                if found:
                    return found
                left = deadline - monotonic()
                assert left > 0, f"did not arrive within {timeout_s} s; here: {self}"
                self._changed.wait(min(left, 1))

    def spans(self) -> list[Span]:
        return [
            Span(
                span.trace_id.hex(),
                span.span_id.hex(),
                span.parent_span_id.hex(),
                span.name,
                span.kind,
                plain(span.attributes),
                plain(group.resource.attributes),
                span.status.code,
                span.end_time_unix_nano - span.start_time_unix_nano,
                [event.name for event in span.events],
            )
            for group in self._groups("/v1/traces", "resource_spans")
            for scope in group.scope_spans
            for span in scope.spans
        ]

    def logs(self) -> list[Log]:
        return [
            Log(
                record.trace_id.hex(),
                record.span_id.hex(),
                record.severity_text,
                record.body.string_value,
                scope.scope.name,
                plain(record.attributes),
                plain(group.resource.attributes),
            )
            for group in self._groups("/v1/logs", "resource_logs")
            for scope in group.scope_logs
            for record in scope.log_records
        ]

    def points(self, name: str) -> list[Point]:
        """Returns every point received of a metric; a histogram's value is its count."""
        return [
            _point(metric, point, group)
            for group in self._groups("/v1/metrics", "resource_metrics")
            for scope in group.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in getattr(metric, metric.WhichOneof("data")).data_points
        ]

    def last_points(self, name: str) -> dict[tuple[str, ...], float]:
        """Returns the newest value by instance id and sorted label values."""
        newest: dict[tuple[str, ...], float] = {}
        for point in self.points(name):
            labels = (f"{k}={v}" for k, v in sorted(point.attributes.items()))
            newest[(point.resource["service.instance.id"], *labels)] = point.value
        return newest

    def _groups(self, path: str, field_name: str) -> Iterator[Any]:
        for received in list(self.received):
            if received.path == path:
                yield from getattr(received.message, field_name)


def plain(attributes: Any) -> dict[str, Any]:
    """Returns a list of KeyValue as a dictionary of Python's values."""
    return {item.key: _value(item.value) for item in attributes}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return plain(value.kvlist_value.values)
    return getattr(value, kind) if kind else None


def _point(metric: Any, point: Any, group: Any) -> Point:
    is_histogram = metric.WhichOneof("data") == "histogram"
    value = point.count if is_histogram else getattr(point, point.WhichOneof("value"))
    return Point(
        metric.name,
        metric.unit,
        plain(point.attributes),
        plain(group.resource.attributes),
        value,
        tuple(point.explicit_bounds) if is_histogram else (),
        tuple(exemplar.trace_id.hex() for exemplar in point.exemplars),
    )


def _handler(sink: OtlpSink) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def setup(self) -> None:
            super().setup()
            sink.connections.add(self.connection)

        def finish(self) -> None:
            super().finish()
            sink.connections.discard(self.connection)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            headers = {key.lower(): value for key, value in self.headers.items()}
            status, extra = sink.take(self.path, headers, body)
            answer = sink.answer_body if status == 200 else b""
            self.send_response(status)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", str(len(answer)))
            for key, value in extra.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler
