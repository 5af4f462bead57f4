"""A store's metrics seen through a window that scripts can clear at no cost."""

from collections.abc import Sequence
from typing import Protocol

from vario.model.series import HistogramBlock, Labels, Matcher, SampleBlock, SeriesSet
from vario.store.base import Grid, SampleReader

_EPOCH = "__epoch__"
"""Label that tells apart what was written before and after a clear; readers do not see it."""


class MetricStore(SampleReader, Protocol):
    """What scratch metrics need of the real store."""

    def write_samples(self, labels: Sequence[Labels], block: SampleBlock) -> None:
        """Writes float samples."""
        ...

    def write_histograms(self, labels: Sequence[Labels], block: HistogramBlock) -> None:
        """Writes native histograms."""
        ...


class ScratchMetrics:
    """Reads what was written since the last `clear_metrics`; the rest is out of sight.

    Truncating tables takes 50 ms each in the embedded engine, and scripts clear after every few
    queries.
    """

    def __init__(self, store: MetricStore) -> None:
        self._store = store
        self._epoch = 0
        self.fetch_samples = store.fetch_samples
        self.fetch_histograms = store.fetch_histograms

    def clear_metrics(self) -> None:
        """Forgets everything."""
        self._epoch += 1

    def write_samples(self, labels: Sequence[Labels], block: SampleBlock) -> None:
        """Writes float samples."""
        self._store.write_samples(self._marked(labels), block)

    def write_histograms(self, labels: Sequence[Labels], block: HistogramBlock) -> None:
        """Writes native histograms."""
        self._store.write_histograms(self._marked(labels), block)

    def find_series(
        self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, *, limit: int | None = None
    ) -> SeriesSet:
        """Finds series; see `SampleReader`."""
        marked = [*matchers, Matcher(_EPOCH, "=", str(self._epoch))]
        found = self._store.find_series(marked, start_ms, end_ms, limit=limit)
        labels = [{k: v for k, v in one.items() if k != _EPOCH} for one in found.labels]
        return SeriesSet(found.ids, tuple(labels), found.delta, found.matchers, found.native)

    def _marked(self, labels: Sequence[Labels]) -> list[Labels]:
        return [{**one, _EPOCH: str(self._epoch)} for one in labels]

    def fetch_grid(
        self,
        function: str,
        series: SeriesSet,
        *,
        start_ms: int,
        end_ms: int,
        step_ms: int,
        window_ms: int,
    ) -> Grid:
        """Evaluates a range function in the engine; see `SampleReader`."""
        return self._store.fetch_grid(
            function,
            series,
            start_ms=start_ms,
            end_ms=end_ms,
            step_ms=step_ms,
            window_ms=window_ms,
        )
