"""Requests as senders make them, and requests as nobody should: seeds and their mutations."""

import random
import time

import cramjam
from tests.support import remote
from tests.support.otlp_factory import (
    DELTA,
    MS,
    logs_body,
    make_event,
    make_exemplar,
    make_exponential,
    make_gauge,
    make_histogram,
    make_link,
    make_log,
    make_point,
    make_span,
    make_sum,
    make_summary,
    metrics_body,
    traces_body,
)

from vario.model.telemetry import Signal
from vario.wire.exposition.protobuf import SCHEMA
from vario.wire.otlp_json import encode_json
from vario.wire.otlp_outline import REQUESTS
from vario.wire.protobuf import encode_varint, load_messages

_NESTED = {"list": [1, "two", {"three": [None, 4.0]}], "map": {"a": {"b": b"c"}}, "flag": True}
_RESOURCE = {"service.name": "fuzz", "cloud.region": "eu-west", "deep": _NESTED}
_TELLING = b'\x00\x01\x08\x0a\x0c\x12\x1a\x22\x2a\x32\x3a\x42\x4a\x7f\x80\xff"{}[]:,=#\n\\ '
_NUMBERS = (0, 1, -1, 2**31 - 1, 2**31, 2**32, 2**53, 2**63 - 1, 2**64 - 1, 4_102_444_800 * 10**9)

_TEXT = b"""# HELP http_requests_total Requests.
# TYPE http_requests_total counter
http_requests_total{code="200",path="/a\\"b\\\\c"} 1027 1750000000000
http_requests_total{code="500"} +Inf
# TYPE lat histogram
lat_bucket{le="0.1"} 5
lat_bucket{le="+Inf"} 7
lat_sum 0.9
lat_count 7
{"a.b", "c d"="e"} NaN
"""
_OPENMETRICS = b"""# TYPE req counter
# UNIT req seconds
# HELP req Requests.
req_total{a="b"} 3.0 1750000000.5 # {trace_id="abc"} 0.5 1750000000
req_created{a="b"} 1750000000
# TYPE lat histogram
lat_bucket{le="1.0"} 1
lat_bucket{le="+Inf"} 2
lat_count 2
lat_sum 3.5
# EOF
"""


def protobuf_seeds() -> dict[Signal, list[bytes]]:
    """Returns OTLP requests with everything in them that a request may have."""
    now = time.time_ns()
    exemplars = [make_exemplar(0.2, time_ns=now, trace=7, span=8, attributes={"k": "v"})]
    spans = [
        make_span(trace=3, span=n, parent=n - 1, start_ns=now, kind="server", status="error",
                  message="no", attributes={"http.response.status_code": 500, **_NESTED},
                  events=[make_event("exception", time_ns=now, attributes={"stack": "x" * 50})],
                  links=[make_link(trace=9, span=9, attributes={"l": 1})], trace_state="ot=th:8")
        for n in (1, 2)
    ]  # fmt: skip
    records = [
        make_log(body, time_ns=now, trace=3, span=1, attributes={"request_id": "r", **_NESTED})
        for body in ("plain", {"a": [1, 2]}, None, 5)
    ]
    metrics = [
        make_gauge("gpu.utilization", make_point(0.5, time_ns=now, attributes=_NESTED), unit="1"),
        make_sum("hits", make_point(3, time_ns=now, exemplars=exemplars), unit="By",
                 temporality=DELTA),
        make_histogram("lat", bounds=[0.1, 1.0], counts=[1, 2, 3], total=4.5, time_ns=now,
                       exemplars=exemplars, unit="s"),
        make_exponential("exp", scale=3, positive=[1, 0, 2], positive_offset=-2, negative=[1],
                         time_ns=now),
        make_summary("sum", {0.5: 1.0, 0.99: 2.0}, count=3, total=4.0, time_ns=now),
    ]  # fmt: skip
    return {
        Signal.TRACES: [
            traces_body("fuzz", make_span(start_ns=now, duration_ns=5 * MS)),
            traces_body(_RESOURCE, *spans, scope="lib"),
        ],
        Signal.LOGS: [
            logs_body("fuzz", make_log(time_ns=now)),
            logs_body(_RESOURCE, *records, scope="lib"),
        ],
        Signal.METRICS: [
            metrics_body("fuzz", metrics[0]),
            *(metrics_body(_RESOURCE, metric, scope="lib") for metric in metrics),
            metrics_body(_RESOURCE, *metrics),
        ],
    }


def json_seeds() -> dict[Signal, list[bytes]]:
    """Returns the same requests in JSON."""
    return {
        signal: [encode_json(REQUESTS[signal].FromString(body)) for body in bodies]
        for signal, bodies in protobuf_seeds().items()
    }


def remote_seeds() -> tuple[list[bytes], list[bytes]]:
    """Returns requests of remote write 1.0 and 2.0 before compression."""
    now_ms = time.time_ns() // 1_000_000
    labels = {"trace_id": "0" * 31 + "1", "x": "y"}
    rich = {
        "histograms": [
            {**remote.INTEGER_HISTOGRAM, "timestamp": now_ms},
            {**remote.FLOAT_HISTOGRAM, "timestamp": now_ms},
        ],
        "exemplars": [{"labels": labels, "value": 0.5, "timestamp": now_ms}],
        "metadata": {"type": 1, "help": "Help.", "unit": "seconds"},
    }
    plain = remote.series("fuzz_total", (now_ms - 15_000, 1.0), (now_ms, 2.0), a="b", job="j")
    full = ({"__name__": "fuzz_seconds", "job": "j"}, rich)
    said = [{"type": 1, "metric_family_name": "fuzz_total", "help": "Help.", "unit": ""}]
    first = [remote.v1(plain), remote.v1(plain, full, metadata=said)]
    return first, [remote.v2(plain), remote.v2(plain, full)]


def exposition_seeds() -> list[tuple[str, bytes]]:
    """Returns content types and bodies as scraped targets answer them."""
    family = load_messages(SCHEMA)["MetricFamily"](
        name="lat",
        help="Latency.",
        type=4,
        metric=[
            {
                "label": [{"name": "a", "value": "b"}],
                "histogram": {
                    "sample_count": 4, "sample_sum": 3.5, "schema": 2, "zero_threshold": 0.001,
                    "zero_count": 1, "positive_span": [{"offset": 0, "length": 2}],
                    "positive_delta": [1, 1],
                    "bucket": [{"cumulative_count": 4, "upper_bound": 1.0}],
                },
            }
        ],
    ).SerializeToString()  # fmt: skip
    return [
        ("text/plain; version=0.0.4", _TEXT),
        ("application/openmetrics-text; version=1.0.0", _OPENMETRICS),
        (
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
            "encoding=delimited",
            encode_varint(len(family)) + family,
        ),
    ]


def compress(encoding: str, body: bytes) -> bytes:
    """Returns a body in a content encoding."""
    if encoding == "snappy":
        return bytes(cramjam.snappy.compress_raw(body))
    if encoding in ("gzip", "zstd", "deflate"):
        codec = cramjam.zlib if encoding == "deflate" else getattr(cramjam, encoding)
        return bytes(codec.compress(body))
    return body


def mutate(dice: random.Random, body: bytes, other: bytes) -> bytes:
    """Returns `body` with one to six faults, some of them pieces of `other`."""
    made = bytearray(body)
    for _ in range(min(6, 1 + int(dice.expovariate(0.8)))):
        if not made:
            break
        _FAULTS[dice.randrange(len(_FAULTS))](dice, made, other)
    return bytes(made)


def _flip(dice: random.Random, made: bytearray, other: bytes) -> None:
    made[dice.randrange(len(made))] ^= 1 << dice.randrange(8)


def _put(dice: random.Random, made: bytearray, other: bytes) -> None:
    made[dice.randrange(len(made))] = dice.choice(_TELLING)


def _insert(dice: random.Random, made: bytearray, other: bytes) -> None:
    at = dice.randrange(len(made) + 1)
    made[at:at] = dice.randbytes(dice.randrange(1, 9))


def _delete(dice: random.Random, made: bytearray, other: bytes) -> None:
    at = dice.randrange(len(made))
    del made[at : at + dice.randrange(1, 17)]


def _repeat(dice: random.Random, made: bytearray, other: bytes) -> None:
    at = dice.randrange(len(made))
    piece = made[at : at + dice.randrange(1, 65)]
    made[at:at] = piece * dice.randrange(1, 5)


def _splice(dice: random.Random, made: bytearray, other: bytes) -> None:
    at, start = dice.randrange(len(made)), dice.randrange(max(1, len(other)))
    made[at : at + dice.randrange(1, 65)] = other[start : start + dice.randrange(1, 65)]


def _cut(dice: random.Random, made: bytearray, other: bytes) -> None:
    del made[dice.randrange(len(made)) :]


def _number(dice: random.Random, made: bytearray, other: bytes) -> None:
    at, number = dice.randrange(len(made)), dice.choice(_NUMBERS)
    if dice.random() < 0.5:
        made[at : at + 8] = (number % 2**64).to_bytes(8, "little")
    else:
        made[at : at + 1] = encode_varint(number % 2**64)


def _join(dice: random.Random, made: bytearray, other: bytes) -> None:
    made.extend(other)


_FAULTS = (_flip, _flip, _put, _insert, _delete, _repeat, _splice, _cut, _number, _join)
