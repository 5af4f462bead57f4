"""Shapes of `/api/drift` and `/api/references`."""

from typing import Any, Literal

from pydantic import Field

from vario.api.models import Shape


class StatisticOut(Shape):
    """A test's statistic and its p-value; null where there was nothing to test."""

    statistic: float | None
    p: float | None


class ReadingOut(Shape):
    """One feature in one part of the traffic, in the window that was judged last.

    `model_version` is `*` for all versions; `segment` and `value` are empty for all traffic. PSI is
    in nats, distances and ratios 0 to 1, Wasserstein in standard deviations of the reference.
    `psi_critical` is what chance alone passes with the probability that the settings allow.
    `out_of_range_ratio` is the share of values beyond the reference's lowest and highest, from
    buckets: approximate, and rather too low than too high. `seasonal` says that it was compared
    with the traffic of a season ago (`drift.season_s`), in the reference's bins.
    """

    model_name: str
    model_version: str
    segment: str
    value: str
    feature: str
    reference: str
    seasonal: bool
    verdict: Literal["drifted", "missing", "new_category", "stable", "too_few"]
    held: bool
    since: float | None
    window: float
    rows: float
    psi: float | None
    psi_low: float | None
    psi_high: float | None
    psi_critical: float | None
    jensen_shannon: float | None
    wasserstein: float | None
    kolmogorov_smirnov: StatisticOut
    chi_square: StatisticOut
    missing_ratio: float | None
    missing_low: float
    missing_high: float
    reference_missing_ratio: float
    new_ratio: float | None
    new_distinct: float | None
    out_of_range_ratio: float | None


class FindingOut(Shape):
    """What is to be told of a feature, in a sentence."""

    model_name: str
    model_version: str
    feature: str
    kind: Literal["missing", "new_category", "drifted", "accept_rate"]
    segments: list[str]
    since: float
    text: str


class PerformanceOut(Shape):
    """A binary classifier's numbers, each 0 to 1, by bins of its scores; null where unknown."""

    accuracy: float | None
    precision: float | None
    recall: float | None
    f1: float | None
    roc_auc: float | None


class OutcomeOut(Shape):
    """What came of the predictions of one part of the traffic, by their feedback.

    `model_version` is `*` for all versions; `segment` and `value` are empty for all traffic. Rates
    are 0 to 1. `baseline` says what the rate is compared with: the `reference`, `other versions` in
    the same part of the traffic, or the time `before`; empty where nothing is known.
    `expected_rate` and `estimated` rest on the live scores alone (CBPE), `measured` on feedback.
    """

    model_name: str
    model_version: str
    segment: str
    value: str
    verdict: Literal["fallen", "stable", "too_few"]
    held: bool
    since: float | None
    window: float
    feedback: float
    accept_rate: float | None
    accept_rate_low: float
    accept_rate_high: float
    baseline: Literal["", "reference", "other versions", "before"]
    baseline_rate: float | None
    baseline_feedback: float
    p: float
    expected_rate: float | None
    calibration_error: float | None
    measured: PerformanceOut
    estimated: PerformanceOut


class DriftOut(Shape):
    """Everything that the watch found when it last looked; `time` is null before that.

    `without_reference` names the models with live traffic that nothing is compared with.
    """

    time: float | None
    error: str
    findings: list[FindingOut]
    readings: list[ReadingOut]
    without_reference: list[str]
    outcomes: list[OutcomeOut]


class FeatureHistoryOut(Shape):
    """One feature over time: a value for each of the history's times, null where unknown.

    `new_categories` is about how many categories came that the reference has not.
    """

    feature: str
    psi: list[float | None]
    psi_critical: list[float | None]
    missing_ratio: list[float | None]
    new_categories: list[float | None]


class DriftHistoryOut(Shape):
    """Every feature of one part of the traffic over time.

    `times` are the ends of steps of `step` seconds; a step shows the last look within it.
    """

    model_name: str
    model_version: str
    segment: str
    value: str
    step: float
    times: list[float]
    features: list[FeatureHistoryOut]
    accept_rate: list[float | None]


class CategoryOut(Shape):
    """A category, and its share among the values that were present, 0 to 1."""

    name: str
    share: float


class DistributionOut(Shape):
    """A feature's shares in the reference's bins, there and in live traffic (each sums to 1).

    `new_categories` names those that the reference has not, the most frequent first; together they
    are the last bin, with texts that were given no category of their own.
    """

    model_name: str
    model_version: str
    segment: str
    value: str
    feature: str
    kind: Literal["numeric", "categorical"]
    bins: list[str]
    reference_name: str
    reference: list[float]
    current: list[float]
    reference_rows: float
    rows: float
    new_categories: list[CategoryOut]


class DriftMomentOut(Shape):
    """A feature as it was in the window that ended at `time`, judged anew from what is stored."""

    time: float
    reading: ReadingOut
    distribution: DistributionOut


class ReferenceOut(Shape):
    """A reference without its numbers; `created` in seconds since the epoch."""

    model_name: str
    name: str
    model_version: str
    source: str
    created: float
    features: int
    rows: float


class ReferencesOut(Shape):
    """Every reference that is kept, the newest first."""

    references: list[ReferenceOut]


class ReferenceBody(Shape):
    """A reference as `vario reference create` writes it."""

    document: dict[str, Any]


class FromLiveIn(Shape):
    """Asks for a reference of live traffic: a model's last `window_s` seconds.

    `model_version` may be empty for all versions; each value of the labels in `segments` is kept as
    a part.
    """

    model_name: str
    name: str
    model_version: str = ""
    window_s: float = 86_400.0
    segments: list[str] = Field(default_factory=lambda: ["region"])
