"""Classic histograms of a load as native ones with custom buckets (`load_with_nhcb`)."""

import math
from collections.abc import Sequence

import numpy as np

from vario.query.promql.histogram import CUSTOM_SCHEMA, Buckets, Histogram
from vario.query.promql.literals import parse_number
from vario.query.promql.matching import LabelSet, get_label, with_label, without_labels
from vario.query.promql.testing.series_text import Point, SeriesLine

_SUFFIXES = ("_bucket", "_count", "_sum")


class _Classic:
    """One classic histogram at one time."""

    def __init__(self) -> None:
        self.counts: dict[float, float] = {}
        self.count: float | None = None
        self.sum = 0.0

    def native(self) -> Histogram:
        """Returns the same observations with custom buckets."""
        bounds = sorted(self.counts)
        if not bounds or bounds[-1] != math.inf:
            self.counts[math.inf] = self.counts[bounds[-1]] if bounds else 0.0
            if self.count is not None:
                self.counts[math.inf] = self.count
            bounds.append(math.inf)
        cumulative = np.array([self.counts[bound] for bound in bounds])
        counts = np.diff(cumulative, prepend=0.0)
        return Histogram(
            schema=CUSTOM_SCHEMA,
            count=self.count if self.count is not None else float(cumulative[-1]),
            sum=self.sum,
            positive=Buckets(0, counts).trimmed(),
            bounds=tuple(bounds[:-1]),
        )


def to_custom_buckets(series: Sequence[SeriesLine]) -> list[SeriesLine]:
    """Returns native histograms for all classic ones among the series."""
    found: dict[LabelSet, dict[int, _Classic]] = {}
    for line in series:
        name = get_label(line.labels, "__name__")
        suffix = next((s for s in _SUFFIXES if name.endswith(s)), None)
        if suffix is None:
            continue
        bound = math.nan
        if suffix == "_bucket":
            try:
                bound = parse_number(get_label(line.labels, "le"))
            except ValueError:
                continue
        base = with_label(
            without_labels(line.labels, ("le",)), "__name__", name.removesuffix(suffix)
        )
        for step, point in enumerate(line.points):
            if isinstance(point.value, float):
                classic = found.setdefault(base, {}).setdefault(step, _Classic())
                _set(classic, suffix, bound, point.value)
    return [_line(labels, by_step) for labels, by_step in found.items()]


def _set(classic: _Classic, suffix: str, bound: float, value: float) -> None:
    if suffix == "_bucket":
        classic.counts[bound] = value
    elif suffix == "_count":
        classic.count = value
    else:
        classic.sum = value


def _line(labels: LabelSet, by_step: dict[int, _Classic]) -> SeriesLine:
    points = [Point(None)] * (max(by_step) + 1)
    for step, classic in by_step.items():
        points[step] = Point(classic.native())
    return SeriesLine(labels, tuple(points))
