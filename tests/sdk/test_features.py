"""Features on the wire: what is counted, what is refused, and that batches equal single rows."""

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.otlp_sink import OtlpSink, plain

import vario
from vario.sdk.columns import columns_of
from vario.sdk.features import MOST_CATEGORIES, OTHER
from vario.sdk.series import ExponentialSeries, bucket_index
from vario.sdk.sketches import MOST_BUCKETS, SketchSeries

MODEL = {"model_name": "recommender", "model_version": "v23", "region": "eu-west"}


def counts(sink: OtlpSink, name: str, *labels: str) -> dict[tuple[Any, ...], float]:
    return {
        tuple(point.attributes.get(label) for label in labels): point.value
        for point in sink.points(name)
    }


def histograms(sink: OtlpSink, name: str = "feature_value") -> dict[str, Any]:
    return {
        plain(point.attributes)["feature"]: point
        for group in sink._groups("/v1/metrics", "resource_metrics")
        for scope in group.scope_metrics
        for metric in scope.metrics
        if metric.name == name
        for point in metric.exponential_histogram.data_points
    }


def in_buckets(run: Any) -> dict[int, int]:
    return {run.offset + i: count for i, count in enumerate(run.bucket_counts) if count}


def test_numbers_are_a_histogram_of_both_signs(configured: OtlpSink) -> None:
    for value in (4.0, 4, 0, -2.5, 3.0):
        vario.record_prediction(features={"balance": value}, user_region="us")
    assert vario.flush()
    point = histograms(configured)["balance"]
    assert plain(point.attributes) == {**MODEL, "feature": "balance", "user_region": "us"}
    assert (point.count, point.zero_count, point.sum) == (5, 1, 8.5)
    assert (point.min, point.max, point.scale) == (-2.5, 4.0, 7)
    assert in_buckets(point.positive) == {
        bucket_index(4.0, 7): 2,
        bucket_index(3.0, 7): 1,
    }
    assert in_buckets(point.negative) == {bucket_index(2.5, 7): 1}


def test_texts_are_counted_by_category_and_ids_are_not_told(configured: OtlpSink) -> None:
    for value in ("de", "fr", "de", True, "ann@example.org", "x" * 99, "1234567890"):
        vario.record_prediction(features={"country": value})
    assert vario.flush()
    assert counts(configured, "feature_category_total", "category") == {
        ("de",): 2, ("fr",): 1, ("true",): 1, (OTHER,): 3,
    }  # fmt: skip


def test_very_many_categories_are_bounded(configured: OtlpSink) -> None:
    for i in range(MOST_CATEGORIES + 50):
        vario.record_prediction(features={"city": f"c{i}"})
    assert vario.flush()
    found = counts(configured, "feature_category_total", "category")
    assert (len(found), found[OTHER,]) == (MOST_CATEGORIES + 1, 50)
    (distinct,) = histograms(configured, "feature_distinct").values()
    assert (distinct.count, distinct.scale) == (50, 7)
    assert 0 <= distinct.positive.offset < 320


class Strange:
    """No value of any kind."""


def test_what_is_missing_or_cannot_be_used_is_counted(configured: OtlpSink) -> None:
    vario.record_prediction(features={"age": 1.0, "odd": 1.0})
    for value in (None, math.nan, math.inf, -math.inf, [1], {"a": 1}, Strange(), 10**400, b"x"):
        vario.record_prediction(features={"age": value, "odd": np.float32(2)})
    vario.record_prediction(features={"odd": np.int64(3)})
    assert vario.flush()
    assert counts(configured, "feature_missing_total", "feature", "reason") == {
        ("age", "none"): 1, ("age", "nan"): 1, ("age", "absent"): 1,
    }  # fmt: skip
    assert counts(configured, "feature_invalid_total", "feature", "reason") == {
        ("age", "infinite"): 3, ("age", "wrong_type"): 4,
    }  # fmt: skip
    found = histograms(configured)
    assert (found["age"].count, found["odd"].count) == (1, 11)
    assert counts(configured, "predictions_total") == {(): 11}


def test_the_output_is_a_feature(configured: OtlpSink) -> None:
    vario.record_prediction(prediction=0.25)
    vario.record_prediction(prediction=np.float32(0.5))
    vario.record_prediction(prediction="cat")
    vario.record_prediction(prediction=["a", "b"])
    assert vario.flush()
    assert histograms(configured)["prediction"].count == 2
    assert counts(configured, "feature_category_total", "category") == {("cat",): 1}
    assert counts(configured, "predictions_total") == {(): 4}


def test_a_prediction_outside_of_a_request_is_an_event_by_its_id(configured: OtlpSink) -> None:
    vario.record_prediction(prediction=0.25, request_id="r-1")
    assert vario.flush()
    (event,) = configured.logs()
    assert (event.body, event.attributes["request_id"]) == ("prediction", "r-1")
    assert event.attributes["prediction"] == 0.25


ROWS = 200
FRAME = {
    "age": [20.0 + i % 50 for i in range(ROWS)],
    "count": list(range(ROWS)),
    "country": ["de" if i % 3 else "fr" for i in range(ROWS)],
    "is_new": [i % 2 == 0 for i in range(ROWS)],
    "gap": [None if i % 4 == 0 else float(i) for i in range(ROWS)],
}
BATCHES: dict[str, Any] = {
    "dictionary of arrays": {
        name: np.array(column, dtype=object if name == "gap" else None)
        for name, column in FRAME.items()
    },
    "pandas": pd.DataFrame(FRAME),
    "pandas with types of its own": pd.DataFrame(FRAME).convert_dtypes(),
    "Arrow table": pa.table(FRAME),
    "Arrow batch": pa.RecordBatch.from_pydict(FRAME),
}


@pytest.mark.parametrize("kind", BATCHES)
def test_a_batch_is_what_its_rows_are(configured: OtlpSink, kind: str) -> None:
    vario.record_prediction(features=BATCHES[kind], prediction=np.full(ROWS, 0.5))
    assert vario.flush()
    assert counts(configured, "predictions_total") == {(): ROWS}
    assert counts(configured, "feature_category_total", "feature", "category") == {
        ("country", "de"): 133, ("country", "fr"): 67,
        ("is_new", "true"): 100, ("is_new", "false"): 100,
    }  # fmt: skip
    missing = Counter[str]()
    for (feature, _), value in counts(
        configured, "feature_missing_total", "feature", "reason"
    ).items():
        missing[feature] += int(value)
    assert missing == {"gap": 50}
    found = histograms(configured)
    assert {name: point.count for name, point in found.items()} == {
        "age": ROWS, "count": ROWS, "gap": 150, "prediction": ROWS,
    }  # fmt: skip
    assert found["count"].sum == sum(range(ROWS))


def test_a_polars_frame_is_what_its_rows_are(configured: OtlpSink) -> None:
    polars = pytest.importorskip(
        "polars", reason="polars is not installed: its frames are not recorded"
    )
    frame = polars.DataFrame({name: list(column) for name, column in FRAME.items()})
    vario.record_prediction(features=frame, prediction=polars.Series([0.5] * ROWS))
    assert vario.flush()
    assert counts(configured, "predictions_total") == {(): ROWS}
    found = histograms(configured)
    assert {name: point.count for name, point in found.items()} == {
        "age": ROWS, "count": ROWS, "gap": 150, "prediction": ROWS,
    }  # fmt: skip
    missing = counts(configured, "feature_missing_total", "feature")
    assert missing == {("gap",): 50}


def test_arrays_have_names_for_their_columns(configured: OtlpSink) -> None:
    table = np.arange(20.0).reshape(10, 2)
    vario.record_prediction(features=table, feature_names=["a", "b"])
    vario.record_prediction(features=table)
    structured = np.zeros(3, dtype=[("x", "f8"), ("y", "i4")])
    vario.record_prediction(features=structured)
    assert vario.flush()
    found = {name: point.count for name, point in histograms(configured).items()}
    assert found == {"a": 10, "b": 10, "f0": 10, "f1": 10, "x": 3, "y": 3}


def test_a_ragged_batch_keeps_the_columns_that_fit(
    configured: OtlpSink, caplog: pytest.LogCaptureFixture
) -> None:
    batch = {"a": np.ones(10), "b": np.ones(10), "c": np.ones(7)}
    vario.record_prediction(features=batch)
    assert vario.flush()
    assert sorted(histograms(configured)) == ["a", "b"]
    assert counts(configured, "feature_invalid_total", "feature", "reason") == {
        ("c", "ragged"): 10,
    }  # fmt: skip
    assert "feature c of a batch has 7 values, others have 10" in caplog.text


@pytest.mark.parametrize("features", [7, "age", object()])
def test_what_are_no_features_never_raises(
    configured: OtlpSink, monkeypatch: pytest.MonkeyPatch, features: Any
) -> None:
    monkeypatch.delenv("VARIO_SDK_RAISE_FAULTS")
    vario.record_prediction(features=features, prediction=1.0)


def test_one_predictions_lists_are_no_batch() -> None:
    assert columns_of({"tags": ["a", "b"]}) is None
    assert columns_of({}) is None


NUMBERS = st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=64)


@given(NUMBERS)
def test_numpy_and_plain_python_fold_alike(values: list[float]) -> None:
    one, many = (SketchSeries("x", {}, 0, False) for _ in range(2))
    for value in values:
        one.add_values([value])
    many.add_values(np.array(values))
    assert summary(one) == summary(many)


def summary(series: SketchSeries) -> tuple[Any, ...]:
    return (series.scale, series.count, series.zeros, series.positive, series.negative)


@given(st.lists(st.floats(1e-9, 1e9), min_size=1, max_size=300))
def test_positive_values_lie_where_opentelemetry_puts_them(values: list[float]) -> None:
    """The stock histogram begins finer and has half the buckets: coarsened, both are the same."""
    ours, stock = SketchSeries("x", {}, 0, False), ExponentialSeries("x", {}, 0, False)
    for value in values:
        ours.add_values([value])
        stock.record(value, 0, None)
    stock.fold()
    scale = min(ours.scale, stock.scale)
    assert coarsened(ours.positive, ours.scale - scale) == coarsened(
        stock.buckets, stock.scale - scale
    )
    assert max(ours.positive) - min(ours.positive) < MOST_BUCKETS


def coarsened(buckets: dict[int, int], shift: int) -> Counter[int]:
    merged: Counter[int] = Counter()
    for index, count in buckets.items():
        merged[index >> shift] += count
    return merged


@given(st.lists(st.lists(st.floats(-1e6, 1e6), min_size=1), min_size=2, max_size=4))
def test_replicas_merge_exactly(parts: list[list[float]]) -> None:
    whole = SketchSeries("x", {}, 0, False)
    replicas = [SketchSeries("x", {}, 0, False) for _ in parts]
    for replica, values in zip(replicas, parts, strict=True):
        replica.add_values(values)
        whole.add_values(values)
    scale = min(replica.scale for replica in (*replicas, whole))

    def merged(series: Iterable[SketchSeries]) -> tuple[Counter[int], Counter[int]]:
        positive, negative = Counter[int](), Counter[int]()
        for one in series:
            positive += coarsened(one.positive, one.scale - scale)
            negative += coarsened(one.negative, one.scale - scale)
        return positive, negative

    assert merged(replicas) == merged([whole])


def test_infinities_of_both_signs_and_large_numbers_in_a_batch(configured: OtlpSink) -> None:
    values = np.array([np.inf, -np.inf, np.nan, 1.0, 2.0])
    vario.record_prediction(features={"odd": values, "large": np.full(5, 1.7e308)})
    assert vario.flush()
    assert counts(configured, "feature_invalid_total", "feature", "reason") == {
        ("odd", "infinite"): 2
    }
    assert counts(configured, "feature_missing_total", "feature", "reason") == {("odd", "nan"): 1}
    found = histograms(configured)
    assert (found["odd"].count, found["large"].count) == (2, 5)
