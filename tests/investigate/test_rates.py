"""Changes of rates and shares: found where they are, and seldom where they are not."""

import numpy as np
import pytest

from vario.investigate.frame import believe
from vario.investigate.rates import (
    Stratum,
    Tally,
    adjust,
    compare_rates,
    compare_shares,
    find_start,
    pool_risks,
    score_shift,
)


def bursty(random: np.random.Generator, mean: float, steps: int) -> np.ndarray:
    """Returns counts whose variance is five times their mean."""
    return random.negative_binomial(mean / 4, 1 / 5, steps).astype(np.float64)


@pytest.mark.parametrize("compare", [compare_rates, compare_shares])
def test_bursts_are_seldom_taken_for_a_change(compare) -> None:
    random = np.random.default_rng(1)
    called = 0
    for _ in range(400):
        before, after = (
            Tally(bursty(random, 20, steps), np.full(steps, 500.0)) for steps in (30, 15)
        )
        called += compare(before, after).p < 0.01
    assert called <= 14  # 4 are expected


@pytest.mark.parametrize("compare", [compare_rates, compare_shares])
def test_a_doubled_rate_is_found_with_its_interval(compare) -> None:
    random = np.random.default_rng(2)
    covered = found = 0
    for _ in range(200):
        change = compare(
            Tally(bursty(random, 20, 30), np.full(30, 500.0)),
            Tally(bursty(random, 40, 15), np.full(15, 500.0)),
        )
        found += change.p < 0.001
        covered += change.low <= 0.04 <= change.high and change.ratio_low <= 2 <= change.ratio_high
    assert found >= 190
    assert covered >= 180


def test_what_was_never_there_before() -> None:
    change = compare_rates(Tally(np.zeros(12), np.ones(12)), Tally(np.full(12, 2.0), np.ones(12)))
    assert (change.before, change.after, change.ratio_high) == (0.0, 2.0, float("inf"))
    assert change.ratio_low > 8
    assert change.p < 1e-5


def test_strata_undo_confounding() -> None:
    # The new version serves the slow region most; within each region it is as good as the old one.
    mixed = [Stratum(45, 90, 5, 10), Stratum(1, 10, 9, 90)]
    pooled = pool_risks(mixed)
    assert pooled is not None
    assert pooled.ratio == pytest.approx(1.0)
    assert pooled.low < 1 < pooled.high
    assert pool_risks([Stratum(1, 10, 0, 0)]) is None


def test_shifts_and_their_starts() -> None:
    random = np.random.default_rng(3)
    values = random.normal(10, 1, 60)
    assert abs(score_shift(values[:40], values[40:])) < 2
    assert find_start(values, 40) is None
    values[42:] += 15
    assert score_shift(values[:40], values[44:]) > 8
    assert find_start(values, 40) == 42
    flat = np.concatenate([np.full(40, 3.0), np.full(20, 3.01)])
    assert find_start(flat, 40) is None


def test_adjusted_values_never_fall_below_their_own() -> None:
    p_values = np.random.default_rng(4).random(50).tolist()
    adjusted = adjust(p_values)
    assert all(q >= p for q, p in zip(adjusted, p_values, strict=True))
    assert max(adjusted) <= 1
    order = np.argsort(p_values)
    assert (np.diff(np.array(adjusted)[order]) >= 0).all()


def test_one_missing_piece_is_enough_for_doubt() -> None:
    sure = believe(q=1e-9, timing=1, control=1, explained=1)
    weaker = [
        believe(q=0.02, timing=1, control=1, explained=1),
        believe(q=1e-9, timing=0.2, control=1, explained=1),
        believe(q=1e-9, timing=1, control=0.25, explained=1),
        believe(q=1e-9, timing=1, control=1, explained=0.1),
    ]
    assert (sure, max(weaker) < 0.5) == (0.95, True)
