"""Data points as Prometheus would name and count them.

Names, units and labels follow the OpenTelemetry specification, "Prometheus and OpenMetrics
Compatibility", section "OTLP Metric points to Prometheus".
"""

import struct

import pytest
from tests.support.otlp_factory import (
    DELTA,
    START_NS,
    Attributes,
    Metric,
    make_exemplar,
    make_exponential,
    make_gauge,
    make_histogram,
    make_point,
    make_sum,
    make_summary,
    metrics_body,
    span_hex,
    trace_hex,
)

from vario.clock import ManualClock
from vario.errors import BadData
from vario.model.series import STALE_NAN_BITS
from vario.model.telemetry import Signal
from vario.store.clickhouse import ClickHouseStore

START_MS = START_NS // 1_000_000


def write(store: ClickHouseStore, *metrics: Metric, resource: str | Attributes = "") -> None:
    store.write_otlp(Signal.METRICS, metrics_body(resource or {}, *metrics))


def read_samples(store: ClickHouseStore) -> dict[str, float]:
    """Values by series, written as PromQL writes them; one sample each."""
    found = store.find_series((), START_MS - 1, START_MS)
    block = store.fetch_samples(found, START_MS - 1, START_MS)
    assert len(block.values) == len(found)
    samples = {}
    for i, labels in enumerate(found.labels):
        rest = ",".join(f"{k}={v}" for k, v in sorted(labels.items()) if k != "__name__")
        samples[f"{labels['__name__']}{{{rest}}}"] = float(block.values[i])
    return samples


NAMES = [
    ("cpu.usage", "", "gauge", "cpu_usage"),
    ("cpu.usage", "1", "gauge", "cpu_usage_ratio"),
    ("hit.ratio", "1", "gauge", "hit_ratio"),
    ("queue", "1", "updown", "queue"),
    ("http.requests", "{request}", "counter", "http_requests_total"),
    ("http.requests", "1", "counter", "http_requests_total"),
    ("requests.total", "", "counter", "requests_total"),
    ("total.requests", "", "counter", "requests_total"),
    ("gpu.memory", "By", "gauge", "gpu_memory_bytes"),
    ("gpu.memory.bytes", "By", "gauge", "gpu_memory_bytes"),
    ("latency", "ms", "gauge", "latency_milliseconds"),
    ("cpu.time", "s", "counter", "cpu_time_seconds_total"),
    ("io", "By/s", "gauge", "io_bytes_per_second"),
    ("rate", "1/min", "gauge", "rate_per_min"),
    ("rate", "{token}/s", "gauge", "rate_per_second"),
    ("load", "%", "gauge", "load_percent"),
    ("size", "TiBy", "gauge", "size_tebibytes"),
    ("odd", "furlong^2", "gauge", "odd_furlong_2"),
    ("odd", " s ", "gauge", "odd_seconds"),
    ("4xx.errors", "", "gauge", "_4xx_errors"),
    ("a--b__c  d", "", "gauge", "a_b_c_d"),
    ("level:metric:op", "", "gauge", "level:metric:op"),
    ("größe", "", "gauge", "gr_e"),
]


def test_names_and_units(store: ClickHouseStore) -> None:
    metrics = []
    for case, (name, unit, kind, _) in enumerate(NAMES):
        point = make_point(1, attributes={"case": case})
        metrics.append(
            make_gauge(name, point, unit=unit)
            if kind == "gauge"
            else make_sum(name, point, unit=unit, monotonic=kind == "counter")
        )
    write(store, *metrics)
    found = store.find_series((), START_MS - 1, START_MS)
    names = {int(labels["case"]): labels["__name__"] for labels in found.labels}
    assert [names[case] for case in range(len(NAMES))] == [expected for *_, expected in NAMES]


def test_labels(store: ClickHouseStore) -> None:
    attributes = {
        "http.route": "/x", "1st": 1, "_private": True, "__reserved": "r", "naïve": "n",
        "empty": "", "score": 0.5, "a.b": "2", "a_b": "1", "tab\tbed": "t", "job": "mine",
        "region": "own", "__name__": "no",
    }  # fmt: skip
    resource = {
        "service.name": "ml", "service.namespace": "prod", "service.instance.id": "i-1",
        "cloud.region": "eu-west", "service.version": "1.2", "host.name": "h",
    }  # fmt: skip
    write(store, make_gauge("g", make_point(1, attributes=attributes)), resource=resource)
    found = store.find_series((), START_MS - 1, START_MS)
    by_name = {labels["__name__"]: labels for labels in found.labels}
    assert by_name == {
        "g": {
            "__name__": "g", "job": "prod/ml", "instance": "i-1", "service_version": "1.2",
            "region": "own", "http_route": "/x", "key_1st": "1", "key_private": "true",
            "__reserved": "r", "na_ve": "n", "score": "0.5", "a_b": "1;2", "tab_bed": "t",
        },
        "target_info": {
            "__name__": "target_info", "job": "prod/ml", "instance": "i-1", "host_name": "h",
            "cloud_region": "eu-west", "service_version": "1.2",
        },
    }  # fmt: skip


def test_identity_of_a_resource(store: ClickHouseStore) -> None:
    cases = [
        ({"service.name": "ml"}, {"job": "ml"}),
        ({"service.name": "ml", "service.namespace": "p"}, {"job": "p/ml"}),
        ({"service.namespace": "p"}, {}),
        ({"service.instance.id": "i"}, {"instance": "i"}),
        ({"cloud.region": "eu"}, {"region": "eu"}),
    ]
    bodies = [
        metrics_body(resource, make_gauge(f"g{at}", make_point(1)))
        for at, (resource, _) in enumerate(cases)
    ]
    store.write_otlp(Signal.METRICS, b"".join(bodies))
    found = store.find_series((), START_MS - 1, START_MS).labels
    by_name = {labels["__name__"]: labels for labels in found}
    for at, (_, labels) in enumerate(cases):
        assert by_name[f"g{at}"] == {"__name__": f"g{at}", **labels}


def test_the_id_of_a_series_is_a_hash_of_its_sorted_labels(store: ClickHouseStore) -> None:
    for names in ("ab", "ba"):
        write(store, make_gauge("g", make_point(1, attributes=dict.fromkeys(names, "v"))))
    assert store.engine.query_rows(
        "SELECT DISTINCT id = sipHash64(mapSort(labels)), mapKeys(labels) FROM metric_series"
    ) == [(1, ["__name__", "a", "b"])]


def test_histograms_become_classic_series(store: ClickHouseStore) -> None:
    write(store, make_histogram("h", bounds=[0.005, 1, 10], counts=[1, 0, 2, 3], total=40.5,
                                unit="s", attributes={"le": "mine", "m": "x"}))  # fmt: skip
    assert read_samples(store) == {
        "h_seconds_bucket{le=0.005,m=x}": 1,
        "h_seconds_bucket{le=1,m=x}": 1,
        "h_seconds_bucket{le=10,m=x}": 3,
        "h_seconds_bucket{le=+Inf,m=x}": 6,
        "h_seconds_count{m=x}": 6,
        "h_seconds_sum{m=x}": 40.5,
    }


def test_odd_histograms_fail_no_batch(store: ClickHouseStore) -> None:
    short = make_histogram("short", bounds=[1, 2, 3], counts=[4])
    none = make_histogram("none", bounds=[], counts=[])
    none.histogram.data_points[0].ClearField("sum")
    none.histogram.data_points[0].count = 5
    write(store, short, none, make_gauge("good", make_point(1)))
    samples = read_samples(store)
    assert samples["good{}"] == 1
    assert {name: value for name, value in samples.items() if name.startswith("none")} == {
        "none_bucket{le=+Inf}": 5,
        "none_count{}": 5,
    }


def test_summaries_become_quantiles(store: ClickHouseStore) -> None:
    write(store, make_summary("s", {0.5: 1.5, 0.99: 9}, count=4, total=12))
    assert read_samples(store) == {
        "s{quantile=0.5}": 1.5,
        "s{quantile=0.99}": 9,
        "s_count{}": 4,
        "s_sum{}": 12,
    }


def read_natives(store: ClickHouseStore) -> list[tuple[object, ...]]:
    return store.engine.query_rows(
        "SELECT count, sum, schema, zero_threshold, zero_count, positive_offset, positive, "
        "negative_offset, negative, bounds, reset_hint FROM metric_histograms"
    )


def test_exponential_histograms_stay_native(store: ClickHouseStore) -> None:
    """OTLP counts a bucket by its lower bound, Prometheus by its upper: the offset grows by 1."""
    write(store, make_exponential("e", scale=3, positive=[1, 2, 7], positive_offset=-3,
                                  negative=[4], negative_offset=5, zero_count=2,
                                  zero_threshold=1e-9, total=2.5))  # fmt: skip
    assert read_natives(store) == [
        (16, 2.5, 3, 1e-9, 2, -2, [1, 2, 7], 6, [4], [], "unknown"),
    ]
    assert store.engine.query_rows("SELECT name FROM metric_series") == [("e",)]
    assert store.engine.query_rows("SELECT count() FROM metric_samples") == [(0,)]
    assert store.engine.query_rows(
        "SELECT uniqExact(id) FROM (SELECT id FROM metric_series UNION ALL "
        "SELECT id FROM metric_histograms)"
    ) == [(1,)]


def test_finer_histograms_are_merged_to_schema_8(store: ClickHouseStore) -> None:
    """Four buckets of scale 10 make one of scale 8: -3..-1 | 0..3, and 2..3 | 4..7."""
    write(store, make_exponential("e", scale=10, positive=[1, 2, 7, 4, 5, 6, 1],
                                  positive_offset=-3, negative=[1, 2, 7, 4],
                                  negative_offset=2))  # fmt: skip
    [row] = read_natives(store)
    assert row[2:9] == (8, 0, 0, 0, [10, 16], 1, [3, 11])


def test_coarser_histograms_than_prometheus_knows_are_left_out(store: ClickHouseStore) -> None:
    write(store, make_exponential("e", scale=-5, positive=[1]), make_gauge("g", make_point(1)))
    assert read_natives(store) == []
    assert read_samples(store) == {"g{}": 1}


def test_no_recorded_value_is_a_stale_marker(store: ClickHouseStore) -> None:
    histogram = make_histogram("h", bounds=[1], counts=[0, 0], flags=1)
    write(store, make_gauge("g", make_point(flags=1)), histogram)
    found = store.find_series((), START_MS - 1, START_MS)
    values = store.fetch_samples(found, START_MS - 1, START_MS).values
    assert {struct.unpack("<Q", struct.pack("<d", value))[0] for value in values} == {
        STALE_NAN_BITS
    }
    assert len(values) == 5


def test_delta_is_a_mark_of_the_series(store: ClickHouseStore) -> None:
    write(
        store,
        make_sum("d", make_point(5), temporality=DELTA),
        make_histogram("h", bounds=[], counts=[1], temporality=DELTA),
        make_sum("c", make_point(5)),
        make_gauge("g", make_point(5)),
    )
    found = store.find_series((), START_MS - 1, START_MS)
    marks = {labels["__name__"]: bool(found.delta[i]) for i, labels in enumerate(found.labels)}
    assert marks == {
        "d_total": True, "h_bucket": True, "h_count": True, "h_sum": True,
        "c_total": False, "g": False,
    }  # fmt: skip


def test_exemplars_belong_to_the_series_they_were_taken_in(store: ClickHouseStore) -> None:
    exemplars = [
        make_exemplar(value, trace=at, span=at, attributes={"user.id": at})
        for at, value in enumerate((0.05, 0.1, 0.5, 7), 1)
    ]
    exemplars[3].ClearField("time_unix_nano")
    write(
        store,
        make_histogram("h", bounds=[0.1, 1], counts=[1, 2, 3], exemplars=exemplars),
        make_sum("c", make_point(5, exemplars=[make_exemplar(1, trace=9)])),
    )
    found = store.find_exemplars((), START_MS - 1, START_MS)
    taken = {
        (e.labels["__name__"], e.labels.get("le"), e.value): (e.trace_id, e.span_id, e.attributes)
        for e in found
    }
    assert taken == {
        ("h_bucket", "0.1", 0.05): (trace_hex(1), span_hex(1), {"user_id": "1"}),
        ("h_bucket", "0.1", 0.1): (trace_hex(2), span_hex(2), {"user_id": "2"}),
        ("h_bucket", "1", 0.5): (trace_hex(3), span_hex(3), {"user_id": "3"}),
        ("h_bucket", "+Inf", 7): (trace_hex(4), span_hex(4), {"user_id": "4"}),
        ("c_total", None, 1): (trace_hex(9), "", {}),
    }
    assert {e.time_ms for e in found} == {START_MS}


def test_a_series_is_written_once_an_hour(store: ClickHouseStore, clock: ManualClock) -> None:
    count = "SELECT count() FROM metric_series"
    for _ in range(3):
        write(store, make_gauge("g", make_point(1)))
    assert store.engine.query_rows(count) == [(1,)]
    clock.advance_ns(3_600_000_000_000)
    write(store, make_gauge("g", make_point(1)))
    assert store.engine.query_rows(count) == [(2,)]


def test_after_a_failure_nothing_is_taken_for_written(store: ClickHouseStore) -> None:
    write(store, make_gauge("g", make_point(1)))
    store.engine.command("TRUNCATE TABLE metric_series")
    with pytest.raises(BadData):
        store.write_otlp(Signal.METRICS, b"\x0a\x7fcut")
    write(store, make_gauge("g", make_point(1)))
    assert store.engine.query_rows("SELECT name FROM metric_series") == [("g",)]
