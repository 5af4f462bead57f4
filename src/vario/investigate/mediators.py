"""How requests are served differently: attributes whose values shifted, and what that explains.

The change of a mean splits into two parts (Kitagawa 1955): that of values which became more or less
frequent, at unchanged means, and that of means which moved within a value. Only the first speaks
for an attribute; one that was always slow and is as frequent as before has no first part.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vario.investigate.paths import Operation, RequestPath
from vario.investigate.roles import role_of
from vario.model.filter import Field
from vario.store.base import FieldProfile

MIN_SHIFT = 0.08
"""A value whose share of the requests moved by less is no mediator."""
MIN_Z = 4.0
_MOST_PLAIN_VALUES = 12
_DESIGN_EFFECT = 2.0
"""Requests come in crowds: variances of shares are so many times those of independent draws."""


@dataclass(frozen=True, slots=True)
class Shifted:
    """A value of an attribute that became more frequent.

    Attributes:
        name: of the attribute.
        operation: the spans that carry it; of several, those furthest from the entry.
        value: the value that became more frequent, or a range such as `>= 8`.
        share_before: of the requests with the attribute that have this value.
        share_after: the same after the onset.
        control_before: the same outside the slice; NaN where nothing is outside.
        control_after: the same outside the slice, after.
        explained: share of the symptom's change that goes with the shift of all its values.
        rise: of the mean outcome from the other values to this one, pooled over both times.
        z: of the shift, for requests that come in crowds.
    """

    name: str
    operation: Operation
    value: str
    share_before: float
    share_after: float
    control_before: float
    control_after: float
    explained: float
    rise: float
    z: float

    @property
    def also_outside(self) -> bool:
        """Returns whether requests that are well shifted as much."""
        moved = self.control_after - self.control_before
        return bool(np.isfinite(moved) and moved > 0.6 * (self.share_after - self.share_before))


Outcome = Callable[[RequestPath], float]


def find_shifted(
    before: Sequence[RequestPath],
    after: Sequence[RequestPath],
    control: tuple[Sequence[RequestPath], Sequence[RequestPath]],
    outcome: Outcome,
) -> list[Shifted]:
    """Returns the attributes whose values shifted beyond chance, those that explain most first.

    Args:
        before: requests of the slice before the onset; `after` likewise.
        after: requests of the slice since the onset.
        control: requests outside the slice before and since; empty where there are none.
        outcome: what is wrong with a request: its duration, or 1 where it failed.
    """
    carried = _collect([*before, *after])
    found: list[Shifted] = []
    for name, operation in carried.items():
        one = _compare(name, operation, before, after, control, outcome)
        if one is not None:
            found.append(one)
    return sorted(found, key=lambda one: (-one.explained, -one.z, one.name))


def _collect(paths: Sequence[RequestPath]) -> dict[str, Operation]:
    """Returns the attributes that may be mediators, and which operation carries each."""
    values: dict[str, Counter[str]] = {}
    carriers: dict[str, Counter[Operation]] = {}
    depth: dict[Operation, int] = {}
    for path in paths:
        for operation, step in path.steps.items():
            level = 0 if step.parent is None else depth.get(step.parent, 0) + 1
            depth[operation] = max(level, depth.get(operation, 0))
            for name, value in step.attributes.items():
                if len(values.setdefault(name, Counter())) <= 500:
                    values[name][value] += 1
                carriers.setdefault(name, Counter())[operation] += 1
    found: dict[str, Operation] = {}
    for name, counts in values.items():
        shape = FieldProfile(
            Field("attributes", name), 1.0, len(counts), tuple(v for v, _ in counts.most_common(12))
        )
        if len(counts) > 1 and role_of(shape) == "mediator":
            found[name] = max(carriers[name], key=lambda o: (depth[o], carriers[name][o], o))
    return found


def _compare(
    name: str,
    operation: Operation,
    before: Sequence[RequestPath],
    after: Sequence[RequestPath],
    control: tuple[Sequence[RequestPath], Sequence[RequestPath]],
    outcome: Outcome,
) -> Shifted | None:
    old, new = _values(name, operation, before), _values(name, operation, after)
    if min(len(old), len(new)) < 20:
        return None
    bins = _Bins([value for _, value in (*old, *new)])
    table_old, table_new = bins.count(old, outcome), bins.count(new, outcome)
    shares_old, shares_new = table_old.shares(), table_new.shares()
    shift = shares_new - shares_old
    means = (table_old.means(table_new) + table_new.means(table_old)) / 2
    change = table_new.mean() - table_old.mean()
    parts = shift * means
    explained = float(parts.sum() / change) if abs(change) > 1e-12 else 0.0
    pooled_mean = float((shares_new + shares_old) @ means / 2)
    # Of the values that became more frequent, the one that the change leans on most.
    weight = 1 + np.maximum(means - pooled_mean, 0) / max(abs(pooled_mean), 1e-12)
    value = int(np.argmax(np.where(shift > 0, shift * weight, -1)))
    z = _z(float(shares_old[value]), float(shares_new[value]), len(old), len(new))
    if abs(float(shift[value])) < MIN_SHIFT or z < MIN_Z:
        return None
    rest = shares_new + shares_old
    rest[value] = 0.0
    others = float(rest @ means / rest.sum()) if rest.sum() > 0 else float(means[value])
    outside = [bins.count(_values(name, operation, paths), outcome).shares() for paths in control]
    return Shifted(
        name=name,
        operation=operation,
        value=bins.names[value],
        share_before=float(shares_old[value]),
        share_after=float(shares_new[value]),
        control_before=float(outside[0][value]),
        control_after=float(outside[1][value]),
        explained=explained,
        rise=float(means[value]) - others,
        z=z,
    )


def _values(
    name: str, operation: Operation, paths: Sequence[RequestPath]
) -> list[tuple[RequestPath, str]]:
    found: list[tuple[RequestPath, str]] = []
    for path in paths:
        step = path.steps.get(operation)
        value = step.attributes.get(name, "") if step else ""
        if value:
            found.append((path, value))
    return found


def _z(old: float, new: float, count_old: int, count_new: int) -> float:
    pooled = (old * count_old + new * count_new) / (count_old + count_new)
    variance = max(pooled * (1 - pooled), 1e-6) * (1 / count_old + 1 / count_new)
    return abs(new - old) / float(np.sqrt(_DESIGN_EFFECT * variance))


@dataclass(frozen=True, slots=True)
class _Table:
    """Requests and their outcomes by bin."""

    counts: np.ndarray
    sums: np.ndarray

    def shares(self) -> np.ndarray:
        total = self.counts.sum()
        return self.counts / total if total else np.full(len(self.counts), np.nan)

    def mean(self) -> float:
        return float(self.sums.sum() / max(self.counts.sum(), 1))

    def means(self, other: "_Table") -> np.ndarray:
        """Returns the mean of each bin; of an empty one what it is in the other table."""
        mine = self.sums / np.maximum(self.counts, 1)
        theirs = other.sums / np.maximum(other.counts, 1)
        return np.where(self.counts > 0, mine, theirs)


class _Bins:
    """Values as they are where they are few, quartiles of numbers else."""

    def __init__(self, values: Sequence[str]) -> None:
        common = Counter(values).most_common(_MOST_PLAIN_VALUES + 1)
        self._edges: np.ndarray | None = None
        if len(common) <= _MOST_PLAIN_VALUES:
            self.names = sorted(value for value, _ in common)
        elif _are_numbers(values):
            numbers = np.array([float(value) for value in values])
            self._edges = np.unique(np.quantile(numbers, [0.25, 0.5, 0.75]))
            edges = [f"{edge:g}" for edge in self._edges]
            self.names = [f"< {edges[0]}", *(f">= {edge}" for edge in edges)]
        else:
            self.names = [*sorted(value for value, _ in common[:-1]), "other"]
        self._place: Mapping[str, int] = {name: at for at, name in enumerate(self.names)}

    def count(self, given: Sequence[tuple[RequestPath, str]], outcome: Outcome) -> _Table:
        counts, sums = np.zeros(len(self.names)), np.zeros(len(self.names))
        for path, value in given:
            at = self._at(value)
            counts[at] += 1
            sums[at] += outcome(path)
        return _Table(counts, sums)

    def _at(self, value: str) -> int:
        if self._edges is None:
            return self._place.get(value, len(self.names) - 1)
        return int(np.searchsorted(self._edges, float(value), side="right"))


def _are_numbers(values: Sequence[str]) -> bool:
    try:
        return all(np.isfinite(float(value)) for value in values)
    except ValueError:
        return False
