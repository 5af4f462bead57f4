"""An SLO from end to end: OTLP comes, the budget burns, a webhook hears it, and of the end."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from tests.app import test_alerts as alerts
from tests.support.hook import Hook, serving_hook
from tests.support.otlp_factory import (
    make_point,
    make_span,
    make_sum,
    metrics_body,
    trace_hex,
    traces_body,
)
from tests.support.server import Process, ask, serving_process

S = 10**9
PATIENCE_S = 240
EVERY_S = 30
FIRST_HOUR = range(-3600, 0, EVERY_S)
A_STEP = 100
"""Requests in a step of the first hour: 12,000 in all."""
TROUBLE = 10_000
RELIEF = 100_000_000

SLOS = """\
slos:
- name: answered
  service: shop
  owner: checkout
  runbook: runbooks/answered.md
  sli: {errors: {requests: 'requests_total', bad: 'code=~"5.."'}}
  objective: 99%
"""
RECEIVERS = """\
receivers: [{{name: hook, type: webhook, url: "{url}", timeout: 5s}}]
route: {{receiver: hook, group_by: [alertname, window], group_wait: 1s, group_interval: 1s}}
"""
SETTINGS = "[slo]\nevaluation_interval_s = 1\n[alert]\nrestart_hold_s = 0\n"


def send(server: Process, *samples: tuple[int, int, int]) -> None:
    """Sends the counters of good and bad requests as they were at times: (ns, good, bad)."""
    points = [
        make_point(
            count,
            time_ns=time_ns,
            start_ns=samples[0][0] - S,
            attributes={"code": code},
        )
        for time_ns, good, bad in samples
        for code, count in (("200", good), ("503", bad))
    ]
    post(server, "metrics", metrics_body("shop", make_sum("requests_total", *points)))


def post(server: Process, signal: str, body: bytes) -> None:
    url = f"{server.addresses.otlp_http}/v1/{signal}"
    headers = {"content-type": "application/x-protobuf"}
    assert httpx.post(url, content=body, headers=headers, timeout=30).status_code == 200


def fast_pages(hook: Hook, status: str) -> list[dict[str, Any]]:
    """Returns what the hook was told of the page over one hour and five minutes."""
    return [
        alert
        for message in hook.messages
        for alert in message["alerts"]
        if alert["labels"].get("window") == "1h" and alert["status"] == status
    ]


def until(check: Callable[[], Any], what: str) -> Any:
    return alerts.until(check, what, PATIENCE_S)


def budget(server: Process) -> Any:
    query = "slo:period_error_budget_remaining:ratio"
    return ask(server.addresses.api, "/api/v1/query", query=query)["data"]["result"]  # type: ignore[index]


def test_errors_over_otlp_burn_a_budget_page_by_webhook_and_end(tmp_path: Path) -> None:
    (tmp_path / "slos.yml").write_text(SLOS)
    (tmp_path / "vario.toml").write_text(SETTINGS)
    (tmp_path / "runbooks").mkdir()
    (tmp_path / "runbooks" / "answered.md").write_text("# Look at the payment service first\n")
    with serving_hook() as hook:
        (tmp_path / "receivers.yml").write_text(RECEIVERS.format(url=hook.url))
        flags = ("--slos", "slos.yml", "--receivers", "receivers.yml", "--config", "vario.toml")
        paths = [flag if flag[0] == "-" else str(tmp_path / flag) for flag in flags]
        with serving_process(tmp_path, *paths) as server:
            now_ns = time.time_ns()
            good = A_STEP * len(FIRST_HOUR)
            hour = [(now_ns + s * S, A_STEP * i, 0) for i, s in enumerate(FIRST_HOUR, 1)]
            send(server, *hour)
            until(lambda: budget(server), "a budget that is measured")
            assert fast_pages(hook, "firing") == []

            span = make_span(trace=7, start_ns=time.time_ns(), kind="server", status="error")
            post(server, "traces", traces_body("shop", span))
            for i in range(1, 4):
                send(server, (time.time_ns(), good, i * TROUBLE))
            until(lambda: fast_pages(hook, "firing"), "the page")
            check_page(server, fast_pages(hook, "firing")[0])

            # So many good requests that the share of the bad ones is small in every window.
            send(server, (time.time_ns(), good + RELIEF, 3 * TROUBLE))
            until(lambda: fast_pages(hook, "resolved"), "the end of the page")
            matcher = ["alertname=ErrorBudgetBurn", "window=1h"]
            history = ask(server.addresses.api, "/api/alerts/history", matcher=matcher)
            events: Any = history["events"]  # type: ignore[index]
            states = [event["state"] for event in events if event["reason"] != "trace"]
            assert states == ["resolved", "firing"]
            (slo,) = ask(server.addresses.api, "/api/slos")["slos"]  # type: ignore[index]
            assert slo["state"] == "ok"


def check_page(server: Process, alert: dict[str, Any]) -> None:
    """The page says what happens, whose it is and what to do; its links can be followed."""
    api = server.addresses.api
    assert alert["labels"] == {
        "alertname": "ErrorBudgetBurn",
        "owner": "checkout",
        "service": "shop",
        "severity": "page",
        "slo": "answered",
        "window": "1h",
    }
    said = re.fullmatch(
        r"shop: burning the 30-day budget of answered ([0-9]+)x; at this rate it is gone in "
        r"([0-9]+ h [0-9]+ min|[0-9]+ min); ([0-9]+)% left",
        alert["annotations"]["summary"],
    )
    assert said, alert["annotations"]["summary"]
    assert 14 < int(said[1]) <= 100
    assert 0 <= int(said[3]) <= 100
    assert alert["annotations"]["runbook_url"] == f"{api}/slos/answered/runbook"
    # An example is looked for while the group waits; a slow machine may find it after the message.
    path = f"/api/alerts/{alert['fingerprint']}"
    shown: Any = until(lambda: "trace" in ask(api, path)["links"] and ask(api, path), "a trace")
    assert shown["links"]["trace"] == f"{api}/traces/{trace_hex(7)}"
    links = {**shown["links"], **alert["links"], "dashboard": alert["annotations"]["dashboard"]}
    for link in links.values():
        assert link.startswith(f"{api}/"), link
        assert httpx.get(link, timeout=30).status_code == 200, link
