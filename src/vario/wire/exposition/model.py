"""The one shape that all exposition formats are parsed into."""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vario.model.series import Labels

MetricType = Literal[
    "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset", "unknown"
]

Known = Container[str]
"""Texts of series whose labels the caller knows from before; they are not decoded again."""

NO_TIME = np.iinfo(np.int64).min
"""Stands in `Exposition.times_ms` for a sample that carries no timestamp."""


@dataclass(frozen=True, slots=True)
class Family:
    """What a target says about one metric family before its samples."""

    name: str
    type: MetricType = "unknown"
    help: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Exemplar:
    """One measurement behind a sample; `time_ms` is None where the target gives none."""

    labels: Labels
    value: float
    time_ms: int | None = None


@dataclass(frozen=True, slots=True)
class NativeHistogram:
    """A native histogram in Prometheus' model, its sparse spans filled into dense runs.

    Attributes:
        schema: bucket growth is `2 ** (2 ** -schema)`, -4 to 8; -53 means the custom `bounds`.
        positive_offset: index of the first bucket in `positive`; likewise `negative_offset`.
        positive: counts of adjacent buckets, not cumulative; likewise `negative`.
        bounds: upper bounds of the buckets, for schema -53 only.
        gauge: whether counts may go down.
    """

    schema: int
    count: float
    sum: float
    zero_threshold: float
    zero_count: float
    positive_offset: int
    positive: tuple[float, ...]
    negative_offset: int
    negative: tuple[float, ...]
    bounds: tuple[float, ...] = ()
    gauge: bool = False


@dataclass(frozen=True, slots=True)
class HistogramSample:
    """A native histogram of one series, with the exemplars that came with it."""

    labels: Labels
    histogram: NativeHistogram
    time_ms: int | None = None
    exemplars: tuple[Exemplar, ...] = ()
    created_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Exposition:
    """One scrape. Sample `i` is `series[i]`, `values[i]`, `times_ms[i]`, in the target's order.

    Attributes:
        families: metadata, in the target's order.
        series: n texts such as `http_requests_total{code="200"}`.
        values: shape (n,), float64; every NaN has the one bit pattern that is not a stale marker.
        times_ms: shape (n,), int64; `NO_TIME` where the target gives none.
        labels: the label set of each series by its text, `__name__` and empty values included;
            series that the caller said it knows are not in it.
        exemplars: by index of the sample.
        created_ms: when a counter began, by index of the sample, where the format has a field for
            it; OpenMetrics' `_created` samples stay samples, as in Prometheus.
        histograms: native histograms (protobuf only).
    """

    families: tuple[Family, ...]
    series: tuple[str, ...]
    values: NDArray[np.float64]
    times_ms: NDArray[np.int64]
    labels: Mapping[str, Labels]
    exemplars: Mapping[int, Exemplar] = field(default_factory=dict[int, Exemplar])
    created_ms: Mapping[int, int] = field(default_factory=dict[int, int])
    histograms: tuple[HistogramSample, ...] = ()
