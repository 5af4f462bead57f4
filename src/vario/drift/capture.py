"""References made of live traffic: a past window, a version."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from vario.drift.bins import Floats, count_buckets, count_categories
from vario.drift.live import OVER_ALL, Ask, Observed, Scope, Traffic, observe, roll_up, window_of
from vario.drift.outcomes import OUTPUT, Outcomes, observe_outcomes
from vario.drift.reference import DEFAULT_BINS, MOST_CATEGORIES, FeatureReference, Reference
from vario.errors import BadData

LEAST_ROWS = 500
"""Predictions that a reference of live traffic must hold."""


def capture(
    ask: Ask,
    at_ns: int,
    window_s: float,
    *,
    model_name: str,
    model_version: str,
    name: str,
    segments: Sequence[str] = (),
) -> Reference:
    """Returns a model's live traffic of a past window as a reference.

    Args:
        ask: evaluates PromQL.
        at_ns: end of the window, nanoseconds since the epoch.
        window_s: its length.
        model_name: the model.
        model_version: the version whose traffic is taken, empty for all.
        name: what the reference is to be called.
        segments: labels that divide the traffic; each of their values is kept as a part.

    Raises:
        BadData: there was too little traffic.
    """
    traffic = roll_up(observe(ask, at_ns // 1_000_000, round(window_s * 1000), segments))
    found = traffic.get(Scope(model_name, model_version or OVER_ALL), Traffic())
    if found.predictions < LEAST_ROWS:
        raise BadData(
            f"model {model_name!r}{f' version {model_version!r}' if model_version else ''} made "
            f"{found.predictions:.0f} predictions in {window_s:g} s, a reference needs "
            f"{LEAST_ROWS}: {_known(traffic)}"
        )
    features = {
        feature: feature_of(feature, observed)
        for feature, observed in sorted(found.features.items())
        if observed.present
    }
    if not features:
        raise BadData(
            f"no feature of model {model_name!r} was seen: record them with "
            "vario.record_prediction(features=...)"
        )
    version = model_version or OVER_ALL
    came = observe_outcomes(ask, at_ns // 1_000_000, round(window_s * 1000), segments)
    own = [s for s in traffic if (s.model_name, s.model_version) == (model_name, version)]
    parts = {scope.segments[0]: _part(features, traffic[scope]) for scope in own if scope.segments}
    _label(features, came.get(Scope(model_name, version)))
    for part, its in parts.items():
        _label(its, came.get(Scope(model_name, version, (part,))))
    source = f"live traffic, {window_s:g} s"
    return Reference(name, model_name, model_version, source, at_ns, features, parts)


def _label(features: dict[str, FeatureReference], came: Outcomes | None) -> None:
    """Adds what came of a score, as far as feedback tells."""
    score = features.get(OUTPUT)
    if came is None or score is None or score.kind != "numeric" or not came.total:
        return
    accepted, rejected = (
        count_buckets(one.lower, one.upper, one.counts, score.edges)
        for one in (came.accepted_scores, came.rejected_scores)
    )
    features[OUTPUT] = replace(score, accepted=accepted, rejected=rejected)


def _part(
    features: Mapping[str, FeatureReference], traffic: Traffic
) -> dict[str, FeatureReference]:
    windows = {name: window_of(feature, traffic) for name, feature in features.items()}
    return {
        name: replace(features[name], counts=window.counts, missing=window.missing)
        for name, window in windows.items()
        if window.counts.sum() > 0
    }


def _known(traffic: Mapping[Scope, Traffic]) -> str:
    names = sorted(
        f"{scope.model_name} {scope.model_version}"
        for scope, part in traffic.items()
        if scope.model_version != OVER_ALL and part.predictions
    )
    return f"live are {', '.join(names)}" if names else "no predictions are recorded at all"


def feature_of(name: str, observed: Observed, bins: int = DEFAULT_BINS) -> FeatureReference:
    """Returns live traffic of a feature as a reference.

    The edges of a numeric feature are bounds of its histogram's buckets, so that what is seen
    later in the same buckets is counted exactly.

    Args:
        name: the feature's name.
        observed: what was seen of it.
        bins: how many bins a numeric feature has at most.

    Raises:
        BadData: no value of it was seen.
    """
    if observed.categories:
        column = observed.categories
        categories = sorted(sorted(column, key=lambda c: (-column[c], c))[:MOST_CATEGORIES])
        counts = count_categories(dict(column), categories)
        none = np.zeros(0)
        return FeatureReference(
            name, "categorical", counts, observed.gone, none, none, tuple(categories)
        )
    if not observed.present:
        raise BadData(f"no value of the feature {name!r} was seen in {observed.gone:g} predictions")
    order = np.argsort(observed.upper, kind="stable")
    lower, upper, counts = (
        part[order] for part in (observed.lower, observed.upper, observed.counts)
    )
    shares = np.cumsum(counts) / counts.sum()
    at = np.searchsorted(shares, np.arange(1, bins) / bins - 1e-12)
    edges = np.unique(upper[at])
    edges = edges[edges < upper[-1]]
    middle = _middles(lower, upper)
    found = np.searchsorted(edges, upper, side="left")
    binned = np.bincount(found, weights=counts, minlength=len(edges) + 1).astype(np.float64)
    positions = np.bincount(found, weights=counts * middle, minlength=len(edges) + 1) / binned
    mean = np.average(middle, weights=counts)
    spread = math.sqrt(np.average((middle - mean) ** 2, weights=counts))
    # What lies in an explicit histogram's first and last bucket may be as far out as it likes.
    lowest, highest = float(lower.min()), float(upper.max())
    return FeatureReference(
        name, "numeric", binned, observed.gone, edges, positions, (), spread, lowest, highest
    )


def _middles(lower: Floats, upper: Floats) -> Floats:
    """Returns a value that stands for each bucket: its known bound where the other is infinite."""
    low = np.where(np.isfinite(lower), lower, upper)
    high = np.where(np.isfinite(upper), upper, lower)
    return (low + high) / 2
