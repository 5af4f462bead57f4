"""Two releases beside each other, over HTTP."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Query

from vario.alert.seams import make_query
from vario.api.compare_models import FeatureOut, MeasureOut, PartOut, ReleaseComparisonOut
from vario.api.context import CurrentContext
from vario.api.params import Window
from vario.api.shapes import to_seconds
from vario.drift.releases import ReleaseDrift, compare_releases
from vario.errors import BadData, NotFound
from vario.investigate.compare import Comparison, Measured, Part, Tolerances, compare
from vario.investigate.compare_words import summarise
from vario.investigate.like_for_like import compare_with_day
from vario.investigate.season import DAY_NS, DAYS
from vario.model.load import LoadTable, ReplicaCount
from vario.model.service import ServiceSummary
from vario.model.telemetry import TimeRange
from vario.query.promql.engine import PromQL
from vario.store.base_load import SegmentBy

_STEPS = 240
_LEAST_STEP_NS = 5 * 10**9
Name = Annotated[str, Query(max_length=500)]
Share = Annotated[float, Query(ge=0, le=10)]


def compare_versions(
    context: CurrentContext,
    window: Window,
    service: Annotated[str, Query(min_length=1, max_length=500)],
    model: Name = "",
    baseline: Name = "",
    candidate: Name = "",
    by: SegmentBy = "region",
    max_latency: Share = 0.1,
    max_errors: Annotated[float, Query(ge=0, le=1)] = 0.005,
) -> ReleaseComparisonOut:
    """How a release does beside another: latency, errors, features and cost, with a verdict.

    Without `baseline` and `candidate` the two newest versions of the window are compared.
    `max_latency` is the share by which a percentile may be longer, `max_errors` by how much the
    error ratio may be higher.
    """
    step_ns = max(_LEAST_STEP_NS, -(-window.duration_ns // _STEPS))
    table = context.store.read_load(service, window, step_ns=step_ns, model=model, by=by)
    known = context.store.find_services(window, step_ns=window.duration_ns)
    own = [one for one in known if one.service_name == service and model in ("", one.model_name)]
    baseline, candidate = _choose(service, own, table, baseline, candidate)
    tolerances = Tolerances(latency=max_latency, errors=max_errors)
    replicas = context.store.count_replicas(service, window, step_ns=step_ns)
    result = compare(table, baseline, candidate, replicas=replicas, tolerances=tolerances)
    if not result.side_by_side:
        asked = _Asked(service, model, by, window, step_ns, (baseline, candidate), tolerances)
        result = _compare_with_past(context, asked, (table, replicas)) or result
    models = [model] if model else sorted({one.model_name for one in own if one.model_name})
    features = [
        found
        for name in models
        for found in _features(context, window, name, baseline, candidate, by)
    ]
    drifted = [one for one in features if one.drift.verdict not in ("stable", "too_few")]
    verdict = "fail" if drifted else result.verdict
    return ReleaseComparisonOut(
        service=service,
        model=model,
        baseline=baseline,
        candidate=candidate,
        start=to_seconds(window.start_ns),
        end=to_seconds(window.end_ns),
        verdict=verdict,
        summary=summarise(result, [_tell(one, baseline) for one in drifted]),
        side_by_side=result.side_by_side,
        blocks=result.blocks,
        block=result.block_s,
        parts=[_show_part(part) for part in result.parts],
        features=[_show_feature(one, baseline) for one in features],
        notes=_notes(result, features, by),
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is compared, of what, and when."""

    service: str
    model: str
    by: SegmentBy
    window: TimeRange
    step_ns: int
    versions: tuple[str, str]
    tolerances: Tolerances


def _compare_with_past(
    context: CurrentContext, asked: _Asked, now: tuple[LoadTable, Sequence[ReplicaCount]]
) -> Comparison | None:
    """Returns a comparison with the same time of an earlier day, the same day of the week first."""
    table, replicas = now
    for days in reversed(DAYS):
        start_ns = asked.window.start_ns - days * DAY_NS
        if start_ns < 0:
            continue
        then = TimeRange(start_ns, start_ns + asked.window.duration_ns)
        earlier = context.store.read_load(
            asked.service, then, step_ns=asked.step_ns, model=asked.model, by=asked.by
        )
        counted = context.store.count_replicas(asked.service, then, step_ns=asked.step_ns)
        found = compare_with_day(
            days, (earlier, table), asked.versions, (counted, replicas), asked.tolerances
        )
        if found is not None:
            return found
    return None


def _choose(
    service: str, own: Sequence[ServiceSummary], table: LoadTable, baseline: str, candidate: str
) -> tuple[str, str]:
    """Returns the versions to compare, the two newest where none are named.

    Raises:
        NotFound: the service or a version made no requests in the window.
        BadData: a version is to be compared with itself.
    """
    seen = {version.version: version for one in own for version in one.versions}
    newest = sorted(seen, key=lambda name: (seen[name].first_seen_ns, name))
    if not table.versions:
        raise NotFound(f"{service!r} answered no requests in this window: name a service that did")
    others = [name for name in newest if name != (candidate or newest[-1])]
    candidate = candidate or (newest[-1] if len(newest) > 1 else "")
    baseline = baseline or (others[-1] if others else "")
    told = ", ".join(newest) or "none is named: set model_version or service.version"
    for name in (baseline, candidate):
        if name not in table.versions or not name:
            wanted = f"version {name!r}" if name else "a second version"
            raise NotFound(
                f"{service!r} answered nothing in {wanted} in this window; its versions: {told}"
            )
    if baseline == candidate:
        raise BadData(f"baseline and candidate are both {baseline!r}: name two versions of {told}")
    return baseline, candidate


def _features(
    context: CurrentContext,
    window: TimeRange,
    model: str,
    baseline: str,
    candidate: str,
    by: SegmentBy,
) -> list[ReleaseDrift]:
    return compare_releases(
        make_query(PromQL(context.store)),
        window.end_ns // 1_000_000,
        window.duration_ns // 1_000_000,
        model_name=model,
        baseline=baseline,
        candidate=candidate,
        segments=("region",) if by == "region" else (),
    )


def _notes(result: Comparison, features: Sequence[ReleaseDrift], by: SegmentBy) -> list[str]:
    notes = list(result.notes)
    if not features:
        notes.append(
            "no features were compared: each release needs 500 predictions recorded with "
            "vario.record_prediction"
        )
    elif by != "region":
        notes.append("features are compared over all traffic: by=region tells regions apart")
    return notes


def _show_part(part: Part) -> PartOut:
    return PartOut(
        segment=part.segment,
        baseline_requests=part.baseline_requests,
        candidate_requests=part.candidate_requests,
        measures=[_show_measure(measured) for measured in part.measures],
    )


def _show_measure(measured: Measured) -> MeasureOut:
    return MeasureOut(
        measure=measured.measure,
        unit=measured.unit,
        baseline=_number(measured.baseline),
        candidate=_number(measured.candidate),
        change=_number(measured.change),
        low=_number(measured.low),
        high=_number(measured.high),
        judgement=measured.judgement,
    )


def _show_feature(found: ReleaseDrift, baseline: str) -> FeatureOut:
    drift = found.drift
    return FeatureOut(
        feature=drift.feature,
        segment=found.segment,
        value=found.value,
        verdict=drift.verdict,
        rows=drift.rows,
        psi=_number(drift.psi),
        psi_critical=_number(drift.psi_critical),
        missing_ratio=_number(drift.missing_ratio),
        baseline_missing_ratio=drift.reference_missing_ratio,
        text=_tell(found, baseline),
    )


def _tell(found: ReleaseDrift, baseline: str) -> str:
    drift = found.drift
    where = f" in {found.value}" if found.segment else ""
    if drift.verdict == "missing":
        return (
            f"{drift.feature} is missing from {drift.missing_ratio:.1%} of predictions{where}, "
            f"{drift.reference_missing_ratio:.1%} in {baseline}"
        )
    if drift.verdict == "new_category":
        return f"{drift.new_ratio:.1%} of {drift.feature}{where} are values new since {baseline}"
    if drift.verdict == "drifted":
        return f"{drift.feature}{where} moved: PSI {drift.psi:.3f} against {baseline}"
    return ""


def _number(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
