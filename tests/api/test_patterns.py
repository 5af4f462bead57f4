"""Log patterns and markers over HTTP."""

from urllib.parse import quote

from tests.support.otlp_factory import (
    MINUTE,
    SECOND,
    START_NS,
    logs_body,
    make_log,
    make_span,
    trace_hex,
    traces_body,
)

from vario.model.telemetry import Signal


def write_logs(store) -> None:
    """Writes a line each ten seconds of the last two hours, and errors in the last half."""
    start_ns = START_NS - 120 * MINUTE
    records = [
        make_log(f"served {n}", time_ns=start_ns + n * 10 * SECOND) for n in range(720)
    ] + [
        make_log(f"cannot reach 10.0.0.{n}", time_ns=START_NS - 30 * MINUTE + n * MINUTE,
                 trace=n, severity="error")
        for n in range(1, 30)
    ]  # fmt: skip
    store.write_otlp(Signal.LOGS, logs_body("ml-infer", *records))


def test_patterns_with_what_is_new(store, client) -> None:
    write_logs(store)
    answer = client.get("/api/logs/patterns?start=now-1h&end=now").json()
    assert (answer["records"], answer["sampled"], answer["step"]) == (389, 1.0, 300.0)
    failed, served = answer["patterns"]
    assert (failed["template"], failed["change"], failed["count"], failed["baseline"]) == (
        "cannot reach <*>", "new", 29, 0,
    )  # fmt: skip
    assert failed["trace_id"] == trace_hex(29)
    assert sum(failed["counts"]) == 29
    assert (served["template"], served["change"], served["count"]) == ("served <*>", "same", 360)
    found = client.get(f"/api/logs?limit=1000&filter={quote(failed['filter'])}").json()
    assert len(found["logs"]) == 29


def test_patterns_without_a_baseline(store, client) -> None:
    write_logs(store)
    where = quote("severity = error")
    answer = client.get(f"/api/logs/patterns?baseline=none&filter={where}").json()
    (failed,) = answer["patterns"]
    assert (failed["change"], failed["baseline"], failed["ratio"]) == (None, None, None)
    answer = client.get("/api/logs/patterns?baseline=now-2h").json()
    assert answer["error"] == "baseline: 'now-2h' is not none, previous, or start/end"


def test_markers_told_and_seen(store, client) -> None:
    for n in range(60):
        version = "v2" if n >= 30 else "v1"
        store.write_otlp(
            Signal.TRACES,
            traces_body(
                {"service.name": "ml-infer", "service.version": version},
                make_span(trace=n + 1, kind="server", start_ns=START_NS - (60 - n) * MINUTE),
            ),
        )
    told = client.post("/api/markers", json={
        "text": "cache doubled", "kind": "config", "service": "ml-infer", "at": "now-10m",
        "scope": {"region": "us-east"}, "by": "kim",
    }).json()  # fmt: skip
    assert told == {
        "id": told["id"], "time": START_NS / 1e9 - 600, "kind": "config", "text": "cache doubled",
        "service": "ml-infer", "scope": {"region": "us-east"}, "by": "kim", "link": "",
        "source": "told",
    }  # fmt: skip
    markers = client.get("/api/markers?start=now-1h&service=ml-infer").json()["markers"]
    assert [(one["source"], one["text"]) for one in markers] == [
        ("traffic", "v2 begins to answer requests"),
        ("told", "cache doubled"),
    ]
    assert client.request("DELETE", f"/api/markers/{told['id']}").status_code == 200
    assert client.request("DELETE", f"/api/markers/{told['id']}").status_code == 404
    markers = client.get("/api/markers?start=now-1h").json()["markers"]
    assert [one["source"] for one in markers] == ["traffic"]
