"""Ten minutes of metrics of each kind, on top of the fleet's traces."""

import time

import httpx
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from tests.support.otlp_factory import (
    SECOND,
    make_exemplar,
    make_exponential,
    make_gauge,
    make_histogram,
    make_point,
    make_sum,
    metrics_body,
)
from tests.web.fleet import SLOW, SLOW_AGE_S

MINUTES = 10
EVERY_S = 15
REGIONS = {"us-east": 6, "eu-west": 3}
BOUNDS = (0.01, 0.05, 0.1, 0.5, 1.0)
GAP_S = (240, 330)
"""Ages between which the gauge was not sent."""


def make_metrics(now_ns: int) -> list[Metric]:
    """Returns a counter, a gauge with a gap, a classic and a native histogram."""
    first_ns = now_ns - MINUTES * 60 * SECOND
    metrics: list[Metric] = []
    for step in range(MINUTES * 60 // EVERY_S):
        age_s = MINUTES * 60 - step * EVERY_S
        at = now_ns - age_s * SECOND
        metrics.append(
            make_sum(
                "inference_requests",
                *(
                    make_point(
                        step * EVERY_S * rate,
                        time_ns=at,
                        start_ns=first_ns,
                        attributes={"region": region},
                    )
                    for region, rate in REGIONS.items()
                ),
                description="Requests that were answered.",
            )
        )
        if not GAP_S[0] < age_s < GAP_S[1]:
            metrics.append(
                make_gauge(
                    "queue_memory",
                    make_point(2**20 * (10 + step % 5), time_ns=at),
                    unit="By",
                    description="Memory of the queue.",
                )
            )
        slow = [make_exemplar(2.6, time_ns=at, trace=SLOW, span=1)] if age_s == _near() else []
        counts = [step * each for each in (4, 30, 12, 3, 1, 1)]
        metrics += [
            make_histogram(
                "inference_duration",
                bounds=BOUNDS,
                counts=counts,
                total=step * 3.0,
                time_ns=at,
                start_ns=first_ns,
                exemplars=slow,
                unit="s",
                description="How long an answer took.",
            ),
            make_exponential(
                "batch_wait",
                scale=2,
                positive=[step * each for each in (1, 5, 9, 4, 2)],
                positive_offset=-28,
                total=step * 0.2,
                time_ns=at,
                unit="s",
            ),
        ]
    return metrics


def _near() -> int:
    """Returns the age of the sample nearest to the slow request."""
    return SLOW_AGE_S // EVERY_S * EVERY_S


def send_metrics(address: str) -> None:
    """Sends them over OTLP HTTP; raises where a request is not accepted."""
    now_ns = time.time_ns()
    httpx.post(
        f"{address}/v1/metrics",
        content=metrics_body("ml-infer", *make_metrics(now_ns)),
        headers={"content-type": "application/x-protobuf"},
        timeout=60,
    ).raise_for_status()
