"""What comes with a scrape's samples: exemplars, native histograms, metadata."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from vario.wire.exposition import Exemplar, Exposition, Family, HistogramSample, NativeHistogram
from vario.wire.exposition.model import MetricType
from vario.wire.remote_write import MESSAGES, Version

_TYPES: Mapping[MetricType, int] = {
    "unknown": 0,
    "counter": 1,
    "gauge": 2,
    "histogram": 3,
    "gaugehistogram": 4,
    "summary": 5,
    "info": 6,
    "stateset": 7,
}
_GAUGE = 3


class Entry(Protocol):
    """A series by its encoded labels."""

    @property
    def key(self) -> bytes:
        """Labels as a `TimeSeries` of remote write holds them."""
        ...


class Extras:
    """Remembers what a target said last, so that what has not changed is stored once."""

    def __init__(self) -> None:
        self._exemplars: dict[bytes, tuple[Exemplar, ...]] = {}
        self._families: dict[str, Family] = {}

    def collect(
        self,
        said: Exposition,
        at: Sequence[int],
        entries: Sequence[Entry],
        histograms: Sequence[Entry | None],
        time_ms: int,
    ) -> bytes | None:
        """Returns a request of version 1 with what is new, None if nothing is.

        Args:
            said: what the target said.
            at: indices of the samples that are stored.
            entries: their series.
            histograms: the series of each native histogram, None where a rule drops it.
            time_ms: when the target was asked.
        """
        if not (said.exemplars or said.histograms or said.families):
            return None
        request: Any = MESSAGES[Version.V1]()
        if said.exemplars:
            for i, entry in zip(at, entries, strict=True):
                if exemplar := said.exemplars.get(i):
                    self._add_exemplars(request, entry.key, (exemplar,), time_ms)
        for sample, entry in zip(said.histograms, histograms, strict=True):
            if entry is not None:
                series = _series(request, entry.key)
                series.histograms.add(**_histogram(sample, time_ms))
                self._add_exemplars(request, entry.key, sample.exemplars, time_ms)
        for family in self._changed(said.families):
            request.metadata.add(
                type=_TYPES[family.type],
                metric_family_name=family.name,
                help=family.help,
                unit=family.unit,
            )
        return request.SerializeToString() or None

    def _add_exemplars(
        self, request: Any, key: bytes, exemplars: tuple[Exemplar, ...], time_ms: int
    ) -> None:
        """Adds those that were not there in the last scrape, which says them again and again."""
        before = self._exemplars.get(key, ())
        new = [exemplar for exemplar in exemplars if exemplar not in before]
        if exemplars:
            self._exemplars[key] = exemplars
        if not new:
            return
        series = _series(request, key)
        for exemplar in new:
            series.exemplars.add(
                labels=[{"name": k, "value": v} for k, v in sorted(exemplar.labels.items())],
                value=exemplar.value,
                timestamp=time_ms if exemplar.time_ms is None else exemplar.time_ms,
            )

    def _changed(self, families: Sequence[Family]) -> Iterator[Family]:
        for family in families:
            if self._families.get(family.name) != family:
                self._families[family.name] = family
                yield family

    @property
    def families(self) -> tuple[Family, ...]:
        """What the target last said of each family."""
        return tuple(self._families.values())


def _series(request: Any, key: bytes) -> Any:
    series = request.timeseries.add()
    series.MergeFromString(key)
    return series


def _histogram(sample: HistogramSample, time_ms: int) -> dict[str, Any]:
    """Returns a native histogram as a float histogram of remote write, one span a side."""
    own: NativeHistogram = sample.histogram
    return {
        "count_float": own.count,
        "sum": own.sum,
        "schema": own.schema,
        "zero_threshold": own.zero_threshold,
        "zero_count_float": own.zero_count,
        "positive_spans": _span(own.positive_offset, own.positive),
        "positive_counts": own.positive,
        "negative_spans": _span(own.negative_offset, own.negative),
        "negative_counts": own.negative,
        "custom_values": own.bounds,
        "reset_hint": _GAUGE if own.gauge else 0,
        "timestamp": time_ms if sample.time_ms is None else sample.time_ms,
    }


def _span(offset: int, counts: Sequence[float]) -> list[dict[str, int]]:
    return [{"offset": offset, "length": len(counts)}] if counts else []
