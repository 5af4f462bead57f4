import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.otlp_factory import (
    HOUR,
    MINUTE,
    SECOND,
    START_NS,
    logs_body,
    make_log,
    span_hex,
    trace_hex,
)

from vario.errors import BadData
from vario.model.filter import MATCH_ALL, Compare, Field
from vario.model.telemetry import LogBucket, LogRecord, Signal, TimeRange

WINDOW = TimeRange(START_NS, START_NS + HOUR)


def write(store, *records) -> None:
    store.write_otlp(Signal.LOGS, logs_body("ml-infer", *records))


def read_all(store, limit: int, window: TimeRange = WINDOW, where=MATCH_ALL) -> list[LogRecord]:
    """Reads every page."""
    records: list[LogRecord] = []
    cursor = None
    while True:
        page = store.find_logs(where, window, limit=limit, cursor=cursor)
        assert len(page.records) <= limit
        records += page.records
        if page.next_cursor is None:
            return records
        assert len(page.records) == limit
        cursor = page.next_cursor


def test_a_record_comes_back_whole(store) -> None:
    body = logs_body(
        {"service.name": "ml-infer", "cloud.region": "eu-west"},
        make_log(
            "served",
            severity="warn",
            trace=1,
            span=2,
            attributes={"latency_ms": 142, "features_used": "age,country"},
            event_name="inference.served",
        ),
        scope="vario",
    )
    store.write_otlp(Signal.LOGS, body)
    page = store.find_logs(MATCH_ALL, WINDOW, limit=10)
    assert page.next_cursor is None
    assert page.records == (
        LogRecord(
            time_ns=START_NS,
            trace_id=trace_hex(1),
            span_id=span_hex(2),
            severity_text="WARN",
            severity_number=13,
            service_name="ml-infer",
            body="served",
            attributes={"latency_ms": "142", "features_used": "age,country"},
            resource={"service.name": "ml-infer", "cloud.region": "eu-west"},
            scope_name="vario",
            event_name="inference.served",
        ),
    )


def test_pages_are_newest_first_and_end(store) -> None:
    write(store, *(make_log(str(n), time_ns=START_NS + n * 7 * MINUTE) for n in range(8)))
    assert [record.body for record in read_all(store, 3)] == list("76543210")
    half_open = TimeRange(START_NS + 7 * MINUTE, START_NS + 28 * MINUTE)
    assert [record.body for record in read_all(store, 3, half_open)] == list("321")
    where = Compare(Field("intrinsic", "body"), "=", "4")
    assert [record.body for record in read_all(store, 3, where=where)] == ["4"]


def test_pages_stay_whole_while_records_arrive(store) -> None:
    write(store, *(make_log(f"old {n}", time_ns=START_NS + n) for n in range(6)))
    first = store.find_logs(MATCH_ALL, WINDOW, limit=3)
    write(store, *(make_log(f"new {n}", time_ns=START_NS + SECOND + n) for n in range(5)))
    second = store.find_logs(MATCH_ALL, WINDOW, limit=3, cursor=first.next_cursor)
    assert [record.body for record in (*first.records, *second.records)] == [
        f"old {n}" for n in (5, 4, 3, 2, 1, 0)
    ]


def test_records_of_one_instant_are_each_read_once(store) -> None:
    """Neither the order of equal times nor equal records lose or repeat a line between pages."""

    @settings(max_examples=15, deadline=None, database=None)
    @given(
        lines=st.lists(st.tuples(st.integers(0, 2), st.sampled_from("abc")), max_size=25),
        limit=st.integers(1, 6),
    )
    def check(lines: list[tuple[int, str]], limit: int) -> None:
        store.engine.command("TRUNCATE TABLE otel_logs")
        if lines:
            write(store, *(make_log(text, time_ns=START_NS + n) for n, text in lines))
        read = [(record.time_ns - START_NS, record.body) for record in read_all(store, limit)]
        assert sorted(read) == sorted(lines)
        assert [n for n, _ in read] == sorted((n for n, _ in lines), reverse=True)

    check()


def test_a_foreign_cursor_is_refused(store) -> None:
    for cursor in ("", "1", "1-2", "a-b-c", f"{2**63}-1-1", f"1-{2**64}-1", "-1-1-1"):
        with pytest.raises(BadData, match="next_cursor of an earlier page"):
            store.find_logs(MATCH_ALL, WINDOW, limit=1, cursor=cursor)


def test_volume_has_every_step_and_every_way_to_say_severity(store) -> None:
    write(
        store,
        make_log("a", severity="info"),
        make_log("b", severity=10),
        make_log("c", severity=0, severity_text="Warning"),
        make_log("d", severity=0, severity_text="notice"),
        make_log("e", severity=24, time_ns=START_NS + 25 * MINUTE),
        make_log("f", severity="error", time_ns=START_NS + 25 * MINUTE),
        make_log("out", time_ns=START_NS + 35 * MINUTE),
    )
    window = TimeRange(START_NS, START_NS + 35 * MINUTE)
    assert store.count_logs(MATCH_ALL, window, step_ns=10 * MINUTE) == [
        LogBucket(START_NS, {"UNSET": 1, "INFO": 2, "WARN": 1}),
        LogBucket(START_NS + 10 * MINUTE, {}),
        LogBucket(START_NS + 20 * MINUTE, {"ERROR": 1, "FATAL": 1}),
        LogBucket(START_NS + 30 * MINUTE, {}),
    ]
    where = Compare(Field("intrinsic", "severity"), ">=", "WARN")
    assert store.count_logs(where, window, step_ns=HOUR) == [
        LogBucket(START_NS, {"WARN": 1, "ERROR": 1, "FATAL": 1})
    ]
