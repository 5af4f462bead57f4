"""Performance with feedback and without, against scikit-learn and simulation."""

import math

import numpy as np
import pytest
from sklearn import metrics
from sklearn.isotonic import IsotonicRegression

from vario.drift.performance import (
    calibrate,
    calibration_error,
    estimate_performance,
    measure_performance,
)

BINS = 50


def drawn(seed: int, a: float, b: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores of calibrated predictions, their bins, and what came true."""
    rng = np.random.default_rng(seed)
    score = rng.beta(a, b, 200_000)
    return score, np.minimum((score * BINS).astype(int), BINS - 1), rng.random(200_000) < score


def test_measured_performance_is_scikit_learns() -> None:
    _, bins, true = drawn(1, 2, 3)
    positive = (np.arange(BINS) >= BINS // 2).astype(float)
    accepted, rejected = (np.bincount(bins[which], minlength=BINS) for which in (true, ~true))
    found = measure_performance(accepted.astype(float), rejected.astype(float), positive)
    predicted = positive[bins] > 0
    assert found.accuracy == pytest.approx(metrics.accuracy_score(true, predicted), rel=1e-12)
    assert found.precision == pytest.approx(metrics.precision_score(true, predicted), rel=1e-12)
    assert found.recall == pytest.approx(metrics.recall_score(true, predicted), rel=1e-12)
    assert found.f1 == pytest.approx(metrics.f1_score(true, predicted), rel=1e-12)
    assert found.accept_rate == pytest.approx(true.mean(), rel=1e-12)


def test_performance_is_estimated_without_labels_when_inputs_move() -> None:
    _, bins, true = drawn(1, 2, 3)
    accepted, rejected = (
        np.bincount(bins[which], minlength=BINS).astype(float) for which in (true, ~true)
    )
    calibrated = calibrate(accepted, rejected)
    _, later_bins, later_true = drawn(2, 4, 2)  # inputs moved: scores are higher, still calibrated
    positive = (np.arange(BINS) >= BINS // 2).astype(float)
    counts = np.bincount(later_bins, minlength=BINS).astype(float)
    found = estimate_performance(counts, calibrated, positive)
    predicted = positive[later_bins] > 0
    assert found.accuracy == pytest.approx(metrics.accuracy_score(later_true, predicted), abs=0.01)
    assert found.precision == pytest.approx(
        metrics.precision_score(later_true, predicted), abs=0.01
    )
    assert found.recall == pytest.approx(metrics.recall_score(later_true, predicted), abs=0.01)
    assert found.accept_rate == pytest.approx(later_true.mean(), abs=0.01)


def test_calibration_is_isotonic_regression() -> None:
    rng = np.random.default_rng(3)
    accepted, rejected = rng.integers(0, 60, (2, 25)).astype(float)
    weight = accepted + rejected + 1
    wanted = IsotonicRegression().fit_transform(
        np.arange(25), (accepted + 0.5) / weight, sample_weight=weight
    )
    assert calibrate(accepted, rejected) == pytest.approx(wanted, rel=1e-9)


def test_calibration_error_is_the_mean_gap_of_score_and_truth() -> None:
    found = calibration_error(np.array([10.0, 90.0]), np.array([90.0, 10.0]), np.array([0.1, 0.8]))
    assert found == pytest.approx(0.05)
    assert math.isnan(calibration_error(np.zeros(2), np.zeros(2), np.array([0.1, 0.8])))


def test_of_nothing_nothing_is_said() -> None:
    found = measure_performance(np.zeros(3), np.zeros(3), np.array([0.0, 0.0, 1.0]))
    numbers = (found.accuracy, found.precision, found.recall, found.f1, found.accept_rate)
    assert all(math.isnan(number) for number in numbers)
