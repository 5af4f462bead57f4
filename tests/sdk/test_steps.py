"""Steps: spans and timings, in every form in which they can be written."""

import pytest
from tests.support.otlp_sink import OtlpSink

import vario

MODEL = {"model_name": "recommender", "model_version": "v23", "region": "eu-west"}


@vario.step("decorated", batch_id="b-1")
def decorated(left: int, right: int) -> int:
    return left + right


@vario.step("decorated_async")
async def decorated_async(value: int) -> int:
    async with vario.step("inner") as span:
        span.set_attribute("rows", value)
    return value


def test_a_step_is_a_span_named_after_service_and_operation(configured: OtlpSink) -> None:
    with vario.step("predict", batch_id="b-1", batch_size=8, ratio=0.5, scores=[1, 2]) as span:
        span.set_attribute("cache_hit", False)
    assert vario.flush()
    (found,) = configured.spans()
    assert (found.name, found.parent_span_id, found.status) == ("ml-infer.predict", "", 0)
    assert found.attributes == {
        **MODEL,
        "batch_id": "b-1",
        "batch_size": 8,
        "ratio": 0.5,
        "scores": [1.0, 2.0],
        "cache_hit": False,
    }


def test_its_time_is_a_histogram_with_coarse_labels(configured: OtlpSink) -> None:
    for batch in range(3):
        with vario.step("predict", batch_id=f"b-{batch}"):
            pass
    assert vario.flush()
    (point,) = configured.points("inference_step_seconds")
    assert (point.attributes, point.value, point.unit) == ({**MODEL, "step": "predict"}, 3, "s")


def test_a_decorated_function_is_a_step_at_each_call(configured: OtlpSink) -> None:
    assert [decorated(1, 2), decorated(3, right=4)] == [3, 7]
    assert vario.flush()
    assert [(s.name, s.attributes["batch_id"]) for s in configured.spans()] == [
        ("ml-infer.decorated", "b-1"),
        ("ml-infer.decorated", "b-1"),
    ]


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_coroutines(configured: OtlpSink) -> None:
    assert await decorated_async(3) == 3
    assert vario.flush()
    inner, outer = configured.spans()
    assert (inner.name, inner.parent_span_id) == ("ml-infer.inner", outer.span_id)
    assert inner.attributes["rows"] == 3
    assert outer.name == "ml-infer.decorated_async"


def test_an_exception_marks_the_span_and_goes_on_its_way(configured: OtlpSink) -> None:
    with pytest.raises(ValueError, match="no such country"), vario.step("encode_features"):
        raise ValueError("no such country")
    assert vario.flush()
    (span,) = configured.spans()
    assert (span.status, span.events) == (2, ["exception"])
    assert configured.points("inference_step_seconds")[0].value == 1


def test_annotate_outside_of_a_request_goes_to_the_span(configured: OtlpSink) -> None:
    with vario.step("batch"):
        vario.annotate(model_version="v24", features_used=["age"], rows={"a": [1, None]})
    assert vario.flush()
    attributes = configured.spans()[0].attributes
    assert attributes == {
        **MODEL,
        "model_version": "v24",
        "features_used": ["age"],
        "rows": '{"a":[1,null]}',
    }


def test_counts_and_gauges_carry_the_model(configured: OtlpSink) -> None:
    vario.count("recommendation_feedback_total", accepted=True)
    vario.count("recommendation_feedback_total", 2, accepted=True)
    vario.gauge("gpu_utilization_ratio", 0.25, gpu=0)
    assert vario.flush()
    (counter,) = configured.points("recommendation_feedback_total")
    assert (counter.attributes, counter.value) == ({**MODEL, "accepted": "true"}, 3)
    (gauge,) = configured.points("gpu_utilization_ratio")
    assert (gauge.attributes, gauge.value) == ({**MODEL, "gpu": "0"}, 0.25)


def test_without_configure_a_step_does_nothing() -> None:
    with vario.step("predict") as span:
        span.set_attribute("rows", 1)
        vario.annotate(prediction=1)
        vario.count("x_total")
        vario.gauge("y", 1)
    assert not span.is_recording()
    assert decorated(1, 2) == 3
    assert vario.inject_headers() == {}
    assert vario.flush()
    assert vario.shutdown()
