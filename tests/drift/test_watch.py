"""The watch over simulated days: what is planted is told, and healthy traffic is left alone."""

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from tests.support.drift_traffic import REGIONS, Draw, Rows, SimulatedTraffic

from vario.drift.live import Scope
from vario.drift.reference import Reference, make_feature
from vario.drift.report import DriftReport
from vario.drift.watch import LOOK_BACK, DriftWatch, gauges

MINUTE_MS = 60_000
START_MS = 1_750_000_000_000
RNG = np.random.default_rng(11)
ROWS = 30_000


def session(rng: np.random.Generator, count: int, missing: float) -> np.ndarray:
    values = rng.lognormal(2, 1, count)
    values[rng.random(count) < missing] = np.nan
    return values


FEATURES = {
    "age": make_feature("age", RNG.normal(40, 10, ROWS).clip(1)),
    "session_length": make_feature("session_length", session(RNG, ROWS, 0.002)),
}
REFERENCE = Reference(
    "v23",
    "recommender",
    "v23",
    "training.parquet",
    START_MS * 1_000_000,
    FEATURES,
    {("region", region): FEATURES for region in REGIONS},
)


def healthy(rng: np.random.Generator, per_minute: int = 60) -> Draw:
    def draw(at_ms: int, window_ms: int) -> Sequence[Rows]:
        count = per_minute * window_ms // MINUTE_MS
        return [
            Rows(
                "v23",
                region,
                {
                    "age": rng.normal(40, 10, count).clip(1),
                    "session_length": session(rng, count, 0.002),
                },
            )
            for region in REGIONS
        ]

    return draw


def silent_release(rng: np.random.Generator, at_ms: int) -> Draw:
    """From `at_ms` on version v23.1 answers, which lost a feature in two regions."""
    before = healthy(rng)

    def draw(end_ms: int, window_ms: int) -> Sequence[Rows]:
        start_ms = end_ms - window_ms
        if end_ms <= at_ms:
            return before(end_ms, window_ms)
        after = before(end_ms, end_ms - max(at_ms, start_ms))
        for rows in after:
            rows.version = "v23.1"
            column = rows.columns["session_length"]
            if rows.region != "us-east":
                column[rng.random(len(column)) < 0.31] = np.nan
        return [*after, *(before(at_ms, at_ms - start_ms) if at_ms > start_ms else [])]

    return draw


def watch_over(draw: Draw, references: Sequence[Reference] = (REFERENCE,)) -> DriftWatch:
    return DriftWatch(SimulatedTraffic(draw), lambda: references)


def report_of(watch: DriftWatch, at_ms: int) -> DriftReport:
    return DriftReport(at_ms, tuple(watch.step(at_ms)), (REFERENCE,))


def test_a_silent_release_is_told_within_five_minutes_with_feature_regions_and_version() -> None:
    release_ms = START_MS + 40 * MINUTE_MS
    watch = watch_over(silent_release(np.random.default_rng(1), release_ms))
    found: dict[int, list[str]] = {}
    for minute in range(60):
        report = report_of(watch, START_MS + minute * MINUTE_MS)
        found[minute] = [finding.text for finding in report.findings()]
    assert all(found[minute] == [] for minute in range(40))
    (first,) = [minute for minute in found if found[minute]][:1]
    assert 41 <= first <= 43
    assert [text.split(" since ")[0].split(" missing ")[0] for text in found[59]] == [
        "session_length"
    ]
    (text,) = found[59]
    assert text.startswith("session_length missing 3")
    assert " in ap-south and eu-west since " in text
    assert re.search(r" UTC, version v23\.1; elsewhere 0\.\d+%$", text)


def test_a_sudden_gap_is_told_at_once_where_windows_are_long() -> None:
    """Six predictions a minute and region: two hours of them are judged, mostly from before."""
    release_ms = START_MS + 40 * MINUTE_MS
    rng = np.random.default_rng(8)
    calm = healthy(rng, 6)

    def draw(end_ms: int, window_ms: int) -> Sequence[Rows]:
        drawn = calm(end_ms, window_ms)
        share = min(max(end_ms - release_ms, 0) / window_ms, 1.0)
        for rows in drawn:
            column = rows.columns["session_length"]
            late = column[len(column) - round(share * len(column)) :]
            late[rng.random(len(late)) < 0.31] = np.nan
        return drawn

    watch = watch_over(draw)
    told: dict[int, list[str]] = {}
    for minute in range(50):
        told[minute] = [f.text for f in report_of(watch, START_MS + minute * MINUTE_MS).findings()]
        if told[minute]:
            break
    first = max(told)
    assert 41 <= first <= 45, told
    (reading, *_) = [r for r in watch.readings if r.is_held]
    assert reading.window_s == 7200
    assert reading.since_ms >= release_ms - 5 * MINUTE_MS
    assert "session_length missing" in told[first][0]


def test_healthy_days_are_left_alone() -> None:
    """Hours of two features in eight scopes, in windows that do not overlap."""
    watch = watch_over(healthy(np.random.default_rng(0)))
    for step in range(48):
        report = report_of(watch, START_MS + step * 5 * MINUTE_MS)
        assert report.findings() == []


def test_little_traffic_is_judged_over_longer_windows() -> None:
    for per_minute, window_s in ((200, 300), (12, 1800), (3, 7200)):
        watch = watch_over(healthy(np.random.default_rng(2), per_minute))
        assert {reading.window_s for reading in watch.step(START_MS)} == {window_s}


def test_a_verdict_holds_once_it_was_reached_in_two_of_three_steps() -> None:
    rng, apart_ms = np.random.default_rng(3), 5_000  # the detectors take whole minutes
    broken = {START_MS + step * apart_ms for step in (1, 4, 5)}
    calm, sick = healthy(rng), silent_release(rng, 0)
    watch = watch_over(lambda at, window: sick(at, window) if at in broken else calm(at, window))
    whole = Scope("recommender")
    held = [
        reading.is_held
        for step in range(9)
        for reading in watch.step(START_MS + step * apart_ms)
        if reading.scope == whole and reading.drift.feature == "session_length"
    ]
    assert held == [False] * 5 + [True, True, False, False]


def test_a_restart_keeps_since_when() -> None:
    watch = watch_over(silent_release(np.random.default_rng(4), 0))
    for step in range(2):
        watch.step(START_MS + step * MINUTE_MS)
    scope = Scope("recommender")
    watch.recall(scope, "session_length", 99)
    since = {r.since_ms for r in watch.readings if r.scope == scope and r.since_ms}
    assert since == {99}
    later = watch.step(START_MS + 2 * MINUTE_MS)
    assert {r.since_ms for r in later if r.scope == scope and r.since_ms} == {99}


def test_after_a_restart_what_is_wrong_is_told_at_once_and_since_when() -> None:
    release_ms = START_MS - 3 * 3_600_000
    watch = watch_over(silent_release(np.random.default_rng(10), release_ms))
    report = report_of(watch, START_MS)
    (text,) = [finding.text for finding in report.findings()]
    assert text.startswith("session_length missing 3")
    held = [r for r in watch.readings if r.is_held and r.scope.model_version == "v23.1"]
    assert held
    assert all(0 < r.since_ms - release_ms <= r.window_s * 1000 for r in held)


def test_clusters_are_not_told_in_the_first_minutes_of_traffic_nor_of_a_new_version() -> None:
    """Each user comes with ten requests; the watch has seen nothing of them before."""
    rng, size = np.random.default_rng(12), 10
    calm = healthy(rng, 24)
    release_ms = START_MS + 20 * MINUTE_MS

    def draw(end_ms: int, window_ms: int) -> Sequence[Rows]:
        drawn: list[Rows] = []
        for begin_ms, version in ((START_MS, "v23"), (release_ms, "v23.1")):
            until_ms = end_ms if version == "v23.1" else min(end_ms, release_ms)
            length_ms = until_ms - max(begin_ms, end_ms - window_ms)
            for rows in calm(until_ms, max(length_ms, 0)):
                columns = {n: np.repeat(c[: len(c) // size], size) for n, c in rows.columns.items()}
                drawn.append(Rows(version, rows.region, columns))
        return drawn

    watch = watch_over(draw)
    for minute in range(1, 35):
        assert report_of(watch, START_MS + minute * MINUTE_MS).findings() == [], minute


def test_the_newest_reference_of_a_model_counts_and_other_models_have_none() -> None:
    older = replace(REFERENCE, name="v22", created_ns=1)
    others = replace(REFERENCE, model_name="other", name="x")
    watch = watch_over(healthy(np.random.default_rng(5)), (REFERENCE, older, others))
    assert {reading.reference for reading in watch.step(START_MS)} == {"v23"}
    assert watch_over(healthy(np.random.default_rng(5)), ()).step(START_MS) == []


def test_a_region_that_the_reference_does_not_know_has_no_psi_but_gaps() -> None:
    whole = replace(REFERENCE, parts={})
    watch = watch_over(silent_release(np.random.default_rng(7), 0), [whole])
    watch.step(START_MS)
    found = {
        reading.drift.feature: reading
        for reading in watch.step(START_MS + MINUTE_MS)
        if reading.scope == Scope("recommender", "v23.1", (("region", "eu-west"),))
    }
    assert np.isnan(found["age"].drift.psi)
    assert found["age"].drift.verdict == "stable"
    assert found["session_length"].drift.verdict == "missing"


def test_the_same_hour_of_yesterday_is_compared_where_it_is_stored() -> None:
    """Ages rise and fall by a standard deviation each day: no drift to whom that is known."""
    rng, day_ms = np.random.default_rng(9), 86_400_000

    def draw(end_ms: int, window_ms: int) -> Sequence[Rows]:
        if end_ms <= START_MS:
            return []
        drawn = healthy(rng)(end_ms, window_ms)
        phase = 2 * np.pi * (end_ms - window_ms / 2 - START_MS) / day_ms
        for rows in drawn:
            rows.columns["age"][:] += 10 * np.sin(phase)
        return drawn

    def told(season_s: float, at_ms: int) -> tuple[bool, bool]:
        watch = DriftWatch(SimulatedTraffic(draw), lambda: [REFERENCE], season_s=season_s)
        for step in range(2):
            watch.step(at_ms + step * 30_000)
        ages = [r for r in watch.readings if r.drift.feature == "age"]
        return any(r.is_held for r in ages), any(r.is_seasonal for r in ages)

    morning, next_morning = START_MS + day_ms // 4, START_MS + day_ms // 4 + day_ms
    assert told(0, next_morning) == (True, False)
    assert told(86_400, next_morning) == (False, True)
    assert told(86_400, morning) == (True, False)  # nothing is stored of the day before


def test_what_is_found_is_kept_as_metrics() -> None:
    watch = watch_over(silent_release(np.random.default_rng(6), 0))
    watch.step(START_MS)
    found = gauges(watch.step(START_MS + MINUTE_MS))
    wanted = {
        "model_name": "recommender",
        "model_version": "v23.1",
        "region": "eu-west",
        "feature": "session_length",
    }
    own = {
        labels["__name__"]: (labels.get("kind"), value)
        for labels, value in found
        if wanted.items() <= labels.items()
    }
    assert own["feature_presence_ratio"] == (None, pytest.approx(0.69, abs=0.05))
    assert own["drift_detected"] == ("missing", 1.0)
    looked_back_s = LOOK_BACK * 1_800
    assert own["drift_start_time_seconds"] == (None, START_MS / 1000 - looked_back_s)
    assert own["drift_psi"][1] < own["drift_psi_critical"][1]
    over_all = [labels for labels, _ in found if "model_version" not in labels]
    assert {"model_name", "feature", "__name__"} in [labels.keys() for labels in over_all]
