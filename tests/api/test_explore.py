"""Exploring over HTTP: heat map, comparison, values, lines around a line, metrics."""

import pytest
from tests.support.otlp_factory import (
    MINUTE,
    MS,
    SECOND,
    START_NS,
    logs_body,
    make_log,
    make_point,
    make_span,
    make_sum,
    metrics_body,
    traces_body,
)

from vario.model.telemetry import Signal
from vario.query.latency_map import MOST_ROWS

AT_NS = START_NS - 20 * MINUTE
AT_S = AT_NS // SECOND


def write_requests(store) -> None:
    """Forty requests of 20 ms, then forty of which every second is slow and uncached."""
    spans = []
    for number in range(80):
        slow = number >= 40 and number % 2 == 1
        at = AT_NS + number * 5 * SECOND
        spans += [
            make_span("POST /rank", trace=number + 1, span=1, kind="server", start_ns=at,
                      duration_ns=(400 if slow else 20) * MS),
            make_span("encode", trace=number + 1, span=2, parent=1, start_ns=at,
                      duration_ns=10 * MS, attributes={"cache_hit": not slow, "order": number}),
        ]  # fmt: skip
    store.write_otlp(Signal.TRACES, traces_body("ml-infer", *spans))


def ok(client, path: str):
    """Returns the JSON of an answer that is one."""
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


WINDOW = f"start={AT_S}&end={AT_S + 400}"


def test_the_heat_map_counts_traces_unless_only_others_match(store, client) -> None:
    write_requests(store)
    found = ok(client, f"/api/traces/heatmap?{WINDOW}&step=200")
    assert found["counted"] == "traces"
    rows = len(found["bounds"]) - 1
    assert found["cells"] == [[0, 0, 40.0, 0.0], [1, 0, 20.0, 0.0], [1, rows - 1, 20.0, 0.0]]
    assert found["bounds"][0] <= 0.02 < found["bounds"][1]
    assert found["bounds"][-2] <= 0.4 < found["bounds"][-1]
    assert (found["stored"], found["stands_for"]) == (80, 80.0)
    inner = ok(client, f"/api/traces/heatmap?{WINDOW}&filter=attributes.cache_hit%3Dfalse")
    assert (inner["counted"], inner["stored"]) == ("spans", 20)
    nothing = ok(client, f"/api/traces/heatmap?{WINDOW}&filter=name%3D%22no%22&count=requests")
    assert (nothing["counted"], nothing["cells"], nothing["bounds"]) == ("requests", [], [])


def test_a_wide_spread_of_durations_gets_wider_bands(store, client) -> None:
    spans = [
        make_span(trace=power + 1, start_ns=AT_NS, duration_ns=10**power) for power in range(12)
    ]
    store.write_otlp(Signal.TRACES, traces_body("ml-infer", *spans))
    found = ok(client, f"/api/traces/heatmap?{WINDOW}")
    assert len(found["bounds"]) - 1 <= MOST_ROWS
    assert sum(cell[2] for cell in found["cells"]) == 12


def test_what_tells_the_slow_ones_apart(store, client) -> None:
    write_requests(store)
    found = ok(
        client,
        f"/api/traces/compare?{WINDOW}&selection_start={AT_S + 200}&selection_end={AT_S + 400}"
        "&at_least=0.3&below=1&count=traces",
    )
    assert (found["selected"], found["rest"], found["before"]) == (20, 60, 0)
    first = found["traits"][0]
    assert first | {"low": 0, "high": 0} == {
        "service": "ml-infer",
        "field": "attributes.cache_hit",
        "value": "false",
        "selected": 1.0,
        "rest": 0.0,
        "before": None,
        "low": 0,
        "high": 0,
        "habit": "unknown",
        "filter": 'service.name = "ml-infer" and attributes.cache_hit = "false"',
        "also": [],
    }
    assert 0 < first["low"] < first["high"] <= 1
    assert not any(trait["field"] == "attributes.order" for trait in found["traits"])
    assert ok(client, f"/api/traces?{WINDOW}&filter={first['filter']}")["traces"]


@pytest.mark.parametrize(
    "box",
    ["selection_start=9&selection_end=9", "selection_start=5&selection_end=9&at_least=1&below=1"],
)
def test_an_empty_selection_is_refused(empty_client, box: str) -> None:
    assert empty_client.get(f"/api/traces/compare?{WINDOW}&{box}").status_code == 400


def test_values_of_a_field(store, client) -> None:
    records = [
        make_log(f"line {n}", time_ns=AT_NS + n * SECOND, attributes={"user": f"u{n % 2}"})
        for n in range(5)
    ]
    store.write_otlp(Signal.LOGS, logs_body("ml-infer", *records))
    found = ok(client, f"/api/fields/top?{WINDOW}&signal=logs&field=attributes.user")
    assert found == {
        "field": "attributes.user",
        "start": AT_S,
        "end": AT_S + 400,
        "records": 5,
        "present": 5,
        "distinct": 2,
        "values": [{"value": "u0", "count": 3}, {"value": "u1", "count": 2}],
    }


def test_lines_around_a_line(store, client) -> None:
    records = [make_log(f"line {n}", time_ns=AT_NS + n * SECOND) for n in range(7)]
    store.write_otlp(Signal.LOGS, logs_body("ml-infer", *records))
    store.write_otlp(Signal.LOGS, logs_body("other", make_log("not mine", time_ns=AT_NS)))
    where = 'filter=service.name="ml-infer"'
    found = ok(client, f"/api/logs/around?time={AT_NS + 3 * SECOND}&limit=2&{where}")
    assert [record["body"] for record in found["before"]] == ["line 1", "line 2"]
    assert [record["body"] for record in found["after"]] == ["line 3", "line 4"]
    assert client.get("/api/logs/around?time=9999999999999999999").status_code == 400


def test_metrics_of_the_window(store, client) -> None:
    point = make_point(3, time_ns=AT_NS, start_ns=AT_NS - SECOND)
    store.write_otlp(Signal.METRICS, metrics_body("ml-infer", make_sum("requests", point)))
    found = ok(client, "/api/metrics")["metrics"]
    assert {
        "name": "requests_total",
        "job": "ml-infer",
        "type": "counter",
        "unit": "",
        "help": "",
        "series": 1,
        "guessed": False,
        "classic": False,
        "native": False,
    } in found
