import base64
import json
from typing import Any

import pytest
from google.protobuf import json_format
from inline_snapshot import snapshot
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from tests.support.otlp_factory import (
    logs_body,
    make_event,
    make_exponential,
    make_gauge,
    make_histogram,
    make_link,
    make_log,
    make_point,
    make_span,
    metrics_body,
    span_id,
    trace_hex,
    trace_id,
    traces_body,
)

from vario.errors import BadData
from vario.model.telemetry import Signal
from vario.wire.otlp import Checked, build_response
from vario.wire.otlp_json import decode_json, encode_json

REQUESTS: dict[Signal, Any] = {
    Signal.TRACES: ExportTraceServiceRequest,
    Signal.LOGS: ExportLogsServiceRequest,
    Signal.METRICS: ExportMetricsServiceRequest,
}
BODIES = {
    Signal.TRACES: traces_body(
        "ml-infer",
        make_span(
            parent=2,
            kind="server",
            status="error",
            attributes={"i": -(1 << 62), "b": True, "d": 0.5, "l": [1, "x"], "y": b"\x00\xff"},
            events=[make_event("e")],
            links=[make_link(trace=3, span=4)],
        ),
    ),
    Signal.LOGS: logs_body("ml-infer", make_log({"k": "v"}, trace=1, span=2)),
    Signal.METRICS: metrics_body(
        "ml-infer",
        make_gauge("g", make_point(1), make_point(2.5)),
        make_histogram("h", bounds=[1, 2], counts=[1, 2, 3]),
        make_exponential("e", scale=-1, positive=[1], zero_count=2),
    ),
}


def to_otlp_json(signal: Signal, body: bytes, *, enums_as_names: bool = False) -> str:
    """Writes a request as the specification asks: ids in hexadecimal."""

    def walk(node: Any) -> Any:
        if isinstance(node, list):
            return [walk(item) for item in node]
        if isinstance(node, dict):
            return {
                key: base64.b64decode(value).hex()
                if key in ("traceId", "spanId", "parentSpanId")
                else walk(value)
                for key, value in node.items()
            }
        return node

    request = REQUESTS[signal].FromString(body)
    document = json_format.MessageToDict(request, use_integers_for_enums=not enums_as_names)
    return json.dumps(walk(document))


@pytest.mark.parametrize("enums_as_names", [False, True])
@pytest.mark.parametrize("signal", list(Signal))
def test_json_says_the_same_as_protobuf(signal: Signal, enums_as_names: bool) -> None:
    text = to_otlp_json(signal, BODIES[signal], enums_as_names=enums_as_names)
    assert decode_json(signal, text.encode()) == BODIES[signal]


def one_span(**fields: Any) -> bytes:
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [fields]}]}]}).encode()


def parse_span(body: bytes) -> Any:
    request = ExportTraceServiceRequest.FromString(decode_json(Signal.TRACES, body))
    return request.resource_spans[0].scope_spans[0].spans[0]


def test_64_bit_integers_may_be_numbers_or_strings() -> None:
    span = parse_span(one_span(startTimeUnixNano=1 << 63, endTimeUnixNano=str((1 << 64) - 1)))
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (1 << 63, (1 << 64) - 1)


def test_unknown_fields_are_ignored() -> None:
    span = parse_span(one_span(name="n", novelty={"deep": [1]}, flags=257))
    assert (span.name, span.flags) == ("n", 257)


def test_ids_may_be_upper_case() -> None:
    assert parse_span(one_span(traceId="AB" * 16)).trace_id == b"\xab" * 16


def test_what_only_looks_like_an_id_is_left_alone() -> None:
    text = f'say "traceId":"{trace_hex(1)}"'
    attributes = [{"key": "traceId", "value": {"stringValue": text}}]
    span = parse_span(one_span(traceId=trace_hex(7), attributes=attributes))
    assert span.trace_id == trace_id(7)
    assert span.attributes[0].value.string_value == text


@pytest.mark.parametrize("text", ["zz", "123", "not an id", "é" * 16])
def test_an_id_that_is_not_hexadecimal_becomes_one_that_is_rejected(text: str) -> None:
    span = parse_span(one_span(traceId=text, spanId=span_id(3).hex()))
    assert (span.trace_id, span.span_id) == (b"\0", span_id(3))


@pytest.mark.parametrize("signal", list(Signal))
@pytest.mark.parametrize("body", [b"", b"{}", b" { } "])
def test_an_empty_request_is_valid(signal: Signal, body: bytes) -> None:
    assert decode_json(signal, body) == b""


@pytest.mark.parametrize(
    "body",
    [
        b'{"resourceSpans": [',
        b"[" * 5_000,
        b'{"resourceSpans": [{]}',
        b'{"a": "\xff"}',
        b'{"a": "\\ud800"}',
        b"nonsense",
    ],
)
def test_what_is_not_json_is_refused_with_its_place(body: bytes) -> None:
    with pytest.raises(BadData, match=r"is not JSON: .*line 1 column \d+"):
        decode_json(Signal.TRACES, body)


def test_the_place_is_that_of_the_text_sent() -> None:
    body = one_span(traceId="ab" * 16, spanId="cd" * 8)[:-1] + b"!"
    with pytest.raises(BadData) as caught:
        decode_json(Signal.TRACES, body)
    assert f"column {len(body)} " in str(caught.value)


@pytest.mark.parametrize(
    ("signal", "body", "message"),
    [
        (
            Signal.TRACES,
            b"[]",
            'an OTLP traces request in JSON is an object such as {"resourceSpans": []}, not list',
        ),
        (
            Signal.METRICS,
            b'"x"',
            'an OTLP metrics request in JSON is an object such as {"resourceMetrics": []}, not str',
        ),
    ],
)
def test_another_shape_is_refused(signal: Signal, body: bytes, message: str) -> None:
    with pytest.raises(BadData) as caught:
        decode_json(signal, body)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "fields",
    [
        {"name": 5},
        {"startTimeUnixNano": "yesterday"},
        {"startTimeUnixNano": 1 << 64},
        {"startTimeUnixNano": -1},
        {"attributes": {"key": "value"}},
    ],
)
def test_a_field_of_the_wrong_type_is_named(fields: dict[str, Any]) -> None:
    with pytest.raises(BadData, match=f"is not an OTLP traces request: .*{next(iter(fields))}"):
        decode_json(Signal.TRACES, one_span(**fields))


def test_answers_are_written_in_json() -> None:
    checked = Checked(b"", 1)
    assert encode_json(build_response(Signal.LOGS, checked)) == b"{}"
    checked.rejected["because"] = 2
    assert encode_json(build_response(Signal.LOGS, checked)) == snapshot(
        b'{"partialSuccess":{"rejectedLogRecords":"2","errorMessage":'
        b'"2 of 3 log records were not stored: because (2)"}}'
    )
