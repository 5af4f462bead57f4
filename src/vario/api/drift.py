"""Drift and references over HTTP."""

import json
import math
from typing import Annotated

from fastapi import Path, Query

from vario.alert.seams import make_query
from vario.api.context import CurrentContext
from vario.api.drift_models import (
    CategoryOut,
    DistributionOut,
    DriftOut,
    FindingOut,
    FromLiveIn,
    OutcomeOut,
    PerformanceOut,
    ReadingOut,
    ReferenceBody,
    ReferenceOut,
    ReferencesOut,
    StatisticOut,
)
from vario.drift.capture import capture
from vario.drift.distance import Tested
from vario.drift.live import OVER_ALL
from vario.drift.outcomes import OutcomeReading
from vario.drift.past import find_new_categories
from vario.drift.performance import Performance
from vario.drift.reference import Reference, dump_reference, load_reference
from vario.drift.watch import Reading
from vario.errors import BadData, NotFound
from vario.query.promql.engine import PromQL

LARGEST_WINDOW_S = 31 * 86_400.0
Name = Annotated[str, Query(max_length=500)]
PathName = Annotated[str, Path(max_length=500)]


def get_drift(context: CurrentContext, model: Name = "") -> DriftOut:
    """What drifts: findings in words, and every reading; of one model where it is named."""
    report = context.drift()
    return DriftOut(
        time=report.at_ms / 1000 if report.at_ms else None,
        error=report.error,
        findings=[
            FindingOut(
                model_name=finding.model_name,
                model_version=finding.version,
                feature=finding.feature,
                kind=finding.kind,
                segments=list(finding.segments),
                since=finding.since_ms / 1000,
                text=finding.text,
            )
            for finding in report.findings()
            if model in ("", finding.model_name)
        ],
        readings=[
            show_reading(reading)
            for reading in report.readings
            if model in ("", reading.scope.model_name)
        ],
        without_reference=list(report.without_reference),
        outcomes=[
            show_outcome(reading)
            for reading in report.outcomes
            if model in ("", reading.scope.model_name)
        ],
    )


def show_outcome(reading: OutcomeReading) -> OutcomeOut:
    """Returns a reading of feedback as the API shows it."""
    scope, baseline = reading.scope, reading.baseline
    segment, value = scope.segments[0] if scope.segments else ("", "")
    return OutcomeOut(
        model_name=scope.model_name,
        model_version=scope.model_version,
        segment=segment,
        value=value,
        verdict=reading.verdict,
        held=reading.is_held,
        since=reading.since_ms / 1000 if reading.since_ms else None,
        window=reading.window_s,
        feedback=reading.total,
        accept_rate=_number(reading.rate),
        accept_rate_low=reading.interval.low,
        accept_rate_high=reading.interval.high,
        baseline=baseline.source,
        baseline_rate=_number(baseline.rate),
        baseline_feedback=baseline.total,
        p=reading.p_value,
        expected_rate=_number(reading.expected_rate),
        calibration_error=_number(reading.calibration_error),
        measured=_performance(reading.measured),
        estimated=_performance(reading.estimated),
    )


def _performance(told: Performance) -> PerformanceOut:
    return PerformanceOut(
        accuracy=_number(told.accuracy),
        precision=_number(told.precision),
        recall=_number(told.recall),
        f1=_number(told.f1),
        roc_auc=_number(told.roc_auc),
    )


def show_reading(reading: Reading) -> ReadingOut:
    """Returns a reading as the API shows it."""
    drift, scope = reading.drift, reading.scope
    segment, value = scope.segments[0] if scope.segments else ("", "")
    return ReadingOut(
        model_name=scope.model_name,
        model_version=scope.model_version,
        segment=segment,
        value=value,
        feature=drift.feature,
        reference=reading.reference,
        seasonal=reading.is_seasonal,
        verdict=drift.verdict,
        held=reading.is_held,
        since=reading.since_ms / 1000 if reading.since_ms else None,
        window=reading.window_s,
        rows=drift.rows,
        psi=_number(drift.psi),
        psi_low=_number(drift.psi_interval.low),
        psi_high=_number(drift.psi_interval.high),
        psi_critical=_number(drift.psi_critical),
        jensen_shannon=_number(drift.jensen_shannon),
        wasserstein=_number(drift.wasserstein),
        kolmogorov_smirnov=_test(drift.kolmogorov_smirnov),
        chi_square=_test(drift.chi_square),
        missing_ratio=_number(drift.missing_ratio),
        missing_low=drift.missing_interval.low,
        missing_high=drift.missing_interval.high,
        reference_missing_ratio=drift.reference_missing_ratio,
        new_ratio=_number(drift.new_ratio),
        new_distinct=_number(drift.new_distinct),
        out_of_range_ratio=_number(drift.outside_ratio),
    )


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _test(tested: Tested) -> StatisticOut:
    statistic = _number(tested.statistic)
    return StatisticOut(statistic=statistic, p=None if statistic is None else tested.p_value)


def get_distribution(
    context: CurrentContext,
    model: Name,
    feature: Name,
    version: Name = OVER_ALL,
    segment: Name = "",
    value: Name = "",
) -> DistributionOut:
    """A feature's shares in the reference and now, side by side."""
    report = context.drift()
    for reading in report.readings:
        scope = reading.scope
        part = scope.segments[0] if scope.segments else ("", "")
        wanted = (model, version, feature, (segment, value))
        if (scope.model_name, scope.model_version, reading.drift.feature, part) == wanted:
            named = {(r.model_name, r.name): r for r in report.references}
            return show_distribution(context, named[model, reading.reference], reading)
    raise NotFound(
        f"no live traffic of feature {feature!r} of model {model!r} in version {version!r}"
        f"{f' with {segment}={value!r}' if segment else ''} was judged: see /api/drift"
    )


def show_distribution(
    context: CurrentContext, reference: Reference, reading: Reading
) -> DistributionOut:
    """Returns both distributions of a reading, and the categories that are new in it."""
    scope = reading.scope
    feature, _ = reference.find(reading.drift.feature, scope.segments)
    segment, value = scope.segments[0] if scope.segments else ("", "")
    present, compared = sum(reading.counts), sum(reading.compared)
    new = find_new_categories(make_query(PromQL(context.store)), feature, reading)
    return DistributionOut(
        model_name=scope.model_name,
        model_version=scope.model_version,
        segment=segment,
        value=value,
        feature=feature.name,
        kind=feature.kind,
        bins=list(feature.labels),
        reference_name=reference.name,
        reference=[count / compared for count in reading.compared],
        current=[count / present if present else 0.0 for count in reading.counts],
        reference_rows=compared if reading.is_seasonal else feature.rows,
        rows=reading.drift.rows,
        new_categories=[CategoryOut(name=name, share=share) for name, share in new],
    )


def find_references(context: CurrentContext) -> ReferencesOut:
    """Every reference that is kept, the newest first."""
    kept = [
        load_reference(body, f"reference {name!r} of model {model!r}")
        for model, name, body in context.store.find_references()
    ]
    return ReferencesOut(references=[show_reference(reference) for reference in reversed(kept)])


def show_reference(reference: Reference) -> ReferenceOut:
    """Returns a reference as lists show it."""
    return ReferenceOut(
        model_name=reference.model_name,
        name=reference.name,
        model_version=reference.model_version,
        source=reference.source,
        created=reference.created_ns / 1e9,
        features=len(reference.features),
        rows=max((feature.rows for feature in reference.features.values()), default=0.0),
    )


def get_reference(context: CurrentContext, model_name: PathName, name: PathName) -> ReferenceBody:
    """A reference with all its numbers."""
    for model, kept, body in context.store.find_references():
        if (model, kept) == (model_name, name):
            return ReferenceBody(document=json.loads(body))
    raise _no_reference(model_name, name)


def put_reference(context: CurrentContext, body: ReferenceBody) -> ReferenceOut:
    """Keeps a reference; one of the same model and name is replaced."""
    reference = load_reference(json.dumps(body.document), "the reference that was sent")
    return _keep(context, reference)


def make_from_live(context: CurrentContext, body: FromLiveIn) -> ReferenceOut:
    """Makes a reference of a model's live traffic."""
    if not 60 <= body.window_s <= LARGEST_WINDOW_S:
        raise BadData(
            f"window_s: {body.window_s:g} is not between 60 and {LARGEST_WINDOW_S:g} seconds"
        )
    captured = capture(
        make_query(PromQL(context.store)),
        context.clock.now_ns(),
        body.window_s,
        model_name=body.model_name,
        model_version=body.model_version,
        name=body.name,
        segments=body.segments,
    )
    return _keep(context, captured)


def _keep(context: CurrentContext, reference: Reference) -> ReferenceOut:
    if not reference.name or not reference.model_name:
        raise BadData("a reference needs a `name` and a `model_name`")
    if not reference.features:
        raise BadData(f"the reference {reference.name!r} has no feature: name some")
    context.store.write_reference(reference.model_name, reference.name, dump_reference(reference))
    return show_reference(reference)


def delete_reference(
    context: CurrentContext, model_name: PathName, name: PathName
) -> ReferencesOut:
    """Deletes a reference and returns those that are left."""
    if not context.store.delete_reference(model_name, name):
        raise _no_reference(model_name, name)
    return find_references(context)


def _no_reference(model_name: str, name: str) -> NotFound:
    return NotFound(
        f"there is no reference {name!r} of model {model_name!r}: `vario reference list` tells "
        "what is kept"
    )
