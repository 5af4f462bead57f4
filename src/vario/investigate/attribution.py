"""Which slices of the traffic got worse: a scan over all combinations of up to three dimensions.

Every leaf has an excess over what its earlier rate predicts (`vario.investigate.leaves`). A slice
is likely when its leaves grew by about the same ratio, and when it holds much of all the excess:
`(sum of mu e / var)^2 / sum of mu^2 / var` is the gain in likelihood of such a common ratio under a
variance that grows with the expectation (the ripple effect of HotSpot and Squeeze), and the share
and the number of dimensions weigh it. How large a score comes about by itself is read from earlier
windows of the same table ("placebos"), because no formula for it holds on real traffic.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from vario.investigate.leaves import Columns, LeafTable


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
        score: what it is ranked by; without unit.
        p: chance of a score like this where nothing happened: its rank among placebo windows, so
            never below `1 / (placebos + 1)`; 1 without placebos.
        margin: score over the highest of a placebo window; infinite where none scored.
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
        candidates: the best descriptions of the strongest cause, the first one being it, whether
            or not it stands out.
        placebos: earlier windows that were scanned for comparison.
    """

    change: Change
    excess: float
    causes: tuple[Slice, ...]
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
        max_p: above this share of placebo windows scoring as high nothing is named.
        min_margin: as many times the best placebo a cause must score.
        max_placebos: windows scanned for comparison; 0 for none, then `causes` rests on the
            score alone.
    """

    max_dims: int = 3
    candidates: int = 3
    max_causes: int = 3
    min_share: float = 0.2
    max_p: float = 0.1
    min_margin: float = 1.5
    max_placebos: int = 20


def attribute(
    table: LeafTable, before: Columns, after: Columns, settings: ScanSettings = ScanSettings()
) -> Attribution:
    """Returns the slices of `table` that got worse from the minutes `before` to those `after`.

    `before` and `after` are columns of the table. Leave a minute or two around an uncertain onset
    out of both.
    """
    raise NotImplementedError


def decompose_change(table: LeafTable, before: Columns, after: Columns) -> Change:
    """Returns how much of the change of the whole rate is mix and how much is rate."""
    raise NotImplementedError
