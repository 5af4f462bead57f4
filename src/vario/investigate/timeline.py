"""What the symptom did over time: the step, the threshold, the series, the onset.

The threshold above which a request is slow is its own earlier p90. A share of slow requests adds up
over slices of the traffic, as a percentile does not.
"""

from dataclasses import dataclass, replace

import numpy as np

from vario.investigate.evidence import DURATION
from vario.investigate.onset import (
    Floats,
    Onset,
    find_onset,
    standardise_mean,
    standardise_ratio,
)
from vario.investigate.reader import Reader
from vario.investigate.season import EarlierDay, find_days, rise_of, shape_of
from vario.model.filter import Filter
from vario.model.investigation import Question, Symptom
from vario.model.telemetry import Signal, TimeRange

SECOND_NS = 10**9
LOOKBACK_NS = 3600 * SECOND_NS
"""So long before the question's window the past is looked at, or as long as the window is."""
STEPS_S = (5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)
MOST_STEPS = 150
LEAST_REQUESTS = 8
"""Requests that a step should have on average."""
LEAST_STEPS = 12

MOST_EARLIER = 200_000
"""Requests of an earlier day that are read; of more, a part of each step's time is."""
MAX_P = 0.001
"""A change that chance brings about more often than this is none. Noise with a memory of .5 passes
.001 in 1 to 3 % of series, and incidents are far below it."""
MAX_P_BEYOND = 0.01
"""The same for what it rose by beyond an earlier day: that only confirms what is seen already."""
MIN_RATIO = 1.2
"""Latency that rose by less is no symptom."""
MIN_SLOW_SHARE = 0.04
"""Nor is a share of slow requests that rose by less."""
MIN_ERROR_SHARE = 0.005
"""Errors that rose by a smaller share of the requests are no symptom."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """A service's requests by step.

    Attributes:
        history: whole steps from the first to the last that is looked at.
        step_ns: their length.
        slow_ns: above it a request counts as slow.
        count: requests of each step; `errors`, `slow` and `duration_s` likewise.
        earlier: how those three series went in the same steps of earlier days.
    """

    history: TimeRange
    step_ns: int
    slow_ns: int
    count: Floats
    errors: Floats
    slow: Floats
    duration_s: Floats
    earlier: tuple[tuple[EarlierDay, EarlierDay, EarlierDay], ...] = ()

    @property
    def days(self) -> tuple[int, ...]:
        """How many days back those lie that this one is compared with."""
        return tuple(errors.days for errors, _, _ in self.earlier)

    def time_of(self, step: int) -> int:
        """Returns when a step begins."""
        return self.history.start_ns + step * self.step_ns

    def span_of(self, first: int, end: int) -> TimeRange:
        """Returns the time of the steps from `first` up to `end`."""
        return TimeRange(self.time_of(first), self.time_of(end))


@dataclass(frozen=True, slots=True)
class Sign:
    """A symptom that was seen in a series of steps, and when it began."""

    symptom: Symptom
    onset: Onset
    before: float
    after: float


def read_timeline(
    reader: Reader, question: Question, requests: Filter, now_ns: int
) -> Timeline | None:
    """Returns the requests around the question's window by step, None where there are none."""
    whole, rough_ns = around(question, now_ns)
    start_ns, end_ns = whole.start_ns, whole.end_ns
    if whole.duration_ns < LEAST_STEPS * SECOND_NS:
        return None
    rough = reader.store.read_cube(Signal.TRACES, requests, whole, step_ns=rough_ns, by=())
    if not rough.keys:
        return None
    seen = np.flatnonzero(rough.count[0] > 0)
    first_ns = start_ns + int(seen[0]) * rough_ns
    step_ns = choose_step_ns(end_ns - first_ns, float(rough.count.sum()))
    if seen[0] > 0:
        first_ns += step_ns  # what begins within a step looks like a change in it
    steps = (end_ns - first_ns) // step_ns
    if steps < LEAST_STEPS:
        return None
    history = TimeRange(end_ns - steps * step_ns, end_ns)
    slow_ns = _usual_ns(reader, question, requests, history)
    return _read_steps(reader, requests, history, step_ns, slow_ns)


def compare_days(
    reader: Reader,
    question: Question,
    requests: Filter,
    timeline: Timeline,
    symptom: Symptom | None,
) -> Timeline:
    """Returns a timeline that knows how the same time of earlier days went, if it shows a symptom.

    Where it shows none there is nothing to tell from a daily wave.
    """
    if not find_signs(timeline, symptom):
        return timeline
    share = min(1.0, max(MOST_EARLIER / max(float(timeline.count.sum()), 1.0), 0.02))

    def read(days: int, window: TimeRange) -> tuple[EarlierDay, EarlierDay, EarlierDay] | None:
        day = _read_steps(reader, requests, window, timeline.step_ns, timeline.slow_ns, share)
        if day is None:
            return None
        shapes = [
            shape_of(days, amount, day.count, share * timeline.count)
            for amount in (day.errors, day.slow, day.duration_s)
        ]
        errors, slow, duration = shapes
        return (errors, slow, duration) if errors and slow and duration else None

    earlier = find_days(reader, question.service, timeline.history, read)
    return replace(timeline, earlier=tuple(earlier))


def _read_steps(
    reader: Reader, requests: Filter, history: TimeRange, step_ns: int, slow_ns: int,
    share: float = 1.0,
) -> Timeline | None:  # fmt: skip
    cube = reader.store.read_cube(
        Signal.TRACES, requests, history, step_ns=step_ns, by=(), slow_ns=slow_ns, share=share
    )
    if not cube.keys:
        return None
    rows = (cube.count[0], cube.errors[0], cube.slow[0], cube.duration_s[0])
    return Timeline(history, step_ns, slow_ns, *rows)


def zoom(
    reader: Reader, requests: Filter, timeline: Timeline, sign: Sign, *, most: float
) -> tuple[Timeline, Sign]:
    """Returns the time around an onset that holds about `most` requests, and the sign in it.

    What is compared is then bounded however much traffic there is, and the onset is known to
    finer steps. Where the sign is not seen from so near, what is known stays.
    """
    total = float(timeline.count.sum())
    if total <= most:
        return timeline, sign
    onset, step_ns = sign.onset, timeline.step_ns
    unsure_ns = (onset.high - onset.low + 2) * step_ns
    half_ns = max(int(timeline.history.duration_ns * most / total) // 2, 4 * unsure_ns)
    middle_ns = timeline.time_of(onset.start)
    start_ns = max(timeline.history.start_ns, middle_ns - half_ns)
    end_ns = min(timeline.time_of(onset.end), middle_ns + half_ns)
    fine_ns = choose_step_ns(end_ns - start_ns, total)
    steps = (end_ns - start_ns) // fine_ns
    if steps < LEAST_STEPS:
        return timeline, sign
    part = TimeRange(end_ns - steps * fine_ns, end_ns)
    nearer = _read_steps(reader, requests, part, fine_ns, timeline.slow_ns)
    if nearer is None:
        return timeline, sign
    middles = part.start_ns + (np.arange(steps) + 0.5) * fine_ns - timeline.history.start_ns
    nearer = replace(
        nearer,
        earlier=tuple(
            (errors.stretch(at), slow.stretch(at), duration.stretch(at))
            for at in (middles / step_ns - 0.5,)
            for errors, slow, duration in timeline.earlier
        ),
    )
    signs = find_signs(nearer, sign.symptom)
    return (nearer, signs[0]) if signs else (timeline, sign)


def around(question: Question, now_ns: int) -> tuple[TimeRange, int]:
    """Returns the time that may be looked at, and a step to look for data in it."""
    end_ns = min(question.window.end_ns, now_ns)
    back_ns = max(LOOKBACK_NS, question.window.duration_ns)
    start_ns = min(end_ns, max(0, question.window.start_ns - back_ns))
    return TimeRange(start_ns, end_ns), max(10 * SECOND_NS, (end_ns - start_ns) // 720)


def choose_step_ns(duration_ns: int, requests: float) -> int:
    """Returns a step that has requests enough, and of which there are enough.

    Example:
        >>> choose_step_ns(600 * SECOND_NS, 7200) // SECOND_NS
        5
        >>> choose_step_ns(7200 * SECOND_NS, 1e6) // SECOND_NS
        60
    """
    for step_s in STEPS_S:
        steps = duration_ns / (step_s * SECOND_NS)
        if steps <= MOST_STEPS and requests / max(steps, 1) >= LEAST_REQUESTS:
            return step_s * SECOND_NS
    sparse = [s for s in STEPS_S if duration_ns / (s * SECOND_NS) <= MOST_STEPS]
    return (sparse[0] if sparse else STEPS_S[-1]) * SECOND_NS


def find_signs(timeline: Timeline, asked: Symptom | None) -> list[Sign]:
    """Returns the symptoms that the requests show, errors before latency, the clearest first."""
    found: list[Sign] = []
    if asked in (None, "errors"):
        found += _errors(timeline)
    if asked in (None, "latency"):
        found += _latency(timeline)
    return found


def inside(onset: Onset, steps: int) -> np.ndarray:
    """Returns which steps lie in the change."""
    mask = np.zeros(steps, dtype=np.bool_)
    mask[onset.start : onset.end] = True
    return mask


def ratio_around(amount: Floats, total: Floats, onset: Onset) -> tuple[float, float]:
    """Returns amount over total outside and inside the change."""
    mask = inside(onset, len(total))
    before = float(amount[~mask].sum() / max(total[~mask].sum(), 1e-9))
    return before, float(amount[mask].sum() / max(total[mask].sum(), 1e-9))


def _errors(timeline: Timeline) -> list[Sign]:
    onset = find_onset(standardise_ratio(timeline.errors, timeline.count))
    if onset is None or onset.p > MAX_P:
        return []
    before, after = ratio_around(timeline.errors, timeline.count, onset)
    if after - before < MIN_ERROR_SHARE or after < 1.5 * before:
        return []
    sign: Sign | None = Sign("errors", onset, before, after)
    for errors, _, _ in timeline.earlier:
        sign = sign and beyond_share(
            sign, (timeline.errors, timeline.count), errors, (MIN_ERROR_SHARE, 1.5)
        )
    return [sign] if sign else []


def _latency(timeline: Timeline) -> list[Sign]:
    """Looks at the share of slow requests, then at the mean; the clearer one tells the onset."""
    found: list[Sign | None] = []
    onset = find_onset(standardise_ratio(timeline.slow, timeline.count))
    if onset is not None and onset.p <= MAX_P / 2:
        before, after = ratio_around(timeline.slow, timeline.count, onset)
        if after - before >= MIN_SLOW_SHARE and after >= MIN_RATIO * before:
            sign: Sign | None = Sign("latency", onset, before, after)
            for _, slow, _ in timeline.earlier:
                sign = sign and beyond_share(
                    sign, (timeline.slow, timeline.count), slow, (MIN_SLOW_SHARE, MIN_RATIO)
                )
            found.append(sign)
    onset = find_onset(standardise_mean(timeline.duration_s, timeline.count))
    if onset is not None and onset.p <= MAX_P / 2:
        before, after = ratio_around(timeline.duration_s, timeline.count, onset)
        if after >= MIN_RATIO * before:
            sign = Sign("latency", onset, before, after)
            for _, _, duration in timeline.earlier:
                sign = sign and beyond_level(
                    sign, (timeline.duration_s, timeline.count), duration, MIN_RATIO
                )
            found.append(sign)
    return sorted((one for one in found if one), key=lambda sign: -sign.onset.statistic)[:1]


def beyond_share(
    sign: Sign, series: tuple[Floats, Floats], day: EarlierDay, least: tuple[float, float]
) -> Sign | None:
    """Returns the sign of a share as far as it rose more than on an earlier day, else None.

    Args:
        sign: what is seen today.
        series: amount and total by step.
        day: how the share went on that day.
        least: by how much it has to rise, and to how many times as much.
    """
    amount, total = series
    whole = amount.sum() / max(total.sum(), 1e-9)
    spread = np.sqrt(np.maximum(max(whole * (1 - whole), 1e-9) * total, 1e-9))
    onset = find_onset(standardise_ratio(amount, total) - day.share * total / spread)
    if onset is None or onset.p > MAX_P_BEYOND:
        return None
    before, after = ratio_around(amount, total, onset)
    usual = before + max(0.0, rise_of(day.share, inside(onset, len(total))))
    if after - usual < least[0] or after < least[1] * usual:
        return None
    return _clearer(sign, Sign(sign.symptom, onset, before, after))


def beyond_level(
    sign: Sign, series: tuple[Floats, Floats], day: EarlierDay, least: float
) -> Sign | None:
    """Returns the sign of a mean as far as it rose more than on an earlier day, else None.

    `least` is to how many times as much it has to rise; the rest as in `beyond_share`.
    """
    amount, total = series
    weight = np.sqrt(total / max(float(np.mean(total)), 1e-9))
    onset = find_onset(standardise_mean(amount, total) - day.level * weight)
    if onset is None or onset.p > MAX_P_BEYOND:
        return None
    before, after = ratio_around(amount, total, onset)
    usual = before * np.exp(max(0.0, rise_of(day.level, inside(onset, len(total)))))
    if after < least * usual:
        return None
    return _clearer(sign, Sign(sign.symptom, onset, before, after))


def _clearer(one: Sign, other: Sign) -> Sign:
    return max(one, other, key=lambda sign: sign.onset.statistic)


def _usual_ns(reader: Reader, question: Question, requests: Filter, history: TimeRange) -> int:
    """Returns the p90 of durations before the question's window, or early in the history."""
    early = TimeRange(history.start_ns, history.start_ns + history.duration_ns // 3)
    asked_ns = question.window.start_ns
    if asked_ns - history.start_ns > history.duration_ns // 4:
        early = TimeRange(history.start_ns, min(asked_ns, history.end_ns))
    usual_s = reader.store.aggregate(Signal.TRACES, "p90", DURATION, requests, early)
    if np.isnan(usual_s):
        usual_s = reader.store.aggregate(Signal.TRACES, "p90", DURATION, requests, history)
    return int(usual_s * SECOND_NS)
