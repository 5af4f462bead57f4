"""What a rule group asks of the rest of the house, over the PromQL engine and the store."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from vario.alert.evaluate import QueryFunction, Sample
from vario.alert.group import STALE, WriteFunction
from vario.errors import ExecutionError
from vario.model.series import STALE_NAN_BITS, HistogramBlock, Labels, SampleBlock
from vario.query.promql.engine import PromQL, Series
from vario.query.promql.histogram import Histogram


class SampleWriter(Protocol):
    """The part of `vario.store.base.SignalWriter` that rules need."""

    def write_samples(self, labels: Sequence[Labels], block: SampleBlock) -> None:
        """Writes float samples of series given by their labels (`__name__` included)."""
        ...

    def write_histograms(self, labels: Sequence[Labels], block: HistogramBlock) -> None:
        """Writes native histograms of series given by their labels."""
        ...


def make_query(promql: PromQL) -> QueryFunction:
    """Returns the query function over a PromQL engine."""

    def query(text: str, time_ms: int) -> list[Sample]:
        result = promql.instant(text, time_ms)
        if result.type == "scalar":
            return [Sample((), result.scalar[1])]
        if result.type != "vector":
            raise ExecutionError("rule result is not a vector or scalar")
        return [_sample(series) for series in result.series]

    return query


def _sample(series: Series) -> Sample:
    if series.histograms:
        histogram = series.histograms[-1][1]
        return Sample(series.labels, histogram.sum, histogram)
    return Sample(series.labels, float(series.values[-1]))


def make_write(writer: SampleWriter) -> WriteFunction:
    """Returns the write function over a store."""

    def write(samples: Sequence[Sample], time_ms: int) -> None:
        floats = [sample for sample in samples if sample.histogram is None]
        if floats:
            block = _float_block(floats, time_ms)
            writer.write_samples([dict(sample.labels) for sample in floats], block)
        pairs = [
            (sample.labels, sample.histogram) for sample in samples if sample.histogram is not None
        ]
        if pairs:
            block = _histogram_block([histogram for _, histogram in pairs], time_ms)
            writer.write_histograms([dict(labels) for labels, _ in pairs], block)

    return write


def _float_block(samples: Sequence[Sample], time_ms: int) -> SampleBlock:
    """Returns one sample for each series; the bits of stale markers are set, not computed."""
    count = len(samples)
    values = np.array([sample.value for sample in samples], dtype=np.float64)
    ended = np.array([sample.value is STALE for sample in samples], dtype=np.bool_)
    values.view(np.uint64)[ended] = STALE_NAN_BITS
    return SampleBlock(
        np.arange(count + 1, dtype=np.int64), np.full(count, time_ms, dtype=np.int64), values
    )


def _histogram_block(histograms: Sequence[Histogram], time_ms: int) -> HistogramBlock:
    count = len(histograms)

    def integers(values: list[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.array(values, dtype=np.int64)

    return HistogramBlock(
        offsets=np.arange(count + 1, dtype=np.int64),
        ts_ms=np.full(count, time_ms, dtype=np.int64),
        count=np.array([h.count for h in histograms]),
        sum=np.array([h.sum for h in histograms]),
        schema=integers([h.schema for h in histograms]),
        zero_threshold=np.array([h.zero_threshold for h in histograms]),
        zero_count=np.array([h.zero_count for h in histograms]),
        positive_offset=integers([h.positive.offset for h in histograms]),
        positive=[h.positive.counts.tolist() for h in histograms],
        negative_offset=integers([h.negative.offset for h in histograms]),
        negative=[h.negative.counts.tolist() for h in histograms],
        bounds=[h.bounds for h in histograms],
        reset_hint=integers([int(h.hint) for h in histograms]),
    )
