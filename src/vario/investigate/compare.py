"""Two releases of a service beside each other: is the candidate worse than the baseline?

Requests are counted in blocks of time. Where both releases answered in the same blocks they are
compared inside each, so that a surge or a slow hour meets both alike; else the baseline's blocks
are compared with the candidate's. Numbers are those of the baseline's traffic mix: the segments'
shares are put back to what they were (direct standardisation). Intervals come from leaving out one
block after another (the delete-one jackknife): requests near each other are not independent.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from vario.investigate.percentiles import quantile
from vario.model.load import LoadTable, ReplicaCount

Floats = NDArray[np.float64]
Judgement = Literal["better", "same", "worse", "unclear", "told"]
MeasureName = Literal["p50", "p95", "p99", "error_ratio", "replica_seconds"]
Verdict = Literal["pass", "fail", "inconclusive"]

MIN_BLOCKS = 6
"""Fewer blocks of both releases than this tell nothing about how much blocks differ."""
MAX_BLOCKS = 20
"""Of releases side by side. Else few and long blocks are compared, `MIN_BLOCKS` of each release:
what makes minutes alike (a noisy neighbour, a wave of traffic) is then mostly inside them."""
MIN_BEYOND = 10
"""Requests of each release that must lie beyond a percentile for it to be judged."""
MIN_REQUESTS = 100
"""Requests of each release for anything to be judged."""

_PERCENTILES: Mapping[MeasureName, float] = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
_DECISIVE = ("p50", "p95", "error_ratio")


@dataclass(frozen=True, slots=True)
class Tolerances:
    """How much worse is still as good.

    Attributes:
        latency: share by which a percentile may be longer.
        errors: by how much the error ratio may be higher, as a share of requests.
        level: confidence of the intervals.
    """

    latency: float = 0.1
    errors: float = 0.005
    level: float = 0.95


@dataclass(frozen=True, slots=True)
class Measured:
    """One measure of both releases.

    Attributes:
        measure: its name; `replica_seconds` are those of a request, on average.
        unit: `s`, `1` or `s/request`.
        baseline: its value; None where it cannot be told, as all that follow.
        candidate: likewise.
        change: `candidate / baseline - 1` for what is a time, `candidate - baseline` for a ratio.
        low: of the change's interval.
        high: likewise.
        judgement: how it counts; `same` is within the tolerance, `told` is not judged.
    """

    measure: MeasureName
    unit: str
    baseline: float | None
    candidate: float | None
    change: float | None = None
    low: float | None = None
    high: float | None = None
    judgement: Judgement = "unclear"


@dataclass(frozen=True, slots=True)
class Part:
    """Both releases in one segment, or over all of them (`segment` is empty)."""

    segment: str
    baseline_requests: float
    candidate_requests: float
    measures: tuple[Measured, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The answer.

    Attributes:
        baseline: the release that is compared with.
        candidate: the release in question.
        side_by_side: whether both answered at the same times.
        blocks: how many blocks of time were looked at, and `block_s` how long each was.
        parts: over everything first, then by segment.
        verdict: `fail` where anything is worse, `pass` where all is as good.
        notes: what the reader must know: segments left out, releases not at the same time.
    """

    baseline: str
    candidate: str
    side_by_side: bool
    blocks: int
    block_s: float
    parts: tuple[Part, ...]
    verdict: Verdict
    notes: tuple[str, ...]


def compare(
    table: LoadTable,
    baseline: str,
    candidate: str,
    *,
    replicas: Sequence[ReplicaCount] = (),
    tolerances: Tolerances | None = None,
) -> Comparison:
    """Returns how `candidate` does beside `baseline`.

    Args:
        table: requests, in steps no longer than a fortieth of what is compared.
        baseline: a version in the table.
        candidate: likewise.
        replicas: instances by step, for the cost.
        tolerances: the defaults if None.
    """
    tolerances = tolerances or Tolerances()
    cells = _Cells.of(table, (baseline, candidate))
    beside, cells = _choose_blocks(cells)
    shared = (cells.counts.sum((1, 3)) > 0).all(axis=0)
    notes = _notes(table, baseline, candidate, shared, beside=beside)
    whole = _part("", cells.only(shared), tolerances, beside=beside)
    parts = [
        replace(
            whole,
            measures=(*whole.measures, *_costs(table, (baseline, candidate), whole, replicas)),
        )
    ]
    chosen = np.flatnonzero(shared)
    if len(chosen) > 1:
        # Each segment has a chance to look bad by accident: their intervals are wider.
        wide = replace(tolerances, level=1 - (1 - tolerances.level) / len(chosen))
        parts += [
            _part(table.segments[i], cells.only([i]), wide, beside=beside) for i in chosen.tolist()
        ]
    return Comparison(
        baseline=baseline,
        candidate=candidate,
        side_by_side=beside,
        blocks=cells.counts.shape[1],
        block_s=cells.block_s,
        parts=tuple(parts),
        verdict=_verdict(parts),
        notes=tuple(notes),
    )


@dataclass(frozen=True, slots=True)
class _Cells:
    """Requests of both releases: shape (2, blocks, segments, buckets), errors without buckets."""

    counts: Floats
    errors: Floats
    lowest: int
    block_s: float

    @classmethod
    def of(cls, table: LoadTable, versions: Sequence[str]) -> "_Cells":
        lowest = int(table.bucket.min()) if len(table.bucket) else 0
        widest = int(table.bucket.max()) - lowest + 1 if len(table.bucket) else 1
        shape = (len(versions), table.steps, len(table.segments))
        counts, errors = np.zeros((*shape, widest)), np.zeros(shape)
        for row, version in enumerate(versions):
            if version not in table.versions:
                continue
            own = table.version == table.versions.index(version)
            at = (table.step[own], table.segment[own])
            np.add.at(counts[row], (*at, table.bucket[own] - lowest), table.count[own])
            np.add.at(errors[row], at, table.errors[own])
        return cls(counts, errors, lowest, table.step_ns / 1e9)

    def only(self, segments: Any) -> "_Cells":
        return replace(self, counts=self.counts[:, :, segments], errors=self.errors[:, :, segments])


def _choose_blocks(cells: _Cells) -> tuple[bool, _Cells]:
    """Returns whether both answered at the same times, and the steps to compare, as blocks."""
    busy = cells.counts.sum((2, 3)) > 0
    both = busy.all(axis=0)
    beside = bool(both.sum() >= max(MIN_BLOCKS, busy.sum(axis=1).min() / 2))
    rows = [np.flatnonzero(both)] * 2 if beside else [np.flatnonzero(row) for row in busy]
    blocks = min(MAX_BLOCKS if beside else MIN_BLOCKS, *(len(row) for row in rows))
    if blocks == 0:
        return beside, replace(cells, counts=cells.counts[:, :0], errors=cells.errors[:, :0])
    joined = [
        [(cells.counts[v, part].sum(0), cells.errors[v, part].sum(0)) for part in parts]
        for v, parts in enumerate(np.array_split(row, blocks) for row in rows)
    ]
    return beside, replace(
        cells,
        counts=np.array([[counts for counts, _ in version] for version in joined]),
        errors=np.array([[errors for _, errors in version] for version in joined]),
        block_s=cells.block_s * len(rows[0]) / blocks,
    )


def _notes(
    table: LoadTable, baseline: str, candidate: str, shared: NDArray[np.bool_], *, beside: bool
) -> list[str]:
    notes: list[str] = []
    if not beside:
        notes.append(
            f"{baseline} and {candidate} did not answer at the same times: whatever else changed "
            "between them is in the difference"
        )
    alone = [name for name, both in zip(table.segments, shared, strict=True) if not both]
    if alone and shared.any():
        notes.append(f"only one of the two answered in {', '.join(alone)}: left out")
    return notes


def _part(segment: str, cells: _Cells, tolerances: Tolerances, *, beside: bool) -> Part:
    """Returns both releases in what is left of the cells."""
    requests = cells.counts.sum((1, 2, 3))
    if not (requests > 0).all():
        return Part(segment, float(requests[0]), float(requests[1]), ())
    mix = cells.counts[0].sum((0, 2)) / requests[0]
    level = _estimate(cells.counts.sum(1), cells.errors.sum(1), mix, cells.lowest)
    change = _differences(level)
    error = np.sqrt(_variances(cells, mix, beside=beside) + _least_variance(cells, level))
    freedom = cells.counts.shape[1] - 1
    reach = float(stats.t.ppf(0.5 + tolerances.level / 2, max(freedom, 1))) * error
    least = float(requests.min())
    enough = least >= MIN_REQUESTS and cells.counts.shape[1] >= MIN_BLOCKS
    measures = [
        _latency(
            name,
            level[:, i],
            change[i],
            reach[i],
            tolerances,
            enough=enough and least * (1 - p) >= MIN_BEYOND,
        )
        for i, (name, p) in enumerate(_PERCENTILES.items())
    ]
    low, high = float(change[-1] - reach[-1]), float(change[-1] + reach[-1])
    errors = Measured("error_ratio", "1", float(level[0, -1]), float(level[1, -1]))
    if enough:
        judged = _judge(float(change[-1]), low, high, tolerances.errors)
        errors = replace(errors, change=float(change[-1]), low=low, high=high, judgement=judged)
    return Part(segment, float(requests[0]), float(requests[1]), (*measures, errors))


def _latency(
    name: MeasureName,
    level: Floats,
    change: float,
    reach: float,
    tolerances: Tolerances,
    *,
    enough: bool,
) -> Measured:
    measured = Measured(name, "s", float(level[0]), float(level[1]))
    if not enough:
        return measured
    center, low, high = (math.expm1(x) for x in (change, change - reach, change + reach))
    judged = _judge(center, low, high, tolerances.latency)
    return replace(measured, change=center, low=low, high=high, judgement=judged)


def _judge(change: float, low: float, high: float, tolerance: float) -> Judgement:
    if low > 0 and change > tolerance:
        return "worse"
    if high > tolerance:
        return "unclear"
    return "better" if high < 0 else "same"


def _estimate(counts: Floats, errors: Floats, mix: Floats, lowest: int) -> Floats:
    """Returns the percentiles in seconds and the error ratio of each release, shape (2, 4).

    Args:
        counts: requests by release, segment and bucket.
        errors: by release and segment.
        mix: share of each segment in the traffic that both are to have.
        lowest: number of the first bucket.
    """
    requests = counts.sum(2)
    weight = np.where(requests > 0, mix, 0.0)
    weight /= np.maximum(weight.sum(1, keepdims=True), 1e-300)
    per_request = weight / np.maximum(requests, 1e-300)
    shares = np.einsum("vs,vsb->vb", per_request, counts)
    ratio = (per_request * errors).sum(1)
    found = np.empty((len(counts), len(_PERCENTILES) + 1))
    for row, share in enumerate(shares):
        found[row, :-1] = [quantile(share, p, lowest) for p in _PERCENTILES.values()]
    found[:, -1] = ratio
    return found


def _differences(level: Floats) -> Floats:
    logs = np.log(level[1, :-1]) - np.log(level[0, :-1])
    return np.append(logs, level[1, -1] - level[0, -1])


def _variances(cells: _Cells, mix: Floats, *, beside: bool) -> Floats:
    """Returns the jackknife's variance of each difference."""
    blocks = cells.counts.shape[1]
    if blocks < 2:
        return np.full(len(_PERCENTILES) + 1, np.inf)
    counts, errors = cells.counts.sum(1), cells.errors.sum(1)
    releases = (np.array([True, True]),) if beside else np.eye(2, dtype=np.bool_)
    total = np.zeros(len(_PERCENTILES) + 1)
    for own in releases:
        without = np.array([
            _differences(
                _estimate(
                    counts - cells.counts[:, block] * own[:, None, None],
                    errors - cells.errors[:, block] * own[:, None],
                    mix,
                    cells.lowest,
                )
            )
            for block in range(blocks)
        ])  # fmt: skip
        total += (blocks - 1) / blocks * ((without - without.mean(0)) ** 2).sum(0)
    return total


def _least_variance(cells: _Cells, level: Floats) -> Floats:
    """Returns what chance alone gives: no errors among few requests do not prove that none come."""
    requests = cells.counts.sum((1, 2, 3))
    ratio = (level[:, -1] * requests + 0.5) / (requests + 1)
    least = np.zeros(len(_PERCENTILES) + 1)
    least[-1] = float((ratio * (1 - ratio) / requests).sum())
    return least


def _costs(
    table: LoadTable, versions: Sequence[str], whole: Part, replicas: Sequence[ReplicaCount]
) -> list[Measured]:
    """Returns replica-seconds per request: told, not judged, for a small canary is mostly idle."""
    seconds = [
        sum(count.replicas for count in replicas if count.version == version) * table.step_ns / 1e9
        for version in versions
    ]
    if not all(seconds) or not (whole.baseline_requests and whole.candidate_requests):
        return []
    # Of all requests of a release, in whichever segment: replicas serve them all.
    requests = [
        float(table.count[table.version == table.versions.index(version)].sum())
        for version in versions
    ]
    old, new = (second / count for second, count in zip(seconds, requests, strict=True))
    return [Measured("replica_seconds", "s/request", old, new, new / old - 1, judgement="told")]


def _verdict(parts: Sequence[Part]) -> Verdict:
    if any(m.judgement == "worse" for part in parts for m in part.measures):
        return "fail"
    decisive = [m.judgement for m in parts[0].measures if m.measure in _DECISIVE]
    sure = len(decisive) == len(_DECISIVE) and "unclear" not in decisive
    return "pass" if sure else "inconclusive"
