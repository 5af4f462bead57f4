"""Values during evaluation: arrays over (series, steps).

NaN is a legal value, so a mask says where a value is present. A cell is a float, or a native
histogram where `hists` holds one; `hists` is None for vectors that have none at all.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vario.errors import ExecutionError
from vario.query.promql.histogram import Histogram
from vario.query.promql.matching import LabelSet, drop_metadata

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
Hists = NDArray[np.object_]

SAME_LABELS = "vector cannot contain metrics with the same labelset"


@dataclass(frozen=True, slots=True)
class Steps:
    """The times at which an expression is evaluated: `start_ms + i * step_ms` for `count` steps."""

    start_ms: int
    step_ms: int
    count: int

    @property
    def end_ms(self) -> int:
        """The last time."""
        return self.start_ms + self.step_ms * (self.count - 1)

    def times(self) -> Ints:
        """Returns all times, shape (count,)."""
        return self.start_ms + self.step_ms * np.arange(self.count, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Scalar:
    """One float at each step, shape (steps,)."""

    values: Floats


@dataclass(frozen=True, slots=True)
class Text:
    """A string."""

    value: str


@dataclass(slots=True)
class Vector:
    """An instant vector at every step.

    Attributes:
        labels: n label sets.
        values: shape (n, steps).
        present: shape (n, steps), true where there is a float or a histogram.
        hists: shape (n, steps), a `Histogram` or None, or None where there is none anywhere.
        drop_name: shape (n,), true where name, type and unit go at the very end (delayed removal).
        ordered: true where the order of series means something (after sort or topk).
    """

    labels: list[LabelSet]
    values: Floats
    present: Mask
    hists: Hists | None = None
    drop_name: Mask = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))
    ordered: bool = False

    def __post_init__(self) -> None:
        if len(self.drop_name) != len(self.labels):
            self.drop_name = np.zeros(len(self.labels), dtype=np.bool_)

    def __len__(self) -> int:
        """Number of series."""
        return len(self.labels)

    @property
    def is_histogram(self) -> Mask:
        """Shape (n, steps), true where a cell is a native histogram."""
        if self.hists is None:
            return np.zeros_like(self.present)
        return holds(self.hists)

    @property
    def is_float(self) -> Mask:
        """Shape (n, steps), true where a cell is a float."""
        return self.present if self.hists is None else self.present & ~self.is_histogram

    def take(self, rows: Iterable[int] | NDArray[np.intp] | Ints | Mask) -> "Vector":
        """Returns the given rows (indices, or a mask) as a vector of their own."""
        picked = np.asarray(rows)
        index = np.flatnonzero(picked) if picked.dtype == np.bool_ else picked.astype(np.intp)
        hists = None if self.hists is None else self.hists[index]
        labels = [self.labels[i] for i in index]
        return Vector(
            labels,
            self.values[index],
            self.present[index],
            hists,
            self.drop_name[index],
            self.ordered,
        )

    def without_empty(self) -> "Vector":
        """Returns the vector without series that have no value at any step."""
        filled = np.asarray(self.present.any(axis=1))
        return self if filled.all() else self.take(np.flatnonzero(filled))

    def relabelled(self, change: Callable[[LabelSet], LabelSet]) -> "Vector":
        """Returns the same values under changed labels."""
        labels = [change(labels) for labels in self.labels]
        return Vector(labels, self.values, self.present, self.hists, self.drop_name, self.ordered)


def empty_vector(steps: int) -> Vector:
    """Returns a vector of no series."""
    return Vector([], np.zeros((0, steps)), np.zeros((0, steps), dtype=np.bool_))


def from_rows(
    labels: list[LabelSet], values: Floats, present: Mask, hists: Hists | None = None
) -> Vector:
    """Returns a vector without the series that have no value."""
    return Vector(labels, values, present, hists).without_empty()


def merge_same_labels(vector: Vector, *, strict: bool = False) -> Vector:
    """Returns the vector with series of equal labels joined.

    Args:
        vector: any vector.
        strict: refuse equal labels even where they never meet at one step.

    Raises:
        ExecutionError: two series have the same labels at the same step.
    """
    groups: dict[LabelSet, list[int]] = {}
    for row, labels in enumerate(vector.labels):
        groups.setdefault(labels, []).append(row)
    if len(groups) == len(vector):
        return vector
    if strict:
        raise ExecutionError(SAME_LABELS)
    rows = np.array([members[0] for members in groups.values()])
    merged = vector.take(rows)
    values, present = merged.values.copy(), merged.present.copy()
    hists = None if merged.hists is None else merged.hists.copy()
    for target, members in enumerate(groups.values()):
        for row in members[1:]:
            here = vector.present[row]
            if (present[target] & here).any():
                raise ExecutionError(SAME_LABELS)
            values[target, here] = vector.values[row, here]
            present[target] |= here
            if hists is not None and vector.hists is not None:
                hists[target, here] = vector.hists[row, here]
    return Vector(merged.labels, values, present, hists, merged.drop_name, vector.ordered)


def finish_names(vector: Vector) -> Vector:
    """Returns the vector with delayed name removals done.

    Raises:
        ExecutionError: two series end with the same labels at the same step.
    """
    labels = [
        drop_metadata(labels) if drop else labels
        for labels, drop in zip(vector.labels, vector.drop_name, strict=True)
    ]
    return merge_same_labels(
        Vector(
            labels, vector.values, vector.present, vector.hists, vector.drop_name, vector.ordered
        )
    )


def empty_hists(shape: tuple[int, ...]) -> Hists:
    """Returns an array of no histograms."""
    return np.full(shape, None, dtype=np.object_)


def holds(hists: Hists) -> Mask:
    """Returns which cells hold a histogram."""
    return np.array([cell is not None for cell in hists.ravel()], dtype=np.bool_).reshape(
        hists.shape
    )


def prune_hists(hists: Hists | None) -> Hists | None:
    """Returns None instead of an array without any histogram."""
    if hists is None or not holds(hists).any():
        return None
    return hists


HistogramFunction = Callable[[Histogram], float]
