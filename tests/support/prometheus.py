"""A live Prometheus, for tests that compare with it."""

import contextlib
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from tests.support.server import free_port


@dataclass(frozen=True)
class Prometheus:
    """One that runs."""

    address: str
    log_file: Path

    def ask(self, path: str, **params: object) -> Any:
        """Returns the data of an answer that must succeed."""
        return ask(self.address, path, **params)

    @property
    def log(self) -> str:
        return self.log_file.read_text()


def ask(address: str, path: str, **params: object) -> Any:
    """Returns the data that Prometheus' API gives at an address."""
    answer = httpx.get(f"{address}/api/v1/{path}", params=params, timeout=120)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


@contextlib.contextmanager
def running_prometheus(
    program: Path, folder: Path, config: dict[str, Any], *features: str
) -> Iterator[Prometheus]:
    """Runs Prometheus with a configuration on a free port until the block ends.

    `SELF` in the configuration stands for its own address.
    """
    port = free_port()
    (folder / "prometheus.yml").write_text(json.dumps(config).replace("SELF", f"127.0.0.1:{port}"))
    log_file = folder / "prometheus.log"
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [
                str(program),
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'prometheus-data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                f"--enable-feature={','.join(features)}",
            ],
            stdout=log,
            stderr=log,
        )
    running = Prometheus(f"http://127.0.0.1:{port}", log_file)
    try:
        wait_until(lambda: _is_ready(running.address), 60, running.log_file)
        yield running
    finally:
        process.terminate()
        process.wait(30)


def wait_until(done: Callable[[], bool], timeout_s: float, log_file: Path | None = None) -> None:
    """Returns once `done` says so; fails with the log if it never does."""
    deadline = time.monotonic() + timeout_s
    while not done():
        if time.monotonic() > deadline:
            log = log_file.read_text() if log_file else ""
            raise AssertionError(f"not within {timeout_s} s\n{log[-5000:]}")
        time.sleep(0.1)


def _is_ready(address: str) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"{address}/-/ready", timeout=5).status_code == 200
    return False
