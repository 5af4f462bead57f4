"""A metric reader in memory: small, obvious, and an oracle for the one over the engine."""

from collections.abc import Sequence

import numpy as np

from vario.errors import InternalError
from vario.model.series import (
    Exemplar,
    HistogramBlock,
    Labels,
    Matcher,
    Metadata,
    SampleBlock,
    SeriesSet,
)
from vario.query.promql.matching import LabelSet, label_set, matches
from vario.store.base import Grid

_COLUMNS = (
    *("ts_ms", "count", "sum", "schema", "zero_threshold", "zero_count", "positive_offset"),
    *("positive", "negative_offset", "negative", "bounds", "reset_hint"),
)
_INTEGERS = frozenset(("ts_ms", "schema", "positive_offset", "negative_offset", "reset_hint"))
_LISTS = frozenset(("positive", "negative", "bounds"))


class MemoryReader:
    """`vario.store.base.MetricReader` and its writing side over dictionaries."""

    def __init__(self) -> None:
        self.clear_metrics()

    def clear_metrics(self) -> None:
        self.samples: dict[LabelSet, dict[int, float]] = {}
        self.histograms: dict[LabelSet, dict[int, tuple[object, ...]]] = {}
        self.delta: set[LabelSet] = set()
        self.exemplars: list[Exemplar] = []
        self.metadata: list[Metadata] = []

    def write_samples(self, labels: Sequence[Labels], block: SampleBlock) -> None:
        for i, one in enumerate(labels):
            series = self.samples.setdefault(label_set(one), {})
            for row in range(int(block.offsets[i]), int(block.offsets[i + 1])):
                series[int(block.ts_ms[row])] = block.values[row]

    def write_histograms(self, labels: Sequence[Labels], block: HistogramBlock) -> None:
        for i, one in enumerate(labels):
            series = self.histograms.setdefault(label_set(one), {})
            for row in range(int(block.offsets[i]), int(block.offsets[i + 1])):
                series[int(block.ts_ms[row])] = tuple(getattr(block, c)[row] for c in _COLUMNS)

    def find_series(
        self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, *, limit: int | None = None
    ) -> SeriesSet:
        found = [
            labels
            for labels in sorted({*self.samples, *self.histograms})
            if all(matches(m, dict(labels).get(m.name, "")) for m in matchers)
            and any(start_ms < t <= end_ms for t in self._times(labels))
        ][:limit]
        return SeriesSet(
            np.array([hash(labels) & (2**63 - 1) for labels in found], dtype=np.uint64),
            tuple(dict(labels) for labels in found),
            np.array([labels in self.delta for labels in found], dtype=np.bool_),
            tuple(matchers),
        )

    def _times(self, labels: LabelSet) -> list[int]:
        return [*self.samples.get(labels, ()), *self.histograms.get(labels, ())]

    def fetch_samples(self, series: SeriesSet, start_ms: int, end_ms: int) -> SampleBlock:
        points = [
            sorted(
                (t, v)
                for t, v in self.samples.get(label_set(labels), {}).items()
                if start_ms < t <= end_ms
            )
            for labels in series.labels
        ]
        flat = [point for one in points for point in one]
        return SampleBlock(
            np.concatenate(([0], np.cumsum([len(one) for one in points]))).astype(np.int64),
            np.array([t for t, _ in flat], dtype=np.int64),
            np.array([v for _, v in flat], dtype=np.float64),
        )

    def fetch_histograms(
        self, series: SeriesSet, start_ms: int, end_ms: int
    ) -> HistogramBlock | None:
        points = [
            sorted(
                (t, row)
                for t, row in self.histograms.get(label_set(labels), {}).items()
                if start_ms < t <= end_ms
            )
            for labels in series.labels
        ]
        flat = [row for one in points for _, row in one]
        if not flat:
            return None
        columns: dict[str, object] = {}
        for i, name in enumerate(_COLUMNS):
            values = [row[i] for row in flat]
            kind = np.int64 if name in _INTEGERS else np.float64
            columns[name] = values if name in _LISTS else np.array(values, dtype=kind)
        offsets = np.concatenate(([0], np.cumsum([len(one) for one in points]))).astype(np.int64)
        return HistogramBlock(offsets=offsets, **columns)  # type: ignore[arg-type]

    def fetch_grid(self, function: str, series: SeriesSet, **window: int) -> Grid:
        raise InternalError(f"no {function} here: this reader has samples only")

    def find_label_names(
        self, matchers: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
    ) -> list[str]:
        found = self._any(matchers, start_ms, end_ms)
        return sorted({name for labels in found for name, _ in labels})

    def find_label_values(
        self, name: str, matchers: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
    ) -> list[str]:
        found = self._any(matchers, start_ms, end_ms)
        return sorted({value for labels in found for key, value in labels if key == name})

    def _any(
        self, matchers: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
    ) -> set[LabelSet]:
        return {
            label_set(labels)
            for each in (matchers or [[]])
            for labels in self.find_series(each, start_ms, end_ms).labels
        }

    def find_exemplars(
        self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, *, limit: int = 1000
    ) -> list[Exemplar]:
        return [
            one
            for one in self.exemplars
            if start_ms <= one.time_ms <= end_ms
            and all(matches(m, one.labels.get(m.name, "")) for m in matchers)
        ][:limit]

    def find_metadata(self, metric: str | None = None) -> list[Metadata]:
        return [one for one in self.metadata if metric in (None, one.name)]
