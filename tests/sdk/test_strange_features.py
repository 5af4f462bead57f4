"""Whatever a service gives as features, nothing raises, and each value is counted somewhere.

The SDK's own faults are raised in tests (`VARIO_SDK_RAISE_FAULTS`), so that none can hide.
"""

import datetime as dt
import math
import threading
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.otlp_sink import OtlpSink

import vario
from vario.sdk.columns import columns_of
from vario.sdk.features import MOST_FEATURES, OTHER, FeatureRecorder
from vario.sdk.meters import MeterProvider

LABELS = (("model_name", "m"),)
ODD: list[Any] = [
    None, math.nan, math.inf, -math.inf, 0.0, -0.0, 5e-324, 1.8e308, 10**400, -(10**400), 2**63,
    True, "", "de", "\ud800", "x" * 100, "a@b.c", b"bytes", [1.0], (), {"a": 1}, {1}, object(),
    Decimal("1.5"), Decimal("NaN"), Decimal("sNaN"), Decimal("-Infinity"), Fraction(1, 3), 1j,
    dt.datetime(2026, 1, 1), dt.date(2026, 1, 1), dt.timedelta(1), np.float16(3), np.float64("nan"),
    np.int8(-128), np.int64(-(2**63)), np.uint64(2**64 - 1), np.bool_(False), np.str_("fr"),
    np.datetime64("2026-01-01"), np.timedelta64(3, "s"), np.array(4.5), np.array([4.5]),
    np.ma.masked, np.complex64(1), pd.NA, pd.NaT, pd.Timestamp("2026-01-01"), lambda: 1, Ellipsis,
]  # fmt: skip


def totals(provider: MeterProvider) -> Counter[str]:
    """Returns how many values were counted of each feature, in whatever metric."""
    found: Counter[str] = Counter()
    for _, measured in provider.collect(1):
        for _, points in measured:
            for point in points:
                instrument = point.series.instrument
                if instrument != "feature_distinct":
                    own = dict(point.series.attributes)
                    count = point.count if hasattr(point, "count") else point.value
                    found[own["feature"]] += count
    return found


def recorder() -> tuple[MeterProvider, FeatureRecorder]:
    provider = MeterProvider()
    return provider, FeatureRecorder(provider.get_meter("t"))


@given(st.lists(st.sampled_from(range(len(ODD))), min_size=1, max_size=80))
@settings(max_examples=40, deadline=None)
def test_each_value_is_counted_once(picks: list[int]) -> None:
    provider, features = recorder()
    for pick in picks:
        features.record(LABELS, {"x": ODD[pick], 7: ODD[pick]})
    features.fold()
    assert totals(provider) == {"x": len(picks), "7": len(picks)}


@given(st.lists(st.sampled_from(range(len(ODD))), min_size=1, max_size=80))
@settings(max_examples=40, deadline=None)
def test_each_value_of_a_batch_is_counted_once(picks: list[int]) -> None:
    provider, features = recorder()
    column = np.empty(len(picks), dtype=object)
    column[:] = [ODD[pick] for pick in picks]
    assert features.record_batch(LABELS, {"x": column, "y": list(column)}) == len(picks)
    assert totals(provider) == {"x": len(picks), "y": len(picks)}


def frames() -> dict[str, tuple[Any, dict[str, int]]]:
    rows = 70
    ones = np.ones(rows)
    masked = np.ma.masked_array(ones, mask=np.arange(rows) < 10)
    repeated = pd.DataFrame(np.ones((rows, 3)), columns=pd.Index(["a", "b", "a"]))
    times = pd.date_range("2026-01-01", periods=rows)
    arrow = pa.table({"a": pa.array([None, Decimal("1.5")] * 35), "l": pa.array([[1]] * rows)})
    both = pa.table([pa.array(ones), pa.array(ones)], names=["a", "a"])
    nullable = pd.DataFrame(
        {"i": pd.array([1, None] * 35, dtype="Int64"), "t": times, "c": pd.Categorical(["x"] * 70)}
    )
    return {
        "masked": ({"a": masked, "b": ones}, {"a": rows, "b": rows}),
        "repeated": (repeated, {"a": rows, "b": rows}),
        "arrow": (arrow, {"a": rows, "l": rows}),
        "arrow repeated": (both, {"a": rows}),
        "nullable": (nullable, {"i": rows, "t": rows, "c": rows}),
        "embedding": ({"e": np.ones((rows, 8)), "b": ones}, {"e": rows, "b": rows}),
        "least integers": (
            {"a": np.full(rows, -(2**63)), "b": np.full(rows, -128, dtype=np.int8)},
            {"a": rows, "b": rows},
        ),
        "half": (np.full((rows, 1), 60_000, dtype=np.float16), {"f0": rows}),
        "long": (np.full((rows, 1), np.longdouble("1e400")), {"f0": rows}),
        "dates": (np.full((rows, 1), np.datetime64("2026-01-01", "ns")), {"f0": rows}),
        "structured": (np.zeros(rows, dtype=[("a", "f4"), ("b", "U3")]), {"a": rows, "b": rows}),
        "empty": (pd.DataFrame({"a": []}), {}),
        "no columns": (pd.DataFrame(), {}),
    }


@pytest.mark.parametrize("name", frames())
def test_each_row_of_a_frame_is_counted_once(name: str) -> None:
    given, wanted = frames()[name]
    columns = columns_of(given)
    assert columns is not None
    provider, features = recorder()
    features.record_batch(LABELS, columns)
    assert totals(provider) == wanted


def test_each_row_of_a_polars_frame_is_counted_once() -> None:
    polars = pytest.importorskip("polars", reason="polars is not installed: `make oracles` has it")
    times = [dt.datetime(2026, 1, 1)] * 70
    frame = polars.DataFrame({"a": [1, None] * 35, "d": times, "l": [[1]] * 70, "n": [None] * 70})
    columns = columns_of(frame)
    assert columns is not None
    provider, features = recorder()
    features.record_batch(LABELS, columns)
    assert totals(provider) == {"a": 70, "d": 70, "l": 70, "n": 70}


def test_one_prediction_may_have_an_array_among_its_features() -> None:
    assert columns_of({"embedding": np.ones(8), "age": 3}) is None
    assert columns_of({"image": np.ones((8, 8))}) is None


@pytest.mark.parametrize("features", [7, "age", object(), [1.0], np.ones((2, 2, 2)), np.ones(3)])
def test_what_cannot_be_read_is_counted_and_the_prediction_too(
    configured: OtlpSink, features: Any
) -> None:
    vario.record_prediction(features=features, prediction=1.0)
    assert vario.flush()
    found = {
        (name, point.attributes["feature"], point.attributes["reason"]): point.value
        for name in ("feature_invalid_total",)
        for point in configured.points(name)
    }
    assert found == {("feature_invalid_total", OTHER, "wrong_type"): 1}
    assert [point.value for point in configured.points("predictions_total")] == [1]


def test_a_row_of_a_frame_and_a_named_array_are_one_prediction(configured: OtlpSink) -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]})
    vario.record_prediction(features=frame.iloc[0], prediction=np.array([0.5]))
    vario.record_prediction(features=np.array([1.0, 2.0]), feature_names=["a", "c"])
    assert vario.flush()
    assert [point.value for point in configured.points("predictions_total")] == [2]
    assert not list(configured.points("feature_invalid_total"))
    missing = {p.attributes["feature"]: p.value for p in configured.points("feature_missing_total")}
    assert missing == {"b": 1, "c": 1, "prediction": 1}


def test_names_without_end_cost_no_memory() -> None:
    provider, features = recorder()
    features.record(LABELS, {f"user-{i}": 1.0 for i in range(MOST_FEATURES + 500)})
    features.fold()
    found = totals(provider)
    assert len(found) == MOST_FEATURES + 1
    assert found[OTHER] == 500


def test_threads_lose_nothing() -> None:
    """Requests and batches of the same model at once, each with features of its own."""
    provider, features = recorder()
    failed: list[BaseException] = []

    def serve(own: int) -> None:
        try:
            for i in range(40):
                features.record(LABELS, {"x": 1.0, f"t{own}": 1.0, f"n{i % 10}": "a"})
                features.record_batch(LABELS, {"x": np.ones(64), f"b{own}-{i % 20}": np.ones(64)})
                features.fold()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=serve, args=(own,)) for own in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    features.fold()
    assert failed == []
    assert totals(provider)["x"] == 4 * 40 * 65
