"""`/api/compare` and `vario compare` over two releases side by side."""

from collections.abc import Iterator
from dataclasses import replace

import httpx
import numpy as np
import pytest
from click.testing import CliRunner, Result
from tests.conftest import KEEP_FOR_YEARS, START_NS
from tests.support.otlp_factory import MINUTE, MS, SECOND, make_span, traces_body
from tests.support.server import serving, settings_for

from vario.cli.root import root
from vario.clock import ManualClock
from vario.model.series import SampleBlock
from vario.model.telemetry import Signal
from vario.store.clickhouse import ClickHouseStore, open_store
from vario.store.engine import Engine

HOUR_AGO_NS = START_NS - 60 * MINUTE


def fill(store: ClickHouseStore) -> None:
    """An hour of v1 and v2 in two regions: v2 is slow in us-east and loses a feature there."""
    spans = []
    for number in range(1200):
        version, region = ("v1", "v2")[number % 2], ("us-east", "eu-west")[number // 2 % 2]
        slow = 2 if (version, region) == ("v2", "us-east") else 1
        spans.append(
            make_span(
                "rank",
                trace=number + 1,
                span=1,
                kind="server",
                start_ns=HOUR_AGO_NS + number * 3 * SECOND,
                duration_ns=slow * (50 + number // 4 * 7 % 40) * MS,
                attributes={"model_name": "ranker", "model_version": version, "region": region},
            )
        )
    store.write_otlp(Signal.TRACES, traces_body("ml-infer", *spans))
    labels, ends = [], []
    for version in ("v1", "v2"):
        for region in ("us-east", "eu-west"):
            own = {"model_name": "ranker", "model_version": version, "region": region}
            lost = 400 if (version, region) == ("v2", "us-east") else 10
            seen = {"feature": "session", "category": "long", **own}
            labels.append({"__name__": "predictions_total", **own})
            labels.append({"__name__": "feature_category_total", **seen})
            labels.append({"__name__": "feature_missing_total", "feature": "session", **own})
            ends += [2000, 2000 - lost, lost]
    times = np.arange(START_NS - 61 * MINUTE, START_NS + 1, MINUTE) // 10**6
    values = np.linspace(0, 1, len(times))
    block = SampleBlock(
        np.arange(len(labels) + 1) * len(times),
        np.tile(times, len(labels)),
        np.concatenate([end * values for end in ends]),
    )
    store.write_samples(labels, block)


@pytest.fixture(scope="module")
def address(embedded_engine: Engine) -> Iterator[str]:
    settings = settings_for("chdb://memory/compared")
    few = replace(settings.store, reader_threads=1, retention=KEEP_FOR_YEARS)
    clock = ManualClock(START_NS)
    store = open_store(few, clock)
    fill(store)
    try:
        with serving(replace(settings, store=few), clock) as addresses:
            yield addresses.api
    finally:
        store.engine.command("DROP DATABASE compared SYNC")
        store.close()


def ask(address: str, **params: object) -> httpx.Response:
    return httpx.get(f"{address}/api/compare", params=params, timeout=60)


def run(address: str, *arguments: str) -> Result:
    return CliRunner().invoke(root, ["compare", *arguments, "--server", address])


def test_what_is_worse_is_told_by_region(address: str) -> None:
    answer = ask(address, service="ml-infer").json()
    assert (answer["baseline"], answer["candidate"]) == ("v1", "v2")
    assert (answer["verdict"], answer["side_by_side"], answer["blocks"]) == ("fail", True, 20)
    judged = {
        part["segment"]: {m["measure"]: m["judgement"] for m in part["measures"]}
        for part in answer["parts"]
    }
    assert (judged["us-east"]["p95"], judged["eu-west"]["p95"]) == ("worse", "same")


def test_a_feature_that_is_lost_fails_where_it_is_lost(address: str) -> None:
    answer = ask(address, service="ml-infer").json()
    verdicts = {(one["feature"], one["value"]): one["verdict"] for one in answer["features"]}
    assert verdicts["session", "us-east"] == "missing"
    assert verdicts["session", "eu-west"] == "stable"
    said = "session is missing from 20.0% of predictions in us-east, 0.5% in v1"
    assert said in answer["summary"]


def test_the_other_way_round_it_is_better(address: str) -> None:
    answer = ask(address, service="ml-infer", baseline="v2", candidate="v1", by="none").json()
    judged = {m["measure"]: m["judgement"] for m in answer["parts"][0]["measures"]}
    assert judged["p95"] == "better"


@pytest.mark.parametrize(
    ("params", "status", "message"),
    [
        ({"service": "nobody"}, 404, "'nobody' answered no requests in this window"),
        ({"service": "ml-infer", "candidate": "v9"}, 404, "its versions: v1, v2"),
        ({"service": "ml-infer", "baseline": "v1", "candidate": "v1"}, 400, "both 'v1'"),
        ({"service": "ml-infer", "by": "user_id"}, 400, "by"),
        ({"service": "ml-infer", "max_errors": "2"}, 400, "max_errors"),
        ({}, 400, "service"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    address: str, params: dict[str, object], status: int, message: str
) -> None:
    answer = ask(address, **params)
    assert (answer.status_code, message in answer.json()["error"]) == (status, True), answer.text


def test_the_command_is_a_gate(address: str) -> None:
    worse = run(address, "--service", "ml-infer", "--versions", "v1", "v2")
    assert worse.exit_code == 1
    assert "ml-infer: v2 beside v1: fail" in worse.output
    assert "us-east: p95 latency" in worse.output
    lenient = ("--max-latency", "5", "--by", "none")
    good = run(address, "--service", "ml-infer", "--versions", "v2", "v1", *lenient, "--json")
    assert good.exit_code in (0, 1)
    short = run(address, "--service", "ml-infer", "--since", "2m")
    assert (short.exit_code, "too little to tell" in short.output) == (3, True)
