"""The whole arc on a running server: alert, incident, investigation, fix, proof, relapse; with a
kill in the middle."""

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from click.testing import CliRunner
from tests.support.hook import Hook, serving_hook
from tests.support.otlp_factory import (
    MINUTE,
    MS,
    SECOND,
    make_gauge,
    make_point,
    make_span,
    metrics_body,
    traces_body,
)
from tests.support.server import Process, ask, serving_process

from vario.cli.root import root

RULES = """\
groups:
- name: ml
  interval: 1s
  rules:
  - alert: Slow
    expr: degraded == 1
    labels: {severity: page, service: ml-infer, region: us-east, owner: ml}
    annotations: {summary: "latency of ml-infer is high"}
"""
RECEIVERS = """\
receivers:
- {{name: hook, type: webhook, url: "{url}", incidents: true}}
route: {{receiver: hook, group_wait: 1s, group_interval: 1s}}
"""
PATIENCE_S = 180


def wait_for(look: Callable[[], Any], good: Callable[[Any], bool]) -> Any:
    deadline = time.monotonic() + PATIENCE_S
    while not good(found := look()) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert good(found), found
    return found


def plant(server: Process, now_ns: int) -> None:
    """Sends half an hour of requests; us-east was slow from 20 to 10 minutes ago."""
    dice = np.random.default_rng(3)
    number = 0
    for region in ("eu-west", "us-east"):
        spans = []
        for at_ns in range(now_ns - 40 * MINUTE, now_ns - 5 * SECOND, SECOND):
            number += 1
            slow = region == "us-east" and 10 * MINUTE < now_ns - at_ns <= 20 * MINUTE
            ms = 80 * (4 if slow else 1) * dice.lognormal(0, 0.15)
            spans.append(
                make_span(
                    "predict", trace=number, span=1, start_ns=at_ns, duration_ns=round(ms * MS),
                    kind="server",
                )
            )  # fmt: skip
        resource = {"service.name": "ml-infer", "cloud.region": region}
        send(server, "traces", traces_body(resource, *spans))


def send(server: Process, signal_: str, body: bytes) -> None:
    headers = {"Content-Type": "application/x-protobuf"}
    url = f"{server.addresses.otlp_http}/v1/{signal_}"
    answer = httpx.post(url, content=body, headers=headers, timeout=60)
    assert answer.status_code == 200, answer.text


def degrade(server: Process, value: float) -> None:
    point = make_point(value, time_ns=time.time_ns())
    send(
        server, "metrics", metrics_body({"service.name": "ml-infer"}, make_gauge("degraded", point))
    )


def incidents(server: Process) -> list[Any]:
    answer: Any = ask(server.addresses.api, "/api/incidents")
    return answer["incidents"]


def get(server: Process, id_: str) -> Any:
    return ask(server.addresses.api, f"/api/incidents/{id_}")


def run(server: Process, *arguments: str) -> str:
    command = ["incident", *arguments, "--server", server.addresses.api]
    result = CliRunner().invoke(root, command)
    assert result.exit_code == 0, result.output
    return result.output


def check_report(server: Process, id_: str) -> None:
    report = run(server, "report", id_)
    assert "## Did the fix work?" in report
    assert "more cache" in report
    page = httpx.get(
        f"{server.addresses.api}/api/incidents/{id_}/report", params={"format": "html"}
    ).text
    assert "<svg" in page
    assert "<script" not in page


def bring_back(server: Process, id_: str) -> None:
    """Lets the alert end and fire again."""
    degrade(server, 0)
    alerts = f"{server.addresses.api}/api/alerts?state=firing"
    wait_for(lambda: httpx.get(alerts).json()["alerts"], lambda firing: not firing)
    degrade(server, 1)
    back = wait_for(lambda: get(server, id_), lambda one: one["relapses"] == 1)
    assert back["state"] == "open"
    assert len(incidents(server)) == 1
    assert "is back" in run(server, "show", id_)


def check_news(server: Process, hook: Hook, id_: str) -> None:
    """Each piece of news was told once, and every link leads to the incident."""

    def news() -> list[str]:
        told = (message for message in hook.messages if "incident" in message)
        return [message["incident"]["news"] for message in told]

    wait_for(news, lambda told: "relapsed" in told)
    assert news().count("opened") == news().count("recovered") == 1
    assert news().count("relapsed") == 1
    links = {
        alert["links"].get("incident", "")
        for message in hook.messages
        for alert in message["alerts"]
    }
    assert links == {f"{server.addresses.api}/incidents/{id_}"}


@pytest.mark.timeout(900)
def test_from_the_alert_to_the_proof_and_back(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(RULES, "utf-8")
    with serving_hook() as hook:
        (tmp_path / "receivers.yml").write_text(RECEIVERS.format(url=hook.url), "utf-8")
        (tmp_path / "vario.toml").write_text("[alert]\nrestart_hold_s = 1.0\n", "utf-8")
        flags = ["--config", str(tmp_path / "vario.toml"), "--rules", str(tmp_path / "rules.yml")]
        flags += ["--receivers", str(tmp_path / "receivers.yml")]
        with serving_process(tmp_path, *flags) as server:
            now_ns = time.time_ns()
            plant(server, now_ns)
            degrade(server, 1)
            (opened,) = wait_for(
                lambda: incidents(server), lambda found: found and found[0]["verdict"]
            )
            assert (opened["state"], opened["severity"]) == ("open", "page")
            assert opened["title"] == "latency of ml-infer is high (us-east)"
            id_ = opened["id"]
            found = get(server, id_)["investigation"]
            assert found["scope"] in ({}, {"region": "us-east"})
            assert abs(found["onset"] - (now_ns / 1e9 - 1200)) < 90

            server.end(signal.SIGKILL)
            server.start()
            degrade(server, 1)
            (same,) = wait_for(lambda: incidents(server), bool)
            assert same["id"] == id_

            at = f"{now_ns / 1e9 - 600:.3f}"
            output = run(server, "fixed", id_, "--at", at, "--by", "ada", "--note", "more cache")
            assert "is said to be fixed" in output
            over = wait_for(lambda: get(server, id_), lambda one: one["state"] == "resolved")
            proof = over["verification"]
            assert (proof["verdict"], proof["source"]) == ("recovered", "person")
            assert proof["to_baseline_high"] < 1.1
            kinds = [moment["kind"] for moment in over["timeline"]]
            assert kinds.count("opened") == kinds.count("fix") == kinds.count("verdict") == 1

            check_report(server, id_)
            bring_back(server, id_)
            check_news(server, hook, id_)
