"""Feedback watched over simulated days: a fall is told with version and region, health is not."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from tests.support.drift_traffic import REGIONS, Point

from vario.drift.live import Cell, Observed, Scope, Traffic
from vario.drift.outcome_watch import OutcomeWatch, outcome_gauges
from vario.drift.outcomes import Baseline, Outcomes, baseline_of
from vario.drift.reference import Reference, make_feature, with_outcomes
from vario.drift.report import DriftReport
from vario.query.promql.histogram import CUSTOM_SCHEMA, Buckets, Histogram

MINUTE_MS = 60_000
START_MS = 1_750_000_000_000
Rate = Callable[[str, int], tuple[str, float]]
"""Version and true accept rate of a region in a minute."""


class Users:
    """Answers what is asked of feedback: so many a minute in each region."""

    def __init__(self, rate: Rate, per_minute: int = 100, seed: int = 1) -> None:
        self.rate, self.per_minute = rate, per_minute
        self.rng = np.random.default_rng(seed)
        self.told: dict[tuple[int, str], tuple[str, int]] = {}

    def __call__(self, text: str, at_ms: int) -> Sequence[Cell]:
        if "prediction_feedback_total" not in text:
            return []
        window_ms = int(text.partition("}[")[2].partition("ms]")[0])
        minutes = range(max(-600, (at_ms - window_ms - START_MS) // MINUTE_MS),
                        (at_ms - START_MS) // MINUTE_MS)  # fmt: skip
        counts: dict[tuple[str, str], np.ndarray] = {}
        for minute in minutes:
            for region in REGIONS:
                if (minute, region) not in self.told:
                    version, rate = self.rate(region, minute)
                    taken = int(self.rng.binomial(self.per_minute, rate))
                    self.told[minute, region] = (version, taken)
                version, taken = self.told[minute, region]
                both = np.array([taken, self.per_minute - taken])
                counts[version, region] = counts.get((version, region), np.zeros(2)) + both
        return [
            Point(
                (("model_name", "recommender"), ("model_version", version), ("region", region),
                 ("accepted", word)),
                float(count),
            )
            for (version, region), both in counts.items()
            for word, count in zip(("true", "false"), both.tolist(), strict=True)
        ]  # fmt: skip


def steps(users: Users, minutes: range, **references: Reference) -> dict[int, DriftReport]:
    watch = OutcomeWatch(users)
    return {
        minute: DriftReport(
            outcomes=tuple(watch.step(START_MS + minute * MINUTE_MS, references, {}))
        )
        for minute in minutes
    }


def test_a_release_that_users_accept_less_is_told_with_version_region_and_both_rates() -> None:
    def rate(region: str, minute: int) -> tuple[str, float]:
        if minute < 30:
            return "v23", 0.41
        return "v23.1", 0.33 if region == "eu-west" else 0.41

    found = {
        minute: [finding.text for finding in report.findings()]
        for minute, report in steps(Users(rate), range(75)).items()
    }
    assert all(found[minute] == [] for minute in range(31))
    first = min(minute for minute in found if found[minute])
    assert first <= 60
    (text,) = found[74]
    assert re.fullmatch(
        r"accept rate of v23\.1 in eu-west fell from 4\d% to 3\d% since \d\d:\d\d UTC; "
        r"elsewhere 4\d%",
        text,
    ), text


def test_healthy_users_are_left_alone() -> None:
    reports = steps(Users(lambda region, minute: ("v23", 0.4), seed=2), range(0, 600, 10))
    assert [r.findings() for r in reports.values() if r.findings()] == []


def test_what_has_fallen_stays_compared_with_what_was_before() -> None:
    """Even when the past days are made of it alone."""
    users = Users(lambda region, minute: ("v23", 0.4 if minute < 0 else 0.3), seed=3)
    reports = steps(users, range(0, 600, 5))
    assert all(report.findings() for report in list(reports.values())[20:])


def test_a_rate_is_compared_with_the_first_that_knows_enough() -> None:
    whole, part = Scope("m"), Scope("m", "v2")
    score = make_feature("prediction", np.linspace(0, 1, 1_000))
    labelled = with_outcomes(score, np.linspace(0, 1, 1_000), np.arange(1_000) % 4 == 0)
    reference = Reference("v1", "m", "v1", "train", 1, {"prediction": labelled})
    past = {whole: Outcomes(500, 500), part: Outcomes(100, 300)}
    now = {whole: Outcomes(50, 50), part: Outcomes(50, 50)}
    assert baseline_of(part, now, past, reference) == Baseline(250, 1_000, "reference")
    plain = replace(reference, features={"prediction": score})
    assert baseline_of(part, now, past, plain) == Baseline(400, 600, "other versions")
    assert baseline_of(whole, now, past, None) == Baseline(450, 450 + 450, "before")
    alone = {whole: past[part], part: past[part]}
    assert baseline_of(part, now, alone, None) == Baseline(50, 300, "before")
    assert baseline_of(part, {}, {}, None) == Baseline()


def scored(
    rng: np.random.Generator, scores: np.ndarray, version: str
) -> Callable[..., list[Point]]:
    """Users that take what has a score as often as the score says."""
    taken = rng.random(len(scores)) < scores

    def ask(text: str, at_ms: int) -> list[Point]:
        found: list[Point] = []
        for word, which in (("true", taken), ("false", ~taken)):
            labels = (("model_name", "m"), ("model_version", version), ("region", "r"),
                      ("accepted", word))  # fmt: skip
            if "prediction_feedback_score" in text:
                found.append(Point(labels, 0.0, histogram(scores[which])))
            else:
                found.append(Point(labels, float(which.sum())))
        return found

    return ask


def histogram(values: np.ndarray) -> Histogram:
    bounds = np.linspace(0, 1, 201)
    counts = np.histogram(values, bounds)[0].astype(float)
    return Histogram(
        schema=CUSTOM_SCHEMA, count=len(values), positive=Buckets(1, counts), bounds=tuple(bounds)
    )


def test_performance_is_measured_with_feedback_and_estimated_without() -> None:
    """The estimate knows the live scores alone: they are higher than those with feedback."""
    rng = np.random.default_rng(4)
    scores, later = rng.beta(2, 3, 20_000), rng.beta(4, 2, 20_000)
    bounds = np.linspace(0, 1, 401)
    live = Observed(bounds[:-1], bounds[1:], np.histogram(later, bounds)[0].astype(float))
    traffic = {Scope("m"): Traffic(20_000, {"prediction": live})}
    watch = OutcomeWatch(scored(rng, scores, "v1"))
    reading = next(r for r in watch.step(START_MS, {}, traffic) if r.scope == Scope("m"))
    assert reading.rate == pytest.approx(scores.mean(), abs=0.01)
    assert reading.expected_rate == pytest.approx(later.mean(), abs=0.015)
    assert reading.calibration_error < 0.02
    assert reading.measured.accuracy == pytest.approx(
        np.maximum(scores, 1 - scores).mean(), abs=0.01
    )
    assert reading.estimated.accuracy == pytest.approx(
        np.maximum(later, 1 - later).mean(), abs=0.02
    )
    names = {labels["__name__"]: value for labels, value in outcome_gauges([reading])}
    assert names["accept_rate"] == reading.rate
    assert {"accept_rate_expected", "calibration_error", "model_roc_auc"} <= names.keys()


def test_a_restart_keeps_since_when() -> None:
    users = Users(lambda region, minute: ("v1", 0.4) if minute < 0 else ("v2", 0.2))
    watch = OutcomeWatch(users)
    for minute in range(20, 23):
        watch.step(START_MS + minute * MINUTE_MS, {}, {})
    scope = Scope("recommender", "v2")
    watch.recall(scope, START_MS)
    assert {r.since_ms for r in watch.readings if r.scope == scope} == {START_MS}
    later = watch.step(START_MS + 23 * MINUTE_MS, {}, {})
    assert {r.since_ms for r in later if r.scope == scope} == {START_MS}
    told = outcome_gauges(later)
    assert {
        (labels["kind"], value)
        for labels, value in told
        if labels["__name__"] == "drift_detected" and labels.get("region") == "eu-west"
    } == {("fallen", 1.0)}
