"""The whole server: in a thread of this process, or as a process of its own.

Only `chdb://memory/database` may be served in this process; what is on disk wants a process.
"""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import orjson

from vario.app.ports import Addresses
from vario.app.server import build
from vario.clock import Clock
from vario.config import IngestSettings, ServerSettings, Settings


@contextlib.contextmanager
def serving(settings: Settings, clock: Clock) -> Iterator[Addresses]:
    """Runs a server on free ports in a thread of this process."""
    free = replace(
        settings,
        server=replace(settings.server, port=0),
        ingest=replace(settings.ingest, otlp_http_port=0, otlp_grpc_port=0),
    )
    loop = asyncio.new_event_loop()
    app = build(free, clock)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield asyncio.run_coroutine_threadsafe(app.start(), loop).result(60)
    finally:
        asyncio.run_coroutine_threadsafe(app.stop(), loop).result(60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def free_ports(count: int) -> tuple[int, ...]:
    """Returns ports that were free a moment ago, each a different one."""
    with contextlib.ExitStack() as opened:
        sockets = [opened.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return tuple(each.getsockname()[1] for each in sockets)


def free_port() -> int:
    """Returns a port that was free a moment ago."""
    return free_ports(1)[0]


@dataclass
class Process:
    """`vario up` on free ports over a folder; may be killed and started again on the same."""

    folder: Path
    flags: tuple[str, ...] = ()
    ports: tuple[int, ...] = field(default_factory=lambda: free_ports(3))
    running: subprocess.Popen[bytes] | None = None

    @property
    def addresses(self) -> Addresses:
        api, http, grpc = (f"http://127.0.0.1:{port}" for port in self.ports)
        return Addresses(f"chdb://{self.folder / 'data'}", api, http, grpc)

    @property
    def log(self) -> str:
        return (self.folder / "server.log").read_text()

    def start(self, timeout_s: float = 180) -> None:
        """Starts the server and returns when it is ready."""
        api, http, grpc = (str(port) for port in self.ports)
        arguments = ["--port", api, "--otlp-http-port", http, "--otlp-grpc-port", grpc]
        with (self.folder / "server.log").open("ab") as log:
            self.running = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "vario.cli",
                    "up",
                    "--data",
                    str(self.folder / "data"),
                    *arguments,
                    *self.flags,
                ],
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline and self.running.poll() is None:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{self.addresses.api}/readyz", timeout=5).status_code == 200:
                    return
            time.sleep(0.02)
        raise AssertionError(f"the server is not ready:\n{self.log}")

    def end(self, number: int = signal.SIGTERM) -> int:
        """Sends a signal and returns the exit code."""
        assert self.running
        os.kill(self.running.pid, number)
        try:
            return self.running.wait(30)
        finally:
            self.running = None


@contextlib.contextmanager
def serving_process(folder: Path, *flags: str) -> Iterator[Process]:
    """Runs `vario up` in a process of its own until the block ends."""
    process = Process(folder, flags)
    try:
        process.start()
        yield process
    finally:
        if process.running:
            process.end()


def settings_for(dsn: str) -> Settings:
    """Returns settings that differ from the defaults in the store's address alone."""
    defaults = Settings(server=ServerSettings(), ingest=IngestSettings())
    return replace(defaults, store=replace(defaults.store, dsn=dsn))


def ask(address: str, path: str, **params: object) -> object:
    """Returns the API's answer to a GET that must succeed."""
    answer = httpx.get(f"{address}{path}", params=params, timeout=30)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    return orjson.loads(answer.content)
