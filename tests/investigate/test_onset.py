"""Where a series became worse, and that noise with a memory is no change."""

import numpy as np
import pytest

from vario.investigate.onset import find_onset, kuiper_p, standardise_mean, standardise_ratio


def wander(random: np.random.Generator, steps: int, memory: float) -> np.ndarray:
    values = np.zeros(steps)
    draws = random.normal(0, 1, steps)
    for at in range(1, steps):
        values[at] = memory * values[at - 1] + draws[at]
    return values


@pytest.mark.parametrize("memory", [0.0, 0.5])
def test_noise_is_no_change(memory: float) -> None:
    random = np.random.default_rng(7)
    found = [find_onset(wander(random, 120, memory)) for _ in range(300)]
    assert sum(one is not None and one.p <= 0.001 for one in found) <= 4


@pytest.mark.parametrize("memory", [0.0, 0.5])
def test_a_rise_is_found_where_it_began(memory: float) -> None:
    random = np.random.default_rng(8)
    hits = covered = 0
    for _ in range(100):
        series = wander(random, 120, memory)
        series[80:] += 3
        found = find_onset(series)
        assert found is not None
        hits += found.p <= 0.001 and abs(found.start - 80) <= 2
        covered += found.low <= 80 <= found.high
    assert hits >= (75 if memory else 93)
    assert covered >= 90


def test_an_incident_that_is_over_ends() -> None:
    series = np.random.default_rng(9).normal(0, 1, 120)
    series[60:80] += 4
    found = find_onset(series)
    assert found is not None
    assert abs(found.start - 60) <= 1
    assert abs(found.end - 80) <= 1


def test_getting_better_is_no_symptom() -> None:
    series = np.random.default_rng(10).normal(0, 0.2, 60)
    series[40:] -= 4
    found = find_onset(series)
    assert found is None or found.shift < 0.5 or found.end <= 40


def test_gaps_and_short_series() -> None:
    series = np.concatenate([np.tile([0.0, 0.2, np.nan, -0.2], 10), np.full(12, 5.0)])
    found = find_onset(series)
    assert found is not None
    assert (found.start, found.end) == (40, 52)
    assert find_onset(np.zeros(5)) is None
    assert find_onset(np.full(20, np.nan)) is None


def test_deviations_of_empty_steps_are_unknown() -> None:
    total = np.array([10.0, 0.0, 10.0])
    assert np.isnan(standardise_ratio(np.array([1.0, 0.0, 1.0]), total)).tolist() == [
        False, True, False,
    ]  # fmt: skip
    assert np.isnan(standardise_mean(np.array([1.0, 0.0, 1.0]), total)).tolist() == [
        False, True, False,
    ]  # fmt: skip


def test_chance_of_the_statistic() -> None:
    assert [round(kuiper_p(one), 3) for one in (0.1, 1.62, 2.001)] == [1.0, 0.1, 0.01]
