"""A soak at 70 % of what the machine takes: do memory, latency and the number of parts stay flat?

`VARIO_BENCH_SECONDS` says how long (1,800). First the doors are driven as fast as they go, which
gives the maximum; then traces, logs and metrics are sent at 70 % of it, timed one by one. Bodies
are made beforehand and sent again and again (`ingest.remember_s` is 0): making them costs three
times what storing them does.
"""

import os
import random
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import httpx
import numpy as np

from bench.bodies import log_bodies, metric_bodies, trace_bodies
from bench.report import Row
from bench.server import Running, running_server

SECONDS = float(os.environ.get("VARIO_BENCH_SECONDS", "1800"))
SHARE = 0.7
SENDERS = 16
POOL = 12
"""Different bodies of each signal."""
ITEMS = 1000
"""Items of each body: what an SDK's or a collector's batch holds."""
_HEADERS = {"content-type": "application/x-protobuf"}


@dataclass
class Taken:
    """What was seen: (seconds since the start, value) of each, in order."""

    latency_ms: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    memory_mib: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    parts: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    refused: int = 0


def run() -> list[Row]:
    """Soaks a server and reports slopes over the second half, when caches are full."""
    bodies = _make_bodies()
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as config:
        config.write("[ingest]\nremember_s = 0\n")
        config.flush()
        with running_server("--config", config.name) as server:
            begin_s = max(5.0, min(30.0, SECONDS / 10))
            most = _drive(server, bodies, Taken(), seconds=begin_s, pause_s=0.0)
            taken = Taken()
            pause_s = SENDERS / (most * SHARE)
            rate = _drive(server, bodies, taken, seconds=SECONDS, pause_s=pause_s)
    half = SECONDS / 2
    early = [value for at, value in taken.latency_ms if at < half]
    late = [value for at, value in taken.latency_ms if at >= half]
    note = f"over the second half of {SECONDS:g} s"
    return [
        Row("most that is taken", most * ITEMS, "items/s", note=f"{SENDERS} senders, all signals"),
        Row("sent in the soak", rate * ITEMS, "items/s", note=f"{rate / most:.0%} of it"),
        Row("requests refused", taken.refused, "requests"),
        Row("memory at the end", taken.memory_mib[-1][1], "MiB"),
        Row("memory", 3600 * _slope(taken.memory_mib, half), "MiB an hour", note=note),
        Row("latency, first half", median(early), "ms", note=_p99(early)),
        Row("latency, second half", median(late), "ms", note=_p99(late)),
        Row("latency", 3600 * _slope(taken.latency_ms, half), "ms an hour", note=note),
        Row("parts, most", max(value for _, value in taken.parts), "parts"),
        Row("parts at the end", taken.parts[-1][1], "parts"),
        Row("parts", 3600 * _slope(taken.parts, half), "parts an hour", note=note),
    ]


def _drive(
    server: Running,
    bodies: list[tuple[str, bytes]],
    taken: Taken,
    *,
    seconds: float,
    pause_s: float,
) -> float:
    """Sends from several threads for a while; returns the requests a second that were stored."""
    begun = time.monotonic()
    stored = [0] * SENDERS

    def send(place: int) -> None:
        dice = random.Random(place)
        due = begun + pause_s * place / SENDERS
        with httpx.Client(timeout=60, headers=_HEADERS) as client:
            while (now := time.monotonic()) < begun + seconds:
                if now < due:
                    time.sleep(due - now)
                due = max(due + pause_s, now - 10 * pause_s)
                signal, body = dice.choice(bodies)
                sent = time.monotonic()
                answer = client.post(f"{server.otlp}/v1/{signal}", content=body)
                if answer.status_code == 200:
                    stored[place] += 1
                else:
                    taken.refused += 1
                taken.latency_ms.append((sent - begun, 1000 * (time.monotonic() - sent)))

    threads = [threading.Thread(target=send, args=(place,)) for place in range(SENDERS)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        at = time.monotonic() - begun
        taken.memory_mib.append((at, server.resident_mib()))
        taken.parts.append((at, _count_parts(server.folder)))
        time.sleep(1)
    for thread in threads:
        thread.join()
    return sum(stored) / (time.monotonic() - begun)


def _make_bodies() -> list[tuple[str, bytes]]:
    now = time.time_ns()
    return [
        *(("traces", body) for body in trace_bodies(POOL, ITEMS // 5, start_ns=now)),
        *(("logs", body) for body in log_bodies(POOL, ITEMS, start_ns=now)),
        *(("metrics", body) for body in metric_bodies(POOL, ITEMS, start_ns=now)),
    ]


def _count_parts(folder: Path) -> int:
    found = folder.glob("store/*/*/*/checksums.txt")
    return sum(1 for path in found if path.parents[1].name != "detached")


def _slope(points: list[tuple[float, float]], start: float) -> float:
    """Returns the slope a second of the points from `start` on."""
    times, values = zip(*(point for point in points if point[0] >= start), strict=True)
    return float(np.polyfit(times, values, 1)[0])


def _p99(values: list[float]) -> str:
    return f"p99 {np.quantile(values, 0.99):.0f} ms of {len(values)}"
