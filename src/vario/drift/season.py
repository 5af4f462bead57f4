"""Like-for-like: live traffic against the same hour of yesterday, or of last week."""

from collections.abc import Sequence
from dataclasses import replace

from vario.drift.live import OVER_ALL, Ask, Scope, Traffic, observe, roll_up, window_of
from vario.drift.reference import FeatureReference

WIDTH_S = 3_600
"""Of the time around the moment a season ago."""
EVERY_MS = 600_000
"""How often it is read anew."""
LEAST_ROWS = 1_000
"""Rows that it must hold; else the reference is what is compared with."""


class Season:
    """What a model's traffic was a season ago, all versions together."""

    def __init__(self, ask: Ask, segments: Sequence[str], season_s: float) -> None:
        self._ask = ask
        self._segments = tuple(segments)
        self._season_ms = round(season_s * 1000)
        self._read_ms: int | None = None
        self._traffic: dict[Scope, Traffic] = {}

    def find(self, scope: Scope, feature: FeatureReference, at_ms: int) -> FeatureReference | None:
        """Returns a feature as it was then, in the bins that it has; None where it was too little.

        Args:
            scope: which part of the traffic.
            feature: the reference's.
            at_ms: now, milliseconds since the epoch.
        """
        if self._read_ms is None or abs(at_ms - self._read_ms) >= EVERY_MS:
            then_ms = at_ms - self._season_ms + WIDTH_S * 500
            seen = observe(self._ask, then_ms, WIDTH_S * 1000, self._segments)
            self._traffic, self._read_ms = roll_up(seen), at_ms
        then = self._traffic.get(replace(scope, model_version=OVER_ALL))
        if then is None:
            return None
        window = window_of(feature, then)
        if window.counts.sum() < LEAST_ROWS:
            return None
        return replace(feature, counts=window.counts, missing=window.missing)
