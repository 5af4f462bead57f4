from tests.support.otlp_factory import (
    HOUR,
    MINUTE,
    MS,
    SECOND,
    START_NS,
    make_event,
    make_link,
    make_span,
    span_hex,
    trace_hex,
    traces_body,
)

from vario.model.filter import MATCH_ALL, Compare, Field
from vario.model.telemetry import Signal, Span, SpanEvent, SpanLink, TimeRange, TraceSummary

WINDOW = TimeRange(START_NS, START_NS + HOUR)


def write(store, *bodies: bytes) -> None:
    store.write_otlp(Signal.TRACES, b"".join(bodies))


def ids(found: list[TraceSummary]) -> list[int]:
    return [int(summary.trace_id, 16) for summary in found]


def test_a_trace_comes_back_whole(store) -> None:
    write(
        store,
        traces_body(
            {"service.name": "gateway", "cloud.region": "eu-west"},
            make_span("GET /predict", kind="server", duration_ns=50 * MS, status="error",
                      message="upstream said 500", attributes={"http.response.status_code": 500}),
            scope="fastapi",
        ),
        traces_body(
            "ml-infer",
            make_span("ml-infer.predict", span=3, parent=2, start_ns=START_NS + 20 * MS,
                      duration_ns=5 * MS, attributes={"cache_hit": True, "batch": 1.5},
                      events=[make_event("retry", time_ns=START_NS + 21 * MS,
                                         attributes={"n": 1})],
                      links=[make_link(trace=9, span=8, attributes={"why": "batch"})]),
            make_span("POST /infer", span=2, parent=1, kind="client", start_ns=START_NS + 10 * MS),
        ),
        traces_body("other", make_span(trace=2)),
    )  # fmt: skip
    gateway = {"service.name": "gateway", "cloud.region": "eu-west"}
    infer = {"service.name": "ml-infer"}
    assert store.get_trace(trace_hex(1)) == [
        Span(trace_hex(1), span_hex(1), "", "GET /predict", "Server", "gateway", START_NS,
             50 * MS, "Error", "upstream said 500", {"http.response.status_code": "500"},
             gateway, "fastapi"),
        Span(trace_hex(1), span_hex(2), span_hex(1), "POST /infer", "Client", "ml-infer",
             START_NS + 10 * MS, 10 * MS, "Unset", "", {}, infer),
        Span(trace_hex(1), span_hex(3), span_hex(2), "ml-infer.predict", "Internal", "ml-infer",
             START_NS + 20 * MS, 5 * MS, "Unset", "", {"cache_hit": "true", "batch": "1.5"},
             infer, events=(SpanEvent(START_NS + 21 * MS, "retry", {"n": "1"}),),
             links=(SpanLink(trace_hex(9), span_hex(8), {"why": "batch"}),)),
    ]  # fmt: skip
    assert store.get_trace(trace_hex(77)) == []


def test_a_trace_is_found_without_the_table_of_times(store) -> None:
    write(store, traces_body("a", make_span()))
    store.engine.command("TRUNCATE TABLE otel_traces_trace_id_ts")
    assert [span.name for span in store.get_trace(trace_hex(1))] == ["GET /predict"]
    assert ids(store.find_traces(MATCH_ALL, WINDOW, limit=10, order="newest")) == [1]


def test_a_trace_is_summarised_whole_however_little_of_it_matched(store) -> None:
    write(
        store,
        traces_body("gateway", make_span("GET /", kind="server", duration_ns=2 * SECOND)),
        traces_body(
            "ml-infer",
            make_span("predict", span=2, parent=1, start_ns=START_NS + SECOND, status="error"),
            make_span("predict", span=3, parent=1, start_ns=START_NS + 2 * SECOND,
                      duration_ns=SECOND),
            make_span("late", span=4, parent=1, start_ns=START_NS + 2 * HOUR, duration_ns=0),
        ),
    )  # fmt: skip
    where = Compare(Field("intrinsic", "name"), "=", "predict")
    assert store.find_traces(where, WINDOW, limit=10, order="newest") == [
        TraceSummary(
            trace_id=trace_hex(1),
            root_service="gateway",
            root_name="GET /",
            start_ns=START_NS,
            duration_ns=2 * HOUR,
            span_count=4,
            error_count=1,
            matched_spans=2,
            services=("gateway", "ml-infer"),
        )
    ]


def test_the_earliest_span_stands_for_a_root_that_has_not_arrived(store) -> None:
    write(
        store,
        traces_body("b", make_span("second", span=3, parent=9, start_ns=START_NS + MS)),
        traces_body("a", make_span("first", span=2, parent=9)),
    )
    (summary,) = store.find_traces(MATCH_ALL, WINDOW, limit=1, order="newest")
    assert (summary.root_service, summary.root_name) == ("a", "first")


def test_orders(store) -> None:
    # Trace n starts n minutes into the window; the durations are not in that order.
    durations = {1: 30, 2: 50, 3: 10, 4: 40, 5: 20}
    write(
        store,
        traces_body(
            "a",
            *(
                make_span(trace=n, start_ns=START_NS + n * MINUTE, duration_ns=length * MS)
                for n, length in durations.items()
            ),
        ),
    )

    def find(limit: int, order, window: TimeRange = WINDOW) -> list[int]:
        return ids(store.find_traces(MATCH_ALL, window, limit=limit, order=order))

    assert find(10, "newest") == [5, 4, 3, 2, 1]
    assert find(2, "newest") == [5, 4]
    assert find(10, "slowest") == [2, 4, 1, 5, 3]
    assert find(3, "slowest") == [2, 4, 1]
    half_open = TimeRange(START_NS + 2 * MINUTE, START_NS + 4 * MINUTE)
    assert find(10, "newest", half_open) == [3, 2]


def test_traces_of_many_matching_spans_do_not_crowd_others_out(store) -> None:
    many = [
        make_span(trace=1, span=n, start_ns=START_NS + SECOND + n, duration_ns=SECOND)
        for n in range(1, 400)
    ]
    few = [make_span(trace=n, start_ns=START_NS + n, duration_ns=n) for n in range(2, 7)]
    write(store, traces_body("a", *many, *few))
    for order in ("newest", "slowest"):
        found = store.find_traces(MATCH_ALL, WINDOW, limit=5, order=order)
        assert ids(found) == [1, 6, 5, 4, 3]
        assert found[0].matched_spans == 399


def test_no_trace_is_an_empty_list(store) -> None:
    assert store.find_traces(MATCH_ALL, WINDOW, limit=10, order="newest") == []
    assert store.find_traces(MATCH_ALL, WINDOW, limit=10, order="slowest") == []
