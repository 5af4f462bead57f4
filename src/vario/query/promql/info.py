"""info(): labels of info metrics such as `target_info` joined to series (experimental)."""

import re
from dataclasses import dataclass

import numpy as np

from vario.errors import ExecutionError
from vario.model.series import Matcher
from vario.query.promql.matching import (
    LabelSet,
    format_labels,
    get_label,
    keep_labels,
    matches,
    matches_empty,
)
from vario.query.promql.nodes import (
    Aggregate,
    Binary,
    Call,
    MatrixSelector,
    Node,
    Paren,
    StepInvariant,
    Subquery,
    Unary,
    VectorSelector,
)
from vario.query.promql.selectors import Selectors, find_selectors
from vario.query.promql.values import Ints, Steps, Vector, merge_same_labels

_IDENTIFYING = ("instance", "job")
_TARGET_INFO = Matcher("__name__", "=", "target_info")
_ANY_INFO = Matcher("__name__", "=~", ".+_info")
_NONE = -1


@dataclass(frozen=True, slots=True)
class _Moment:
    """When the info metrics are looked at: `@` and offset of what they are joined to."""

    at_ms: int | None
    offset_ms: int


def join_info(selectors: Selectors, node: Call, base: Vector, steps: Steps) -> Vector:
    """Returns the series of `base` with the labels of info metrics that identify the same target.

    Raises:
        ExecutionError: two info series say different things of one target at one time.
    """
    selector = node.args[1] if len(node.args) > 1 else None
    asked = selector.matchers if isinstance(selector, VectorSelector) else ()
    names = [m for m in asked if m.name == "__name__"]
    data = [m for m in asked if m.name != "__name__"]
    told = names if names or selector is not None else [_TARGET_INFO]
    rows = [row for row, labels in enumerate(base.labels) if not _is_info(labels, told)]
    ignored = sorted(set(range(len(base))) - set(rows))
    infos = _Infos(selectors, node, [base.labels[row] for row in rows], steps)
    if names and not _is_positive(names):
        names.append(_ANY_INFO)
    infos.fetch([*(names or [_TARGET_INFO]), *data])
    parts = [base.take(np.array(ignored, dtype=np.intp))]
    parts += [infos.enriched(base, row, data) for row in rows]
    joined = Vector(
        [labels for part in parts for labels in part.labels],
        np.concatenate([part.values for part in parts]),
        np.concatenate([part.present for part in parts]),
        None if base.hists is None else np.concatenate([_hists(part) for part in parts]),
    )
    joined.drop_name = np.concatenate([part.drop_name for part in parts])
    return merge_same_labels(joined.without_empty())


def _hists(vector: Vector) -> "np.ndarray[tuple[int, ...], np.dtype[np.object_]]":
    return np.full(vector.values.shape, None) if vector.hists is None else vector.hists


def _is_positive(names: list[Matcher]) -> bool:
    """Returns whether any matcher says what a name is, rather than what it is not."""
    return any(matcher.op in ("=", "=~") for matcher in names)


def _is_info(labels: LabelSet, names: list[Matcher]) -> bool:
    """Returns whether a series is itself one of the info metrics that were asked for."""
    return _is_positive(names) and all(
        matches(matcher, get_label(labels, "__name__")) for matcher in names
    )


class _Infos:
    """Info series that may speak of given series.

    `newest` gives, for each group (metric name and target) and step, the row that was sampled
    last, -1 for none.
    """

    def __init__(
        self, selectors: Selectors, node: Call, labels: list[LabelSet], steps: Steps
    ) -> None:
        self.selectors = selectors
        self.steps = steps
        self.moment = _moment(node.args[0])
        self.base_labels = labels
        self.labels: list[LabelSet] = []
        self.newest: dict[tuple[str, LabelSet], Ints] = {}
        self.names: list[str] = []
        self.position = node.position

    def fetch(self, matchers: list[Matcher]) -> None:
        """Reads the info series of all targets there are."""
        targets: list[Matcher] = []
        for name in _IDENTIFYING:
            values = {get_label(labels, name) for labels in self.base_labels} - {""}
            if values:
                pattern = "|".join(map(re.escape, sorted(values)))
                targets.append(Matcher(name, "=~", pattern))
        if not targets:
            return
        selector = VectorSelector(
            "",
            (*targets, *matchers),
            self.position,
            offset_ms=self.moment.offset_ms,
            at_ms=self.moment.at_ms,
        )
        found = self.selectors.instant(selector, self.steps)
        if (found.vector.is_histogram & found.vector.present).any():
            raise ExecutionError("this should be an info metric, with float samples")
        self.labels = found.vector.labels
        times = np.where(found.vector.present, found.ts_ms, np.iinfo(np.int64).min)
        groups: dict[tuple[str, LabelSet], list[int]] = {}
        for row, labels in enumerate(self.labels):
            key = (get_label(labels, "__name__"), keep_labels(labels, _IDENTIFYING))
            groups.setdefault(key, []).append(row)
        for key, rows in groups.items():
            self.newest[key] = self._newest(np.array(rows), times, found.vector.present)
        self.names = sorted({name for name, _ in groups})

    def _newest(
        self, rows: Ints, times: Ints, present: "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]"
    ) -> Ints:
        best = rows[np.argmax(times[rows], axis=0)]
        latest = times[rows].max(axis=0)
        alive = present[rows]
        ties = ((times[rows] == latest) & alive).sum(axis=0) > 1
        if ties.any():
            step = int(np.flatnonzero(ties)[0])
            both = [row for row in rows.tolist() if times[row, step] == latest[step]][:2]
            first, second = (format_labels(self.labels[row]) for row in both)
            raise ExecutionError(
                f"found duplicate series for info metric: existing {first} @ {latest[step]}, "
                f"new {second} @ {latest[step]}"
            )
        return np.where(alive.any(axis=0), best, _NONE)

    def enriched(self, base: Vector, row: int, data: list[Matcher]) -> Vector:
        """Returns one series, split by what info metrics say of it at each step."""
        target = keep_labels(base.labels[row], _IDENTIFYING)
        nothing = np.full(self.steps.count, _NONE)
        chosen = [self.newest.get((name, target), nothing) for name in self.names] or [nothing]
        table = np.stack([np.broadcast_to(one, (self.steps.count,)) for one in chosen])
        combinations, which = np.unique(table, axis=1, return_inverse=True)
        must_match = not all(map(matches_empty, data))
        labels: list[LabelSet] = []
        present: list[np.ndarray[tuple[int], np.dtype[np.bool_]]] = []
        for number, combination in enumerate(combinations.T.tolist()):
            rows = [info for info in combination if info != _NONE]
            shown = base.present[row] & (np.ravel(which) == number)
            if (rows or not must_match) and shown.any():
                labels.append(self._joined(base.labels[row], rows, data))
                present.append(shown)
        count = len(labels)
        hists = None
        if base.hists is not None:
            hists = np.repeat(base.hists[row][None], count, axis=0)
        values = np.repeat(base.values[row][None], count, axis=0)
        mask = np.array(present, dtype=np.bool_).reshape(count, self.steps.count)
        result = Vector(labels, values, mask, hists)
        result.drop_name = np.repeat(base.drop_name[row], count)
        return result

    def _joined(self, base: LabelSet, rows: list[int], data: list[Matcher]) -> LabelSet:
        wanted = {matcher.name for matcher in data}
        added: dict[str, str] = {}
        own = dict(base)
        for row in rows:
            for name, value in self.labels[row]:
                if name == "__name__" or (wanted and name not in wanted):
                    continue
                if added.get(name, value) != value:
                    raise ExecutionError(f"conflicting label: {name}")
                if name not in own:
                    added[name] = value
        return tuple(sorted({**own, **added}.items()))


def _moment(node: Node) -> _Moment:  # noqa: PLR0911 - one return a case
    """Returns `@` and offset of the first selector in a query, subqueries around it included."""
    match node:
        case VectorSelector():
            return _Moment(node.at_ms, node.offset_ms)
        case MatrixSelector():
            return _Moment(node.vector.at_ms, node.vector.offset_ms)
        case Subquery():
            inner = _moment(node.expr)
            if inner.at_ms is not None:
                return inner
            return _Moment(node.at_ms, inner.offset_ms + node.offset_ms)
        case Paren() | Unary() | StepInvariant() | Aggregate():
            return _moment(node.expr)
        case Binary():
            return _first((node.lhs, node.rhs))
        case Call():
            return _first(node.args)
        case _:
            return _Moment(None, 0)


def _first(nodes: tuple[Node, ...]) -> _Moment:
    return next((_moment(node) for node in nodes if find_selectors(node)), _Moment(None, 0))
