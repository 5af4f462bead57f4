"""`/api/guard`: what was redacted and folded, since when, how often, what to write instead."""

from vario.api.context import CurrentContext
from vario.api.guard_models import FoldOut, FoundOut, GuardOut, SdkOverflowOut
from vario.api.shapes import to_seconds
from vario.guard.advice import advise_fold, advise_found


def get_guard(context: CurrentContext) -> GuardOut:
    """What was redacted and folded, since when, how often, and what to write instead."""
    report = context.guard()
    return GuardOut(
        personal_data=report.personal_data,
        cardinality=report.cardinality,
        found=[
            FoundOut(
                detector=entry.detector,
                mode=entry.mode,
                signal=entry.signal,
                service=entry.service,
                field=entry.field,
                count=entry.count,
                first=to_seconds(entry.first_ns),
                last=to_seconds(entry.last_ns),
                advice=advise_found(entry.detector, entry.field),
            )
            for entry in report.found
        ],
        folds=[
            FoldOut(
                metric=state.fold.metric,
                label=state.fold.label,
                services=list(state.fold.services),
                reason=state.fold.reason,
                budget=state.fold.budget,
                values=state.fold.values,
                samples=list(state.fold.samples),
                since=to_seconds(state.fold.since_ns),
                points=state.points,
                advice=advise_fold(state.fold),
            )
            for state in report.folds
        ],
        sdk_overflows=[
            SdkOverflowOut(metric=metric, services=list(services))
            for metric, services in sorted(report.overflows.items())
        ],
    )
