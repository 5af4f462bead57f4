"""What becomes of the labels of one series: personal data out, values past a budget folded."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vario.guard.folds import OVERFLOW, Fold
from vario.guard.policy import Place
from vario.guard.redact import Redactor

_SHARED = re.compile(r"\[[a-z][a-z0-9_]+\]")
"""A mark that is the same whatever was there."""


@dataclass(frozen=True, slots=True)
class Changed:
    """New values of some labels.

    Attributes:
        values: by name; None for a label that goes away.
        shared: whether other series may get the same labels, so that they are to be added up.
        fresh: whether, as far as is known, no series with the old labels was stored before.
        anew: whether the new labels cannot have been stored in an earlier life of the process.
        folded: the folds that took part.
    """

    values: Mapping[str, str | None]
    shared: bool
    fresh: bool
    anew: bool
    folded: tuple[Fold, ...]


def change_labels(
    labels: Mapping[str, str],
    folds: Sequence[Fold],
    redactor: Redactor,
    service: str,
    *,
    look: bool,
    apart: bool = False,
) -> Changed | None:
    """Returns what changes in a series' labels, None if nothing does.

    Args:
        labels: names as they came, with values as texts.
        folds: by the names in `labels`, those of the series' metric.
        redactor: takes personal data out.
        service: whose series it is.
        look: whether there may be personal data.
        apart: whether series that cannot be added up must stay apart: what would be redacted is
            hashed, and nothing is folded.
    """
    values: dict[str, str | None] = {}
    shared = False
    if look:
        for name, value in labels.items():
            if name == "__name__":
                continue
            place = Place("metrics", service, name)
            cleaned = (redactor.tell_apart if apart else redactor.clean)(value, place)
            if cleaned != value:
                values[name] = cleaned
                shared |= not apart and (cleaned is None or _SHARED.search(cleaned) is not None)
    taken: list[Fold] = []
    if not apart:
        for fold in folds:
            value = labels.get(fold.label, "")
            if value and value not in fold.kept and fold.label not in values:
                values[fold.label] = OVERFLOW
                taken.append(fold)
    if not values:
        return None
    fresh = all(hash(labels[fold.label]) not in fold.known for fold in taken)
    anew = bool(taken) and not any(fold.restored for fold in taken)
    return Changed(values, shared or bool(taken), fresh, anew, tuple(taken))
