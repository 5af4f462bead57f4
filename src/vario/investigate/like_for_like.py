"""A release beside the one before it, at the same time of an earlier day.

Where everything went to a new release at once, what was before it was another time of day. The old
release at the same time of the day before is nearer to what the new one would have met.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from vario.investigate.compare import Comparison, Tolerances, compare
from vario.investigate.season import say_days
from vario.model.load import LoadTable, ReplicaCount


def compare_with_day(
    days: int,
    tables: tuple[LoadTable, LoadTable],
    releases: tuple[str, str],
    replicas: tuple[Sequence[ReplicaCount], Sequence[ReplicaCount]],
    tolerances: Tolerances | None = None,
) -> Comparison | None:
    """Returns how a release does beside another at the same time of an earlier day.

    Args:
        days: how many days back that is.
        tables: requests then and now, in the same steps of the day.
        releases: the one that is compared with, and the one in question.
        replicas: instances then and now.
        tolerances: the defaults if None.

    Returns:
        None where the earlier day holds too little of the release to stand beside the other.
    """
    baseline, candidate = releases
    if baseline not in tables[0].versions or candidate not in tables[1].versions:
        return None
    joined = _join(tables, releases)
    counted = [
        one
        for counts, name in zip(replicas, releases, strict=True)
        for one in counts
        if one.version == name
    ]
    found = compare(joined, baseline, candidate, replicas=counted, tolerances=tolerances)
    if not found.side_by_side:
        return None
    note = (
        f"{baseline} and {candidate} did not answer at the same times: {baseline} is that of "
        f"{say_days((days,))}"
    )
    return replace(found, side_by_side=False, notes=(note, *found.notes))


def _join(tables: tuple[LoadTable, LoadTable], releases: tuple[str, str]) -> LoadTable:
    """Returns one release of the one table beside the other one of the other."""
    segments = tuple(sorted({name for table in tables for name in table.segments}))
    rows = [
        table.version == table.versions.index(name)
        for table, name in zip(tables, releases, strict=True)
    ]
    places = [np.array([segments.index(name) for name in table.segments]) for table in tables]

    def column(name: str) -> np.ndarray:
        return np.concatenate([
            getattr(table, name)[own] for table, own in zip(tables, rows, strict=True)
        ])  # fmt: skip

    return LoadTable(
        window=tables[1].window,
        step_ns=tables[1].step_ns,
        versions=releases,
        segments=segments,
        step=column("step"),
        version=np.repeat(np.arange(2), [int(own.sum()) for own in rows]),
        segment=np.concatenate([
            place[table.segment[own]]
            for place, table, own in zip(places, tables, rows, strict=True)
        ]),
        bucket=column("bucket"),
        count=column("count"),
        errors=column("errors"),
    )  # fmt: skip
