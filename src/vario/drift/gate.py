"""The gate before a deploy: a candidate's data against a reference, feature by feature."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vario.drift.bins import count_categories, count_values
from vario.drift.judge import FeatureDrift, Limits, Window, judge
from vario.drift.reference import Column, FeatureReference, Reference, is_gap, split_column
from vario.errors import BadData

EVERYTHING = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """One feature in one segment of a candidate's data.

    Attributes:
        feature: its reference.
        segment: the value of the segment, empty for all rows.
        drift: its statistics.
        counts: values in each of the reference's bins.
        failures: what is not as it should be, in words; empty where it passes.
    """

    feature: FeatureReference
    segment: str
    drift: FeatureDrift
    counts: tuple[float, ...]
    failures: tuple[str, ...]


def check(
    reference: Reference,
    columns: Mapping[str, Sequence[Any]],
    *,
    max_psi: float,
    min_presence: float,
    by: str = "",
) -> list[Checked]:
    """Returns every feature of the reference in a candidate's data, whole and by segment.

    A feature fails where its PSI is above `max_psi` and above what chance makes of so many rows,
    or where it is present in less than `min_presence` of the rows.

    Args:
        reference: what the data should look like.
        columns: the candidate's columns, all of one length.
        max_psi: greatest PSI that passes, nats.
        min_presence: least share of rows with a value, 0 to 1.
        by: a column whose values are judged one by one too, such as `region`.

    Raises:
        BadData: there are no rows, or no column `by`.
    """
    rows = len(next(iter(columns.values()), ()))
    if not rows:
        raise BadData("the candidate has no rows: nothing can be checked")
    segments: dict[str, np.ndarray[Any, np.dtype[np.intp]]] = {EVERYTHING: np.arange(rows)}
    if by:
        if by not in columns:
            raise BadData(f"the candidate has no column {by!r}; it has {', '.join(columns)}")
        values = np.array([str(value) for value in columns[by]])
        segments |= {value: np.flatnonzero(values == value) for value in sorted(set(values))}
    pairs: list[tuple[str, FeatureReference, Window]] = []
    arrays = {name: np.asarray(column, dtype=object) for name, column in columns.items()}
    for name, feature in reference.features.items():
        column = arrays.get(name, np.full(rows, None, dtype=object))
        pairs += [(value, feature, count(feature, column[at])) for value, at in segments.items()]
    found = judge([(feature, window) for _, feature, window in pairs], Limits(alpha=1e-3))
    return [
        Checked(
            feature,
            segment,
            drift,
            tuple(window.counts.tolist()),
            _failures(drift, max_psi, min_presence),
        )
        for (segment, feature, window), drift in zip(pairs, found, strict=True)
    ]


def count(feature: FeatureReference, column: Column) -> Window:
    """Returns raw values in a reference's bins; a value of the wrong kind counts as missing."""
    if feature.kind == "categorical":
        texts = [str(value) for value in column if not is_gap(value)]
        counted: dict[str, float] = {}
        for text in texts:
            counted[text] = counted.get(text, 0.0) + 1
        missing = float(len(column) - len(texts))
        return Window(count_categories(counted, feature.categories), missing)
    numbers = [
        value
        for value in column
        if isinstance(value, int | float | np.number) and not isinstance(value, bool)
    ]
    finite, _, _ = split_column(np.array(numbers, dtype=np.float64))
    finite = np.zeros(0) if finite is None else finite
    return Window(count_values(finite, feature.edges), float(len(column) - len(finite)))


def _failures(drift: FeatureDrift, max_psi: float, min_presence: float) -> tuple[str, ...]:
    failures: list[str] = []
    presence = 1 - drift.missing_ratio
    if presence < min_presence:
        low, high = 1 - drift.missing_interval.high, 1 - drift.missing_interval.low
        failures.append(
            f"present in {presence:.2%} of {drift.rows:.0f} rows"
            f" [{low:.2%}, {high:.2%}], {min_presence:.2%} asked for"
        )
    if drift.psi > max(max_psi, drift.psi_critical):
        low, high = drift.psi_interval.low, drift.psi_interval.high
        failures.append(f"PSI {drift.psi:.3f} [{low:.3f}, {high:.3f}], {max_psi:g} allowed")
    return tuple(failures)
