"""The fast path: detectors that take a minute at a time and tell a sudden change within minutes.

Windows are long enough to be sure of small changes; by then a great one is old. What these
detectors tell is rare by construction: without a change a ratio's detector raises an alarm less
than once in `1 / alpha` steps on average, and Page's sum over a distribution's mean is set to that.
"""

import math
from dataclasses import dataclass, field

import numpy as np

from vario.drift.bins import Floats
from vario.drift.dispersion import Minutes, compare_pair
from vario.drift.judge import Limits
from vario.drift.sequential import PageHinkley

_ALTERNATIVES = (0.03, 0.1, 0.35, 0.9)
"""Ratios that a detector is quickest at, beside twice the tolerated one."""


@dataclass(frozen=True, slots=True)
class Run:
    """What was seen since a ratio began to rise."""

    since_ms: int
    part: float
    whole: float

    @property
    def ratio(self) -> float:
        """The ratio since then, 0 to 1."""
        return self.part / self.whole if self.whole else math.nan


@dataclass(slots=True)
class RatioDetector:
    """Detects that a ratio has risen above what is tolerated, by sums of log likelihood ratios.

    For each alternative ratio q Page's sum max(S, 0) + log of the likelihood ratio of q to the
    tolerated p is kept. Under any ratio up to p the likelihood ratio has a mean of at most 1, so
    that such a sum passes h once in at least e^h steps on average: h is ln(sums / alpha).

    Source: Page, "Continuous inspection schemes" (1954); Lorden, "Procedures for reacting to a
    change in distribution" (1971); Shin, Ramdas and Rinaldo, "E-detectors" (2024).

    Attributes:
        alpha: one over the mean number of steps to a false alarm.
        run: what has been seen since the leading sum was last 0; None where none is above it.
    """

    alpha: float
    run: Run | None = None
    _sums: dict[float, float] = field(default_factory=dict[float, float])
    _began: dict[float, Run] = field(default_factory=dict[float, Run])

    def update(
        self, part: float, whole: float, tolerated: float, effect: float, at_ms: int
    ) -> bool:
        """Takes a step's counts and returns whether the ratio is above what is tolerated.

        Args:
            part: how many of the step's rows have the property.
            whole: how many rows there were.
            tolerated: the ratio up to which nothing is to be told, 0 to 1.
            effect: by how much counts vary more than independent ones (at least 1).
            at_ms: end of the step.
        """
        tolerated = min(max(tolerated, 1e-4), 0.99)
        others = {min(2 * tolerated, (1 + tolerated) / 2), *_ALTERNATIVES}
        limit = math.log((len(_ALTERNATIVES) + 1) / self.alpha)
        leading, greatest = None, 0.0
        for q in sorted(one for one in others if one > tolerated):
            gain = part * math.log(q / tolerated)
            gain += (whole - part) * math.log((1 - q) / (1 - tolerated))
            total = max(self._sums.get(q, 0.0), 0.0) + gain / effect
            total = min(total, limit + SLACK)  # or it would take as long to come down again
            self._sums[q] = total
            if total <= 0:
                self._began.pop(q, None)
                continue
            began = self._began.get(q, Run(at_ms, 0.0, 0.0))
            self._began[q] = Run(began.since_ms, began.part + part, began.whole + whole)
            if total > greatest:
                leading, greatest = self._began[q], total
        self.run = leading
        return greatest > limit


@dataclass(slots=True)
class ShiftDetector:
    """Detects that a feature's values have suddenly moved up or down, against the last minutes.

    The mean of the values' places in the reference (ridits: 0.5 is the reference's own mean) in
    standard deviations of such a minute, less its moving average, goes through Page-Hinkley.
    Changes by the hour stay below what that tolerates.
    """

    detector: PageHinkley = field(
        default_factory=lambda: PageHinkley(
            minimum=LEAST_STEPS, delta=0.5, threshold=THRESHOLD, forgetting=1.0
        )
    )
    average: float = 0.0
    variance: float = 1.0
    seen: int = 0

    def update(self, reference: Floats, counts: Floats, effect: float) -> bool:
        """Takes a step's counts in the reference's bins and returns whether they have moved.

        Args:
            reference: the reference's counts, shape (b,).
            counts: the step's, shape (b,).
            effect: by how much counts vary more than independent ones (at least 1).
        """
        rows = counts.sum()
        if rows < LEAST_ROWS:
            return False
        shares = reference / reference.sum()
        ridits = np.cumsum(shares) - shares / 2
        mean = float(counts @ ridits / rows)
        variance = float(shares @ (ridits - 0.5) ** 2)
        scale = math.sqrt(variance * effect / rows + WOBBLE**2)
        self.seen += 1
        if self.seen == 1:
            self.average = mean
        moved = (mean - self.average) / scale
        self.average += max(AVERAGING, 1 / self.seen) * (mean - self.average)
        # Where minutes vary more than rows explain, they are measured by how they vary.
        self.variance += AVERAGING / 4 * (min(moved**2, 9.0) - self.variance)
        return self.detector.update(moved / math.sqrt(max(self.variance, 1.0))).drift_detected


SLACK = 2.0
LEAST_ROWS, LEAST_STEPS = 20, 30
AVERAGING = 1 / 15
WOBBLE = 0.02
"""A minute's mean place may vary by so much for reasons of its own: 0.07 standard deviations."""
THRESHOLD = 12.5
"""Passed about once in 400,000 independent steps: Siegmund's approximation, both sides."""


@dataclass(slots=True)
class EarlyWarning:
    """The detectors of one feature in one scope; each minute is given to `see`, then to `take`.

    Attributes:
        since_ms: since when the feature is looked at.
        at_ms: end of the last minute.
        shifted_ms: when its values were last found to have moved.
        is_missing: whether too many are missing.
    """

    missing: RatioDetector
    since_ms: int = 0
    at_ms: int = 0
    shift: ShiftDetector = field(default_factory=ShiftDetector)
    shifted_ms: int | None = None
    is_missing: bool = False
    _before: Floats | None = None
    _minutes: Minutes = field(default_factory=Minutes)

    def effect(self) -> float:
        """Returns by how much minutes vary more than independent rows would; nan if unknown."""
        return self._minutes.effect(self.missing.alpha)

    def see(self, counts: Floats, missing: float, at_ms: int) -> None:
        """Learns from a minute how much minutes vary.

        Args:
            counts: its values in the reference's bins; all 0 where there was no traffic.
            missing: its rows without the feature.
            at_ms: its end.
        """
        self.at_ms = at_ms
        block = np.append(counts, missing)
        if not block.any():
            return
        pair = None if self._before is None else compare_pair(self._before, block)
        self._before = block
        if pair is not None:
            self._minutes.add(pair)

    def take(
        self,
        reference: Floats,
        reference_missing: float,
        counts: Floats,
        missing: float,
        effect: float,
        limits: Limits,
    ) -> None:
        """Gives the minute that was last seen to the detectors.

        Args:
            reference: the reference's counts in its bins; empty where these are not judged.
            reference_missing: its share of rows without the feature.
            counts: the minute's values in these bins.
            missing: its rows without the feature.
            effect: by how much counts vary more than independent ones; infinite where that is
                unknown, and nothing is to be told.
            limits: what is worth telling.
        """
        rows = float(counts.sum()) + missing
        if math.isinf(effect) or rows <= 0:
            return
        tolerated = max(
            reference_missing + limits.least_missing, limits.missing_factor * reference_missing
        )
        self.is_missing = self.missing.update(missing, rows, tolerated, effect, self.at_ms)
        if len(reference) > 1 and self.shift.update(reference, counts, effect):
            self.shifted_ms = self.at_ms
