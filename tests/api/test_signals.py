from urllib.parse import quote

from tests.support.otlp_factory import (
    MINUTE,
    MS,
    SECOND,
    START_NS,
    logs_body,
    make_event,
    make_log,
    make_span,
    span_hex,
    trace_hex,
    traces_body,
)

from vario.model.telemetry import Signal

# The fixtures' clock stands at START_NS, so that data of the last hour lies before it.
AT_NS = START_NS - 10 * MINUTE


def write_traces(store) -> None:
    store.write_otlp(
        Signal.TRACES,
        traces_body(
            "gateway",
            make_span("GET /predict", trace=1, kind="server", start_ns=AT_NS, duration_ns=300 * MS),
            make_span("GET /predict", trace=2, kind="server", start_ns=AT_NS + SECOND),
        )
        + traces_body(
            {"service.name": "ml-infer", "cloud.region": "eu-west"},
            make_span(
                "ml-infer.predict",
                trace=1,
                span=2,
                parent=1,
                start_ns=AT_NS + 10 * MS,
                duration_ns=250 * MS,
                status="error",
                message="timeout",
                attributes={"cache_hit": False},
                events=[make_event("retry", time_ns=AT_NS + 20 * MS)],
            ),
            scope="vario",
        ),
    )


def write_logs(store) -> None:
    records = [
        make_log(f"line {n}", time_ns=AT_NS + n * MINUTE, trace=1 if n < 2 else 0, severity=level)
        for n, level in enumerate(("info", "error", "warn"))
    ]
    store.write_otlp(Signal.LOGS, logs_body("ml-infer", *records))


def test_search_for_traces(store, client) -> None:
    write_traces(store)
    where = quote('service.name = "ml-infer" and duration > 200ms and attributes.cache_hit = false')
    assert client.get(f"/api/traces?filter={where}").json() == {
        "traces": [
            {
                "trace_id": trace_hex(1),
                "root_service": "gateway",
                "root_name": "GET /predict",
                "start_time_unix_nano": str(AT_NS),
                "duration": 0.3,
                "span_count": 2,
                "error_count": 1,
                "matched_spans": 1,
                "services": ["gateway", "ml-infer"],
                "weight": 1.0,
            }
        ]
    }

    def found(query: str) -> list[int]:
        answer = client.get(f"/api/traces?{query}").json()
        return [int(trace["trace_id"], 16) for trace in answer["traces"]]

    assert found("") == [2, 1]
    assert found("order=slowest") == [1, 2]
    assert found("limit=1") == [2]
    assert found("end=now-11m") == []
    assert found("filter=region%3Deu-west") == [1]


def test_one_trace_with_the_number_of_its_log_lines(store, client) -> None:
    write_traces(store)
    write_logs(store)
    trace = client.get(f"/api/traces/{trace_hex(1).upper()}").json()
    assert (trace["trace_id"], trace["log_count"]) == (trace_hex(1), 2)
    assert [span["name"] for span in trace["spans"]] == ["GET /predict", "ml-infer.predict"]
    assert trace["spans"][1] == {
        "trace_id": trace_hex(1),
        "span_id": span_hex(2),
        "parent_span_id": span_hex(1),
        "name": "ml-infer.predict",
        "kind": "Internal",
        "service": "ml-infer",
        "start_time_unix_nano": str(AT_NS + 10 * MS),
        "duration_ns": 250 * MS,
        "status_code": "Error",
        "status_message": "timeout",
        "attributes": {"cache_hit": "false"},
        "resource": {"service.name": "ml-infer", "cloud.region": "eu-west"},
        "scope": "vario",
        "events": [{"time_unix_nano": str(AT_NS + 20 * MS), "name": "retry", "attributes": {}}],
        "links": [],
    }


def test_logs_page_by_page(store, client) -> None:
    write_logs(store)
    first = client.get("/api/logs?limit=2").json()
    assert [record["body"] for record in first["logs"]] == ["line 2", "line 1"]
    second = client.get("/api/logs", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert second == {
        "logs": [
            {
                "time_unix_nano": str(AT_NS),
                "trace_id": trace_hex(1),
                "span_id": "",
                "severity_text": "INFO",
                "severity_number": 9,
                "service": "ml-infer",
                "body": "line 0",
                "attributes": {},
                "resource": {"service.name": "ml-infer"},
                "scope": "",
                "event_name": "",
            }
        ],
        "next_cursor": None,
    }
    of_trace = client.get("/api/logs", params={"filter": f'trace_id = "{trace_hex(1)}"'}).json()
    assert [record["body"] for record in of_trace["logs"]] == ["line 1", "line 0"]


def test_log_volume(store, client) -> None:
    write_logs(store)
    answer = client.get(
        "/api/logs/histogram?start=now-12m&step=5m&filter=severity%3E%3Dwarn"
    ).json()
    # Steps begin at multiples of five minutes: 15:06:40 less twelve minutes is in 14:50.
    begin = 1_749_999_000
    assert answer == {
        "start": begin,
        "end": START_NS / 1e9,
        "step": 300.0,
        "buckets": [
            {"time": begin, "counts": {}},
            {"time": begin + 300, "counts": {"WARN": 1, "ERROR": 1}},
            {"time": begin + 600, "counts": {}},
            {"time": begin + 900, "counts": {}},
        ],
    }


def test_fields_and_their_values(store, client) -> None:
    write_traces(store)
    fields = client.get("/api/fields?signal=traces").json()["fields"]
    assert fields[:3] == ["name", "kind", "status"]
    assert fields[-3:] == [
        "attributes.cache_hit",
        "resource.cloud.region",
        "resource.service.name",
    ]

    def values(field: str) -> list[str]:
        answer = client.get("/api/fields/values", params={"signal": "traces", "field": field})
        return answer.json()["values"]

    assert values("service.name") == ["gateway", "ml-infer"]
    assert values("attributes.cache_hit") == ["false"]
    assert values("cache_hit") == ["false"]
