"""Distances against Evidently's, on the same bins. It is no dependency: pip install evidently."""

import numpy as np
import pytest

from vario.drift.distance import SMOOTHING, jensen_shannon, psi, wasserstein

WHY = "Evidently is not installed: its PSI, Jensen-Shannon and Wasserstein are not compared"
BINS = 12  # Evidently takes each of up to 20 distinct values for a bin of its own


@pytest.mark.parametrize("seed", range(5))
def test_distances_are_evidently_s(seed: int) -> None:
    """Ours get counts less the smoothing: Evidently smooths nothing where no bin is empty."""
    pandas = pytest.importorskip("pandas", reason=WHY)
    pytest.importorskip("evidently", reason=WHY)
    from evidently.legacy.calculations.stattests import (
        jensenshannon_stat_test,
        psi_stat_test,
        wasserstein_stat_test,
    )
    from evidently.legacy.core import ColumnType

    rng = np.random.default_rng(seed)
    both = [rng.integers(1, 400, BINS).astype(np.float64) for _ in range(2)]
    values = [np.repeat(np.arange(BINS, dtype=np.float64), counts.astype(int)) for counts in both]
    columns = [pandas.Series(sample) for sample in values]

    def ask(test: object, **more: object) -> float:
        score, _ = test.func(*columns, ColumnType.Numerical, 0.1, **more)
        return float(score)

    close = {"rel": 1e-9, "abs": 1e-12}
    assert psi(both[0] - SMOOTHING, both[1] - SMOOTHING) == pytest.approx(
        ask(psi_stat_test), **close
    )
    assert jensen_shannon(*both) == pytest.approx(ask(jensenshannon_stat_test, base=2), **close)
    spread = max(float(values[0].std()), 0.001)
    ours = wasserstein(*both, np.arange(BINS, dtype=np.float64)) / spread
    assert ours == pytest.approx(ask(wasserstein_stat_test), **close)
