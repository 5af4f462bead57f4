"""What a proof of a fix compares: the measure before, during and since, in blocks of time."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from vario.investigate import sequential
from vario.investigate.blocks import LEAST_REQUESTS, Mix, Table, choose_step
from vario.investigate.sequential import Floats

WARM_UP_NS = 30 * 10**9
"""What a service does so soon after its first request is not usual for it."""
UNTOUCHED = 0.3
"""Part of the slice's rise that traffic outside it may show and still be a control."""
NOISIEST = 2.0
"""A control that makes the difference noisier than this, times the slice alone, is of no use."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What is compared.

    Attributes:
        slice: the measure where it was wrong, by segment of the traffic.
        control: the same where all was well; None where there is no such traffic.
        onset_low_ns: the baseline ends here, the incident began by `onset_high_ns`.
        claimed_ns: when it was said to be fixed.
        is_share: whether the measure is a share, compared by differences; else by ratios.
        tolerance: how far above the baseline still counts as recovered.
        guards: other measures of the slice that must not be worse than before, by name.
        least_requests: how many a block should have on average.
    """

    slice: Table
    control: Table | None
    onset_low_ns: int
    onset_high_ns: int
    claimed_ns: int
    is_share: bool
    tolerance: float
    guards: Mapping[str, Table] = field(default_factory=dict[str, Table])
    least_requests: int = LEAST_REQUESTS


@dataclass(frozen=True, slots=True)
class Blocks:
    """The series that is judged, and where its parts lie."""

    table: Table
    mix: Mix
    shown: Floats
    control: Floats | None
    judged: Floats
    before: slice
    during: slice
    since: slice

    @property
    def before_ns(self) -> int:
        """How long the time before the incident is."""
        return (self.before.stop - self.before.start) * self.table.step_ns


def cut_blocks(trial: Trial) -> Blocks | None:
    """Returns the series in blocks, one of which begins at the claim; None without a baseline."""
    base = trial.slice
    there = np.flatnonzero(base.total.sum(axis=0) > 0)
    low = base.index(trial.onset_low_ns)
    if not len(there):
        return None
    first = int(there[0])
    if first > 0:  # it began within what was read
        first += -(-WARM_UP_NS // base.step_ns)
    if low - first < 2 * sequential.LEAST_BLOCKS:
        return None
    count = choose_step(base, slice(first, low), trial.least_requests)
    anchor = base.index(trial.claimed_ns, up=True)
    order = base.total[:, first:low].sum(axis=1)
    table = base.merged(order).joined(count, anchor)
    start = -(-(first - anchor % count) // count)
    before = slice(max(0, start), table.index(trial.onset_low_ns))
    if before.stop - before.start < 2 * sequential.LEAST_BLOCKS:
        return None
    claimed = table.index(trial.claimed_ns, up=True)
    during = slice(min(table.index(trial.onset_high_ns, up=True), claimed), claimed)
    mix = Mix.of(table, before)
    shown = mix.standardise(table)
    judged = _scaled(shown, trial)
    blocks = Blocks(table, mix, shown, None, judged, before, during, slice(claimed, table.steps))
    return _with_control(trial, blocks, count, anchor)


def _with_control(trial: Trial, blocks: Blocks, count: int, anchor: int) -> Blocks:
    """Returns the blocks with what moved where all was well taken off, if it can be."""
    if trial.control is None:
        return blocks
    first = trial.slice.index(trial.onset_low_ns)
    order = trial.control.total[:, :first].sum(axis=1)
    table = trial.control.merged(order).joined(count, anchor)
    control = Mix.of(table, blocks.before).standardise(table)
    level, own = _scaled(control, trial), blocks.judged
    known = np.isfinite(level)
    parts = (blocks.before, blocks.during, blocks.since)
    if any(known[part].mean() < 0.8 for part in parts if part.stop > part.start):
        return blocks
    if blocks.during.stop > blocks.during.start:
        rise = np.nanmean(own[blocks.during]) - np.nanmean(own[blocks.before])
        other = np.nanmean(level[blocks.during]) - np.nanmean(level[blocks.before])
        if not abs(other) <= UNTOUCHED * max(rise, 0.0):
            level_shared = _is_shared(own, level, blocks)
            if not level_shared:
                return blocks
    judged = own - level
    noise = np.nanstd(own[blocks.before])
    if np.nanstd(judged[blocks.before]) > noise and not _has_moved(level, blocks, trial):
        return blocks
    if np.nanstd(judged[blocks.before]) > NOISIEST * noise:
        return blocks
    return Blocks(
        blocks.table, blocks.mix, blocks.shown, control, judged, blocks.before, blocks.during,
        blocks.since,
    )  # fmt: skip


def _has_moved(level: Floats, blocks: Blocks, trial: Trial) -> bool:
    """Whether the control itself is not where it was: then what moved it has to be taken off."""
    before = level[blocks.before]
    usual, error = float(np.nanmean(before)), float(np.nanstd(before))
    for part in (blocks.during, blocks.since):
        if part.stop <= part.start:
            continue
        chance = 2 * error * math.sqrt(1 / (part.stop - part.start) + 1 / len(before))
        moved = abs(float(np.nanmean(level[part])) - usual)
        if moved > max(chance, 0.2 * strict_margin(trial, blocks)):
            return True
    return False


def _is_shared(own: Floats, level: Floats, blocks: Blocks) -> bool:
    """Whether the rest rose too, but clearly less: a surge over all, and an incident on top."""
    excess = own - level
    rise = float(np.nanmean(excess[blocks.during]) - np.nanmean(excess[blocks.before]))
    noise = float(np.nanstd(excess[blocks.before]))
    return rise > 3 * noise


def _scaled(values: Floats, trial: Trial) -> Floats:
    """Returns values on the scale on which they are compared."""
    if trial.is_share:
        return values
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(values > 0, np.log(np.maximum(values, 1e-300)), np.nan)


def strict_margin(trial: Trial, blocks: Blocks) -> float:
    """Returns the tolerance on the compared scale."""
    if not trial.is_share:
        return math.log1p(trial.tolerance)
    return trial.tolerance * float(np.nanmean(blocks.shown[blocks.before]))
