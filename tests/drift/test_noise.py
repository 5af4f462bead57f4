"""Noise floors against simulation and SciPy."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from vario.drift.noise import (
    evidence,
    false_discoveries,
    psi_interval,
    ratio_increase_p,
    ratio_interval,
)


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


@given(st.lists(st.floats(0, 1), max_size=40), st.floats(0.01, 0.3))
def test_false_discoveries_are_scipys(p_values: list[float], rate: float) -> None:
    found = false_discoveries(np.array(p_values), rate)
    wanted = stats.false_discovery_control(p_values) if p_values else np.array([])
    near = np.isclose(wanted, rate, rtol=1e-9)
    assert (found == (wanted <= rate))[~near].all()
