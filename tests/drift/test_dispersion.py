"""By how much counts vary: what is estimated is what was planted, and limits hold what they say."""

import math

import numpy as np
import pytest
from scipy import stats

from vario.drift.dispersion import (
    CLUSTER,
    LEAST_BLOCKS,
    Dispersion,
    Minutes,
    allowance,
    clustered,
    compare_pair,
    design_effect,
    dispersion_of,
    study_blocks,
)
from vario.drift.distance import psi
from vario.drift.noise import evidence, psi_floor

ALPHA = 1e-5
EVEN = np.full(10, 0.1)


def windows(rng: np.random.Generator, count: int, rows: int, wander: float) -> np.ndarray:
    """Windows of a normal feature in deciles, whose mean differs from window to window."""
    edges = stats.norm.ppf(np.arange(1, 10) / 10)
    below = stats.norm.cdf(edges[None, :] - rng.normal(0, wander, count)[:, None])
    shares = np.diff(below, prepend=0.0, append=1.0, axis=1)
    return np.stack([rng.multinomial(rows, row) for row in shares]).astype(float)


@pytest.mark.parametrize(("n", "m", "bins"), [(100_000, 500, 10), (5_000, 5_000, 20)])
def test_psi_without_drift_is_as_promised(n: int, m: int, bins: int) -> None:
    rng = np.random.default_rng(1)
    shares = np.full(bins, 1 / bins)
    drawn = [
        psi(rng.multinomial(n, shares).astype(float), rng.multinomial(m, shares).astype(float))
        for _ in range(4_000)
    ]
    k = evidence(n, m)
    assert np.mean(drawn) == pytest.approx(psi_floor(k, bins), rel=0.05)
    for alpha in (0.05, 0.01):
        share = np.mean(np.array(drawn) > k * Dispersion().critical(bins - 1, alpha))
        assert share == pytest.approx(alpha, rel=0.35)


@pytest.mark.parametrize("vary", [Dispersion(), clustered(7.0), Dispersion(1.5, 12.0)])
def test_a_p_value_and_a_critical_value_agree(vary: Dispersion) -> None:
    for alpha in (0.01, ALPHA):
        assert vary.p_value(vary.critical(9, alpha), 9) == pytest.approx(alpha)
    assert vary.critical(0, 0.01) == math.inf
    assert vary.p_value(300, 0) == 1.0


def test_what_nothing_is_known_of_is_never_told() -> None:
    unknown = dispersion_of(math.inf, None, 1_000, ALPHA)
    assert unknown.critical(9, ALPHA) == math.inf
    assert unknown.p_value(1e9, 9) == 1.0


def test_clustered_counts_carry_less_evidence() -> None:
    rng = np.random.default_rng(3)
    alone = rng.multinomial(1_000, [0.2, 0.3, 0.5], size=200).astype(float)
    assert design_effect(alone) == pytest.approx(1, abs=0.15)
    in_tens = 10.0 * rng.multinomial(100, [0.2, 0.3, 0.5], size=200)
    assert design_effect(in_tens) == pytest.approx(10, rel=0.15)
    assert design_effect(np.zeros((0, 3))) == 1.0


@pytest.mark.parametrize("size", [1, 10])
def test_neighbouring_minutes_show_clusters_within_five_minutes(size: int) -> None:
    """Of few pairs a limit is taken that holds the truth nearly always."""
    rng = np.random.default_rng(4)
    taken: list[float] = []
    for _ in range(300):
        drawn = size * rng.multinomial(300 // size, EVEN, size=5).astype(float)
        minutes = Minutes()
        for i in range(4):
            assert math.isnan(minutes.effect(ALPHA))
            pair = compare_pair(*drawn[i : i + 2])
            assert pair is not None
            minutes.add(pair)
        taken.append(minutes.effect(ALPHA))
    assert np.mean(np.array(taken) >= size) > 0.95
    assert np.median(taken) < 3 * size


def test_a_pair_that_holds_too_little_says_nothing() -> None:
    assert compare_pair(np.array([3.0, 0.0]), np.array([5.0, 0.0])) is None
    assert compare_pair(np.zeros(3), np.ones(3)) is None


def test_a_direction_that_stands_out_is_found_and_measured() -> None:
    rng = np.random.default_rng(5)
    calm, rows = [], 5_000
    for _ in range(40):
        found = study_blocks(windows(rng, 48, rows, 0.0))
        assert found is not None
        calm.append(found.leading)
    assert np.mean(np.array(calm) == 0) > 0.5
    assert max(calm) < 3
    found = study_blocks(windows(rng, 48, rows, 0.1))
    assert found is not None
    true = 1 + rows * 0.01 * 0.93  # deciles hold 93% of what a shift of a normal mean tells
    assert found.leading == pytest.approx(true, rel=0.5)


@pytest.mark.parametrize("wander", [0.0, 0.05, 0.1])
def test_values_that_wander_are_not_told(wander: float) -> None:
    """At a limit passed once in 1,000 windows by what 48 windows before let expect."""
    rng, rows, alpha, told, total = np.random.default_rng(6), 5_000, 1e-3, 0, 0
    for _ in range(30):
        vary = dispersion_of(1.0, study_blocks(windows(rng, 48, rows, wander)), rows, alpha)
        k = evidence(1e6, rows)
        for counts in windows(rng, 100, rows, wander):
            told += psi(EVEN * 1e6, counts) > k * vary.critical(9, alpha)
            total += 1
    assert told <= 0.003 * total


def test_before_enough_windows_were_seen_caution_is_taken() -> None:
    first = dispersion_of(2.0, None, 1_000, ALPHA)
    assert first == Dispersion(2.0, 12.0, 2.0, 12.0)
    assert dispersion_of(math.nan, None, 0, ALPHA) == Dispersion(CLUSTER, CLUSTER, CLUSTER, CLUSTER)
    rng = np.random.default_rng(7)
    later = dispersion_of(1.0, study_blocks(windows(rng, LEAST_BLOCKS, 1_000, 0.0)), 1_000, ALPHA)
    assert later.critical(9, ALPHA) < first.critical(9, ALPHA)


def test_an_estimated_variance_costs_what_students_t_costs() -> None:
    wanted = stats.t.isf(ALPHA / 2, 47) ** 2 / stats.chi2.isf(ALPHA, 1)
    assert allowance(1, 47, ALPHA) == pytest.approx(wanted, rel=1e-6)
    assert allowance(9, 1e9, ALPHA) == pytest.approx(1, abs=1e-3)
