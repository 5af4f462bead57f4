"""Shapes of `/api/compare`."""

from typing import Literal

from vario.api.models import Shape


class MeasureOut(Shape):
    """One measure of both releases.

    `change` is relative for times and absolute for ratios, `low` and `high` bound it; all three
    are null where there was too little to tell.
    """

    measure: Literal["p50", "p95", "p99", "error_ratio", "replica_seconds"]
    unit: str
    baseline: float | None
    candidate: float | None
    change: float | None
    low: float | None
    high: float | None
    judgement: Literal["better", "same", "worse", "unclear", "told"]


class PartOut(Shape):
    """Both releases in one segment; over everything where `segment` is empty."""

    segment: str
    baseline_requests: float
    candidate_requests: float
    measures: list[MeasureOut]


class FeatureOut(Shape):
    """A feature, score or prediction of the candidate, judged by the baseline's live values."""

    feature: str
    segment: str
    value: str
    verdict: Literal["drifted", "missing", "new_category", "stable", "too_few"]
    rows: float
    psi: float | None
    psi_critical: float | None
    missing_ratio: float | None
    baseline_missing_ratio: float
    text: str


class ReleaseComparisonOut(Shape):
    """A release beside another: `fail` where anything is worse, `pass` where all is as good."""

    service: str
    model: str
    baseline: str
    candidate: str
    start: float
    end: float
    verdict: Literal["pass", "fail", "inconclusive"]
    summary: list[str]
    side_by_side: bool
    blocks: int
    block: float
    parts: list[PartOut]
    features: list[FeatureOut]
    notes: list[str]
