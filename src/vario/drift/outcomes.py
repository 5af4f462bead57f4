"""What came of predictions: feedback by version and segment, and whether it got worse.

| metric | type | labels beside model and segments |
|---|---|---|
| `prediction_feedback_total` | counter | `accepted` |
| `prediction_feedback_score` | exponential histogram of scores | `accepted` |
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from vario.drift.bins import Floats, count_buckets
from vario.drift.judge import TOO_FEW
from vario.drift.live import MODEL, OVER_ALL, Ask, Observed, Scope, Traffic, buckets_of, merge
from vario.drift.noise import Interval, ratio_increase_p, ratio_interval
from vario.drift.performance import (
    Performance,
    calibrate,
    calibration_error,
    estimate_performance,
    measure_performance,
)
from vario.drift.reference import FeatureReference, Reference

OUTPUT = "prediction"
"""The feature that a model's output is kept as."""

LEAST_BASELINE = 300
"""Feedback that the past must hold before the present is compared with it."""
LEAST_CALIBRATION = 1_000
"""Scores with feedback that a calibration takes."""

_DEFAULT_EDGES = np.linspace(0.1, 0.9, 9)

BaselineSource = Literal["", "reference", "other versions", "before"]
OutcomeVerdict = Literal["fallen", "stable", "too_few"]


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Feedback of one scope in a window: how much of each kind, and the scores with either."""

    accepted: float = 0.0
    rejected: float = 0.0
    accepted_scores: Observed = field(default_factory=Observed)
    rejected_scores: Observed = field(default_factory=Observed)

    @property
    def total(self) -> float:
        """How many predictions have feedback."""
        return self.accepted + self.rejected

    @property
    def rate(self) -> float:
        """The share that was accepted, 0 to 1; nan without feedback."""
        return self.accepted / self.total if self.total > 0 else math.nan

    def __add__(self, other: "Outcomes") -> "Outcomes":
        return Outcomes(
            self.accepted + other.accepted,
            self.rejected + other.rejected,
            merge([self.accepted_scores, other.accepted_scores]),
            merge([self.rejected_scores, other.rejected_scores]),
        )

    def without(self, other: "Outcomes") -> "Outcomes":
        """Returns what is left when a part is taken away; scores stay as they are."""
        return replace(
            self,
            accepted=max(self.accepted - other.accepted, 0.0),
            rejected=max(self.rejected - other.rejected, 0.0),
        )


def observe_outcomes(
    ask: Ask, at_ms: int, window_ms: int, segments: Sequence[str]
) -> dict[Scope, Outcomes]:
    """Returns the feedback of each model, by version, by segment, and by both.

    Args:
        ask: evaluates PromQL.
        at_ms: end of the window, milliseconds since the epoch.
        window_ms: its length.
        segments: names of the labels that divide traffic.
    """
    found: dict[Scope, Outcomes] = {}
    by = ", ".join((*MODEL, *segments, "accepted"))
    for metric in ("prediction_feedback_total", "prediction_feedback_score"):
        asked = f'sum by ({by}) (increase({metric}{{accepted!=""}}[{window_ms}ms]))'
        cells = ask(asked, at_ms)
        if not cells:
            break  # without feedback there are no scores of it
        for cell in cells:
            labels = dict(cell.labels)
            is_true = labels.get("accepted") == "true"
            if cell.histogram is not None:
                scores = buckets_of(cell.histogram)
                one = (
                    Outcomes(accepted_scores=scores)
                    if is_true
                    else Outcomes(rejected_scores=scores)
                )
            else:
                one = Outcomes(cell.value, 0.0) if is_true else Outcomes(0.0, cell.value)
            divided = tuple((name, labels.get(name, "")) for name in segments)
            scope = Scope(labels.get(MODEL[0], ""), labels.get(MODEL[1], ""), divided)
            for wider in scope.wider():
                found[wider] = found.get(wider, Outcomes()) + one
    return found


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a rate is compared with.

    Attributes:
        accepted: how many were accepted.
        total: of how many.
        source: where it comes from: `reference`, `other versions`, `before`; empty for none.
    """

    accepted: float = 0.0
    total: float = 0.0
    source: BaselineSource = ""

    @property
    def rate(self) -> float:
        """The share that was accepted, 0 to 1; nan without feedback."""
        return self.accepted / self.total if self.total else math.nan


def baseline_of(
    scope: Scope,
    now: Mapping[Scope, Outcomes],
    past: Mapping[Scope, Outcomes],
    reference: Reference | None,
) -> Baseline:
    """Returns what the feedback of a scope is compared with: the first that knows enough.

    The reference, if it was made with labels; the other versions in the same segment over the past
    days; the same version before.

    Args:
        scope: which part of the traffic.
        now: feedback of the window that is judged.
        past: feedback of the past days, the window included.
        reference: of the model, None where it has none.
    """
    score = None if reference is None else _score_of(reference, scope)
    if score is not None and len(score.accepted):
        accepted, total = (
            float(score.accepted.sum()),
            float((score.accepted + score.rejected).sum()),
        )
        if total >= LEAST_BASELINE:
            return Baseline(accepted, total, "reference")
    own = past.get(scope, Outcomes())
    if scope.model_version != OVER_ALL:
        everyone = past.get(replace(scope, model_version=OVER_ALL), Outcomes())
        others = everyone.without(own)
        if others.total >= LEAST_BASELINE:
            return Baseline(others.accepted, others.total, "other versions")
    before = own.without(now.get(scope, Outcomes()))
    if before.total >= LEAST_BASELINE:
        return Baseline(before.accepted, before.total, "before")
    return Baseline()


def _score_of(reference: Reference, scope: Scope) -> FeatureReference | None:
    """Returns a score's reference in a scope; None where there is none of that very scope."""
    if OUTPUT not in reference.features:
        return None
    feature, is_like = reference.find(OUTPUT, scope.segments)
    return feature if is_like and feature.kind == "numeric" else None


@dataclass(frozen=True, slots=True)
class OutcomeReading:
    """The feedback of one scope as the last step found it.

    Attributes:
        scope: which part of the traffic.
        accepted: how many predictions were accepted in the window.
        total: of how many with feedback.
        interval: 95% interval of the accept rate.
        baseline: what it is compared with.
        p_value: probability of so low a rate if it were the baseline's.
        expected_rate: what the scores of the live predictions let expect (CBPE); nan if unknown.
        calibration_error: how far scores lie from what came true, 0 to 1; nan if unknown.
        measured: performance by the feedback.
        estimated: performance by the scores alone.
        verdict: `fallen`, `stable` or `too_few`.
        window_s: length of the window, seconds.
        at_ms: its end, milliseconds since the epoch.
        is_held: whether it had fallen in 2 of the last 3 steps.
        since_ms: when that began, 0 where it is not held.
    """

    scope: Scope
    accepted: float
    total: float
    interval: Interval
    baseline: Baseline
    p_value: float
    expected_rate: float
    calibration_error: float
    measured: Performance
    estimated: Performance
    verdict: OutcomeVerdict
    window_s: int
    at_ms: int
    is_held: bool = False
    since_ms: int = 0

    @property
    def rate(self) -> float:
        """The accept rate, 0 to 1; nan without feedback."""
        return self.accepted / self.total if self.total else math.nan


@dataclass(frozen=True, slots=True)
class Calibration:
    """How probable it is that a score of each bin comes true.

    Attributes:
        edges: inner edges of the bins.
        positions: a score that stands for each bin.
        probability: that it comes true, 0 to 1; empty where nothing is known.
    """

    edges: Floats
    positions: Floats
    probability: Floats


def calibration_of(scope: Scope, past: Outcomes, reference: Reference | None) -> Calibration:
    """Returns the calibration of a scope's scores: the reference's, else that of past feedback."""
    score = None if reference is None else _score_of(reference, scope)
    if score is None:
        edges = _DEFAULT_EDGES
        positions = np.append(edges, 1.0) - 0.05
        accepted = rejected = np.zeros(0)
    else:
        edges, positions = score.edges, score.positions
        accepted, rejected = score.accepted, score.rejected
    if not len(accepted):
        accepted, rejected = (
            _binned(past.accepted_scores, edges),
            _binned(past.rejected_scores, edges),
        )
    enough = accepted.sum() + rejected.sum() >= LEAST_CALIBRATION
    probability = calibrate(accepted, rejected, positions) if enough else np.zeros(0)
    return Calibration(edges, positions, probability)


def _binned(scores: Observed, edges: Floats) -> Floats:
    return count_buckets(scores.lower, scores.upper, scores.counts, edges)


def measure_outcomes(
    scope: Scope,
    now: Outcomes,
    traffic: Traffic | None,
    baseline: Baseline,
    calibration: Calibration,
    *,
    design_effect: float,
    window_s: int,
    at_ms: int,
) -> OutcomeReading:
    """Returns all numbers of a scope's feedback; its verdict is only whether there was enough.

    Args:
        scope: which part of the traffic.
        now: its feedback in the window.
        traffic: its predictions lately, for what is estimated without feedback.
        baseline: what the rate is compared with.
        calibration: of the scores.
        design_effect: by how much rates vary more than those of independent feedback.
        window_s: length of the window, seconds.
        at_ms: its end, milliseconds since the epoch.
    """
    edges, positive = calibration.edges, (calibration.positions >= 0.5).astype(np.float64)
    accepted, rejected = _binned(now.accepted_scores, edges), _binned(now.rejected_scores, edges)
    nowhere = np.zeros(len(positive))
    live = traffic.features.get(OUTPUT) if traffic is not None else None
    scores = nowhere if live is None else _binned(live, edges)
    probability = calibration.probability if len(calibration.probability) else nowhere
    is_known = len(calibration.probability) > 0 and scores.sum() > 0
    estimated = estimate_performance(scores if is_known else nowhere, probability, positive)
    p_value = 1.0
    if baseline.total:
        p_value = ratio_increase_p(
            now.rejected / design_effect,
            now.total / design_effect,
            baseline.total - baseline.accepted,
            baseline.total,
        )
    return OutcomeReading(
        scope=scope,
        accepted=now.accepted,
        total=now.total,
        interval=ratio_interval(now.accepted, now.total),
        baseline=baseline,
        p_value=p_value,
        expected_rate=estimated.accept_rate,
        calibration_error=calibration_error(accepted, rejected, calibration.positions),
        measured=measure_performance(accepted, rejected, positive),
        estimated=estimated,
        verdict="too_few" if now.total < TOO_FEW or not baseline.total else "stable",
        window_s=window_s,
        at_ms=at_ms,
    )
