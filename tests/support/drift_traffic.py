"""Simulated live traffic of a model, answered as the metrics of it would be."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from vario.drift.bins import Floats
from vario.drift.live import Cell
from vario.query.promql.histogram import Histogram

REGIONS = ("us-east", "eu-west", "ap-south")


@dataclass(frozen=True)
class Point:
    """One series of an answer."""

    labels: tuple[tuple[str, str], ...]
    value: float
    histogram: Histogram | None = None


@dataclass
class Rows:
    """What one version in one region predicted in a window: a column for each feature."""

    version: str
    region: str
    columns: Mapping[str, Floats] = field(default_factory=dict)


Draw = Callable[[int, int], Sequence[Rows]]
"""Rows of a window by its end and length, both in milliseconds."""

BOUNDS = np.exp2(np.arange(-3, 9, 1 / 8))


class SimulatedTraffic:
    """Answers the questions of `vario.drift.live.observe` out of drawn rows."""

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self._drawn: dict[tuple[int, int], Sequence[Rows]] = {}

    def __call__(self, text: str, at_ms: int) -> list[Cell]:
        metric, _, rest = text.partition("increase(")[2].partition("[")
        window_ms = int(rest.partition("ms]")[0])
        key = (at_ms, window_ms)
        if key not in self._drawn:
            self._drawn = {key: self._draw(at_ms, window_ms)}
        return [cell for rows in self._drawn[key] for cell in self._cells(metric, rows)]

    def _cells(self, metric: str, rows: Rows) -> list[Cell]:
        own = (
            ("model_name", "recommender"),
            ("model_version", rows.version),
            ("region", rows.region),
        )
        if metric == "predictions_total":
            count = max((len(column) for column in rows.columns.values()), default=0)
            return [Point(own, float(count))]
        found: list[Cell] = []
        for name, column in rows.columns.items():
            labels = (*own, ("feature", name))
            present = column[~np.isnan(column)]
            if metric == "feature_missing_total":
                found.append(Point(labels, float(len(column) - len(present))))
            if metric == "feature_value_bucket":
                counts = np.searchsorted(np.sort(present), BOUNDS, side="right")
                found += [
                    Point((*labels, ("le", repr(bound))), float(count))
                    for bound, count in zip(BOUNDS.tolist(), counts.tolist(), strict=True)
                ]
                found.append(Point((*labels, ("le", "+Inf")), float(len(present))))
        return found
