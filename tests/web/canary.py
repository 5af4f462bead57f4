"""A service whose load goes up and down, with a canary that is slower in one region, and a GPU.

Both releases answer side by side. Latency is that of a queue, so that there is an end to how much
it can take; requests come in batches of different sizes.
"""

import math
import time

import httpx
import numpy as np
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from tests.support.otlp_factory import (
    MS,
    SECOND,
    make_gauge,
    make_point,
    make_span,
    metrics_body,
    traces_body,
)

SERVICE = "scorer"
MINUTES = 10
LEAST, MOST, LIMIT = 2.0, 9.0, 12.0
"""Requests a second at the quietest and the busiest, and what all replicas together can take."""
ALONE_UNTIL_S = (MINUTES - 1) * 60
"""Age at which the canary begins."""
SLOWER = 1.8
BUSY = 0.2


def send_canary(address: str) -> None:
    """Sends ten minutes of it over OTLP."""
    random = np.random.default_rng(11)
    now_ns = time.time_ns()
    spans: dict[tuple[str, str], list[Span]] = {}
    for age_s in range(MINUTES * 60, 2, -1):
        load = LEAST + (MOST - LEAST) * (0.5 - 0.5 * math.cos(age_s / 25))
        for _ in range(random.poisson(load)):
            region = "us-east" if random.random() < 0.5 else "eu-west"
            version = "v8" if age_s < ALONE_UNTIL_S and random.random() < 0.4 else "v7"
            took_ms = random.exponential(30 / (1 - load / LIMIT)) + 1
            if (region, version) == ("us-east", "v8"):
                took_ms *= SLOWER
            own = spans.setdefault((f"pod-{random.integers(2)}", region), [])
            at_ns = now_ns - age_s * SECOND + int(random.random() * SECOND)
            own += _request(len(own), at_ns, took_ms, version, int(random.choice([1, 2, 4])))
    headers = {"content-type": "application/x-protobuf"}
    with httpx.Client(timeout=60, headers=headers) as client:
        for (pod, region), own in spans.items():
            resource = {
                "service.name": SERVICE,
                "service.instance.id": f"{pod}-{region}",
                "cloud.region": region,
            }
            body = traces_body(resource, *own)
            client.post(f"{address}/v1/traces", content=body).raise_for_status()
        points = [
            make_point(BUSY, time_ns=now_ns - age_s * SECOND, attributes={"gpu": str(gpu)})
            for gpu in range(4)
            for age_s in range(MINUTES * 60, 0, -15)
        ]
        body = metrics_body({"service.name": SERVICE}, make_gauge("gpu_utilization_ratio", *points))
        client.post(f"{address}/v1/metrics", content=body).raise_for_status()


def _request(number: int, at_ns: int, took_ms: float, version: str, size: int) -> list[Span]:
    # Ids of different pods never meet: the time is part of them.
    trace = at_ns * 100 + number % 100
    attributes = {"model_name": "fraud", "model_version": version}
    return [
        make_span(
            "POST /score", trace=trace, span=trace % 2**60, kind="server", start_ns=at_ns,
            duration_ns=int(took_ms * MS), attributes=attributes,
        ),
        make_span(
            "scorer.predict", trace=trace, span=trace % 2**60 + 1, parent=trace % 2**60,
            start_ns=at_ns, duration_ns=int((8 + 2 * size) * MS),
            attributes={**attributes, "batch_size": size},
        ),
    ]  # fmt: skip
