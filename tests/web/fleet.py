"""Ten minutes of a small fleet's telemetry, so that every screen has something to show.

A gateway, `ml-infer` with two models in two regions, a feature store, and a service with a name
that is too long. One request is far slower than all others: `SLOW_TRACE`.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from tests.support.otlp_factory import (
    MS,
    SECOND,
    logs_body,
    make_event,
    make_log,
    make_span,
    trace_hex,
    traces_body,
)

MINUTES = 10
EVERY_S = 4
SLOW = 999_001
SLOW_TRACE = trace_hex(SLOW)
SLOW_AGE_S = 125
SLOW_MS = 2_600
BIG = 999_002
BIG_TRACE = trace_hex(BIG)
BIG_SPANS = 10_000
RELEASE_AGE_S = 200
STEPS = ("ml-infer.encode_features", "ml-infer.predict", "ml-infer.postprocess")
LONG_NAME = "payments-fraud-scoring-inference-eu-central-1-canary-of-the-second-generation"


@dataclass
class Batch:
    """What one service in one region says."""

    spans: list[Span] = field(default_factory=list)
    logs: list[LogRecord] = field(default_factory=list)


class Fleet:
    """Collects telemetry by service and region, and sends it."""

    def __init__(self) -> None:
        self._batches: dict[tuple[str, str], Batch] = {}

    def batch(self, service: str, region: str) -> Batch:
        return self._batches.setdefault((service, region), Batch())

    def bodies(self) -> Iterator[tuple[str, bytes]]:
        for (service, region), batch in self._batches.items():
            resource = {
                "service.name": service,
                "service.version": "1.0",
                "cloud.region": region,
                "telemetry.sdk.language": "python",
            }
            yield "traces", traces_body(resource, *batch.spans, scope="fleet")
            if batch.logs:
                yield "logs", logs_body(resource, *batch.logs, scope="fleet")

    def send(self, address: str) -> None:
        """Sends everything over OTLP HTTP; raises where a request is not accepted."""
        headers = {"content-type": "application/x-protobuf"}
        with httpx.Client(timeout=60) as client:
            for signal, body in self.bodies():
                client.post(
                    f"{address}/v1/{signal}", content=body, headers=headers
                ).raise_for_status()


def make_fleet(now_ns: int | None = None, *, big: bool = True) -> Fleet:
    """Returns the telemetry of the last `MINUTES`; with `big`, a trace of `BIG_SPANS` too."""
    now_ns = now_ns or time.time_ns()
    fleet = Fleet()
    number = 0
    for age_s in range(MINUTES * 60, 6, -EVERY_S):
        for region in ("us-east", "eu-west"):
            number += 1
            failed = number % 40 == 0
            _add_request(fleet, number, now_ns - age_s * SECOND, region, 40 + number % 30, failed)
        number += 1
        _add_ranking(fleet, number, now_ns - age_s * SECOND)
    _add_request(fleet, SLOW, now_ns - SLOW_AGE_S * SECOND, "us-east", SLOW_MS, failed=False)
    for index in range(5):
        number += 1
        _add_long_named(fleet, number, now_ns - (30 + index) * SECOND)
    if big:
        _add_big(fleet, now_ns - 60 * SECOND)
    return fleet


def _add_request(
    fleet: Fleet, trace: int, at: int, region: str, took_ms: int, failed: bool
) -> None:
    """One request through all services; most of its time is spent on features."""
    version = "v23" if at < time.time_ns() - RELEASE_AGE_S * SECOND else "v23.1"
    model = {"model_name": "recommender", "model_version": version, "region": region}
    request = Request(trace, at, took_ms, failed)
    fleet.batch("gateway", region).spans += [
        request.span(1, 0, "POST /recommend", 0, took_ms, kind="server", attributes=request.http),
        request.span(2, 1, "POST ml-infer", 1, took_ms - 2, kind="client"),
    ]
    _add_inference(fleet.batch("ml-infer", region), request, model)
    features = fleet.batch("feature-store", region)
    encode_ms = took_ms * 0.7
    features.spans.append(
        make_span(
            "GET /features/{user}", trace=trace, span=request.id_of(7), parent=request.id_of(4),
            start_ns=at + 4 * MS, duration_ns=int((encode_ms - 2) * MS), kind="server",
        )
    )  # fmt: skip
    if took_ms >= 1000:
        features.logs += [
            make_log(
                text, time_ns=at + index * 100 * MS, severity="warn",
                trace=trace, span=request.id_of(7), attributes={"user_region": region},
            )
            for index, text in enumerate(("cache miss for user 8812", "slow read of features"))
        ]  # fmt: skip


@dataclass(frozen=True)
class Request:
    """One request: when, how long, and whether it failed."""

    trace: int
    at: int
    took_ms: int
    failed: bool

    @property
    def http(self) -> dict[str, object]:
        code = 500 if self.failed else 200
        return {"http.request.method": "POST", "http.response.status_code": code}

    def id_of(self, number: int) -> int:
        """Returns the id of the request's span of this number; 0 stays 0."""
        return self.trace * 100 + number if number else 0

    def span(
        self, number: int, parent: int, name: str, start_ms: float, took_ms: float, **rest: Any
    ) -> Span:
        """Returns a span that shares the request's fate."""
        return make_span(
            name, trace=self.trace, span=self.id_of(number), parent=self.id_of(parent),
            start_ns=self.at + int(start_ms * MS), duration_ns=int(took_ms * MS),
            status="error" if self.failed else "unset", **rest,
        )  # fmt: skip


def _add_inference(batch: Batch, request: Request, model: dict[str, str]) -> None:
    """The model server's part: three steps, and one line of log."""
    took_ms, failed, trace = request.took_ms, request.failed, request.trace
    encode_ms, predict_ms = took_ms * 0.7, took_ms * 0.2
    failure = make_event(
        "exception",
        time_ns=request.at + took_ms * MS,
        attributes={"exception.type": "FloatingPointError", "exception.message": "overflow"},
    )
    steps = {"trace": trace, "parent": request.id_of(3)}
    start = request.at + 3 * MS
    batch.spans += [
        request.span(
            3, 2, "POST /rank", 2, took_ms - 4, kind="server", attributes={**request.http, **model}
        ),
        make_span(
            STEPS[0], **steps, span=request.id_of(4), start_ns=start,
            duration_ns=int(encode_ms * MS),
            attributes={**model, "cache_hit": took_ms < 1000, "batch_id": f"b-{trace}"},
        ),
        request.span(
            5, 3, STEPS[1], 3 + encode_ms, predict_ms, attributes=model,
            message="overflow in exp" if failed else "", events=[failure] if failed else [],
        ),
        make_span(
            STEPS[2], **steps, span=request.id_of(6),
            start_ns=start + int((encode_ms + predict_ms) * MS), duration_ns=MS, attributes=model,
        ),
    ]  # fmt: skip
    told = {"request_id": f"r-{trace}", "latency_ms": took_ms, "user_region": model["region"]}
    batch.logs.append(
        make_log(
            "inference failed" if failed else "inference done",
            time_ns=request.at + took_ms * MS, severity="error" if failed else "info",
            trace=trace, span=request.id_of(3), attributes={**told, **model},
        )
    )  # fmt: skip


def _add_ranking(fleet: Fleet, trace: int, at: int) -> None:
    """A second model of the same service, in one region only."""
    attributes = {"model_name": "ranker", "model_version": "v7", "region": "us-east"}
    fleet.batch("ml-infer", "us-east").spans.append(
        make_span(
            "POST /sort", trace=trace, span=trace * 100, start_ns=at, duration_ns=9 * MS,
            kind="server", attributes=attributes,
        )
    )  # fmt: skip


def _add_long_named(fleet: Fleet, trace: int, at: int) -> None:
    attributes = {"model_name": "gradient-boosted-fraud-detector-with-a-very-long-name"}
    fleet.batch(LONG_NAME, "ap-southeast-2").spans.append(
        make_span(
            "POST /score", trace=trace, span=trace * 100, start_ns=at, duration_ns=700 * MS,
            kind="server", attributes=attributes, status="error",
        )
    )  # fmt: skip


def _add_big(fleet: Fleet, at: int) -> None:
    """A trace of very many spans."""
    batch = fleet.batch("batch-scorer", "us-east")
    batch.spans.append(
        make_span("score all", trace=BIG, span=1, start_ns=at, duration_ns=20 * SECOND)
    )
    batch.spans += [
        make_span(
            f"score row {index}", trace=BIG, span=index + 2, parent=1,
            start_ns=at + index * 2 * MS, duration_ns=1 * MS,
        )
        for index in range(BIG_SPANS - 1)
    ]  # fmt: skip
