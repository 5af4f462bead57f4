"""A `vario demo` of a test's own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

COMMAND = [sys.executable, "-m", "vario.cli", "demo", "--no-open"]
FREE_PORTS = ["--port", "0", "--otlp-http-port", "0", "--otlp-grpc-port", "0"]


class Running:
    """A demo, and what it has printed."""

    def __init__(self, process: subprocess.Popen[str], data: Path) -> None:
        self.process = process
        self.data = data
        self.said: list[str] = []
        assert process.stdout is not None
        for line in process.stdout:
            self.said.append(line.rstrip())
            if line.startswith("vario is live: "):
                self.url = line.split()[-1]
                return
        pytest.fail("\n".join(self.said))

    def get(self, path: str) -> Any:
        with urlopen(self.url + path, timeout=10) as answer:
            return json.load(answer)

    def wait_for(self, path: str, wanted: Any, timeout_s: float = 60) -> Any:
        deadline_s = time.monotonic() + timeout_s
        while True:
            answer = self.get(path)
            if found := wanted(answer):
                return found
            assert time.monotonic() < deadline_s, answer
            time.sleep(0.2)


@contextmanager
def run_demo(data: Path, *more: str) -> Generator[Running]:
    """Runs a demo in a folder until the end of the block."""
    environment = {**os.environ, "OTEL_SDK_DISABLED": "true"}  # the user's: not the demo's
    process = subprocess.Popen(
        [*COMMAND, *FREE_PORTS, "--data", str(data), "--rate", "10", *more],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        yield Running(process, data)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(60)
        assert process.stdout is not None
        process.stdout.close()
