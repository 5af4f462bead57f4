"""SIGKILL while clients send, and start again: nothing that was acknowledged is missing."""

import random
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
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
from tests.support.server import Process, ask

from vario.model.telemetry import Signal

ROUNDS = 20
CLIENTS = 2
"""Clients of each signal; each sends one request after the other."""
ITEMS = 5


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


BODIES: dict[Signal, Callable[[str, int], bytes]] = {
    Signal.TRACES: _spans,
    Signal.LOGS: _records,
    Signal.METRICS: _points,
}


class Senders:
    """Clients that send until the server is gone, and remember what was acknowledged."""

    def __init__(self, address: str, round_number: int) -> None:
        self.service = f"crash-{round_number}"
        self.acknowledged: dict[Signal, set[int]] = {signal: set() for signal in Signal}
        self._address = address
        self._first = round_number * 1_000_000
        self._threads = [
            threading.Thread(target=self._send, args=(kind, client))
            for kind in Signal
            for client in range(CLIENTS)
        ]
        for thread in self._threads:
            thread.start()

    def wait_for(self, requests: int) -> None:
        """Returns once as many requests of every signal were acknowledged."""
        deadline = time.monotonic() + 60
        while min(map(len, self.acknowledged.values())) < requests:
            assert time.monotonic() < deadline, self.acknowledged
            time.sleep(0.002)

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _send(self, kind: Signal, client: int) -> None:
        number = self._first + client * 100_000
        with httpx.Client(
            base_url=self._address, headers={"content-type": "application/x-protobuf"}
        ) as http:
            while True:
                number += 1
                body = BODIES[kind](self.service, number)
                try:
                    answer = http.post(f"/v1/{kind}", content=body, timeout=30)
                except httpx.TransportError:
                    return
                assert answer.status_code == 200, answer.text
                self.acknowledged[kind].add(number)


def _missing(api: str, senders: Senders) -> dict[Signal, set[Any]]:
    """Returns what was acknowledged and is not there."""
    service = senders.service
    where = f'service.name = "{service}"'
    traces: Any = ask(api, "/api/traces", filter=where, limit=1000)
    logs: Any = ask(api, "/api/logs", filter=where, limit=1000)
    points: Any = ask(
        api, "/api/v1/query", query=f'last_over_time(crash_points{{job="{service}"}}[1h])'
    )
    found: dict[Signal, set[Any]] = {
        Signal.TRACES: {
            (trace["trace_id"], n) for trace in traces["traces"] for n in range(trace["span_count"])
        },
        Signal.LOGS: {record["body"] for record in logs["logs"]},
        Signal.METRICS: {entry["metric"]["item"] for entry in points["data"]["result"]},
    }
    sent: dict[Signal, set[Any]] = {
        kind: {
            (trace_hex(number), n) if kind is Signal.TRACES else f"{number}/{n}"
            for number in numbers
            for n in range(ITEMS)
        }
        for kind, numbers in senders.acknowledged.items()
    }
    return {kind: sent[kind] - found[kind] for kind in Signal}


@pytest.mark.crash
@pytest.mark.timeout(600)
def test_what_was_acknowledged_survives_sigkill(tmp_path: Path) -> None:
    dice = random.Random(7)
    nothing = {kind: set[Any]() for kind in Signal}
    server = Process(tmp_path)
    rounds: list[Senders] = []
    for number in range(ROUNDS):
        server.start()
        if rounds:
            assert _missing(server.addresses.api, rounds[-1]) == nothing
        rounds.append(Senders(server.addresses.otlp_http, number))
        rounds[-1].wait_for(dice.randint(1, 2))
        # Anywhere in the inserts that follow.
        time.sleep(dice.uniform(0, 0.1))
        server.end(signal.SIGKILL)
        rounds[-1].join()
    server.start()
    try:
        for senders in rounds:
            assert _missing(server.addresses.api, senders) == nothing
        totals = {
            kind: sum(len(senders.acknowledged[kind]) for senders in rounds) for kind in Signal
        }
        print(f"{ROUNDS} rounds, requests acknowledged: {totals}")
        assert min(totals.values()) >= ROUNDS
    finally:
        server.end()
