"""Functions that change or sort by labels, or speak of absence."""

import re
from functools import cmp_to_key

import numpy as np

from vario.errors import ExecutionError
from vario.query.promql.matching import (
    LabelSet,
    compile_regex,
    get_label,
    is_label_name,
    with_label,
    without_labels,
)
from vario.query.promql.nodes import MatrixSelector, Node, Paren, StepInvariant, VectorSelector
from vario.query.promql.values import Mask, Vector, merge_same_labels

_TEMPLATE = re.compile(r"\$(?:(\$)|(\w+)|\{(\w+)\})", re.ASCII)
_NATURAL = re.compile(r"(\d+|\D+)", re.ASCII)


def label_replace(
    vector: Vector, target: str, replacement: str, source: str, pattern: str
) -> Vector:
    """Returns the vector with a label set from what a pattern finds in another.

    Raises:
        ExecutionError: no regular expression, no label name, or two series become one.
    """
    try:
        regex = compile_regex(pattern)
    except ValueError as error:
        message = f"invalid regular expression in label_replace(): {pattern}"
        raise ExecutionError(message) from error
    if not is_label_name(target):
        raise ExecutionError(f"invalid destination label name in label_replace(): {target}")

    matched = np.zeros(len(vector), dtype=np.bool_)
    changed: list[LabelSet] = []
    for row, labels in enumerate(vector.labels):
        found = regex.search(get_label(labels, source))
        matched[row] = found is not None
        text = "" if found is None else _expand(replacement, found)
        changed.append(labels if found is None else with_label(labels, target, text))
    return _renamed(vector, changed, target, matched)


def _expand(template: str, match: "re.Match[str]") -> str:
    """Returns a Go regexp template filled in; unknown groups are empty."""

    def fill(reference: re.Match[str]) -> str:
        dollar, bare, braced = reference.groups()
        if dollar:
            return "$"
        name = bare or braced
        try:
            return (match.group(int(name)) if name.isdigit() else match.group(name)) or ""
        except (IndexError, KeyError):
            return ""

    return _TEMPLATE.sub(fill, template)


def _renamed(vector: Vector, labels: list[LabelSet], target: str, matched: Mask) -> Vector:
    """Returns the vector under new labels; a name that was set is not dropped any more."""
    drop_name = vector.drop_name & ~matched if target == "__name__" else vector.drop_name
    return merge_same_labels(
        Vector(labels, vector.values, vector.present, vector.hists, drop_name, vector.ordered)
    )


def label_join(vector: Vector, target: str, separator: str, sources: list[str]) -> Vector:
    """Returns the vector with a label set to others' values joined.

    Raises:
        ExecutionError: no label name, or two series become one.
    """
    for source in sources:
        if not is_label_name(source):
            raise ExecutionError(f"invalid source label name in label_join(): {source}")
    if not is_label_name(target):
        raise ExecutionError(f"invalid destination label name in label_join(): {target}")

    changed = [
        with_label(labels, target, separator.join(get_label(labels, name) for name in sources))
        for labels in vector.labels
    ]
    return _renamed(vector, changed, target, np.ones(len(vector), dtype=np.bool_))


def sort_by_value(vector: Vector, *, descending: bool) -> Vector:
    """Returns the floats of an instant vector in order of value, NaN last."""
    vector = vector.take(vector.is_float[:, 0])
    values = vector.values[:, 0]
    keys = -values if descending else values
    nan = np.isnan(keys)
    order = np.lexsort((np.where(nan, 0.0, keys), nan))
    vector = vector.take(order)
    vector.ordered = True
    return vector


def sort_by_labels(vector: Vector, names: list[str], *, descending: bool) -> Vector:
    """Returns an instant vector in natural order of labels, then of the whole label set."""
    sign = -1 if descending else 1

    def compare(a: int, b: int) -> int:
        for name in names:
            left, right = get_label(vector.labels[a], name), get_label(vector.labels[b], name)
            if left != right:
                return -sign if natural_less(left, right) else sign
        if vector.labels[a] == vector.labels[b]:
            return 0
        return -sign if vector.labels[a] < vector.labels[b] else sign

    order = sorted(range(len(vector)), key=cmp_to_key(compare))
    vector = vector.take(np.array(order, dtype=np.intp))
    vector.ordered = True
    return vector


def natural_less(a: str, b: str) -> bool:
    """Returns whether `a` comes before `b` when runs of digits count as numbers.

    >>> natural_less("cpu9", "cpu10")
    True
    """
    parts_a, parts_b = _NATURAL.findall(a), _NATURAL.findall(b)
    for left, right in zip(parts_a, parts_b, strict=False):
        if left == right:
            continue
        if left[0].isdigit() and right[0].isdigit():
            if int(left) != int(right):
                return int(left) < int(right)
            return len(left) < len(right)
        return left < right
    return len(parts_a) < len(parts_b)


def labels_of_absent(node: Node) -> LabelSet:
    """Returns the labels that an absent selector's series would surely have had."""
    while isinstance(node, Paren | StepInvariant):
        node = node.expr
    selector = node.vector if isinstance(node, MatrixSelector) else node
    if not isinstance(selector, VectorSelector):
        return ()
    labels: LabelSet = ()
    seen: set[str] = set()
    for matcher in selector.matchers:
        if matcher.name == "__name__":
            continue
        if matcher.op == "=" and matcher.name not in seen:
            labels = with_label(labels, matcher.name, matcher.value)
            seen.add(matcher.name)
        else:
            labels = without_labels(labels, (matcher.name,))
    return labels
