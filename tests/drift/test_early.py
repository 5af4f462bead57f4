"""Detectors of the fast path: how rarely they are wrong, how soon they are right."""

import numpy as np
import pytest

from vario.drift.early import EarlyWarning, RatioDetector
from vario.drift.judge import Limits

REFERENCE = np.full(10, 1_000.0)
ALPHA, DAY = 1e-5, 1_440


def warned(
    rng: np.random.Generator, steps: int, rows: int, shares: list[np.ndarray], missing: list[float]
) -> tuple[int | None, int | None]:
    """Returns when missing values and when a shift were first told."""
    early = EarlyWarning(RatioDetector(ALPHA))
    first: int | None = None
    for step in range(steps):
        gone = float(rng.binomial(rows, missing[step]))
        counts = rng.multinomial(rows, shares[step]).astype(float)
        early.see(counts, gone, step)
        early.take(REFERENCE, 0.002, counts, gone, 1.0, Limits())
        if early.is_missing and first is None:
            first = step
        if early.shifted_ms is not None:
            break
    return first, early.shifted_ms


@pytest.mark.parametrize("rows", [20, 300])
def test_healthy_days_raise_no_alarm(rows: int) -> None:
    """Not even where missing values are at the most that is tolerated."""
    rng = np.random.default_rng(1)
    even = [np.full(10, 0.1)] * DAY
    found = [warned(rng, DAY, rows, even, [0.012] * DAY) for _ in range(4)]
    assert found == [(None, None)] * 4


def test_a_change_by_the_hour_is_no_sudden_one() -> None:
    rng = np.random.default_rng(2)
    tilt = np.linspace(-0.04, 0.04, 10)
    waves = [0.1 + tilt * np.sin(2 * np.pi * step / DAY) for step in range(DAY)]
    assert warned(rng, DAY, 1_000, waves, [0.0] * DAY) == (None, None)


@pytest.mark.parametrize(
    ("ratio", "rows", "within"), [(0.31, 10, 12), (0.31, 60, 2), (0.05, 500, 3), (0.05, 60, 25)]
)
def test_missing_values_are_told_within_minutes(ratio: float, rows: int, within: int) -> None:
    rng = np.random.default_rng(3)
    even = [np.full(10, 0.1)] * 100
    missing = [0.002] * 40 + [ratio] * 60
    delays = [(warned(rng, 100, rows, even, missing)[0] or 999) - 39 for _ in range(9)]
    assert np.median(delays) <= within


def test_a_run_says_since_when_and_how_much() -> None:
    detector = RatioDetector(ALPHA)
    for step in range(20):
        detector.update(0, 100, 0.01, 1.0, step)
    assert detector.run is None
    assert detector.update(30, 100, 0.01, 1.0, 20)
    assert detector.update(32, 100, 0.01, 1.0, 21)
    assert detector.run is not None
    assert (detector.run.since_ms, detector.run.ratio) == (20, 0.31)
    steps = [detector.update(0, 100, 0.01, 1.0, 22 + step) for step in range(60)]
    assert steps[0]
    assert not any(steps[20:])


@pytest.mark.parametrize(("size", "rows", "within"), [(1.0, 200, 4), (0.5, 1_000, 5)])
def test_a_shift_is_told_within_minutes(size: float, rows: int, within: int) -> None:
    rng = np.random.default_rng(4)
    edges = np.quantile(rng.normal(0, 1, 100_000), np.arange(1, 10) / 10)
    moved = np.bincount(np.searchsorted(edges, rng.normal(size, 1, 100_000)), minlength=10) / 1e5
    shares = [np.full(10, 0.1)] * 60 + [moved] * 40
    delays = [(warned(rng, 100, rows, shares, [0.0] * 100)[1] or 999) - 59 for _ in range(9)]
    assert np.median(delays) <= within
