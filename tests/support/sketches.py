"""What the SDK's sketches hold, as a server sees it."""

import numpy as np

from vario.drift.bins import Floats
from vario.sdk.sketches import SketchPoint, SketchSeries


def buckets_of(values: Floats) -> tuple[Floats, Floats, Floats]:
    """Returns a sketch's buckets: lower bounds, upper bounds, counts."""
    series = SketchSeries("feature_value", {}, 0, False)
    series.add_values(values)
    point = SketchPoint(series, 0)
    found: list[tuple[float, float, float]] = [(0.0, 0.0, point.zeros)]
    for i, count in enumerate(point.counts, point.offset):
        found.append((2.0 ** (i / 2**point.scale), 2.0 ** ((i + 1) / 2**point.scale), count))
    for i, count in enumerate(point.negative, point.negative_offset):
        found.append((-(2.0 ** ((i + 1) / 2**point.scale)), -(2.0 ** (i / 2**point.scale)), count))
    lower, upper, counts = np.array([row for row in found if row[2]], dtype=np.float64).T
    return lower, upper, counts
