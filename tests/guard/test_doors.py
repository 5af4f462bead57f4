"""Personal data sent through every door of the whole server, looked for in every table."""

import time
from typing import Any

import cramjam
import grpc
import httpx
import pytest
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc
from tests.support.exposer import Exposer
from tests.support.otlp_factory import (
    logs_body,
    make_event,
    make_exemplar,
    make_gauge,
    make_log,
    make_point,
    make_span,
    make_sum,
    metrics_body,
    trace_hex,
    traces_body,
)
from tests.support.prometheus import wait_until
from tests.support.remote import series, v1, v2

from vario.app.ports import Addresses
from vario.store.clickhouse import ClickHouseStore

RAW = ("jane.doe", "4111 1111", "4111111111", "hunter2", "203.0.113.", "555-2671")
TABLES = ("otel_logs", "otel_traces", "metric_series", "metric_exemplars", "metric_metadata",
          "vario_guard")  # fmt: skip


def post(address: str, path: str, body: bytes, kind: str = "application/x-protobuf") -> None:
    answer = httpx.post(address + path, content=body, headers={"content-type": kind}, timeout=60)
    assert answer.status_code == 200, answer.text


def write(address: str, body: bytes, kind: str = "application/x-protobuf") -> None:
    headers = {"content-type": kind, "content-encoding": "snappy"}
    packed = bytes(cramjam.snappy.compress_raw(body))
    answer = httpx.post(f"{address}/api/v1/write", content=packed, headers=headers, timeout=60)
    assert answer.status_code == 204, answer.text


def assert_nothing_raw(store: ClickHouseStore) -> None:
    for table in TABLES:
        for raw in RAW:
            sql = f"SELECT count() FROM {table} WHERE position(toString(tuple(*)), '{raw}') > 0"
            assert store.engine.query_rows(sql) == [(0,)], (table, raw)


def record(store: ClickHouseStore, service: str) -> tuple[Any, ...]:
    return store.engine.query_rows(
        "SELECT Body, LogAttributes, ResourceAttributes FROM otel_logs "
        f"WHERE ServiceName = '{service}' ORDER BY Timestamp"
    )


BODY = "jane.doe@example.com paid with 4111 1111 1111 1111 from 203.0.113.9, order 20481234567"
LOG = make_log(
    BODY,
    attributes={
        "password": "hunter2",
        "account.email": "jane.doe@example.com",
        "forbidden": "call (415) 555-2671",
        "user": {"email": "jane.doe@example.com", "plan": "gold"},
        "server.address": "8.8.4.4",
        "request_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "price": 12.5,
    },
    time_ns=time.time_ns(),
)
CLEAN = "[email] paid with [card] from [ip], order 20481234567"


def check_log(store: ClickHouseStore, service: str) -> None:
    ((body, attributes, _),) = record(store, service)
    hashed = attributes.pop("account.email")
    assert (body, attributes) == (
        CLEAN,
        {
            "password": "[password]",
            "user": '{"email":"[email]","plan":"gold"}',
            "server.address": "8.8.4.4",
            "request_id": "4bf92f3577b34da6a3ce929d0e0e4736",
            "price": "12.5",
        },
    )
    assert hashed.startswith("[email:")
    assert len(hashed) == len("[email:0123456789abcdef]")


def test_logs_in_protobuf(doors: Addresses, store: ClickHouseStore) -> None:
    post(doors.otlp_http, "/v1/logs", logs_body("protobuf", LOG))
    check_log(store, "protobuf")
    assert_nothing_raw(store)


def test_logs_in_json(doors: Addresses, store: ClickHouseStore) -> None:
    import json

    request = logs_service_pb2.ExportLogsServiceRequest.FromString(logs_body("json", LOG))
    body = json.dumps(MessageToDict(request)).encode()
    post(doors.otlp_http, "/v1/logs", body, "application/json")
    check_log(store, "json")
    assert_nothing_raw(store)


def test_logs_over_grpc(doors: Addresses, store: ClickHouseStore) -> None:
    with grpc.insecure_channel(doors.otlp_grpc.removeprefix("http://")) as channel:
        stub = logs_service_pb2_grpc.LogsServiceStub(channel)
        request = logs_service_pb2.ExportLogsServiceRequest.FromString(logs_body("grpc", LOG))
        stub.Export(request, timeout=60)
    check_log(store, "grpc")
    assert_nothing_raw(store)


def test_a_service_may_be_allowed(doors: Addresses, store: ClickHouseStore) -> None:
    post(doors.otlp_http, "/v1/logs", logs_body("trusted", make_log("to kim@example.org")))
    ((body, _, _),) = record(store, "trusted")
    assert body == "to kim@example.org"


def test_spans(doors: Addresses, store: ClickHouseStore) -> None:
    span = make_span(
        "GET /users/jane.doe@example.com",
        trace=77,
        start_ns=time.time_ns(),
        status="error",
        message="no such user: jane.doe@example.com",
        attributes={"client.address": "203.0.113.9", "http.route": "/users/{id}", "n": 3},
        events=[
            make_event(
                "exception",
                attributes={"exception.message": "login of jane.doe@example.com, password=hunter2"},
            )
        ],
    )
    resource = {"service.name": "spans", "owner": "jane.doe@example.com", "host.ip": "34.1.2.3"}
    post(doors.otlp_http, "/v1/traces", traces_body(resource, span, make_span("GET /ok", span=2)))
    rows = store.engine.query_rows(
        "SELECT SpanName, StatusMessage, SpanAttributes, Events.Attributes, ResourceAttributes "
        f"FROM otel_traces WHERE TraceId = '{trace_hex(77)}'"
    )
    assert rows == [
        (
            "GET /users/[email]",
            "no such user: [email]",
            {"client.address": "[ip]", "http.route": "/users/{id}", "n": "3"},
            [{"exception.message": "login of [email], password=[password]"}],
            {"service.name": "spans", "owner": "[email]", "host.ip": "34.1.2.3"},
        )
    ]
    assert_nothing_raw(store)


def labels_of(store: ClickHouseStore, name: str) -> list[dict[str, str]]:
    rows = store.engine.query_rows(
        f"SELECT DISTINCT labels FROM metric_series WHERE name = '{name}' ORDER BY toString(labels)"
    )
    return [{k: v for k, v in labels.items() if k != "__name__"} for (labels,) in rows]


def test_metrics_of_otlp(doors: Addresses, store: ClickHouseStore) -> None:
    now = time.time_ns()
    points = [
        make_point(
            value,
            time_ns=now,
            start_ns=now,
            attributes={"user.email": f"{name}@example.com", "route": "/buy"},
            exemplars=[
                make_exemplar(value, time_ns=now, attributes={"card": "4111111111111111", "x": "y"})
            ],
        )
        for name, value in (("jane.doe", 3), ("john", 4))
    ]
    plain = make_gauge("otlp.plain", make_point(1.5, time_ns=now, attributes={"region": "eu"}))
    post(
        doors.otlp_http, "/v1/metrics", metrics_body("shop", make_sum("otlp.paid", *points), plain)
    )
    assert labels_of(store, "otlp_paid_total") == [
        {"job": "shop", "route": "/buy", "user_email": "[email]"}
    ]
    # Two series became one: their values are added up.
    rows = store.engine.query_rows(
        "SELECT value FROM metric_samples JOIN metric_series USING id WHERE name='otlp_paid_total'"
    )
    assert rows == [(7.0,)]
    exemplars = store.engine.query_rows("SELECT DISTINCT attributes FROM metric_exemplars")
    assert exemplars == [({"card": "[card]", "x": "y"},)]
    assert_nothing_raw(store)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_remote_write(doors: Addresses, store: ClickHouseStore, version: str) -> None:
    now = time.time_ns() // 1_000_000
    name = f"remote_{version}_in_flight"
    many = [
        series(name, (now, 2.0), email="jane.doe@example.com", job="r", zone="a"),
        series(name, (now, 3.0), email="john@example.com", job="r", zone="a"),
        series(name, (now, 5.0), job="r", zone="b", instance="34.1.2.3:9090"),
    ]
    if version == "v1":
        write(doors.api, v1(*many))
    else:
        kind = "application/x-protobuf;proto=io.prometheus.write.v2.Request"
        write(doors.otlp_http, v2(*many), kind)
    assert labels_of(store, name) == [
        {"email": "[email]", "job": "r", "zone": "a"},
        {"instance": "34.1.2.3:9090", "job": "r", "zone": "b"},
    ]
    rows = store.engine.query_rows(
        f"SELECT value FROM metric_samples JOIN metric_series USING id WHERE name='{name}' "
        "ORDER BY value"
    )
    assert rows == [(5.0,), (5.0,)]
    assert_nothing_raw(store)


def test_scrapes(doors: Addresses, store: ClickHouseStore, target: Exposer) -> None:
    target.say('sign_ins{who="jane.doe@example.com"} 2\nsign_ins{who="kim@example.org"} 3\n')
    wait_until(lambda: bool(labels_of(store, "sign_ins")), 60)
    (labels,) = labels_of(store, "sign_ins")
    assert labels["who"] == "[email]"
    rows = store.engine.query_rows(
        "SELECT DISTINCT value FROM metric_samples JOIN metric_series USING id "
        "WHERE name='sign_ins'"
    )
    assert rows == [(5.0,)]
    assert_nothing_raw(store)


def test_what_was_found_is_told_without_values(doors: Addresses, store: ClickHouseStore) -> None:
    post(doors.otlp_http, "/v1/logs", logs_body("told", LOG))
    report = httpx.get(f"{doors.api}/api/guard").json()
    found = {
        (row["service"], row["detector"], row["field"], row["mode"]) for row in report["found"]
    }
    assert {
        ("told", "email", "body", "redact"),
        ("told", "email", "account.email", "hash"),
        ("told", "password", "password", "redact"),
        ("told", "phone", "forbidden", "drop"),
        ("told", "card", "body", "redact"),
        ("told", "ip", "body", "redact"),
        ("told", "email", "user.email", "redact"),
    } <= found
    assert not any(raw in str(report) for raw in RAW)
    metrics = httpx.get(f"{doors.api}/metrics").text
    assert (
        'vario_guard_findings_total{detector="card",mode="redact",signal="logs",service="told"} 1'
        in metrics
    )
    doctor = httpx.get(f"{doors.api}/api/doctor").json()
    told = [check for check in doctor["checks"] if check["service"] == "told"]
    assert "email in body (logs), 1 times, redacted" in {check["message"] for check in told}
    assert not any(raw in str(doctor) for raw in RAW)
    assert_nothing_raw(store)
