"""Symptoms that metrics show and requests do not: features that are gone, verdicts, cost, idleness.

Each is a ratio of two counters by labels, or a gauge; both end as a table by labels and step, which
the same onset and the same scan read.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from vario.investigate.evidence import Notebook
from vario.investigate.meters import GPU_BUSY, REPLICAS, find_own
from vario.investigate.onset import Floats, find_onset, standardise_mean, standardise_ratio
from vario.investigate.prices import UNKNOWN, count_gpus, hours_of, price_of, spending
from vario.investigate.reader import Reader
from vario.investigate.season import EarlierDay, find_days, shape_of
from vario.investigate.timeline import MAX_P, Sign, beyond_level, beyond_share, ratio_around
from vario.model.filter import INTRINSIC_FIELDS, Field
from vario.model.investigation import Effect, Evidence, Question, Symptom
from vario.model.series import LabelPairs
from vario.model.telemetry import Signal, TimeRange
from vario.store.base import Cube

SECOND_NS = 10**9
LEAST_STEP_NS = 15 * SECOND_NS
"""Counters arrive every few seconds: shorter steps would see the collection, not the service."""
_DRAWN_NS = 60 * SECOND_NS

_ACCEPTED = ("accepted", "correct", "clicked", "converted", "is_correct")
_GOOD = ("true", "1", "yes")
_FEEDBACK = re.compile(r"(.*_)?(feedback|outcomes?|labels?)_total")
_COST = re.compile(r".*cost.*_total|.*_(usd|eur)_total")
_BUSY = re.compile(r".*gpu_?util.*", re.IGNORECASE)
_INCREASE = re.compile(r"increase\((.*?)\[RANGE\]\)")
_NO_DIMENSION = frozenset({
    "__name__", "job", "instance", "le", "quantile", "feature", "gpu", "status_code", "reason",
    "model_name", *_ACCEPTED,
})  # fmt: skip
_MOST_LABELS = 4
MIN_RISE = 0.02
"""A share that rose by less is no symptom of quality."""
MIN_COST_RATIO = 1.25
MIN_IDLE_RISE = 0.15
MIN_SHARE_TO_CUT = 0.5
COST_PER_REQUEST = "cost per request"


@dataclass(frozen=True, slots=True)
class Measure:
    """What metrics measure: `bad` over `total`, texts of PromQL with `SELECT` and `RANGE` in them.

    Attributes:
        symptom: what it is a symptom of.
        name: in words; `unit` its unit.
        bad: increase of what is bad; `SELECT` stands for more matchers, `RANGE` for the time,
            `HOURS` for its length as a number.
        total: of what it is a share, or over what it is a mean; empty for a gauge.
        labels: by which both can be cut.
        subject: what it is about, such as a feature.
        falls: whether it is shown as `1 - bad / total`, as accept rates are.
    """

    symptom: Symptom
    name: str
    unit: str
    bad: str
    total: str
    labels: tuple[str, ...] = ()
    subject: Mapping[str, str] = field(default_factory=dict[str, str])
    falls: bool = False

    def ratio(self, scope: Mapping[str, str], window: TimeRange) -> str:
        """Returns the PromQL of the measure over a window, evaluated at its end."""
        bad, total = self.fill(self.bad, scope, window), self.fill(self.total, scope, window)
        bad = f"(sum({bad}) or vector(0))"
        quotient = f"{bad} / sum({total})" if self.total else bad
        return f"1 - {quotient}" if self.falls else quotient

    def fill(self, text: str, scope: Mapping[str, str], window: TimeRange) -> str:
        """Returns a text of the measure for a scope and a window."""
        more = "".join(
            f', {name}="{_escape(scope[name])}"' for name in self.labels if name in scope
        )
        text = text.replace("SELECT", more).replace("HOURS", hours_of(window))
        return text.replace("RANGE", f"{window.duration_ns // 10**6}ms")


@dataclass(frozen=True, slots=True)
class Measured:
    """A measure over time.

    Attributes:
        measure: what was measured.
        history: whole steps.
        step_ns: their length.
        cube: what is bad in `errors` and `slow`, the total in `count`, by the measure's labels.
        sign: what it shows.
        days: how many days back those lie that it was compared with.
    """

    measure: Measure
    history: TimeRange
    step_ns: int
    cube: Cube
    sign: Sign
    days: tuple[int, ...] = ()

    @property
    def fields(self) -> list[Field]:
        """Returns the fields of requests that the labels stand for."""
        own = INTRINSIC_FIELDS[Signal.TRACES]
        return [Field("intrinsic" if name in own else "any", name) for name in self.measure.labels]


def find_measured(
    reader: Reader, question: Question, history: TimeRange, step_ns: int
) -> list[Measured]:
    """Returns what metrics show that is worse than before, the clearest first.

    Only measures of the symptom that is asked for, or of any where none is.
    """
    found: list[Measured] = []
    for measure in _list_measures(reader, question, history):
        if question.symptom in (None, measure.symptom):
            one = _watch(reader, question, measure, history, max(step_ns, LEAST_STEP_NS))
            if one is not None:
                found.append(one)
    return sorted(found, key=lambda one: (-one.sign.onset.statistic, one.measure.name))


def measure_change(
    notebook: Notebook,
    measured: Measured,
    scope: Mapping[str, str],
    windows: tuple[TimeRange, TimeRange],
) -> tuple[Effect, tuple[Evidence, ...]]:
    """Returns how the measure moved within a scope, with an interval from its steps."""
    measure = measured.measure
    shown = tuple(
        notebook.ask(
            f"{measure.name} {word}", "promql", measure.ratio(scope, window), window,
            unit=measure.unit,
        )
        for word, window in zip(("before", "since"), windows, strict=True)
    )  # fmt: skip
    before, after = (one.value for one in shown)
    spread = 1.96 * math.hypot(*(_standard_error(measured, scope, one) for one in windows))
    return (
        Effect(
            measure.name, measure.unit, before, after, after - before - spread,
            after - before + spread,
        ),
        shown,
    )  # fmt: skip


def measure_now(
    notebook: Notebook, measure: Measure, scope: Mapping[str, str], now_ns: int
) -> Evidence:
    """Returns the measure within a scope over the last minute, a time short enough to be drawn."""
    window = TimeRange(now_ns - _DRAWN_NS, now_ns)
    query = measure.ratio(scope, window)
    return notebook.ask(f"{measure.name} now", "promql", query, window, unit=measure.unit)


def _standard_error(measured: Measured, scope: Mapping[str, str], window: TimeRange) -> float:
    cube, labels = measured.cube, measured.measure.labels
    rows = [
        at
        for at, key in enumerate(cube.keys)
        if all(scope.get(n, v) == v for n, v in zip(labels, key, strict=True))
    ]
    first = (window.start_ns - measured.history.start_ns) // measured.step_ns
    last = max(first + 1, (window.end_ns - measured.history.start_ns) // measured.step_ns)
    bad = cube.errors[rows, first:last].sum(axis=0)
    total = cube.count[rows, first:last].sum(axis=0)
    usable = total > 0
    if usable.sum() < 2:
        return math.inf
    values = bad[usable] / total[usable]
    return float(values.std(ddof=1) / math.sqrt(usable.sum()))


def _list_measures(reader: Reader, question: Question, history: TimeRange) -> list[Measure]:
    names = reader.store.find_label_values(
        "__name__", [], history.start_ns // 10**6, history.end_ns // 10**6
    )
    found: list[Measure] = []
    found += _missing_features(reader, question, history, names)
    for name in names:
        if _FEEDBACK.fullmatch(name):
            found += _verdicts(reader, question, history, name)
        elif _COST.fullmatch(name):
            found += _cost(reader, question, history, name)
        elif _BUSY.fullmatch(name):
            found += _idle(reader, question, history, name)
    if not any(one.name == COST_PER_REQUEST for one in found):
        found += _priced(reader, question, history, names)
    return found


def _missing_features(
    reader: Reader, question: Question, history: TimeRange, names: Sequence[str]
) -> list[Measure]:
    total = next((n for n in ("predictions_total", "inference_requests_total") if n in names), "")
    if not total or "feature_missing_total" not in names:
        return []
    series, own = _series(reader, question, history, "feature_missing_total")
    _, own_total = _series(reader, question, history, total)
    labels = _dimensions(series)
    features = sorted({dict(one).get("feature", "") for one in series} - {""})
    return [
        Measure(
            "quality", f"share of predictions without {feature}", "1",
            bad=f'increase(feature_missing_total{{feature="{_escape(feature)}"{own}SELECT}}[RANGE])',
            total=f"increase({total}{{{own_total.removeprefix(', ') or _ANY}SELECT}}[RANGE])",
            labels=labels, subject={"feature": feature},
        )
        for feature in features[:50]
    ]  # fmt: skip


_ANY = 'job=~".*"'


def _verdicts(reader: Reader, question: Question, history: TimeRange, name: str) -> list[Measure]:
    series, own = _series(reader, question, history, name)
    for label in _ACCEPTED:
        values = {dict(one).get(label, "") for one in series} - {""}
        good = [value for value in _GOOD if value in values]
        if good:
            return [
                Measure(
                    "quality", "accept rate", "1",
                    bad=f'increase({name}{{{label}!="{good[0]}"{own}SELECT}}[RANGE])',
                    total=f'increase({name}{{{label}!=""{own}SELECT}}[RANGE])',
                    labels=_dimensions(series), falls=True,
                )
            ]  # fmt: skip
    return []


def _cost(reader: Reader, question: Question, history: TimeRange, name: str) -> list[Measure]:
    series, own = _series(reader, question, history, name)
    requests, mine = _series(reader, question, history, "inference_requests_total")
    if not series or not requests:
        return []
    first = mine.removeprefix(", ") or _ANY
    return [
        Measure(
            "cost", COST_PER_REQUEST, "USD",
            bad=f"increase({name}{{{own.removeprefix(', ') or _ANY}}}[RANGE])",
            total=f"increase(inference_requests_total{{{first}}}[RANGE])",
        )
    ]  # fmt: skip


def _priced(
    reader: Reader, question: Question, history: TimeRange, names: Sequence[str]
) -> list[Measure]:
    """Returns the cost of replicas and GPUs by their price, where no metric counts it."""
    price = price_of(reader.costs, question.service)
    requests, mine = _series(reader, question, history, "inference_requests_total")
    if price == UNKNOWN or not requests:
        return []
    replicas = find_own(reader, names, REPLICAS, question.service, history)
    busy = find_own(reader, names, GPU_BUSY, question.service, history)
    bad = spending(
        price,
        f"sum(avg_over_time({replicas.selector}[RANGE]))" if replicas else "",
        count_gpus(busy.selector, "RANGE") if busy else "",
        "HOURS",
    )
    total = f"increase(inference_requests_total{{{mine.removeprefix(', ') or _ANY}}}[RANGE])"
    return [Measure("cost", COST_PER_REQUEST, reader.costs.currency, bad, total)] if bad else []


def _idle(reader: Reader, question: Question, history: TimeRange, name: str) -> list[Measure]:
    series, own = _series(reader, question, history, name)
    if not series:
        return []
    selector = f"{name}{{{own.removeprefix(', ') or _ANY}}}"
    return [
        Measure(
            "cost", "share of time that GPUs are idle", "1",
            bad=f"(1 - avg(avg_over_time({selector}[RANGE])))", total="",
        )
    ]  # fmt: skip


def _series(
    reader: Reader, question: Question, history: TimeRange, name: str
) -> tuple[list[LabelPairs], str]:
    """Returns the series of a metric that belong to the question, and their matchers.

    Where the service itself has none (its gateway counts the feedback), those of its model count,
    and else all of them.
    """
    tries: list[str] = []
    if question.service:
        tries.append(f', job=~"(.+/)?{_escape(re.escape(question.service))}"')
    if question.model:
        tries.append(f', model_name="{_escape(question.model)}"')
    range_ = f"{history.duration_ns // 10**6}ms"
    for own in (*tries, ""):
        inner = own.removeprefix(", ")
        found = reader.evaluate(f"last_over_time({name}{{{inner}}}[{range_}])", history.end_ns)
        if found:
            return [labels for labels, _ in found], own
    return [], ""


def _dimensions(series: Sequence[LabelPairs]) -> tuple[str, ...]:
    values: dict[str, set[str]] = {}
    for labels in series:
        for name, value in labels:
            if name not in _NO_DIMENSION:
                values.setdefault(name, set()).add(value)
    usable = [name for name, seen in values.items() if len(seen) <= 30]
    usable.sort(key=lambda name: (name not in ("region", "model_version"), len(values[name]), name))
    return tuple(usable[:_MOST_LABELS])


def _watch(
    reader: Reader, question: Question, measure: Measure, history: TimeRange, step_ns: int
) -> Measured | None:
    steps = history.duration_ns // step_ns
    span = TimeRange(history.end_ns - steps * step_ns, history.end_ns)
    cube = read_steps(reader, measure, span, step_ns)
    sign = _judge(measure, cube) if cube is not None else None
    if cube is None or sign is None:
        return None

    def read(days: int, window: TimeRange) -> EarlierDay | None:
        day = read_steps(reader, measure, window, step_ns)
        if day is None or not day.keys:
            return None
        return shape_of(days, day.errors.sum(axis=0), day.count.sum(axis=0), cube.count.sum(axis=0))

    earlier = find_days(reader, question.service, span, read)
    for day in earlier:
        sign = sign and _beyond(measure, cube, sign, day)
    days = tuple(day.days for day in earlier)
    return Measured(measure, span, step_ns, cube, sign, days) if sign else None


def read_steps(
    reader: Reader, measure: Measure, history: TimeRange, step_ns: int, *, once: bool = False
) -> Cube | None:
    """Returns a measure by its labels and step, None where there is nothing of it.

    Args:
        reader: what may be read.
        measure: what is measured.
        history: whole steps.
        step_ns: their length.
        once: whether what lies between two samples counts in one step alone, so that steps add up
            to the whole; for steps that are no shorter than the distance of samples.
    """
    step = TimeRange(0, step_ns)
    if measure.total:
        by = f"sum by ({', '.join(measure.labels)}) "
        bad, whole = (
            reader.evaluate_range(
                f"{by}({measure.fill(_count_once(text) if once else text, {}, step)})",
                history,
                step_ns,
            )
            for text in (measure.bad, measure.total)
        )
        steps = history.duration_ns // step_ns
        return _cube(measure, steps, bad.labels, bad.values, whole.labels, whole.values)
    found = reader.evaluate_range(measure.fill(measure.bad, {}, step), history, step_ns)
    if not len(found.labels):
        return None
    values = found.values[:1]
    known = np.isfinite(values).astype(np.float64)
    return Cube(((),), known, np.nan_to_num(values), np.nan_to_num(values), known)


def _count_once(text: str) -> str:
    """Returns a measure's text with windows that begin where the one before ended.

    `increase` alone extrapolates to a window's edges: where it holds two samples or three, it makes
    twice as much of their distance, or half as much again.
    """
    return _INCREASE.sub(r"increase(\1[RANGE] anchored)", text)


def find_measure(
    reader: Reader, question: Question, history: TimeRange, name: str
) -> Measure | None:
    """Returns the measure of a name, or the one of the symptom that shows most or is the only one.

    None where there is none.
    """
    listed = _list_measures(reader, question, history)
    for measure in listed:
        if measure.name == name:
            return measure
    if shown := find_measured(reader, question, history, 4 * LEAST_STEP_NS):
        return shown[0].measure
    own = [measure for measure in listed if measure.symptom == question.symptom]
    return own[0] if len(own) == 1 else None


def _cube(
    measure: Measure, steps: int,
    bad_labels: Sequence[LabelPairs], bad: Floats,
    total_labels: Sequence[LabelPairs], total: Floats,
) -> Cube:  # fmt: skip
    """Returns both counters by the measure's labels: what nobody counted as bad is 0."""
    keys = sorted({
        tuple(dict(labels).get(name, "") for name in measure.labels)
        for labels in (*total_labels, *bad_labels)
    })  # fmt: skip
    place = {key: at for at, key in enumerate(keys)}
    grids = np.zeros((2, len(keys), steps))
    for grid, labels, values in ((0, bad_labels, bad), (1, total_labels, total)):
        for one, row in zip(labels, values, strict=True):
            at = place[tuple(dict(one).get(name, "") for name in measure.labels)]
            grids[grid, at] += np.nan_to_num(row[:steps])
    if measure.unit == "1":
        grids[0] = np.minimum(grids[0], grids[1])
    return Cube(tuple(keys), grids[1], grids[0], grids[0], grids[0])


def _judge(measure: Measure, cube: Cube) -> Sign | None:
    if not cube.keys:
        return None
    bad, total = cube.errors.sum(axis=0), cube.count.sum(axis=0)
    is_share = measure.unit == "1" and bool(measure.total)
    deviations = standardise_ratio(bad, total) if is_share else standardise_mean(bad, total)
    if not measure.total:
        deviations = np.where(total > 0, bad, np.nan)
    onset = find_onset(deviations)
    if onset is None or onset.p > MAX_P:
        return None
    before, after = ratio_around(bad, total, onset)
    least, ratio = _least(measure)
    large = after - before >= least and after >= ratio * before
    return Sign(measure.symptom, onset, before, after) if large else None


def _beyond(measure: Measure, cube: Cube, sign: Sign, day: EarlierDay) -> Sign | None:
    """Returns the sign as far as it rose more than on an earlier day, None if it did not."""
    series = cube.errors.sum(axis=0), cube.count.sum(axis=0)
    if measure.unit == "1":
        return beyond_share(sign, series, day, _least(measure))
    return beyond_level(sign, series, day, _least(measure)[1])


def _least(measure: Measure) -> tuple[float, float]:
    """Returns by how much a measure has to rise to be a symptom, and to how many times as much."""
    if not measure.total:
        return MIN_IDLE_RISE, 1.0
    return (0.0, MIN_COST_RATIO) if measure.symptom == "cost" else (MIN_RISE, 1.1)


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
