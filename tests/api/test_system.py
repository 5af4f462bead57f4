from tests.support.otlp_factory import START_NS, make_span, traces_body

from vario.model.telemetry import Signal


def test_status(store, client) -> None:
    store.write_otlp(Signal.TRACES, traces_body("a", make_span()))
    answer = client.get("/api/status").json()
    tables = {table["table"]: table for table in answer.pop("tables")}
    assert answer == {
        "version": "1.2.3",
        "started": START_NS / 1e9 - 5,
        "store": "chdb://memory",
        "otlp_http": "http://127.0.0.1:4318",
        "otlp_grpc": "http://127.0.0.1:4317",
        "damaged": [],
    }
    assert tables["otel_traces"]["rows"] == 1
    assert tables["otel_traces"]["bytes"] > 0
    assert tables["otel_logs"] == {"table": "otel_logs", "rows": 0, "bytes": 0}


def test_doctor(store, client) -> None:
    empty = client.get("/api/doctor").json()
    assert empty["status"] == "failed"
    assert "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318" in empty["checks"][1]["remedy"]

    resource = {"service.name": "ml-infer", "service.version": "v1", "cloud.region": "eu-west"}
    store.write_otlp(Signal.TRACES, traces_body(resource, make_span(start_ns=START_NS - 10**9)))
    answer = client.get("/api/doctor").json()
    found = {check["name"]: check["status"] for check in answer["checks"]}
    assert answer["status"] == "warning"
    assert found == {
        "server": "ok",
        "spans": "ok",
        "logs": "warning",
        "metrics": "warning",
        "parents": "ok",
        "clock": "ok",
        "version": "ok",
        "region": "ok",
        "freshness": "ok",
    }
