"""Clients at every door that remember what was acknowledged, and the search for what is missing."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cramjam
import grpc
import httpx
from tests.support import remote
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

ITEMS = 5
"""Spans, records or points of a request."""
START_S = 300
"""How long a server may take to start: 3 s, but on a machine that is busy with other things."""
_GRPC = "/opentelemetry.proto.collector.{0}.v1.{1}Service/Export"
_RETRY = (429, 503)
_GRPC_RETRY = (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE)


def _spans(service: str, number: int) -> bytes:
    now = time.time_ns()
    spans = [make_span(trace=number, span=n, start_ns=now) for n in range(1, ITEMS + 1)]
    return traces_body(service, *spans)


def _records(service: str, number: int) -> bytes:
    records = [make_log(f"{number}/{n}", time_ns=time.time_ns()) for n in range(ITEMS)]
    return logs_body(service, *records)


def _points(service: str, number: int) -> bytes:
    points = [
        make_point(1, time_ns=time.time_ns(), attributes={"item": f"{number}/{n}"})
        for n in range(ITEMS)
    ]
    return metrics_body(service, make_gauge("crash_points", *points))


def _series(service: str, number: int) -> list[remote.Series]:
    now_ms = time.time_ns() // 1_000_000
    return [
        remote.series("crash_points", (now_ms, 1.0), job=service, item=f"{number}/{n}")
        for n in range(ITEMS)
    ]


def _written_v1(service: str, number: int) -> bytes:
    return bytes(cramjam.snappy.compress_raw(remote.v1(*_series(service, number))))


def _written_v2(service: str, number: int) -> bytes:
    return bytes(cramjam.snappy.compress_raw(remote.v2(*_series(service, number))))


@dataclass(frozen=True, slots=True)
class Door:
    """One way in: what is sent there, and in which table of the answer it is looked for."""

    name: str
    kind: str
    make: Callable[[str, int], bytes]
    path: str
    content_type: str = "application/x-protobuf"

    @property
    def headers(self) -> dict[str, str]:
        """What an HTTP request carries."""
        snappy = {"content-encoding": "snappy"} if self.path == "/api/v1/write" else {}
        return {"content-type": self.content_type, **snappy}


DOORS = (
    Door("http-traces", "traces", _spans, "/v1/traces"),
    Door("http-logs", "logs", _records, "/v1/logs"),
    Door("http-metrics", "metrics", _points, "/v1/metrics"),
    Door("grpc-traces", "traces", _spans, _GRPC.format("trace", "Trace"), "grpc"),
    Door("grpc-logs", "logs", _records, _GRPC.format("logs", "Logs"), "grpc"),
    Door("grpc-metrics", "metrics", _points, _GRPC.format("metrics", "Metrics"), "grpc"),
    Door("remote-1", "metrics", _written_v1, "/api/v1/write"),
    Door(
        "remote-2",
        "metrics",
        _written_v2,
        "/api/v1/write",
        "application/x-protobuf;proto=io.prometheus.write.v2.Request",
    ),
)


class Senders:
    """One client at each door that sends one request after the other until the server is gone.

    Attributes:
        acknowledged: numbers of requests by the name of the door.
        refused: how many requests were told to come again.
        faults: answers that no client should ever see.
    """

    def __init__(self, addresses: Addresses, round_number: int) -> None:
        """Starts the clients."""
        self.round_number = round_number
        self.acknowledged: dict[str, list[int]] = {door.name: [] for door in DOORS}
        self.refused = 0
        self._times: dict[int, float] = {}
        self.faults: list[str] = []
        self._addresses = addresses
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._send, args=(place, door), daemon=True)
            for place, door in enumerate(DOORS)
        ]
        for thread in self._threads:
            thread.start()

    def count(self) -> int:
        """Returns how many requests were acknowledged so far."""
        return sum(map(len, self.acknowledged.values()))

    def snapshot(self) -> dict[str, list[int]]:
        """Returns what is acknowledged now."""
        return {name: list(numbers) for name, numbers in self.acknowledged.items()}

    def times(self) -> dict[int, float]:
        """Returns when each request was acknowledged, by its number, in monotonic seconds."""
        return dict(self._times)

    def wait_for(self, requests: int, timeout_s: float = 180) -> None:
        """Returns once as many requests of every door were acknowledged."""
        deadline = time.monotonic() + timeout_s
        while min(map(len, self.acknowledged.values())) < requests:
            assert not self.faults, self.faults
            assert time.monotonic() < deadline, self.acknowledged
            time.sleep(0.005)

    def end(self) -> None:
        """Stops the clients and returns once they have stopped."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _send(self, place: int, door: Door) -> None:
        opened = self._grpc(door) if door.content_type == "grpc" else self._http(door)
        with opened as post:
            self._send_all(place, door, post)

    def _send_all(self, place: int, door: Door, post: Callable[[bytes], str]) -> None:
        number = self.round_number * 1_000_000 + place * 100_000
        service = service_of(self.round_number, door)
        while not self._stop.is_set():
            number += 1
            body = door.make(service, number)
            while (outcome := post(body)) == "again":
                self.refused += 1
                if self._stop.wait(0.1):
                    break
            if outcome == "gone":
                return
            if outcome == "ok":
                self._times[number] = time.monotonic()
                self.acknowledged[door.name].append(number)
            elif outcome != "again":
                self.faults.append(f"{door.name}: {outcome}")
                return

    @contextmanager
    def _http(self, door: Door) -> Iterator[Callable[[bytes], str]]:
        address = self._addresses.otlp_http
        with httpx.Client(base_url=address, headers=door.headers, timeout=30) as client:

            def post(body: bytes) -> str:
                try:
                    answer = client.post(door.path, content=body)
                except httpx.TransportError:
                    return "gone"
                if answer.status_code in _RETRY and "retry-after" in answer.headers:
                    return "again"
                return "ok" if answer.is_success else f"{answer.status_code} {answer.text}"

            yield post

    @contextmanager
    def _grpc(self, door: Door) -> Iterator[Callable[[bytes], str]]:
        with grpc.insecure_channel(self._addresses.otlp_grpc.partition("//")[2]) as channel:
            call: Any = channel.unary_unary(door.path)

            def post(body: bytes) -> str:
                try:
                    call(body, timeout=30)
                except grpc.RpcError as error:
                    return _outcome(error)
                return "ok"

            yield post


def _outcome(error: Any) -> str:
    # Only what the server itself says carries its details.
    told = any(key == "grpc-status-details-bin" for key, _ in error.trailing_metadata())
    if error.code() in _GRPC_RETRY and told:
        return "again"
    if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
        return "gone"
    return f"{error.code()} {error.details()}"


def unfolded(folder: Path) -> tuple[str, str]:
    """Returns flags of a server that keeps the label by which every point is found again.

    Each has a value of its own, which the guard would fold before long.
    """
    config = folder / "unfolded.toml"
    config.write_text("[guard]\ncardinality = false\n")
    return "--config", str(config)


def service_of(round_number: int, door: Door) -> str:
    """Returns the name under which a door's client of a round sends."""
    return f"crash-{round_number}-{door.name}"


def find_missing(
    api: str, round_number: int, acknowledged: dict[str, list[int]]
) -> dict[str, list[Any]]:
    """Returns, by the name of the door, what was acknowledged and is not there.

    Raises:
        AssertionError: the server does not answer a question with 200.
    """
    finders = {"traces": _find_traces, "logs": _find_logs, "metrics": _find_metrics}
    missing: dict[str, list[Any]] = {}
    for door in DOORS:
        numbers = acknowledged[door.name]
        found = finders[door.kind](api, service_of(round_number, door))
        if door.kind == "traces":
            sent = [(trace_hex(number), n) for number in numbers for n in range(ITEMS)]
        else:
            sent = [f"{number}/{n}" for number in numbers for n in range(ITEMS)]
        if lost := [item for item in sent if item not in found]:
            missing[door.name] = lost
    return missing


def _ask(api: str, path: str, **params: object) -> Any:
    answer = httpx.get(f"{api}{path}", params=params, timeout=60)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    return answer.json()


def _find_traces(api: str, service: str) -> set[Any]:
    where = f'service.name = "{service}"'
    found = _ask(api, "/api/traces", filter=where, limit=1000, start="now-3h")["traces"]
    return {(trace["trace_id"], n) for trace in found for n in range(trace["span_count"])}


def _find_logs(api: str, service: str) -> set[Any]:
    where = f'service.name = "{service}"'
    found: set[Any] = set()
    cursor: dict[str, str] = {}
    while True:
        page = _ask(api, "/api/logs", filter=where, limit=1000, start="now-3h", **cursor)
        found |= {record["body"] for record in page["logs"]}
        if not page["next_cursor"]:
            return found
        cursor = {"cursor": page["next_cursor"]}


def _find_metrics(api: str, service: str) -> set[Any]:
    query = f'last_over_time(crash_points{{job="{service}"}}[3h])'
    result = _ask(api, "/api/v1/query", query=query)["data"]["result"]
    return {entry["metric"]["item"] for entry in result}
