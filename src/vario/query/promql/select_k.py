"""Aggregations that select series: topk, bottomk, limitk, limit_ratio; and count_values."""

import numpy as np

from vario.errors import ExecutionError
from vario.query.promql.aggregate import Groups, group_labels
from vario.query.promql.annotations import Annotations
from vario.query.promql.label_hash import hash_labels
from vario.query.promql.literals import format_float, format_general
from vario.query.promql.matching import LabelSet, is_label_name, with_label
from vario.query.promql.nodes import Aggregate
from vario.query.promql.values import Floats, Mask, Vector, empty_vector

_INT_LIMIT = float(1 << 63)


def select_series(node: Aggregate, vector: Vector, parameter: Floats, notes: Annotations) -> Vector:
    """Returns the series that topk, bottomk, limitk or limit_ratio keep at each step.

    Args:
        node: the aggregation.
        vector: its input.
        parameter: shape (steps,), k or the ratio.
        notes: takes warnings.

    Raises:
        ExecutionError: the parameter is no number, or too large.
    """
    steps = vector.values.shape[1]
    if node.op == "limit_ratio":
        if not parameter.any():
            return empty_vector(steps)
        if np.isnan(parameter).any():
            raise ExecutionError("Ratio value is NaN")
        return _limit_ratio(node, vector, parameter, notes)
    if np.fmax.reduce(parameter) < 1 and not np.isnan(parameter).all():
        return empty_vector(steps)
    _check_count(parameter)
    counts = np.clip(parameter, 0, len(vector)).astype(np.int64)
    if node.op == "limitk":
        return _limit(node, vector, counts)
    if (vector.is_histogram & vector.present).any():
        notes.ignored_in_aggregation(node.op, node.position)
    return _top(node, vector, counts)


def _check_count(parameter: Floats) -> None:
    if np.isnan(parameter).any():
        raise ExecutionError("Parameter value is NaN")
    if parameter.min() <= -_INT_LIMIT:
        raise ExecutionError(f"Scalar value {format_general(parameter.min())} underflows int64")
    if parameter.max() >= _INT_LIMIT:
        raise ExecutionError(f"Scalar value {format_general(parameter.max())} overflows int64")


def _kept(vector: Vector, kept: Mask, order: list[int] | None = None) -> Vector:
    result = Vector(vector.labels, vector.values, kept, vector.hists, vector.drop_name)
    if order is not None:
        result = result.take(np.array(order, dtype=np.intp))
        result.ordered = True
    return result.without_empty()


def _top(
    node: Aggregate, vector: Vector, counts: "np.ndarray[tuple[int], np.dtype[np.int64]]"
) -> Vector:
    """Keeps the highest or lowest k of each group; earlier series win ties, NaN loses to all."""
    floats = vector.is_float
    sign = -1.0 if node.op == "topk" else 1.0
    kept = np.zeros_like(floats)
    order: list[int] = []
    for rows in Groups(vector, node.grouping, node.without).rows:
        here = floats[rows]
        # Sorted by: present before absent, numbers before NaN, then by value.
        keys = np.where(here, sign * vector.values[rows], 0.0)
        nan = np.isnan(keys)
        ranking = np.lexsort((np.where(nan, 0.0, keys), nan, ~here), axis=0)
        places = np.empty_like(ranking)
        np.put_along_axis(places, ranking, np.arange(len(rows))[:, None], axis=0)
        kept[rows] = here & (places < counts)
        order.extend(rows[i] for i in ranking[:, 0])
    single = vector.values.shape[1] == 1
    return _kept(vector, kept, order if single else None)


def _limit(
    node: Aggregate, vector: Vector, counts: "np.ndarray[tuple[int], np.dtype[np.int64]]"
) -> Vector:
    kept = np.zeros_like(vector.present)
    for rows in Groups(vector, node.grouping, node.without).rows:
        here = vector.present[rows]
        kept[rows] = here & (np.cumsum(here, axis=0) <= counts)
    return _kept(vector, kept)


def _limit_ratio(node: Aggregate, vector: Vector, ratio: Floats, notes: Annotations) -> Vector:
    at = node.param.position if node.param else node.position
    if ratio.max() > 1:
        notes.bad_ratio(float(ratio.max()), 1.0, at)
    if ratio.min() < -1:
        notes.bad_ratio(float(ratio.min()), -1.0, at)
    capped = np.clip(ratio, -1, 1)
    offsets = np.array([hash_labels(labels) / float((1 << 64) - 1) for labels in vector.labels])
    place = offsets[:, None]
    chosen = np.where(capped >= 0, place < capped, place >= 1 + capped)
    return _kept(vector, vector.present & chosen & (capped != 0))


def count_values(node: Aggregate, vector: Vector, label: str) -> Vector:
    """Returns how many series have each value, as a label of each group.

    Raises:
        ExecutionError: the label's name is none.
    """
    if not is_label_name(label):
        from vario.query.promql.lexer import go_quote

        raise ExecutionError(f"invalid label name {go_quote(label)}")
    steps = vector.values.shape[1]
    names = frozenset(node.grouping) | (frozenset() if node.without else {label})
    counts: dict[LabelSet, Floats] = {}
    for row, step in np.argwhere(vector.present).tolist():
        histogram = None if vector.hists is None else vector.hists[row, step]
        text = str(histogram) if histogram is not None else format_float(vector.values[row, step])
        key = group_labels(with_label(vector.labels[row], label, text), names, node.without)
        counts.setdefault(key, np.zeros(steps))[step] += 1
    if not counts:
        return empty_vector(steps)
    values = np.array(list(counts.values()))
    return Vector(list(counts), values, values > 0)
