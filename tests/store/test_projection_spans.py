"""Spans and log records as the engine decodes them, at the edges of what OTLP allows."""

import time
from pathlib import Path

import pytest
from tests.support.otlp_factory import (
    MS,
    START_NS,
    Span,
    logs_body,
    make_event,
    make_link,
    make_log,
    make_span,
    span_hex,
    trace_hex,
    traces_body,
)

from vario.model.filter import MATCH_ALL
from vario.model.telemetry import LogRecord, Signal, SpanEvent, SpanLink, TimeRange
from vario.store.clickhouse import ClickHouseStore
from vario.store.macros import END_NS
from vario.wire.otlp import check_request
from vario.wire.otlp_json import decode_json

EVER = TimeRange(0, END_NS + 1)
LAST_NS = 2**63 - 1
"""2262-04-11, the end of what 64 bits of nanoseconds hold with a sign."""


def write_span(store: ClickHouseStore, span: Span, resource: object = "a") -> None:
    store.write_otlp(Signal.TRACES, traces_body(resource, span))


def read_logs(store: ClickHouseStore) -> list[LogRecord]:
    return list(store.find_logs(MATCH_ALL, EVER, limit=100).records)


def test_attribute_values_as_text(store: ClickHouseStore) -> None:
    values = {
        "text": "plain", "empty": "", "true": True, "false": False, "zero": 0, "minus": -7,
        "big": 2**63 - 1, "ratio": 0.87, "whole": 5.0, "tiny": 1e-7, "huge": 1e300,
        "infinite": float("inf"), "not": float("nan"), "bytes": b"\x00\xff", "none": None,
        "unicode": "Zürich 漢", "nul": "a\0b",
    }  # fmt: skip
    write_span(store, make_span(attributes=values))
    [span] = store.get_trace(trace_hex(1))
    assert span.attributes == {
        "text": "plain", "empty": "", "true": "true", "false": "false", "zero": "0", "minus": "-7",
        "big": "9223372036854775807", "ratio": "0.87", "whole": "5", "tiny": "1e-7",
        "huge": "1e300", "infinite": "inf", "not": "nan", "bytes": "AP8=", "none": "",
        "unicode": "Zürich 漢", "nul": "a\0b",
    }  # fmt: skip


def test_nested_values_are_json_once_the_request_is_checked(store: ClickHouseStore) -> None:
    nested = {"features": ["age", {"deep": [1, 2.5, True, None]}], "map": {"k": "v"}}
    spans = traces_body(nested | {"service.name": "a"}, make_span(attributes=nested))
    logs = logs_body("a", make_log({"messages": [{"role": "user"}]}, attributes=nested))
    for signal, body in ((Signal.TRACES, spans), (Signal.LOGS, logs)):
        store.write_otlp(signal, check_request(signal, body, now_ns=START_NS).body)
    text = {"features": '["age",{"deep":[1,2.5,true,null]}]', "map": '{"k":"v"}'}
    [span] = store.get_trace(trace_hex(1))
    assert (span.attributes, span.resource) == (text, text | {"service.name": "a"})
    [record] = read_logs(store)
    assert (record.body, record.attributes) == ('{"messages":[{"role":"user"}]}', text)


def test_events_and_links_come_back_whole(store: ClickHouseStore) -> None:
    event = make_event("exception", time_ns=START_NS + 5, attributes={"code": 7})
    link = make_link(trace=9, span=8, attributes={"x": "y"})
    write_span(store, make_span(events=[event, make_event("")], links=[link]))
    [span] = store.get_trace(trace_hex(1))
    assert span.events == (
        SpanEvent(START_NS + 5, "exception", {"code": "7"}),
        SpanEvent(START_NS, "", {}),
    )
    assert span.links == (SpanLink(trace_hex(9), span_hex(8), {"x": "y"}),)


def test_times_at_the_edges_fail_no_batch(store: ClickHouseStore) -> None:
    cases = [
        (START_NS, START_NS + 7, START_NS, 7),
        (START_NS, START_NS - 7, START_NS, 0),
        (START_NS, 0, START_NS, 0),
        (0, START_NS, START_NS, START_NS),
        (LAST_NS, LAST_NS + 5, END_NS, 5),
        (2**64 - 2, 2**64 - 1, END_NS, 1),
    ]
    spans = [make_span(f"{at}", span=at + 1) for at in range(len(cases))]
    for span, (start, end, _, _) in zip(spans, cases, strict=True):
        span.start_time_unix_nano, span.end_time_unix_nano = start, end
    store.engine.command("ALTER TABLE otel_traces REMOVE TTL")
    store.write_otlp(Signal.TRACES, traces_body("a", *spans))
    assert store.engine.query_rows(
        "SELECT toUnixTimestamp64Nano(Timestamp), Duration FROM otel_traces ORDER BY SpanName"
    ) == [(stored, duration) for _, _, stored, duration in cases]


def test_no_time_at_all_is_now(store: ClickHouseStore) -> None:
    span, record = make_span(), make_log(time_ns=0)
    span.start_time_unix_nano = span.end_time_unix_nano = 0
    before = time.time_ns()
    store.write_otlp(Signal.TRACES, traces_body("a", span))
    store.write_otlp(Signal.LOGS, logs_body("a", record))
    after = time.time_ns()
    [(start,)] = store.engine.query_rows("SELECT toUnixTimestamp64Nano(Timestamp) FROM otel_traces")
    [(logged,)] = store.engine.query_rows("SELECT toUnixTimestamp64Nano(Timestamp) FROM otel_logs")
    assert before - MS <= start <= logged <= after + MS


def test_kinds_and_states_outside_the_standard(store: ClickHouseStore) -> None:
    span = make_span()
    span.kind, span.status.code = 77, -1
    write_span(store, span)
    [found] = store.get_trace(trace_hex(1))
    assert (found.kind, found.status_code) == ("Unspecified", "Unset")


def test_what_is_worked_out_beside_the_borrowed_columns(store: ClickHouseStore) -> None:
    resource = {"service.name": "a", "service.version": "1.2", "cloud.region": "eu-west"}
    http = {"http.response.status_code": 503, "model_name": "ranker", "model_version": "v3"}
    spans = [
        make_span("1", span=1, kind="server", parent=9, attributes=http),
        make_span("2", span=2, parent=1, status="error", attributes={"region": "us-east"}),
        make_span("3", span=3, attributes={"http.status_code": "404"}),
    ]
    store.write_otlp(Signal.TRACES, traces_body(resource, *spans))
    assert store.engine.query_rows(
        "SELECT SpanName, IsEntry, IsError, ModelName, ModelVersion, Region FROM otel_traces "
        "ORDER BY SpanName"
    ) == [
        ("1", True, True, "ranker", "v3", "eu-west"),
        ("2", False, True, "", "1.2", "us-east"),
        ("3", True, False, "", "1.2", "eu-west"),
    ]
    assert store.engine.query_rows(
        "SELECT TraceId, toUnixTimestamp(Start), toUnixTimestamp(End) FROM otel_traces_trace_id_ts"
    ) == [(trace_hex(1), START_NS // 10**9, START_NS // 10**9)]


def test_invalid_text_fails_no_batch(store: ClickHouseStore) -> None:
    """The doors refuse such a body; what gets past them must not take its neighbours along."""
    body = traces_body("a", make_span("good", span=2), make_span("bad-text", span=1))
    broken = body.replace(b"bad-text", b"bad-\xff\xfe\xc3\x28")
    store.write_otlp(Signal.TRACES, broken)
    found = {span.span_id: span.name for span in store.get_trace(trace_hex(1))}
    assert found.keys() == {span_hex(1), span_hex(2)}
    assert found[span_hex(2)] == "good"


def test_times_of_log_records(store: ClickHouseStore) -> None:
    cases = [
        (START_NS, START_NS - 9, START_NS),
        (0, START_NS - 9, START_NS - 9),
        (LAST_NS + 1, 0, END_NS),
        (0, 2**64 - 1, END_NS),
    ]
    records = [
        make_log(f"{at}", time_ns=sent, observed_ns=observed)
        for at, (sent, observed, _) in enumerate(cases)
    ]
    store.engine.command("ALTER TABLE otel_logs REMOVE TTL")
    store.write_otlp(Signal.LOGS, logs_body("a", *records))
    assert store.engine.query_rows(
        "SELECT toUnixTimestamp64Nano(Timestamp) FROM otel_logs ORDER BY Body"
    ) == [(stored,) for _, _, stored in cases]


def test_bodies_of_every_kind_and_odd_severities(store: ClickHouseStore) -> None:
    bodies = ["text", 7, 0.5, True, b"\x01", None]
    records = [
        make_log(body, time_ns=START_NS + at, severity=99, severity_text="")
        for at, body in enumerate(bodies)
    ]
    records[0].severity_number = -3
    store.write_otlp(Signal.LOGS, logs_body("a", *records))
    assert [(r.body, r.severity_number) for r in reversed(read_logs(store))] == [
        ("text", 0), ("7", 24), ("0.5", 24), ("true", 24), ("AQ==", 24), ("", 24),
    ]  # fmt: skip


@pytest.mark.conformance
def test_the_standards_own_examples(store: ClickHouseStore, conformance: Path) -> None:
    for name, signal in (
        ("trace", Signal.TRACES), ("logs", Signal.LOGS), ("events", Signal.LOGS),
        ("metrics", Signal.METRICS),
    ):  # fmt: skip
        body = decode_json(signal, (conformance / "otlp" / f"{name}.json").read_bytes())
        store.write_otlp(signal, check_request(signal, body, now_ns=START_NS).body)
    assert store.engine.query_rows(
        "SELECT TraceId, SpanId, ParentSpanId, SpanName, SpanKind, ServiceName FROM otel_traces"
    ) == [
        ("5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174", "eee19b7ec3c1b173",
         "I'm a server span", "Server", "my.service"),
    ]  # fmt: skip
    assert store.engine.query_rows(
        "SELECT Body, EventName, ScopeAttributes FROM otel_logs ORDER BY EventName"
    ) == [
        ("Example log record", "", {"my.scope.attribute": "some scope attribute"}),
        (
            '{"type":0,"url":"https://www.guidgenerator.com/online-guid-generator.aspx",'
            '"referrer":"https://wwww.google.com","title":"Free Online GUID Generator"}',
            "browser.page_view",
            {"my.scope.attribute": "some scope attribute"},
        ),
    ]
    assert store.engine.query_rows(
        "SELECT DISTINCT name FROM metric_series WHERE name != 'target_info' ORDER BY name"
    ) == [
        ("my_counter_total",), ("my_exponential_histogram",), ("my_gauge_ratio",),
        ("my_histogram_bucket",), ("my_histogram_count",), ("my_histogram_sum",),
    ]  # fmt: skip
