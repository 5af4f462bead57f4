"""Judges a window of live features against their reference: floors, tests, multiplicity."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from vario.drift import distance
from vario.drift.bins import Floats
from vario.drift.dispersion import Dispersion
from vario.drift.noise import (
    Interval,
    evidence,
    false_discoveries,
    psi_interval,
    ratio_increase_p,
    ratio_interval,
)
from vario.drift.reference import FeatureReference

Verdict = Literal["drifted", "missing", "new_category", "stable", "too_few"]

LEAST_EXPECTED = 5.0
"""Independent rows, or clusters of them, that a bin must be expected to hold to be tested."""

TOO_FEW = 100
"""Rows under which nothing is said of a distribution: its noise floor is then above 0.1 PSI."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What is worth telling.

    Attributes:
        false_discovery_rate: of all features that are called drifted, the share that is not.
        alpha: false-alarm probability of one feature in one window, before that.
        least_psi: a PSI that nobody needs to hear of however sure it is.
        least_missing: by how much the missing share must have risen.
        missing_factor: and how many times the reference's it must be.
        least_new: the share of values in categories that the reference has not.
        least_fall: by how much an accept rate must have fallen.
    """

    false_discovery_rate: float = 0.01
    alpha: float = 1e-5
    least_psi: float = 0.02
    least_missing: float = 0.01
    missing_factor: float = 2.0
    least_new: float = 0.01
    least_fall: float = 0.02


@dataclass(frozen=True, slots=True)
class Window:
    """A feature in a window of live traffic.

    Attributes:
        counts: values in each of the reference's bins, shape (b,).
        missing: rows without the feature, with one of the wrong type, with nan or infinity.
        dispersion: by how much such counts vary more than independent ones.
        is_like: whether the reference is of the same part of the traffic; otherwise only what is
            missing and new is judged, not the distribution.
        outside: values beyond the reference's lowest and highest; nan where these are unknown.
        new_distinct: about how many different categories the reference has not; nan for numbers.
    """

    counts: Floats
    missing: float
    dispersion: Dispersion = field(default_factory=Dispersion)
    is_like: bool = True
    outside: float = math.nan
    new_distinct: float = math.nan


@dataclass(frozen=True, slots=True)
class FeatureDrift:
    """What is to be said of one feature in one window.

    Distances and intervals are reckoned when they are asked for: a watch over many features asks
    of few.

    Attributes:
        feature: its name.
        verdict: the gravest thing found.
        reference: what it was compared with.
        window: what was compared.
        rows: rows of the window, with the feature and without.
        psi: Population Stability Index, nats; nan where nothing was present, or the reference is
            of another part of the traffic.
        psi_critical: what chance alone passes with probability `Limits.alpha`.
        gone: rows without the feature, and of how many.
        new_ratio: share of present values in unknown categories; nan for numeric features.
        reference_new_ratio: the same of the reference.
    """

    feature: str
    verdict: Verdict
    reference: FeatureReference
    window: Window
    rows: float
    psi: float
    psi_critical: float
    gone: tuple[float, float]
    new_ratio: float
    reference_new_ratio: float

    @property
    def psi_p(self) -> float:
        """Probability of such a difference without drift; 1 where too little is known.

        By Pearson's statistic, which PSI over `evidence` approaches: PSI itself has a logarithm,
        and passes its limit too often where bins hold few clusters of rows. Bins that would hold
        fewer than `LEAST_EXPECTED` are joined.
        """
        if self._present < TOO_FEW or math.isnan(self.psi):
            return 1.0
        vary = self.window.dispersion.beside(self.reference.present, self._present)
        least = LEAST_EXPECTED * vary.effect
        merged = distance.merge_rare(self.reference.counts, self.window.counts, least)
        freedom = int(np.count_nonzero(merged[0] + merged[1])) - 1
        return vary.p_value(distance.chi_square(*merged).statistic, freedom)

    @property
    def missing_p(self) -> float:
        """Probability of so many missing by chance."""
        own, effect = self.reference, self.window.dispersion.missing
        return ratio_increase_p(
            self.window.missing / effect, self.rows / effect, own.missing, own.rows
        )

    @property
    def new_p(self) -> float:
        """Probability of so many in unknown categories by chance; 1 for numeric features."""
        own, effect = self.reference, self.window.dispersion.other
        if math.isnan(self.new_ratio):
            return 1.0
        counts = float(self.window.counts[-1]) / effect, self._present / effect
        return ratio_increase_p(*counts, float(own.counts[-1]), own.present)

    @property
    def psi_interval(self) -> Interval:
        """95% interval of the true PSI."""
        if math.isnan(self.psi):
            return Interval(math.nan, math.nan)
        k = evidence(self.reference.present, self._present) * self.window.dispersion.effect
        return psi_interval(self.psi, k, len(self.reference.counts))

    @property
    def jensen_shannon(self) -> float:
        """Distance, base 2, 0 to 1; nan where there is no PSI."""
        if math.isnan(self.psi):
            return math.nan
        return distance.jensen_shannon(self.reference.counts, self.window.counts)

    @property
    def wasserstein(self) -> float:
        """Distance over the reference's standard deviation; nan for categories, too."""
        own = self.reference
        if math.isnan(self.psi) or own.kind != "numeric" or own.spread == 0:
            return math.nan
        return distance.wasserstein(own.counts, self.window.counts, own.positions) / own.spread

    @property
    def kolmogorov_smirnov(self) -> distance.Tested:
        """Statistic and p."""
        if math.isnan(self.psi):
            return distance.Tested(math.nan, 1.0)
        return distance.kolmogorov_smirnov(self.reference.counts, self.window.counts)

    @property
    def chi_square(self) -> distance.Tested:
        """Statistic and p, rare bins joined."""
        if math.isnan(self.psi):
            return distance.Tested(math.nan, 1.0)
        merged = distance.merge_rare(self.reference.counts, self.window.counts)
        return distance.chi_square(*merged, self.window.dispersion.effect)

    @property
    def missing_ratio(self) -> float:
        """Share of rows without the feature, 0 to 1."""
        part, whole = self.gone
        return part / whole if whole else math.nan

    @property
    def missing_interval(self) -> Interval:
        """Exact 95% interval of `missing_ratio`."""
        return ratio_interval(*self.gone)

    @property
    def reference_missing_ratio(self) -> float:
        """`missing_ratio` of the reference."""
        return self.reference.missing / self.reference.rows

    @property
    def outside_ratio(self) -> float:
        """Share of present values beyond the reference's range, 0 to 1; nan where unknown."""
        return self.window.outside / self._present if self._present else math.nan

    @property
    def new_distinct(self) -> float:
        """About how many different categories are in `new_ratio`; nan for numbers."""
        return self.window.new_distinct

    @property
    def _present(self) -> float:
        return float(self.window.counts.sum())


def judge(
    pairs: Sequence[tuple[FeatureReference, Window]], limits: Limits | None = None
) -> list[FeatureDrift]:
    """Returns what is to be said of each feature, in the order given.

    A feature is called by its gravest change: values that go missing, then new categories, then a
    distribution that moved. Each needs an effect worth telling and a p-value that survives both
    `Limits.alpha` and Benjamini-Hochberg over all tests of the call; a test whose effect is not
    worth telling counts as one that has found nothing.

    Args:
        pairs: each feature's reference and its window.
        limits: what is worth telling.
    """
    limits = limits or Limits()
    measured = [measure(reference, window, limits) for reference, window in pairs]
    p_values = np.array([_p_values(drift, limits) for drift in measured]).reshape(-1, 3)
    proven = false_discoveries(p_values.ravel(), limits.false_discovery_rate).reshape(-1, 3)
    proven &= p_values <= limits.alpha
    return [
        replace(drift, verdict=_KINDS[int(row.argmax())]) if row.any() else drift
        for drift, row in zip(measured, proven, strict=True)
    ]


_KINDS: tuple[Verdict, ...] = ("missing", "new_category", "drifted")
"""From the gravest on."""


def _p_values(drift: FeatureDrift, limits: Limits) -> tuple[float, float, float]:
    """Returns the probabilities of what is missing, new and moved; 1 for what is not worth telling.

    Of too few rows only what is missing is told.
    """
    risen = drift.missing_ratio - drift.reference_missing_ratio
    factor = limits.missing_factor * drift.reference_missing_ratio
    is_gap = risen >= limits.least_missing and drift.missing_ratio >= factor
    missing = drift.missing_p if is_gap else 1.0
    if drift.verdict == "too_few":
        return missing, 1.0, 1.0
    is_new = drift.new_ratio - drift.reference_new_ratio >= limits.least_new
    has_moved = drift.psi >= max(limits.least_psi, drift.psi_critical)
    return missing, drift.new_p if is_new else 1.0, drift.psi_p if has_moved else 1.0


def measure(reference: FeatureReference, window: Window, limits: Limits) -> FeatureDrift:
    """Returns a feature's statistics; its verdict is only whether there was enough to judge.

    The evidence of clustered counts is that of as many independent rows as they are worth.
    """
    present = float(window.counts.sum())
    psi, critical, new, reference_new = math.nan, math.nan, math.nan, math.nan
    if reference.kind == "categorical" and present:
        new = float(window.counts[-1]) / present
        reference_new = float(reference.counts[-1]) / reference.present
    if present and window.is_like:
        psi = distance.psi(reference.counts, window.counts)
        vary = window.dispersion.beside(reference.present, present)
        limit = vary.critical(len(reference.counts) - 1, limits.alpha)
        critical = evidence(reference.present, present) * limit
    return FeatureDrift(
        feature=reference.name,
        verdict="too_few" if present < TOO_FEW else "stable",
        reference=reference,
        window=window,
        rows=present + window.missing,
        psi=psi,
        psi_critical=critical,
        gone=(window.missing, present + window.missing),
        new_ratio=new,
        reference_new_ratio=reference_new,
    )
