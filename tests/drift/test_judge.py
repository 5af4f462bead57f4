"""The judgement: what is planted is named, and nothing else."""

import math

import numpy as np
import pytest

from vario.drift.bins import Floats, count_categories, count_values
from vario.drift.dispersion import clustered as in_clusters
from vario.drift.dispersion import design_effect, dispersion_of
from vario.drift.judge import FeatureDrift, Window, judge
from vario.drift.reference import FeatureReference, make_feature

RNG = np.random.default_rng(7)
AGE = make_feature("age", RNG.normal(40, 10, 50_000))
SESSION = make_feature("session_length", [None] * 400 + RNG.lognormal(2, 1, 49_600).tolist())
COUNTRY = make_feature("country", RNG.choice(["de", "fr", "us"], 50_000, p=[0.5, 0.3, 0.2]))


def verdicts(*pairs: tuple[FeatureReference, Window]) -> dict[str, str]:
    return {drift.feature: drift.verdict for drift in judge(pairs)}


def healthy(rows: int, rng: np.random.Generator) -> list[tuple[FeatureReference, Window]]:
    gone = rng.binomial(rows, 0.008)
    country = rng.multinomial(rows, [0.5, 0.3, 0.2])
    counted = dict(zip(["de", "fr", "us"], country.astype(float).tolist(), strict=True))
    return [
        (AGE, Window(count_values(rng.normal(40, 10, rows), AGE.edges), 0)),
        (
            SESSION,
            Window(count_values(rng.lognormal(2, 1, rows - gone), SESSION.edges), gone),
        ),
        (COUNTRY, Window(count_categories(counted, COUNTRY.categories), 0)),
    ]


def test_a_feature_that_goes_missing_is_named() -> None:
    pairs = healthy(2_000, np.random.default_rng(1))
    counts = count_values(np.random.default_rng(2).lognormal(2, 1, 1_400), SESSION.edges)
    pairs[1] = (SESSION, Window(counts, 600))
    assert verdicts(*pairs) == {"age": "stable", "session_length": "missing", "country": "stable"}
    found = judge(pairs)[1]
    assert found.missing_ratio == 0.3
    assert found.missing_interval.low == pytest.approx(0.28, abs=0.005)
    assert found.missing_p < 1e-300 or found.missing_p == 0


def test_a_feature_that_is_gone_altogether_is_named() -> None:
    nothing = Window(np.zeros(len(SESSION.counts)), 500)
    (found,) = judge([(SESSION, nothing)])
    assert (found.verdict, found.missing_ratio) == ("missing", 1.0)
    assert math.isnan(found.psi)


def test_a_shift_is_named_and_measured() -> None:
    counts = count_values(np.random.default_rng(3).normal(43, 10, 5_000), AGE.edges)
    (found,) = judge([(AGE, Window(counts, 0))])
    assert found.verdict == "drifted"
    assert found.psi_interval.low < found.psi < found.psi_interval.high
    assert found.psi == pytest.approx(0.086, abs=0.02)  # of a shift by 0.3 standard deviations
    assert found.wasserstein == pytest.approx(0.3, abs=0.05)
    assert found.chi_square.p_value < 1e-12
    assert found.kolmogorov_smirnov.p_value < 1e-12


def test_a_drift_is_told_at_once_however_many_rows_there_are() -> None:
    """What wanders is the window's own, and does not grow with rows that the reference lacks."""
    rng = np.random.default_rng(4)
    few = make_feature("age", rng.normal(40, 10, 4_000))
    for rows in (5_000, 50_000, 500_000):
        vary = dispersion_of(1.0, None, rows, 1e-5)
        counts = count_values(rng.normal(52, 10, rows), few.edges)
        (found,) = judge([(few, Window(counts, 0, dispersion=vary))])
        assert found.verdict == "drifted", rows


def test_a_new_category_is_named() -> None:
    counted = {"de": 500.0, "fr": 290.0, "us": 190.0, "atlantis": 20.0}
    (found,) = judge([(COUNTRY, Window(count_categories(counted, COUNTRY.categories), 0))])
    assert (found.verdict, found.new_ratio) == ("new_category", 0.02)


def test_of_few_rows_only_what_is_missing_is_told() -> None:
    moved = count_values(np.full(60, 90.0), AGE.edges)
    assert verdicts((AGE, Window(moved, 0))) == {"age": "too_few"}
    assert verdicts((AGE, Window(moved, 30))) == {"age": "missing"}
    assert verdicts((AGE, Window(np.zeros(10), 0))) == {"age": "too_few"}


def test_a_shift_that_nobody_needs_to_hear_of_is_not_told_however_sure_it_is() -> None:
    counts = count_values(np.random.default_rng(4).normal(40.6, 10, 200_000), AGE.edges)
    (found,) = judge([(AGE, Window(counts, 0))])
    assert (found.verdict, found.psi_p < 1e-12, found.psi < 0.02) == ("stable", True, True)


@pytest.mark.parametrize("rows", [150, 1_000, 8_000])
def test_without_drift_next_to_nothing_is_told(rows: int) -> None:
    rng = np.random.default_rng(rows)
    told = sum(drift.verdict != "stable" for _ in range(400) for drift in judge(healthy(rows, rng)))
    assert told <= 1  # of 1,200


def clustered(rows: int, rng: np.random.Generator) -> Floats:
    """Ages of users who come with twenty requests each: the evidence of a twentieth."""
    users = rng.normal(40, 10, rows // 20)
    return count_values(np.repeat(users, 20), AGE.edges)


def test_clustered_traffic_without_drift_is_not_told_either() -> None:
    rng = np.random.default_rng(5)
    history = np.stack([clustered(2_000, rng) for _ in range(24)])
    effect = design_effect(history)

    def told(effect: float) -> int:
        found: list[FeatureDrift] = []
        for _ in range(400):
            found += judge([(AGE, Window(clustered(2_000, rng), 0, in_clusters(effect)))])
        return sum(drift.verdict != "stable" for drift in found)

    assert effect == pytest.approx(20, rel=0.3)
    assert told(effect) <= 2
    assert told(1.0) > 300  # what forgetting the clusters would cost


def test_few_clusters_in_a_bin_are_no_drift() -> None:
    """Sixty users with ten requests each: PSI alone is too hasty where a bin is nearly empty."""
    rng, vary = np.random.default_rng(6), in_clusters(10.0)
    even, moved = np.full(10, 0.1), np.repeat([0.02, 0.18], 5)
    drawn = [10.0 * rng.multinomial(60, even) for _ in range(3_000)]
    found = judge([(AGE, Window(counts, 0, vary)) for counts in drawn])
    assert sum(drift.psi > drift.psi_critical for drift in found) >= 2
    assert {drift.verdict for drift in found} == {"stable"}
    (told,) = judge([(AGE, Window(10.0 * rng.multinomial(120, moved), 0, vary))])
    assert told.verdict == "drifted"


def test_values_out_of_range_are_a_share_and_no_verdict() -> None:
    counts = np.full(10, 100.0)
    known, unknown = judge([(AGE, Window(counts, 50, outside=20)), (AGE, Window(counts, 50))])
    assert (known.outside_ratio, known.verdict) == (0.02, unknown.verdict)
    assert np.isnan(unknown.outside_ratio)
