"""The gate before a deploy: a candidate's data against a reference, feature by feature."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vario.drift.judge import FeatureDrift, Limits, Window, judge
from vario.drift.reference import FeatureReference, Reference, count_column, count_out_of_range
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
    max_out_of_range: float = 1.0,
    by: str = "",
) -> list[Checked]:
    """Returns every feature of the reference in a candidate's data, whole and by segment.

    A feature fails where its PSI is above `max_psi` and above what chance makes of so many rows,
    where it is present in less than `min_presence` of the rows, or where more than
    `max_out_of_range` of its values lie beyond the reference's lowest and highest. Within a
    segment PSI is judged only if the reference knows the segment.

    Args:
        reference: what the data should look like.
        columns: the candidate's columns, all of one length.
        max_psi: greatest PSI that passes, nats.
        min_presence: least share of rows with a value, 0 to 1.
        max_out_of_range: greatest share of values out of the reference's range, 0 to 1.
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
        for value, at in segments.items():
            own, is_like = reference.find(name, [(by, value)] if value else [])
            counts, missing = count_column(feature, column[at])
            outside = count_out_of_range(own, column[at])
            pairs.append((value, own, Window(counts, missing, is_like=is_like, outside=outside)))
    found = judge([(feature, window) for _, feature, window in pairs], Limits(alpha=1e-3))
    return [
        Checked(
            feature,
            segment,
            drift,
            tuple(window.counts.tolist()),
            _failures(drift, max_psi, min_presence, max_out_of_range)
            if feature.name in columns
            else ("the candidate has no such column",),
        )
        for (segment, feature, window), drift in zip(pairs, found, strict=True)
    ]


def _failures(
    drift: FeatureDrift, max_psi: float, min_presence: float, max_out_of_range: float
) -> tuple[str, ...]:
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
    if drift.outside_ratio > max_out_of_range:
        failures.append(
            f"{drift.outside_ratio:.2%} of its values out of the reference's range,"
            f" {max_out_of_range:.2%} allowed"
        )
    return tuple(failures)
