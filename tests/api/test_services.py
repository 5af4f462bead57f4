from tests.support.otlp_factory import MINUTE, MS, START_NS, make_span, trace_hex, traces_body

from vario.model.telemetry import Signal

# A multiple of a minute, ten minutes before the fixtures' clock.
AT_NS = START_NS - 40 * 10**9 - 10 * MINUTE
EMPTY = {
    "requests": 0,
    "errors": 0,
    "p50": None,
    "p95": None,
    "p99": None,
    "slowest": None,
    "slowest_trace_id": "",
}


def write(store, service: str = "ml-infer") -> None:
    store.write_otlp(
        Signal.TRACES,
        traces_body(
            {"service.name": service, "service.version": "v23", "cloud.region": "eu-west"},
            *(
                make_span(
                    "POST /infer",
                    trace=n,
                    kind="server",
                    start_ns=AT_NS,
                    duration_ns=100 * MS,
                    status="error" if n == 1 else "unset",
                    attributes={"model_name": "ranker"},
                )
                for n in (1, 2)
            ),
        ),
    )


def test_overview(store, client) -> None:
    write(store)
    begin = AT_NS / 1e9
    answer = client.get(f"/api/services?start={begin - 30}&end={begin + 120}&step=60").json()
    busy = {
        "time": begin,
        "requests": 2,
        "errors": 1,
        "p50": 0.1,
        "p95": 0.1,
        "p99": 0.1,
        "slowest": 0.1,
        "slowest_trace_id": answer["services"][0]["points"][1]["slowest_trace_id"],
    }
    assert answer == {
        "start": begin - 60,
        "end": begin + 120,
        "step": 60.0,
        "services": [
            {
                "service": "ml-infer",
                "model": "ranker",
                "versions": [{"version": "v23", "first_seen": begin, "requests": 2}],
                "regions": ["eu-west"],
                "requests": 2,
                "rate": 2 / 180,
                "error_ratio": 0.5,
                "p50": 0.1,
                "p95": 0.1,
                "p99": 0.1,
                "last_seen": begin,
                "points": [
                    {"time": begin - 60, **EMPTY},
                    busy,
                    {"time": begin + 60, **EMPTY},
                ],
            }
        ],
    }
    assert busy["slowest_trace_id"] in {trace_hex(1), trace_hex(2)}


def test_traffic_of_a_service(store, client) -> None:
    write(store, "team/ml infer")
    path = "/api/services/team%2Fml%20infer/traffic"
    answer = client.get(f"{path}?by=region").json()
    assert (answer["service"], answer["model"], answer["by"]) == ("team/ml infer", None, "region")
    assert answer["step"] == 30.0
    (series,) = answer["series"]
    assert series["group"] == "eu-west"
    # An hour of half minutes, and the one that the hour began in.
    assert len(series["points"]) == 121
    assert sum(point["requests"] for point in series["points"]) == 2

    def requests(query: str) -> list[int]:
        series = client.get(f"{path}?{query}").json()["series"]
        return [sum(point["requests"] for point in one["points"]) for one in series]

    assert requests("model=ranker") == [2]
    assert requests("model=") == [0]
    assert requests("model=none&by=model_version") == []
