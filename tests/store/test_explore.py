"""What exploring reads: latencies, samples of traces, values, lines around, metrics."""

import numpy as np
import pytest
from tests.support.otlp_factory import (
    MINUTE,
    MS,
    SECOND,
    START_NS,
    logs_body,
    make_log,
    make_span,
    trace_hex,
    traces_body,
)

from vario.model.explore import (
    AttributeCount,
    Box,
    FieldTop,
    LatencyCell,
    MetricSeries,
    TraceSample,
)
from vario.model.filter import MATCH_ALL, Compare, Field
from vario.model.series import SampleBlock
from vario.model.telemetry import Signal, TimeRange
from vario.query.filter import parse_filter

WINDOW = TimeRange(START_NS, START_NS + 10 * MINUTE)
SLOW = Box(TimeRange(START_NS + 5 * MINUTE, START_NS + 10 * MINUTE), 100 * MS, 10 * SECOND)


def write_requests(store) -> None:
    """Twenty requests of 10 ms, one every half minute; from the eleventh on 200 ms, uncached."""
    spans = []
    for number in range(20):
        slow = number >= 10
        at, took = START_NS + number * 30 * SECOND, (200 if slow else 10) * MS
        spans += [
            make_span("POST /rank", trace=number + 1, span=1, kind="server", start_ns=at,
                      duration_ns=took, status="error" if number == 15 else "unset"),
            make_span("encode", trace=number + 1, span=2, parent=1, start_ns=at,
                      duration_ns=took // 2, attributes={"cache_hit": not slow}),
        ]  # fmt: skip
    store.write_otlp(Signal.TRACES, traces_body("ml-infer", *spans))


def test_latencies_by_time_and_duration(store) -> None:
    write_requests(store)
    cells = store.count_latencies(MATCH_ALL, WINDOW, step_ns=5 * MINUTE, counted="traces")
    assert cells == [
        LatencyCell(step=0, bucket=93, count=10.0, errors=0.0, stored=10),
        LatencyCell(step=1, bucket=110, count=10.0, errors=1.0, stored=10),
    ]
    assert 2 ** (93 / 4) <= 10 * MS < 2 ** (94 / 4)
    spans = store.count_latencies(MATCH_ALL, WINDOW, step_ns=10 * MINUTE, counted="spans")
    assert sum(cell.count for cell in spans) == 40


def test_sampled_spans_count_for_what_they_stand_for(store) -> None:
    # th:c drops 12 of 16: each span stands for four.
    span = make_span(kind="server", trace_state="ot=th:c")
    store.write_otlp(Signal.TRACES, traces_body("a", span))
    (cell,) = store.count_latencies(MATCH_ALL, WINDOW, step_ns=MINUTE, counted="requests")
    assert (cell.count, cell.stored) == (4.0, 1)


def test_a_selection_and_the_rest_are_drawn_apart(store) -> None:
    write_requests(store)
    selected = store.draw_traces(MATCH_ALL, SLOW, counted="traces", limit=100)
    rest = store.draw_rest(MATCH_ALL, WINDOW, SLOW, counted="traces", limit=100)
    assert selected.spans == rest.spans == 10
    assert sorted(selected.trace_ids) == [trace_hex(n) for n in range(11, 21)]
    assert sorted(rest.trace_ids) == [trace_hex(n) for n in range(1, 11)]
    few = store.draw_traces(MATCH_ALL, SLOW, counted="traces", limit=3)
    assert few == TraceSample(selected.trace_ids[:3], 10)


def test_traces_are_counted_by_what_any_of_their_spans_says(store) -> None:
    write_requests(store)
    slow = [trace_hex(n) for n in range(11, 21)]
    fast = [trace_hex(n) for n in range(1, 11)]
    counts = store.count_attributes(slow, fast, fast[:4])
    assert AttributeCount("ml-infer", "attributes.cache_hit", "false", 10, 0, 0) in counts
    assert AttributeCount("ml-infer", "attributes.cache_hit", "true", 0, 10, 4) in counts
    assert AttributeCount("ml-infer", "name", "encode", 10, 10, 4) in counts
    assert store.count_attributes([], [], []) == []


def test_values_of_a_field_among_what_matches(store) -> None:
    records = [
        make_log(f"line {n}", time_ns=START_NS + n * SECOND, severity="warn" if n % 3 else "info",
                 attributes={"user": f"u{n % 4}"} if n < 8 else None)
        for n in range(12)
    ]  # fmt: skip
    store.write_otlp(Signal.LOGS, logs_body("ml-infer", *records))
    where = Compare(Field("intrinsic", "severity"), ">=", "WARN")
    found = store.count_values(Signal.LOGS, Field("attributes", "user"), where, WINDOW, limit=2)
    assert found == FieldTop(WINDOW, 8, 5, 4, (("u1", 2), ("u0", 1)))


def test_field_and_filter_keep_their_parameters_apart(store) -> None:
    write_requests(store)
    where = parse_filter('attributes.cache_hit = false and name = "encode"', Signal.TRACES)
    found = store.count_values(
        Signal.TRACES, Field("attributes", "cache_hit"), where, WINDOW, limit=5
    )
    assert found.values == (("false", 10),)


def test_the_oldest_lines_first(store) -> None:
    records = [make_log(f"line {n}", time_ns=START_NS + n * SECOND) for n in range(5)]
    store.write_otlp(Signal.LOGS, logs_body("ml-infer", *records))
    later = TimeRange(START_NS + 2 * SECOND, START_NS + MINUTE)
    found = store.find_oldest_logs(MATCH_ALL, later, limit=2)
    assert [record.body for record in found] == ["line 2", "line 3"]


@pytest.mark.parametrize(("end_s", "expected"), [(60, 2), (-7200, 0)])
def test_metrics_by_job(store, end_s: int, expected: int) -> None:
    labels = [
        {"__name__": "up", "job": "a", "instance": "1"},
        {"__name__": "up", "job": "a", "instance": "2"},
        {"__name__": "rpc", "job": "b", "quantile": "0.5"},
    ]
    at_ms = START_NS // 1_000_000
    block = SampleBlock(np.array([0, 1, 2, 3]), np.full(3, at_ms), np.ones(3))
    store.write_samples(labels, block)
    found = store.list_metrics(at_ms - 10_000_000, at_ms + end_s * 1000)
    assert len(found) == expected
    if found:
        assert found == [
            MetricSeries("up", "a", 2, native=False, quantiles=False),
            MetricSeries("rpc", "b", 1, native=False, quantiles=True),
        ]
