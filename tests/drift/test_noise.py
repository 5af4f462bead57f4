"""Noise floors against simulation and SciPy."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from vario.drift.distance import psi
from vario.drift.noise import (
    design_effect,
    evidence,
    false_discoveries,
    psi_critical,
    psi_floor,
    psi_interval,
    psi_p_value,
    ratio_increase_p,
    ratio_interval,
)


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
        share = np.mean(np.array(drawn) > psi_critical(k, bins, alpha))
        assert share == pytest.approx(alpha, rel=0.35)


def test_a_tolerated_drift_is_reported_as_rarely_as_promised() -> None:
    rng = np.random.default_rng(2)
    reference = np.full(10, 0.1)
    moved = reference + np.where(np.arange(10) < 5, 0.008, -0.008)
    true = float(np.sum((moved - reference) * np.log(moved / reference)))
    n, m = 1_000_000, 20_000
    k = evidence(n, m)
    limit = psi_critical(k, 10, 0.05, tolerance=true)
    drawn = [
        psi(rng.multinomial(n, reference).astype(float), rng.multinomial(m, moved).astype(float))
        for _ in range(3_000)
    ]
    assert np.mean(np.array(drawn) > limit) == pytest.approx(0.05, abs=0.02)


@given(st.floats(0, 3), st.integers(2, 40), st.integers(100, 10**6))
def test_an_interval_holds_what_it_was_made_of(measured: float, bins: int, m: int) -> None:
    k = evidence(10**6, m)
    interval = psi_interval(measured, k, bins)
    assert 0 <= interval.low <= measured <= interval.high
    if interval.low > 0:
        tail = stats.ncx2.sf(measured / k, bins - 1, interval.low / k)
        assert tail == pytest.approx(0.025, rel=1e-4)
    if interval.high > measured:
        tail = stats.ncx2.cdf(measured / k, bins - 1, interval.high / k)
        assert tail == pytest.approx(0.025, rel=1e-4)


def test_a_p_value_and_a_critical_value_agree() -> None:
    k = evidence(10_000, 700)
    assert psi_p_value(psi_critical(k, 10, 0.01), k, 10) == pytest.approx(0.01)
    assert psi_critical(k, 1, 0.01) == math.inf
    assert psi_p_value(0.3, k, 1) == 1.0


@given(st.integers(0, 500), st.integers(0, 500))
def test_a_ratios_interval_is_scipys(part: int, rest: int) -> None:
    if part + rest == 0:
        found = ratio_interval(0, 0)
        assert (found.low, found.high) == (0.0, 1.0)
        return
    wanted = stats.binomtest(part, part + rest).proportion_ci(method="exact")
    found = ratio_interval(part, part + rest)
    assert found.low == pytest.approx(wanted.low, rel=1e-9, abs=1e-12)
    assert found.high == pytest.approx(wanted.high, rel=1e-9, abs=1e-12)


@given(st.integers(0, 40), st.integers(1, 300), st.integers(0, 40), st.integers(1, 3000))
def test_few_missing_are_judged_by_fishers_test(a: int, b: int, c: int, d: int) -> None:
    table = [[a, b], [c, d]]
    wanted = stats.fisher_exact(table, alternative="greater").pvalue
    found = ratio_increase_p(a, a + b, c, c + d)
    assert found == pytest.approx(wanted, rel=1e-6, abs=1e-9)


def test_many_missing_are_judged_nearly_so() -> None:
    exact = stats.fisher_exact([[620, 9_380], [5_000, 95_000]], alternative="greater").pvalue
    found = ratio_increase_p(620, 10_000, 5_000, 100_000)
    assert math.log(found) == pytest.approx(math.log(exact), rel=0.05)


def test_clustered_counts_carry_less_evidence() -> None:
    rng = np.random.default_rng(3)
    alone = rng.multinomial(1_000, [0.2, 0.3, 0.5], size=200).astype(float)
    assert design_effect(alone) == pytest.approx(1, abs=0.15)
    in_tens = 10.0 * rng.multinomial(100, [0.2, 0.3, 0.5], size=200)
    assert design_effect(in_tens) == pytest.approx(10, rel=0.15)
    assert design_effect(np.zeros((0, 3))) == 1.0


@given(st.lists(st.floats(0, 1), max_size=40), st.floats(0.01, 0.3))
def test_false_discoveries_are_scipys(p_values: list[float], rate: float) -> None:
    found = false_discoveries(np.array(p_values), rate)
    wanted = stats.false_discovery_control(p_values) if p_values else np.array([])
    near = np.isclose(wanted, rate, rtol=1e-9)
    assert (found == (wanted <= rate))[~near].all()
