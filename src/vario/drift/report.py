"""What the watch found, for people: findings in words, and what they rest on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from vario.drift.judge import FeatureDrift
from vario.drift.live import OVER_ALL, Scope
from vario.drift.outcome_watch import FEATURE
from vario.drift.outcomes import OutcomeReading
from vario.drift.reference import Reference
from vario.drift.watch import CALM, Reading
from vario.drift.words import summarise, tell_fall

FindingKind = Literal["missing", "new_category", "drifted", "accept_rate"]
_GRAVEST_FIRST: tuple[FindingKind, ...] = ("missing", "new_category", "drifted")


@dataclass(frozen=True, slots=True)
class Finding:
    """One feature of one version that is not as the reference has it.

    Attributes:
        model_name: the model.
        version: the version concerned.
        feature: the feature's name; `prediction` is the model's output, `accept_rate` what users
            made of it.
        kind: `missing`, `new_category`, `drifted` or `accept_rate`.
        segments: values of the segments concerned; empty where it is the same everywhere.
        since_ms: when it began, milliseconds since the epoch.
        text: all of it in a sentence.
    """

    model_name: str
    version: str
    feature: str
    kind: FindingKind
    segments: tuple[str, ...]
    since_ms: int
    text: str


@dataclass(frozen=True, slots=True, order=True)
class Invalid:
    """Values of a feature that could not be used.

    Attributes:
        count: how many of them there were when drift was last judged.
        model_name: the model.
        feature: the feature's name.
        reason: `infinite`, `wrong_type` or `ragged`.
    """

    count: float
    model_name: str
    feature: str
    reason: str


@dataclass(frozen=True, slots=True)
class DriftReport:
    """The state of drift at a time.

    Attributes:
        at_ms: when it was judged, milliseconds since the epoch; 0 for never.
        readings: every feature in every scope.
        references: what is kept, the newest last.
        without_reference: models with live traffic that have none.
        invalid: values of the last minutes that could not be used.
        error: why the last step failed, empty if it did not.
        outcomes: feedback in every scope.
        unjoined: feedback of the last minutes whose prediction is not known.
    """

    at_ms: int = 0
    readings: tuple[Reading, ...] = ()
    references: tuple[Reference, ...] = ()
    without_reference: tuple[str, ...] = ()
    invalid: tuple[Invalid, ...] = ()
    error: str = ""
    outcomes: tuple[OutcomeReading, ...] = ()
    unjoined: float = 0.0

    def failed(self, error: str) -> "DriftReport":
        """Returns the report of before with why there is no newer one."""
        return replace(self, error=error)

    def findings(self) -> list[Finding]:
        """Returns what is to be told, gaps first, then by model, version and feature.

        Where traffic is divided by segments, a version's segments speak for it; else the version
        does.
        """
        groups: dict[tuple[str, str, str], list[Reading]] = {}
        for reading in self.readings:
            scope = reading.scope
            if scope.model_version != OVER_ALL:
                key = (scope.model_name, scope.model_version, reading.drift.feature)
                groups.setdefault(key, []).append(reading)
        found = [_find(key, group) for key, group in sorted(groups.items())]
        rates: dict[tuple[str, str], list[OutcomeReading]] = {}
        for reading in self.outcomes:
            if reading.scope.model_version != OVER_ALL:
                key = (reading.scope.model_name, reading.scope.model_version)
                rates.setdefault(key, []).append(reading)
        found += [_find_fall(key, group) for key, group in sorted(rates.items())]
        return sorted((f for f in found if f), key=lambda f: f.kind != "missing")


def _find(key: tuple[str, str, str], group: Sequence[Reading]) -> Finding | None:
    divided = [reading for reading in group if reading.scope.segments] or list(group)
    told = [r for r in divided if r.is_held and r.drift.verdict not in CALM]
    if not told:
        told = divided = [r for r in group if r.is_held and r.drift.verdict not in CALM]
    if not told:
        return None
    model_name, version, feature = key
    since_ms = min(reading.since_ms for reading in told)
    moment = f"{datetime.fromtimestamp(since_ms / 1000, UTC):%H:%M} UTC"
    shown = {r.scope: _as_told(r) for r in divided}
    is_everywhere = len(told) == len(divided)
    values = sorted({value for r in told for _, value in r.scope.segments if value})
    return Finding(
        model_name=model_name,
        version=version,
        feature=feature,
        kind=next(kind for kind in _GRAVEST_FIRST if any(r.drift.verdict == kind for r in told)),
        segments=() if is_everywhere else tuple(values),
        since_ms=since_ms,
        text=summarise(feature, version, _somewhere(shown, is_everywhere=is_everywhere), moment),
    )


def _find_fall(key: tuple[str, str], group: Sequence[OutcomeReading]) -> Finding | None:
    divided = [reading for reading in group if reading.scope.segments] or list(group)
    told = [r for r in divided if r.is_held]
    if not told:
        told = divided = [r for r in group if r.is_held]
    if not told:
        return None
    since_ms = min(reading.since_ms for reading in told)
    moment = f"{datetime.fromtimestamp(since_ms / 1000, UTC):%H:%M} UTC"
    is_everywhere = len(told) == len(divided)
    values = () if is_everywhere else tuple(sorted({r.scope.segments[0][1] for r in told}))
    rest = [r for r in divided if r not in told]
    text = tell_fall(key[1], values, told, rest, moment)
    return Finding(key[0], key[1], FEATURE, "accept_rate", values, since_ms, text)


def _as_told(reading: Reading) -> FeatureDrift:
    """Returns a reading's drift, calm as long as it is not held."""
    return reading.drift if reading.is_held else replace(reading.drift, verdict="stable")


def _somewhere(
    found: dict[Scope, FeatureDrift], *, is_everywhere: bool
) -> dict[Scope, FeatureDrift]:
    """Returns the same without the names of the segments where all are concerned."""
    if not is_everywhere:
        return found
    largest = max(found, key=lambda scope: found[scope].rows)
    return {replace(largest, segments=()): found[largest]}
