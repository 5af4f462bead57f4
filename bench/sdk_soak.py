"""A soak: millions of requests through the SDK, and the memory that the process then has.

`VARIO_SOAK_REQUESTS` says how many, 5,000,000 by default; what the receiver does not get in time
is dropped and counted, as it would be in a service that does nothing else.
"""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from time import perf_counter

from bench.report import Row
from bench.sdk import _configured, _receiver, _request_of_verbs

REQUESTS = int(os.environ.get("VARIO_SOAK_REQUESTS", "5000000"))


def run() -> list[Row]:
    """Returns resident memory after a tenth of the requests and after all, in MiB."""
    with _receiver("ok") as url:
        done = subprocess.run(
            [sys.executable, "-m", "bench.sdk_soak"],
            env={**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": url},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    found = json.loads(done.stdout)
    return [
        Row(f"resident memory after {part:.0%}", value, "MiB", note=f"of {REQUESTS:,} requests")
        for part, value in found["memory"]
    ] + [
        Row("requests a second", found["rate"], "1/s"),
        Row("spans dropped and counted", found["dropped"], "spans", note=f"of {4 * REQUESTS:,}"),
    ]


def _soak() -> None:
    vario = _configured()
    request = _request_of_verbs(vario)
    memory: list[tuple[float, float]] = []
    start = perf_counter()
    for tenth in range(10):
        for _ in range(REQUESTS // 10):
            request()
        memory.append(((tenth + 1) / 10, _resident_mib()))
    took = perf_counter() - start
    vario.flush(30)
    from vario.sdk.state import current

    pipeline = current()
    assert pipeline is not None
    dropped = pipeline.recorder.spans.dropped
    print(json.dumps({"memory": memory, "rate": REQUESTS / took, "dropped": dropped}))


def _resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, handlers=[logging.NullHandler()])
    _soak()
