"""Remote write and dashboard queries beside Prometheus (and VictoriaMetrics where it is installed).

Every system gets the same samples in the same order over one connection, then answers the same
five queries; rounds alternate between the systems, so that a busy machine slows all alike.
"""

import math
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import httpx
import psutil

from bench.report import Row
from bench.series import STEP_MS, dashboard_load, write_bodies
from bench.server import free_ports, running_server, wait_until_ready

HOURS = float(os.environ.get("VARIO_BENCH_HOURS", "24"))
ROUNDS = 5
PEERS = Path(__file__).parents[2] / "shared" / "conformance" / "peers"

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


@dataclass(frozen=True, slots=True)
class System:
    """Something that takes remote write and answers PromQL."""

    name: str
    process: psutil.Process
    write_url: str
    query_url: str
    folder: Path

    def cpu_s(self) -> float:
        """CPU seconds used so far."""
        times = self.process.cpu_times()
        return times.user + times.system

    def disk_bytes(self) -> int:
        """Bytes of all its files."""
        return sum(p.stat().st_size for p in self.folder.rglob("*") if p.is_file())


def run() -> list[Row]:
    """Writes a day into every system, then asks each the same questions."""
    with ExitStack() as stack:
        systems = [stack.enter_context(_vario())]
        for start in (_prometheus, _victoria):
            system = stack.enter_context(start())
            if system:
                systems.append(system)
        end_ms = int(time.time() * 1000) // STEP_MS * STEP_MS
        steps = int(HOURS * 3600_000 // STEP_MS)
        rows = _write(systems, start_ms=end_ms - (steps - 1) * STEP_MS, steps=steps)
        time.sleep(15)
        rows += [
            Row(f"{s.name}: disk", s.disk_bytes() / (steps * 10_000), "bytes a sample", "1.3")
            for s in systems
        ]
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
    answers: dict[str, object] = {}
    with httpx.Client(timeout=120) as client:
        for _ in range(ROUNDS):
            for system in systems:
                begun = time.perf_counter()
                answer = client.get(f"{system.query_url}/api/v1/query_range", params=parameters)
                taken[system.name].append(time.perf_counter() - begun)
                answers[system.name] = answer.raise_for_status().json()["data"]["result"]
    oracle = answers.get("prometheus")
    return [
        Row(f"{s.name}: {title}", median(taken[s.name]) * 1000, "ms",
            note="" if oracle is None or s.name != "vario" else _agreement(answers[s.name], oracle))
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


@contextmanager
def _vario() -> Iterator[System]:
    with running_server() as server:
        yield System(
            "vario", server.process, f"{server.api}/api/v1/write", server.api, server.folder
        )


@contextmanager
def _prometheus() -> Iterator[System | None]:
    package = next(PEERS.glob("prometheus_*.deb"), None)
    if package is None or not shutil.which("dpkg-deb"):
        print(f"no Prometheus beside vario: its Debian package is not in {PEERS.name}/")
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["dpkg-deb", "-x", package, folder], check=True)
        config = Path(folder) / "prometheus.yml"
        config.write_text("global: {scrape_interval: 15s}\n", encoding="utf-8")
        (port,) = free_ports(1)
        command = [
            f"{folder}/usr/bin/prometheus", f"--config.file={config}",
            f"--storage.tsdb.path={folder}/data", f"--web.listen-address=127.0.0.1:{port}",
            "--web.enable-remote-write-receiver", "--storage.tsdb.retention.time=30d",
        ]  # fmt: skip
        with _running("prometheus", command, f"http://127.0.0.1:{port}/-/ready", folder) as process:
            url = f"http://127.0.0.1:{port}"
            yield System("prometheus", process, f"{url}/api/v1/write", url, Path(folder) / "data")


@contextmanager
def _victoria() -> Iterator[System | None]:
    binary = shutil.which("victoria-metrics")
    if binary is None:
        print("no VictoriaMetrics beside vario: `apt install victoria-metrics` brings it")
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        (port,) = free_ports(1)
        command = [
            binary, f"-storageDataPath={folder}/data", f"-httpListenAddr=127.0.0.1:{port}",
            "-retentionPeriod=30d",
        ]  # fmt: skip
        url = f"http://127.0.0.1:{port}"
        with _running("victoria-metrics", command, f"{url}/health", folder) as process:
            yield System(
                "victoria-metrics", process, f"{url}/api/v1/write", url, Path(folder) / "data"
            )


@contextmanager
def _running(name: str, command: list[str], ready: str, folder: str) -> Iterator[psutil.Process]:
    log = Path(folder) / f"{name}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
    try:
        wait_until_ready(ready, process, log)
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(30)
