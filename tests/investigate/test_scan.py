"""The scan against an enumeration of all slices, one leaf and one value at a time."""

from functools import cache
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vario.investigate.leaves import Excess
from vario.investigate.scan import (
    DENSE_CELLS,
    DIMENSION_PENALTY,
    SHARE_POWER,
    UNION_PENALTY,
    Scan,
    build_cuboids,
)

SIZES = (3, 2, 4)
CODES = np.array(list(product(*(range(size) for size in SIZES))))
MIN_SHARE = 0.2


def random_excess(seed: int, questions: int = 1) -> Excess:
    rng = np.random.default_rng(seed)
    shape = (len(CODES), questions)
    expected = rng.gamma(2, 5, shape)
    excess = rng.normal(0, np.sqrt(expected))
    excess += np.where(rng.uniform(size=shape) < 0.2, 3 * expected, 0)
    return Excess(expected, excess, expected, expected + (0.7 * expected) ** 2)


def weigh(excess: Excess, leaves: list[int], damage: float, dims: int, question: int = 0) -> float:
    """Returns the score of some leaves, straight from its definition."""
    along = square = total = 0.0
    for leaf in leaves:
        mu, e, var = (
            float(values[leaf, question])
            for values in (excess.expected, excess.excess, excess.variance)
        )
        along += mu * e / var
        square += mu * mu / var
        total += e
    share = total / damage
    if along <= 0 or share < MIN_SHARE:
        return 0.0
    return along**2 / square * min(share, 1) ** SHARE_POWER * DIMENSION_PENALTY ** max(dims - 1, 0)


@cache
def all_slices() -> list[tuple[tuple[int, ...], tuple[int, ...], list[int]]]:
    """Returns dimensions, values and leaves of every slice, "everywhere" among them."""
    slices: list[tuple[tuple[int, ...], tuple[int, ...], list[int]]] = []
    for length in range(4):
        for dims in combinations(range(3), length):
            for values in product(*(range(SIZES[dim]) for dim in dims)):
                leaves = [
                    leaf
                    for leaf, code in enumerate(CODES.tolist())
                    if all(code[dim] == value for dim, value in zip(dims, values, strict=True))
                ]
                slices.append((dims, values, leaves))
    return slices


def find_damage(excess: Excess, question: int = 0) -> float:
    sums = [
        sum(float(excess.excess[leaf, question]) for leaf in leaves)
        for dims, _, leaves in all_slices()
        if len(dims) <= 1
    ]
    return max(sums)


@given(st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_the_best_single_slice_is_that_of_the_enumeration(seed: int) -> None:
    excess = random_excess(seed)
    damage = find_damage(excess)
    expected = sorted(
        (
            (weigh(excess, leaves, damage, len(dims)), dims, tuple(leaves))
            for dims, _, leaves in all_slices()
        ),
        key=lambda one: -one[0],
    )
    scan = Scan(build_cuboids(CODES, SIZES, 3), excess, MIN_SHARE)
    found = scan.find_best(3, max_parts=1)
    assert scan.damage[0] == pytest.approx(damage)
    assert [one.score for one in found] == pytest.approx([one[0] for one in expected[: len(found)]])
    assert found[0].dims == expected[0][1]
    assert tuple(np.flatnonzero(found[0].leaves).tolist()) == expected[0][2]


@given(st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_all_questions_at_once_are_as_each_by_itself(seed: int) -> None:
    excess = random_excess(seed, questions=4)
    cuboids = build_cuboids(CODES, SIZES, 3)
    damage = [find_damage(excess, question) for question in range(4)]
    expected = [
        max(
            weigh(excess, leaves, damage[question], len(dims), question)
            for dims, _, leaves in all_slices()
        )
        for question in range(4)
    ]
    assert Scan(cuboids, excess, MIN_SHARE).best_scores().tolist() == pytest.approx(expected)


def test_two_values_that_share_the_damage_are_found_together() -> None:
    expected = np.full((len(CODES), 1), 10.0)
    excess = np.zeros_like(expected)
    bad = np.isin(CODES[:, 2], (1, 3))
    excess[bad] = 30.0
    table = Excess(expected, excess, expected, expected + (0.7 * expected) ** 2)
    best = Scan(build_cuboids(CODES, SIZES, 3), table, MIN_SHARE).find_best(5, max_parts=3)[0]
    one = weigh(table, np.flatnonzero(bad).tolist(), float(excess.sum()), 1)
    assert (best.dims, len(best.parts)) == ((2,), 2)
    assert best.leaves.tolist() == bad.tolist()
    assert best.score == pytest.approx(one * UNION_PENALTY)


def test_combinations_of_many_values_are_numbered_by_those_that_occur() -> None:
    rng = np.random.default_rng(2)
    codes = rng.integers(0, 2000, (50, 3))
    cuboid = build_cuboids(codes, (2000, 2000, 2000), 3)[-1]
    _, expected = np.unique(codes, axis=0, return_inverse=True)
    pairs = set(zip(cuboid.cell.tolist(), expected.tolist(), strict=True))
    assert cuboid.dims == (0, 1, 2)
    assert cuboid.cells <= DENSE_CELLS
    assert len(pairs) == len(set(expected.tolist())) == len(set(cuboid.cell.tolist()))
