"""Shapes of `/api/capacity`."""

from typing import Literal

from vario.api.models import Shape


class LoadPointOut(Shape):
    """One step: requests a second of one replica, and the percentile in seconds."""

    load: float
    latency: float


class CurvePointOut(Shape):
    """Latency at a load by the fitted curve; 90 of 100 curves lie between `low` and `high`.

    `high` is null where some of them have met their limit.
    """

    load: float
    latency: float
    low: float
    high: float | None


class HeadroomOut(Shape):
    """How far traffic can grow until the target is missed.

    Loads are requests a second of one replica, of the whole service where `replicas` is null.
    `reachable` lies between `low` and `high` in 90 of 100 cases; `high` is null where it has no
    bound. `growth` is what traffic can grow by with the replicas of now. `curve` is empty where too
    little was seen to draw one.
    """

    target_share: float
    target_bound: float
    target_source: str
    limit: Literal["bounded", "at_least", "unknown"]
    load: float | None
    highest: float
    reachable: float | None
    low: float | None
    high: float | None
    growth: float | None
    replicas: float | None
    points: list[LoadPointOut]
    curve: list[CurvePointOut]
    text: str


class IdleOut(Shape):
    """How much of the accelerators works; `needed` replicas would be 60 % busy."""

    utilisation: float
    replicas: float | None
    needed: float | None
    longest_idle: float
    is_waste: bool
    query: str
    text: str


class BatchGainOut(Shape):
    """What larger batches of an operation would save; null where that was never seen.

    A batch of n takes `fixed` and n times `item` seconds.
    """

    span: str
    mean_size: float
    per_item: float
    fixed: float | None
    item: float | None
    suggested: int
    saved: float | None
    text: str


class CostOut(Shape):
    """What the window cost, in `currency`: as a metric counts it, else replicas and GPUs by price.

    `per_1000` is for 1,000 requests, `needed_per_1000` with only the GPUs that the work needs.
    `query` gives the money; empty where spans alone tell of replicas.
    """

    money: float
    currency: str
    per_1000: float
    needed_per_1000: float | None
    query: str
    text: str


class CapacityOut(Shape):
    """Headroom, waste, batches and cost of a service; `notes`: what could not be told, and why."""

    service: str
    start: float
    end: float
    step: float
    headroom: HeadroomOut | None
    idle: IdleOut | None
    batches: list[BatchGainOut]
    cost: CostOut | None
    notes: list[str]
