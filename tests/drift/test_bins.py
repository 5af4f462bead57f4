"""Bins: what is counted once stays counted, wherever histograms are cut."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.sketches import buckets_of

from vario.drift.bins import (
    FINEST_SCALE,
    SKETCH_BUCKETS,
    Floats,
    count_buckets,
    count_categories,
    count_outside,
    count_values,
    quantile_edges,
)
from vario.drift.distance import psi
from vario.sdk import sketches

NUMBER = st.floats(-1e6, 1e6)


@given(st.lists(NUMBER, min_size=1, max_size=200), st.integers(2, 20))
def test_quantile_bins_of_the_reference_are_never_empty(values: list[float], bins: int) -> None:
    edges = quantile_edges(np.array(values), bins)
    counts = count_values(np.array(values), edges)
    assert len(edges) < bins
    assert counts.sum() == len(values)
    assert (counts > 0).all()


LATTICES = {
    "ages": lambda rng, n: rng.integers(18, 90, n),
    "counts": lambda rng, n: rng.poisson(200, n),
    "many counts": lambda rng, n: rng.poisson(1_000, n),
    "prices": lambda rng, n: np.round(rng.lognormal(3, 1, n)) + 0.99,
    "hours": lambda rng, n: rng.integers(0, 24, n),
    "balances": lambda rng, n: np.round(rng.normal(0, 50, n)),
    "postal codes": lambda rng, n: rng.choice([10115, 10117, 20095, 50667, 80331, 80333], n),
    "years": lambda rng, n: rng.integers(2015, 2025, n),
    "normal": lambda rng, n: rng.normal(0, 1, n),
    "log-normal": lambda rng, n: rng.lognormal(0, 2, n),
}


@pytest.mark.parametrize("kind", LATTICES)
def test_sketches_are_counted_exactly_in_the_bins_of_their_reference(kind: str) -> None:
    rng = np.random.default_rng(1)
    reference, live = (LATTICES[kind](rng, 20_000).astype(float) for _ in range(2))
    edges = quantile_edges(reference, 10)
    wanted = count_values(live, edges)
    found = count_buckets(*buckets_of(live), edges)
    assert np.abs(found - wanted).max() < 1e-6
    assert psi(count_values(reference, edges), found) < 0.003


@given(st.lists(st.integers(-300, 300) | NUMBER, min_size=1, max_size=200), st.integers(2, 20))
def test_a_sketch_of_the_reference_fits_its_own_bins(values: list[float], bins: int) -> None:
    numbers = np.array(values, dtype=float)
    edges = quantile_edges(numbers, bins)
    found = count_buckets(*buckets_of(numbers), edges)
    assert found.tolist() == pytest.approx(count_values(numbers, edges).tolist(), abs=1e-6)


def test_the_bins_know_the_sdks_sketches() -> None:
    assert (SKETCH_BUCKETS, FINEST_SCALE) == (sketches.MOST_BUCKETS, sketches.FINEST_SCALE)


def test_without_values_there_are_no_bins() -> None:
    with pytest.raises(ValueError, match="at least 2 bins and one value"):
        quantile_edges(np.array([]), 10)


@given(st.lists(NUMBER, min_size=1, max_size=300), st.data())
def test_buckets_that_no_edge_cuts_are_counted_as_values_are(
    values: list[float], data: st.DataObject
) -> None:
    numbers = np.array(values)
    bounds = np.unique(np.array(data.draw(st.lists(NUMBER, min_size=1, max_size=20))))
    edges = np.unique(np.array(data.draw(st.lists(st.sampled_from(bounds.tolist()), max_size=9))))
    lower, upper = np.append(-np.inf, bounds), np.append(bounds, np.inf)
    found = count_buckets(lower, upper, count_values(numbers, bounds), edges)
    assert found.tolist() == count_values(numbers, edges).tolist()


@given(st.lists(NUMBER, min_size=1, max_size=300), st.lists(NUMBER, max_size=12), st.integers(0, 8))
def test_exponential_buckets_are_wrong_by_what_the_edges_cut(
    values: list[float], edges_at: list[float], scale: int
) -> None:
    numbers, edges = np.array(values), np.unique(np.array(edges_at))
    lower, upper, counts = exponential(numbers, scale)
    found = count_buckets(lower, upper, counts, edges)
    assert found.sum() == pytest.approx(len(values))
    cut = np.array([counts[(lower < edge) & (edge < upper)].sum() for edge in edges])
    allowed = np.append(cut, 0) + np.append(0, cut)
    assert (np.abs(found - count_values(numbers, edges)) <= allowed + 1e-9).all()


def exponential(numbers: Floats, scale: int) -> tuple[Floats, Floats, Floats]:
    """An exponential histogram in the plainest way: a bucket for each number, (lower, upper]."""
    base = 2.0 ** (2.0**-scale)
    lower, upper = [], []
    for x in numbers.tolist():
        if x == 0:
            lower.append(0.0)
            upper.append(0.0)
            continue
        index = np.ceil(np.log2(abs(x)) * 2.0**scale)
        small, large = base ** (index - 1), base**index
        small, large = min(small, abs(x) * (1 - 1e-12)), max(large, abs(x))
        lower.append(small if x > 0 else -large)
        upper.append(large if x > 0 else -small)
        if x < 0:
            lower[-1] = np.nextafter(-large, -np.inf)
    return np.array(lower), np.array(upper), np.ones(len(lower))


def test_what_lies_beyond_all_bounds_counts_beside_the_bound_that_is_known() -> None:
    found = count_buckets(
        np.array([-np.inf, 10.0]),
        np.array([10.0, np.inf]),
        np.array([4.0, 6.0]),
        np.array([5.0, 20.0]),
    )
    assert found.tolist() == [0.0, 4.0 + 6.0, 0.0]


def test_unknown_categories_are_counted_together() -> None:
    found = count_categories({"mobile": 3.0, "tv": 1.0, "fridge": 1.0}, ["web", "mobile"])
    assert found.tolist() == [0.0, 3.0, 2.0]


@given(st.lists(NUMBER, min_size=1, max_size=200), NUMBER, NUMBER)
def test_what_lies_outside_is_at_most_too_low_by_two_buckets(
    values: list[float], one: float, other: float
) -> None:
    array, (lowest, highest) = np.array(values), sorted((one, other))
    bounds = np.linspace(-1.1e6, 1.1e6, 101)
    counts = count_values(array, bounds)[1:-1]
    found = count_outside(bounds[:-1], bounds[1:], counts, lowest, highest)
    true = ((array < lowest) | (array > highest)).sum()
    at_ends = {int(np.searchsorted(bounds, end, side="left")) - 1 for end in (lowest, highest)}
    assert true - sum(counts[i] for i in at_ends) <= found <= true


def test_nothing_lies_outside_an_end_that_is_unknown() -> None:
    bounds, counts = np.array([0.0, 1.0, 2.0]), np.array([3.0, 4.0])
    assert count_outside(bounds[:-1], bounds[1:], counts, np.nan, 1.0) == 4.0
    assert count_outside(bounds[:-1], bounds[1:], counts, np.nan, np.nan) == 0.0
