"""Distances against SciPy's own, and against what their definitions promise."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon

from vario.drift.bins import Floats
from vario.drift.distance import (
    SMOOTHING,
    chi_square,
    jensen_shannon,
    kolmogorov_smirnov,
    merge_rare,
    psi,
    wasserstein,
)

COUNT = st.integers(0, 10_000)


@st.composite
def pairs(draw: st.DrawFn, least: int = 0) -> tuple[Floats, Floats]:
    size = draw(st.integers(2, 30))
    count = st.integers(least, 10_000)
    both = [draw(st.lists(count, min_size=size, max_size=size)) for _ in range(2)]
    for counts in both:
        counts[0] += 1
    return np.array(both[0], dtype=np.float64), np.array(both[1], dtype=np.float64)


@given(pairs())
def test_psi_is_the_sum_of_both_divergences(both: tuple[Floats, Floats]) -> None:
    r, c = (counts + SMOOTHING for counts in both)
    wanted = stats.entropy(r, c) + stats.entropy(c, r)
    assert psi(*both) == pytest.approx(wanted, rel=1e-9, abs=1e-12)


@given(pairs())
def test_psi_has_no_direction_and_is_zero_for_equals(both: tuple[Floats, Floats]) -> None:
    assert psi(*both) == pytest.approx(psi(both[1], both[0]), rel=1e-9, abs=1e-12)
    assert psi(*both) >= 0
    assert psi(both[0], both[0]) == 0


@given(pairs(least=1), st.integers(0, 28))
def test_psi_never_rises_when_bins_are_joined(both: tuple[Floats, Floats], at: int) -> None:
    """Without smoothing that is so to the last digit; with it, up to what half a count is."""
    at = min(at, len(both[0]) - 2)
    large = [counts * 1e6 for counts in both]
    joined = [np.concatenate((c[:at], [c[at] + c[at + 1]], c[at + 2 :])) for c in large]
    assert psi(*joined) <= psi(*large) + 1e-5


def test_psi_of_two_bins_has_a_closed_form() -> None:
    counts = np.array([0.5e9, 0.5e9]), np.array([0.6e9, 0.4e9])
    assert psi(*counts) == pytest.approx(0.1 * math.log(1.2) - 0.1 * math.log(0.8), rel=1e-7)


@given(pairs())
def test_jensen_shannon_is_scipys(both: tuple[Floats, Floats]) -> None:
    assert jensen_shannon(*both) == pytest.approx(jensenshannon(*both, base=2), rel=1e-9, abs=1e-7)


@given(pairs(), st.integers(0, 2**32 - 1))
def test_wasserstein_is_scipys(both: tuple[Floats, Floats], seed: int) -> None:
    positions = np.sort(np.random.default_rng(seed).normal(size=len(both[0])))
    wanted = stats.wasserstein_distance(positions, positions, *both)
    assert wasserstein(*both, positions) == pytest.approx(wanted, rel=1e-9, abs=1e-12)


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")  # SciPy's, where samples agree
@given(pairs())
def test_kolmogorov_smirnov_is_scipys_on_the_same_bins(both: tuple[Floats, Floats]) -> None:
    small = [np.ceil(counts / 100) for counts in both]
    raw = [np.repeat(np.arange(len(c)), c.astype(int)) for c in small]
    wanted = stats.ks_2samp(*raw, method="asymp")
    ours = kolmogorov_smirnov(*small)
    assert ours.statistic == pytest.approx(wanted.statistic, rel=1e-9, abs=1e-12)


def test_kolmogorov_smirnovs_p_is_scipys_asymptotic_one() -> None:
    counts = np.array([500.0, 300.0, 200.0]), np.array([450.0, 300.0, 250.0])
    found = kolmogorov_smirnov(*counts)
    assert found.p_value == pytest.approx(stats.kstwobign.sf(0.05 * math.sqrt(500)), rel=1e-9)


@given(pairs())
def test_chi_square_is_scipys(both: tuple[Floats, Floats]) -> None:
    table = np.stack(both)
    wanted = stats.chi2_contingency(table[:, table.sum(axis=0) > 0], correction=False)
    found = chi_square(*both)
    assert found.statistic == pytest.approx(wanted.statistic, rel=1e-9, abs=1e-9)
    assert found.p_value == pytest.approx(wanted.pvalue, rel=1e-9, abs=1e-12)


def test_rare_bins_are_joined_before_a_test() -> None:
    reference, current = np.array([1000.0, 3.0, 2.0, 0.0]), np.array([100.0, 1.0, 0.0, 2.0])
    found = merge_rare(reference, current)
    assert [counts.tolist() for counts in found] == [[1000.0, 5.0], [100.0, 3.0]]
    assert merge_rare(np.array([50.0, 50.0]), np.array([50.0, 50.0]))[0].tolist() == [50.0, 50.0]
