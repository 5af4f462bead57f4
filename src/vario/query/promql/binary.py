"""Binary operators between vectors, and between a vector and a scalar."""

from dataclasses import dataclass, replace

import numpy as np

from vario.errors import ExecutionError
from vario.query.promql.arithmetic import ARITHMETIC, Operands, operate
from vario.query.promql.context import Context
from vario.query.promql.matching import (
    LabelSet,
    drop_metadata,
    format_labels,
    get_label,
    keep_labels,
    with_label,
    without_labels,
)
from vario.query.promql.nodes import COMPARISONS, TRIMS, Binary, VectorMatching
from vario.query.promql.values import (
    Floats,
    Ints,
    Mask,
    Scalar,
    Vector,
    empty_hists,
    merge_same_labels,
    prune_hists,
)

_GROUPING_NOT_UNIQUE = "multiple matches for labels: grouping labels must ensure unique matches"
_MANY_NOT_EXPLICIT = (
    "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
)


def match_labels(labels: LabelSet, matching: VectorMatching) -> LabelSet:
    """Returns the labels by which a series looks for its partner."""
    if matching.on:
        return keep_labels(labels, matching.labels)
    return without_labels(labels, (*matching.labels, "__name__"))


def changes_schema(op: str) -> bool:
    """Returns whether a result of `op` is no longer the metric it came from."""
    return op in ARITHMETIC


# Vector and scalar


def with_scalar(
    node: Binary, vector: Vector, scalar: Scalar, *, swapped: bool, context: Context
) -> Vector:
    """Returns `vector op scalar`, or `scalar op vector` where swapped."""
    number = np.broadcast_to(scalar.values, vector.values.shape)
    if swapped:
        cells = Operands(number, vector.values, vector.present, None, vector.hists)
    else:
        cells = Operands(vector.values, number, vector.present, vector.hists, None)
    outcome = operate(node.op, cells, context.notes, node.position)
    values, hists, present = outcome.values, outcome.hists, outcome.keep
    if node.op in COMPARISONS and swapped:
        values, hists = vector.values, vector.hists
    if node.return_bool:
        values, hists, present = outcome.keep.astype(np.float64), None, outcome.valid
    result = Vector(vector.labels, values, present, hists, vector.drop_name).without_empty()
    if changes_schema(node.op) or node.return_bool:
        return context.drop_names(result)
    return result


# Sets


def set_operation(node: Binary, lhs: Vector, rhs: Vector) -> Vector:
    """Returns `lhs and|or|unless rhs`."""
    matching = node.matching or VectorMatching()
    signatures = Signatures(lhs, rhs, matching)
    if node.op == "or":
        covered = signatures.any_present(lhs, signatures.left)
        rest = rhs.present & ~covered[signatures.right]
        return _concatenated(lhs, replace(rhs, present=rest))
    partner = signatures.any_present(rhs, signatures.right)[signatures.left]
    kept = lhs.present & (partner if node.op == "and" else ~partner)
    return replace(lhs, present=kept, ordered=False).without_empty()


def _concatenated(a: Vector, b: Vector) -> Vector:
    if a.hists is None and b.hists is None:
        hists = None
    else:
        sides = [empty_hists(v.values.shape) if v.hists is None else v.hists for v in (a, b)]
        hists = np.concatenate(sides)
    joined = Vector(
        [*a.labels, *b.labels],
        np.concatenate((a.values, b.values)),
        np.concatenate((a.present, b.present)),
        hists,
        np.concatenate((a.drop_name, b.drop_name)),
    )
    return merge_same_labels(joined.without_empty())


class Signatures:
    """Match groups of two vectors: `left` and `right` give each series' group number."""

    def __init__(self, lhs: Vector, rhs: Vector, matching: VectorMatching) -> None:
        index: dict[LabelSet, int] = {}

        def number(vector: Vector) -> Ints:
            keys = [match_labels(labels, matching) for labels in vector.labels]
            numbers = [index.setdefault(key, len(index)) for key in keys]
            return np.array(numbers, dtype=np.int64)

        self.left, self.right = number(lhs), number(rhs)
        self.keys = list(index)

    def any_present(self, vector: Vector, groups: Ints) -> Mask:
        """Returns, shape (groups, steps), where any series of a group has a value."""
        result = np.zeros((len(self.keys), vector.values.shape[1]), dtype=np.bool_)
        np.logical_or.at(result, groups, vector.present)
        return result


# Vector and vector


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Series that meet: rows of the "many" and of the "one" side, and their group."""

    many: Ints
    one: Ints
    group: Ints


class VectorOperation:
    """`lhs op rhs` for vectors; the "one" side is the right one unless `group_right` says else."""

    def __init__(self, node: Binary, lhs: Vector, rhs: Vector, context: Context) -> None:
        self.node = node
        self.matching = node.matching or VectorMatching()
        self.context = context
        self.swapped = self.matching.card == "one-to-many"
        self.many, self.one = (rhs, lhs) if self.swapped else (lhs, rhs)
        # With group_right Prometheus swaps the sides, but not the fill values.
        self.fill_one, self.fill_many = self.matching.fill_right, self.matching.fill_left
        self.steps = lhs.values.shape[1]
        signatures = Signatures(self.many, self.one, self.matching)
        self.many_group, self.one_group = signatures.left, signatures.right
        self.one_present = signatures.any_present(self.one, self.one_group)
        self.many_present = signatures.any_present(self.many, self.many_group)

    def run(self) -> Vector:
        """Returns the result.

        Raises:
            ExecutionError: series do not match one to one where they must.
        """
        self._check_one_side()
        pairs = self._pairs()
        parts = [self._paired(pairs)]
        if self.fill_one is not None:
            parts.append(self._filled(self.many, self.many_group, self.one_present, self.fill_one))
        if self.fill_many is not None:
            filled = self._filled(
                self.one, self.one_group, self.many_present, self.fill_many, one_side=True
            )
            parts.append(filled)
        result = parts[0]
        for part in parts[1:]:
            result = _concatenated(result, part)
        if self.node.return_bool:
            if self.context.features.delayed_name_removal:
                return self.context.drop_names(merge_same_labels(result))
            result = result.relabelled(drop_metadata)
        return merge_same_labels(result)

    def _check_one_side(self) -> None:
        """Refuses two series of the "one" side in one group at one step."""
        counts = np.zeros(self.one_present.shape, dtype=np.int64)
        np.add.at(counts, self.one_group, self.one.present)
        # With nothing on the other side at a step, Prometheus does not look.
        looked = (self.many.present.any(axis=0)) | (
            self.fill_many is not None or self.fill_one is not None
        )
        trouble = np.argwhere((counts > 1) & looked)
        if not len(trouble):
            return
        group, step = trouble[np.argsort(trouble[:, 1], kind="stable")[0]].tolist()
        rows = np.flatnonzero((self.one_group == group) & self.one.present[:, step])
        first, second = self.one.labels[rows[0]], self.one.labels[rows[1]]
        side = "left" if self.swapped else "right"
        raise ExecutionError(
            "found duplicate series for the match group "
            f"{format_labels(match_labels(second, self.matching))} on the {side} hand-side of the "
            f"operation: [{format_labels(first)}, {format_labels(second)}];many-to-many matching "
            "not allowed: matching labels must be unique on one side"
        )

    def _pairs(self) -> _Pairs:
        by_group: dict[int, list[int]] = {}
        for row, group in enumerate(self.one_group.tolist()):
            by_group.setdefault(group, []).append(row)
        many: list[int] = []
        one: list[int] = []
        for row, group in enumerate(self.many_group.tolist()):
            for partner in by_group.get(group, ()):
                many.append(row)
                one.append(partner)
        index = np.array(many, dtype=np.int64)
        return _Pairs(index, np.array(one, dtype=np.int64), self.many_group[index])

    def _paired(self, pairs: _Pairs) -> Vector:
        many, one = self.many.take(pairs.many), self.one.take(pairs.one)
        both = many.present & one.present
        labels = [self.result_labels(m, o) for m, o in zip(many.labels, one.labels, strict=True)]
        return self._result(many, one, both, labels, pairs.group)

    def _filled(
        self, side: Vector, groups: Ints, partner: Mask, fill: float, *, one_side: bool = False
    ) -> Vector:
        """Returns the operation of series without a partner and a constant."""
        lonely = side.present & ~partner[groups]
        constant = Vector(
            [match_labels(labels, self.matching) for labels in side.labels],
            np.full(side.values.shape, fill),
            lonely,
        )
        many, one = (constant, side) if one_side else (side, constant)
        labels = [self.result_labels(m, o) for m, o in zip(many.labels, one.labels, strict=True)]
        return self._result(many, one, lonely, labels, groups)

    def _result(
        self, many: Vector, one: Vector, both: Mask, labels: list[LabelSet], groups: Ints
    ) -> Vector:
        lhs, rhs = (one, many) if self.swapped else (many, one)
        cells = Operands(lhs.values, rhs.values, both, lhs.hists, rhs.hists)
        self.context.budget.hold(both.size)
        outcome = operate(self.node.op, cells, self.context.notes, self.node.position)
        self._check_many_side(groups, labels, outcome.valid)
        values: Floats = outcome.values
        present, hists = outcome.keep, outcome.hists
        if self.node.return_bool:
            values, present, hists = outcome.keep.astype(np.float64), outcome.valid, None
        return Vector(labels, values, present, prune_hists(hists)).without_empty()

    def _check_many_side(self, groups: Ints, labels: list[LabelSet], met: Mask) -> None:
        """Refuses two results of one group at one step that nothing tells apart."""
        one_to_one = self.matching.card == "one-to-one"
        index: dict[tuple[int, LabelSet], int] = {}
        keys = [
            index.setdefault((group, () if one_to_one else label), len(index))
            for group, label in zip(groups.tolist(), labels, strict=True)
        ]
        counts = np.zeros((len(index), self.steps), dtype=np.int64)
        if keys:
            np.add.at(counts, np.array(keys), met)
        if (counts > 1).any():
            raise ExecutionError(_MANY_NOT_EXPLICIT if one_to_one else _GROUPING_NOT_UNIQUE)

    def result_labels(self, many: LabelSet, one: LabelSet) -> LabelSet:
        """Returns the labels of a pair's result."""
        labels = many
        if changes_schema(self.node.op):
            labels = drop_metadata(labels)
        if self.matching.card == "one-to-one":
            if self.matching.on:
                labels = keep_labels(labels, self.matching.labels)
            else:
                labels = without_labels(labels, self.matching.labels)
        for name in self.matching.include:
            labels = with_label(labels, name, get_label(one, name))
        return labels


__all__ = ["TRIMS", "VectorOperation", "set_operation", "with_scalar"]
