"""Personal data out of OTLP metrics, and labels past their budget folded."""

from collections.abc import Hashable, Sequence
from typing import Any

from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from vario.guard.detectors import find_hints
from vario.guard.exponential import common_scale, read_parts, write_parts
from vario.guard.folds import Folds
from vario.guard.labels import Changed, change_labels
from vario.guard.otlp import RESOURCE, SCOPE, ItemCleaner
from vario.guard.redact import Redactor
from vario.guard.splice import Node, Splice
from vario.guard.sums import COUNT, VALUE, Kind, Parts, Step, Sum, Sums
from vario.guard.tally import Tally
from vario.model.otlp_names import family_name, label_name

_DELTA = 1
_NO_VALUE = 1
_MERGED = frozenset({"gauge", "sum", "histogram", "exponential_histogram"})
MAX_EXEMPLARS = 10


def clean_metrics(
    body: bytes, hints: Sequence[int], redactor: Redactor, folds: Folds, sums: Sums, tally: Tally
) -> bytes | None:
    """Returns a request of metrics without what must not be stored, None if there is nothing.

    Args:
        body: the request.
        hints: places where personal data may be.
        redactor: takes it out.
        folds: labels that are folded.
        sums: adds up series that get the same labels.
        tally: counts what was folded, and says what is known of when series began.
    """
    cleaner = _MetricCleaner(redactor, folds, sums, tally)
    every = bool(folds)
    metric = Node(leaf="metric", always=every)
    scope = Node({1: SCOPE, 2: metric}, always=every)
    tree = Node({1: Node({1: RESOURCE, 2: scope}, always=every, opens=1)})
    rewrites = {**cleaner.items.rewrites(), "metric": cleaner.metric}
    return Splice(body, hints, rewrites, cleaner.items.open).run(tree)


class _MetricCleaner:
    def __init__(self, redactor: Redactor, folds: Folds, sums: Sums, tally: Tally) -> None:
        self.items = ItemCleaner("metrics", redactor)
        self._redactor = redactor
        self._folds = folds
        self._sums = sums
        self._tally = tally

    def metric(self, raw: bytes) -> bytes | None:
        """Returns a metric with its points changed, None if none is."""
        look = bool(find_hints(raw))
        if not look and not self._folds.may_be_of(_stem(raw)):
            return None
        metric = Metric.FromString(raw)
        kind = metric.WhichOneof("data")
        if kind is None:
            return None
        data = getattr(metric, kind)
        family = family_name(metric.name, metric.unit, kind, monotonic=_grows(data))
        batch = _Batch(metric, data, kind, (self.items.service, self.items.instance))
        changed = self._points(batch, family, look=look)
        batch.add(self._sums.add(batch.steps))
        return metric.SerializeToString() if changed else None

    def _points(self, batch: "_Batch", family: str, *, look: bool) -> bool:
        folds = self._folds.of(family)
        if not look and not folds:
            return False
        changed, kept = False, list[Any]()
        for point in batch.data.data_points:
            if look:
                for exemplar in getattr(point, "exemplars", ()):
                    changed |= self.items.attributes(exemplar.filtered_attributes)
            labels = {label_name(pair.key): _text(pair.value) for pair in point.attributes}
            change = change_labels(
                labels, folds, self._redactor, self.items.service,
                look=look, apart=batch.kind not in _MERGED,
            )  # fmt: skip
            if change is None:
                kept.append(point)
                continue
            changed = True
            _relabel(point.attributes, change)
            self._tally.count(change.folded)
            if change.shared:
                batch.share(point, labels, change, self._tally)
            else:
                kept.append(point)
        if len(kept) < len(batch.data.data_points):
            del batch.data.data_points[:]
            batch.data.data_points.extend(kept)
        return changed


class _Batch:
    """One metric, and the points of it that are to be added up."""

    def __init__(self, metric: Any, data: Any, kind: str, owner: tuple[str, str]) -> None:
        self.data = data
        self.kind = kind
        self.steps: list[Step] = []
        self._head: tuple[Hashable, ...] = (*owner, metric.name, metric.unit, kind)
        self._points: dict[Hashable, Any] = {}
        delta = getattr(data, "aggregation_temporality", 0) == _DELTA
        grows = kind.endswith("histogram") or _grows(data)
        self._sum_kind: Kind = "delta" if delta else "counter" if grows else "gauge"

    def share(self, point: Any, before: dict[str, str], change: Changed, tally: Tally) -> None:
        """Notes a point that, relabelled, falls on a series with others."""
        after = {name: change.values.get(name, value) for name, value in before.items()}
        if self.kind == "exponential_histogram":
            bounds: tuple[float, ...] = (common_scale(point.scale),)
        else:
            bounds = tuple(getattr(point, "explicit_bounds", ()))
        key = (*self._head, bounds, tuple(sorted((n, v) for n, v in after.items() if v)))
        first = self._points.setdefault(key, point)
        if first is not point and len(first.exemplars) < MAX_EXEMPLARS:
            first.exemplars.extend(point.exemplars[: MAX_EXEMPLARS - len(first.exemplars)])
        self.steps.append(
            Step(
                time_ns=point.time_unix_nano,
                key=key,
                source=hash(tuple(sorted(before.items()))),
                parts=None if point.flags & _NO_VALUE else self._parts(point),
                kind=self._sum_kind,
                fresh=change.fresh and tally.began_fresh(point.start_time_unix_nano),
                anew=change.anew,
            )
        )

    def add(self, sums: Sequence[Sum]) -> None:
        """Adds the sums as points."""
        used: set[Hashable] = set()
        for one in sums:
            point = self.data.data_points.add()
            point.CopyFrom(self._points[one.key])
            if one.key in used:
                del point.exemplars[:]
            used.add(one.key)
            point.time_unix_nano = one.time_ns
            point.flags = 0
            if self.kind == "histogram":
                _set_histogram(point, one.parts)
            elif self.kind == "exponential_histogram":
                write_parts(point, one.parts)
            else:
                point.as_double = one.parts.get(VALUE, 0.0)

    def _parts(self, point: Any) -> Parts:
        if self.kind == "exponential_histogram":
            return read_parts(point)
        if self.kind != "histogram":
            return {VALUE: float(getattr(point, point.WhichOneof("value") or "as_double"))}
        parts: dict[Hashable, float] = {COUNT: point.count, "sum": point.sum}
        parts.update(enumerate(point.bucket_counts))
        return parts


def _set_histogram(point: Any, parts: Parts) -> None:
    point.count = max(0, int(parts.get(COUNT, 0)))
    if point.HasField("sum"):
        point.sum = parts.get("sum", 0.0)
    point.ClearField("min")
    point.ClearField("max")
    point.bucket_counts[:] = [max(0, int(parts.get(i, 0))) for i in range(len(point.bucket_counts))]


def _relabel(attributes: Any, change: Changed) -> None:
    gone: list[int] = []
    for index, pair in enumerate(attributes):
        name = label_name(pair.key)
        if name in change.values:
            value = change.values[name]
            if value is None:
                gone.append(index)
            else:
                pair.value.string_value = value
    for index in reversed(gone):
        del attributes[index]


def _grows(data: Any) -> bool:
    return bool(getattr(data, "is_monotonic", False))


def _text(value: Any) -> str:
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return value.string_value
    if kind == "bool_value":
        return "true" if value.bool_value else "false"
    return str(getattr(value, kind)) if kind in {"int_value", "double_value"} else ""


def _stem(raw: bytes) -> str:
    """What a metric's name in series begins with, without decoding its points."""
    if raw[:1] != b"\x0a" or len(raw) < 2 or raw[1] > 0x7F:
        return ""
    name = raw[2 : 2 + raw[1]].decode("utf-8", "replace")
    return family_name(name.partition("total")[0], "", "", monotonic=False)
