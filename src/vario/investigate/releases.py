"""Whether a release is to blame: a vote over when, where, and beside what it answered.

After Gandalf (NSDI 2020): a release that began long before the onset counts less; one whose
requests are as good as those of other versions in the same region at the same minutes is cleared,
whatever came up with it; one is vetoed where the damage is as great in regions that it never
reached. Regions where all requests moved at once are compared with those that did not.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vario.investigate.case import Case, Clue
from vario.investigate.evidence import Notebook
from vario.investigate.frame import Frame, frame_of, join, make_effect
from vario.investigate.rates import (
    Change,
    Floats,
    RiskRatio,
    Stratum,
    compare_shares,
    pool_risks,
)
from vario.investigate.reader import Reader
from vario.investigate.words import say_share
from vario.model.filter import Compare, Field
from vario.model.investigation import Evidence, Finding, Moment, RuledOut
from vario.model.marker import Marker
from vario.model.telemetry import Signal, TimeRange
from vario.store.base import EvidenceReader

VERSION, REGION = Field("intrinsic", "model_version"), Field("intrinsic", "region")
SERVICE = Field("intrinsic", "service.name")
LONGEST_NS = 26 * 3600 * 10**9
DECAY_NS = 20 * 60 * 10**9
"""A release that began so long before the onset counts 1/e of one that began with it."""
WORSE, AS_GOOD = 1.25, 1.5
"""Risks against other versions: from `WORSE` on (by the lower bound) a release is to blame; below
`AS_GOOD` (by the upper bound) it is cleared."""
_SPREAD = 2.0
"""By so much bad requests scatter wider than Poisson."""
_LEAST_SHARE = 0.03
_LEAST_RISE = 0.1


@dataclass(frozen=True, slots=True)
class Traffic:
    """Requests by version, region and step, and those of them that were bad.

    `count` and `bad` have shape (versions, regions, steps).
    """

    versions: tuple[str, ...]
    regions: tuple[str, ...]
    count: Floats
    bad: Floats

    def share_of(self, version: int) -> Floats:
        """Returns a version's share of each region's requests, shape (regions, steps)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            total = self.count.sum(axis=0)
            return np.where(total > 0, self.count[version] / total, np.nan)


@dataclass(frozen=True, slots=True)
class Vote:
    """What speaks for and against a release.

    Attributes:
        began_ns: when it first answered.
        reached: regions that it answers in.
        risk: beside other versions in the same region and step; None where they never met.
        inside: change of the bad share in regions that moved to it; None where none did wholly.
        outside: change of the bad share in regions that it never reached.
        excess: bad requests more than there would have been.
        harmed: the reached regions in which the bad share rose.
    """

    began_ns: int
    reached: tuple[str, ...]
    risk: RiskRatio | None
    inside: Change | None
    outside: Change | None
    excess: float
    harmed: tuple[str, ...]


def probe_releases(reader: Reader, case: Case) -> Sequence[Clue]:
    """Returns the releases that came up in the case's time, as suspects or cleared."""
    frame = frame_of(case)
    traffic = read_traffic(reader, case, frame)
    book = Notebook(reader)
    clues: list[Clue] = []
    for index, version in enumerate(traffic.versions):
        began = _began(traffic, index, frame)
        if not version or began is None:
            continue
        vote = cast_vote(traffic, index, frame, began)
        place = f" in {', '.join(vote.reached)}" if any(vote.reached) else ""
        clues.append(
            Moment(vote.began_ns, "release", f"{version} begins to answer requests{place}")
        )
        clues.append(_judge(book, case, frame, traffic, version, vote))
    return clues


def read_traffic(reader: Reader, case: Case, frame: Frame) -> Traffic:
    """Returns the case's requests by version and region; bad ones by its symptom."""
    cube = reader.store.read_cube(
        Signal.TRACES, case.requests, frame.span, step_ns=frame.step_ns,
        by=(VERSION, REGION), slow_ns=case.slow_ns,
    )  # fmt: skip
    versions = tuple(sorted({version for version, _ in cube.keys}))
    regions = tuple(sorted({region for _, region in cube.keys}))
    count = np.zeros((len(versions), len(regions), frame.steps))
    bad = np.zeros_like(count)
    of_bad = cube.errors if case.symptom == "errors" else cube.slow
    for row, (version, region) in enumerate(cube.keys):
        at = versions.index(version), regions.index(region)
        count[at] += cube.count[row]
        bad[at] += of_bad[row]
    return Traffic(versions, regions, count, bad)


def find_rollouts(store: EvidenceReader, service: str, window: TimeRange) -> list[Marker]:
    """Returns when versions began to answer requests, and when earlier ones came back.

    Args:
        store: what is read; windows over a day are not looked through.
        service: `service.name`; empty for all of them.
        window: the first steps of it tell what is usual.
    """
    if not window.duration_ns <= LONGEST_NS:
        return []
    entry = Compare(Field("intrinsic", "entry"), "=", True)
    where = join(Compare(SERVICE, "=", service), entry) if service else entry
    step_ns = max(10**9, -(-window.duration_ns // 60))
    cube = store.read_cube(Signal.TRACES, where, window, step_ns=step_ns, by=(SERVICE, VERSION))
    totals: dict[str, Floats] = {}
    for (name, _), count in zip(cube.keys, cube.count, strict=True):
        totals[name] = totals.get(name, np.zeros(count.shape)) + count
    return [
        _mark(name, version, window.start_ns + step * step_ns)
        for (name, version), count in zip(cube.keys, cube.count, strict=True)
        if version
        for step in find_starts(count, totals[name])
    ]


def find_starts(count: Floats, total: Floats) -> list[int]:
    """Returns the steps in which a version comes up that was not there in the two before.

    Example:
        >>> find_starts(np.array([0, 0, 0, 4, 4, 0, 0, 9.0]), np.full(8, 10.0))
        [3, 7]
    """
    known = np.flatnonzero(total > 0)
    share = count[known] / total[known]
    return [
        int(known[place])
        for place in range(2, len(known))
        if share[place] >= _LEAST_SHARE and share[place - 2 : place].max() < 0.01
    ]


def _mark(service: str, version: str, time_ns: int) -> Marker:
    told = f"{service}\0{version}\0{time_ns}"
    return Marker(
        id=hashlib.sha256(told.encode()).hexdigest()[:12],
        time_ns=time_ns,
        kind="release",
        text=f"{version} begins to answer requests",
        service=service,
        scope={"model_version": version},
        source="traffic",
    )


def _began(traffic: Traffic, version: int, frame: Frame) -> int | None:
    """Returns the step in which a version came up, None where it did not."""
    total = traffic.count.sum(axis=(0, 1))
    mine = traffic.count[version].sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(total > 0, mine / total, 0.0)
    early = max(2, frame.steps // 10)
    usual = float(np.median(share[:early]))
    late = float(mine[frame.after].sum() / max(total[frame.after].sum(), 1e-9))
    if late - usual < _LEAST_RISE and not (usual < 0.01 and share.max() >= _LEAST_SHARE):
        return None
    above = np.flatnonzero(share >= max(_LEAST_SHARE, usual + _LEAST_SHARE))
    above = above[above >= early // 2 + 1]
    return int(above[0]) if len(above) else None


def cast_vote(traffic: Traffic, version: int, frame: Frame, began: int) -> Vote:
    """Returns what speaks for and against a version that came up in step `began`."""
    share = traffic.share_of(version)
    after = frame.after
    count, bad = traffic.count.sum(axis=0), traffic.bad.sum(axis=0)
    mine, mine_bad = traffic.count[version], traffic.bad[version]
    late = mine[:, after].sum(axis=1) / np.maximum(count[:, after].sum(axis=1), 1e-9)
    reached = late >= _LEAST_SHARE
    meet = after[None, :] & (share > 0.02) & (share < 0.98) & (count > 1)
    strata = [
        Stratum(
            float(mine_bad[r][meet[r]].sum()),
            float(mine[r][meet[r]].sum()),
            float((bad - mine_bad)[r][meet[r]].sum()),
            float((count - mine)[r][meet[r]].sum()),
        )
        for r in range(len(traffic.regions))
        if meet[r].sum() >= 2
    ]
    risk = pool_risks(strata, _SPREAD)
    moved = reached & (late >= 0.9)
    excess = (
        sum(max(0.0, s.bad - s.exposed * s.bad_others / max(s.others, 1e-9)) for s in strata)
        if risk is not None
        else _excess(bad[moved], count[moved], frame)
    )
    names = np.array(traffic.regions, dtype=object)
    harmed = [
        str(names[r])
        for r in np.flatnonzero(reached)
        if _rise(bad[r : r + 1], count[r : r + 1], frame).low > 0.02
    ]
    return Vote(
        began_ns=frame.start_of(began),
        reached=tuple(str(name) for name in names[reached]),
        risk=risk,
        inside=_rise(bad[moved], count[moved], frame) if moved.any() else None,
        outside=_rise(bad[~reached], count[~reached], frame) if (~reached).any() else None,
        excess=excess,
        harmed=tuple(harmed),
    )


def _rise(bad: Floats, count: Floats, frame: Frame) -> Change:
    return compare_shares(*frame.tallies(bad.sum(axis=0), count.sum(axis=0)))


def _excess(bad: Floats, count: Floats, frame: Frame) -> float:
    before, after = frame.tallies(bad.sum(axis=0), count.sum(axis=0))
    return max(0.0, after.total - after.over * before.total / max(before.over, 1e-9))


def _judge(
    book: Notebook, case: Case, frame: Frame, traffic: Traffic, version: str, vote: Vote
) -> Clue:
    subject = {"model_version": version}
    evidence = _cite(book, case, version)
    reason = _acquit(case, frame, version, vote)
    if reason:
        return RuledOut(subject, reason, evidence)
    lag_ns = max(0, case.onset_low_ns - vote.began_ns)
    decay = math.exp(-lag_ns / DECAY_NS)
    damage = _excess(traffic.bad.sum(axis=0), traffic.count.sum(axis=0), frame)
    measured = case.symptom in ("latency", "errors") and damage >= 5
    explained = min(1.0, vote.excess / damage) if measured else None
    belief, text = _weigh(case, version, vote)
    share = 1.0 if explained is None else min(1.0, max(0.2, 1.5 * explained))
    well = [region for region in vote.reached if region and region not in vote.harmed]
    where = {"region": ", ".join(vote.harmed)} if measured and vote.harmed and well else {}
    place = f" in {where['region']}" if where else ""
    change = vote.inside
    return Finding(
        kind="release",
        subject={**subject, **where},
        statement=f"{version} began to answer requests{place} {_say_lag(case, vote)}{text}.",
        effect=make_effect(
            "share of bad requests where it took over", "1", change.before, change.after,
            (change.low, change.high),
        ) if change is not None and measured else None,
        explained=explained,
        confidence=round(belief * decay * share * (0.85 if well and measured else 1.0), 3),
        onset_ns=vote.began_ns,
        evidence=evidence,
        contradicts=(f"{', '.join(well)} took it too and are well",) if well and measured else (),
        cause="release",
        next_step=f"Take {version} back{place}, and compare it with the version before.",
    )  # fmt: skip


def _acquit(case: Case, frame: Frame, version: str, vote: Vote) -> str:
    """Returns why a release is cleared, empty where it is not."""
    if vote.began_ns > case.onset_high_ns + frame.step_ns:
        minutes = (vote.began_ns - case.onset_ns) / 6e10
        return f"{version} began to answer {minutes:.0f} minutes after the symptom"
    if case.symptom not in ("latency", "errors"):
        return ""
    if vote.risk is not None and vote.risk.high < AS_GOOD and vote.risk.low < 1:
        return (
            f"beside other versions in the same region and minutes its requests are as good: "
            f"{vote.risk.ratio:.2f} times as many bad ones"
            f" ({vote.risk.low:.2f} to {vote.risk.high:.2f})"
        )
    if vote.outside is not None and vote.risk is None:
        mine = vote.inside.after - vote.inside.before if vote.inside is not None else 0.0
        if vote.outside.low > 0.5 * mine and vote.outside.low > 0.02:
            rise = say_share(vote.outside.after - vote.outside.before)
            return f"where it never answered, the share of bad requests rose too, by {rise}"
        if vote.inside is not None and vote.inside.high < 0.02:
            return "where it took over, requests are as good as before"
    return ""


def _weigh(case: Case, version: str, vote: Vote) -> tuple[float, str]:
    """Returns the belief in a release before time and share, and what it rests on in words."""
    if case.scope.get("model_version") == version:
        return 0.9, "; requests of other versions are well"
    if case.symptom not in ("latency", "errors"):
        return 0.5, ""
    if vote.risk is not None:
        if vote.risk.low > WORSE:
            return 0.95, (
                f"; in the same region and minutes its requests are {vote.risk.ratio:.1f} times"
                " as often bad as those of other versions"
            )
        return 0.35, "; beside other versions it is not clearly worse"
    if vote.outside is not None and vote.inside is not None and vote.inside.low > 0.02:
        return 0.85, "; where it never answered, requests are as good as before"
    return 0.5, "; everything moved to it at once, so that nothing is there to compare it with"


def _say_lag(case: Case, vote: Vote) -> str:
    minutes = (case.onset_ns - vote.began_ns) / 6e10
    return f"{minutes:.0f} minutes before the onset" if minutes >= 1.5 else "at the onset"


def _cite(book: Notebook, case: Case, version: str) -> tuple[Evidence, ...]:
    mine = join(case.requests, Compare(VERSION, "=", version))
    bad = (
        Compare(Field("intrinsic", "error"), "=", True)
        if case.symptom == "errors"
        else Compare(Field("intrinsic", "duration"), ">", case.slow_ns)
    )
    parts = [
        book.count(f"requests of {version} before", mine, case.baseline),
        book.count(f"requests of {version} since then", mine, case.window),
    ]
    if case.symptom in ("latency", "errors"):
        parts.append(book.count(f"bad requests of {version}", join(mine, bad), case.window))
    return tuple(parts)
