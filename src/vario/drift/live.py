"""What live traffic says of a model's features, read from the metrics that the SDK sends.

| metric | type | labels beside model and segments |
|---|---|---|
| `predictions_total` | counter | |
| `feature_value` | histogram, exponential or explicit | `feature` |
| `feature_category_total` | counter | `feature`, `category` |
| `feature_distinct` | histogram, exponential: hashes | `feature` |
| `feature_missing_total` | counter | `feature` |
| `feature_invalid_total` | counter | `feature`, `reason` |

A model's output is the feature `prediction`.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from vario.drift.bins import Floats, count_buckets, count_categories, count_outside
from vario.drift.dispersion import Dispersion
from vario.drift.distinct import estimate_distinct
from vario.drift.judge import Window
from vario.drift.reference import FeatureReference
from vario.query.promql.histogram import Histogram

MODEL = ("model_name", "model_version")
FOLDED = "__other__"
"""The category of texts that have none of their own."""
OVER_ALL = "*"
"""Stands where a scope takes every version, or every value of a segment."""


class Cell(Protocol):
    """One series of an instant vector."""

    @property
    def labels(self) -> tuple[tuple[str, str], ...]:
        """Its labels."""
        ...

    @property
    def value(self) -> float:
        """Its float."""
        ...

    @property
    def histogram(self) -> Histogram | None:
        """Its native histogram, if it is one."""
        ...


Ask = Callable[[str, int], Sequence[Cell]]
"""Evaluates PromQL at a time in milliseconds since the epoch."""


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """A part of the traffic: a model, one of its versions or all, values of segments or all."""

    model_name: str
    model_version: str = OVER_ALL
    segments: tuple[tuple[str, str], ...] = ()

    @property
    def labels(self) -> dict[str, str]:
        """The labels that a metric of this scope has; what goes over all has none."""
        pairs = (
            ("model_name", self.model_name),
            ("model_version", self.model_version),
            *self.segments,
        )
        return {name: value for name, value in pairs if value not in ("", OVER_ALL)}

    def wider(self) -> "Iterator[Scope]":
        """Yields the scopes that are judged and hold this one."""
        for version in (OVER_ALL, self.model_version):
            yield Scope(self.model_name, version)
            for segment in self.segments:
                yield Scope(self.model_name, version, (segment,))


@dataclass(frozen=True, slots=True)
class Observed:
    """A feature in a window of live traffic, before it is put into a reference's bins.

    Attributes:
        lower: lower bounds of the buckets, excluded.
        upper: their upper bounds, included.
        counts: values in each of them.
        categories: values by category.
        missing: rows without a value.
        invalid: rows whose value cannot be used, by reason.
        hashes: upper bounds of the cells that texts without a category of their own fell in, and
            how many in each.
    """

    lower: Floats = field(default_factory=lambda: np.zeros(0))
    upper: Floats = field(default_factory=lambda: np.zeros(0))
    counts: Floats = field(default_factory=lambda: np.zeros(0))
    categories: Mapping[str, float] = field(default_factory=dict[str, float])
    missing: float = 0.0
    invalid: Mapping[str, float] = field(default_factory=dict[str, float])
    hashes: tuple[Floats, Floats] = field(default_factory=lambda: (np.zeros(0), np.zeros(0)))

    @property
    def present(self) -> float:
        """How many rows have a value that can be used."""
        return float(self.counts.sum()) + sum(self.categories.values())

    @property
    def gone(self) -> float:
        """How many rows have none."""
        return self.missing + sum(self.invalid.values())


@dataclass(slots=True)
class Traffic:
    """One scope in one window: how many predictions, and each feature."""

    predictions: float = 0.0
    features: dict[str, Observed] = field(default_factory=dict[str, Observed])


def observe(ask: Ask, at_ms: int, window_ms: int, segments: Sequence[str]) -> dict[Scope, Traffic]:
    """Returns the traffic of every model, version and combination of segments in a window.

    Args:
        ask: evaluates PromQL.
        at_ms: end of the window, milliseconds since the epoch.
        window_ms: its length.
        segments: names of the labels that divide traffic, such as `region`.
    """
    found: dict[Scope, Traffic] = {}

    def cells(metric: str, *more: str) -> Iterable[tuple[Traffic, str, Mapping[str, str], Cell]]:
        by = ", ".join((*MODEL, *segments, *more))
        for cell in ask(f"sum by ({by}) (increase({metric}[{window_ms}ms]))", at_ms):
            labels = dict(cell.labels)
            divided = tuple((name, labels.get(name, "")) for name in segments)
            scope = Scope(labels.get(MODEL[0], ""), labels.get(MODEL[1], ""), divided)
            yield found.setdefault(scope, Traffic()), labels.get("feature", ""), labels, cell

    for traffic, _, _, cell in cells("predictions_total"):
        traffic.predictions += cell.value
    for traffic, name, _, cell in cells("feature_value", "feature"):
        if cell.histogram is not None:
            _add(traffic, name, buckets_of(cell.histogram))
    buckets: dict[tuple[int, str], list[tuple[float, float]]] = {}
    owners: dict[int, Traffic] = {}
    for traffic, name, labels, cell in cells("feature_value_bucket", "feature", "le"):
        owners[id(traffic)] = traffic
        pair = (float(labels.get("le", "nan")), cell.value)
        buckets.setdefault((id(traffic), name), []).append(pair)
    for (owner, name), pairs in buckets.items():
        _add(owners[owner], name, _of_classic(pairs))
    for traffic, name, labels, cell in cells("feature_category_total", "feature", "category"):
        _add(traffic, name, Observed(categories={labels.get("category", ""): cell.value}))
    for traffic, name, _, cell in cells("feature_distinct", "feature"):
        if cell.histogram is not None:
            hashed = buckets_of(cell.histogram)
            _add(traffic, name, Observed(hashes=(hashed.upper, hashed.counts)))
    for traffic, name, _, cell in cells("feature_missing_total", "feature"):
        _add(traffic, name, Observed(missing=cell.value))
    for traffic, name, labels, cell in cells("feature_invalid_total", "feature", "reason"):
        _add(traffic, name, Observed(invalid={labels.get("reason", ""): cell.value}))
    return found


def _add(traffic: Traffic, name: str, observed: Observed) -> None:
    known = traffic.features.get(name)
    traffic.features[name] = observed if known is None else merge([known, observed])


def buckets_of(histogram: Histogram) -> Observed:
    """Returns what a native histogram holds."""
    buckets = [bucket for bucket in histogram.all_buckets() if bucket.count > 0]
    return Observed(
        np.array([bucket.lower for bucket in buckets], dtype=np.float64),
        np.array([bucket.upper for bucket in buckets], dtype=np.float64),
        np.array([bucket.count for bucket in buckets], dtype=np.float64),
    )


def _of_classic(pairs: list[tuple[float, float]]) -> Observed:
    upper, cumulative = np.array(sorted(pairs), dtype=np.float64).T
    counts = np.maximum(np.diff(cumulative, prepend=0.0), 0.0)
    lower = np.concatenate(([-np.inf], upper[:-1]))
    used = counts > 0
    return Observed(lower[used], upper[used], counts[used])


def merge(parts: Sequence[Observed]) -> Observed:
    """Returns what several scopes or replicas have seen together: exactly, for counts add up."""
    return Observed(
        np.concatenate([part.lower for part in parts]),
        np.concatenate([part.upper for part in parts]),
        np.concatenate([part.counts for part in parts]),
        _sum_up(part.categories for part in parts),
        sum(part.missing for part in parts),
        _sum_up(part.invalid for part in parts),
        (
            np.concatenate([part.hashes[0] for part in parts]),
            np.concatenate([part.hashes[1] for part in parts]),
        ),
    )


def _sum_up(parts: Iterable[Mapping[str, float]]) -> dict[str, float]:
    total: dict[str, float] = {}
    for part in parts:
        for key, value in part.items():
            total[key] = total.get(key, 0.0) + value
    return total


def roll_up(traffic: Mapping[Scope, Traffic]) -> dict[Scope, Traffic]:
    """Returns the traffic of every scope: each model whole, by version, by segment, and by both.

    Each segment is rolled up by itself: of three segments there are three divisions, not eight.
    """
    groups: dict[Scope, list[Traffic]] = {}
    for scope, part in traffic.items():
        for wider in scope.wider():
            groups.setdefault(wider, []).append(part)
    return {scope: _joined(parts) for scope, parts in groups.items()}


def _joined(parts: Sequence[Traffic]) -> Traffic:
    names = sorted({name for part in parts for name in part.features})
    return Traffic(
        sum(part.predictions for part in parts),
        {
            name: merge([part.features[name] for part in parts if name in part.features])
            for name in names
        },
    )


def window_of(
    reference: FeatureReference,
    traffic: Traffic,
    dispersion: Dispersion | None = None,
    *,
    is_like: bool = True,
) -> Window:
    """Returns a feature's counts in its reference's bins.

    A feature of which nothing at all was heard is missing from every prediction. Numbers where
    the reference has categories, and texts where it has numbers, are missing too: their bins mean
    nothing.
    """
    observed = traffic.features.get(reference.name, Observed())
    if observed.present + observed.gone == 0:
        observed = replace(observed, missing=traffic.predictions)
    if reference.kind == "categorical":
        counts = count_categories(dict(observed.categories), reference.categories)
        unknown = observed.categories.keys() - set(reference.categories) - {FOLDED}
        distinct = sum(observed.categories[name] > 0 for name in unknown)
        distinct += estimate_distinct(*observed.hashes)
        strange = float(observed.counts.sum())
        outside = math.nan
    else:
        buckets = (observed.lower, observed.upper, observed.counts)
        counts = count_buckets(*buckets, reference.edges)
        strange = sum(observed.categories.values())
        distinct = math.nan
        ends = (reference.lowest, reference.highest)
        has_range = any(map(math.isfinite, ends))
        outside = count_outside(*buckets, *ends) if has_range else math.nan
    allowed = dispersion or Dispersion()
    return Window(counts, observed.gone + strange, allowed, is_like, outside, distinct)
