"""`/api/v1/rules` and `/api/v1/alerts`, beside a live Prometheus that runs the same rule file."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from tests.conftest import START_NS
from tests.support.asgi_client import AppClient
from tests.support.peers import unpack_peer
from tests.support.prometheus import running_prometheus, wait_until

from vario.alert.rulefile import load_rules
from vario.alert.scheduler import RuleScheduler
from vario.alert.seams import make_query, make_write
from vario.api.errors import add_error_handlers
from vario.api.rules import make_rules_router
from vario.clock import ManualClock
from vario.config import AlertSettings, RetentionSettings, StoreSettings
from vario.query.promql.engine import PromQL
from vario.store.clickhouse import open_store
from vario.store.engine import Engine

S = 10**9

RULES = """\
groups:
- name: beta
  limit: 5
  interval: 1s
  rules:
  - record: one
    expr: vector(1)   *  2
    labels: {z: "1", a: "2"}
  - record: two
    expr: sum(one) by (z)
  - alert: Firing
    expr: one == 2
    labels: {severity: page, b: "{{ $value }}"}
    annotations: {summary: "x <b> & {{ $labels.z }} > é", v: "{{ $externalLabels.cluster }}"}
  - alert: Pending
    expr: vector(0.0000035)
    for: 1h30m
    keep_firing_for: 5m
  - alert: Infinite
    expr: vector(Inf) or label_replace(vector(NaN), "x", "nan", "", "")
  - alert: Quiet
    expr: one > 5 and on() up{job!~"a<b|c&d"}
  - alert: Dup
    expr: label_replace(vector(1), "a", "x", "", "") or label_replace(vector(2), "a", "y", "", "")
    labels: {a: z}
- name: alpha
  interval: 2m30s
  rules: [{record: x, expr: "1"}]
- name: empty
"""
QUERIES = [
    "",
    "type=alert",
    "type=record",
    "type=RECORD&rule_name[]=one&rule_name[]=x",
    "type=both",
    "rule_name[]=Firing",
    "rule_name[]=nope",
    "rule_group[]=alpha",
    "file[]=other.yml",
    "exclude_alerts=true",
    "exclude_alerts=T&type=alert",
    "exclude_alerts=maybe",
    'match[]={severity="page"}',
    'match[]={severity="page"}&match[]={z=~".+"}',
    "match[]={",
    "group_limit=1",
    "group_limit=2",
    "group_limit=0",
    "group_limit=x",
    "group_limit=1&group_next_token=nope",
    "group_next_token=nope",
    "group_limit=1&group_next_token=%TOKEN%",
]


def settle(text: str) -> str:
    """Returns an answer with its times of day, durations, folder and token made equal.

    A rule's alerts are put in an order of their own: Prometheus lists them as its map yields them.
    """
    text = re.sub(r'"file":"[^"]*rules.yml"', '"file":"rules.yml"', text)
    text = re.sub(r'"groupNextToken":"[0-9a-f]{40}"', '"groupNextToken":"some"', text)
    text = re.sub(r'"evaluationTime":[0-9.e-]+', '"evaluationTime":0', text)
    text = re.sub(r'"(\d{4}-\d\d-\d\dT[\d:.]+Z)"', _settle_time, text)
    return re.sub(r'(?<="alerts":\[)\{.*?\}(?=\],"health")', _in_order, text)


def _in_order(alerts: re.Match[str]) -> str:
    return ",".join(sorted(re.split(r',(?=\{"labels":)', alerts[0])))


def _settle_time(match: re.Match[str]) -> str:
    return '"never"' if match[1].startswith("0001") else '"some time"'


@pytest.fixture(scope="module")
def api(embedded_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppClient]:
    """vario's two routes over the rule file after a few evaluations."""
    clock = ManualClock(START_NS)
    path = tmp_path_factory.mktemp("vario") / "rules.yml"
    path.write_text(RULES, "utf-8")
    keep = RetentionSettings(metrics_days=10_000)
    store = open_store(StoreSettings(dsn="chdb://memory/api_rules", retention=keep), clock)
    scheduler = RuleScheduler(
        AlertSettings(),
        clock=clock,
        query=make_query(PromQL(store)),
        write=make_write(store),
        reader=store,
        external_labels={"cluster": "c1"},
    )
    scheduler.update(load_rules([str(path)]))
    for _ in range(4):
        clock.advance_ns(S)
        scheduler.run_due()
    app = FastAPI()
    add_error_handlers(app)
    app.include_router(make_rules_router(scheduler.groups))
    with AppClient(app) as client:
        yield client
    store.engine.command("DROP DATABASE `api_rules` SYNC")
    store.close()


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a Prometheus that has evaluated the rule file a few times."""
    folder = tmp_path_factory.mktemp("prometheus")
    program = unpack_peer("prometheus_3", "usr/bin/prometheus", folder)
    (folder / "rules.yml").write_text(RULES, "utf-8")
    config = {"global": {"external_labels": {"cluster": "c1"}}, "rule_files": ["rules.yml"]}
    with running_prometheus(program, folder, config) as running:

        def evaluated() -> bool:
            metrics = httpx.get(f"{running.address}/metrics").text
            count = re.search(r'iterations_total\{rule_group=".*;beta"\} (\d+)', metrics)
            return count is not None and int(count[1]) >= 4

        wait_until(evaluated, 60, running.log_file)
        yield running.address


@pytest.mark.conformance
@pytest.mark.parametrize("query", QUERIES)
def test_rules_are_prometheus_to_the_byte(api: AppClient, prometheus: str, query: str) -> None:
    def ask(get: Callable[[str], httpx.Response], address: str) -> httpx.Response:
        wanted = query
        if "%TOKEN%" in query:
            first = get(f"{address}/api/v1/rules?group_limit=1").json()["data"]
            wanted = query.replace("%TOKEN%", first["groupNextToken"])
        return get(f"{address}/api/v1/rules?{wanted}")

    theirs, ours = ask(httpx.get, prometheus), ask(api.get, "")
    assert settle(ours.text) == settle(theirs.text)
    assert ours.status_code == theirs.status_code
    assert ours.headers["content-type"] == theirs.headers["content-type"]


@pytest.mark.conformance
def test_alerts_are_prometheus_but_for_their_order(api: AppClient, prometheus: str) -> None:
    theirs = json.loads(settle(httpx.get(f"{prometheus}/api/v1/alerts").text))
    ours = json.loads(settle(api.get("/api/v1/alerts").text))

    def ordered(answer: dict[str, Any]) -> list[str]:
        return sorted(json.dumps(alert) for alert in answer["data"]["alerts"])

    assert ordered(ours) == ordered(theirs)
    assert {key: ours[key] for key in ("status",)} == {"status": "success"}


def test_times_have_the_digits_that_they_need(api: AppClient) -> None:
    (group,) = api.get("/api/v1/rules?rule_name[]=one").json()["data"]["groups"]
    assert group["lastEvaluation"] == "2025-06-15T15:06:44Z"
    (pending,) = api.get("/api/v1/rules?rule_name[]=Pending").json()["data"]["groups"]
    (alert,) = pending["rules"][0]["alerts"]
    assert re.fullmatch(r"2025-06-15T15:06:4[01]\.\d{1,9}Z", alert["activeAt"])
    assert alert["value"] == "3.5e-06"


def test_only_reading_is_allowed(api: AppClient) -> None:
    assert api.post("/api/v1/rules").status_code == 405
