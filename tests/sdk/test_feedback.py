"""Feedback on the wire: joined to its prediction by the request id, or counted as not joined."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from tests.support.otlp_sink import OtlpSink

import vario
from vario.sdk import feedback
from vario.sdk.feedback import FeedbackJoin
from vario.sdk.meters import MeterProvider


def told(sink: OtlpSink, name: str = "prediction_feedback_total") -> dict[frozenset[Any], float]:
    return {frozenset(point.attributes.items()): point.value for point in sink.points(name)}


def labels(**more: str) -> frozenset[Any]:
    model = {"model_name": "recommender", "model_version": "v23", "region": "eu-west"}
    return frozenset((model | more).items())


def test_feedback_is_counted_where_the_prediction_was_made(configured: OtlpSink) -> None:
    """In any order, after another version has taken over, and when it comes too early."""
    vario.record_feedback("r-4", accepted=False)
    vario.record_prediction(prediction=0.25, request_id="r-1", region="ap-south", surface="mail")
    vario.record_prediction(prediction=0.5, request_id="r-2", model_version="v23.1")
    vario.record_prediction(prediction="cat", request_id="r-3")
    vario.record_prediction(prediction=0.75, request_id="r-4")
    vario.record_feedback("r-2", accepted=False)
    vario.record_feedback("r-1", accepted=True, slot="top")
    vario.record_feedback("r-3", actual="dog")
    assert vario.flush()
    assert told(configured) == {
        labels(region="ap-south", surface="mail", slot="top", accepted="true"): 1,
        labels(model_version="v23.1", accepted="false"): 1,
        labels(accepted="false"): 2,
    }
    scores = {
        frozenset((key, value.string_value) for key, value in attributes): (point.count, point.sum)
        for point, attributes in exponentials(configured, "prediction_feedback_score")
    }
    assert scores == {
        labels(region="ap-south", surface="mail", slot="top", accepted="true"): (1, 0.25),
        labels(model_version="v23.1", accepted="false"): (1, 0.5),
        labels(accepted="false"): (1, 0.75),
    }


def exponentials(sink: OtlpSink, name: str) -> list[tuple[Any, list[tuple[str, Any]]]]:
    return [
        (point, [(pair.key, pair.value) for pair in point.attributes])
        for group in sink._groups("/v1/metrics", "resource_metrics")
        for scope in group.scope_metrics
        for metric in scope.metrics
        if metric.name == name
        for point in metric.exponential_histogram.data_points
    ]


def test_what_cannot_be_joined_is_counted(configured: OtlpSink) -> None:
    vario.record_prediction(prediction=0.25, request_id="r-1")
    vario.record_feedback("r-1", accepted=True)
    vario.record_feedback("r-1", accepted=True)
    vario.record_feedback("nobody", accepted=True)
    assert vario.flush()  # the first collection still waits for the prediction
    assert vario.flush()
    assert vario.flush()
    found = told(configured, "prediction_feedback_unjoined_total")
    assert found == {
        frozenset({("reason", "repeated")}): 1,
        frozenset({("reason", "unknown")}): 1,
    }
    assert told(configured) == {labels(accepted="true"): 1}


def test_a_caller_that_knows_the_version_needs_no_join(configured: OtlpSink) -> None:
    vario.record_feedback("r-9", accepted=True, model_version="v22", region="us-east", score=0.5)
    assert vario.flush()
    assert told(configured) == {labels(model_version="v22", region="us-east", accepted="true"): 1}


def test_each_row_of_a_batch_has_its_feedback(configured: OtlpSink) -> None:
    ids = [f"row-{i}" for i in range(4)]
    scores = np.array([0.1, 0.2, 0.3, 0.4])
    vario.record_prediction(features={"age": np.arange(4.0)}, prediction=scores, request_id=ids)
    for one, is_true in zip(ids, (0, 1, np.True_, False), strict=True):
        vario.record_feedback(one, actual=is_true)
    assert vario.flush()
    assert told(configured) == {labels(accepted="true"): 2, labels(accepted="false"): 2}


def test_a_number_that_turns_out_is_an_error_of_the_prediction(configured: OtlpSink) -> None:
    vario.record_prediction(prediction=20.0, request_id="r-1")
    vario.record_feedback("r-1", actual=17.5)
    assert vario.flush()
    ((point, _),) = exponentials(configured, "prediction_error")
    assert (point.count, point.sum) == (1, -2.5)
    assert told(configured) == {labels(): 1}


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feedback, "MOST_ANSWERS", 100)
    monkeypatch.setattr(feedback, "MOST_EARLY", 10)
    provider = MeterProvider()
    join = FeedbackJoin(provider.get_meter("test"))
    for i in range(1_000):
        join.remember(f"r-{i}", (("model_version", "v23"),), 0.5)
    assert len(join._young) + len(join._old) <= 102
    for i in range(1_000):
        join.tell(f"r-{i}", (), True, None)
    found: Counter[Any] = Counter()
    join.age()
    join.age()
    for _, instruments in provider.collect(0):
        for kind, points in instruments:
            if kind.name != "prediction_feedback_score":
                found[kind.name] += sum(point.value for point in points)
    joined = found["prediction_feedback_total"]
    assert 50 <= joined <= 102
    assert found["prediction_feedback_unjoined_total"] == 1_000 - joined
