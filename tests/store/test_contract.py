"""What every way to the engine must do: in memory, in a folder, and over HTTP.

One process opens one embedded engine, so the suite runs a second time, in a process of its own, on
a folder (`test_the_suite_on_a_folder`), and the server for HTTP is a process too.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.support.clickhouse_http import serve
from tests.support.otlp_factory import (
    MS,
    START_NS,
    logs_body,
    make_gauge,
    make_histogram,
    make_log,
    make_point,
    make_span,
    make_sum,
    metrics_body,
    span_hex,
    trace_hex,
    traces_body,
)
from tests.support.remote import v1, v2

from vario.clock import ManualClock
from vario.config import RetentionSettings, StoreSettings
from vario.errors import BadData, ExecutionError, QueryTimeout, Unavailable
from vario.model.filter import MATCH_ALL
from vario.model.series import Exemplar, Matcher, Metadata, SampleBlock
from vario.model.telemetry import LogRecord, Signal, Span, TimeRange
from vario.store.base import RemoteFeed
from vario.store.clickhouse import ClickHouseStore, open_store
from vario.store.schema import KEPT
from vario.wire.remote_write import Version, check_request

FOLDER = os.environ.get("VARIO_TEST_FOLDER", "")
START_MS = START_NS // 1_000_000
AROUND = TimeRange(START_NS - 3600_000 * MS, START_NS + 3600_000 * MS)
KEEP = RetentionSettings(metrics_days=10_000, logs_days=10_000, traces_days=10_000)

_names = (f"contract_{number}" for number in range(1_000_000))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serve(":memory:", tmp_path_factory.mktemp("server")) as url:
        yield url


@pytest.fixture(scope="module", params=["folder"] if FOLDER else ["memory", "server"])
def make_settings(request: pytest.FixtureRequest) -> Callable[[], StoreSettings]:
    """Makes settings of a store that has not been opened yet, its database not there."""
    if request.param == "memory":
        request.getfixturevalue("embedded_engine")
    server = request.getfixturevalue("server") if request.param == "server" else ""

    def make() -> StoreSettings:
        database = next(_names)
        dsn = {
            "folder": f"chdb://{FOLDER}?database={database}",
            "memory": f"chdb://memory/{database}",
            "server": f"{server}/{database}",
        }[request.param]
        return StoreSettings(dsn=dsn, reader_threads=2, query_timeout_s=2.0, retention=KEEP)

    return make


@pytest.fixture
def settings(make_settings: Callable[[], StoreSettings]) -> StoreSettings:
    return make_settings()


@pytest.fixture(scope="module")
def one_store(make_settings: Callable[[], StoreSettings]) -> Iterator[ClickHouseStore]:
    store = open_store(make_settings(), ManualClock(START_NS))
    yield store
    store.close()


@pytest.fixture
def any_store(one_store: ClickHouseStore) -> ClickHouseStore:
    """The store, empty. What is remembered of series would be wrong of it: hence a new one."""
    for table in (*(kept.table for kept in KEPT), "metric_metadata"):
        one_store.engine.command(f"TRUNCATE TABLE {table}")
    return ClickHouseStore(one_store.engine, one_store.clock)


# These come first: a folder is open once, and `one_store` stays open from its first use on.


def test_a_closed_store_says_so(settings: StoreSettings, clock: ManualClock) -> None:
    store = open_store(settings, clock)
    store.ping()
    store.close()
    with pytest.raises(Unavailable, match="is closed"):
        store.ping()
    with pytest.raises(Unavailable, match="is closed"):
        store.write_otlp(Signal.TRACES, traces_body("a", make_span()))


def test_opening_again_finds_what_was_written(settings: StoreSettings, clock: ManualClock) -> None:
    first = open_store(settings, clock)
    first.write_otlp(Signal.TRACES, traces_body("a", make_span()))
    first.close()
    second = open_store(settings, clock)
    try:
        assert len(second.get_trace(trace_hex(1))) == 1
    finally:
        second.close()


def test_a_change_of_retention_reaches_the_tables(
    settings: StoreSettings, clock: ManualClock
) -> None:
    open_store(settings, clock).close()
    shorter = replace(KEEP, logs_days=3)
    store = open_store(replace(settings, retention=shorter), clock)
    try:
        rows = store.engine.query_rows(
            "SELECT name, extract(engine_full, 'TTL .*?\\((\\d+)\\)') FROM system.tables "
            "WHERE database = currentDatabase() AND match(engine, 'MergeTree') "
            "AND engine_full LIKE '%TTL%' ORDER BY name"
        )
    finally:
        store.close()
    assert dict(rows) == {
        "alert_deliveries": "400",
        "incidents": "400",
        "alert_events": "400",
        "entry_spans": "10000",
        "metric_exemplars": "10000",
        "metric_histograms": "10000",
        "metric_samples": "10000",
        "metric_series": "10000",
        "otel_logs": "3",
        "otel_traces": "10000",
        "otel_traces_trace_id_ts": "10000",
        "trace_decisions": "10000",
    }


def test_a_span_comes_back_whole(any_store: ClickHouseStore) -> None:
    span = make_span("predict", trace=1, span=2, parent=3, kind="server", status="error",
                     message="no", attributes={"cache_hit": True, "score": 0.87, "n": 7},
                     trace_state="ot=th:8")  # fmt: skip
    any_store.write_otlp(Signal.TRACES, traces_body("ml-infer", span, scope="lib"))
    assert any_store.get_trace(trace_hex(1)) == [
        Span(
            trace_id=trace_hex(1),
            span_id=span_hex(2),
            parent_span_id=span_hex(3),
            name="predict",
            kind="Server",
            service_name="ml-infer",
            start_ns=START_NS,
            duration_ns=10 * MS,
            status_code="Error",
            status_message="no",
            attributes={"cache_hit": "true", "score": "0.87", "n": "7"},
            resource={"service.name": "ml-infer"},
            scope_name="lib",
        )
    ]
    [found] = any_store.find_traces(MATCH_ALL, AROUND, limit=10, order="newest")
    assert (found.trace_id, found.span_count, found.error_count) == (trace_hex(1), 1, 1)


def test_a_log_record_comes_back_whole(any_store: ClickHouseStore) -> None:
    record = make_log("slow", severity="warn", trace=1, span=2, attributes={"ms": 1.5})
    any_store.write_otlp(Signal.LOGS, logs_body("ml-infer", record, scope="lib"))
    page = any_store.find_logs(MATCH_ALL, AROUND, limit=10)
    assert page.records == (
        LogRecord(
            time_ns=START_NS,
            trace_id=trace_hex(1),
            span_id=span_hex(2),
            severity_text="WARN",
            severity_number=13,
            service_name="ml-infer",
            body="slow",
            attributes={"ms": "1.5"},
            resource={"service.name": "ml-infer"},
            scope_name="lib",
        ),
    )


def test_points_become_series_samples_and_metadata(any_store: ClickHouseStore) -> None:
    any_store.write_otlp(
        Signal.METRICS,
        metrics_body(
            "ml-infer",
            make_sum("requests", make_point(7), unit="{request}", description="All of them"),
            make_histogram("latency", bounds=[0.1, 1], counts=[1, 2, 3], total=4.5, unit="s"),
        ),
    )
    found = any_store.find_series((), START_MS - 1, START_MS)
    block = any_store.fetch_samples(found, START_MS - 1, START_MS)
    values = {
        (labels["__name__"], labels.get("le", "")): float(block.values[block.offsets[i]])
        for i, labels in enumerate(found.labels)
    }
    assert values == {
        ("requests_total", ""): 7,
        ("latency_seconds_bucket", "0.1"): 1,
        ("latency_seconds_bucket", "1"): 3,
        ("latency_seconds_bucket", "+Inf"): 6,
        ("latency_seconds_count", ""): 6,
        ("latency_seconds_sum", ""): 4.5,
        ("target_info", ""): 1,
    }
    assert sorted(any_store.find_metadata(), key=lambda known: known.name) == [
        Metadata("latency_seconds", "histogram", "seconds", ""),
        Metadata("requests_total", "counter", "", "All of them"),
    ]
    assert any_store.find_exemplars((), START_MS - 1, START_MS) == list[Exemplar]()


def test_samples_written_by_labels_join_those_of_otlp(any_store: ClickHouseStore) -> None:
    body = metrics_body({"service.name": "ml", "service.instance.id": "a"},
                        make_gauge("depth", make_point(1.5)))  # fmt: skip
    any_store.write_otlp(Signal.METRICS, body)
    labels = {"__name__": "depth", "job": "ml", "instance": "a"}
    later = SampleBlock(np.array([0, 1]), np.array([START_MS + 1000]), np.array([2.5]))
    any_store.write_samples([labels], later)
    found = any_store.find_series((Matcher("__name__", "=", "depth"),), START_MS, START_MS + 1000)
    assert found.labels == (labels,)
    block = any_store.fetch_samples(found, START_MS - 1, START_MS + 1000)
    assert block.values.tolist() == [1.5, 2.5]


@pytest.mark.parametrize("version", list(Version))
def test_remote_write_joins_what_otlp_wrote(any_store: ClickHouseStore, version: Version) -> None:
    body = metrics_body({"service.name": "ml", "service.instance.id": "a"},
                        make_gauge("depth", make_point(1.5)))  # fmt: skip
    any_store.write_otlp(Signal.METRICS, body)
    labels = {"__name__": "depth", "job": "ml", "instance": "a"}
    sample = {"timestamp": START_MS + 1000, "value": 2.5}
    sent = (labels, {"samples": [sample]})
    request = check_request(version, v1(sent) if version is Version.V1 else v2(sent))
    plain = RemoteFeed.V1 if version is Version.V1 else RemoteFeed.V2
    any_store.write_remote(plain, request.chunk)
    found = any_store.find_series((Matcher("__name__", "=", "depth"),), START_MS, START_MS + 1000)
    assert found.labels == (labels,)
    block = any_store.fetch_samples(found, START_MS - 1, START_MS + 1000)
    assert block.values.tolist() == [1.5, 2.5]
    nameless = ({"a": "b"}, {"samples": [sample]})
    bad = check_request(version, v1(nameless) if version is Version.V1 else v2(nameless))
    with pytest.raises(BadData, match="a series of this request cannot be stored"):
        any_store.write_remote(plain, request.chunk + bad.chunk)


def test_joined_bodies_are_one_body(any_store: ClickHouseStore) -> None:
    bodies = [traces_body("a", make_span(span=1)), traces_body("b", make_span(span=2))]
    any_store.write_otlp(Signal.TRACES, b"".join(bodies))
    assert [span.service_name for span in any_store.get_trace(trace_hex(1))] == ["a", "b"]


def test_a_body_that_cannot_be_decoded_leaves_nothing(any_store: ClickHouseStore) -> None:
    good = traces_body("a", make_span())
    with pytest.raises(BadData):
        any_store.write_otlp(Signal.TRACES, good + b"\x0a\x7fcut")
    assert any_store.get_trace(trace_hex(1)) == []
    any_store.write_otlp(Signal.TRACES, good)
    assert len(any_store.get_trace(trace_hex(1))) == 1


def test_a_body_over_too_many_days_is_refused(any_store: ClickHouseStore) -> None:
    day_ns = 86_400_000 * MS
    spans = [make_span(span=day, start_ns=START_NS - day * day_ns) for day in range(1, 1100)]
    with pytest.raises(BadData, match="spread over too many days"):
        any_store.write_otlp(Signal.TRACES, traces_body("a", *spans))


def test_a_query_over_its_time_is_stopped(any_store: ClickHouseStore) -> None:
    endless = "SELECT count() FROM numbers(100000000) WHERE NOT ignore(sipHash64(number, {x:Int8}))"
    with pytest.raises(QueryTimeout, match="narrow its time range"):
        any_store.engine.query_rows(endless, {"x": 1}, settings={"max_execution_time": 0.2})
    assert any_store.engine.query_rows("SELECT 1") == [(1,)]


def test_a_query_over_its_memory_is_stopped(any_store: ClickHouseStore) -> None:
    with pytest.raises(ExecutionError, match=r"raise store\.max_memory_mb"):
        any_store.engine.query_rows(
            "SELECT groupArray(number) FROM numbers(10000000)",
            settings={"max_memory_usage": 20_000_000},
        )


def test_columns_come_by_type(any_store: ClickHouseStore) -> None:
    sql = (
        "SELECT number AS n, toFloat64(number) / 2 AS f, number > 0 AS b, toString(number) AS s, "
        "toNullable(number) AS m, map('k', number) AS o FROM numbers(2) WHERE number >= {low:UInt8}"
    )
    columns = any_store.engine.query_columns(sql, {"low": 0})
    types = {name: getattr(column, "dtype", "list") for name, column in columns.items()}
    expected = {"n": "uint64", "f": "float64", "b": "bool", "s": "list", "m": "list", "o": "list"}
    assert types == {**expected, "b": "uint8"}
    assert {name: list(column) for name, column in columns.items()} == {
        "n": [0, 1], "f": [0, 0.5], "b": [0, 1], "s": ["0", "1"], "m": [0, 1],
        "o": [{"k": 0}, {"k": 1}],
    }  # fmt: skip
    nothing = any_store.engine.query_columns(sql, {"low": 9})
    assert {name: getattr(column, "dtype", "list") for name, column in nothing.items()} == types
    assert {len(column) for column in nothing.values()} == {0}


def test_parameters_are_data(any_store: ClickHouseStore) -> None:
    nasty = ["it's", "a\\b", "new\nline", "tab\t", "{x:Int8}", "';--", "é漢"]
    rows = any_store.engine.query_rows(
        "SELECT {texts:Array(String)}, {text:String}", {"texts": nasty, "text": nasty[0]}
    )
    assert rows == [(nasty, nasty[0])]


def test_reads_and_writes_run_side_by_side(any_store: ClickHouseStore) -> None:
    def write(service: int) -> None:
        for span in range(1, 6):
            body = traces_body(f"s{service}", make_span(trace=service, span=span))
            any_store.write_otlp(Signal.TRACES, body)
            any_store.get_trace(trace_hex(service))

    threads = [threading.Thread(target=write, args=(service,)) for service in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counts = [len(any_store.get_trace(trace_hex(service))) for service in range(1, 5)]
    assert counts == [5, 5, 5, 5]


@pytest.mark.skipif(bool(FOLDER), reason="this is that process")
def test_the_suite_on_a_folder(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__],
        env={**os.environ, "VARIO_TEST_FOLDER": str(tmp_path / "store")},
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-2000:]
