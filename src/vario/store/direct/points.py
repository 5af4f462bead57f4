"""Samples, native histograms, exemplars and metadata out of an export request of metrics.

The translation is that of `store/sql/ingest/metrics.sql`. What does not change from one request to
the next (names, labels, the series of a histogram) is worked out once and remembered.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate
from sys import intern
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from vario.model.otlp_names import family_name, label_name, unit_words
from vario.model.series import STALE_NAN_BITS
from vario.store.direct.book import Pairs, Series, SeriesBook, Sightings
from vario.store.direct.values import (
    NotPlain,
    Texts,
    double_text,
    first_of,
    id_text,
    pairs,
    pairs_map,
    storable_ms,
)
from vario.store.row_binary import floats

_KINDS = {"exponential_histogram": "native", "histogram": "histogram", "summary": "summary"}
_TOLD_APART = {"histogram": ("__name__", "le"), "summary": ("__name__", "quantile")}
_SPECIAL = frozenset({"__name__", "job", "instance", "le", "quantile"})
_NOT_IN_INFO = frozenset(
    {"job", "instance", "service_name", "service_namespace", "service_instance_id"}
)
_STALE: float = struct.unpack("<d", STALE_NAN_BITS.to_bytes(8, "little"))[0]
_DELTA = 1
_UINT64 = (1 << 64) - 1
_TIMED = struct.Struct("<qd")
_NATIVE = struct.Struct("<qddbddi")
_OFFSET = struct.Struct("<i")
_NO_BOUNDS = bytes(1)


@dataclass(slots=True)
class Rows:
    """What a request comes to.

    Attributes:
        new: rows of series and metadata that must be stored before the others.
        samples: series, milliseconds since the epoch, value.
        exemplars: a series, and what its row in `metric_exemplars` holds after its id.
        histograms: likewise of `metric_histograms`.
    """

    new: Sightings = field(default_factory=Sightings)
    samples: list[tuple[Series, int, float]] = field(
        default_factory=list[tuple[Series, int, float]]
    )
    exemplars: list[tuple[Series, bytes]] = field(default_factory=list[tuple[Series, bytes]])
    histograms: list[tuple[Series, bytes]] = field(default_factory=list[tuple[Series, bytes]])

    def add(self, series: Series, ts_ms: int, value: float, delta: int) -> None:
        """Adds a sample."""
        self.samples.append((series, ts_ms, value))
        self.new.add(series, ts_ms, delta=delta)


@dataclass(frozen=True, slots=True, eq=False)
class _Resource:
    """A resource; two that are alike are one object."""

    identity: Pairs
    promoted: Pairs
    info: Series | None


@dataclass(frozen=True, slots=True, eq=False)
class _Family:
    """The points of one metric of one resource; two that are alike are one object."""

    name: str
    kind: str
    delta: int
    resource: _Resource


def point_rows(body: bytes, book: SeriesBook) -> Rows:
    """Returns the rows of a request.

    Args:
        body: the request in protobuf.
        book: the series that are known, to which new ones are added.

    Raises:
        NotPlain: something in it is left to the engine.
        DecodeError: it is not such a request.
    """
    request: Any = ExportMetricsServiceRequest.FromString(body)
    return _Reader(book).read(request)


class _Reader:
    def __init__(self, book: SeriesBook) -> None:
        self._book = book
        self._rows = Rows()
        self._texts = Texts()

    def read(self, request: Any) -> Rows:
        for each in request.resource_metrics:
            resource = self._resource(each.resource)
            newest_ns = 0
            for inner in each.scope_metrics:
                for metric in inner.metrics:
                    newest_ns = max(newest_ns, self._metric(metric, resource))
            if resource.info and newest_ns:
                self._rows.add(resource.info, storable_ms(newest_ns), 1.0, 0)
        return self._rows

    def _resource(self, resource: Any) -> _Resource:
        found = tuple(pairs(resource.attributes))
        known = self._book.points.get(found)
        if known is None:
            known = _make_resource(found, self._book)
            self._book.remember(found, known)
        return known

    def _metric(self, metric: Any, resource: _Resource) -> int:
        """Takes the points of a metric and returns the newest of their times, 0 for none."""
        kind: str | None = metric.WhichOneof("data")
        if kind is None:
            return 0
        data = getattr(metric, kind)
        points = data.data_points
        if not points:
            return 0
        monotonic = kind == "sum" and data.is_monotonic
        temporality = 0 if kind in {"gauge", "summary"} else data.aggregation_temporality
        family = self._family(metric, kind, monotonic, int(temporality == _DELTA), resource)
        take = {"histogram": self._histogram, "native": self._native, "summary": self._summary}.get(
            family.kind, self._number
        )
        newest_ns = 0
        for point in points:
            newest_ns = max(newest_ns, point.time_unix_nano)
            take(family, point)
        return newest_ns

    def _family(
        self, metric: Any, kind: str, monotonic: bool, delta: int, resource: _Resource
    ) -> _Family:
        key = (metric.name, metric.unit, metric.description, kind, monotonic, delta, resource)
        known = self._book.points.get(key)
        if known is None:
            name = family_name(metric.name, _plain(metric.unit), kind, monotonic=monotonic)
            if not name:
                raise NotPlain
            word = _KINDS.get(kind, "counter" if monotonic else "gauge")
            family = _Family(name, word, delta, resource)
            said = (
                name,
                "histogram" if word == "native" else word,
                "_".join(unit_words(metric.unit)),
                metric.description,
            )
            known = (family, said)
            self._book.remember(key, known)
        family, said = known
        if said not in self._book.described:
            self._rows.new.descriptions[said] = None
        return family

    def _own_series(self, family: _Family, point: Any) -> Series:
        """Returns the one series of a point."""
        attributes = tuple(pairs(point.attributes))
        series = self._book.points.get((family, attributes))
        if series is None:
            attributes = _shared(attributes)
            series = self._book.find(_named(_labels(family, attributes), family.name))
            self._book.remember((family, attributes), series)
        return series

    # Points, by kind

    def _number(self, family: _Family, point: Any) -> None:
        series = self._own_series(family, point)
        value = _value(point, _STALE)
        ts_ms = storable_ms(point.time_unix_nano)
        self._rows.add(series, ts_ms, _STALE if point.flags & 1 else value, family.delta)
        for exemplar in point.exemplars:
            self._exemplar(series, exemplar, point)

    def _histogram(self, family: _Family, point: Any) -> None:
        bounds = tuple(point.explicit_bounds)
        key = (family, tuple(pairs(point.attributes)), bounds)
        known = self._book.points.get(key)
        if known is None:
            known = self._histogram_series(family, key[1], bounds)
            self._book.remember(key, known)
        buckets = list(accumulate(point.bucket_counts))[: len(bounds)]
        buckets += [0] * (len(bounds) - len(buckets))
        values = [float(count & _UINT64) for count in buckets]
        values += [float(point.count)] * 2
        if point.HasField("sum"):
            values.append(point.sum)
        self._add_all(family, known, values, point)
        for exemplar in point.exemplars:
            value = _value(exemplar, 0.0)
            bucket = next((i for i, bound in enumerate(bounds) if bound >= value), len(bounds))
            self._exemplar(known[bucket], exemplar, point)

    def _histogram_series(
        self, family: _Family, attributes: Pairs, bounds: Sequence[float]
    ) -> list[Series]:
        """Returns the series of a histogram: buckets, count, sum."""
        labels = _labels(family, attributes)
        les = [("+Inf" if _is_infinite(bound) else double_text(bound)) for bound in bounds]
        bucket = f"{family.name}_bucket"
        return [
            *(self._book.find(_named(labels, bucket, ("le", le))) for le in [*les, "+Inf"]),
            self._book.find(_named(labels, f"{family.name}_count")),
            self._book.find(_named(labels, f"{family.name}_sum")),
        ]

    def _summary(self, family: _Family, point: Any) -> None:
        quantiles = tuple(each.quantile for each in point.quantile_values)
        key = (family, tuple(pairs(point.attributes)), quantiles)
        known = self._book.points.get(key)
        if known is None:
            labels = _labels(family, key[1])
            known = [
                *(
                    self._book.find(_named(labels, family.name, ("quantile", double_text(q))))
                    for q in quantiles
                ),
                self._book.find(_named(labels, f"{family.name}_count")),
                self._book.find(_named(labels, f"{family.name}_sum")),
            ]
            self._book.remember(key, known)
        values = [each.value for each in point.quantile_values]
        self._add_all(family, known, [*values, float(point.count), point.sum], point)

    def _add_all(
        self, family: _Family, series: Sequence[Series], values: Sequence[float], point: Any
    ) -> None:
        """Adds the samples of one point; the sum, which is the last series, may be missing."""
        ts_ms = storable_ms(point.time_unix_nano)
        stale = point.flags & 1
        for one, value in zip(series, values, strict=False):
            self._rows.add(one, ts_ms, _STALE if stale else value, family.delta)

    def _native(self, family: _Family, point: Any) -> None:
        if not -4 <= point.scale <= 8:
            raise NotPlain
        series = self._own_series(family, point)
        ts_ms = storable_ms(point.time_unix_nano)
        stale = point.flags & 1
        row = b"".join(
            (
                _NATIVE.pack(
                    ts_ms,
                    _STALE if stale else float(point.count),
                    _STALE if stale else point.sum,
                    point.scale,
                    point.zero_threshold,
                    float(point.zero_count),
                    point.positive.offset + 1,
                ),
                floats(point.positive.bucket_counts),
                _OFFSET.pack(point.negative.offset + 1),
                floats(point.negative.bucket_counts),
                _NO_BOUNDS,
                b"\0",
            )
        )
        self._rows.histograms.append((series, row))
        self._rows.new.add(series, ts_ms, delta=family.delta, native=1)
        for exemplar in point.exemplars:
            self._exemplar(series, exemplar, point)

    def _exemplar(self, series: Series, exemplar: Any, point: Any) -> None:
        found = _label_pairs(pairs(exemplar.filtered_attributes))
        row = b"".join(
            (
                _TIMED.pack(
                    storable_ms(exemplar.time_unix_nano or point.time_unix_nano),
                    _value(exemplar, 0.0),
                ),
                id_text(exemplar.trace_id),
                id_text(exemplar.span_id),
                pairs_map(found, self._texts),
            )
        )
        self._rows.exemplars.append((series, row))


def _make_resource(found: Pairs, book: SeriesBook) -> _Resource:
    first = first_of(found)
    own = _label_pairs(found)
    names = [name for name, _ in own]
    if len(set(names)) < len(names) or "__name__" in names:
        raise NotPlain
    name, space = first.get("service.name", ""), first.get("service.namespace", "")
    job = f"{space}/{name}" if space and name else name
    identity = _filled(("job", job), ("instance", first.get("service.instance.id", "")))
    promoted = _filled(
        ("region", first.get("cloud.region", "")),
        ("service_version", first.get("service.version", "")),
    )
    told = tuple(pair for pair in own if pair[0] not in _NOT_IN_INFO)
    info = book.find(_named((*identity, *told), "target_info")) if identity else None
    return _Resource(identity, promoted, info)


def _filled(*found: tuple[str, str]) -> Pairs:
    return tuple(pair for pair in found if pair[1])


def _label_pairs(found: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Returns attributes under the names of labels, without what has no name or no value."""
    named = [(_label(key), value) for key, value in found]
    return [pair for pair in named if pair[0] and pair[1]]


def _shared(found: Pairs) -> Pairs:
    """Returns the same texts, as objects that are there once."""
    return tuple((intern(key), intern(value)) for key, value in found)


def _labels(family: _Family, attributes: Pairs) -> Pairs:
    """Returns the labels that all series of a point share, but for the name."""
    resource = family.resource
    own = _label_pairs(attributes)
    names = {name for name, _ in own}
    if len(names) < len(own):
        raise NotPlain  # their values are joined
    reserved = {name for name, _ in resource.identity}
    reserved.update(_TOLD_APART.get(family.kind, ("__name__",)))
    return (
        *resource.identity,
        *(pair for pair in own if pair[0] not in _SPECIAL or pair[0] not in reserved),
        *(pair for pair in resource.promoted if pair[0] not in names),
    )


def _named(labels: Pairs, name: str, *more: tuple[str, str]) -> Pairs:
    return tuple(sorted((*labels, ("__name__", name), *more)))


@lru_cache(maxsize=8192)
def _label(key: str) -> str:
    return label_name(_plain(key))


def _plain(word: str) -> str:
    """Returns a unit or a key.

    Raises:
        NotPlain: there are control characters in it, which the engine treats in its own way.
    """
    if word.isprintable():
        return word
    raise NotPlain


def _value(point: Any, missing: float) -> float:
    kind = point.WhichOneof("value")
    return float(getattr(point, kind)) if kind else missing


def _is_infinite(bound: float) -> bool:
    return bound in {float("inf"), float("-inf")}
