import pytest
from tests.support.otlp_factory import (
    HOUR,
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

from vario.model.filter import Field
from vario.model.service import ServiceSummary, TrafficPoint, TrafficSeries, VersionSeen
from vario.model.telemetry import Signal, TimeRange

STEP = 10 * MINUTE
WINDOW = TimeRange(START_NS, START_NS + 3 * STEP)


def request(n: int, *, at_ns: int, ms: float, region: str = "us-east", version: str = "v1",
            model: str = "ranker", status: str = "unset", kind: str = "server",
            code: int = 200) -> bytes:  # fmt: skip
    """Returns a trace of one request to ml-infer with a span inside it, which is no request."""
    return traces_body(
        {"service.name": "ml-infer", "cloud.region": region, "service.version": version},
        make_span("POST /infer", trace=n, span=1, parent=9, kind=kind, status=status,
                  start_ns=START_NS + at_ns, duration_ns=round(ms * MS),
                  attributes={"model_name": model, "http.response.status_code": code}),
        make_span("predict", trace=n, span=2, parent=1, start_ns=START_NS + at_ns,
                  duration_ns=10 * HOUR, status="error", attributes={"model_name": model}),
    )  # fmt: skip


def write(store, *bodies: bytes) -> None:
    store.write_otlp(Signal.TRACES, b"".join(bodies))


def near(seconds: float) -> object:
    """Equals a latency within the one percent that the quantiles keep to."""
    return pytest.approx(seconds, rel=0.01)


def empty_point(step: int) -> TrafficPoint:
    return TrafficPoint(START_NS + step * STEP, 0, 0, None, None, None, "", None)


def test_each_service_and_model_has_a_row(store) -> None:
    write(
        store,
        request(1, at_ns=0, ms=100, region="us-east", version="v1"),
        request(2, at_ns=MINUTE, ms=300, region="eu-west", version="v2", code=503),
        request(3, at_ns=2 * MINUTE, ms=200, region="eu-west", version="v2", status="error"),
        request(4, at_ns=25 * MINUTE, ms=50, region="", version=""),
        request(5, at_ns=30 * MINUTE, ms=50),
        request(6, at_ns=21 * MINUTE, ms=5, model="", kind="consumer"),
        traces_body("gateway", make_span("GET /", trace=7, start_ns=START_NS + MINUTE)),
    )
    gateway, unnamed, ranker = store.find_services(WINDOW, step_ns=STEP)
    assert (gateway.service_name, gateway.model_name, gateway.requests) == ("gateway", "", 1)
    assert (unnamed.service_name, unnamed.model_name, unnamed.requests) == ("ml-infer", "", 1)
    assert ranker == ServiceSummary(
        service_name="ml-infer",
        model_name="ranker",
        versions=(VersionSeen("v1", START_NS, 1), VersionSeen("v2", START_NS + MINUTE, 2)),
        regions=("eu-west", "us-east"),
        requests=4,
        errors=2,
        p50_s=near(0.1),
        p95_s=near(0.3),
        p99_s=near(0.3),
        last_seen_ns=START_NS + 25 * MINUTE,
        points=(
            TrafficPoint(START_NS, 3, 2, near(0.2), near(0.3), near(0.3), trace_hex(2), 0.3),
            empty_point(1),
            TrafficPoint(
                START_NS + 2 * STEP, 1, 0, near(0.05), near(0.05), near(0.05), trace_hex(4), 0.05
            ),
        ),
    )


def test_quantiles_hold_over_many_requests(store) -> None:
    spans = [make_span(trace=n, kind="server", duration_ns=n * MS) for n in range(1, 1001)]
    write(store, traces_body("a", *spans, make_span(trace=1001, kind="server", duration_ns=0)))
    (summary,) = store.find_services(WINDOW, step_ns=STEP)
    assert (summary.p50_s, summary.p95_s, summary.p99_s) == (near(0.5), near(0.95), near(0.99))


def test_a_duration_of_zero_is_a_latency(store) -> None:
    write(store, traces_body("a", make_span(kind="server", duration_ns=0)))
    (summary,) = store.find_services(WINDOW, step_ns=STEP)
    assert (summary.p50_s, summary.p99_s) == (pytest.approx(0, abs=1e-8),) * 2


def test_traffic_as_a_whole_and_by_group(store) -> None:
    write(
        store,
        request(1, at_ns=0, ms=100, region="us-east", version="v1"),
        request(2, at_ns=0, ms=300, region="eu-west", version="v1"),
        request(3, at_ns=20 * MINUTE, ms=50, region="eu-west", version="v2", model="ctr"),
    )

    def traffic(model: str | None, by) -> dict[str, list[tuple[int, str]]]:
        series = store.get_traffic("ml-infer", model, WINDOW, step_ns=STEP, by=by)
        assert all(len(one.points) == 3 for one in series)
        return {
            one.group: [
                (point.start_ns - START_NS, point.slowest_trace_id)
                for point in one.points
                if point.requests
            ]
            for one in series
        }

    late = 20 * MINUTE
    assert traffic(None, "none") == {"": [(0, trace_hex(2)), (late, trace_hex(3))]}
    assert traffic("ranker", "none") == {"": [(0, trace_hex(2))]}
    assert traffic(None, "region") == {
        "eu-west": [(0, trace_hex(2)), (late, trace_hex(3))],
        "us-east": [(0, trace_hex(1))],
    }
    assert traffic(None, "model_version") == {
        "v1": [(0, trace_hex(2))],
        "v2": [(late, trace_hex(3))],
    }
    assert traffic("", "none") == {"": []}
    assert traffic("", "region") == {}


def test_without_requests_a_whole_has_empty_points(store) -> None:
    assert store.find_services(WINDOW, step_ns=STEP) == []
    assert store.get_traffic("no", None, WINDOW, step_ns=STEP, by="none") == [
        TrafficSeries("", tuple(empty_point(step) for step in range(3)))
    ]


def test_fields_and_values(store) -> None:
    write(
        store,
        *(
            traces_body(
                {"service.name": "a", "region": f"r{n % 2}"},
                make_span(trace=n + 1, span=n + 1, duration_ns=SECOND,
                          attributes={"k": "often" if n else "once", "odd name": n}),
            )
            for n in range(3)
        ),
    )  # fmt: skip
    store.write_otlp(Signal.LOGS, logs_body("b", make_log("x", severity="warn"), make_log("x"),
                                            make_log("y", attributes={"z": ""})))  # fmt: skip
    assert store.find_fields(Signal.TRACES, WINDOW) == [
        Field("attributes", "k"),
        Field("attributes", "odd name"),
        Field("resource", "region"),
        Field("resource", "service.name"),
    ]
    assert store.find_fields(Signal.LOGS, WINDOW) == [
        Field("attributes", "z"),
        Field("resource", "service.name"),
    ]

    def values(signal: Signal, scope, name: str, limit: int = 10) -> list[str]:
        return store.find_field_values(signal, Field(scope, name), WINDOW, limit=limit)

    assert values(Signal.TRACES, "attributes", "k") == ["often", "once"]
    assert values(Signal.TRACES, "attributes", "k", 1) == ["often"]
    assert values(Signal.TRACES, "any", "region") == ["r0", "r1"]
    assert values(Signal.TRACES, "intrinsic", "kind") == ["Internal"]
    assert values(Signal.TRACES, "intrinsic", "entry") == ["true"]
    assert values(Signal.LOGS, "intrinsic", "severity") == ["INFO", "WARN"]
    assert values(Signal.LOGS, "attributes", "z") == []
    early = TimeRange(START_NS - HOUR, START_NS)
    assert store.find_fields(Signal.TRACES, early) == []
    assert store.find_field_values(Signal.LOGS, Field("any", "z"), early, limit=9) == []
