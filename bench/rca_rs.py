"""Which slice of a video service's traffic broke: the 71 public incidents of RobustSpot (RS).

A case is a table of bad and all requests by CDN, bit rate and the like, a row a minute, and the
minute at which the alert fired. Only minutes up to the alert are read, and when it began is
estimated from them. Predicted is what the strongest description consists of, mostly one slice;
"everywhere" counts as a wrong answer. Exact match: all dimensions and values, none more.
"""

import csv
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from bench.report import Row
from vario.investigate.attribution import LeafTable, ScanSettings, attribute
from vario.investigate.leaves import RIPPLE, Columns, Excess, Floats
from vario.investigate.scan import Scan, build_cuboids

RS = Path(__file__).parents[2] / "shared" / "conformance" / "rca" / "rs"
BASELINE_MIN = 10
LONGEST_MIN = 5
LARGE = 100_000
COLUMNS = ("min", "value", "cnt")

Name = Mapping[str, str]
Answer = tuple[list[Name], list[Name]]
"""The slices that are blamed, and a ranking of slices."""

Method = Callable[[LeafTable, Columns, Columns], Answer]


@dataclass(frozen=True)
class Case:
    """An incident: the table up to the alert's minute, which is its last column, and the causes."""

    name: str
    table: LeafTable
    causes: tuple[Name, ...]


def read_table(path: Path, until: int) -> LeafTable:
    """Returns the table of a file up to the minute `until`."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if int(row["min"]) <= until]
    dims = tuple(name for name in rows[0] if name not in COLUMNS)
    minutes = sorted({int(row["min"]) for row in rows})
    leaves = sorted({tuple(row[dim] for dim in dims) for row in rows})
    values = tuple(tuple(sorted({leaf[i] for leaf in leaves})) for i in range(len(dims)))
    column = {minute: i for i, minute in enumerate(minutes)}
    position = {leaf: i for i, leaf in enumerate(leaves)}
    amount = np.zeros((len(leaves), len(minutes)))
    total = np.zeros_like(amount)
    for row in rows:
        at = position[tuple(row[dim] for dim in dims)], column[int(row["min"])]
        amount[at] += float(row["value"])
        total[at] += float(row["cnt"])
    codes = np.array([[values[i].index(leaf[i]) for i in range(len(dims))] for leaf in leaves])
    return LeafTable(dims, values, codes.reshape(len(leaves), len(dims)), amount, total)


def read_cases(folder: Path = RS) -> Iterator[Case]:
    """Yields every case of the folder."""
    for case in yaml.safe_load((folder / "anomaly.yaml").read_text(encoding="utf-8")):
        causes = case["cause"] if isinstance(case["cause"], list) else [case["cause"]]
        yield Case(
            case["data"],
            read_table(folder / f"{case['data']}.csv", case["timestamp"]),
            tuple({dim: str(value) for dim, value in cause.items()} for cause in causes),
        )


def estimate_windows(table: LeafTable) -> tuple[Columns, Columns]:
    """Returns the minutes of the baseline and of the incident that lasts to the last minute.

    It began where the rate of all traffic last rose through half its height; the height is taken
    over the median of the minutes before.
    """
    last = table.amount.shape[1] - 1
    rate = table.amount.sum(0) / np.maximum(table.total.sum(0), 1)
    half = (np.median(rate[max(0, last - BASELINE_MIN) : last]) + rate[last]) / 2
    onset = last
    while onset > 1 and last - onset < LONGEST_MIN and rate[onset - 1] >= half:
        onset -= 1
    return np.arange(max(0, onset - BASELINE_MIN), onset), np.arange(onset, last + 1)


def scan_slices(table: LeafTable, before: Columns, after: Columns) -> Answer:
    """Returns what vario's own scan blames."""
    found = attribute(table, before, after, ScanSettings(max_placebos=0, candidates=8))
    return [one.where for one in found.strongest], [one.where for one in found.candidates]


def _rank_values(table: LeafTable, score: Floats) -> Answer:
    """Returns single values by the sum of `score` (leaves) over their leaves, the highest first."""
    ranked: list[tuple[float, Name]] = []
    for i, (dim, values) in enumerate(zip(table.dims, table.values, strict=True)):
        sums = np.bincount(table.codes[:, i], score, len(values))
        ranked += [(float(sums[code]), {dim: value}) for code, value in enumerate(values)]
    names = [name for _, name in sorted(ranked, key=lambda pair: -pair[0])]
    return names[:1], names[:3]


def most_bad(table: LeafTable, before: Columns, after: Columns) -> Answer:
    """Blames the value with the most bad requests in the window."""
    return _rank_values(table, table.amount[:, after].sum(1))


def most_more_bad(table: LeafTable, before: Columns, after: Columns) -> Answer:
    """Blames the value whose bad requests a minute rose most."""
    return _rank_values(table, table.amount[:, after].mean(1) - table.amount[:, before].mean(1))


def over_represented(table: LeafTable, before: Columns, after: Columns) -> Answer:
    """Blames the value whose share of the bad requests exceeds that of all requests most."""
    bad, total = table.amount[:, after].sum(1), table.total[:, after].sum(1)
    return _rank_values(table, bad / max(bad.sum(), 1) - total / max(total.sum(), 1))


METHODS: Mapping[str, Method] = {
    "vario": scan_slices,
    "most bad requests": most_bad,
    "most added bad requests": most_more_bad,
    "over-represented among the bad": over_represented,
}


@dataclass(frozen=True)
class Score:
    """How a method did: exact matches as F1, causes among its first three, seconds a case."""

    f1: float
    recall_at_3: float
    median_s: float
    slowest_s: float


def measure(cases: Sequence[Case], method: Method) -> Score:
    """Returns the score of a method; every case counts."""
    hits = blamed = causes = ranked = 0
    took: list[float] = []
    for case in cases:
        start = time.perf_counter()
        answer, ranking = method(case.table, *estimate_windows(case.table))
        took.append(time.perf_counter() - start)
        first = [name for name in ranking if name][:3]
        hits += sum(name in case.causes for name in answer)
        ranked += sum(cause in first for cause in case.causes)
        blamed += len(answer)
        causes += len(case.causes)
    return Score(
        2 * hits / max(blamed + causes, 1),
        ranked / max(causes, 1),
        float(np.median(took)),
        max(took),
    )


def measure_large(rounds: int = 5) -> float:
    """Returns the median processor seconds of one scan over 100,000 leaves by 8 dimensions."""
    sizes = (5, 4, 6, 3, 2, 8, 10, 40)
    rng = np.random.default_rng(1)
    codes = np.stack([rng.integers(0, size, LARGE) for size in sizes], 1)
    expected = rng.gamma(2, 1, (LARGE, 1))
    excess = rng.normal(0, np.sqrt(expected))
    excess[(codes[:, 0] == 1) & (codes[:, 2] == 3)] += 5
    table = Excess(expected, excess, expected, expected + (RIPPLE * expected) ** 2)
    took: list[float] = []
    for _ in range(rounds):
        start = time.process_time()
        Scan(build_cuboids(codes, sizes, 3), table, ScanSettings().min_share).find_best(16, 3)
        took.append(time.process_time() - start)
    return float(np.median(took))


def run() -> Iterator[Row]:
    """Measures vario's scan and the trivial methods; both halves show how much is chance."""
    if not RS.exists():
        print(f"SKIPPED: no RS incidents at {RS}", file=sys.stderr)
        return
    cases = list(read_cases())
    own = measure(cases, scan_slices)
    yield Row("incidents", len(cases), "cases")
    yield Row("vario: exact match, F1", own.f1, "1", ">= 0.70")
    yield Row("vario: causes among the first three", own.recall_at_3, "1", ">= 0.87")
    yield Row("vario: a case", own.median_s * 1000, "ms", "<= 50", f"slowest {own.slowest_s:.3f} s")
    note = "100,000 leaves, 8 dimensions, 92 combinations; one processor"
    yield Row("a scan of a large table", measure_large() * 1000, "ms", "<= 100", note)
    for half in (0, 1):
        part = measure(cases[half::2], scan_slices)
        note = f"first three {part.recall_at_3:.2f}"
        yield Row(f"vario: every second case from {half}, F1", part.f1, "1", "", note)
    for name, method in METHODS.items():
        if method is not scan_slices:
            score = measure(cases, method)
            note = f"first three {score.recall_at_3:.2f}"
            yield Row(f"{name}, F1", score.f1, "1", "", note)
