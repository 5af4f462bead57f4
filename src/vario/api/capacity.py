"""Capacity and cost of a service over HTTP."""

import math
import re
from typing import Annotated

import numpy as np
from fastapi import Query

from vario.api.capacity_models import (
    BatchGainOut,
    CapacityOut,
    CostOut,
    CurvePointOut,
    HeadroomOut,
    IdleOut,
    LoadPointOut,
)
from vario.api.context import Context, CurrentContext
from vario.api.instruments import instruments_of
from vario.api.params import Window
from vario.api.shapes import to_seconds
from vario.errors import BadData, NotFound
from vario.investigate.capacity import (
    MIN_REQUESTS,
    MIN_STEPS,
    Headroom,
    Target,
    find_batch_gain,
    find_headroom,
    find_idle,
)
from vario.investigate.prices import say_cost
from vario.investigate.reader import Reader
from vario.model.filter import And, Compare, Exists, Field
from vario.model.telemetry import Signal, TimeRange
from vario.query.durations import parse_duration_ns
from vario.slo.model import SloSet

_STEPS = 180
_LEAST_STEP_NS = 10 * 10**9
_BATCH = Field("attributes", "batch_size")
_NAME = Field("intrinsic", "name")


def get_capacity(
    context: CurrentContext,
    window: Window,
    service: Annotated[str, Query(min_length=1, max_length=500)],
    target: Annotated[
        str, Query(description="p95<=200ms; by default the service's latency SLO", max_length=64)
    ] = "",
) -> CapacityOut:
    """How much more a service can take, what is idle, what it costs, what batches would save."""
    requests = context.store.read_load(service, window, step_ns=window.duration_ns).count.sum()
    if not requests:
        raise NotFound(f"{service!r} answered no requests in this window: name a service that did")
    # Steps as short as leaves each enough requests for a percentile.
    steps = min(max(MIN_STEPS, int(requests / (2 * MIN_REQUESTS))), _STEPS)
    step_ns = max(_LEAST_STEP_NS, -(-window.duration_ns // steps))
    table = context.store.read_load(service, window, step_ns=step_ns)
    notes: list[str] = []
    wanted = parse_target(target) if target else _strictest(context.slos(), service)
    headroom = None
    if wanted is None:
        notes.append(
            f"{service} has no latency SLO to stay within: add one, or ask for target=p95<=200ms"
        )
    else:
        replicas = context.store.count_replicas(service, window, step_ns=step_ns)
        headroom = _show_headroom(wanted, find_headroom(table, wanted, replicas))
        if not replicas:
            notes.append("spans do not name service.instance.id: loads are of the whole service")
    reader = Reader(context.store)
    idle = _idle(reader, service, window, step_ns)
    if idle is None:
        notes.append("no gpu_utilization_ratio of this service: how idle GPUs are is unknown")
    return CapacityOut(
        service=service,
        start=to_seconds(window.start_ns),
        end=to_seconds(window.end_ns),
        step=to_seconds(step_ns),
        headroom=headroom,
        idle=idle,
        batches=_batches(reader, service, window),
        cost=_cost(context, service, window, float(requests), idle),
        notes=notes,
    )


def parse_target(text: str) -> Target:
    """Returns what `p95<=200ms` asks for.

    Raises:
        BadData: the text is no such target.
    """
    found = re.fullmatch(r"\s*p(\d{1,2}(?:\.\d+)?)\s*<=\s*(\S+)\s*", text)
    try:
        bound_s = parse_duration_ns(found[2]) / 1e9 if found else 0.0
    except ValueError:
        bound_s = 0.0
    if not found or bound_s <= 0 or float(found[1]) == 0:
        raise BadData(f"target: {text!r} is no target; write p95<=200ms")
    return Target(float(found[1]) / 100, bound_s, "asked for")


def _strictest(slos: SloSet, service: str) -> Target | None:
    """Returns the latency SLO of the service with the lowest bound, None where it has none."""
    targets = [
        Target(slo.target, slo.sli.latency.bound, f"SLO {slo.name}")
        for slo in slos.slos
        if slo.service == service and slo.sli.latency is not None
    ]
    return min(targets, key=lambda target: target.bound_s, default=None)


def _show_headroom(target: Target, found: Headroom) -> HeadroomOut:
    return HeadroomOut(
        target_share=target.share,
        target_bound=target.bound_s,
        target_source=target.source,
        limit=found.limit,
        load=_number(found.load),
        highest=found.highest,
        reachable=_number(found.reachable),
        low=_number(found.low),
        high=_number(found.high),
        growth=_number(found.growth),
        replicas=_number(found.replicas),
        points=[LoadPointOut(load=p.load, latency=p.latency_s) for p in found.points],
        curve=[
            CurvePointOut(load=p.load, latency=p.latency_s, low=p.low_s, high=_number(p.high_s))
            for p in found.curve
        ],
        text=found.words,
    )


def _idle(reader: Reader, service: str, window: TimeRange, step_ns: int) -> IdleOut | None:
    """Returns how idle the service's accelerators are, by the metrics that name it as their job."""
    step_s = max(1, step_ns // 10**9)
    of_service = f'job=~"(.*/)?{re.escape(service)}"'.replace("\\", "\\\\")
    gauge = f"avg_over_time(gpu_utilization_ratio{{{of_service}}}[{step_s}s])"
    query = f"avg({gauge})"
    busy = reader.evaluate_range(query, window, step_s * 10**9)
    if not len(busy.values):
        return None
    counted = reader.evaluate_range(f"count({gauge})", window, step_s * 10**9)
    found = find_idle(busy.values[0], counted.values[0], step_s)
    return found and IdleOut(
        utilisation=found.utilisation,
        replicas=_number(found.replicas),
        needed=_number(found.needed),
        longest_idle=found.longest_s,
        is_waste=found.is_waste,
        query=query,
        text=found.words,
    )


def _cost(
    context: Context, service: str, window: TimeRange, requests: float, idle: IdleOut | None
) -> CostOut | None:
    """Returns what the window cost; None where neither a metric nor a price tells."""
    known = instruments_of(context, window, service)
    if known.cost is None:
        return None
    per_1000, needed = 1000 * known.cost / requests, None
    if idle is not None and idle.needed and idle.replicas and idle.needed < idle.replicas:
        needed = per_1000 * idle.needed / idle.replicas
    return CostOut(
        money=known.cost,
        currency=known.currency,
        per_1000=per_1000,
        needed_per_1000=needed,
        query=known.sources.get("cost", ""),
        text=say_cost(per_1000, known.currency, needed),
    )


def _batches(reader: Reader, service: str, window: TimeRange) -> list[BatchGainOut]:
    where = And((Compare(Field("intrinsic", "service.name"), "=", service), Exists(_BATCH)))
    cube = reader.store.read_cube(
        Signal.TRACES, where, window, step_ns=window.duration_ns, by=(_NAME, _BATCH)
    )
    sizes = np.array([_size(size) for _, size in cube.keys])
    names = [name for name, _ in cube.keys]
    gains = [
        find_batch_gain(
            name,
            sizes[own],
            cube.count[own].sum(1),
            cube.duration_s[own].sum(1),
        )
        for name in sorted(set(names))
        for own in [np.array([one == name for one in names])]
    ]
    return [
        BatchGainOut(
            span=gain.span,
            mean_size=gain.mean_size,
            per_item=gain.per_item_s,
            fixed=_number(gain.fixed_s),
            item=_number(gain.item_s),
            suggested=gain.suggested,
            saved=_number(gain.saved),
            text=gain.words,
        )
        for gain in gains
        if gain is not None
    ]


def _size(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
