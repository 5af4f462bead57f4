"""What the doctor says of drift and of the data that it is judged by. Pure."""

import shlex
from collections.abc import Iterator

from vario.drift.live import FOLDED
from vario.drift.report import DriftReport, Invalid
from vario.query.doctor import Check

MOST_TOLD = 20
"""Features with values that cannot be used that are named; the most frequent."""

_REMEDIES = {
    "infinite": "divisions by zero and overflows make infinities: give None for no value",
    "wrong_type": "a feature's value is a number, a text or a boolean: leave lists, objects and "
    "dates out of `features`, or make numbers of them",
    "repeated": "two columns of a batch have the same name: give each its own",
    "too_many": "names of features must not be ids: a model has at most 1,000 of them",
    "ragged": "all columns of a batch must have one length: record batches before they are padded",
}
_OTHERWISE = "see what the service gives to vario.record_prediction for it"


def examine(report: DriftReport) -> Iterator[Check]:
    """Yields checks of the watch, of models without a reference, of feedback, of bad values."""
    if report.error:
        yield Check(
            "drift", "", "failed", f"drift could not be judged: {report.error}",
            "mend what it names; it is tried again every drift.interval_s seconds, and "
            "`vario drift report` shows what was found before",
        )  # fmt: skip
    elif report.readings:
        features = {(r.scope.model_name, r.drift.feature) for r in report.readings}
        models = {model for model, _ in features}
        told = len(report.findings())
        message = f"{len(features)} features of {len(models)} models are judged"
        yield Check("drift", "", "ok", f"{message}; findings: {told} (`vario drift report`)")
    for model in report.without_reference:
        name = shlex.quote(model)
        yield Check(
            "reference", "", "warning",
            f"model {model!r} makes predictions and has no reference: nothing tells when it drifts",
            f"vario reference create training.parquet --model {name} --name NAME --by region, or "
            f"of live traffic: vario reference create --model {name} --name NAME --from-live 24h",
        )  # fmt: skip
    if report.unjoined:
        yield Check(
            "feedback", "", "warning",
            f"{report.unjoined:.0f} times lately feedback found no prediction of its request",
            "give vario.record_prediction and vario.record_feedback the same request_id in one "
            "process, or tell record_feedback the model_version and the segments",
        )  # fmt: skip
    for invalid in sorted(report.invalid, reverse=True)[:MOST_TOLD]:
        yield Check(
            "features", "", "warning",
            f"model {invalid.model_name!r}: {invalid.count:.0f} values of {_subject(invalid)} "
            f"cannot be used ({invalid.reason}); they count as missing",
            _REMEDIES.get(invalid.reason, _OTHERWISE),
        )  # fmt: skip


def _subject(invalid: Invalid) -> str:
    """Returns whose values they are; what could not be read at all has no name."""
    return "`features`" if invalid.feature == FOLDED else f"feature {invalid.feature!r}"
