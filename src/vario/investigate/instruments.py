"""Saturation, quality and cost of every service at once: what the overview shows beside traffic.

Metrics are found by the names that exporters give them; a value belongs to the service that its
labels name as `deployment`, `service` or `job`.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from vario.config import CostSettings
from vario.investigate.meters import COST, GPU_BUSY
from vario.investigate.prices import HOUR_S, count_gpus, price_of
from vario.model.series import LabelPairs

Ask = Callable[[str], Sequence[tuple[LabelPairs, float]]]
"""Evaluates PromQL at the end of the window."""

QUEUE = re.compile(
    r"(.*[_:])?(queue_(depth|length|size)|(num_)?requests_waiting|pending_requests?(_count)?)"
)
BATCH = re.compile(r"((.*[_:])?batch_size)_sum")
_OWNERS = ("deployment", "service", "service_name", "job")
_BY = ", ".join(_OWNERS)


@dataclass(frozen=True, slots=True)
class Instruments:
    """What is known of a service; None where no metric says it.

    Attributes:
        gpu: mean utilisation of its accelerators, 0 to 1.
        queue: mean number of requests that wait.
        batch: mean size of a batch.
        replicas: how many there are.
        cost: money in the window, and `currency` which: as a metric counts it, else replicas and
            GPUs by their price.
        sources: by instrument, the query that gives it.
    """

    gpu: float | None = None
    queue: float | None = None
    batch: float | None = None
    replicas: float | None = None
    cost: float | None = None
    currency: str = ""
    sources: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Feedback:
    """What became of a model's predictions in the window."""

    accepted: float
    total: float


def read_instruments(
    ask: Ask, names: Iterable[str], window_ms: int, costs: CostSettings | None = None
) -> dict[str, Instruments]:
    """Returns what is known of each service by name.

    Args:
        ask: evaluates PromQL.
        names: the metrics that have samples in the window.
        window_ms: its length, milliseconds.
        costs: what replicas and GPUs cost.
    """
    names = sorted(names)
    found: dict[str, Instruments] = {}
    over = f"[{window_ms}ms]"

    def put(
        instrument: str, query: str, scale: Callable[[float], float] = float, **more: str
    ) -> None:
        for labels, value in ask(query):
            service = _owner(dict(labels))
            if service and math.isfinite(value):
                known = found.get(service, Instruments())
                sources = {**known.sources, instrument: query}
                measured: dict[str, Any] = {instrument: scale(value), **more}
                found[service] = replace(known, sources=sources, **measured)

    if busy := _one_of(names, GPU_BUSY):
        query = f"avg by ({_BY}) (avg_over_time({_named(busy)}{over}))"
        put("gpu", query, lambda value: value / 100 if value > 1.5 else value)
    if waiting := _one_of(names, QUEUE):
        put("queue", f"sum by ({_BY}) (avg_over_time({_named(waiting)}{over}))")
    for name in names:
        if batch := BATCH.fullmatch(name):
            total, count = (f"increase({batch[1]}{end}{over})" for end in ("_sum", "_count"))
            put("batch", f"sum by ({_BY}) ({total}) / (sum by ({_BY}) ({count}) > 0)")
    if "replicas" in names:
        put("replicas", f"sum by ({_BY}) (last_over_time(replicas{over}))")
    for name in names:
        if COST.fullmatch(name):
            put("cost", f"sum by ({_BY}) (increase({name}{over}))", currency=_currency(name))
    if costs is not None and costs.prices:
        counted = _count_priced(ask, names, f"{window_ms}ms")
        for service, parts in counted.items():
            known = found.get(service, Instruments())
            found[service] = _with_cost(known, costs, service, parts, window_ms)
    return found


def price_replicas(
    known: Instruments, costs: CostSettings, service: str, replicas: float | None, window_ms: int
) -> Instruments:
    """Returns instruments with the cost of replicas that spans name, if nothing else tells it.

    `replicas` is their mean number in the window.
    """
    if known.cost is not None or replicas is None:
        return known
    parts = {"replicas": (replicas, "")}
    return replace(
        _with_cost(known, costs, service, parts, window_ms), replicas=known.replicas or replicas
    )


def _count_priced(
    ask: Ask, names: Sequence[str], over: str
) -> dict[str, dict[str, tuple[float, str]]]:
    """Returns the mean number of replicas and GPUs of each service, and the query that says so."""
    queries: dict[str, str] = {}
    if "replicas" in names:
        queries["replicas"] = f"sum by ({_BY}) (avg_over_time(replicas[{over}]))"
    if busy := _one_of(names, GPU_BUSY):
        queries["gpus"] = count_gpus(busy[0], over, f" by ({_BY})")
    found: dict[str, dict[str, tuple[float, str]]] = {}
    for what, query in queries.items():
        for labels, value in ask(query):
            if (service := _owner(dict(labels))) and math.isfinite(value):
                found.setdefault(service, {})[what] = value, query
    return found


def _with_cost(
    known: Instruments,
    costs: CostSettings,
    service: str,
    parts: Mapping[str, tuple[float, str]],
    window_ms: int,
) -> Instruments:
    """Returns instruments with what replicas and GPUs cost, where no metric counts it."""
    price, hours = price_of(costs, service), window_ms / 1000 / HOUR_S
    each = {"replicas": price.replica_hour, "gpus": price.gpu_hour}
    paid = {what: value for what, value in parts.items() if each[what]}
    if known.cost is not None or not paid:
        return known
    texts = [
        f"({query}) * {each[what]!r} * {hours:.9g}" for what, (_, query) in paid.items() if query
    ]
    sources = {**known.sources, "cost": " + ".join(texts)} if texts else known.sources
    money = sum(count * each[what] * hours for what, (count, _) in paid.items())
    return replace(known, cost=money, currency=costs.currency, sources=sources)


def read_feedback(ask: Ask, names: Iterable[str], window_ms: int) -> dict[str, Feedback]:
    """Returns how many predictions of each model were accepted, of those with feedback."""
    if "prediction_feedback_total" not in set(names):
        return {}
    by = "sum by (model_name, accepted)"
    counts: dict[str, dict[str, float]] = {}
    for labels, value in ask(f"{by} (increase(prediction_feedback_total[{window_ms}ms]))"):
        own = dict(labels)
        model = counts.setdefault(own.get("model_name", ""), {})
        model[own.get("accepted", "")] = value
    return {
        model: Feedback(answers.get("true", 0.0), sum(answers.values()))
        for model, answers in counts.items()
        if sum(answers.values()) > 0
    }


def _one_of(names: Sequence[str], pattern: re.Pattern[str]) -> list[str]:
    return [name for name in names if pattern.fullmatch(name)]


def _named(names: Sequence[str]) -> str:
    if len(names) == 1:
        return names[0]
    return f'{{__name__=~"{"|".join(names)}"}}'


def _owner(labels: Mapping[str, str]) -> str:
    for label in _OWNERS:
        if value := labels.get(label):
            return value.rpartition("/")[2]
    return ""


def _currency(name: str) -> str:
    return next((code for code in ("USD", "EUR", "GBP") if code.lower() in name), "")
