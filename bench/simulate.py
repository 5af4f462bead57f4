"""Causes found, and healthy services that are not blamed, over services on paper.

Every case is one day of a service of its own. `BENCH_CASES` of each kind, 3 by default; 15 of each
make 105 healthy controls. `BENCH_KINDS` names some kinds only.

    BENCH_CASES=15 BENCH_KINDS=quiet,waves python -m bench simulate
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from bench.report import Row
from bench.service import Plan, Simulation
from vario.clock import ManualClock
from vario.config import RetentionSettings, StoreSettings
from vario.investigate.fuse import CAUSES as CAUSAL
from vario.investigate.pipeline import investigate
from vario.investigate.probers import PROBERS
from vario.investigate.reader import Reader
from vario.model.investigation import Finding, Investigation, Question
from vario.model.telemetry import TimeRange
from vario.store.clickhouse import ClickHouseStore, open_store

CAUSES = ("cache", "release", "batch", "upstream", "deploy_slow", "tier_errors")
CONTROLS = ("quiet", "absorbed_surge", "waves", "harmless_release", "mix_shift", "noisy_replica")
PLANS: Mapping[str, Plan] = {
    **{kind: Plan(kind, 0) for kind in (*CAUSES, *CONTROLS)},
    "daily_rise": Plan("quiet", 0, rise=0.6, earlier=(1, 7)),
    "cache_at_a_daily_rise": Plan("cache", 0, rise=0.4, earlier=(1,)),
}
"""What is measured: the kinds that are controls have nothing wrong with them."""
HEALTHY = frozenset((*CONTROLS, "daily_rise"))
BANDS = (0.15, 0.3, 0.5, 0.7, 0.9, 1.01)
_DAY_NS = 86_400 * 10**9
_START_NS = 1_750_000_000 * 10**9


@dataclass(frozen=True, slots=True)
class Case:
    """An answer, and the service that it is about."""

    name: str
    seed: int
    answer: Investigation
    made: Simulation

    @property
    def is_first(self) -> bool:
        """Whether the first finding names what was planted."""
        found = self.answer.findings
        return bool(found) and is_named(found[0].subject, self.made.planted)


def is_named(subject: Mapping[str, str], planted: Mapping[str, str]) -> bool:
    """Returns whether a finding's subject names what was planted, a span by its operation."""
    return bool(planted) and all(
        subject.get(name, "").split(".")[-1] == value.split(".")[-1]
        if name == "span"
        else subject.get(name) == value
        for name, value in planted.items()
    )


def run() -> Iterator[Row]:
    """Measures causes found first, controls in which one is named, and how sure findings are."""
    cases = int(os.environ.get("BENCH_CASES", "3"))
    kinds = [one for one in os.environ.get("BENCH_KINDS", "").split(",") if one] or list(PLANS)
    seen: list[Case] = []
    for kind in kinds:
        found = list(ask_all(kind, range(cases)))
        seen += found
        named = sum(one.answer.verdict == "explained" for one in found)
        if kind in HEALTHY:
            signs = sum(one.answer.verdict != "no_change" for one in found)
            yield Row(kind, named, f"of {cases} blamed", "0", f"{signs} seen at all")
        else:
            first = sum(one.is_first for one in found)
            yield Row(kind, first, f"of {cases} first", "", f"{named} with confidence")
    yield from reliability(seen)


def reliability(seen: list[Case]) -> Iterator[Row]:
    """Yields how often the cause that comes first is the planted one, by its confidence."""
    firsts = [(one, cause) for one in seen if (cause := first_cause(one.answer)) is not None]
    for low, high in pairwise(BANDS):
        band = [(one, cause) for one, cause in firsts if low <= cause.confidence < high]
        right = sum(is_named(cause.subject, one.made.planted) for one, cause in band)
        name = f"confidence {low:g} to {min(high, 1):g}: the planted cause"
        yield Row(name, right, f"of {len(band)}")


def first_cause(answer: Investigation) -> Finding | None:
    """Returns the first finding that says why."""
    return next((one for one in answer.findings if one.kind in CAUSAL), None)


def ask_all(kind: str, seeds: range) -> Iterator[Case]:
    """Yields the answers to the cases of a kind, in a store of their own."""
    keep = RetentionSettings(
        metrics_days=10_000, logs_days=10_000, traces_days=10_000, alerts_days=10_000
    )
    settings = StoreSettings(dsn="chdb://memory/simulate", retention=keep)
    store = open_store(settings, ManualClock(_START_NS))
    try:
        for seed in seeds:
            yield _ask(store, kind, replace(PLANS[kind], seed=seed))
    finally:
        store.engine.command("DROP DATABASE `simulate` SYNC")
        store.close()


def _ask(store: ClickHouseStore, kind: str, plan: Plan) -> Case:
    start_ns = _START_NS + (10 + plan.seed) * _DAY_NS
    made = Simulation(plan, f"ml-{kind.replace('_', '-')}-{plan.seed}", start_ns)
    made.write(store)
    end_ns = made.window.end_ns
    question = Question(made.service, TimeRange(end_ns - 600 * 10**9, end_ns))
    answer = investigate(Reader(store), question, ManualClock(end_ns), PROBERS)
    return Case(kind, plan.seed, answer, made)
