"""Remote write and dashboard queries beside Prometheus (and VictoriaMetrics where it is installed).

Every system gets the same samples in the same order over one connection, then answers the same
five queries; rounds alternate between the systems, so that a busy machine slows all alike.
"""

import math
import os
import time
from contextlib import ExitStack
from statistics import median

import httpx

from bench.peers import System, run_prometheus, run_vario, run_victoria
from bench.report import Row
from bench.series import STEP_MS, dashboard_load, write_bodies

HOURS = float(os.environ.get("VARIO_BENCH_HOURS", "24"))
ROUNDS = 5
SETTLE_S = 100
"""Parts that were merged stay on vario's disk for a minute, as a remedy for power cuts."""

QUERIES = {
    "sum by (region) (rate) 8h/60s": (
        "sum by (region) (rate(inference_requests_total[5m]))", 8 * 3600, 60),
    "p95 from buckets 8h/60s": (
        "histogram_quantile(0.95, sum by (le, region) "
        "(rate(inference_latency_seconds_bucket[5m])))", 8 * 3600, 60),
    "topk 8h/60s": ("topk(5, avg by (instance) (gpu_utilization_ratio))", 8 * 3600, 60),
    "error ratio 1h/15s": (
        'sum(rate(inference_requests_total{status="500"}[5m])) '
        "/ sum(rate(inference_requests_total[5m]))", 3600, 15),
    "one series 8h/60s": (
        'gpu_utilization_ratio{instance="i7", gpu="3"}', 8 * 3600, 60),
}  # fmt: skip


def run() -> list[Row]:
    """Writes a day into every system, then asks each the same questions."""
    with ExitStack() as stack:
        systems = [stack.enter_context(run_vario())]
        for start in (run_prometheus, run_victoria):
            system = stack.enter_context(start())
            if system:
                systems.append(system)
        end_ms = int(time.time() * 1000) // STEP_MS * STEP_MS
        steps = int(HOURS * 3600_000 // STEP_MS)
        rows = _write(systems, start_ms=end_ms - (steps - 1) * STEP_MS, steps=steps)
        time.sleep(SETTLE_S)
        for system in systems:
            disk = system.disk_bytes() / (steps * 10_000)
            rows.append(Row(f"{system.name}: disk", disk, "bytes a sample", "1.3"))
            if system.sample_bytes:
                used = system.sample_bytes() / (steps * 10_000)
                rows.append(Row(f"{system.name}: disk, samples in use", used, "bytes a sample"))
        for title, (query, window, step) in QUERIES.items():
            rows += _ask(systems, title, query, end_ms / 1000, window, step)
        return rows


def _write(systems: list[System], *, start_ms: int, steps: int) -> list[Row]:
    load = dashboard_load()
    spent = dict.fromkeys((s.name for s in systems), 0.0)
    samples = 0
    headers = {
        "content-type": "application/x-protobuf",
        "content-encoding": "snappy",
        "x-prometheus-remote-write-version": "0.1.0",
    }
    with httpx.Client(timeout=120) as client:
        bodies = write_bodies(load, start_ms=start_ms, steps=steps, steps_each=20, series_each=2000)
        for body, count in bodies:
            samples += count
            for system in systems:
                before = system.cpu_s()
                client.post(system.write_url, content=body, headers=headers).raise_for_status()
                spent[system.name] += system.cpu_s() - before
    return [
        Row(f"{name}: remote write", cpu / samples * 1e6, "CPU-s a million", "2.4",
            f"{samples / max(cpu, 1e-9) / 1e6:.2f} M samples a CPU second")
        for name, cpu in spent.items()
    ]  # fmt: skip


def _ask(
    systems: list[System], title: str, query: str, end_s: float, window_s: int, step_s: int
) -> list[Row]:
    parameters = {"query": query, "start": end_s - window_s, "end": end_s, "step": step_s}
    taken: dict[str, list[float]] = {s.name: [] for s in systems}
    cpu = dict.fromkeys(taken, 0.0)
    answers: dict[str, object] = {}
    with httpx.Client(timeout=120) as client:
        for _ in range(ROUNDS):
            for system in systems:
                begun, before = time.perf_counter(), system.cpu_s()
                answer = client.get(f"{system.query_url}/api/v1/query_range", params=parameters)
                taken[system.name].append(time.perf_counter() - begun)
                cpu[system.name] += system.cpu_s() - before
                answers[system.name] = answer.raise_for_status().json()["data"]["result"]
    oracle = answers.get("prometheus")
    return [
        Row(f"{s.name}: {title}", median(taken[s.name]) * 1000, "ms",
            note=f"{cpu[s.name] / ROUNDS * 1000:.0f} ms CPU" + (
                f", {_agreement(answers[s.name], oracle)}" if oracle and s.name == "vario" else ""))
        for s in systems
    ]  # fmt: skip


def _agreement(ours: object, theirs: object) -> str:
    def values(result: object) -> dict[tuple[object, ...], float]:
        return {
            (tuple(sorted(series["metric"].items())), time_s): float(value)
            for series in result  # type: ignore[attr-defined]
            for time_s, value in series["values"]
        }

    mine, other = values(ours), values(theirs)
    same = mine.keys() == other.keys() and all(
        math.isclose(mine[key], other[key], rel_tol=1e-9) or mine[key] != mine[key] for key in mine
    )
    return "same answer as Prometheus" if same else "DIFFERS from Prometheus"
