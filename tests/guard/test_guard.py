"""The guard by itself: names as the engine makes them, folds of histograms, faults, settings."""

import time
from dataclasses import replace

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from tests.support.otlp_factory import (
    logs_body,
    make_exponential,
    make_gauge,
    make_histogram,
    make_log,
    make_point,
    make_sum,
    metrics_body,
)

from vario.clock import SystemClock
from vario.errors import BadData, InternalError
from vario.guard.folds import Budgets, Fold, LabelUse
from vario.guard.guard import Guard
from vario.guard.policy import Policy, parse_rule
from vario.model.otlp_names import family_name, label_name
from vario.model.telemetry import Signal
from vario.store.clickhouse import ClickHouseStore

NAMES = ("named.things", "named", "2nd.named", "named..odd-name", "named.seconds", "named.total.x")
UNITS = ("", "s", "By", "1", "%", "{thing}", "By/s", "{thing}/s", "ms", "odd.unit", "m/h")
FOLD = Fold("spread", "user", 1, "values", 9, (), ("svc",), 1, frozenset({"a"}))


def test_names_are_those_that_the_engine_gives(store: ClickHouseStore) -> None:
    now, wanted, metrics = time.time_ns(), set[str](), []
    for name in NAMES:
        for unit in UNITS:
            point = make_point(1.0, time_ns=now, attributes={"a.b": "x", "2x": "y", "_z": "z"})
            kinds = (
                (make_gauge(name, point, unit=unit), "gauge", False),
                (make_sum(name, point, unit=unit), "sum", True),
                (make_sum(name, point, unit=unit, monotonic=False), "sum", False),
            )
            for metric, kind, monotonic in kinds:
                metrics.append(metric)
                wanted.add(family_name(name, unit, kind, monotonic=monotonic))
    store.write_otlp(Signal.METRICS, metrics_body("names", *metrics))
    rows = store.engine.query_rows(
        "SELECT DISTINCT name, mapKeys(labels) FROM metric_series WHERE labels['job'] = 'names' "
        "AND name != 'target_info'"
    )
    assert {name for name, _ in rows} == wanted
    labels = {"__name__", "job", *map(label_name, ("a.b", "2x", "_z"))}
    assert {frozenset(keys) for _, keys in rows} == {frozenset(labels)}


def folded(*metrics: object) -> list[object]:
    guard = Guard(Policy((), b"key"), SystemClock())
    guard.fold([FOLD])
    body = guard.clean_otlp(Signal.METRICS, metrics_body("svc", *metrics))  # type: ignore[arg-type]
    request = ExportMetricsServiceRequest.FromString(body)
    return list(request.resource_metrics[0].scope_metrics[0].metrics)


def test_histograms_of_one_series_are_one() -> None:
    many = [
        make_histogram("spread", bounds=(1.0,), counts=[n, 2], total=n, attributes={"user": user})
        for n, user in ((1, "a"), (2, "b"), (3, "c"))
    ]
    many[0].histogram.data_points.extend(p for m in many[1:] for p in m.histogram.data_points)
    (metric,) = folded(many[0])
    points = metric.histogram.data_points  # type: ignore[attr-defined]
    found = {p.attributes[0].value.string_value: (p.count, list(p.bucket_counts)) for p in points}
    assert found == {"a": (3, [1, 2]), "__overflow__": (9, [5, 4])}


def test_exponential_histograms_of_one_series_are_one() -> None:
    one = make_exponential("spread", scale=5, positive=[1, 2], attributes={"user": "b"})
    other = make_exponential(
        "spread", scale=3, positive=[4], positive_offset=1, attributes={"user": "c"}
    )
    one.exponential_histogram.data_points.extend(other.exponential_histogram.data_points)
    (metric,) = folded(one)
    (point,) = metric.exponential_histogram.data_points  # type: ignore[attr-defined]
    assert (point.scale, point.count, point.positive.offset) == (3, 7, 0)
    assert list(point.positive.bucket_counts) == [3, 4]


def test_other_metrics_are_left_byte_by_byte() -> None:
    guard = Guard(Policy((), b"key"), SystemClock())
    guard.fold([FOLD])
    body = metrics_body("svc", make_sum("other", make_point(1, attributes={"user": "b"})))
    assert guard.clean_otlp(Signal.METRICS, body) == body


def test_a_fault_stores_nothing_and_tells_no_value(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> str:
        raise ValueError("jane.doe@example.com")

    guard = Guard(Policy((), b"key"), SystemClock())
    monkeypatch.setattr("vario.guard.redact.Redactor.clean", fail)
    with pytest.raises(InternalError) as caught:
        guard.clean_otlp(Signal.LOGS, logs_body("svc", make_log("mail jane.doe@example.com")))
    assert caught.value.__cause__ is None
    assert "jane" not in f"{caught.value} {caplog.text}"
    assert "the guard failed: ValueError at fail" in caplog.text


@pytest.mark.parametrize(
    "rule", ["hide field=x", "hash place=x", "hash field=", "hash detector=nobody"]
)
def test_rules_that_are_not_understood(rule: str) -> None:
    with pytest.raises(BadData, match="guard rule"):
        parse_rule(rule)
    with pytest.raises(BadData, match="cardinality rule"):
        Budgets(10, 3, [rule])


def test_budgets() -> None:
    budgets = Budgets(100, 10, ["allow metric=free*", "5 metric=tight label=route"])
    use = LabelUse("calls", "user", 50, 0, (), ())
    judge = budgets.judge
    assert judge(use) is None
    assert judge(replace(use, values=101)) == ("values", 100)
    assert judge(replace(use, ids=11)) == ("ids", 10)
    assert judge(replace(use, ids=11, label="container_id")) is None
    assert judge(replace(use, values=101, label="container_id")) == ("values", 100)
    assert judge(replace(use, values=10**6, label="instance")) is None
    assert judge(replace(use, values=10**6, metric="free_calls")) is None
    assert judge(replace(use, values=6, metric="tight", label="route")) == ("values", 5)
