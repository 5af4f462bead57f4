"""`/api/capacity` and `vario capacity` over a service with a GPU and batches."""

from collections.abc import Iterator
from dataclasses import replace

import httpx
import numpy as np
import pytest
from click.testing import CliRunner
from tests.conftest import KEEP_FOR_YEARS, START_NS
from tests.support.otlp_factory import MINUTE, MS, SECOND, make_span, traces_body
from tests.support.server import serving, settings_for

from vario.cli.root import root
from vario.clock import ManualClock
from vario.config import CostSettings, Price
from vario.model.series import SampleBlock
from vario.model.telemetry import Signal
from vario.store.clickhouse import ClickHouseStore, open_store
from vario.store.engine import Engine


def fill(store: ClickHouseStore) -> None:
    """Half an hour: 40 requests a minute on two instances, a batch in each, a GPU at a quarter."""
    spans: dict[str, list] = {"pod-1": [], "pod-2": []}
    for number in range(1200):
        start_ns = START_NS - 30 * MINUTE + number * 3 * SECOND // 2
        size = 1 if number % 4 else 4
        entry = make_span(
            "rank",
            trace=number + 1,
            span=1,
            kind="server",
            start_ns=start_ns,
            duration_ns=(30 + number % 20) * MS,
        )
        predict = make_span(
            "predict",
            trace=number + 1,
            span=2,
            parent=1,
            start_ns=start_ns,
            duration_ns=(10 + 2 * size) * MS,
            attributes={"batch_size": size},
        )
        spans[f"pod-{number % 2 + 1}"] += [entry, predict]
    for instance, own in spans.items():
        resource = {"service.name": "ml-infer", "service.instance.id": instance}
        store.write_otlp(Signal.TRACES, traces_body(resource, *own))
    times = np.arange(START_NS - 40 * MINUTE, START_NS + 1, 15 * SECOND) // 10**6
    labels = [
        {"__name__": "gpu_utilization_ratio", "job": "ml-infer", "instance": name, "gpu": "0"}
        for name in spans
    ]
    block = SampleBlock(np.arange(3) * len(times), np.tile(times, 2), np.full(2 * len(times), 0.25))
    store.write_samples(labels, block)


@pytest.fixture(scope="module")
def address(embedded_engine: Engine) -> Iterator[str]:
    settings = settings_for("chdb://memory/capacity")
    few = replace(settings.store, reader_threads=1, retention=KEEP_FOR_YEARS)
    prices = CostSettings(currency="EUR", prices={"ml-*": Price(replica_hour=0.2, gpu_hour=2.0)})
    clock = ManualClock(START_NS)
    store = open_store(few, clock)
    fill(store)
    try:
        with serving(replace(settings, store=few, cost=prices), clock) as addresses:
            yield addresses.api
    finally:
        store.engine.command("DROP DATABASE capacity SYNC")
        store.close()


def ask(address: str, **params: object) -> httpx.Response:
    return httpx.get(f"{address}/api/capacity", params=params, timeout=60)


def test_headroom_idle_gpus_and_batches(address: str) -> None:
    params = {"service": "ml-infer", "target": "p95<=200ms", "start": "now-30m"}
    answer = ask(address, **params).json()
    headroom = answer["headroom"]
    assert headroom["limit"] == "at_least"
    assert (headroom["target_bound"], headroom["target_share"]) == (0.2, 0.95)
    assert headroom["replicas"] == 2
    assert headroom["load"] == pytest.approx(1 / 3)
    assert (answer["idle"]["utilisation"], answer["idle"]["replicas"]) == (0.25, 2)
    assert answer["idle"]["needed"] == 1
    (batch,) = answer["batches"]
    assert (batch["span"], batch["mean_size"]) == ("predict", 1.75)
    assert batch["saved"] == pytest.approx(1 - (0.010 / 8 + 0.002) / (13.5 / 1750 * 1), abs=0.02)


def test_the_query_of_utilisation_gives_it_again(address: str) -> None:
    query = ask(address, service="ml-infer", start="now-30m").json()["idle"]["query"]
    params = {"query": query, "time": START_NS / 1e9}
    again = httpx.get(f"{address}/api/v1/query", params=params).json()
    assert float(again["data"]["result"][0]["value"][1]) == 0.25


def test_what_1000_predictions_cost_by_the_price_of_a_gpu(address: str) -> None:
    cost = ask(address, service="ml-infer", start="now-30m").json()["cost"]
    # Two GPUs for half an hour at 2 EUR; no metric counts replicas.
    assert cost["money"] == pytest.approx(2.0)
    assert cost["per_1000"] == pytest.approx(2000 / 1200)
    assert cost["needed_per_1000"] == pytest.approx(1000 / 1200)
    assert cost["text"] == (
        "1,000 predictions cost 1.67 EUR; 0.833 with the GPUs that the work needs"
    )
    params = {"query": cost["query"], "time": START_NS / 1e9}
    again = httpx.get(f"{address}/api/v1/query", params=params).json()
    assert float(again["data"]["result"][0]["value"][1]) == pytest.approx(2.0)
    window = {"start": "now-30m"}
    shown = httpx.get(f"{address}/api/instruments", params=window, timeout=60).json()
    (service,) = (one for one in shown["services"] if one["service"] == "ml-infer")
    assert (service["cost_per_1000"], service["currency"]) == (pytest.approx(2000 / 1200), "EUR")


def test_without_an_slo_the_answer_says_how_to_ask(address: str) -> None:
    answer = ask(address, service="ml-infer", start="now-30m").json()
    assert answer["headroom"] is None
    assert "ml-infer has no latency SLO to stay within" in answer["notes"][0]


@pytest.mark.parametrize(
    ("params", "status", "message"),
    [
        ({"service": "nobody"}, 404, "'nobody' answered no requests"),
        ({"service": "ml-infer", "target": "fast"}, 400, "write p95<=200ms"),
        ({"service": "ml-infer", "target": "p95<=200"}, 400, "write p95<=200ms"),
        ({"service": "ml-infer", "target": "p0<=1s"}, 400, "write p95<=200ms"),
        ({}, 400, "service"),
    ],
)
def test_what_cannot_be_answered_is_refused(
    address: str, params: dict[str, object], status: int, message: str
) -> None:
    answer = ask(address, **params)
    assert (answer.status_code, message in answer.json()["error"]) == (status, True), answer.text


def test_the_command_draws_the_curve(address: str) -> None:
    arguments = ["--service", "ml-infer", "--target", "p95<=200ms", "--since", "30m"]
    result = CliRunner().invoke(root, ["capacity", *arguments, "--server", address])
    assert result.exit_code == 0
    assert "headroom  load hardly varied up to" in result.output
    assert "200 ms |---" in result.output
    assert "GPUs work 25% of the time on 2 replicas" in result.output


def test_the_overview_is_told_what_is_known_of_a_service(address: str) -> None:
    answer = httpx.get(f"{address}/api/instruments", params={"start": "now-30m"}, timeout=60).json()
    (service,) = answer["services"]
    assert (service["service"], service["gpu"], service["queue"]) == ("ml-infer", 0.25, None)
    query = {"query": service["sources"]["gpu"], "time": answer["end"]}
    again = httpx.get(f"{address}/api/v1/query", params=query).json()["data"]["result"]
    assert float(again[0]["value"][1]) == 0.25
