"""Watches live traffic against references, step by step; the caller brings the time."""

import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from vario.drift.bins import Floats
from vario.drift.early import EarlyWarning, RatioDetector
from vario.drift.judge import FeatureDrift, Limits, Window, judge
from vario.drift.live import Ask, Scope, Traffic, observe, roll_up, window_of
from vario.drift.noise import design_effect, ratio_interval
from vario.drift.reference import FeatureReference, Reference
from vario.drift.season import Season

WINDOWS_S = (300, 1800, 7200)
ENOUGH = 1_000
"""Predictions that a window should hold; the shortest window that does is judged."""

PRIOR_DESIGN_EFFECT = 2.0
"""Taken until enough healthy blocks have been seen to estimate it."""

LEAST_BLOCKS, MOST_BLOCKS = 6, 24
MOST_SCOPES = 200
"""Parts of one model's traffic that are judged; those with the most predictions."""

EARLY_MS = (45_000, 300_000)
"""Between these the time since the step before must be, for the detectors to take a step."""
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
        counts: values in each of the reference's bins.
        compared: values in each bin of what they were compared with.
        is_seasonal: whether that was the traffic of a season ago instead of the reference.
    """

    scope: Scope
    reference: str
    drift: FeatureDrift
    window_s: int
    at_ms: int
    is_held: bool
    since_ms: int
    counts: tuple[float, ...]
    compared: tuple[float, ...]
    is_seasonal: bool


@dataclass(slots=True)
class _Memory:
    """What a (scope, feature, window) was before."""

    blocks: deque[Floats] = field(default_factory=lambda: deque[Floats](maxlen=MOST_BLOCKS))
    block_ms: int = 0
    alarms: deque[bool] = field(default_factory=lambda: deque[bool](maxlen=3))
    since_ms: int = 0

    def design_effect(self) -> float:
        if len(self.blocks) < LEAST_BLOCKS:
            return PRIOR_DESIGN_EFFECT
        return design_effect(np.stack(self.blocks))

    def learn(self, window: Window, at_ms: int, window_ms: int) -> None:
        """Keeps a healthy window, if it does not overlap the one kept before."""
        if at_ms - self.block_ms >= window_ms:
            self.block_ms = at_ms
            self.blocks.append(np.append(window.counts, window.missing))


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
    ) -> None:
        """Begins a watch.

        Args:
            ask: evaluates PromQL.
            find_references: returns what is kept.
            segments: labels that divide traffic.
            limits: what is worth telling.
            season_s: compares with the traffic of so long ago, seconds, where there was enough of
                it; 0 with the reference alone.
        """
        self._ask = ask
        self._season = Season(ask, segments, season_s) if season_s > 0 else None
        self._find_references = find_references
        self._segments = tuple(segments)
        self._limits = limits or Limits()
        self._memories: dict[tuple[Scope, str, str, int], _Memory] = {}
        self._early: dict[tuple[Scope, str, str], EarlyWarning] = {}
        self._last_ms = 0
        self._recent: dict[Scope, Traffic] = {}
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
        self._recent = self._read_recent(newest, at_ms)
        readings = self._read(newest, at_ms)
        self._forget(readings)
        self.readings = readings
        return readings

    def _read_recent(self, references: Mapping[str, Reference], at_ms: int) -> dict[Scope, Traffic]:
        """Returns the traffic since the step before: what the detectors take."""
        gap_ms, self._last_ms = at_ms - self._last_ms, at_ms
        if not references or not EARLY_MS[0] <= gap_ms <= EARLY_MS[1]:
            return {}
        return roll_up(observe(self._ask, at_ms, gap_ms, self._segments))

    def _read(self, references: Mapping[str, Reference], at_ms: int) -> list[Reading]:
        readings: list[Reading] = []
        waiting = dict(references)
        for window_s in WINDOWS_S:
            traffic = roll_up(observe(self._ask, at_ms, window_s * 1000, self._segments))
            if window_s == WINDOWS_S[0]:
                self.traffic = traffic
            for name, reference in list(waiting.items()):
                whole = traffic.get(Scope(name), Traffic())
                if whole.predictions >= ENOUGH or window_s == WINDOWS_S[-1]:
                    del waiting[name]
                    own = {scope: t for scope, t in traffic.items() if scope.model_name == name}
                    readings += self._judge(reference, _largest(own), window_s, at_ms)
            if not waiting:
                break
        return sorted(readings, key=lambda reading: (reading.scope, reading.drift.feature))

    def _judge(
        self, reference: Reference, traffic: Mapping[Scope, Traffic], window_s: int, at_ms: int
    ) -> list[Reading]:
        keys = [
            (scope, *self._find(reference, scope, name, at_ms))
            for scope, part in traffic.items()
            if part.predictions > 0
            for name in reference.features
        ]
        memories = [
            self._memories.setdefault((scope, feature.name, reference.name, window_s), _Memory())
            for scope, feature, _, _ in keys
        ]
        for key, memory in zip(keys, memories, strict=True):
            self._warn(reference, *key[:3], memory=memory, at_ms=at_ms)
        windows = [
            window_of(
                feature,
                traffic[scope],
                self._effect(memory, self._early[scope, feature.name, reference.name]),
                is_like=is_like,
            )
            for (scope, feature, is_like, _), memory in zip(keys, memories, strict=True)
        ]
        pairs = [(key[1], window) for key, window in zip(keys, windows, strict=True)]
        return [
            replace(
                self._reading(reference, key[0], drift, window, memory, window_s, at_ms),
                compared=tuple(key[1].counts.tolist()),
                is_seasonal=key[3],
            )
            for key, drift, window, memory in zip(
                keys, judge(pairs, self._limits), windows, memories, strict=True
            )
        ]

    @staticmethod
    def _effect(memory: _Memory, early: EarlyWarning) -> float:
        """Returns the design effect of healthy windows, or that of minutes if it is greater."""
        effect, minutes = memory.design_effect(), early.effect()
        return effect if math.isnan(minutes) else max(effect, minutes)

    def _find(
        self, reference: Reference, scope: Scope, name: str, at_ms: int
    ) -> tuple[FeatureReference, bool, bool]:
        """Returns what a feature is compared with, if it is like it, and if it is of the season."""
        feature, is_like = reference.find(name, scope.segments)
        found = None if self._season is None else self._season.find(scope, feature, at_ms)
        return (feature, is_like, False) if found is None else (found, True, True)

    def _warn(
        self,
        reference: Reference,
        scope: Scope,
        feature: FeatureReference,
        is_like: bool,
        *,
        memory: _Memory,
        at_ms: int,
    ) -> None:
        """Gives the last minute to the detectors of a feature."""
        key = (scope, feature.name, reference.name)
        early = self._early.setdefault(key, EarlyWarning(RatioDetector(self._limits.alpha)))
        recent = self._recent.get(scope)
        if recent is None or recent.predictions <= 0:
            return
        window = window_of(feature, recent)
        early.take(
            feature.counts if is_like else np.zeros(0),
            feature.missing / feature.rows,
            window.counts,
            window.missing,
            memory.design_effect(),
            self._limits,
            at_ms,
        )

    def _reading(
        self,
        reference: Reference,
        scope: Scope,
        drift: FeatureDrift,
        window: Window,
        memory: _Memory,
        window_s: int,
        at_ms: int,
    ) -> Reading:
        drift, since_ms = self._warned(reference, scope, drift, at_ms)
        is_alarm = drift.verdict not in CALM
        memory.alarms.append(is_alarm)
        if is_alarm:
            memory.since_ms = memory.since_ms or at_ms
        elif not any(memory.alarms):
            memory.since_ms = 0
            memory.learn(window, at_ms, window_s * 1000)
        if since_ms:
            memory.since_ms = min(memory.since_ms, since_ms)
        is_held = sum(memory.alarms) >= 2 or since_ms > 0
        since_ms = memory.since_ms if is_held else 0
        counts = tuple(window.counts.tolist())
        return Reading(
            scope, reference.name, drift, window_s, at_ms, is_held, since_ms, counts, (), False
        )

    def _warned(
        self, reference: Reference, scope: Scope, drift: FeatureDrift, at_ms: int
    ) -> tuple[FeatureDrift, int]:
        """Returns a reading's drift with what the detectors add, and since when they tell; else 0.

        Values that go missing are told by themselves, with the ratio since they do; a shift is told
        if the window tells it too, at the first look instead of the second.
        """
        early = self._early[scope, drift.feature, reference.name]
        run = early.missing.run
        if early.is_missing and run is not None and drift.verdict in (*CALM, "missing"):
            if drift.verdict == "missing":
                return drift, run.since_ms
            interval = ratio_interval(run.part, run.whole)
            told = replace(
                drift, verdict="missing", missing_ratio=run.ratio, missing_interval=interval
            )
            return told, run.since_ms
        is_recent = early.shifted_ms is not None and at_ms - early.shifted_ms <= WARNED_MS
        if drift.verdict == "drifted" and is_recent and early.shifted_ms is not None:
            return drift, early.shifted_ms
        return drift, 0

    def _forget(self, readings: Sequence[Reading]) -> None:
        """Drops what is remembered of scopes that have gone."""
        present = {
            (r.scope, r.drift.feature, r.reference, window)
            for r in readings
            for window in WINDOWS_S
        }
        self._memories = {key: m for key, m in self._memories.items() if key in present}
        kept = {(r.scope, r.drift.feature, r.reference) for r in readings}
        self._early = {key: early for key, early in self._early.items() if key in kept}

    def recall(self, scope: Scope, feature: str, since_ms: int) -> None:
        """Takes over from before a restart that a verdict has held since some time."""
        for key, memory in self._memories.items():
            if key[0] == scope and key[1] == feature and memory.since_ms:
                memory.since_ms = min(memory.since_ms, since_ms)
        self.readings = [
            replace(reading, since_ms=min(reading.since_ms, since_ms))
            if reading.scope == scope and reading.drift.feature == feature and reading.since_ms
            else reading
            for reading in self.readings
        ]


def _largest(traffic: Mapping[Scope, Traffic]) -> dict[Scope, Traffic]:
    kept = sorted(traffic, key=lambda scope: (-traffic[scope].predictions, scope))[:MOST_SCOPES]
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
