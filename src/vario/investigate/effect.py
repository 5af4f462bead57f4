"""How much the symptom moved over a part of the traffic, with an interval and its queries."""

import math
from collections.abc import Sequence

import numpy as np

from vario.investigate.evidence import DURATION, Notebook
from vario.investigate.paths import RequestPath
from vario.model.filter import And, Compare, Field, Filter
from vario.model.investigation import Effect, Evidence, Symptom
from vario.model.telemetry import TimeRange

DESIGN_EFFECT = 2.0
"""Variances of requests that come in crowds, over those of independent ones."""
_FAILED = Compare(Field("intrinsic", "error"), "=", True)


def measure_effect(
    notebook: Notebook,
    symptom: Symptom,
    where: tuple[Filter, Filter],
    windows: tuple[TimeRange, TimeRange],
    paths: tuple[Sequence[RequestPath], Sequence[RequestPath]],
) -> tuple[Effect, tuple[Evidence, ...]]:
    """Returns what moved: the p95 of durations, or the share of requests that fail.

    `where`, `windows` and `paths` are those of before and since.
    The interval of a p95 comes from the sampled requests' order statistics.
    """
    if symptom == "errors":
        return _measure_errors(notebook, where, windows)
    shown = tuple(
        notebook.select(f"p95 of durations {word}", "p95", DURATION, part, window)
        for word, part, window in zip(("before", "since"), where, windows, strict=True)
    )
    before, after = (one.value for one in shown)
    spread = math.hypot(*(_spread_of_p95([path.duration_s for path in one]) for one in paths))
    effect = Effect(
        "p95 latency", "s", before, after, after - before - spread, after - before + spread
    )
    return effect, shown


def failing(where: Filter) -> Filter:
    """Returns the condition of a request that it is one of these and fails."""
    operands = where.operands if isinstance(where, And) else (where,)
    return And((*operands, _FAILED))


def _measure_errors(
    notebook: Notebook, where: tuple[Filter, Filter], windows: tuple[TimeRange, TimeRange]
) -> tuple[Effect, tuple[Evidence, ...]]:
    evidence: list[Evidence] = []
    shares: list[float] = []
    variance = 0.0
    for word, part, window in zip(("before", "since"), where, windows, strict=True):
        bad = notebook.count(f"requests that failed {word}", failing(part), window)
        total = notebook.count(f"requests {word}", part, window)
        evidence += [bad, total]
        shares.append(bad.value / max(total.value, 1.0))
        variance += DESIGN_EFFECT * shares[-1] * (1 - shares[-1]) / max(total.value, 1.0)
    spread = 1.96 * math.sqrt(variance)
    moved = shares[1] - shares[0]
    effect = Effect("error rate", "1", shares[0], shares[1], moved - spread, moved + spread)
    return effect, tuple(evidence)


def _spread_of_p95(durations_s: Sequence[float]) -> float:
    """Returns half of the 95 % interval of a p95, by ranks."""
    count = len(durations_s)
    if count < 5:
        return math.inf
    ordered = np.sort(np.array(durations_s))
    reach = 1.96 * math.sqrt(DESIGN_EFFECT * 0.95 * 0.05 * count)
    low = max(0, int(0.95 * count - reach))
    high = min(count - 1, math.ceil(0.95 * count + reach))
    return float(ordered[high] - ordered[low]) / 2
