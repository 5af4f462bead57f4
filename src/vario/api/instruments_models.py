"""Shapes of `/api/instruments`."""

from vario.api.models import Shape


class TargetOut(Shape):
    """What latency is to stay within: `share` of requests faster than `bound` seconds."""

    slo: str
    share: float
    bound: float


class ServiceInstrumentsOut(Shape):
    """What is known of one service and model; null where no metric says it.

    `gpu` is a share of the time, `queue` and `batch` are requests, `cost_per_1000` is money of
    `currency` for 1,000 requests. `drifting` and `missing` count the model's findings, which
    `quality` tells in sentences. `sources` are the queries of the numbers.
    """

    service: str
    model: str
    latency_target: TargetOut | None
    gpu: float | None
    queue: float | None
    batch: float | None
    replicas: float | None
    cost_per_1000: float | None
    currency: str
    drifting: int
    missing: int
    quality: list[str]
    accept_rate: float | None
    sources: dict[str, str]


class InstrumentsOut(Shape):
    """The instruments of every service and model that answered requests in the window."""

    start: float
    end: float
    services: list[ServiceInstrumentsOut]
