"""Personal data out of remote write and scrapes, and labels past their budget folded."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from math import isnan
from typing import Any

from vario.guard.detectors import find_hints
from vario.guard.folds import Folds
from vario.guard.labels import Changed, change_labels
from vario.guard.policy import Place
from vario.guard.redact import Redactor
from vario.guard.splice import Node, Splice
from vario.guard.sums import VALUE, Kind, Step, Sum, Sums
from vario.guard.tally import Tally
from vario.wire.protobuf import encode_varint, load_messages
from vario.wire.remote_write import PROTO

_CLASSES = load_messages(PROTO)
_SERIES: type[Any] = _CLASSES["TimeSeries"]
_METADATA: type[Any] = _CLASSES["MetricMetadata"]
_NS_PER_MS = 1_000_000
_COUNTERS = ("_total", "_count", "_sum", "_bucket")


def clean_series(
    body: bytes,
    hints: Sequence[int],
    redactor: Redactor,
    folds: Folds,
    sums: Sums,
    tally: Tally,
    is_counter: Callable[[str], bool],
) -> bytes | None:
    """Returns a request of version 1 without what must not be stored, None if there is nothing.

    Args:
        body: the request.
        hints: places where personal data may be, or the name of a metric that is folded stands.
        redactor: takes personal data out.
        folds: labels that are folded.
        sums: adds up series that get the same labels.
        tally: counts what was folded.
        is_counter: says whether the metadata calls a metric a counter.
    """
    cleaner = _SeriesCleaner(redactor, folds, tally, is_counter)
    rewrites = {"series": cleaner.series, "metadata": cleaner.metadata}
    tree = Node({1: Node(leaf="series"), 3: Node(leaf="metadata")})
    cleaned = Splice(body, hints, rewrites, lambda _: None).run(tree)
    added = cleaner.encode(sums.add(cleaner.steps))
    if cleaned is None and not added:
        return None
    return (body if cleaned is None else cleaned) + added


def find_names(body: bytes, names: Iterable[str]) -> list[int]:
    """Returns where the names of metrics stand in a body."""
    places: list[int] = []
    for name in names:
        raw = name.encode()
        at = body.find(raw)
        while at >= 0:
            places.append(at)
            at = body.find(raw, at + len(raw))
    return sorted(places)


class _SeriesCleaner:
    def __init__(
        self,
        redactor: Redactor,
        folds: Folds,
        tally: Tally,
        is_counter: Callable[[str], bool],
    ) -> None:
        self.steps: list[Step] = []
        self._redactor = redactor
        self._folds = folds
        self._tally = tally
        self._is_counter = is_counter

    def series(self, raw: bytes) -> bytes | None:
        """Returns a series with other labels, nothing if its samples are to be added up."""
        series = _SERIES.FromString(raw)
        labels = {label.name: label.value for label in series.labels}
        name, service = labels.get("__name__", ""), labels.get("job", "")
        look = bool(find_hints(raw))
        changed = look and self._exemplars(series, service)
        change = change_labels(
            labels, self._folds.of(name), self._redactor, service,
            look=look, apart=bool(series.histograms),
        )  # fmt: skip
        if change is None:
            return series.SerializeToString() if changed else None
        self._tally.count(change.folded)
        after = {n: change.values.get(n, v) for n, v in labels.items()}
        pairs = tuple(sorted((n, v) for n, v in after.items() if v))
        del series.labels[:]
        for label, value in pairs:
            series.labels.add(name=label, value=value)
        if not change.shared:
            return series.SerializeToString()
        self._share(series, hash(tuple(sorted(labels.items()))), pairs, name, change)
        del series.samples[:]
        return series.SerializeToString() if series.exemplars else b""

    def metadata(self, raw: bytes) -> bytes | None:
        """Returns a description without personal data."""
        said = _METADATA.FromString(raw)
        place = Place("metrics", "", "help")
        text = self._redactor.clean(said.help, place) or ""
        if text == said.help:
            return None
        said.help = text
        return said.SerializeToString()

    @staticmethod
    def encode(sums: Sequence[Sum]) -> bytes:
        """Returns sums as series of a request."""
        parts: list[bytes] = []
        for one in sums:
            assert isinstance(one.key, tuple)
            series = _SERIES()
            pairs: tuple[tuple[str, str], ...] = one.key
            for name, value in pairs:
                series.labels.add(name=name, value=value)
            series.samples.add(value=one.parts.get(VALUE, 0.0), timestamp=one.time_ns // _NS_PER_MS)
            raw = series.SerializeToString()
            parts += [b"\x0a", encode_varint(len(raw)), raw]
        return b"".join(parts)

    def _share(self, series: Any, source: int, key: Hashable, name: str, change: Changed) -> None:
        counts = name.endswith(_COUNTERS) or self._is_counter(name)
        kind: Kind = "counter" if counts else "gauge"
        fresh = change.fresh and self._tally.began_fresh(0)
        for sample in series.samples:
            # Not a number: the series ended (a stale marker), or never had a value.
            parts: Mapping[Hashable, float] | None = {VALUE: sample.value}
            if isnan(sample.value):
                parts = None
            self.steps.append(
                Step(sample.timestamp * _NS_PER_MS, key, source, parts, kind, fresh, change.anew)
            )

    def _exemplars(self, series: Any, service: str) -> bool:
        changed = False
        for exemplar in series.exemplars:
            for label in exemplar.labels:
                place = Place("metrics", service, label.name)
                cleaned = self._redactor.clean(label.value, place) or ""
                changed |= cleaned != label.value
                label.value = cleaned
        return changed
