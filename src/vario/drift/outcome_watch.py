"""Watches feedback step by step: whether a version's accept rate falls, and where."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from vario.drift.bins import Floats
from vario.drift.dispersion import design_effect
from vario.drift.judge import TOO_FEW, Limits
from vario.drift.live import Ask, Scope, Traffic
from vario.drift.noise import false_discoveries
from vario.drift.outcomes import (
    Baseline,
    OutcomeReading,
    Outcomes,
    baseline_of,
    calibration_of,
    measure_outcomes,
    observe_outcomes,
)
from vario.drift.performance import Performance
from vario.drift.reference import Reference

WINDOWS_S = (1_800, 7_200, 86_400)
ENOUGH = 1_000
"""Feedback that a window should hold; the shortest window that does is judged."""
PAST_S = 7 * 86_400
PAST_EVERY_MS = 600_000
"""How often the past days are read anew; at each step while they hold too little."""

PRIOR_DESIGN_EFFECT = 1.25
"""Taken until enough healthy windows have been seen: users come back, but decide anew."""
LEAST_BLOCKS, MOST_BLOCKS, MOST_SCOPES = 6, 24, 200

FEATURE = "accept_rate"
"""What feedback is called where findings name a feature."""


@dataclass(slots=True)
class _Memory:
    """What a scope was before."""

    blocks: deque[Floats] = field(default_factory=lambda: deque[Floats](maxlen=MOST_BLOCKS))
    block_ms: int = 0
    alarms: deque[bool] = field(default_factory=lambda: deque[bool](maxlen=3))
    since_ms: int = 0
    baseline: Baseline | None = None

    def design_effect(self) -> float:
        if len(self.blocks) < LEAST_BLOCKS:
            return PRIOR_DESIGN_EFFECT
        return design_effect(np.stack(self.blocks))


class OutcomeWatch:
    """Judges the feedback of every model that has some; `step` is called about once a minute."""

    def __init__(
        self, ask: Ask, segments: Sequence[str] = ("region",), limits: Limits | None = None
    ) -> None:
        self._ask = ask
        self._segments = tuple(segments)
        self._limits = limits or Limits()
        self._memories: dict[Scope, _Memory] = {}
        self._past: dict[Scope, Outcomes] = {}
        self._past_ms = self._none_ms = -PAST_EVERY_MS
        self.readings: list[OutcomeReading] = []

    def step(
        self, at_ms: int, references: Mapping[str, Reference], traffic: Mapping[Scope, Traffic]
    ) -> list[OutcomeReading]:
        """Returns a reading of each scope that has feedback, in order of scope.

        Args:
            at_ms: end of the window, milliseconds since the epoch.
            references: the newest one of each model.
            traffic: what was predicted lately, by scope.

        Raises:
            VarioError: the store cannot answer; the readings of the step before stay.
        """
        now, windows = self._read(at_ms)
        is_lacking = any(r.total >= TOO_FEW and not r.baseline.total for r in self.readings)
        if now and (is_lacking or at_ms - self._past_ms >= PAST_EVERY_MS):
            self._past = observe_outcomes(self._ask, at_ms, PAST_S * 1000, self._segments)
            self._past_ms = at_ms
        self._memories = {s: self._memories.get(s, _Memory()) for s in now}
        measured: list[OutcomeReading] = []
        for scope, found in sorted(now.items()):
            reference = references.get(scope.model_name)
            memory = self._memories[scope]
            everyone = replace(scope, model_version="*")
            past = self._past.get(everyone, Outcomes())
            measured.append(
                measure_outcomes(
                    scope,
                    found,
                    traffic.get(scope),
                    memory.baseline or baseline_of(scope, now, self._past, reference),
                    calibration_of(scope, past, reference),
                    design_effect=memory.design_effect(),
                    window_s=windows[scope.model_name],
                    at_ms=at_ms,
                )
            )
        self.readings = self._judge(measured)
        return self.readings

    def _read(self, at_ms: int) -> tuple[dict[Scope, Outcomes], dict[str, int]]:
        """Returns each model's feedback in the shortest window that holds enough of it."""
        found: dict[Scope, Outcomes] = {}
        windows: dict[str, int] = {}
        for window_s in WINDOWS_S:
            seen = observe_outcomes(self._ask, at_ms, window_s * 1000, self._segments)
            if not seen and at_ms - self._none_ms < PAST_EVERY_MS:
                return {}, {}  # nor was there any in the longest window a moment ago
            models = {s.model_name for s in seen} - windows.keys()
            is_last = window_s == WINDOWS_S[-1]
            for name in sorted(models):
                if seen[Scope(name)].total >= ENOUGH or is_last:
                    windows[name] = window_s
                    own = [s for s in seen if s.model_name == name and seen[s].total > 0]
                    own.sort(key=lambda scope: (-seen[scope].total, scope))
                    found |= {scope: seen[scope] for scope in own[:MOST_SCOPES]}
            if models <= windows.keys() and models:
                break
        if not found:
            self._none_ms = at_ms
        return found, windows

    def _judge(self, measured: Sequence[OutcomeReading]) -> list[OutcomeReading]:
        p_values = np.array([reading.p_value for reading in measured])
        proven = false_discoveries(p_values, self._limits.false_discovery_rate)
        proven &= p_values <= self._limits.alpha
        return [
            self._held(reading, is_proven=bool(one))
            for reading, one in zip(measured, proven, strict=True)
        ]

    def _held(self, reading: OutcomeReading, *, is_proven: bool) -> OutcomeReading:
        memory = self._memories[reading.scope]
        fall = reading.baseline.rate - reading.rate
        is_alarm = reading.verdict != "too_few" and is_proven and fall >= self._limits.least_fall
        memory.alarms.append(is_alarm)
        if is_alarm:
            memory.since_ms = memory.since_ms or reading.at_ms
            memory.baseline = reading.baseline  # what has fallen must not become the past
            reading = replace(reading, verdict="fallen")
        elif not any(memory.alarms):
            memory.since_ms = 0
            memory.baseline = None
            if reading.at_ms - memory.block_ms >= reading.window_s * 1000:
                memory.block_ms = reading.at_ms
                counts = [reading.accepted, reading.total - reading.accepted]
                memory.blocks.append(np.array(counts))
        is_held = sum(memory.alarms) >= 2
        return replace(reading, is_held=is_held, since_ms=memory.since_ms if is_held else 0)

    def recall(self, scope: Scope, since_ms: int) -> None:
        """Takes over from before a restart that a rate has been low since some time."""
        memory = self._memories.get(scope)
        if memory is not None and memory.since_ms:
            memory.since_ms = min(memory.since_ms, since_ms)
        self.readings = [
            replace(reading, since_ms=min(reading.since_ms, since_ms))
            if reading.scope == scope and reading.since_ms
            else reading
            for reading in self.readings
        ]


def outcome_gauges(readings: Sequence[OutcomeReading]) -> list[tuple[dict[str, str], float]]:
    """Returns what is kept of feedback as metrics: labels with `__name__`, and a value.

    `accept_rate`, `accept_rate_baseline`, `accept_rate_expected` (by the scores alone),
    `calibration_error`; `model_accuracy_ratio`, `model_precision_ratio`, `model_recall_ratio`,
    `model_roc_auc`, each by `method`: measured with feedback, or estimated without; and while a
    rate is low, `drift_detected` and `drift_start_time_seconds`.
    """
    found: list[tuple[dict[str, str], float]] = []
    for reading in readings:
        labels = reading.scope.labels

        def add(name: str, value: float, labels: Mapping[str, str] = labels) -> None:
            if np.isfinite(value):
                found.append(({"__name__": name, **labels}, value))

        add("accept_rate", reading.rate)
        add("accept_rate_baseline", reading.baseline.rate)
        add("accept_rate_expected", reading.expected_rate)
        add("calibration_error", reading.calibration_error)
        for method, told in (("measured", reading.measured), ("estimated", reading.estimated)):
            for name, value in _numbers(told):
                add(name, value, {**labels, "method": method})
        if reading.is_held:
            kind = "fallen" if reading.verdict == "fallen" else "fading"
            add("drift_detected", 1.0, {**labels, "feature": FEATURE, "kind": kind})
            since = reading.since_ms / 1000
            add("drift_start_time_seconds", since, {**labels, "feature": FEATURE})
    return found


def _numbers(told: Performance) -> list[tuple[str, float]]:
    return [
        ("model_accuracy_ratio", told.accuracy),
        ("model_precision_ratio", told.precision),
        ("model_recall_ratio", told.recall),
        ("model_roc_auc", told.roc_auc),
    ]
