"""Which service broke: the public part of PetShop, a shop of 42 services on AWS.

A case is five steps of five minutes around a fault, with latency, availability and requests of each
service, the graph of calls, and the service that suffers (always the shop's front). When it began
is estimated. What is usual is learned from two days without faults; the two data sets with waves of
traffic come without such days here, and are held against those of the others. Fault-free periods:
each half of the two days is asked about with the other half as history, five steps at a time, all
of them; whoever is blamed then is blamed wrongly. A fault on which nothing is blamed is a miss.

All faults of this part have the same cause; "always the same service" is right every time, and a
method's top-1 says little here without its specificity.
"""

import csv
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from bench.report import Row
from vario.investigate.leaves import Floats
from vario.investigate.ranking import Callees, Panel, learn_usual, rank_nodes

PETSHOP = Path(__file__).parents[2] / "shared" / "conformance" / "rca" / "petshop"
WITH_HISTORY = ("high_traffic", "low_traffic")
EVENT = {"latency": None, "availability": 1.0}
STEPS = 5
FRONT = "PetSite"


@dataclass(frozen=True)
class Metrics:
    """A file of metrics: for (service, metric) its values, NaN where there are none."""

    values: dict[tuple[str, str], Floats]
    steps: int

    @property
    def services(self) -> tuple[str, ...]:
        return tuple(sorted({service for service, _ in self.values}))

    def panel(self, metric: str, services: tuple[str, ...]) -> Panel:
        """Returns failed requests, or seconds in all, of the services step by step."""
        nothing = np.full(self.steps, np.nan)
        amount, requests = np.zeros((2, len(services), self.steps))
        for i, service in enumerate(services):
            value = self.values.get((service, metric), nothing)
            each = 1 - value / 100 if metric == "availability" else value
            count = np.nan_to_num(self.values.get((service, "requests"), nothing))
            requests[i] = np.where(np.isnan(each), 0, count)
            amount[i] = np.nan_to_num(each) * requests[i]
        return Panel(services, amount, requests)


@dataclass(frozen=True)
class Fault:
    """A case: the question, and in `cause` the answer that is only compared with."""

    name: str
    folder: str
    metric: str
    target: str
    window: Metrics
    cause: str


@cache
def read_metrics(path: Path) -> Metrics:
    """Returns the averages and sums in a file of metrics."""
    with path.open(encoding="utf-8", newline="") as file:
        service, metric, statistic, _, *rows = csv.reader(file)
    values = {
        (service[i], metric[i]): np.array([float(row[i] or "nan") for row in rows])
        for i in range(1, len(service))
        if statistic[i] in ("Average", "Sum")
    }
    return Metrics(values, len(rows))


def read_graph(folder: str) -> Callees:
    """Returns who calls whom."""
    with (PETSHOP / folder / "graph.csv").open(encoding="utf-8", newline="") as file:
        (_, *called), *rows = csv.reader(file)
    return {
        row[0]: tuple(called[i] for i, flag in enumerate(row[1:]) if float(flag)) for row in rows
    }


def read_faults() -> Iterator[Fault]:
    """Yields every case."""
    for path in sorted(PETSHOP.glob("*/train/*/target.json")):
        case = json.loads(path.read_text(encoding="utf-8"))
        yield Fault(
            "/".join(path.parts[-4:-1]),
            path.parts[-4],
            case["target"]["metric"],
            case["target"]["node"],
            read_metrics(path.with_name("metrics.csv")),
            case["root_cause"]["node"],
        )


def history(folder: str, metric: str, services: tuple[str, ...]) -> Panel:
    """Returns the days without faults of a data set, or of those that have some."""
    folders = (folder,) if folder in WITH_HISTORY else WITH_HISTORY
    panels = [
        read_metrics(PETSHOP / name / "noissue" / "metrics.csv").panel(metric, services)
        for name in folders
    ]
    amount = np.hstack([panel.amount for panel in panels])
    return Panel(services, amount, np.hstack([panel.requests for panel in panels]))


Answer = tuple[list[str], bool]
"""Services, the first one blamed most, and whether any is blamed."""

Method = Callable[[Panel, Panel, Callees, str, str], Answer]


def rank_with_vario(
    usual: Panel, window: Panel, callees: Callees, target: str, metric: str
) -> Answer:
    """Returns vario's own ranking."""
    blame = rank_nodes(usual, window, callees, target, EVENT[metric])
    return [suspect.node for suspect in blame.suspects], blame.stands_out


def _deviations(usual: Panel, window: Panel, metric: str) -> Floats:
    known = learn_usual(usual, EVENT[metric])
    rate = window.amount / np.maximum(window.requests, 1e-12)
    z = (rate - known.rate[:, None]) / known.deviation[:, None]
    return np.where(known.known, np.where(window.requests > 0, z, 0).max(1), 0)


def most_unusual(usual: Panel, window: Panel, callees: Callees, target: str, metric: str) -> Answer:
    """Blames the service with the largest robust deviation in any step."""
    z = _deviations(usual, window, metric)
    return [window.nodes[i] for i in np.argsort(-z)], bool(z.max() > 3)


def deepest_unusual(
    usual: Panel, window: Panel, callees: Callees, target: str, metric: str
) -> Answer:
    """Walks from the target along unusual callees to one that calls no unusual one."""
    z = dict(zip(window.nodes, _deviations(usual, window, metric), strict=True))
    path = [target]
    while True:
        worse = [node for node in callees.get(path[-1], ()) if z.get(node, 0) > 3]
        worse = [node for node in worse if node not in path]
        if not worse:
            return path[::-1], bool(z[target] > 3)
        path.append(max(worse, key=lambda node: z[node]))


def busiest_callee(
    usual: Panel, window: Panel, callees: Callees, target: str, metric: str
) -> Answer:
    """Blames the target's callee with the most requests, whatever happens."""
    count = dict(zip(window.nodes, window.requests.sum(1), strict=True))
    ranked = sorted(callees.get(target, ()), key=lambda node: -count.get(node, 0))
    return ranked, True


METHODS: dict[str, Method] = {
    "vario": rank_with_vario,
    "most unusual service": most_unusual,
    "deepest unusual service": deepest_unusual,
    "busiest callee": busiest_callee,
}


@dataclass(frozen=True)
class Score:
    """Shares of the faults and of the fault-free periods of one metric."""

    cases: int
    top_1: float
    top_3: float
    ranked_first: float
    specificity: float
    periods: int
    slowest_s: float


def measure(method: Method, metric: str) -> Score:
    """Returns how a method does on all faults and periods of a metric."""
    faults = [fault for fault in read_faults() if fault.metric == metric]
    first = named = among = 0
    slowest = 0.0
    for fault in faults:
        services = fault.window.services
        usual = history(fault.folder, metric, services)
        window = fault.window.panel(metric, services)
        start = time.perf_counter()
        ranked, stands_out = method(usual, window, read_graph(fault.folder), fault.target, metric)
        slowest = max(slowest, time.perf_counter() - start)
        first += ranked[:1] == [fault.cause]
        named += stands_out and ranked[:1] == [fault.cause]
        among += stands_out and fault.cause in ranked[:3]
    quiet = [_stays_quiet(method, metric, folder) for folder in WITH_HISTORY]
    periods = [period for part in quiet for period in part]
    count = len(faults)
    return Score(
        count,
        named / count,
        among / count,
        first / count,
        float(np.mean(periods)),
        len(periods),
        slowest,
    )


def _stays_quiet(method: Method, metric: str, folder: str) -> list[bool]:
    """Returns for every fault-free period whether nothing was blamed."""
    metrics = read_metrics(PETSHOP / folder / "noissue" / "metrics.csv")
    panel = metrics.panel(metric, metrics.services)
    callees = read_graph(folder)
    middle = metrics.steps // 2
    halves = panel.stretch(0, middle), panel.stretch(middle, metrics.steps)
    quiet: list[bool] = []
    for usual, asked in (halves, halves[::-1]):
        for start in range(0, asked.amount.shape[1] - STEPS + 1, STEPS):
            window = asked.stretch(start, start + STEPS)
            quiet.append(not method(usual, window, callees, FRONT, metric)[1])
    return quiet


def run() -> Iterator[Row]:
    """Measures vario's ranking and the trivial methods, for latency and availability."""
    if not PETSHOP.exists():
        print(f"SKIPPED: no PetShop data at {PETSHOP}", file=sys.stderr)
        return
    for name, method in METHODS.items():
        own = method is rank_with_vario
        for metric in EVENT:
            score = measure(method, metric)
            title = f"{name}: {metric}"
            ranks = f"top-3 {score.top_3:.2f}, ranked first {score.ranked_first:.2f}"
            note = f"{score.cases} faults, {ranks}"
            yield Row(f"{title}, top-1", score.top_1, "1", ">= 0.75" if own else "", note)
            note = f"{score.periods} periods, slowest case {score.slowest_s:.2f} s"
            goal = ">= 0.85" if own else ""
            yield Row(f"{title}, specificity", score.specificity, "1", goal, note)
