"""Labels past their budget through the whole server: folded, and the totals stay right.

Every metric has a twin, `reference...`, with the same values and no budget.
"""

import time
from typing import Any

import httpx
import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from tests.guard.test_doors import labels_of, post, write
from tests.support.exposer import Exposer
from tests.support.otlp_factory import (
    DELTA,
    make_gauge,
    make_histogram,
    make_point,
    make_sum,
    metrics_body,
)
from tests.support.prometheus import ask, wait_until
from tests.support.remote import Series, series, v1, v2

from vario.app.ports import Addresses
from vario.store.clickhouse import ClickHouseStore

SECOND_NS = 1_000_000_000
STEP_S = 15
ROUNDS = 5
USERS = 30
START_NS = (time.time_ns() // SECOND_NS - ROUNDS * STEP_S - 60) * SECOND_NS
BOUNDS = (0.1, 1.0)
FAMILIES = ("cumulative_total", "delta_total", "remote1_total", "remote2_total", "level", "took")
V2 = "application/x-protobuf;proto=io.prometheus.write.v2.Request"
# What comes after the fold: rounds 2 to 4 lie within (end - 45 s, end].
WINDOW = "45s"
SERIES = "(SELECT DISTINCT id, name, labels FROM metric_series) AS series"


def folds(doors: Addresses) -> dict[tuple[str, str], dict[str, Any]]:
    report = httpx.get(f"{doors.api}/api/guard", timeout=30).json()
    return {(row["metric"], row["label"]): row for row in report["folds"]}


def total(user: int, number: int) -> int:
    """A counter's value: every user grows at a pace of its own; user 23 restarts in round 3."""
    return (user + 1) * (number + 1) * 7 if user != 23 or number < 3 else (number - 2) * 168


def time_ns(number: int) -> int:
    return START_NS + number * STEP_S * SECOND_NS


def attributes(user: int) -> dict[str, str]:
    return {"user.name": f"name{user}", "route": f"/{user % 2}"}


def otlp_metrics(prefix: str, number: int) -> list[Metric]:
    """One metric of each kind, a point a user."""
    at = time_ns(number)
    users = range(USERS)
    cumulative = [make_point(total(u, number), time_ns=at, attributes=attributes(u)) for u in users]
    delta = [make_point((u + 1) * 7, time_ns=at, attributes=attributes(u)) for u in users]
    levels = [
        make_point((u * 31.0 + number * 17) % 40, time_ns=at, attributes=attributes(u))
        for u in users
    ]
    histograms = [
        make_histogram(
            f"{prefix}took",
            bounds=BOUNDS,
            counts=[total(u, number), 2 * total(u, number), number],
            total=0.5 * total(u, number),
            time_ns=at,
            attributes=attributes(u),
        )
        for u in users
    ]
    for other in histograms[1:]:
        histograms[0].histogram.data_points.extend(other.histogram.data_points)
    return [
        make_sum(f"{prefix}cumulative", *cumulative),
        make_sum(f"{prefix}delta", *delta, temporality=DELTA),
        make_gauge(f"{prefix}level", *levels),
        histograms[0],
    ]


def remote_series(name: str, number: int) -> list[Series]:
    at_ms = time_ns(number) // 1_000_000
    return [
        series(
            f"{prefix}{name}_total",
            (at_ms, float(total(user, number))),
            user_name=f"name{user}",
            route=f"/{user % 2}",
            job="shop",
        )
        for prefix in ("", "reference_")
        for user in range(USERS)
    ]


def send_round(doors: Addresses, number: int) -> None:
    both = [*otlp_metrics("", number), *otlp_metrics("reference.", number)]
    post(doors.otlp_http, "/v1/metrics", metrics_body("shop", *both))
    # A sender splits its series over requests: one user's comes after the others'.
    many = remote_series("remote1", number)
    write(doors.api, v1(*many[: USERS - 1], *many[USERS:]))
    write(doors.api, v1(many[USERS - 1]))
    write(doors.api, v2(*remote_series("remote2", number)), V2)


@pytest.fixture(scope="module")
def folded(guarded: tuple[Addresses, ClickHouseStore]) -> Addresses:
    """A server after several rounds, the first of which was over every budget."""
    doors = guarded[0]
    send_round(doors, 0)
    wait_until(lambda: {(name, "user_name") for name in FAMILIES} <= set(folds(doors)), 60)
    for number in range(1, ROUNDS):
        send_round(doors, number)
    return doors


def query(doors: Addresses, expression: str) -> dict[str, float]:
    when = time_ns(ROUNDS - 1) / SECOND_NS + 4
    rows = ask(doors.api, "query", query=expression, time=when)["result"]
    return {row["metric"].get("route", ""): float(row["value"][1]) for row in rows}


def test_what_is_folded_is_told(folded: Addresses, store: ClickHouseStore) -> None:
    fold = folds(folded)["cumulative_total", "user_name"]
    assert (fold["reason"], fold["budget"], fold["values"], fold["services"]) == (
        "values", 10, USERS, ["shop"],
    )  # fmt: skip
    assert fold["points"] == (ROUNDS - 1) * (USERS - 10)
    routes = [
        labels["route"]
        for labels in labels_of(store, "cumulative_total")
        if labels["user_name"] == "__overflow__"
    ]
    assert routes == ["/0", "/1"]


@pytest.mark.parametrize(
    "family", ["cumulative_total", "delta_total", "remote1_total", "remote2_total"]
)
def test_sums_of_rates_stay_right(folded: Addresses, family: str) -> None:
    found = query(folded, f"sum by (route) (rate({family}[{WINDOW}]))")
    wanted = query(folded, f"sum by (route) (rate(reference_{family}[{WINDOW}]))")
    assert found == pytest.approx(wanted, rel=1e-3)
    assert wanted["/0"] > 0


def test_sums_of_gauges_stay_right(folded: Addresses, store: ClickHouseStore) -> None:
    rows = store.engine.query_rows(
        f"SELECT labels['route'], sum(value) FROM metric_samples JOIN {SERIES} USING id "
        f"WHERE name = 'level' AND toUnixTimestamp(ts) = {time_ns(ROUNDS - 1) // SECOND_NS} "
        "GROUP BY 1 ORDER BY 1"
    )
    assert dict(rows) == query(folded, "sum by (route) (reference_level)")


def test_quantiles_of_histograms_stay_right(folded: Addresses) -> None:
    quantile = "histogram_quantile(0.7, sum by (le) (rate({}_bucket[" + WINDOW + "])))"
    found, wanted = (query(folded, quantile.format(n)) for n in ("took", "reference_took"))
    assert found == pytest.approx(wanted, rel=1e-3)
    for part in ("count", "sum"):
        found, wanted = (
            query(folded, f"sum(rate({n}_{part}[{WINDOW}]))") for n in ("took", "reference_took")
        )
        assert found == pytest.approx(wanted, rel=1e-3)


def test_sums_of_scraped_counters_stay_right(doors: Addresses, target: Exposer) -> None:
    began = time.monotonic()

    def say() -> None:
        passed = int((time.monotonic() - began) * 10)
        lines = [
            f'{name}{{user_name="name{user}"}} {(user + 1) * passed}'
            for name in ("hits_total", "reference_hits_total")
            for user in range(USERS)
        ]
        target.say("\n".join(["# TYPE hits_total counter", *lines, ""]))

    def is_folded() -> bool:
        say()
        return ("hits_total", "user_name") in folds(doors)

    wait_until(is_folded, 60)

    def has_grown() -> bool:
        say()
        rows = ask(doors.api, "query", query='hits_total{user_name="__overflow__"}')["result"]
        return bool(rows) and float(rows[0]["value"][1]) > 10_000

    wait_until(has_grown, 60)
    # Both twins are of the same scrapes, so their increases between two of them agree.
    over = 'hits_total{user_name="__overflow__"}'
    found = ask(doors.api, "query", query=f"{over}[3s]")["result"][0]["values"][-4:]
    kept = {
        row["metric"]["user_name"]
        for row in ask(doors.api, "query", query='hits_total{user_name!="__overflow__"}[3s]')[
            "result"
        ]
    }
    first, last = found[0][0], found[-1][0]
    wanted = 0.0
    for row in ask(doors.api, "query", query="reference_hits_total[4s]")["result"]:
        if row["metric"]["user_name"] not in kept:
            at = {moment: float(value) for moment, value in row["values"]}
            wanted += at[last] - at[first]
    assert float(found[-1][1]) - float(found[0][1]) == wanted


def test_ids_are_folded_sooner_and_told(doors: Addresses, store: ClickHouseStore) -> None:
    now = time.time_ns()
    ids = [f"4bf92f3577b34da6a3ce929d0e0e47{i:02x}" for i in range(5)]

    def send(values: list[str], at_ns: int) -> None:
        points = [
            make_point(1, time_ns=at_ns, start_ns=at_ns, attributes={"request_id": value})
            for value in values
        ]
        post(doors.otlp_http, "/v1/metrics", metrics_body("ids", make_sum("calls", *points)))

    send([*ids, "none"], now)
    wait_until(lambda: ("calls_total", "request_id") in folds(doors), 60)
    fold = folds(doors)["calls_total", "request_id"]
    assert (fold["reason"], fold["budget"], fold["values"]) == ("ids", 3, 6)
    assert "put request_id on the span or the log record" in str(fold["advice"])
    later = time.time_ns()
    send([f"{i:032x}" for i in range(100, 150)], later)
    # Series that began after the server did count from nothing.
    rows = store.engine.query_rows(
        "SELECT labels['request_id'], max(value) FROM metric_samples "
        f"JOIN {SERIES} USING id WHERE name = 'calls_total' "
        "AND labels['request_id'] = '__overflow__' GROUP BY 1"
    )
    assert rows == [("__overflow__", 50.0)]
    assert folds(doors)["calls_total", "request_id"]["points"] == 50
    metrics = httpx.get(f"{doors.api}/metrics").text
    folded = 'vario_guard_folded_points_total{metric="calls_total",label="request_id"} 50'
    assert folded in metrics
    doctor = httpx.get(f"{doors.api}/api/doctor").json()
    (told,) = [c for c in doctor["checks"] if c["name"] == "cardinality" and c["service"] == "ids"]
    assert told["status"] == "warning"
    assert told["message"] == (
        "request_id of calls_total has 6 ids, over its budget of 3; new values are folded to "
        "__overflow__"
    )


def test_a_retry_counts_once(folded: Addresses, store: ClickHouseStore) -> None:
    sql = (
        f"SELECT count(), sum(value) FROM metric_samples JOIN {SERIES} USING id WHERE "
        "name = 'delta_total' AND labels['user_name'] = '__overflow__'"
    )
    before = store.engine.query_rows(sql)
    both = [*otlp_metrics("", ROUNDS - 1), *otlp_metrics("reference.", ROUNDS - 1)]
    post(folded.otlp_http, "/v1/metrics", metrics_body("shop", *both))
    assert store.engine.query_rows(sql) == before


def test_an_sdk_that_folded_itself_is_shown(doors: Addresses) -> None:
    now = time.time_ns()
    point = make_point(1, time_ns=now, attributes={"otel.metric.overflow": True})
    post(doors.otlp_http, "/v1/metrics", metrics_body("sdk", make_sum("limited", point)))

    def shown() -> list[dict[str, object]]:
        return httpx.get(f"{doors.api}/api/guard", timeout=30).json()["sdk_overflows"]

    wait_until(lambda: bool(shown()), 60)
    assert shown() == [{"metric": "limited_total", "services": ["sdk"]}]
