"""The protobuf exposition format: delimited `io.prometheus.client.MetricFamily` messages."""

import math
from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError

from vario.errors import BadData
from vario.model.series import Labels
from vario.wire.exposition.model import (
    NO_TIME,
    Exemplar,
    Exposition,
    Family,
    HistogramSample,
    Known,
    MetricType,
    NativeHistogram,
)
from vario.wire.exposition.numbers import NORMAL_NAN_BITS, format_bound
from vario.wire.exposition.series import encode_series
from vario.wire.protobuf import load_messages, split_delimited
from vario.wire.spans import fill_spans, sum_deltas

SCHEMA = files("vario.wire.exposition").joinpath("metrics.proto").read_text(encoding="utf-8")
_MetricFamily = load_messages(SCHEMA)["MetricFamily"]

_TYPES: tuple[MetricType, ...] = (
    "counter",
    "gauge",
    "summary",
    "unknown",
    "histogram",
    "gaugehistogram",
)

Pairs = list[tuple[str, str]]


def parse_protobuf(
    body: bytes, known: Known = (), *, native: bool = True, classic: bool = False
) -> Exposition:
    """Returns what a body of delimited metric families says.

    Args:
        body: the response's body, decompressed.
        known: texts of series whose labels need not be decoded.
        native: take native histograms; otherwise their classic buckets, sum and count.
        classic: take the classic buckets of native histograms as well.

    Raises:
        BadData: the body cannot be decoded, or a family is malformed.
    """
    reader = _Reader(known, native=native, classic=classic)
    for i, message in enumerate(split_delimited(body)):
        try:
            family = _MetricFamily.FromString(bytes(message))
        except DecodeError as error:
            raise BadData(f"metric family {i + 1} is not valid protobuf: {error}") from error
        reader.read_family(family)
    return reader.finish()


class _Reader:
    """Gathers the columns of an `Exposition` family by family."""

    def __init__(self, known: Known, *, native: bool, classic: bool) -> None:
        self._known = known
        self._labels: dict[str, Labels] = {}
        self._native = native
        self._classic = classic
        self._families: list[Family] = []
        self._series: list[str] = []
        self._values: list[float] = []
        self._times: list[int] = []
        self._exemplars: dict[int, Exemplar] = {}
        self._created: dict[int, int] = {}
        self._histograms: list[HistogramSample] = []

    def finish(self) -> Exposition:
        values = np.array(self._values, dtype=np.float64)
        values.view(np.uint64)[np.isnan(values)] = NORMAL_NAN_BITS
        return Exposition(
            families=tuple(self._families),
            series=tuple(self._series),
            values=values,
            times_ms=np.array(self._times, dtype=np.int64),
            labels=self._labels,
            exemplars=self._exemplars,
            created_ms=self._created,
            histograms=tuple(self._histograms),
        )

    def read_family(self, family: Any) -> None:
        name: str = family.name
        if not name:
            raise BadData(f"metric family {len(self._families) + 1} has no name")
        if not 0 <= family.type < len(_TYPES):
            raise BadData(f"metric {name} has the unknown type {family.type}")
        kind = _TYPES[family.type]
        _check_unit(name, kind, family.unit)
        self._families.append(Family(name, kind, family.help, family.unit))
        for metric in family.metric:
            pairs: Pairs = [(label.name, label.value) for label in metric.label]
            time = metric.timestamp_ms or NO_TIME
            if kind == "counter":
                counter = metric.counter
                at = self._add(name, pairs, counter.value, time)
                self._note(at, counter, counter.exemplar if counter.HasField("exemplar") else None)
            elif kind == "gauge":
                self._add(name, pairs, metric.gauge.value, time)
            elif kind == "unknown":
                self._add(name, pairs, metric.untyped.value, time)
            elif kind == "summary":
                self._read_summary(name, pairs, metric.summary, time)
            else:
                self._read_histogram(name, pairs, metric.histogram, time, gauge=family.type == 5)

    def _add(self, name: str, pairs: Pairs, value: float, time: int) -> int:
        """Appends a sample and returns its index."""
        key = encode_series(name, pairs)
        if key not in self._known and key not in self._labels:
            self._labels[key] = _labels(name, pairs)
        self._series.append(key)
        self._values.append(value)
        self._times.append(time)
        return len(self._series) - 1

    def _note(self, at: int, owner: Any, exemplar: Any) -> None:
        if exemplar is not None:
            self._exemplars[at] = _read_exemplar(exemplar)
        if owner.HasField("created_timestamp"):
            self._created[at] = _read_time(owner.created_timestamp)

    def _read_summary(self, name: str, pairs: Pairs, summary: Any, time: int) -> None:
        at = self._add(f"{name}_count", pairs, float(summary.sample_count), time)
        self._note(at, summary, None)
        self._note(self._add(f"{name}_sum", pairs, summary.sample_sum, time), summary, None)
        for item in summary.quantile:
            labels = [*pairs, ("quantile", format_bound(item.quantile))]
            self._note(self._add(name, labels, item.value, time), summary, None)

    def _read_histogram(
        self, name: str, pairs: Pairs, histogram: Any, time: int, *, gauge: bool
    ) -> None:
        if self._native and _is_native(histogram):
            created = histogram.HasField("created_timestamp")
            self._histograms.append(
                HistogramSample(
                    labels=_labels(name, pairs),
                    histogram=_read_native(name, histogram, gauge=gauge),
                    time_ms=None if time == NO_TIME else time,
                    exemplars=_native_exemplars(histogram),
                    created_ms=_read_time(histogram.created_timestamp) if created else None,
                )
            )
            if not (self._classic and histogram.bucket):
                return
        self._read_classic(name, pairs, histogram, time)

    def _read_classic(self, name: str, pairs: Pairs, histogram: Any, time: int) -> None:
        count = histogram.sample_count_float or float(histogram.sample_count)
        self._note(self._add(f"{name}_count", pairs, count, time), histogram, None)
        self._note(self._add(f"{name}_sum", pairs, histogram.sample_sum, time), histogram, None)
        bound = -math.inf
        for bucket in histogram.bucket:
            bound = bucket.upper_bound
            labels = [*pairs, ("le", format_bound(bound))]
            value = bucket.cumulative_count_float or float(bucket.cumulative_count)
            at = self._add(f"{name}_bucket", labels, value, time)
            self._note(at, histogram, bucket.exemplar if bucket.HasField("exemplar") else None)
        if bound != math.inf:
            at = self._add(f"{name}_bucket", [*pairs, ("le", "+Inf")], count, time)
            self._note(at, histogram, None)


def _labels(name: str, pairs: Pairs) -> Labels:
    labels = {"__name__": name, **dict(pairs)}
    if len(labels) != len(pairs) + 1:
        raise BadData(f"a label of metric {name} comes twice")
    return labels


def _check_unit(name: str, kind: MetricType, unit: str) -> None:
    base = name.removesuffix("_total") if kind == "counter" else name
    if unit and not base.endswith(f"_{unit}"):
        raise BadData(f"unit {unit!r} is not a suffix of metric {name!r}")


def _read_time(stamp: Any) -> int:
    return stamp.seconds * 1000 + stamp.nanos // 1_000_000


def _read_exemplar(exemplar: Any) -> Exemplar:
    return Exemplar(
        labels={label.name: label.value for label in exemplar.label},
        value=exemplar.value,
        time_ms=_read_time(exemplar.timestamp) if exemplar.HasField("timestamp") else None,
    )


def _native_exemplars(histogram: Any) -> tuple[Exemplar, ...]:
    """The exemplars of a native histogram; those without a time cannot be ordered and are left."""
    own: Iterator[Any] = iter(histogram.exemplars)
    if not histogram.exemplars:
        own = (bucket.exemplar for bucket in histogram.bucket if bucket.HasField("exemplar"))
    return tuple(_read_exemplar(item) for item in own if item.HasField("timestamp"))


def _is_native(histogram: Any) -> bool:
    """Whether it has native buckets; an empty one says so with a span of length 0."""
    return bool(
        histogram.positive_span
        or histogram.negative_span
        or histogram.zero_threshold > 0
        or histogram.zero_count > 0
        or histogram.zero_count_float > 0
    )


def _read_native(name: str, histogram: Any, *, gauge: bool) -> NativeHistogram:
    if not -4 <= histogram.schema <= 8:
        raise BadData(f"native histogram {name} has the unknown schema {histogram.schema}")
    is_float = histogram.sample_count_float > 0 or histogram.zero_count_float > 0
    sides: list[tuple[int, tuple[float, ...]]] = []
    for side in ("positive", "negative"):
        counts: Sequence[float] = getattr(histogram, f"{side}_count")
        if not is_float:
            counts = sum_deltas(getattr(histogram, f"{side}_delta"))
        spans = [(span.offset, span.length) for span in getattr(histogram, f"{side}_span")]
        sides.append(fill_spans(spans, counts))
    return NativeHistogram(
        schema=histogram.schema,
        count=histogram.sample_count_float if is_float else float(histogram.sample_count),
        sum=histogram.sample_sum,
        zero_threshold=histogram.zero_threshold,
        zero_count=histogram.zero_count_float if is_float else float(histogram.zero_count),
        positive_offset=sides[0][0],
        positive=sides[0][1],
        negative_offset=sides[1][0],
        negative=sides[1][1],
        gauge=gauge,
    )
