from tests.support.otlp_factory import (
    HOUR,
    MINUTE,
    MS,
    SECOND,
    START_NS,
    logs_body,
    make_gauge,
    make_log,
    make_point,
    make_span,
    metrics_body,
    traces_body,
)

from vario.model.telemetry import Signal, TimeRange
from vario.store.base import ServiceHealth

WINDOW = TimeRange(START_NS - MINUTE, START_NS + 14 * MINUTE)
FULL = {"service.name": "ml-infer", "service.version": "v1", "cloud.region": "eu-west"}


def calls(*, skew_ns: int = 0, orphan: bool = False) -> bytes:
    """Returns five requests of a gateway to ml-infer, whose clock is behind by `skew_ns`."""
    bodies = []
    for n in range(1, 6):
        bodies.append(
            traces_body(
                "gateway",
                make_span("GET /", trace=n, span=1, kind="server", duration_ns=100 * MS),
                *([] if orphan else [
                    make_span("POST", trace=n, span=2, parent=1, kind="client",
                              start_ns=START_NS + 10 * MS, duration_ns=80 * MS)
                ]),
            )
        )  # fmt: skip
        bodies.append(
            traces_body(
                FULL,
                make_span("POST /infer", trace=n, span=3, parent=2, kind="server",
                          start_ns=START_NS + 20 * MS - skew_ns, duration_ns=60 * MS),
                make_span("predict", trace=n, span=4, parent=3,
                          start_ns=START_NS + 30 * MS - skew_ns, duration_ns=10 * MS),
            )
        )  # fmt: skip
    return b"".join(bodies)


def gateway(**changes) -> ServiceHealth:
    known = {
        "service_name": "gateway",
        "spans": 10,
        "logs": 0,
        "metric_series": 0,
        "logs_with_trace_id": 0,
        "spans_with_remote_parent": 0,
        "orphan_spans": 0,
        "has_version": False,
        "has_region": False,
        "clock_skew_ns": 0,
        "newest_ns": START_NS + 10 * MS,
    }
    return ServiceHealth(**{**known, **changes})


def ml_infer(**changes) -> ServiceHealth:
    known = {
        "service_name": "ml-infer",
        "spans_with_remote_parent": 5,
        "has_version": True,
        "has_region": True,
        "newest_ns": START_NS + 30 * MS,
    }
    return gateway(**{**known, **changes})


def test_two_services_that_call_each_other(store) -> None:
    store.write_otlp(Signal.TRACES, calls())
    assert store.check_services(WINDOW) == [gateway(), ml_infer()]


def test_a_clock_behind_and_one_ahead(store) -> None:
    store.write_otlp(Signal.TRACES, calls(skew_ns=3 * SECOND))
    newest_ns = START_NS + 30 * MS
    assert store.check_services(WINDOW) == [
        gateway(),
        ml_infer(clock_skew_ns=3 * SECOND - 10 * MS, newest_ns=newest_ns - 3 * SECOND),
    ]
    store.engine.command("TRUNCATE TABLE otel_traces")
    store.write_otlp(Signal.TRACES, calls(skew_ns=-3 * SECOND))
    assert store.check_services(WINDOW) == [
        gateway(),
        ml_infer(clock_skew_ns=10 * MS - 3 * SECOND, newest_ns=newest_ns + 3 * SECOND),
    ]


def test_a_consumer_that_runs_on_is_not_ahead(store) -> None:
    store.write_otlp(
        Signal.TRACES,
        traces_body("a", make_span("send", kind="producer", duration_ns=10 * MS))
        + traces_body(
            "b", make_span(span=2, parent=1, kind="consumer", start_ns=START_NS + SECOND,
                           duration_ns=MS)
        ),
    )  # fmt: skip
    _, consumer = store.check_services(WINDOW)
    assert (consumer.spans_with_remote_parent, consumer.clock_skew_ns) == (1, 0)


def test_spans_without_their_parents(store) -> None:
    store.write_otlp(Signal.TRACES, calls(orphan=True))
    assert store.check_services(WINDOW) == [
        gateway(spans=5, newest_ns=START_NS),
        ml_infer(spans_with_remote_parent=0, orphan_spans=5),
    ]
    # A parent that may still be running is not missed yet.
    soon = TimeRange(START_NS - MINUTE, START_NS + SECOND)
    assert [health.orphan_spans for health in store.check_services(soon)] == [0, 0]


def test_logs(store) -> None:
    records = [make_log("a", trace=1, span=1), make_log("b"), make_log("c", time_ns=START_NS + 1)]
    store.write_otlp(Signal.LOGS, logs_body({**FULL, "service.version": ""}, *records))
    assert store.check_services(WINDOW) == [
        ml_infer(
            spans=0,
            logs=3,
            logs_with_trace_id=1,
            spans_with_remote_parent=0,
            has_version=False,
            newest_ns=START_NS + 1,
        )
    ]


def test_metrics_of_a_service_in_a_namespace(store) -> None:
    store.write_otlp(Signal.LOGS, logs_body("ml-infer", make_log("a")))
    store.write_otlp(
        Signal.METRICS,
        metrics_body(
            {"service.name": "ml-infer", "service.namespace": "shop", "cloud.region": "eu"},
            make_gauge("depth", make_point(1.0), make_point(2.0, attributes={"q": "b"})),
        )
        + metrics_body(
            {"service.name": "only-metrics", "cloud.region": "eu"},
            make_gauge("depth", make_point(1.0)),
        ),
    )
    found = {
        health.service_name: (health.logs, health.metric_series)
        for health in store.check_services(WINDOW)
    }
    # Two series, or one, and target_info.
    assert found == {"ml-infer": (1, 3), "only-metrics": (0, 2)}


def test_nothing_arrived(store) -> None:
    store.write_otlp(Signal.TRACES, calls())
    assert store.check_services(TimeRange(START_NS + HOUR, START_NS + 2 * HOUR)) == []


def test_sizes_by_table(store) -> None:
    store.write_otlp(Signal.TRACES, calls())
    sizes = store.get_sizes()
    assert sizes["otel_traces"][0] == 20
    assert sizes["otel_traces"][1] > 0
    assert sizes["otel_logs"] == (0, 0)
    assert not any(table.endswith(("_in", "_mv")) for table in sizes)
