"""Resources that filled up, ran dry or idle since the onset: gauges and counters of any exporter.

Metrics are found by the words in their names, joined to the slice by their labels, and ranked by
how far they moved (a robust score, after BARO), how early, and how closely they follow the damage.
A resource that moved may be the cause or the first victim, so it never convicts by itself.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vario.investigate.case import Case, Clue
from vario.investigate.evidence import Notebook
from vario.investigate.frame import (
    Flags,
    Frame,
    believe,
    frame_of,
    judge_time,
    make_effect,
    say_scope,
)
from vario.investigate.meters import list_metrics
from vario.investigate.rates import (
    FALSE_DISCOVERIES,
    Floats,
    adjust,
    find_start,
    score_shift,
    two_sided,
)
from vario.investigate.reader import Reader
from vario.model.investigation import Evidence, Finding
from vario.model.series import LabelPairs
from vario.model.telemetry import Signal, TimeRange

MOST_METRICS = 32
MOST_FINDINGS = 3
LEAST_MOVE = 0.25
"""Relative to the larger of both levels, a resource must move by so much."""
_CEILING = 0.66
_MOST_SERIES = 400
_MEMORY = 2.0
"""Minutes resemble the ones before them: scores count as if they were so many times smaller."""

_WORDS: Sequence[tuple[str, str]] = (
    (r"cache", "cache"),
    (r"gpu|DCGM", "capacity"),
    (r"queue|pending|waiting|backlog|in_?flight|in_progress|running", "capacity"),
    (r"util|cpu|load|saturat|throttl", "capacity"),
    (r"memory|rss|heap|kv_cache|oom", "memory"),
    (r"pool|connections|threads|workers|slots|fds|sockets", "capacity"),
    (r"evict|hit|miss", "cache"),
    (r"retr(y|ies)|timeouts?|reject|drop|refus|circuit", "upstream"),
    (r"disk|io_|network|bytes", "capacity"),
    (r"gc_|pause", "memory"),
)
_KNOWN = [(re.compile(word, re.IGNORECASE), cause) for word, cause in _WORDS]
# What says how requests fare, how models do, what it costs, and what is about telemetry itself.
_OTHERS = re.compile(
    r"ALERTS.*|up|target_info|scrape_.*|vario_.*|.*(_bucket|_created|_info)|.*:.*|slo_.*"
    r"|.*(latency|duration|step_seconds|requests?_total|request_count|_seconds_(sum|count)).*"
    r"|feature_(missing|value|category|invalid|presence).*|prediction.*|drift_.*|.*cost.*|.*_usd.*"
    r"|.*replicas.*|.*(batch_size).*|go_.*|python_info|process_start.*",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Moved:
    """A metric that moved in the slice.

    Attributes:
        name: the metric.
        expression: PromQL over the slice's series, for one window (`{range}`).
        before: its level; `after` likewise.
        score: robust deviations between them; `elsewhere` the same outside the slice, if any.
        follows: correlation with the damage over the steps, 0 to 1.
        began_ns: when it left its range, 0 for unknown.
    """

    name: str
    expression: str
    before: float
    after: float
    score: float
    elsewhere: float | None
    follows: float
    began_ns: int


def probe_resources(reader: Reader, case: Case) -> Sequence[Clue]:
    """Returns the resources that moved with the damage, the most telling first."""
    frame = frame_of(case, 45)
    names = [name for name in list_metrics(reader, case) if cause_of(name)][:MOST_METRICS]
    if not names:
        return ()
    damage = _damage(reader, case, frame)
    tested = [one for name in names if (one := _test(reader, case, frame, name, damage))]
    adjusted = adjust([two_sided(one.score / _MEMORY) for one in tested])
    book = Notebook(reader)
    clues = [
        _tell(book, case, one, q)
        for one, q in zip(tested, adjusted, strict=True)
        if q <= FALSE_DISCOVERIES and _share(one) >= LEAST_MOVE
    ]
    clues.sort(key=lambda one: -one.confidence)
    return clues[:MOST_FINDINGS]


def cause_of(name: str) -> str:
    """Returns the class of causes that a metric speaks of, empty where it is no resource.

    Example:
        >>> cause_of("feature_cache_entries"), cause_of("inference_latency_seconds_bucket")
        ('cache', '')
    """
    if _OTHERS.fullmatch(name):
        return ""
    return next((cause for word, cause in _KNOWN if word.search(name)), "")


def _damage(reader: Reader, case: Case, frame: Frame) -> Floats:
    """Returns the share of bad requests of the slice by step, NaN for steps without any."""
    cube = reader.store.read_cube(
        Signal.TRACES, case.slice, frame.span, step_ns=frame.step_ns, by=(), slow_ns=case.slow_ns
    )
    bad = cube.errors if case.symptom == "errors" else cube.slow
    count = cube.count.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(count > 0, bad.sum(axis=0) / count, np.nan)


def _test(reader: Reader, case: Case, frame: Frame, name: str, damage: Floats) -> Moved | None:
    counts = name.endswith("_total")
    look_ms = max(2 * frame.step_ns // 10**6, 60_000)
    expression = f"rate({name}[{look_ms}ms])" if counts else name
    measured = reader.evaluate_range(expression, frame.span, frame.step_ns)
    if not 0 < len(measured.labels) <= _MOST_SERIES:
        return None
    limits = _join(case, measured.labels)
    chosen = np.array([_fits(dict(labels), limits) for labels in measured.labels])
    values = np.full((len(measured.labels), frame.steps), np.nan)
    width = min(frame.steps, measured.values.shape[1])
    values[:, :width] = measured.values[:, :width]
    inside = _combine(values[chosen], total=counts)
    score = score_shift(inside[frame.before], inside[frame.after])
    if abs(score) < 4.0:
        return None
    others = _others(measured.labels, limits)
    elsewhere = None
    if others.any():
        rest = _combine(values[others], total=counts)
        elsewhere = score_shift(rest[frame.before], rest[frame.after])
    where = ", ".join(f'{label}="{_escape(value)}"' for label, value in sorted(limits.items()))
    selector = f"{name}{{{where}}}" if where else name
    start = find_start(inside, frame.boundary(case.onset_ns))
    return Moved(
        name=name,
        expression=(
            f"sum(rate({selector}[{{range}}]))" if counts
            else f"avg(avg_over_time({selector}[{{range}}]))"
        ),
        before=float(np.nanmedian(inside[frame.before])),
        after=float(np.nanmedian(inside[frame.after])),
        score=score,
        elsewhere=elsewhere,
        follows=_follow(inside, damage),
        began_ns=0 if start is None else frame.start_of(start),
    )  # fmt: skip


def _join(case: Case, series: Sequence[LabelPairs]) -> dict[str, str]:
    """Returns the labels that series of the slice have: those of its scope, and its service's."""
    values: dict[str, set[str]] = {}
    for labels in series:
        for name, value in labels:
            values.setdefault(name, set()).add(value)
    limits: dict[str, str] = {}
    for field, value in case.scope.items():
        label = re.sub(r"\W", "_", field.removeprefix("attributes.").removeprefix("resource."))
        if value in values.get(label, ()):
            limits[label] = value
    if case.service in values.get("job", ()):
        limits["job"] = case.service
    return limits


def _fits(labels: Mapping[str, str], limits: Mapping[str, str]) -> bool:
    return all(labels.get(name) == value for name, value in limits.items())


def _others(series: Sequence[LabelPairs], limits: Mapping[str, str]) -> Flags:
    """Returns which series belong to the same service, and to another part of its traffic."""
    job = {name: value for name, value in limits.items() if name == "job"}
    parts = {name: value for name, value in limits.items() if name != "job"}
    found = [
        bool(parts) and _fits(dict(labels), job) and not _fits(dict(labels), parts)
        for labels in series
    ]
    return np.array(found, dtype=np.bool_)


def _combine(values: Floats, *, total: bool) -> Floats:
    """Returns the sum of counters' rates, or the mean of gauges, by step."""
    known = np.isfinite(values)
    summed = np.where(known, values, 0.0).sum(axis=0)
    number = known.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(number > 0, summed if total else summed / number, np.nan)


def _follow(values: Floats, damage: Floats) -> float:
    """Returns how closely ranks of a series follow those of the damage, whatever the sign."""
    known = np.isfinite(values) & np.isfinite(damage)
    if known.sum() < 8:
        return 0.0
    ranks = [np.argsort(np.argsort(one[known])).astype(np.float64) for one in (values, damage)]
    spreads = [float(rank.std()) for rank in ranks]
    if min(spreads) == 0:
        return 0.0
    product = float(np.mean((ranks[0] - ranks[0].mean()) * (ranks[1] - ranks[1].mean())))
    return min(1.0, abs(product) / (spreads[0] * spreads[1]))


def _share(one: Moved) -> float:
    return abs(one.after - one.before) / max(abs(one.after), abs(one.before), 1e-12)


def _tell(book: Notebook, case: Case, one: Moved, q: float) -> Finding:
    also = one.elsewhere is not None and abs(one.elsewhere) > 0.5 * abs(one.score)
    control = 0.75 if one.elsewhere is None else 0.25 if also else 1.0
    factor = one.after / one.before if one.before else float("inf")
    times = f", {factor:.2g} times as much" if 0.01 < factor < 1000 else ""
    evidence = tuple(_cite(book, one, title, part) for title, part in
                     (("before", case.baseline), ("since then", case.window)))  # fmt: skip
    cause = cause_of(one.name)
    return Finding(
        kind="resource",
        subject={"metric": one.name, **case.scope},
        statement=(
            f"{one.name}{say_scope(case)} went from {one.before:.3g} to {one.after:.3g}{times}."
        ),
        effect=make_effect(one.name, "", one.before, one.after, _bounds(one)),
        confidence=believe(
            q=q,
            timing=judge_time(case, one.began_ns),
            control=control,
            explained=max(0.15, 0.5 * one.follows),
            ceiling=_CEILING,
        ),
        onset_ns=one.began_ns,
        evidence=evidence,
        supports=(f"it follows the damage (rank correlation {one.follows:.2f})",)
        if one.follows > 0.5
        else (),
        contradicts=("it moved as much where all is well",) if also else (),
        cause=cause,
        next_step=f"Look at what {one.name} counts{say_scope(case)}, and at its limit.",
    )


def _bounds(one: Moved) -> tuple[float, float]:
    """Returns the difference less and plus two robust deviations."""
    difference = one.after - one.before
    width = 2 * abs(difference / one.score)
    return difference - width, difference + width


def _cite(book: Notebook, one: Moved, when: str, part: TimeRange) -> Evidence:
    query = one.expression.replace("{range}", f"{part.duration_ns // 10**6}ms")
    return book.ask(f"{one.name} {when}", "promql", query, part, unit="")


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
