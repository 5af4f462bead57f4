"""Burn-rate alerts against single thresholds, over a simulated year; and agreement with Sloth.

The year: traffic with days and weeks, a floor of errors, blips of a minute or two every few hours,
and 50 outages of 3 minutes to 12 hours in which 0.5 to 100 % of requests fail. The objective is
99.9 % over 30 days. An outage is worth a page if it spends 2 % of the budget. A page is right if
it begins in an outage or within ten minutes after it, and each time it fires counts.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.report import Row
from vario.slo.windows import BurnWindow, plan_windows

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

YEAR_MIN = 365 * 1440
OUTAGES = 50
BUDGET = 0.001
WORTH = 0.02
PERIOD_MIN = 30 * 1440
AFTER_MIN = 10


@dataclass(frozen=True)
class Year:
    """Requests and bad ones a minute, and the outages: start, end, share of the budget spent."""

    total: Floats
    bad: Floats
    outages: NDArray[np.float64]


def make_year(seed: int = 5) -> Year:
    """Returns a year of traffic in which 50 outages lie apart from each other."""
    rng = np.random.default_rng(seed)
    t = np.arange(YEAR_MIN)
    day = 1 + 0.7 * np.sin(2 * np.pi * t / 1440)
    week = np.where(t // 1440 % 7 < 5, 1.0, 0.5)
    total = rng.poisson(600 * day * week + 20).astype(np.float64)
    share = np.full(YEAR_MIN, 0.0001)
    for start in rng.integers(0, YEAR_MIN - 3, 365 * 5):
        share[start : start + rng.integers(1, 3)] += rng.uniform(0.005, 0.05)
    slots = rng.choice(YEAR_MIN // 4320 - 1, OUTAGES, replace=False)
    spans = []
    for slot in sorted(slots.tolist()):
        start = slot * 4320 + int(rng.integers(0, 2880))
        end = start + int(np.exp(rng.uniform(np.log(3), np.log(720))))
        spans.append((start, end))
        share[start:end] += np.exp(rng.uniform(np.log(0.005), np.log(1.0)))
    bad = rng.binomial(total.astype(np.int64), np.minimum(1, share)).astype(np.float64)
    usual = total.mean() * PERIOD_MIN * BUDGET
    rows = [(start, end, bad[start:end].sum() / usual) for start, end in spans]
    return Year(total, bad, np.array(rows))


def share_in(year: Year, window: int) -> tuple[Floats, Floats]:
    """Returns the share of bad requests, and their number, in the window up to each minute."""
    sums = []
    for values in (year.bad, year.total):
        grown = np.concatenate(([0.0], np.cumsum(values)))
        start = np.maximum(np.arange(YEAR_MIN) + 1 - window, 0)
        sums.append(grown[1:] - grown[start])
    return sums[0] / np.maximum(sums[1], 1), sums[0]


def burn_alert(year: Year, windows: tuple[BurnWindow, ...], min_bad: float = 3) -> Flags:
    """Returns the minutes at which any of the windows' alerts fires."""
    fires = np.zeros(YEAR_MIN, dtype=np.bool_)
    for window in windows:
        long, bad = share_in(year, window.long_s // 60)
        short, _ = share_in(year, window.short_s // 60)
        limit = window.factor * BUDGET
        fires |= (long > limit) & (short > limit) & (bad >= min_bad)
    return fires


def threshold_alert(year: Year, window: int, limit: float, for_min: int = 0) -> Flags:
    """Returns the minutes at which one window has been over a limit for so long."""
    over = share_in(year, window)[0] > limit
    if for_min == 0:
        return over
    held = np.concatenate(([0], np.cumsum(over)))
    start = np.maximum(np.arange(YEAR_MIN) + 1 - for_min - 1, 0)
    return (held[1:] - held[start]) == for_min + 1


@dataclass(frozen=True)
class Verdict:
    """What an alert did in the year; delays in minutes, budget as a share of 30 days'."""

    pages: int
    right: int
    found: int
    worthy: int
    delays: Floats
    spent: Floats


def judge(year: Year, fires: Flags) -> Verdict:
    """Returns how well an alert told the outages apart from noise."""
    begins = np.flatnonzero(fires & ~np.concatenate(([False], fires[:-1])))
    starts, ends = year.outages[:, 0], year.outages[:, 1] + AFTER_MIN
    index = np.searchsorted(starts, begins, side="right") - 1
    right = (index >= 0) & (begins <= ends[np.maximum(index, 0)])
    usual = year.total.mean() * PERIOD_MIN * BUDGET
    delays: list[float] = []
    spent: list[float] = []
    worthy = 0
    for start, end, cost in year.outages.tolist():
        if cost < WORTH:
            continue
        worthy += 1
        first = np.flatnonzero(fires[int(start) : int(end) + AFTER_MIN])
        if len(first):
            delays.append(float(first[0]))
            spent.append(year.bad[int(start) : int(start) + int(first[0]) + 1].sum() / usual)
    return Verdict(
        len(begins), int(right.sum()), len(delays), worthy, np.array(delays), np.array(spent)
    )


def _rows(name: str, verdict: Verdict) -> Iterator[Row]:
    precision = verdict.right / max(verdict.pages, 1)
    yield Row(f"{name}: pages", verdict.pages, "a year", note=f"{verdict.right} in outages")
    yield Row(f"{name}: precision", round(precision, 3), "")
    recall = verdict.found / max(verdict.worthy, 1)
    note = f"{verdict.found} of {verdict.worthy} outages that spend 2 % of the budget"
    yield Row(f"{name}: recall", round(recall, 3), "", note=note)
    if len(verdict.delays):
        late = float(np.quantile(verdict.delays, 0.9))
        note = f"nine of ten within {late:.0f}"
        yield Row(f"{name}: detection delay", float(np.median(verdict.delays)), "min", note=note)
        part = 100 * float(np.median(verdict.spent))
        yield Row(f"{name}: budget spent before the page", round(part, 2), "%")


def simulate(seed: int = 5) -> dict[str, Verdict]:
    """Returns what each way of alerting did in the same year."""
    year = make_year(seed)
    pages = tuple(w for w in plan_windows(30 * 86_400) if w.severity == "page")
    return {
        "burn rate, two windows": judge(year, burn_alert(year, pages)),
        "burn rate, long windows alone": judge(
            year, threshold_alert(year, 60, 0.0144) | threshold_alert(year, 360, 0.006)
        ),
        "5 min over 1 %": judge(year, threshold_alert(year, 5, 0.01)),
        "5 min over 1 % for 10 min": judge(year, threshold_alert(year, 5, 0.01, 10)),
        "5 min over the objective": judge(year, threshold_alert(year, 5, BUDGET)),
        "1 h over the objective": judge(year, threshold_alert(year, 60, BUDGET)),
    }


def run() -> Iterator[Row]:
    """Yields the simulation's numbers, then the tables of agreement."""
    for name, verdict in simulate().items():
        yield from _rows(name, verdict)
    yield from _agreement()
    yield from _long_agreement()


def _agreement() -> Iterator[Row]:
    """Yields, for each SLO of the corpus, how many evaluations agree with Sloth's semantics."""
    from tests.slo import test_agreement as corpus
    from tests.support import slo_cases as cases
    from tests.support.memory_rules import evaluate_rules

    from vario.alert.rulefile import check_text

    for slo in corpus.NAMES:
        groups, _ = check_text(corpus.exported(slo), "slo.rules.yml")
        same = count = 0
        shapes = corpus.shapes_of(slo)
        for shape in shapes:
            fired = evaluate_rules(groups, cases.series(slo, shape, shapes[0]), corpus.MINUTES)
            for window, fires in cases.firing(slo, shape).items():
                none = np.zeros(corpus.MINUTES, dtype=bool)
                got = fired.get((slo, corpus.window_name(window)), none)
                same += int((got == fires).sum())
                count += len(fires)
        note = f"{count:,} evaluations, {len(shapes)} shapes of outages"
        yield Row(f"agreement with Sloth: {slo}", 100 * same / count, "%", "100", note)


def _long_agreement() -> Iterator[Row]:
    """Yields the same of nine days by steps of 15 minutes: all windows of days are filled."""
    from tests.slo import test_long_windows as corpus
    from tests.slo.test_agreement import window_name

    for slo in corpus.NAMES:
        for window, (same, count, fired) in corpus.compare(slo, corpus.shapes_of(slo)).items():
            name = window_name(window)
            note = f"{count:,} evaluations, all with a full window; fires in {fired:,}"
            yield Row(f"agreement over {name}: {slo}", 100 * same / count, "%", "100", note)
