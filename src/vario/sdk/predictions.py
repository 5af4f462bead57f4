"""What a model was given, what it said, and what came of it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from opentelemetry import trace

from vario.sdk.columns import as_array, columns_of, row_of
from vario.sdk.faults import report
from vario.sdk.features import Labels
from vario.sdk.logs import keep_event
from vario.sdk.measures import MOST_BOUND, count, is_id, label
from vario.sdk.pipeline import Pipeline
from vario.sdk.requests import annotate, current_request
from vario.sdk.requests import request_id as current_id
from vario.sdk.state import current
from vario.sdk.values import attribute, plain

OUTPUT = "prediction"
"""The feature that a model's output is kept as."""


def record_prediction(
    *,
    features: Any = None,
    prediction: Any = None,
    request_id: str | Sequence[str] | None = None,
    model_name: str | None = None,
    model_version: str | None = None,
    feature_names: Iterable[str] | None = None,
    **segments: Any,
) -> None:
    """Records a prediction of a model, or a batch of them; never raises.

    Features are folded into metrics (`feature_value`, `feature_category_total`,
    `feature_missing_total`, `feature_invalid_total`); rows never leave the process. Drift is judged
    by them. The prediction is counted (`predictions_total`) and said by the request's log line and
    span.

    Args:
        features: what the model was given: a mapping of names to values; for a batch a pandas or
            polars frame, an Arrow table, a mapping of names to arrays, or a two-dimensional array.
        prediction: what it said: a score, a label, a short list; for a batch, an array of them.
        request_id: by which feedback is joined to it; that of the request being answered, where it
            is not given. Outside of a request the prediction is sent as an event
            `vario.prediction` too. For a batch, one for each row.
        model_name: the model, where a service has several; else the request's.
        model_version: its version, as with a canary; else the request's.
        feature_names: of the columns of a two-dimensional array.
        **segments: coarse labels, such as `user_region="eu-west"`.
    """
    pipeline = current()
    if pipeline is None:
        return
    try:
        given = dict(segments)
        if model_name:
            given["model_name"] = model_name
        if model_version:
            given["model_version"] = model_version
        labels = _labels(pipeline, given)
        features, columns = _read(pipeline, features, feature_names, labels)
        names = None if features is None else list(features if columns is None else columns)
        if columns is None:
            rows = 1
            _record_one(pipeline, features, prediction, labels)
            said = prediction
            if own := request_id or current_id():
                pipeline.feedback.remember(str(own), labels, prediction)
        else:
            if prediction is not None:
                columns[OUTPUT] = as_array(prediction)
            rows = pipeline.features.record_batch(labels, columns)
            said = None  # a batch of answers is too long to say
            _remember_batch(pipeline, request_id, labels, prediction)
        _annotate(model_name, model_version, names, said)
        count("predictions_total", rows, **given)
        if isinstance(request_id, str) and request_id and current_request.get() is None:
            _say(pipeline, {"request_id": request_id, "prediction": said, **given})
    except Exception as error:
        report("record a prediction", error)


def _read(
    pipeline: Pipeline, features: Any, names: Iterable[str] | None, labels: Labels
) -> tuple[Any, dict[str, Any] | None]:
    """Returns features and, of a batch, its columns; what cannot be read is counted and dropped."""
    if features is None:
        return None, None
    try:
        if type(features) is not dict:
            features = row_of(features, names)
        return features, columns_of(features, names)
    except Exception as error:
        pipeline.features.refuse(labels, error)
        return None, None


def _annotate(
    model_name: str | None, model_version: str | None, names: list[Any] | None, said: Any
) -> None:
    """Does as `annotate`, without a look at each of the features' names."""
    state = current_request.get()
    if state is None or model_name or model_version:
        annotate(
            model_name=model_name,
            model_version=model_version,
            features_used=names,
            prediction=said,
        )
        return
    if names is not None:
        is_plain = _TEXTS.issuperset(map(type, names))
        state.fields["features_used"] = names if is_plain else plain(names)
    if said is not None:
        state.fields["prediction"] = said if type(said) is float else plain(said)


_TEXTS = frozenset((str,))


def _say(pipeline: Pipeline, known: Mapping[str, Any]) -> None:
    fields = {key: attribute(value) for key, value in known.items() if value is not None}
    keep_event(pipeline, "vario.prediction", "prediction", fields)


def _record_one(
    pipeline: Pipeline,
    features: Mapping[str, Any] | None,
    prediction: Any,
    labels: Labels,
) -> None:
    row = dict(features or {})
    if isinstance(prediction, float | int | str) or getattr(prediction, "ndim", None) == 0:
        row[OUTPUT] = prediction
    elif getattr(prediction, "ndim", None) == 1 and len(prediction) == 1:
        row[OUTPUT] = prediction.item()
    if row:
        pipeline.features.record(labels, row)


def _remember_batch(pipeline: Pipeline, ids: Any, labels: Labels, predictions: Any) -> None:
    """Remembers each row of a batch by its own id."""
    if ids is None or isinstance(ids, str):
        return
    said = [None] * len(ids) if predictions is None else predictions
    for own, prediction in zip(ids, said, strict=False):
        pipeline.feedback.remember(str(own), labels, prediction)


def _labels(pipeline: Pipeline, given: Mapping[str, Any]) -> Labels:
    """Returns the model's labels and the segments, ids left out (`count` tells of them).

    The same ones are one object: thousands of predictions wait or are remembered with theirs.
    """
    request = current_request.get()
    common = pipeline.labels if request is None else request.labels
    key = ("labels", *given.items(), *map(type, given.values()))
    found = common.bound.get(key)
    if found is None:
        coarse = {name: label(value) for name, value in given.items() if not is_id(name, value)}
        found = tuple({**common.attributes, **coarse}.items())
        if len(common.bound) < MOST_BOUND:
            common.bound[key] = found
    return found


def record_feedback(
    request_id: str,
    *,
    accepted: bool | None = None,
    actual: Any = None,
    model_name: str | None = None,
    model_version: str | None = None,
    score: float | None = None,
    **segments: Any,
) -> None:
    """Records what came of a prediction: whether it was accepted, or what was true.

    It is counted (`prediction_feedback_total{accepted=}`) under the version and the segments of the
    prediction with this request id, if it is one of the last 25,000 to 50,000 of this process, in
    any order. What cannot be joined is counted too (`prediction_feedback_unjoined_total`). It is
    sent as an event `vario.feedback` besides.

    Where another process has made the prediction, give the model's version and the segments
    yourself: it is then counted under them.

    Args:
        request_id: of the request that was answered with the prediction.
        accepted: whether the user took what was predicted.
        actual: what turned out to be true: a label, a number.
        model_name: the model that predicted, if it is not this process' own.
        model_version: the version that predicted; the feedback then needs no joining.
        score: what it predicted, where `model_version` is given.
        **segments: coarse labels of the counter.
    """
    pipeline = current()
    if pipeline is None:
        return
    try:
        given = dict(segments)
        if model_name:
            given["model_name"] = model_name
        if model_version:
            labels = dict(_labels(pipeline, {**given, "model_version": model_version}))
            pipeline.feedback.record(labels, score, accepted, actual)
        else:
            own = {name: label(value) for name, value in given.items() if not is_id(name, value)}
            pipeline.feedback.tell(request_id, tuple(own.items()), accepted, actual)
        said = {"request_id": request_id, "accepted": accepted, "actual": actual, **segments}
        fields = {key: attribute(value) for key, value in said.items() if value is not None}
        trace.get_current_span().add_event("vario.feedback", fields)
        keep_event(pipeline, "vario.feedback", "feedback", fields)
    except Exception as error:
        report("record feedback", error)
