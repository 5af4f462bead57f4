"""Features and predictions of one release beside those of another, both live."""

from collections.abc import Sequence
from dataclasses import dataclass

from vario.drift.capture import LEAST_ROWS, feature_of
from vario.drift.judge import FeatureDrift, judge
from vario.drift.live import Ask, Scope, Traffic, observe, roll_up, window_of


@dataclass(frozen=True, slots=True)
class ReleaseDrift:
    """One feature in one part of the traffic; `segment` and `value` are empty for all of it."""

    segment: str
    value: str
    drift: FeatureDrift


def compare_releases(
    ask: Ask,
    at_ms: int,
    window_ms: int,
    *,
    model_name: str,
    baseline: str,
    candidate: str,
    segments: Sequence[str] = (),
) -> list[ReleaseDrift]:
    """Returns each feature of the candidate, judged by the baseline's values of the same window.

    Parts in which either release made fewer than `LEAST_ROWS` predictions are left out.

    Args:
        ask: evaluates PromQL.
        at_ms: end of the window, milliseconds since the epoch.
        window_ms: its length.
        model_name: the model.
        baseline: the version that is compared with.
        candidate: the version in question.
        segments: labels that divide the traffic, such as `region`.
    """
    traffic = roll_up(observe(ask, at_ms, window_ms, segments))
    parts = sorted(
        scope.segments
        for scope in traffic
        if (scope.model_name, scope.model_version) == (model_name, candidate)
    )
    keys: list[tuple[str, str]] = []
    pairs = []
    for part in parts:
        old = traffic.get(Scope(model_name, baseline, part), Traffic())
        new = traffic[Scope(model_name, candidate, part)]
        if min(old.predictions, new.predictions) < LEAST_ROWS:
            continue
        for name, observed in sorted(old.features.items()):
            if observed.present:
                reference = feature_of(name, observed)
                keys.append(part[0] if part else ("", ""))
                pairs.append((reference, window_of(reference, new)))
    return [ReleaseDrift(*key, drift) for key, drift in zip(keys, judge(pairs), strict=True)]
