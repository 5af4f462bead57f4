"""How much more a service can take, and how much of what it has is idle.

Latency grows with load as in a queue: a percentile at load x is `base / (1 - x / limit)`, the form
of the M/M/1 queue, which a percentile of many servers behind one balancer follows closely enough
below nine tenths of its limit. Base and limit are fitted to what was seen. How sure they are comes
from the moving-block bootstrap: stretches of time are drawn again and again, since minutes near
each other are alike.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vario.investigate.percentiles import quantiles_of
from vario.model.load import LoadTable, ReplicaCount

Floats = NDArray[np.float64]
Limit = Literal["bounded", "at_least", "unknown"]

MIN_STEPS = 20
MIN_REQUESTS = 30
"""Of a step, for its percentile to be looked at."""
FARTHEST = 5.0
"""Multiple of the highest load seen up to which a limit is believed."""
VARIED = 1.3
"""How many times its tenth percentile the load's ninetieth must be for a curve to be drawn."""
_GRID = np.concatenate((np.linspace(1.02, 2, 50), np.geomspace(2.05, 40, 60)))
_DRAWS = 300
_CURVE_POINTS = 40
_BLOCK_STEPS = 6
_SEED = 7


@dataclass(frozen=True, slots=True)
class Target:
    """What must hold: `share` of requests within `bound_s`; `source` says who wants it."""

    share: float
    bound_s: float
    source: str


@dataclass(frozen=True, slots=True)
class LoadPoint:
    """One step: requests a second of one replica, and the percentile in seconds."""

    load: float
    latency_s: float


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """Latency at a load by the fitted curve, in seconds, and its 90 % interval.

    `high_s` is infinite where some of the curves have met their limit.
    """

    load: float
    latency_s: float
    low_s: float
    high_s: float


@dataclass(frozen=True, slots=True)
class Headroom:
    """How far traffic can grow until the target is missed.

    Attributes:
        limit: `bounded` where the curve says where it ends; `at_least` where latency hardly grows
            with what load there was, so that only a lower bound is known; `unknown` where too
            little was seen.
        load: requests a second of one replica now, the median of the window; without names of
            instances, of the whole service.
        highest: the highest load seen in which the target held.
        reachable: load at which the target is just met; nan where unknown.
        low: of its 90 % interval.
        high: likewise; infinite for `at_least`.
        growth: `reachable / load - 1`, how much traffic can grow with the replicas of now.
        base_s: the percentile without load.
        points: what was seen.
        words: all of it in a sentence.
        curve: the fitted curve, by load; not beyond the highest load seen where its end is not
            known; empty where there is none.
    """

    limit: Limit
    load: float
    highest: float
    reachable: float
    low: float
    high: float
    growth: float
    base_s: float
    replicas: float
    points: tuple[LoadPoint, ...]
    words: str
    curve: tuple[CurvePoint, ...] = ()


def find_headroom(
    table: LoadTable, target: Target, replicas: Sequence[ReplicaCount] = ()
) -> Headroom:
    """Returns how much more load the service can take.

    Args:
        table: its requests, not divided by segment.
        target: what must hold.
        replicas: instances by step; without them the load is that of the whole service.
    """
    load, latency, per_step = _curve(table, target.share, replicas)
    points = tuple(LoadPoint(*pair) for pair in zip(load.tolist(), latency.tolist(), strict=True))
    count = float(np.median(per_step)) if len(per_step) else math.nan
    now = float(np.median(load)) if len(load) else math.nan
    held = load[latency <= target.bound_s]
    highest = float(held.max()) if len(held) else 0.0

    def say(limit: Limit, words: str, found: Sequence[float] = (math.nan,) * 4) -> Headroom:
        reachable, low, high, base = found
        growth = reachable / now - 1 if now else math.nan
        return Headroom(
            limit, now, highest, reachable, low, high, growth, base, count, points, words
        )

    if len(load) < MIN_STEPS:
        return say(
            "unknown",
            f"too little was seen: {len(load)} steps with {MIN_REQUESTS} requests or more, "
            f"{MIN_STEPS} are needed; look at a longer time",
        )
    fits = _bootstrap(load, latency)
    limit, base = float(fits.limits[0]), float(fits.bases[0])
    reached = np.maximum(0.0, fits.limits * (1 - fits.bases / target.bound_s))
    reach = float(reached[0])
    low, high = (float(x) for x in np.quantile(reached[1:], (0.05, 0.95)))
    unit = "requests/s a replica" if len(replicas) else "requests/s"
    bound = f"p{100 * target.share:g} <= {1000 * target.bound_s:g} ms"
    if base >= target.bound_s:
        words = f"{bound} is missed at any load: {1000 * base:.3g} ms without any"
        found = say("bounded", words, (0.0, 0.0, high, base))
        return replace(found, curve=_draw(fits, load.max()))
    least, most = np.quantile(load, (0.1, 0.9))
    told = most >= VARIED * least
    if not told or reach > FARTHEST * load.max() or high > 2 * FARTHEST * load.max():
        why = "latency hardly grows with load" if told else "load hardly varied"
        words = (
            f"{why} up to the {highest:.3g} {unit} at which {bound} was seen to hold: it holds at "
            "least up to there, and only more traffic can tell where it ends"
        )
        found = say("at_least", words, (highest, highest, math.inf, base))
        return replace(found, curve=_draw(fits, load.max())) if told else found
    words = (
        f"{bound} holds up to about {reach:.3g} {unit} (90 % between {low:.3g} and {high:.3g}): "
        f"{reach / now - 1:+.0%} on the {now:.3g} of now"
    )
    found = say("bounded", words, (reach, low, high, base))
    return replace(found, curve=_draw(fits, max(load.max(), min(high, 0.99 * limit))))


def _curve(
    table: LoadTable, share: float, replicas: Sequence[ReplicaCount]
) -> tuple[Floats, Floats, Floats]:
    """Returns load, latency in seconds and replicas of the steps with enough requests."""
    requests = np.zeros(table.steps)
    np.add.at(requests, table.step, table.count)
    count = np.zeros(table.steps)
    for one in replicas:
        count[one.step] += one.replicas
    busy = (requests >= MIN_REQUESTS) & ((count > 0) | (not len(replicas)))
    latency = quantiles_of(table, share)
    servers = np.where(count > 0, count, 1.0)
    load = requests / (table.step_ns / 1e9) / servers
    return load[busy], latency[busy], count[busy] if len(replicas) else np.zeros(0)


@dataclass(frozen=True, slots=True)
class _Fits:
    """Limit and base of the curve through all points first, then of each draw."""

    limits: Floats
    bases: Floats


def _bootstrap(load: Floats, latency: Floats) -> _Fits:
    """Returns the curve through all points, and those through stretches drawn at random."""
    random = np.random.default_rng(_SEED)
    length = min(_BLOCK_STEPS, len(load))
    blocks = -(-len(load) // length)
    starts = random.integers(0, len(load) - length + 1, (_DRAWS, blocks))
    chosen = (starts[:, :, None] + np.arange(length)).reshape(_DRAWS, -1)[:, : len(load)]
    rows = np.concatenate((np.arange(len(load))[None, :], chosen))
    return _Fits(*_fit(load[rows], np.log(latency)[rows], load.max()))


def _draw(fits: _Fits, farthest: float) -> tuple[CurvePoint, ...]:
    """Returns the fitted curve from no load to `farthest`, as far as it goes."""
    points: list[CurvePoint] = []
    for load in np.linspace(0, farthest, _CURVE_POINTS).tolist():
        free = 1 - load / fits.limits
        latency = np.where(free > 0, fits.bases / np.where(free > 0, free, 1.0), np.inf)
        low, high = np.quantile(latency[1:], (0.05, 0.95), method="nearest")
        if math.isfinite(latency[0]):
            points.append(CurvePoint(load, float(latency[0]), float(low), float(high)))
    return tuple(points)


def _fit(load: Floats, log_latency: Floats, highest: float) -> tuple[Floats, Floats]:
    """Returns limit and base of each row, by least squares of the logarithms over a grid."""
    best = np.full(len(load), np.inf)
    limits, bases = np.empty(len(load)), np.empty(len(load))
    for multiple in _GRID:
        limit = multiple * highest
        free = np.log1p(-load / limit)
        centre = (log_latency + free).mean(1)
        error = ((log_latency + free - centre[:, None]) ** 2).sum(1)
        better = error < best
        best[better] = error[better]
        limits[better] = limit
        bases[better] = np.exp(centre[better])
    return limits, bases


@dataclass(frozen=True, slots=True)
class Idle:
    """How much of the accelerators works.

    Attributes:
        utilisation: mean share of the time in which they work, 0 to 1.
        replicas: how many there were, on average.
        needed: replicas that would be as busy as `wanted` at the same work.
        longest_s: the longest stretch below the threshold with at least `at_least` replicas.
        is_waste: whether that was half an hour or longer.
        words: all of it in a sentence.
    """

    utilisation: float
    replicas: float
    needed: float
    longest_s: float
    is_waste: bool
    words: str


WASTE_BELOW, WASTE_S, WASTE_REPLICAS = 0.3, 1800.0, 2
WANTED = 0.6


def find_idle(utilisation: Floats, replicas: Floats, step_s: float) -> Idle | None:
    """Returns how idle the accelerators are; None where nothing was measured.

    Args:
        utilisation: mean over the accelerators at each step, 0 to 1, nan where unknown.
        replicas: how many there were at each step, nan where unknown.
        step_s: length of a step.
    """
    known = np.isfinite(utilisation)
    if not known.any():
        return None
    mean = float(utilisation[known].mean())
    counted = replicas[np.isfinite(replicas)]
    count = float(counted.mean()) if len(counted) else math.nan
    idle = known & (utilisation < WASTE_BELOW) & ~(replicas < WASTE_REPLICAS)
    longest = max((len(run) for run in "".join("x" if x else " " for x in idle).split()), default=0)
    is_waste = longest * step_s >= WASTE_S
    needed = max(1.0, math.ceil(count * mean / WANTED)) if math.isfinite(count) else math.nan
    words = f"GPUs work {mean:.0%} of the time"
    if math.isfinite(count):
        words += f" on {count:.3g} replicas"
        if needed < count:
            words += f"; {needed:.0f} would be {count * mean / needed:.0%} busy with the same work"
    if is_waste:
        words += f"; below {WASTE_BELOW:.0%} for {longest * step_s / 60:.0f} minutes in a row"
    return Idle(mean, count, needed, longest * step_s, is_waste, words)


@dataclass(frozen=True, slots=True)
class BatchGain:
    """What larger batches of one operation would save.

    Attributes:
        span: name of the span that has a batch size.
        mean_size: items of a batch now, on average.
        per_item_s: time of an item now.
        fixed_s: time of a batch whatever its size; nan where sizes do not differ enough.
        item_s: time of each further item.
        suggested: a batch size.
        saved: share of the time that it saves, 0 to 1; nan where unknown.
        words: all of it in a sentence.
    """

    span: str
    mean_size: float
    per_item_s: float
    fixed_s: float
    item_s: float
    suggested: int
    saved: float
    words: str


SUGGESTED = 8


def find_batch_gain(span: str, sizes: Floats, spans: Floats, seconds: Floats) -> BatchGain | None:
    """Returns what batches of `SUGGESTED` would save; None where there is no batch.

    Args:
        span: name of the operation.
        sizes: different batch sizes, shape (n,).
        spans: how many spans had each.
        seconds: their durations, summed.
    """
    used = (spans > 0) & (sizes > 0)
    sizes, spans, seconds = sizes[used], spans[used], seconds[used]
    if not len(sizes):
        return None
    items = float((sizes * spans).sum())
    mean, per_item = items / float(spans.sum()), float(seconds.sum()) / items
    if len(sizes) < 2 or sizes.max() < 2 * sizes.min():
        words = f"{span} works in batches of {mean:.3g}: what others would take was never seen"
        return BatchGain(span, mean, per_item, math.nan, math.nan, SUGGESTED, math.nan, words)
    # Durations of a size are averages of `spans` measurements: weights make them count as many.
    design = np.stack((np.ones_like(sizes), sizes), axis=1) * np.sqrt(spans)[:, None]
    fixed, item = np.linalg.lstsq(design, seconds / spans * np.sqrt(spans), rcond=None)[0]
    fixed, item = max(float(fixed), 0.0), max(float(item), 0.0)
    then = fixed / SUGGESTED + item
    saved = 1 - then / per_item
    words = f"{span} takes {1000 * per_item:.3g} ms an item in batches of {mean:.3g}"
    if mean < SUGGESTED and saved > 0.05:
        words += f"; batches of {SUGGESTED} would take {1000 * then:.3g} ms, {saved:.0%} less"
    return BatchGain(span, mean, per_item, fixed, item, SUGGESTED, saved, words)
