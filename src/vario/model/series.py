"""Prometheus' data model: labels, matchers, series, and blocks of samples as arrays.

Times of samples are integer milliseconds since the Unix epoch, as Prometheus keeps them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Labels = Mapping[str, str]
LabelPairs = tuple[tuple[str, str], ...]
"""Labels as pairs ordered by name, none of them empty."""
MatchOp = Literal["=", "!=", "=~", "!~"]

STALE_NAN_BITS = 0x7FF0_0000_0000_0002
"""Bit pattern of the NaN that marks the end of a series (prometheus/model/value)."""


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition of a selector. Regular expressions are RE2 and anchored at both ends."""

    name: str
    op: MatchOp
    value: str


@dataclass(frozen=True, slots=True)
class SeriesSet:
    """Series that a selector found; row i of every block that is fetched for it is `ids[i]`.

    Attributes:
        ids: shape (n,), uint64, the store's own series ids.
        labels: n label sets, `__name__` included.
        delta: shape (n,), bool, true where the samples are OTLP delta counts.
        matchers: what the series were found by; a store may read by them rather than by ids.
        native: whether any of them may have native histograms.
        pairs: `labels` once more, as pairs; the series are then ordered by them. None where the
            reader leaves it to the caller.
    """

    ids: NDArray[np.uint64]
    labels: tuple[Labels, ...]
    delta: NDArray[np.bool_]
    matchers: tuple[Matcher, ...] = ()
    native: bool = True
    pairs: tuple[LabelPairs, ...] | None = None

    def __len__(self) -> int:
        """Number of series."""
        return len(self.labels)


@dataclass(frozen=True, slots=True)
class SampleBlock:
    """Float samples of n series in compressed-row form, each series ordered by time.

    Attributes:
        offsets: shape (n + 1,), int64; series i owns `[offsets[i], offsets[i + 1])`.
        ts_ms: shape (m,), int64.
        values: shape (m,), float64; stale markers keep their bit pattern.
    """

    offsets: NDArray[np.int64]
    ts_ms: NDArray[np.int64]
    values: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class HistogramBlock:
    """Native histograms of n series in compressed-row form, each series ordered by time.

    Buckets are dense runs of counts that begin at bucket index `*_offset`. Columns have m entries.

    Attributes:
        offsets: shape (n + 1,), int64; series i owns `[offsets[i], offsets[i + 1])`.
        ts_ms: shape (m,), int64.
        schema: shape (m,), int64; -4 to 8 (bounds grow by 2^(2^-schema)), -53 for custom bounds.
        bounds: upper bounds of custom buckets without +Inf, empty for exponential ones.
        reset_hint: shape (m,), int64; 0 unknown, 1 reset, 2 no reset, 3 gauge.
    """

    offsets: NDArray[np.int64]
    ts_ms: NDArray[np.int64]
    count: NDArray[np.float64]
    sum: NDArray[np.float64]
    schema: NDArray[np.int64]
    zero_threshold: NDArray[np.float64]
    zero_count: NDArray[np.float64]
    positive_offset: NDArray[np.int64]
    positive: Sequence[Sequence[float]]
    negative_offset: NDArray[np.int64]
    negative: Sequence[Sequence[float]]
    bounds: Sequence[Sequence[float]]
    reset_hint: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Exemplar:
    """A measurement that names the trace it was taken in."""

    labels: Labels
    time_ms: int
    value: float
    trace_id: str
    span_id: str
    attributes: Labels


@dataclass(frozen=True, slots=True)
class Metadata:
    """What is known of a metric: its Prometheus type, unit and help text."""

    name: str
    type: str
    unit: str
    help: str
