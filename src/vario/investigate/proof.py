"""The proof of a fix on tables of numbers: recovered, improved, not recovered, or too early.

Two comparisons, both of the blocks since the claim, both valid whenever one looks: with the blocks
before the incident (within the tolerance: non-inferiority) and with those during it (improved).
`recovered` needs both, and that the guards hold. Where there is traffic that was never affected,
what moved there is subtracted first: a surge that subsides by itself is not a fix.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from vario.investigate import sequential
from vario.investigate.blocks import Table
from vario.investigate.sequential import Bound, Floats, Level, Spread
from vario.investigate.trial import Blocks, Trial, cut_blocks, strict_margin
from vario.model.investigation import FixPoint, FixVerdict

LEAST_SINCE_NS = 30 * 10**9
"""Time since the claim before anything is said."""
PATIENCE_NS = 120 * 10**9
"""Time since the claim before a fix is called none: it needs some time to take effect."""
LEAST_LOAD = 0.7
"""Part of the baseline's quiet blocks' traffic that there must be: idle systems look well."""
RELAPSE_BLOCKS, RELAPSE_NS = 3, 60 * 10**9
RELAPSE_DEVIATIONS = 4.0
MOST_POINTS = 240
SHORT_HISTORY = 60
"""Blocks before the incident, below which those since the claim help to tell the scatter."""
SHORT_BASELINE_NS = 480 * 10**9
"""Less time than this before the incident may be too short to tell a tenth."""
WIDEST = 0.5
"""The margin after a short history, at most: this far above the baseline."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """How far the proof is; values in the measure's own unit, with the baseline's mix.

    Attributes:
        block_ns: length of a block.
        since_ns: from when on the blocks are counted that decide.
        blocks: how many there are.
        more: blocks that are still missing at this variance; 0 where unknown or none.
        remark: what stands in the way, empty where nothing does.
    """

    verdict: FixVerdict
    baseline: float = math.nan
    incident: float = math.nan
    now: float = math.nan
    to_baseline_low: float = 0.0
    to_baseline_high: float = math.inf
    to_incident_low: float = 0.0
    to_incident_high: float = math.inf
    requests: int = 0
    mix_adjusted: bool = False
    controlled: bool = False
    guards: Mapping[str, bool] = field(default_factory=dict[str, bool])
    points: tuple[FixPoint, ...] = ()
    block_ns: int = 0
    since_ns: int = 0
    blocks: int = 0
    more: int = 0
    remark: str = ""


TOO_LITTLE = "there is too little data from before the incident"


def judge_fix(trial: Trial, previous: FixVerdict = "too_early") -> Judgement:
    """Returns how far the proof is.

    Args:
        trial: what is compared; its tables end where data is complete.
        previous: the verdict so far; it stands while nothing contradicts it.
    """
    blocks = cut_blocks(trial)
    if blocks is None:
        return Judgement("too_early", remark=TOO_LITTLE)
    shown = _show(blocks)
    spread = _spread(blocks)
    is_short = blocks.before_ns <= SHORT_BASELINE_NS
    base = sequential.level_of(blocks.judged[blocks.before], spread, is_short=is_short)
    wrong = _incident_level(blocks, spread)
    since = blocks.judged[blocks.since]
    margin = _margin(trial, blocks, base, wrong)
    to_base = sequential.bounds(since, spread, base, is_short=is_short)
    to_wrong = sequential.bounds(since, spread, wrong, is_short=is_short)
    guards = _guards(trial, blocks)
    best = sequential.lowest(to_base)
    verdict = _verdict(trial, blocks, to_base, to_wrong, margin)
    remark = "" if all(guards.values()) else _broken(guards)
    if verdict == "recovered" and remark:
        verdict = "improved"
    verdict = _settle(verdict, previous, blocks, base, wrong, spread, margin)
    measured = _measured(trial, blocks, base, best, to_wrong)
    more = 0
    if verdict not in ("recovered", "relapsed") and best is not None:
        count = int(np.isfinite(since).sum()) - best.start
        more = sequential.blocks_to_go(best.mean - base.mean, margin, count, spread, base)
        more = max(more, _least_blocks(blocks) - count) if more else 0
    return Judgement(
        verdict=verdict, **measured, requests=int(blocks.table.total[:, blocks.since].sum()),
        mix_adjusted=blocks.table.amount.shape[0] > 1, controlled=blocks.control is not None,
        guards=guards, points=shown, block_ns=blocks.table.step_ns,
        since_ns=_start_ns(blocks, best), blocks=int(np.isfinite(since).sum()), more=more,
        remark=remark,
    )  # fmt: skip


def _spread(blocks: Blocks) -> Spread:
    """Returns how far a block since the claim scatters, wider where its traffic is thinner.

    Where little time was well before, the blocks since the claim, about their own mean, help.
    """
    before, since = blocks.judged[blocks.before], blocks.judged[blocks.since]
    settled = since[len(since) // 4 :]
    parts = [before]
    if np.isfinite(before).sum() < SHORT_HISTORY and np.isfinite(settled).sum() >= 4:
        parts.append(settled)
    spread = sequential.long_run(np.concatenate([one - np.nanmean(one) for one in parts]))
    if blocks.since.stop <= blocks.since.start:
        return spread
    usual = blocks.mix.effective(blocks.table, blocks.before)
    now = blocks.mix.effective(blocks.table, blocks.since)
    thinner = math.sqrt(min(max(usual / now, 1.0), 25.0)) if now > 0 and usual > 0 else 1.0
    return replace(spread, deviation=spread.deviation * thinner)


def _incident_level(blocks: Blocks, spread: Spread) -> Level:
    values = blocks.judged[blocks.during]
    values = values[np.isfinite(values)]
    if not len(values):
        return Level(math.nan, math.inf)
    return Level(float(values.mean()), spread.deviation / math.sqrt(len(values)))


def _margin(trial: Trial, blocks: Blocks, base: Level, wrong: Level) -> float:
    """Returns how far above the baseline's level is still recovered, on the compared scale.

    A share may be next to nothing before, and a tenth of nothing cannot be shown: there it is at
    least half the tolerance's part of what the incident added. And where the time before the
    incident was too short to tell that, or a tenth, it is the tolerance's part of what the incident
    added; of a latency or a cost the best estimate has to lie within the tolerance all the same.
    """
    strict, is_short = strict_margin(trial, blocks), blocks.before_ns <= SHORT_BASELINE_NS
    added = max(0.0, wrong.mean - base.mean) if math.isfinite(wrong.mean) else 0.0
    if trial.is_share:
        return max(strict, (1.0 if is_short else 0.5) * trial.tolerance * added, 1e-9)
    if not is_short or sequential.level_width(base) <= 0.5 * strict:
        return strict
    return max(strict, math.log1p(min(trial.tolerance * math.expm1(min(added, 50.0)), WIDEST)))


def _verdict(
    trial: Trial, blocks: Blocks, to_base: list[Bound], to_wrong: list[Bound], margin: float
) -> FixVerdict:
    """Returns what the bounds say, the guards aside."""
    elapsed_ns = (blocks.since.stop - blocks.since.start) * blocks.table.step_ns
    if not to_base or elapsed_ns < LEAST_SINCE_NS:
        return "too_early"
    is_better = any(one.high < 0 for one in to_wrong)
    within = margin if trial.is_share else strict_margin(trial, blocks)
    least, count = _least_blocks(blocks), blocks.since.stop - blocks.since.start
    if is_better and any(
        one.high < margin and one.middle < within and count - one.start >= least for one in to_base
    ):
        return "recovered"
    if not any(one.low > margin for one in to_base) or elapsed_ns < PATIENCE_NS:
        return "too_early"
    return "improved" if is_better else "not_recovered"


def _least_blocks(blocks: Blocks) -> int:
    """Returns how many blocks a mean has to span before it is called recovered.

    What wanders for minutes may be low for minutes. A short history does not tell how long.
    """
    if blocks.before_ns <= SHORT_BASELINE_NS:
        return 0
    return sequential.LEAST_MEMORIES * sequential.memory(blocks.judged[blocks.before])


def _settle(
    verdict: FixVerdict,
    previous: FixVerdict,
    blocks: Blocks,
    base: Level,
    wrong: Level,
    spread: Spread,
    margin: float,
) -> FixVerdict:
    """Returns the verdict after the one before: what was proved stands until it is back."""
    if previous in ("recovered", "relapsed"):
        is_back = previous == "relapsed" or _is_back(blocks, base, wrong, spread, margin)
        return "relapsed" if is_back else "recovered"
    if verdict == "too_early" and previous in ("improved", "not_recovered"):
        return previous
    return verdict


def _is_back(blocks: Blocks, base: Level, wrong: Level, spread: Spread, margin: float) -> bool:
    """Whether the newest blocks lie half way up to the incident, beyond what chance does."""
    count = max(RELAPSE_BLOCKS, RELAPSE_NS // blocks.table.step_ns)
    newest = blocks.judged[blocks.since][-count:]
    newest = newest[np.isfinite(newest)]
    if len(newest) < RELAPSE_BLOCKS:
        return False
    rise = float(newest.mean()) - base.mean
    chance = RELAPSE_DEVIATIONS * spread.widened / math.sqrt(len(newest))
    half = 0.5 * (wrong.mean - base.mean) if math.isfinite(wrong.mean) else 0.0
    return rise > margin + chance and rise > half


def _guards(trial: Trial, blocks: Blocks) -> dict[str, bool]:
    table, since = blocks.table, blocks.since
    if since.stop <= since.start:
        return {}
    load = table.total.sum(axis=0)
    quiet = float(np.quantile(load[blocks.before], 0.1))
    held = {
        "traffic": bool(load[since].mean() >= LEAST_LOAD * quiet),
        "traffic mix": blocks.mix.is_kept(table, since),
    }
    window = _Steps(trial.slice.index(trial.claimed_ns, up=True), trial.slice.steps)
    low = trial.slice.index(trial.onset_low_ns)
    for name, guard in trial.guards.items():
        held[name] = _is_no_worse(guard, slice(0, low), slice(window.start, window.end), trial)
    return held


@dataclass(frozen=True, slots=True)
class _Steps:
    """Steps from `start` up to `end`."""

    start: int
    end: int


def _is_no_worse(guard: Table, before: slice, since: slice, trial: Trial) -> bool:
    """Whether a share is no worse than before, by more than the tolerance and what chance does."""
    bad, total = guard.amount.sum(axis=0), guard.total.sum(axis=0)
    n0, n1 = float(total[before].sum()), float(total[since].sum())
    if n0 <= 0 or n1 <= 0:
        return True
    usual, now = float(bad[before].sum()) / n0, float(bad[since].sum()) / n1
    pooled = (usual * n0 + now * n1) / (n0 + n1)
    chance = 3 * math.sqrt(max(pooled * (1 - pooled), 0.0) * (1 / n0 + 1 / n1))
    return now <= usual * (1 + trial.tolerance) + 0.001 + 2 * chance


def _broken(guards: Mapping[str, bool]) -> str:
    """Returns in words which guards do not hold."""
    said = {
        "traffic": "there is much less traffic than before the incident",
        "traffic mix": "a part of the traffic that counted before is gone",
    }
    names = [name for name, held in guards.items() if not held]
    return " and ".join(said.get(name, f"there are more {name} than before") for name in names)


def _measured(
    trial: Trial, blocks: Blocks, base: Level, best: Bound | None, to_wrong: list[Bound]
) -> dict[str, float]:
    """Returns the levels in the measure's own unit, and the bounds as ratios."""

    def mean(part: slice) -> float:
        values = blocks.shown[part]
        values = values[np.isfinite(values)]
        return float(values.mean()) if len(values) else math.nan

    found = {
        "baseline": mean(blocks.before),
        "incident": mean(blocks.during),
        "now": mean(blocks.since),
    }
    if best is None:
        return found
    wrong = next((one for one in to_wrong if one.start == best.start), None)
    since = blocks.since
    found["now"] = mean(slice(since.start + best.start, since.stop))
    if trial.is_share:
        found |= _ratios("to_baseline", best, found["baseline"])
        if wrong is not None and math.isfinite(wrong.low):
            found |= _ratios("to_incident", wrong, found["incident"])
        return found
    found |= {"to_baseline_low": _exp(best.low), "to_baseline_high": _exp(best.high)}
    if wrong is not None and math.isfinite(wrong.low):
        found |= {"to_incident_low": _exp(wrong.low), "to_incident_high": _exp(wrong.high)}
    return found


def _ratios(name: str, bound: Bound, level: float) -> dict[str, float]:
    if not level > 0:
        return {}
    low, high = (level + bound.low) / level, (level + bound.high) / level
    return {f"{name}_low": max(0.0, low), f"{name}_high": max(0.0, high)}


def _exp(value: float) -> float:
    return math.exp(min(value, 700.0)) if math.isfinite(value) else math.inf


def _start_ns(blocks: Blocks, best: Bound | None) -> int:
    first = blocks.since.start + (best.start if best is not None else 0)
    return blocks.table.start_ns + first * blocks.table.step_ns


def _show(blocks: Blocks) -> tuple[FixPoint, ...]:
    """Returns the blocks to be drawn; of a long time the mean of several at once."""
    table, total = blocks.table, blocks.table.total.sum(axis=0)
    # As long before the incident as since then is enough to see by.
    first = max(blocks.before.start, 2 * blocks.before.stop - blocks.since.stop)
    width = max(1, -(-(blocks.since.stop - first) // MOST_POINTS))
    points: list[FixPoint] = []
    for at in range(first, blocks.since.stop - width + 1, width):
        part = slice(at, at + width)
        value, other = _mean(blocks.shown[part]), None
        if blocks.control is not None:
            other = _mean(blocks.control[part])
        points.append(
            FixPoint(table.start_ns + at * table.step_ns, value, int(total[part].sum()), other)
        )
    return tuple(points)


def _mean(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else math.nan
