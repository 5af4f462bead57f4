"""Watches live traffic against references, step by step; the caller brings the time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from vario.drift.judge import FeatureDrift, Limits, judge
from vario.drift.learned import Learned, Subject
from vario.drift.live import Ask, Scope, Traffic, observe, roll_up, window_of
from vario.drift.reference import FeatureReference, Reference
from vario.drift.season import Season

WINDOWS_S = (300, 1800, 7200)
ENOUGH = 1_000
"""Predictions that a window should hold; the shortest window that does is judged."""

MOST_SCOPES = 200
"""Parts of one model's traffic that are judged; those with the most predictions."""

MINUTE_MS = 60_000
MOST_MINUTES = 6
"""So many minutes are read for the detectors at once, at the first step and after a pause."""
NEW_STEPS = 5
LOOK_BACK = 12
"""So many windows before now are judged first of a model that was not watched before."""
WARNED_MS = 600_000
"""So long after a sudden shift one look is enough."""

CALM = ("stable", "too_few")
"""Verdicts that need nobody's attention."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A feature of one scope as the last step found it.

    Attributes:
        scope: which part of the traffic.
        reference: name of the reference it was compared with.
        drift: the statistics and the verdict of this window.
        window_s: length of the window, seconds.
        at_ms: its end, milliseconds since the epoch.
        is_held: whether a verdict other than calm held in 2 of the last 3 steps, or a sudden
            change was detected.
        since_ms: when it began, 0 where it is not held.
        is_seasonal: whether it was compared with the traffic of a season ago instead.
    """

    scope: Scope
    reference: str
    drift: FeatureDrift
    window_s: int
    at_ms: int
    is_held: bool
    since_ms: int
    is_seasonal: bool

    @property
    def counts(self) -> tuple[float, ...]:
        """Values in each of the reference's bins."""
        return tuple(self.drift.window.counts.tolist())

    @property
    def compared(self) -> tuple[float, ...]:
        """Values in each bin of what they were compared with."""
        return tuple(self.drift.reference.counts.tolist())


_Chosen = tuple[int, dict[Scope, Traffic]]


class DriftWatch:
    """Judges every model that has a reference; `step` is called about once a minute.

    `readings` are those of the last step, `traffic` what it saw in the shortest window, with and
    without references. Not for several threads at once.
    """

    def __init__(
        self,
        ask: Ask,
        find_references: Callable[[], Sequence[Reference]],
        segments: Sequence[str] = ("region",),
        limits: Limits | None = None,
        season_s: float = 0.0,
        interval_s: float = 60.0,
    ) -> None:
        """Begins a watch.

        Args:
            ask: evaluates PromQL.
            find_references: returns what is kept.
            segments: labels that divide traffic.
            limits: what is worth telling.
            season_s: compares with the traffic of so long ago, seconds, where there was enough of
                it; 0 with the reference alone.
            interval_s: how often `step` is called. Of new traffic nothing is told in the first
                five steps, at most five minutes, until it is known how much it varies.
        """
        self._ask = ask
        self._season = Season(ask, segments, season_s) if season_s > 0 else None
        self._find_references = find_references
        self._segments = tuple(segments)
        self._limits = limits or Limits()
        new_s = min(interval_s, 60.0) * NEW_STEPS
        self._learned = Learned(self._limits.alpha, round(new_s * 1000))
        self._watched: dict[tuple[str, int], str] = {}
        self._minute_ms = 0
        self.readings: list[Reading] = []
        self.traffic: dict[Scope, Traffic] = {}

    def step(self, at_ms: int) -> list[Reading]:
        """Returns a reading of each feature in each scope that has traffic, in order of scope.

        Raises:
            VarioError: the store cannot answer; the readings of the step before stay.
        """
        newest: dict[str, Reference] = {}
        for reference in sorted(self._find_references(), key=lambda r: r.created_ns):
            newest[reference.model_name] = reference
        chosen = self._choose(newest, at_ms)
        self._take_minutes(newest, chosen, at_ms)
        for name, (window_s, _) in chosen.items():
            self._look_back(newest[name], window_s, at_ms)
        readings = [
            reading
            for name, (window_s, traffic) in chosen.items()
            for reading in self._judge(newest[name], traffic, window_s, at_ms)
        ]
        self._learned.keep((r.scope, r.drift.feature, r.reference) for r in readings)
        self.readings = sorted(readings, key=lambda r: (r.scope, r.drift.feature))
        return self.readings

    def _choose(self, references: Mapping[str, Reference], at_ms: int) -> dict[str, _Chosen]:
        """Returns each model's window, seconds, and its traffic in there."""
        chosen: dict[str, _Chosen] = {}
        for window_s in WINDOWS_S:
            traffic = self._observe(at_ms, window_s * 1000)
            if window_s == WINDOWS_S[0]:
                self.traffic = traffic
            for name in references.keys() - chosen.keys():
                whole = traffic.get(Scope(name), Traffic())
                if whole.predictions >= ENOUGH or window_s == WINDOWS_S[-1]:
                    chosen[name] = window_s, _largest(name, traffic)
            if len(chosen) == len(references):
                break
        return chosen

    def _observe(self, at_ms: int, window_ms: int) -> dict[Scope, Traffic]:
        return roll_up(observe(self._ask, at_ms, window_ms, self._segments))

    def _look_back(self, reference: Reference, window_s: int, at_ms: int) -> None:
        """Judges the windows before now, to know what is usual after a restart."""
        key = (reference.model_name, window_s)
        if self._watched.get(key) == reference.name:
            return
        past: list[tuple[int, dict[Scope, Traffic]]] = []
        for back in range(1, LOOK_BACK + 1):
            then_ms = at_ms - back * window_s * 1000
            traffic = _largest(reference.model_name, self._observe(then_ms, window_s * 1000))
            if not traffic:
                break  # what was before it is another story
            past.append((then_ms, traffic))
        for then_ms, traffic in reversed(past):
            self._judge(reference, traffic, window_s, then_ms)
        self._watched[key] = reference.name

    def _take_minutes(
        self, references: Mapping[str, Reference], chosen: Mapping[str, _Chosen], at_ms: int
    ) -> None:
        """Gives what has come since the step before to the detectors, minute by minute."""
        if not references:
            return
        past: list[tuple[int, dict[Scope, Traffic]]] = []
        for end_ms, length_ms in self._minutes(at_ms):
            recent = self._observe(end_ms, length_ms)
            if not recent:
                break
            past.append((end_ms, recent))
        for end_ms, recent in reversed(past):
            for model_name, (window_s, judged) in chosen.items():
                reference = references[model_name]
                for scope in judged:
                    found = recent.get(scope, Traffic())
                    for name in reference.features:
                        subject = (scope, name, reference.name)
                        early = self._learned.early(subject, at_ms)
                        if end_ms > early.at_ms:
                            self._warn(reference, subject, found, window_s, end_ms)

    def _minutes(self, at_ms: int) -> Iterator[tuple[int, int]]:
        """Yields end and length of the minutes since the last one taken, the latest first."""
        gap_ms = at_ms - self._minute_ms
        gap_ms = min(gap_ms, MOST_MINUTES * MINUTE_MS)
        count = (gap_ms + MINUTE_MS // 4) // MINUTE_MS
        if count:
            self._minute_ms = at_ms
        for left in range(count):
            yield at_ms - left * gap_ms // count, gap_ms // count

    def _judge(
        self, reference: Reference, traffic: Mapping[Scope, Traffic], window_s: int, at_ms: int
    ) -> list[Reading]:
        keys = [
            (scope, *self._find(reference, scope, name, at_ms))
            for scope, part in traffic.items()
            if part.predictions > 0
            for name in reference.features
        ]
        subjects = [(scope, feature.name, reference.name) for scope, feature, _, _ in keys]
        windows = [
            window_of(
                feature,
                traffic[scope],
                self._learned.dispersion(subject, window_s, traffic[scope].predictions, at_ms),
                is_like=is_like,
            )
            for (scope, feature, is_like, _), subject in zip(keys, subjects, strict=True)
        ]
        pairs = [(key[1], window) for key, window in zip(keys, windows, strict=True)]
        return [
            self._reading(reference, key[0], drift, window_s, at_ms, is_seasonal=key[3])
            for key, drift in zip(keys, judge(pairs, self._limits), strict=True)
        ]

    def _find(
        self, reference: Reference, scope: Scope, name: str, at_ms: int
    ) -> tuple[FeatureReference, bool, bool]:
        """Returns what a feature is compared with, if it is like it, and if it is of the season."""
        feature, is_like = reference.find(name, scope.segments)
        found = None if self._season is None else self._season.find(scope, feature, at_ms)
        return (feature, is_like, False) if found is None else (found, True, True)

    def _warn(
        self, reference: Reference, subject: Subject, recent: Traffic, window_s: int, at_ms: int
    ) -> None:
        """Gives a minute to the detectors of a feature."""
        scope, name, _ = subject
        feature, is_like, _ = self._find(reference, scope, name, at_ms)
        window = window_of(feature, recent)
        early = self._learned.early(subject, at_ms)
        early.see(window.counts, window.missing, at_ms)
        early.take(
            feature.counts if is_like else np.zeros(0),
            feature.missing / feature.rows,
            window.counts,
            window.missing,
            self._learned.dispersion(subject, window_s, 0, at_ms).missing,
            self._limits,
        )

    def _reading(
        self,
        reference: Reference,
        scope: Scope,
        drift: FeatureDrift,
        window_s: int,
        at_ms: int,
        *,
        is_seasonal: bool,
    ) -> Reading:
        subject = (scope, drift.feature, reference.name)
        memory = self._learned.memory(subject, window_s)
        drift, since_ms = self._warned(subject, drift, at_ms)
        is_alarm = drift.verdict not in CALM
        memory.alarms.append(is_alarm)
        if is_alarm:
            memory.since_ms = memory.since_ms or at_ms
        elif not any(memory.alarms):
            memory.since_ms = 0
            memory.learn(drift.window, at_ms, window_s * 1000)
        if since_ms:
            memory.since_ms = min(memory.since_ms, since_ms)
        is_held = sum(memory.alarms) >= 2 or since_ms > 0
        since_ms = memory.since_ms if is_held else 0
        return Reading(
            scope, reference.name, drift, window_s, at_ms, is_held, since_ms, is_seasonal
        )

    def _warned(
        self, subject: Subject, drift: FeatureDrift, at_ms: int
    ) -> tuple[FeatureDrift, int]:
        """Returns a reading's drift with what the detectors add, and since when they tell; else 0.

        Values that go missing are told by themselves, with the ratio since they do; a shift is told
        if the window tells it too, at the first look instead of the second.
        """
        early = self._learned.early(subject, at_ms)
        run = early.missing.run
        if early.is_missing and run is not None and drift.verdict in (*CALM, "missing"):
            if drift.verdict == "missing":
                return drift, run.since_ms
            told = replace(drift, verdict="missing", gone=(run.part, run.whole))
            return told, run.since_ms
        is_recent = early.shifted_ms is not None and at_ms - early.shifted_ms <= WARNED_MS
        if drift.verdict == "drifted" and is_recent and early.shifted_ms is not None:
            return drift, early.shifted_ms
        return drift, 0

    def recall(self, scope: Scope, feature: str, since_ms: int) -> None:
        """Takes over from before a restart that a verdict has held since some time."""
        self._learned.recall(scope, feature, since_ms)
        self.readings = [
            replace(reading, since_ms=min(reading.since_ms, since_ms))
            if reading.scope == scope and reading.drift.feature == feature and reading.since_ms
            else reading
            for reading in self.readings
        ]


def _largest(model_name: str, traffic: Mapping[Scope, Traffic]) -> dict[Scope, Traffic]:
    own = [scope for scope in traffic if scope.model_name == model_name]
    kept = sorted(own, key=lambda scope: (-traffic[scope].predictions, scope))[:MOST_SCOPES]
    return {scope: traffic[scope] for scope in kept}


def gauges(readings: Sequence[Reading]) -> list[tuple[dict[str, str], float]]:
    """Returns what is kept of readings as metrics: labels with `__name__`, and a value.

    `drift_psi`, `drift_psi_critical` (what chance passes), `feature_presence_ratio`,
    `feature_out_of_range_ratio` (values beyond the reference's lowest and highest),
    `feature_new_categories` (how many different ones the reference has not); and while a verdict
    holds, `drift_detected`, which is 1 and names it, and `drift_start_time_seconds`. What goes over
    all versions or all values of a segment lacks that label.
    """
    found: list[tuple[dict[str, str], float]] = []
    for reading in readings:
        drift = reading.drift
        labels = {**reading.scope.labels, "feature": drift.feature}

        def add(name: str, value: float, labels: Mapping[str, str] = labels) -> None:
            if np.isfinite(value):
                found.append(({"__name__": name, **labels}, value))

        add("drift_psi", drift.psi)
        add("drift_psi_critical", drift.psi_critical)
        add("feature_presence_ratio", 1 - drift.missing_ratio)
        add("feature_out_of_range_ratio", drift.outside_ratio)
        add("feature_new_categories", drift.new_distinct)
        if reading.is_held:
            kind = "fading" if drift.verdict in CALM else drift.verdict
            add("drift_detected", 1.0, {**labels, "kind": kind})
            add("drift_start_time_seconds", reading.since_ms / 1000)
    return found
