"""Drift: false alarms by feature-day, and how soon a change is told, through the real watch.

A day of a model's traffic is drawn minute by minute, so that the windows of one look overlap those
of the next as they do in life; the watch looks once a minute, with all its windows and detectors.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from bench.report import Row
from vario.drift.bins import Floats
from vario.drift.live import Cell
from vario.drift.reference import FeatureReference, Reference, make_feature
from vario.drift.watch import DriftWatch
from vario.query.promql.histogram import Histogram

MINUTES = 1_440
MINUTE_MS = 60_000
START_MS = 1_750_000_000_000
FEATURES = int(os.environ.get("VARIO_BENCH_FEATURE_DAYS", "8"))
PER_MINUTE = 250
MISSING = 0.002


@dataclass(frozen=True)
class Point:
    """One series of an answer."""

    labels: tuple[tuple[str, str], ...]
    value: float
    histogram: Histogram | None = None


class Day:
    """A day's counts by feature, minute and bin; answers what the watch asks."""

    def __init__(
        self, edges: Floats, counts: dict[str, Floats], missing: dict[str, Floats]
    ) -> None:
        self._bounds = [*map(repr, edges.tolist()), "+Inf"]
        first = next(iter(counts))
        none = np.zeros((1, counts[first].shape[1]))
        self._counts = {k: np.concatenate([none, v.cumsum(axis=0)]) for k, v in counts.items()}
        self._missing = {k: np.append(0.0, v.cumsum()) for k, v in missing.items()}
        rows = counts[first].sum(axis=1) + missing[first]
        self._rows = np.append(0.0, rows.cumsum())

    def __call__(self, text: str, at_ms: int) -> Sequence[Cell]:
        metric, _, rest = text.partition("increase(")[2].partition("[")
        end = (at_ms - START_MS) // MINUTE_MS
        end = max(end, 0)
        start = max(end - int(rest.partition("ms]")[0]) // MINUTE_MS, 0)
        own = (("model_name", "m"), ("model_version", "v"))
        if metric == "predictions_total":
            return [Point(own, float(self._rows[end] - self._rows[start]))]
        if metric == "feature_missing_total":
            return [
                Point((*own, ("feature", name)), float(sums[end] - sums[start]))
                for name, sums in self._missing.items()
            ]
        if metric == "feature_value_bucket":
            return [
                Point((*own, ("feature", name), ("le", bound)), float(count))
                for name, sums in self._counts.items()
                for bound, count in zip(
                    self._bounds, np.cumsum(sums[end] - sums[start]), strict=True
                )
            ]
        return []


def drawn(
    rng: np.random.Generator, edges: Floats, means: Floats, cluster: int, gone: Floats
) -> tuple[Floats, Floats]:
    """Returns one feature's counts by minute and bin, and its missing values by minute.

    Args:
        rng: draws.
        edges: inner edges of the bins of a standard normal feature.
        means: the feature's mean in each minute.
        cluster: how many rows come with one value.
        gone: the share of missing values in each minute.
    """
    below = stats.norm.cdf(edges[None, :] - means[:, None])
    shares = np.diff(below, prepend=0.0, append=1.0, axis=1)
    wave = 1 + 0.5 * np.sin(2 * np.pi * np.arange(MINUTES) / MINUTES)
    rows = rng.poisson(PER_MINUTE * wave / cluster)
    counts = np.stack([rng.multinomial(n, s) for n, s in zip(rows, shares, strict=True)]) * cluster
    missing = rng.binomial(rows, gone) * cluster
    return counts.astype(float), missing.astype(float)


Means = Callable[[np.random.Generator], Floats]


def wobbling(rho: float, spread: float) -> Means:
    """Returns means that follow an autoregressive process of order 1."""

    def make(rng: np.random.Generator) -> Floats:
        noise = rng.normal(0, spread * np.sqrt(1 - rho**2), MINUTES)
        means = np.zeros(MINUTES)
        for i in range(1, MINUTES):
            means[i] = rho * means[i - 1] + noise[i]
        return means

    return make


def still(rng: np.random.Generator) -> Floats:
    """Returns a mean that stays."""
    return np.zeros(MINUTES)


def first_told(
    seed: int, features: int, means: Means, cluster: int, change: Callable[..., None] | None = None
) -> list[int]:
    """Returns the minute in which each feature was first told, `MINUTES` for never."""
    rng = np.random.default_rng(seed)
    reference = make_feature("x", rng.normal(0, 1, 100_000))
    edges = reference.edges
    kept, counts, missing = {}, {}, {}
    for i in range(features):
        name = f"f{i}"
        level, gone = means(rng), np.full(MINUTES, MISSING)
        if change is not None:
            change(level, gone)
        counts[name], missing[name] = drawn(rng, edges, level, cluster, gone)
        kept[name] = make_feature(name, np.append(rng.normal(0, 1, 100_000), [np.nan] * 200))
    kept = {name: _in_bins(one, edges) for name, one in kept.items()}
    model = Reference("r", "m", "v", "drawn", 1, kept)
    watch = DriftWatch(Day(edges, counts, missing), lambda: [model], segments=())
    told: dict[str, int] = {}
    last = CHANGE + 60 if change is not None else MINUTES
    for minute in range(1 if change is None else CHANGE - 180, last):
        for reading in watch.step(START_MS + minute * MINUTE_MS):
            if reading.is_held:
                told.setdefault(reading.drift.feature, minute)
    return [told.get(name, MINUTES) for name in kept]


def _in_bins(feature: FeatureReference, edges: Floats) -> FeatureReference:
    """Returns a feature's reference in given bins: those that the day is drawn in."""
    shares = np.diff(stats.norm.cdf(edges), prepend=0.0, append=1.0)
    return replace(feature, edges=edges, counts=np.round(shares * 100_000))


CHANGE = 600


def run() -> Iterator[Row]:
    """Yields every number."""
    cases: list[tuple[str, Means, int]] = [
        ("independent rows", still, 1),
        ("rows in clusters of 10", still, 10),
        ("means that wobble by 0.05 sd, rho 0.8", wobbling(0.8, 0.05), 1),
    ]
    for seed, (name, means, cluster) in enumerate(cases):
        told = first_told(seed, FEATURES, means, cluster)
        share = 100 * sum(minute < MINUTES for minute in told) / FEATURES
        yield Row(f"false alarms, {name}", share, "% of feature-days", "1", note=f"{FEATURES} days")

    def shift(level: Floats, gone: Floats) -> None:
        level[CHANGE:] += 1.0

    def gap(level: Floats, gone: Floats) -> None:
        gone[CHANGE:] = 0.31

    def small_gap(level: Floats, gone: Floats) -> None:
        gone[CHANGE:] = 0.05

    for name, change in (("shift by 1 sd", shift), ("31% missing", gap), ("5% missing", small_gap)):
        delays = np.array(first_told(7, 10, still, 1, change)) - CHANGE + 1
        early = int((delays <= 0).sum())
        yield Row(f"told after, {name}", float(np.median(delays)), "minutes", note=f"{early} early")
