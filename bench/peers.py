"""vario and what it is measured beside: other people's programs, each over a folder of its own.

Neither of Debian's packages takes OTLP, so doors are compared by remote write.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from tests.support.server import free_port

from bench.server import running_server, wait_until_ready

PEERS = Path(__file__).parents[2] / "shared" / "conformance" / "peers"


@dataclass(frozen=True, slots=True)
class System:
    """Something that takes remote write and answers PromQL."""

    name: str
    process: psutil.Process
    write_url: str
    query_url: str
    folder: Path
    sample_bytes: Callable[[], int] | None = None

    def cpu_s(self) -> float:
        """CPU seconds used so far."""
        times = self.process.cpu_times()
        return times.user + times.system

    def disk_bytes(self) -> int:
        """Bytes of all its files."""
        return sum(p.stat().st_size for p in self.folder.rglob("*") if p.is_file())


@contextmanager
def run_vario() -> Iterator[System]:
    """Runs vario until the block ends."""
    with running_server() as server:
        yield System(
            "vario", server.process, f"{server.api}/api/v1/write", server.api,
            server.folder,
            lambda: server.disk_bytes("metric_samples")[1],
        )  # fmt: skip


@contextmanager
def run_prometheus() -> Iterator[System | None]:
    """Runs Prometheus until the block ends; says so and yields None where it is not at hand."""
    package = next(PEERS.glob("prometheus_*.deb"), None)
    if package is None or not shutil.which("dpkg-deb"):
        print(f"no Prometheus beside vario: its Debian package is not in {PEERS.name}/")
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["dpkg-deb", "-x", package, folder], check=True)
        config = Path(folder) / "prometheus.yml"
        config.write_text("global: {scrape_interval: 15s}\n", encoding="utf-8")
        port = free_port()
        command = [
            f"{folder}/usr/bin/prometheus", f"--config.file={config}",
            f"--storage.tsdb.path={folder}/data", f"--web.listen-address=127.0.0.1:{port}",
            "--web.enable-remote-write-receiver", "--storage.tsdb.retention.time=30d",
        ]  # fmt: skip
        with _running("prometheus", command, f"http://127.0.0.1:{port}/-/ready", folder) as process:
            url = f"http://127.0.0.1:{port}"
            data = Path(folder) / "data"
            yield System("prometheus", process, f"{url}/api/v1/write", url, data)


@contextmanager
def run_victoria() -> Iterator[System | None]:
    """Runs VictoriaMetrics until the block ends; says so and yields None where it is not."""
    binary = shutil.which("victoria-metrics")
    if binary is None:
        print("no VictoriaMetrics beside vario: `apt install victoria-metrics` brings it")
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        command = [
            binary, f"-storageDataPath={folder}/data", f"-httpListenAddr=127.0.0.1:{port}",
            "-retentionPeriod=30d",
        ]  # fmt: skip
        url = f"http://127.0.0.1:{port}"
        with _running("victoria-metrics", command, f"{url}/health", folder) as process:
            data = Path(folder) / "data"
            yield System("victoria-metrics", process, f"{url}/api/v1/write", url, data)


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
