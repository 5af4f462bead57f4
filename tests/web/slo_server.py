"""A server with SLOs in each state, made of what it is sent."""

import contextlib
import time
from collections.abc import Generator
from pathlib import Path

import httpx
from opentelemetry.proto.metrics.v1.metrics_pb2 import NumberDataPoint
from tests.support.otlp_factory import SECOND, make_point, make_sum, metrics_body
from tests.support.server import Process, serving_process

SLOS = """\
slos:
- name: infer-errors
  title: Inference answers
  service: ml-infer
  owner: ml-platform
  runbook: runbooks/errors.md
  sli: {errors: inference_requests_total}
  objective: 99%
  window: 7d
  by: region
- name: search-errors
  service: search
  owner: search-team
  runbook: https://runbooks.example/search
  sli: {errors: search_requests_total}
  objective: 99.95%
- name: absent
  service: nobody
  owner: ml-platform
  runbook: https://runbooks.example/absent
  sli: {errors: absent_requests_total}
  objective: 99%
"""
RUNBOOK = "# Errors of ml-infer\n\n1. Look at the newest release.\n"
SETTINGS = "[slo]\nevaluation_interval_s = 1\n"
HOURS = 5
EVERY_S = 60


def write_slo_files(folder: Path) -> list[str]:
    """Writes SLOs, a runbook and settings, and returns the flags that name them."""
    (folder / "runbooks").mkdir()
    (folder / "runbooks" / "errors.md").write_text(RUNBOOK, "utf-8")
    (folder / "slos.yml").write_text(SLOS, "utf-8")
    (folder / "vario.toml").write_text(SETTINGS, "utf-8")
    return ["--config", str(folder / "vario.toml"), "--slos", str(folder / "slos.yml")]


def send_requests(address: str) -> None:
    """Sends hours of requests: in us-east most fail, all else is well.

    The longest windows burn for an hour on, however slow the machine is."""
    now_ns = time.time_ns()
    ends = [now_ns - age * EVERY_S * SECOND for age in range(HOURS * 3600 // EVERY_S, -1, -1)]
    points = [
        point
        for region, bad in (("us-east", 8), ("eu-west", 0))
        for code, share in (("500", bad), ("200", 10 - bad))
        for point in _grow(ends, share, {"region": region, "code": code})
    ]
    bodies = {
        "ml-infer": make_sum("inference_requests_total", *points),
        "search": make_sum("search_requests_total", *_grow(ends, 10, {"code": "200"})),
    }
    with httpx.Client(timeout=60) as client:
        for service, metric in bodies.items():
            client.post(
                f"{address}/v1/metrics",
                content=metrics_body({"service.name": service}, metric),
                headers={"content-type": "application/x-protobuf"},
            ).raise_for_status()


def _grow(ends: list[int], slope: int, labels: dict[str, object]) -> list[NumberDataPoint]:
    """Returns the points of a counter that grows by `slope` from one to the next."""
    return [
        make_point(float(slope * index), time_ns=end, start_ns=ends[0], attributes=labels)
        for index, end in enumerate(ends)
    ]


@contextlib.contextmanager
def serving_slos(folder: Path) -> Generator[Process]:
    """Runs a server with these SLOs and requests until the block ends."""
    with serving_process(folder, *write_slo_files(folder)) as process:
        send_requests(process.addresses.otlp_http)
        yield process
