"""What a model was given, what it said, and what came of it.

Today these become counters, attributes and events. Whoever folds features into sketches adds a
listener: it is told of every prediction and every feedback, on the request's own time.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isnan
from time import time_ns
from typing import Any, cast

from opentelemetry import trace

from vario.sdk.faults import report
from vario.sdk.logs import keep_event
from vario.sdk.measures import count, measure
from vario.sdk.pipeline import Pipeline
from vario.sdk.requests import annotate, current_request
from vario.sdk.state import current
from vario.sdk.values import attribute

FEATURE_MISSING = "feature_missing_total"


@dataclass(frozen=True, slots=True)
class Prediction:
    """One prediction, as a listener sees it. `features` are the caller's own, not a copy."""

    time_ns: int
    request_id: str
    model_name: str
    model_version: str
    features: Mapping[str, Any]
    prediction: Any
    segments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Feedback:
    """What came of a prediction, possibly much later and in another process."""

    time_ns: int
    request_id: str
    accepted: bool | None
    actual: Any
    segments: Mapping[str, Any]


PredictionListener = Callable[[Prediction], None]
FeedbackListener = Callable[[Feedback], None]
prediction_listeners: list[PredictionListener] = []
feedback_listeners: list[FeedbackListener] = []


def record_prediction(
    *,
    features: Mapping[str, Any] | None = None,
    prediction: Any = None,
    request_id: str | None = None,
    model_name: str | None = None,
    model_version: str | None = None,
    **segments: Any,
) -> None:
    """Records a prediction of a model: counted, and said by the request's log line and span.

    Of features only the names are kept, and how often each was missing (`feature_missing_total`):
    None, NaN, or not there. Values never leave the process.

    Args:
        features: what the model was given, by name.
        prediction: what it said: a score, a label, a short list.
        request_id: of the request; by default, of the one that is being answered.
        model_name: the model, where a service has several; else the request's.
        model_version: its version, as with a canary; else the request's.
        **segments: coarse labels of the counter, such as `user_region="eu-west"`.
    """
    pipeline = current()
    if pipeline is None:
        return
    try:
        given = features or {}
        if features is None:
            annotate(model_name=model_name, model_version=model_version, prediction=prediction)
        else:
            annotate(
                model_name=model_name,
                model_version=model_version,
                prediction=prediction,
                features_used=cast(Any, list(given)),
            )
        labels = dict(segments)
        if model_name:
            labels["model_name"] = model_name
        if model_version:
            labels["model_version"] = model_version
        count("predictions_total", 1, **labels)
        for name, value in given.items():
            if value is None or (type(value) is float and isnan(value)):
                count(FEATURE_MISSING, 1, feature=name, **labels)
        if type(prediction) is float and 0 <= prediction <= 1:
            measure("score", "prediction_score", prediction, labels)
        if prediction_listeners:
            _tell(pipeline, given, prediction, request_id, labels)
    except Exception as error:
        report("record a prediction", error)


def _tell(
    pipeline: Pipeline,
    features: Mapping[str, Any],
    prediction: Any,
    request_id: str | None,
    labels: Mapping[str, Any],
) -> None:
    request = current_request.get()
    known = (pipeline.labels if request is None else request.labels).attributes
    told = Prediction(
        time_ns(),
        request_id or (request.request_id if request else ""),
        str(labels.get("model_name") or known.get("model_name", "")),
        str(labels.get("model_version") or known.get("model_version", "")),
        features,
        prediction,
        labels,
    )
    for listener in prediction_listeners:
        listener(told)


def record_feedback(
    request_id: str,
    *,
    accepted: bool | None = None,
    actual: Any = None,
    **segments: Any,
) -> None:
    """Records what came of a prediction: whether it was accepted, or what was true.

    It is counted (`prediction_feedback_total{accepted=}`) and sent as an event `vario.feedback`
    with the request's id, by which it is joined to the prediction, however late.

    Args:
        request_id: of the request that was answered with the prediction.
        accepted: whether the user took what was predicted.
        actual: what turned out to be true: a label, a number.
        **segments: coarse labels of the counter.
    """
    pipeline = current()
    if pipeline is None:
        return
    try:
        labels = dict(segments)
        if accepted is not None:
            labels["accepted"] = accepted
        count("prediction_feedback_total", 1, **labels)
        said = {"request_id": request_id, "accepted": accepted, "actual": actual, **segments}
        fields = {key: attribute(value) for key, value in said.items() if value is not None}
        trace.get_current_span().add_event("vario.feedback", fields)
        keep_event(pipeline, "vario.feedback", "feedback", fields)
        for listener in feedback_listeners:
            listener(Feedback(time_ns(), request_id, accepted, actual, segments))
    except Exception as error:
        report("record feedback", error)
