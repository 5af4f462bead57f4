"""Which slices of the traffic got worse: a scan over all combinations of up to three dimensions.

Every leaf has an excess over what its earlier rate predicts (`vario.investigate.leaves`). A slice
is likely when its leaves grew by about the same ratio, and when it holds much of all the excess:
`(sum of mu e / var)^2 / sum of mu^2 / var` is the gain in likelihood of such a common ratio under a
variance that grows with the expectation (the ripple effect of HotSpot and Squeeze), and the share
and the number of dimensions weigh it. How large a score comes about by itself is read from earlier
windows of the same table ("placebos"), because no formula for it holds on real traffic.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from vario.investigate.leaves import (
    Columns,
    Excess,
    Flags,
    Floats,
    LeafTable,
    Windows,
    event_size,
    find_excess,
    ordinary_minutes,
    predict_rates,
    sum_windows,
)
from vario.investigate.scan import Cuboid, Found, Scan, build_cuboids

__all__ = ["Attribution", "Change", "LeafTable", "ScanSettings", "Slice", "attribute"]

LOOKED_AT = 16
"""Descriptions of a cause that are compared with each other."""

INSEPARABLE = 0.01
"""Two descriptions mean the same traffic where they differ by this share of it and its excess."""

PLACEBO_ELEMENTS = 1 << 16
"""Small tables are scanned for several placebo windows at once, up to so many leaves in all."""


@dataclass(frozen=True, slots=True)
class Change:
    """How the rate of a whole table moved, and why (Kitagawa 1955).

    Attributes:
        before: amount per request in the baseline.
        after: the same in the window.
        mix: part of `after - before` that comes from more or less traffic on some leaves.
        rate: part that comes from leaves whose own rate moved; with `mix` it adds up.
    """

    before: float
    after: float
    mix: float
    rate: float


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of the traffic that got worse.

    Attributes:
        where: dimensions and values; empty for "everywhere".
        same_as: other descriptions of the same traffic: nothing here tells them apart.
        before: amount per request in the baseline.
        after: the same in the window.
        expected: amount in the window at the earlier rates.
        observed: amount in the window.
        share: of the damage that lies in the slice, 0 to 1.
        score: of the slice by itself; without unit.
        p: chance of a score like this where nothing happened: its rank among placebo windows, so
            never below `1 / (placebos + 1)`; 1 without placebos.
        margin: score over the 90 % quantile of the placebo windows'; infinite where that is 0.
        z: excess in standard deviations of counting, in the window and in the baseline.
        requests_before: in the baseline.
        requests_after: in the window.
    """

    where: Mapping[str, str]
    same_as: tuple[Mapping[str, str], ...]
    before: float
    after: float
    expected: float
    observed: float
    share: float
    score: float
    p: float
    margin: float
    z: float
    requests_before: float
    requests_after: float


@dataclass(frozen=True, slots=True)
class Attribution:
    """What got worse where.

    Attributes:
        change: of the whole table.
        excess: amount beyond what the earlier rates predict, over all leaves.
        causes: slices that explain it together, each found in what the ones before it left.
            Empty when nothing stands out from the placebo windows.
        strongest: the best description, whether or not it stands out: mostly one slice, or the
            values that are to blame together; none where nothing got worse.
        candidates: the strongest and, behind it, the next best descriptions.
        placebos: earlier windows that were scanned for comparison.
    """

    change: Change
    excess: float
    causes: tuple[Slice, ...]
    strongest: tuple[Slice, ...]
    candidates: tuple[Slice, ...]
    placebos: int


@dataclass(frozen=True, slots=True)
class ScanSettings:
    """How a scan is done; one configuration for every question and every benchmark.

    Attributes:
        max_dims: longest combination.
        candidates: descriptions to return of the strongest cause.
        max_causes: slices to peel off one after the other.
        min_share: of the damage that a slice must hold to be looked at.
        max_p: above this chance (`Slice.p`) nothing is named: nine placebos are needed.
        min_margin: as many times the placebo windows' usual highest score a cause must score.
            Where each region wanders by 20 % over tens of minutes, 1.5 blames a healthy region in
            10 % of the windows and 3 in 2 %; both find a slice that became six times as bad.
        min_z: of counting noise; placebo windows that overlap are too few to know it well.
        max_placebos: windows scanned for comparison; 0 for none, and then no causes either.
    """

    max_dims: int = 3
    candidates: int = 3
    max_causes: int = 3
    min_share: float = 0.2
    max_p: float = 0.1
    min_margin: float = 3.0
    min_z: float = 4.0
    max_placebos: int = 20


def attribute(
    table: LeafTable, before: Columns, after: Columns, settings: ScanSettings = ScanSettings()
) -> Attribution:
    """Returns the slices of `table` that got worse from the minutes `before` to those `after`.

    `before` and `after` are columns of the table, in order of time. Leave a minute or two around
    an uncertain onset out of both.
    """
    usual = ordinary_minutes(table, before)
    windows = sum_windows(table, [(usual, after)])
    predicted, event = predict_rates(table, windows), event_size(table, usual)
    excess = find_excess(table, windows, predicted, event)
    cuboids = build_cuboids(table.codes, table.sizes, settings.max_dims)
    questions = _choose_placebos(before, usual, len(after), settings.max_placebos)
    null: list[float] = []
    batch = max(1, PLACEBO_ELEMENTS // max(len(table.codes), 1))
    for start in range(0, len(questions), batch):
        earlier = sum_windows(table, questions[start : start + batch])
        placebo = find_excess(table, earlier, predicted, event)
        null += Scan(cuboids, placebo, settings.min_share).best_scores().tolist()
    describe = _Describer(table, windows, excess, np.sort(np.array(null)))
    scan = Scan(cuboids, excess, settings.min_share)
    groups = _group(scan.find_best(LOOKED_AT, settings.max_causes), windows, excess)
    candidates: list[Slice] = []
    for group in groups:
        known = [one.where for one in candidates]
        candidates += [one for one in describe(scan, group) if one.where not in known]
    return Attribution(
        decompose_change(windows),
        float(excess.excess.sum()),
        tuple(_peel(scan, cuboids, windows, excess, describe, settings)),
        tuple(describe(scan, groups[0])) if groups else (),
        tuple(candidates[: settings.candidates]),
        len(null),
    )


def decompose_change(windows: Windows) -> Change:
    """Returns how much of the change of the whole rate is mix and how much is rate."""
    before, after = windows.total_before[:, 0], windows.total[:, 0]
    rate_before = windows.amount_before[:, 0] / np.maximum(before, 1e-300)
    rate_after = windows.amount[:, 0] / np.maximum(after, 1e-300)
    rate_before = np.where(before > 0, rate_before, rate_after)
    rate_after = np.where(after > 0, rate_after, rate_before)
    share_before = before / max(float(before.sum()), 1e-300)
    share_after = after / max(float(after.sum()), 1e-300)
    mix = ((share_after - share_before) * (rate_before + rate_after) / 2).sum()
    rate = ((share_before + share_after) / 2 * (rate_after - rate_before)).sum()
    return Change(
        float((share_before * rate_before).sum()),
        float((share_after * rate_after).sum()),
        float(mix),
        float(rate),
    )


def _choose_placebos(
    before: Columns, usual: Columns, length: int, most: int
) -> list[tuple[Columns, Columns]]:
    """Returns earlier windows of the same length, each with the ordinary minutes outside it.

    Incidents in the baseline stay in: a table that has bursts every hour needs more than a burst.
    """
    last = len(before) - length
    count = min(most, last + 1)
    starts = np.unique(np.linspace(0, last, count).astype(np.int64)) if count > 0 else []
    questions: list[tuple[Columns, Columns]] = []
    for start in starts:
        window = before[start : start + length]
        outside = np.setdiff1d(usual, window)
        if len(outside) >= 2:
            questions.append((outside, window))
    return questions


def _group(found: list[Found], windows: Windows, excess: Excess) -> list[list[Found]]:
    """Returns descriptions that mean the same traffic together, the shortest first in each."""
    requests = windows.total[:, 0] + windows.total_before[:, 0]
    weights = (requests, np.abs(excess.excess[:, 0]))
    groups: list[list[Found]] = []
    for one in found:
        for group in groups:
            if _is_same(one.leaves, group[0].leaves, weights):
                group.append(one)
                break
        else:
            groups.append([one])
    for group in groups:
        group.sort(key=lambda one: (len(one.parts), len(one.dims), one.dims))
    return groups


def _is_same(one: Flags, other: Flags, weights: tuple[Floats, Floats]) -> bool:
    differs, either = one ^ other, one | other
    return all(weight[differs].sum() <= INSEPARABLE * weight[either].sum() for weight in weights)


def _peel(
    scan: Scan,
    cuboids: list[Cuboid],
    windows: Windows,
    excess: Excess,
    describe: "_Describer",
    settings: ScanSettings,
) -> Iterator[Slice]:
    """Yields causes that stand out, each from what the ones before it left of the damage."""
    rest = excess
    found = 0
    while found < settings.max_causes:
        groups = _group(scan.find_best(LOOKED_AT, settings.max_causes - found), windows, rest)
        parts = describe(scan, groups[0]) if groups else []
        if not any(_stands_out(part, settings) for part in parts):
            return
        yield from parts
        found += len(parts)
        left = np.where(groups[0][0].leaves[:, None], 0, rest.excess)
        rest = Excess(rest.expected, left, rest.noise, rest.variance)
        scan = Scan(cuboids, rest, settings.min_share, scan.damage)


def _stands_out(part: Slice, settings: ScanSettings) -> bool:
    return (
        part.p <= settings.max_p and part.margin >= settings.min_margin and part.z >= settings.min_z
    )


class _Describer:
    """Makes slices of what a scan found."""

    def __init__(self, table: LeafTable, windows: Windows, excess: Excess, null: Floats) -> None:
        self._table = table
        self._windows = windows
        self._excess = excess
        self._null = null

    def __call__(self, scan: Scan, group: list[Found]) -> list[Slice]:
        """Returns the slices that the first of `group` consists of; the rest are other names."""
        best = group[0]
        return [
            self._describe(scan, best.dims, leaves, group if len(best.parts) == 1 else [])
            for leaves in best.parts
        ]

    def _describe(
        self, scan: Scan, dims: tuple[int, ...], leaves: Flags, group: list[Found]
    ) -> Slice:
        windows = self._windows
        requests_before = float(windows.total_before[leaves, 0].sum())
        requests_after = float(windows.total[leaves, 0].sum())
        observed = float(windows.amount[leaves, 0].sum())
        amount_before = float(windows.amount_before[leaves, 0].sum())
        expected = float(self._excess.expected[leaves, 0].sum())
        noise = float(self._excess.noise[leaves, 0].sum())
        score, share = scan.weigh_leaves(leaves, len(dims))
        return Slice(
            where=self._name(dims, leaves),
            same_as=self._other_names(group),
            before=amount_before / max(requests_before, 1e-300),
            after=observed / max(requests_after, 1e-300),
            expected=expected,
            observed=observed,
            share=min(max(share, 0.0), 1.0),
            score=score,
            p=(1 + int((self._null >= score).sum())) / (1 + len(self._null)),
            margin=self._margin(score),
            z=(observed - expected) / math.sqrt(max(noise, 1e-300)),
            requests_before=requests_before,
            requests_after=requests_after,
        )

    def _name(self, dims: tuple[int, ...], leaves: Flags) -> dict[str, str]:
        row = self._table.codes[int(np.argmax(leaves))]
        return {self._table.dims[dim]: self._table.values[dim][row[dim]] for dim in dims}

    def _other_names(self, group: list[Found]) -> tuple[Mapping[str, str], ...]:
        kept: list[Mapping[str, str]] = []
        for one in group:
            name = self._name(one.dims, one.parts[0])
            if len(one.parts) == 1 and not any(known.items() <= name.items() for known in kept):
                kept.append(name)
        return tuple(kept[1:])

    def _margin(self, score: float) -> float:
        usual = float(np.quantile(self._null, 0.9)) if len(self._null) else 0.0
        return score / usual if usual > 0 else math.inf
