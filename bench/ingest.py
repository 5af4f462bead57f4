"""What the doors cost: CPU seconds a million items, HTTP, decoding, writing, merging and all."""

import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from statistics import median

import httpx

from bench.bodies import SECOND_NS, log_bodies, metric_bodies, trace_bodies
from bench.floor import measure_floor
from bench.peers import System, run_prometheus, run_vario, run_victoria
from bench.report import Row
from bench.series import dashboard_load, write_bodies
from bench.server import Running, running_server
from vario.model.telemetry import Signal

ROUNDS = 3
SENDERS = 4
OTLP = {"content-type": "application/x-protobuf"}
REMOTE_WRITE = OTLP | {"content-encoding": "snappy", "x-prometheus-remote-write-version": "0.1.0"}


def run() -> list[Row]:
    """Measures start-up, idle memory, and each OTLP signal over HTTP with prepared bodies."""
    starts: list[float] = []
    for _ in range(ROUNDS):
        with running_server() as server:
            starts.append(server.started_s)
            time.sleep(2)
            idle = server.resident_mib()
    rows = [
        Row("command to first answered request", median(starts), "s", "3"),
        Row("idle resident memory", idle, "MiB", "350"),
    ]
    now = time.time_ns() - 3600 * SECOND_NS
    traces = [list(trace_bodies(40, 1600, seed=s, start_ns=now)) for s in range(ROUNDS)]
    logs = [list(log_bodies(40, 8000, seed=s, start_ns=now)) for s in range(ROUNDS)]
    points = [
        list(metric_bodies(13, 8000, start_ns=now + s * 15 * SECOND_NS)) for s in range(ROUNDS)
    ]
    with running_server() as server:
        rows += _signal(server, Signal.TRACES, "otel_traces", 40 * 8000, "5", traces)
        rows += _signal(server, Signal.LOGS, "otel_logs", 40 * 8000, "6", logs)
        rows += _signal(server, Signal.METRICS, "metric_samples", 13 * 8000, "6", points)
        rows.append(Row("resident memory after all", server.resident_mib(), "MiB"))
    rows += _written()
    for signal, bodies, items in (
        (Signal.TRACES, traces[0], 40 * 8000),
        (Signal.LOGS, logs[0], 40 * 8000),
        (Signal.METRICS, points[0], 13 * 8000),
    ):
        floors = measure_floor(signal, bodies, items)
        cost = next(row.value for row in rows if row.name == f"OTLP {signal}: cost")
        ratio = cost / floors[-1].value
        rows += [*floors, Row(f"OTLP {signal}: cost over floor", ratio, "times", note="same run")]
    return rows


def _written() -> Iterator[Row]:
    """Yields what the same samples cost by remote write, which the peers at hand take as well."""
    start_ms = time.time_ns() // 1_000_000 - 3_600_000
    sent = list(
        write_bodies(dashboard_load(), start_ms=start_ms, steps=60, steps_each=1, series_each=2_000)
    )
    samples = sum(count for _, count in sent)
    own = 0.0
    for start in (run_vario, run_prometheus, run_victoria):
        with start() as system:
            if system is None:
                continue
            before = system.cpu_s()
            # One after the other: samples of a series must arrive in order.
            _send(system.write_url, (body for body, _ in sent), REMOTE_WRITE, senders=1)
            _wait_for_quiet(system)
            cost = (system.cpu_s() - before) / samples * 1e6
        own = own or cost
        note = f"{1e6 / cost:,.0f} a CPU second, {cost / own:.2f} of vario's; same bodies"
        yield Row(f"{system.name}: remote write: cost", cost, "CPU-s a million", note=note)


def _signal(
    server: Running, signal: str, table: str, items: int, goal: str, rounds: list[list[bytes]]
) -> list[Row]:
    rates: list[float] = []
    cpu: list[float] = []
    for bodies in rounds:
        before, begun = server.cpu_s(), time.perf_counter()
        _send(f"{server.otlp}/v1/{signal}", bodies)
        rates.append(items / (time.perf_counter() - begun))
        _wait_for_quiet(server)
        cpu.append((server.cpu_s() - before) / items * 1e6)
    rows, size = server.disk_bytes(table)
    return [
        Row(f"OTLP {signal}: accepted", median(rates), "items/s", note=f"{SENDERS} senders"),
        Row(
            f"OTLP {signal}: cost",
            median(cpu),
            "CPU-s a million",
            goal,
            f"{1e6 / median(cpu):,.0f} a CPU second, merges included",
        ),
        Row(f"OTLP {signal}: disk", size / max(rows, 1), "bytes an item"),
    ]


def _send(
    url: str,
    bodies: Iterable[bytes],
    headers: Mapping[str, str] = OTLP,
    *,
    senders: int = SENDERS,
) -> None:
    with (
        httpx.Client(timeout=60, headers=dict(headers)) as client,
        ThreadPoolExecutor(senders) as pool,
    ):
        for answer in pool.map(lambda body: client.post(url, content=body), bodies):
            answer.raise_for_status()


def _wait_for_quiet(server: Running | System) -> None:
    """Returns once background merges have settled: under a tenth of a core for a second."""
    for _ in range(30):
        before = server.cpu_s()
        time.sleep(1)
        if server.cpu_s() - before < 0.1:
            return
