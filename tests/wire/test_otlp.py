from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inline_snapshot import snapshot
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from tests.support.otlp_factory import (
    SECOND,
    START_NS,
    logs_body,
    make_exponential,
    make_gauge,
    make_histogram,
    make_log,
    make_point,
    make_span,
    make_sum,
    make_summary,
    metrics_body,
    span_id,
    trace_id,
    traces_body,
)

from vario.errors import BadData
from vario.model.telemetry import Signal
from vario.wire.otlp import (
    END_OF_TIME_NS,
    Checked,
    build_response,
    check_request,
    describe_rejected,
)

NOW_NS = START_NS + SECOND
YEAR_2262_NS = (1 << 63) - 1


def check(signal: Signal, body: bytes) -> Checked:
    return check_request(signal, body, now_ns=NOW_NS)


def spans_of(body: bytes) -> list[Any]:
    request = ExportTraceServiceRequest.FromString(body)
    return [span for rs in request.resource_spans for ss in rs.scope_spans for span in ss.spans]


def records_of(body: bytes) -> list[Any]:
    request = ExportLogsServiceRequest.FromString(body)
    return [r for rl in request.resource_logs for sl in rl.scope_logs for r in sl.log_records]


def texts_of(attributes: Any) -> dict[str, str]:
    return {pair.key: pair.value.string_value for pair in attributes}


SOUND = [
    (Signal.TRACES, traces_body("a", *(make_span(span=n) for n in range(1, 40))), 39),
    (Signal.LOGS, logs_body("a", make_log(), make_log(trace=1, span=2), make_log(trace=1)), 3),
    (Signal.LOGS, logs_body("a", make_log(time_ns=0, observed_ns=5, trace=1, span=2)), 1),
    (Signal.LOGS, logs_body("a", make_log(observed_ns=5), make_log(time_ns=0, observed_ns=5)), 2),
    (
        Signal.METRICS,
        metrics_body(
            "a",
            make_gauge("g", make_point(1.5), make_point(2)),
            make_sum("s", make_point(3)),
            make_histogram("h", bounds=[1], counts=[1, 2]),
            make_exponential("e", scale=1, positive=[1, 2]),
            make_summary("q", {0.5: 1.0}, count=1, total=1.0),
        ),
        6,
    ),
]


@pytest.mark.parametrize(("signal", "body", "items"), SOUND)
def test_a_sound_request_is_passed_on_as_it_is(signal: Signal, body: bytes, items: int) -> None:
    checked = check(signal, body)
    assert checked == Checked(body, items)
    assert checked.body is body
    assert build_response(signal, checked).SerializeToString() == b""


@pytest.mark.parametrize("signal", list(Signal))
def test_an_empty_request_is_valid(signal: Signal) -> None:
    assert check(signal, b"") == Checked(b"", 0)


def test_requests_joined_are_one_request() -> None:
    parts = [traces_body(f"service-{n}", make_span(span=n)) for n in range(1, 4)]
    assert check(Signal.TRACES, b"".join(parts)) == Checked(b"".join(parts), 3)


BAD_SPANS = {
    "trace_id is not 16 bytes, or all of them are 0": [
        {"trace_id": b""},
        {"trace_id": b"1" * 15},
        {"trace_id": b"1" * 32},
        {"trace_id": bytes(16)},
    ],
    "span_id is not 8 bytes, or all of them are 0": [
        {"span_id": b""},
        {"span_id": b"1" * 16},
        {"span_id": bytes(8)},
    ],
    "start_time_unix_nano and end_time_unix_nano are 0": [
        {"start_time_unix_nano": 0, "end_time_unix_nano": 0},
    ],
    "start_time_unix_nano or end_time_unix_nano is after 2106-02-07": [
        {"start_time_unix_nano": YEAR_2262_NS},
        {"start_time_unix_nano": END_OF_TIME_NS},
        {"end_time_unix_nano": (1 << 64) - 1},
    ],
}


@pytest.mark.parametrize(
    ("change", "reason"), [(change, why) for why, many in BAD_SPANS.items() for change in many]
)
def test_a_bad_span_goes_alone(change: dict[str, Any], reason: str) -> None:
    spans = [make_span(f"span {n}", span=n) for n in range(1, 6)]
    for name, value in change.items():
        setattr(spans[2], name, value)
    checked = check(Signal.TRACES, traces_body("a", *spans))
    assert checked.rejected == Counter({reason: 1})
    assert checked.items == 4
    assert [span.name for span in spans_of(checked.body)] == [
        "span 1",
        "span 2",
        "span 4",
        "span 5",
    ]


def test_a_span_without_a_start_or_an_end_is_kept() -> None:
    begun, ended = make_span(span=1), make_span(span=2)
    begun.end_time_unix_nano = ended.start_time_unix_nano = 0
    body = traces_body("a", begun, ended, make_span(span=3, start_ns=END_OF_TIME_NS - 1 - 10**7))
    assert check(Signal.TRACES, body) == Checked(body, 3)


def test_what_is_rejected_is_said_with_counts() -> None:
    bad = [make_span(span=1), make_span(span=2), make_span(span=3)]
    bad[0].trace_id = bad[1].trace_id = b"short"
    bad[2].span_id = b""
    checked = check(Signal.TRACES, traces_body("a", *bad, make_span(span=4)))
    assert describe_rejected(Signal.TRACES, checked) == snapshot(
        "3 of 4 spans were not stored: trace_id is not 16 bytes, or all of them are 0 (2), "
        "span_id is not 8 bytes, or all of them are 0 (1)"
    )
    partial = build_response(Signal.TRACES, checked).partial_success
    assert partial.rejected_spans == 3
    assert partial.error_message == describe_rejected(Signal.TRACES, checked)


def test_points_without_a_storable_time_go_alone() -> None:
    metrics = [
        make_gauge("g", make_point(1, time_ns=0), make_point(2)),
        make_sum("s", make_point(3, time_ns=YEAR_2262_NS)),
        make_histogram("h", bounds=[1], counts=[1, 2], time_ns=0),
        make_exponential("e", scale=1, positive=[1, 2], time_ns=0),
        make_summary("q", {0.5: 1.0}, count=1, total=1.0),
    ]
    checked = check(Signal.METRICS, metrics_body("a", *metrics))
    assert (checked.items, checked.rejected) == (
        2,
        Counter({"time_unix_nano is 0": 3, "time_unix_nano is after 2106-02-07": 1}),
    )
    partial = build_response(Signal.METRICS, checked).partial_success
    assert partial.rejected_data_points == 4


def test_where_everything_is_rejected_nothing_is_left_to_write() -> None:
    body = logs_body("a", make_log(time_ns=YEAR_2262_NS), make_log(observed_ns=1 << 63))
    checked = check(Signal.LOGS, body)
    assert (checked.body, checked.items, checked.rejected_items) == (b"", 0, 2)
    assert build_response(Signal.LOGS, checked).partial_success.rejected_log_records == 2


def test_a_log_record_without_a_time_is_observed_now() -> None:
    checked = check(Signal.LOGS, logs_body("a", make_log(time_ns=0), make_log()))
    observed = [record.observed_time_unix_nano for record in records_of(checked.body)]
    assert (checked.items, observed) == (2, [NOW_NS, 0])


def test_a_log_record_loses_ids_that_are_none_and_is_kept() -> None:
    records = [make_log(trace=1, span=2) for _ in range(4)]
    records[0].trace_id = b"short"
    records[1].span_id = bytes(8)
    records[2].trace_id, records[2].span_id = bytes(16), b"1" * 16
    checked = check(Signal.LOGS, logs_body("a", *records))
    assert [(record.trace_id, record.span_id) for record in records_of(checked.body)] == [
        (b"", span_id(2)),
        (trace_id(1), b""),
        (b"", b""),
        (trace_id(1), span_id(2)),
    ]
    assert (checked.items, checked.rejected) == (4, Counter())


def test_nested_values_become_json_text() -> None:
    nested = {
        "list": ["a", 1, 2.5, True, None, b"\x00\xff"],
        "map": {"deep": {"deeper": [[], {}]}},
        "plain": "text",
    }
    span = make_span(attributes=nested)
    span.events.add(name="e").attributes.extend(make_span(attributes={"l": [1]}).attributes)
    checked = check(Signal.TRACES, traces_body({"process.command_args": ["python", "-m"]}, span))
    request = ExportTraceServiceRequest.FromString(checked.body)
    stored = spans_of(checked.body)[0]
    assert texts_of(request.resource_spans[0].resource.attributes) == {
        "process.command_args": '["python","-m"]'
    }
    assert texts_of(stored.events[0].attributes) == {"l": "[1]"}
    assert texts_of(stored.attributes) == snapshot(
        {
            "list": '["a",1,2.5,true,null,"AP8="]',
            "map": '{"deep":{"deeper":[[],{}]}}',
            "plain": "text",
        }
    )


def test_nested_values_are_found_beside_rejected_items() -> None:
    bad, good = make_log({"k": 1}), make_log({"k": [2]}, attributes={"a": {}})
    bad.time_unix_nano = YEAR_2262_NS
    record = records_of(check(Signal.LOGS, logs_body("a", bad, good)).body)[0]
    assert record.body.string_value == '{"k":[2]}'
    assert texts_of(record.attributes) == {"a": "{}"}


@pytest.mark.parametrize("size", [0, 1, 40, 119, 120, 121, 5_000, 300_000])
def test_nested_values_of_every_length_are_found(size: int) -> None:
    body = traces_body("a", make_span(attributes={"list": ["x" * size]}))
    attributes = spans_of(check(Signal.TRACES, body).body)[0].attributes
    assert texts_of(attributes) == {"list": f'["{"x" * size}"]'}


def test_values_that_look_nested_are_left_alone() -> None:
    looks = {"a": "*\x05hello", "b": "2\x03abc", "c": b"\x12\x04\x2a\x02ab"}
    body = traces_body("a", make_span("*" * 42, message="2 errors", attributes=looks))
    assert check(Signal.TRACES, body) == Checked(body, 1)


@pytest.mark.parametrize("depth", [1, 20, 47])
def test_deep_values_are_understood(depth: int) -> None:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    body = logs_body("a", make_log(value))
    record = records_of(check(Signal.LOGS, body).body)[0]
    assert record.body.string_value == "[" * depth + "1" + "]" * depth


def test_values_nested_too_deep_are_refused() -> None:
    with pytest.raises(BadData, match="MaxDepth"):
        check(
            Signal.LOGS,
            logs_body("a", make_log()) + _request_of_record(_field(5, _deep_value(200))),
        )


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _deep_value(depth: int) -> bytes:
    value = b"\x18\x01"
    for _ in range(depth):
        value = _field(5, _field(1, value))
    return value


def _request_of_record(record: bytes) -> bytes:
    return _field(1, _field(2, _field(2, record)))


def test_ten_thousand_attributes_are_kept() -> None:
    attributes = {f"key.{n}": n for n in range(10_000)}
    body = traces_body("a", make_span(attributes=attributes))
    assert check(Signal.TRACES, body) == Checked(body, 1)


@pytest.mark.parametrize("signal", list(Signal))
@pytest.mark.parametrize(
    "body", [b"\xff", b"not protobuf at all", b"\x0a\xff\xff\xff\xff\x0f", b"\x0a\x05\x12"]
)
def test_what_is_not_protobuf_is_refused(signal: Signal, body: bytes) -> None:
    with pytest.raises(BadData, match=f"are not an OTLP {signal} request in protobuf"):
        check(signal, body)


def test_the_refusal_names_reason_and_remedy() -> None:
    with pytest.raises(BadData) as caught:
        check(Signal.TRACES, traces_body("a", make_span("name"))[:-3])
    assert str(caught.value) == snapshot(
        "these 84 bytes are not an OTLP traces request in protobuf: Wire format was corrupt; "
        "send an Export*ServiceRequest of opentelemetry-proto 1.x"
    )


def test_invalid_utf8_is_refused() -> None:
    with pytest.raises(BadData, match="UTF-8"):
        check(Signal.TRACES, traces_body("a", make_span("XX")).replace(b"XX", b"\xff\xfe"))


_ids = st.sampled_from([b"", bytes(16), b"\x12" * 16, b"\x0a\x12" * 8, bytes(8), b"\x12" * 8, b"x"])
_times = st.one_of(
    st.sampled_from([0, 1, START_NS, END_OF_TIME_NS - 1, END_OF_TIME_NS, YEAR_2262_NS]),
    st.integers(0, (1 << 64) - 1),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(_ids, _ids, _times, _times), max_size=8))
def test_a_span_is_kept_if_and_only_if_it_can_be_stored(spans: list[Any]) -> None:
    made = []
    for trace, span, start_ns, end_ns in spans:
        made.append(make_span())
        made[-1].trace_id, made[-1].span_id = trace, span
        made[-1].start_time_unix_nano, made[-1].end_time_unix_nano = start_ns, end_ns
    wanted = [
        (trace, span, start_ns, end_ns)
        for trace, span, start_ns, end_ns in spans
        if len(trace) == 16
        and any(trace)
        and len(span) == 8
        and any(span)
        and 0 < max(start_ns, end_ns) < END_OF_TIME_NS
    ]
    checked = check(Signal.TRACES, traces_body("a", *made))
    assert [
        (span.trace_id, span.span_id, span.start_time_unix_nano, span.end_time_unix_nano)
        for span in spans_of(checked.body)
    ] == wanted
    assert (checked.items, checked.rejected_items) == (len(wanted), len(spans) - len(wanted))


@settings(max_examples=200, deadline=None)
@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(-(1 << 63), (1 << 63) - 1), st.text()),
        lambda inner: st.one_of(
            st.lists(inner, max_size=4), st.dictionaries(st.text(), inner, max_size=4)
        ),
        max_leaves=20,
    )
)
def test_nothing_nested_reaches_the_engine(value: Any) -> None:
    checked = check(Signal.LOGS, logs_body({"r": value}, make_log(value, attributes={"a": value})))
    request = ExportLogsServiceRequest.FromString(checked.body)
    record = request.resource_logs[0].scope_logs[0].log_records[0]
    resource = request.resource_logs[0].resource
    for stored in (record.body, record.attributes[0].value, resource.attributes[0].value):
        assert stored.WhichOneof("value") not in ("array_value", "kvlist_value")
