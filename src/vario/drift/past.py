"""A feature at a moment that has passed: its distribution from what is stored of it."""

import json
import math
from collections.abc import Mapping, Sequence

from vario.drift.dispersion import Dispersion, clustered
from vario.drift.judge import Limits, judge
from vario.drift.live import FOLDED, OVER_ALL, Ask, Scope, Traffic, observe, roll_up, window_of
from vario.drift.noise import evidence
from vario.drift.reference import FeatureReference, Reference
from vario.drift.watch import ENOUGH, WINDOWS_S, Reading

RESOLUTION_S = (15, 300)
"""Between these lies how finely the time of a look is searched for."""
MOST_NEW = 12


def matchers(scope: Scope, **more: str) -> str:
    """Returns the matchers of a scope's series and its parts' in PromQL, without braces."""
    wanted = {**scope.labels, **more}
    return ",".join(f"{name}={json.dumps(text)}" for name, text in wanted.items())


def find_look(
    ask: Ask, scope: Scope, feature: str, at_ms: int, within_s: int
) -> tuple[int, float] | None:
    """Returns when the watch looked last, and which PSI it then held possible by chance.

    Args:
        ask: evaluates PromQL.
        scope: the part of the traffic.
        feature: the feature's name.
        at_ms: until when, milliseconds since the epoch.
        within_s: since how long before.

    Returns:
        Milliseconds since the epoch and the critical PSI (nan where there was none); None where the
        watch did not look at all.
    """
    apart_s = min(max(within_s // 100, RESOLUTION_S[0]), RESOLUTION_S[1])
    series = f"feature_presence_ratio{{{matchers(scope, feature=feature)}}}"
    own = {**scope.labels, "feature": feature}
    looks = ask(f"max_over_time(timestamp({series})[{within_s}s:{apart_s}s])", at_ms)
    times = [cell.value for cell in looks if _is_own(cell.labels, own)]
    if not times:
        return None
    look_ms = round(max(times) * 1000)
    passed = ask(f"drift_psi_critical{{{matchers(scope, feature=feature)}}}", look_ms)
    found = [cell.value for cell in passed if _is_own(cell.labels, own)]
    return look_ms, (found[0] if found else math.nan)


def _is_own(labels: Sequence[tuple[str, str]], own: Mapping[str, str]) -> bool:
    return {name: value for name, value in labels if name != "__name__"} == own


def look_back(
    ask: Ask,
    reference: Reference,
    scope: Scope,
    feature: str,
    at_ms: int,
    *,
    critical: float = math.nan,
) -> Reading:
    """Returns a feature as it was in the window that ended at a moment.

    The window is the shortest that holds enough predictions of the model, as the watch chooses it.

    Args:
        ask: evaluates PromQL.
        reference: what it is compared with; it has the feature.
        scope: the part of the traffic, with one segment at most.
        feature: the feature's name.
        at_ms: end of the window, milliseconds since the epoch.
        critical: the PSI that the watch then held possible by chance; nan where it is unknown.
    """
    names = [name for name, _ in scope.segments]
    window_s, traffic = WINDOWS_S[0], dict[Scope, Traffic]()
    for window_s in WINDOWS_S:
        traffic = roll_up(observe(ask, at_ms, window_s * 1000, names))
        if traffic.get(Scope(scope.model_name), Traffic()).predictions >= ENOUGH:
            break
    limits = Limits()
    own, is_like = reference.find(feature, scope.segments)
    part = traffic.get(scope, Traffic())
    plain = window_of(own, part, is_like=is_like)
    present, freedom = float(plain.counts.sum()), len(own.counts) - 1
    effect = 1.0
    if present and math.isfinite(critical):
        alone = Dispersion().critical(freedom, limits.alpha)
        effect = critical / (evidence(own.present, present) * alone)
    window = window_of(own, part, clustered(max(1.0, effect)), is_like=is_like)
    (drift,) = judge([(own, window)], limits)
    return Reading(scope, reference.name, drift, window_s, at_ms, False, 0, False)


def find_new_categories(
    ask: Ask, reference: FeatureReference, reading: Reading
) -> list[tuple[str, float]]:
    """Returns categories that the reference has not, the most frequent first, with their shares.

    Empty for numbers. Texts that the SDK gave no category of their own are not among them.
    """
    present = sum(reading.counts)
    if reference.kind != "categorical" or not present or reading.counts[-1] <= 0:
        return []
    series = f"feature_category_total{{{matchers(reading.scope, feature=reference.name)}}}"
    cells = ask(
        f"sum by (category) (increase({series}[{reading.window_s}s]))",
        reading.at_ms,
    )
    known = {*reference.categories, FOLDED}
    found = [
        (name, cell.value / present)
        for cell in cells
        if (name := dict(cell.labels).get("category", "")) not in known and cell.value > 0
    ]
    return sorted(found, key=lambda one: (-one[1], one[0]))[:MOST_NEW]


def pick_reference(references: Sequence[Reference], model: str, at_ms: int) -> Reference | None:
    """Returns the newest reference of a model that there was at a moment, else its oldest."""
    own = sorted((r for r in references if r.model_name == model), key=lambda r: r.created_ns)
    before = [reference for reference in own if reference.created_ns <= at_ms * 1_000_000]
    return before[-1] if before else next(iter(own), None)


def scope_of(model: str, version: str, segment: str, value: str) -> Scope:
    """Returns the part of the traffic that four texts of an address name."""
    segments = ((segment, value),) if segment and value else ()
    return Scope(model, version or OVER_ALL, segments)
