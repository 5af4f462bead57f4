"""How one reference differs from another of the same model."""

from dataclasses import dataclass

import numpy as np

from vario.drift import distance
from vario.drift.bins import Floats, count_buckets, count_categories
from vario.drift.reference import FeatureReference, Reference


@dataclass(frozen=True, slots=True)
class Change:
    """One feature in both references.

    Attributes:
        feature: its name.
        what: `added`, `removed`, `kind`, or `same kind`.
        psi: of the new one's values in the old one's bins, nats; None where it cannot be told.
        missing: shares of rows without it, then and now; None where one has it not.
    """

    feature: str
    what: str
    psi: float | None
    missing: tuple[float, float] | None


def compare(old: Reference, new: Reference) -> list[Change]:
    """Returns every feature of either, by name."""
    names = sorted({*old.features, *new.features})
    return [_change(name, old.features.get(name), new.features.get(name)) for name in names]


def _change(name: str, old: FeatureReference | None, new: FeatureReference | None) -> Change:
    if old is None or new is None:
        return Change(name, "removed" if new is None else "added", None, None)
    missing = (old.missing / old.rows, new.missing / new.rows)
    if old.kind != new.kind:
        return Change(name, "kind", None, missing)
    return Change(name, "same kind", distance.psi(old.counts, _rebinned(old, new)), missing)


def _rebinned(old: FeatureReference, new: FeatureReference) -> Floats:
    """Returns the new one's counts in the old one's bins; bins cut in two are divided evenly."""
    if old.kind == "categorical":
        counted = dict(zip(new.categories, new.counts.tolist(), strict=False))
        counted["\0others"] = float(new.counts[-1])
        return count_categories(counted, old.categories)
    bounds = np.concatenate(([-np.inf], new.edges, [np.inf]))
    return count_buckets(bounds[:-1], bounds[1:], new.counts, old.edges)
