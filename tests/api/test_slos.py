"""`/api/slos` over a store in memory, and the events that filters count."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.api.conftest import FACTS
from tests.support.asgi_client import AppClient
from tests.support.otlp_factory import MS, START_NS, make_span, traces_body

from vario.alert.evaluate import Sample
from vario.alert.slo_events import SETTLE_NS, SloEvents
from vario.api.app import create_app
from vario.model.series import SampleBlock
from vario.model.telemetry import Signal
from vario.slo.load import check_file, check_text

SLOS = """\
slos:
- name: infer-errors
  service: ml-infer
  owner: ml
  runbook: r.md
  sli: {errors: inference_requests_total}
  objective: 99%
  window: 1d
  by: region
- name: slow
  service: ml-infer
  owner: ml
  runbook: ../secret.txt
  sli: {latency: l_seconds}
  objective: p95 <= 200 ms
- name: spans
  service: ml-infer
  owner: ml
  runbook: https://runbooks.example
  sli: {spans: {total: 'service.name = "ml-infer"', bad: status = error}}
  objective: 99%
"""


@pytest.fixture
def slos(tmp_path: Path):
    folder = tmp_path / "slos"
    folder.mkdir()
    (folder / "slos.yml").write_text(SLOS, "utf-8")
    (folder / "r.md").write_text("# What to do", "utf-8")
    (tmp_path / "secret.txt").write_text("no", "utf-8")
    found, problems = check_file(str(folder / "slos.yml"))
    assert problems == []
    return found


@pytest.fixture
def client(store, clock, static: Path, slos):
    app = create_app(store, FACTS, clock=clock, static=static, slo_set=lambda: slos)
    with AppClient(app) as client:
        yield client


def write(store, clock) -> None:
    """Six hours of requests of two regions, every minute; one fails 2 % of them."""
    now_ms = clock.now_ns() // 10**6
    times = now_ms - 60_000 * np.arange(360, -1, -1, dtype=np.int64)
    grown = np.arange(361.0)
    for region, bad in (("us-east", 2), ("eu-west", 0)):
        for code, slope in (("500", bad), ("200", 100 - bad)):
            labels = {"__name__": "inference_requests_total", "region": region, "code": code}
            values = 1e6 + slope * grown
            store.write_samples([labels], SampleBlock(np.array([0, 361]), times, values))
    buckets = [{"__name__": "l_seconds_bucket", "le": le} for le in ("0.1", "0.5", "+Inf")]
    store.write_samples(
        buckets, SampleBlock(np.arange(4), np.full(3, now_ms), np.array([1.0, 2.0, 3.0]))
    )
    recorded = {"__name__": "slo:sli_error:ratio_rate1h", "slo": "infer-errors", "window": "1h"}
    store.write_samples([recorded], SampleBlock(np.array([0, 1]), np.array([now_ms]),
                                                np.array([0.02])))  # fmt: skip


def test_what_is_left_and_what_spent_it(store, clock, client) -> None:
    write(store, clock)
    first, slow, spans = client.get("/api/slos").json()["slos"]
    assert (first["id"], first["state"], first["objective"]) == ("infer-errors", "ok", 0.99)
    assert {g["labels"]["region"]: round(g["budget_left"], 2) for g in first["groups"]} == {
        "us-east": 0.5,
        "eu-west": 1.0,
    }
    assert (slow["state"], slow["budget_left"], spans["state"]) == (
        *("unmeasured", None),
        "unmeasured",
    )

    detail = client.get("/api/slos/infer-errors").json()
    assert detail["runbook"] == "# What to do"
    assert {one["labels"]["region"] for one in detail["spenders"]} == {"us-east"}
    assert detail["burn_down"][-1]["budget_left"] == pytest.approx(0.75, abs=0.01)
    assert "slo:sli_error:ratio_rate4m" in detail["queries"]
    spent = client.get("/api/slos/infer-errors/spent").json()
    assert (spent["by"], spent["choices"]) == ("region", ["region"])
    assert [(one["value"], round(one["budget_spent"], 2)) for one in spent["groups"]] == [
        ("us-east", 0.25),
        ("eu-west", 0.0),
    ]
    refused = client.get("/api/slos/infer-errors/spent?by=colour")
    assert (refused.status_code, "there is: region" in refused.json()["error"]) == (400, True)
    assert client.get("/api/slos/gone/spent").status_code == 404
    day = client.get("/api/slos/infer-errors?at=now-1h").json()
    assert day["slo"]["total"] < detail["slo"]["total"]


@pytest.mark.parametrize("interval_s", [10, 60])
def test_time_and_events_are_counted_by_the_interval_of_evaluation(
    store, clock, static: Path, slos, interval_s: int
) -> None:
    text = (
        SLOS[:6]
        + """\
- {name: drift, service: s, objective: 95%, sli: {drift: {}}}
- {name: open, service: s, objective: 99%, sli: {errors: r_total}, hours: {zone: UTC, days: [sun]}}
"""
    )
    found, problems = check_text(text, "s.yml")
    assert problems == []
    count = 3600 // interval_s
    now_ms = clock.now_ns() // 10**6
    times = now_ms - 1000 * interval_s * np.arange(count - 1, -1, -1, dtype=np.int64)
    for name, kind, value in (("drift", "bad", 0.25), ("drift", "total", 1.0),
                              ("open", "bad", 0.5), ("open", "total", 10.0)):  # fmt: skip
        labels = {"__name__": f"slo:sli_{kind}:rate5m", "slo": name, "service": "s"}
        values = np.full(count, value)
        store.write_samples([labels], SampleBlock(np.array([0, count]), times, values))
    loaded = replace(found, interval_s=interval_s)
    app = create_app(store, FACTS, clock=clock, static=static, slo_set=lambda: loaded)
    with AppClient(app) as client:
        answer = client.get("/api/slos").json()["slos"]
        one = client.get("/api/slos/open").json()["slo"]
    assert [(slo["id"], slo["bad"], slo["total"]) for slo in [*answer, one]] == [
        ("drift", 900.0, 3600.0),
        ("open", 1800.0, 36_000.0),
        ("open", 1800.0, 36_000.0),
    ]


def test_where_slos_stand_is_kept_for_one_interval(store, clock, client) -> None:
    def total() -> float:
        return client.get("/api/slos").json()["slos"][0]["total"]

    clock.advance_ns(-clock.now_ns() % (30 * 10**9))  # an interval begins
    assert total() == 0
    write(store, clock)
    clock.advance_ns(29 * 10**9)
    assert total() == 0
    assert client.get("/api/slos/infer-errors").json()["slo"]["total"] > 0  # a page of its own
    assert client.get("/api/slos?at=now-1s").json()["slos"][0]["total"] > 0
    clock.advance_ns(10**9)
    assert total() > 0


def test_a_target_within_a_bucket_is_said(store, clock, client) -> None:
    write(store, clock)
    (said,) = client.get("/api/slos/slow").json()["warnings"]
    assert said == (
        "the target 0.2 lies within the bucket between 0.1 and 0.5 of l_seconds: nothing is "
        "measured; move the target, or write buckets: interpolate"
    )
    assert client.get("/api/slos/slow").json()["runbook"] == "../secret.txt"


def test_an_slo_that_is_not_there(client) -> None:
    answer = client.get("/api/slos/absent")
    assert (answer.status_code, answer.json()["error"]) == (
        404,
        'no SLO "absent" is loaded; GET /api/slos lists those that are',
    )


def test_spans_are_counted_once_they_have_settled(store, clock, slos) -> None:
    written: list[dict[str, float]] = []

    def write_counters(samples: list[Sample], time_ms: int) -> None:
        assert time_ms == clock.now_ns() // 10**6
        written.append({dict(s.labels)["kind"]: s.value for s in samples})

    events = SloEvents(lambda: slos.slos, store, write_counters, clock)
    events.count()
    spans = [
        make_span("POST /infer", trace=n, kind="server", start_ns=START_NS + n * MS,
                  duration_ns=MS, status="error" if n < 3 else "unset")
        for n in range(10)
    ]  # fmt: skip
    store.write_otlp(Signal.TRACES, traces_body({"service.name": "ml-infer"}, *spans))
    clock.advance_ns(10 * 10**9)
    events.count()
    clock.advance_ns(SETTLE_NS)
    events.count()
    events.count()
    assert written == [
        {"all": 0.0, "bad": 0.0},
        {"all": 0.0, "bad": 0.0},
        {"all": 10.0, "bad": 3.0},
        {"all": 10.0, "bad": 3.0},
    ]
