"""A vario server of its own for a measurement, started as a user would start it."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
from tests.support.server import free_ports


@dataclass(frozen=True, slots=True)
class Running:
    """A server that has answered its first request `started_s` seconds after its command."""

    process: psutil.Process
    api: str
    otlp: str
    started_s: float
    folder: Path

    def cpu_s(self) -> float:
        """CPU seconds that the server has used so far, user and system."""
        times = self.process.cpu_times()
        return times.user + times.system

    def resident_mib(self) -> float:
        """Resident memory in MiB."""
        return self.process.memory_info().rss / 2**20

    def disk_bytes(self, table: str) -> tuple[int, int]:
        """Rows and bytes on disk of one table."""
        answer = httpx.get(f"{self.api}/api/status", timeout=30).json()
        for entry in answer["tables"]:
            if entry["table"] == table:
                return entry["rows"], entry["bytes"]
        return 0, 0


@contextmanager
def running_server(*flags: str) -> Iterator[Running]:
    """Runs `vario up` on free ports over a new folder until the block ends."""
    api, otlp, grpc = free_ports(3)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "server.log"
        begun = time.perf_counter()
        with log.open("wb") as out:
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "vario.cli",
                    "up",
                    "--data",
                    f"{folder}/data",
                    "--port",
                    str(api),
                    "--otlp-http-port",
                    str(otlp),
                    "--otlp-grpc-port",
                    str(grpc),
                    *flags,
                ],
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_until_ready(f"http://127.0.0.1:{api}/readyz", process, log)
            yield Running(
                process=psutil.Process(process.pid),
                api=f"http://127.0.0.1:{api}",
                otlp=f"http://127.0.0.1:{otlp}",
                started_s=time.perf_counter() - begun,
                folder=Path(folder) / "data",
            )
        finally:
            process.terminate()
            process.wait(30)


def wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Returns once `url` answers 200; raises with the log where it does not in three minutes."""
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}:\n{log.read_text()}")
        try:
            if httpx.get(url, timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.02)
    raise RuntimeError(f"the server was not ready within 180 s:\n{log.read_text()}")
