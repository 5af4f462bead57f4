"""Classic histograms where Prometheus' scripts are silent; values are those of promtool 3.5.3."""

import math

import numpy as np
import pytest

from vario.query.promql.classic_histograms import bucket_fraction, bucket_quantile

INF, NAN = math.inf, math.nan


def quantile(q: float, bounds: list[float], counts: list[float]) -> tuple[float, bool]:
    values, forced = bucket_quantile(
        np.array([q]), np.array(bounds), np.array(counts, dtype=float)[:, None]
    )
    return float(values[0]), bool(forced[0])


def fraction(lower: float, upper: float, bounds: list[float], counts: list[float]) -> float:
    values = bucket_fraction(
        np.array([lower]),
        np.array([upper]),
        np.array(bounds),
        np.array(counts, dtype=float)[:, None],
    )
    return float(values[0])


@pytest.mark.parametrize(
    ("q", "bounds", "counts", "want"),
    [
        (0.5, [1, 2, INF], [1, 3, 4], (1.5, False)),
        (0.5, [1, 2, INF], [3, 2, 4], (2 / 3, True)),
        (0.5, [1, 2, INF], [3, 3 * (1 - 1e-14), 4], (2 / 3, False)),
        (0.5, [-2, 1, INF], [3, 3, 4], (-2.0, False)),
        (1.0, [1, 2, INF], [0, 1, 2], (2.0, False)),
        (0.5, [1, 2, INF], [0, 0, 0], (NAN, False)),
        (0.5, [1, 2], [1, 2], (NAN, False)),
        (0.5, [INF], [2], (NAN, False)),
        (-1.0, [1, 2, INF], [1, 3, 4], (-INF, False)),
        (2.0, [1, 2], [1, 3], (INF, False)),
        (NAN, [1, 2, INF], [1, 3, 4], (NAN, False)),
        (0.5, [1, 1, INF], [1, 2, 6], (1.0, False)),
        (0.5, [-3, -1, INF], [0.1, NAN, 0.1], (-1.0, False)),
        (0.0, [-2, 3, INF], [3, NAN, 3], (3.0, False)),
    ],
)
def test_quantile(
    q: float, bounds: list[float], counts: list[float], want: tuple[float, bool]
) -> None:
    assert quantile(q, bounds, counts) == pytest.approx(want, nan_ok=True)


@pytest.mark.parametrize(
    ("lower", "upper", "bounds", "counts", "want"),
    [
        (0.1, 0.15, [0.1, 0.2, INF], [1, 3, 3], 1 / 3),
        (0.1, INF, [0.1, 0.2, INF], [1, 3, 4], 3 / 4),
        (-INF, 0, [0, 1, INF], [1, 3, 4], 1 / 4),
        (0.15, 0.1, [0.1, 0.2, INF], [1, 3, 3], 0.0),
        (0.15, 0.1, [0.1, 0.2, INF], [1, 3, NAN], 0.0),
        (0.1, 0.15, [0.1, 0.2, INF], [0, 0, 0], NAN),
        (NAN, 0.15, [0.1, 0.2, INF], [1, 3, 3], NAN),
        (0.1, 0.15, [0.1, 0.2], [1, 3], NAN),
        # From within the first bucket: as versions after 3.5, which answers NaN.
        (0.0, 0.02, [0.1, 0.2, INF], [1, 3, 3], 0.2 / 3),
        (0.05, 0.15, [0.1, 0.2, INF], [1, 3, 3], 1.5 / 3),
        (0.0, 0.3, [0.1, 0.2, INF], [3, 3, 3], 1.0),
    ],
)
def test_fraction(
    lower: float, upper: float, bounds: list[float], counts: list[float], want: float
) -> None:
    assert fraction(lower, upper, bounds, counts) == pytest.approx(want, nan_ok=True)
