"""Drift: false alarms by feature-day, and how soon a change is told, through the real watch.

A day of a model's traffic is drawn minute by minute, so that the windows of one look overlap those
of the next as they do in life; the watch looks once a minute, with all its windows and detectors,
and knows nothing at midnight. What is drawn are counts in bins, as sketches hold them: how sketches
are read from the store is left out. A feature that is told once in a day is a false alarm.

`VARIO_BENCH_FEATURE_DAYS` is how many days are drawn of each case (an upper bound of 1% needs 370
without an alarm), `VARIO_BENCH_CASES` names some cases, by any part of their names.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from scipy import stats

from bench.report import Row
from vario.drift.bins import Floats
from vario.drift.live import Observed, Scope, Traffic
from vario.drift.noise import ratio_interval
from vario.drift.reference import FeatureReference, Reference
from vario.drift.watch import DriftWatch

MINUTES = 1_440
MINUTE_MS = 60_000
START_MS = 1_750_000_000_000
DAYS = int(os.environ.get("VARIO_BENCH_FEATURE_DAYS", "20"))
ONLY = os.environ.get("VARIO_BENCH_CASES", "").split(",")
FEATURES = 20
MISSING = 0.002
REFERENCE_ROWS = 100_000
MODEL = Scope("m")
EDGES = stats.norm.ppf(np.arange(1, 10) / 10)
CATEGORIES = np.array([0.4, 0.2, 0.12, 0.08, 0.06, 0.05, 0.04, 0.02, 0.01, 0.01, 0.005, 0.005])

Shares = Callable[[np.random.Generator], Floats]
"""Draws a feature's shares of each bin in each minute, shape (minutes, bins)."""


def still(rng: np.random.Generator) -> Floats:
    """Returns deciles that stay."""
    return np.full((MINUTES, 10), 0.1)


def skewed(rng: np.random.Generator) -> Floats:
    """Returns categories of which some are rare."""
    return np.tile(CATEGORIES, (MINUTES, 1))


def wandering(rho: float, spread: float) -> Shares:
    """Returns a normal feature whose mean follows an autoregressive process of order 1."""

    def make(rng: np.random.Generator) -> Floats:
        noise = rng.normal(0, spread * np.sqrt(1 - rho**2), MINUTES)
        means = np.zeros(MINUTES)
        means[0] = rng.normal(0, spread)
        for i in range(1, MINUTES):
            means[i] = rho * means[i - 1] + noise[i]
        return shares_of(means)

    return make


def by_the_hour(size: float) -> Shares:
    """Returns a normal feature whose mean rises and falls with the day."""

    def make(rng: np.random.Generator) -> Floats:
        phase = rng.uniform(0, 2 * np.pi)
        return shares_of(size * np.sin(2 * np.pi * np.arange(MINUTES) / MINUTES + phase))

    return make


def shares_of(means: Floats) -> Floats:
    """Returns the shares of the reference's deciles where the mean has moved."""
    below = stats.norm.cdf(EDGES[None, :] - means[:, None])
    return np.diff(below, prepend=0.0, append=1.0, axis=1)


@dataclass(frozen=True)
class Case:
    """One kind of healthy traffic; rows rise and fall by half with the day."""

    name: str
    shares: Shares = still
    cluster: int = 1
    per_minute: int = 250
    gone: Floats = field(default_factory=lambda: np.full(MINUTES, MISSING))


CASES = (
    Case("independent rows"),
    Case("little traffic, 10 a minute", per_minute=10),
    Case("much traffic, 5,000 a minute", wandering(0.8, 0.05), per_minute=5_000),
    Case("rows in clusters of 10", cluster=10),
    Case("categories, in clusters of 10", skewed, cluster=10),
    Case("means wander by 0.05 sd (rho 0.8)", wandering(0.8, 0.05)),
    Case("means wander by 0.1 sd (rho 0.8), clusters of 10", wandering(0.8, 0.1), cluster=10),
    Case("means rise and fall by 0.05 sd with the day", by_the_hour(0.05)),
)
HARDER = (
    Case("means wander by 0.1 sd (rho 0.8)", wandering(0.8, 0.1)),
    Case("means wander by 0.05 sd within the hour (rho 0.98)", wandering(0.98, 0.05)),
    Case("means rise and fall by 0.1 sd with the day", by_the_hour(0.1)),
)
"""Traffic that does drift, by less than half an hour's or a day's usual course."""


class Day:
    """A day's counts of several features by minute."""

    def __init__(self, case: Case, features: int, rng: np.random.Generator) -> None:
        self._counts: list[Floats] = []
        self._missing: list[Floats] = []
        wave = 1 + 0.5 * np.sin(2 * np.pi * np.arange(MINUTES) / MINUTES)
        rows = rng.poisson(case.per_minute * wave / case.cluster)
        for _ in range(features):
            gone = rng.binomial(rows, case.gone)
            counts = rng.multinomial(rows - gone, case.shares(rng)) * case.cluster
            self._counts.append(_summed(counts))
            self._missing.append(_summed(gone[:, None] * case.cluster)[:, 0])
        self._rows = _summed(rows[:, None] * case.cluster)[:, 0]
        self._cells = np.arange(self._counts[0].shape[1] + 1.0)

    def observe(self, at_ms: int, window_ms: int) -> dict[Scope, Traffic]:
        """Returns what the store would say of a window: each bin is a bucket."""
        end = max((at_ms - START_MS) // MINUTE_MS, 0)
        start = max(end - window_ms // MINUTE_MS, 0)
        rows = float(self._rows[end] - self._rows[start])
        if not rows:
            return {}
        features = {
            f"f{i}": Observed(
                self._cells[:-1],
                self._cells[1:],
                counts[end] - counts[start],
                missing=float(missing[end] - missing[start]),
            )
            for i, (counts, missing) in enumerate(zip(self._counts, self._missing, strict=True))
        }
        return {MODEL: Traffic(rows, features)}


def _summed(counts: Floats) -> Floats:
    none = np.zeros((1, counts.shape[1]))
    return np.concatenate([none, counts.cumsum(axis=0)]).astype(float)


class DayWatch(DriftWatch):
    """The watch over a drawn day."""

    def __init__(self, day: Day, reference: Reference) -> None:
        super().__init__(lambda text, at_ms: [], lambda: [reference], segments=())
        self._day = day

    def _observe(self, at_ms: int, window_ms: int) -> dict[Scope, Traffic]:
        return self._day.observe(at_ms, window_ms)


def reference_of(case: Case, features: int) -> Reference:
    """Returns what the features are compared with: the shares that they have when all is calm."""
    shares = CATEGORIES if case.shares is skewed else np.full(10, 0.1)
    counts = np.round(shares * REFERENCE_ROWS)
    edges = np.arange(1.0, len(counts))
    kept = {
        name: FeatureReference(name, "numeric", counts, REFERENCE_ROWS * MISSING, edges, edges)
        for name in (f"f{i}" for i in range(features))
    }
    return Reference("r", "m", "v", "drawn", 1, kept)


def first_told(
    case: Case, features: int, seed: int, begin: int = 1, end: int = MINUTES
) -> list[int]:
    """Returns the minute in which each feature was first told, `MINUTES` for never."""
    day = Day(case, features, np.random.default_rng(seed))
    watch = DayWatch(day, reference_of(case, features))
    told: dict[str, int] = {}
    for minute in range(begin, end):
        for reading in watch.step(START_MS + minute * MINUTE_MS):
            if reading.is_held:
                told.setdefault(reading.drift.feature, minute)
    return [told.get(f"f{i}", MINUTES) for i in range(features)]


def false_alarms() -> Iterator[Row]:
    """Yields how many of the feature-days of each case had an alarm."""
    for seed, case in enumerate((*CASES, *HARDER)):
        if not any(part in case.name for part in ONLY):
            continue
        told: list[int] = []
        while len(told) < DAYS:
            features = min(FEATURES, DAYS - len(told))
            told += first_told(case, features, 1_000 * seed + len(told))
        alarms = sum(minute < MINUTES for minute in told)
        limits = ratio_interval(alarms, len(told))
        early = sum(minute < 60 for minute in told)
        note = (
            f"{alarms} of {len(told)}, {early} in the first hour; "
            f"95% interval {100 * limits.low:.2g} to {100 * limits.high:.2g}"
        )
        kind = "harder: " if case in HARDER else ""
        share = 100 * alarms / len(told)
        yield Row(f"{kind}{case.name}", share, "% of feature-days", "1", note=note)


CHANGE = 600


def delays() -> Iterator[Row]:
    """Yields how soon planted changes are told."""

    def moved(rng: np.random.Generator) -> Floats:
        return shares_of(np.where(np.arange(MINUTES) < CHANGE, 0.0, 1.0))

    def gone(ratio: float) -> Floats:
        return np.where(np.arange(MINUTES) < CHANGE, MISSING, ratio)

    for case in (
        Case("shift by 1 sd", moved),
        Case("31% missing", gone=gone(0.31)),
        Case("5% missing", gone=gone(0.05)),
        Case("31% missing, clusters of 10", gone=gone(0.31), cluster=10),
        Case("31% missing, 10 a minute", gone=gone(0.31), per_minute=10),
    ):
        told = np.array(first_told(case, 10, 7, CHANGE - 180, CHANGE + 120)) - CHANGE + 1
        early = int((told <= 0).sum())
        yield Row(
            f"told after, {case.name}", float(np.median(told)), "minutes", note=f"{early} early"
        )


def run() -> Iterator[Row]:
    """Yields every number."""
    yield from false_alarms()
    if ONLY == [""]:
        yield from delays()
