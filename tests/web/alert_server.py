"""A server with alerts in every state, two receivers, and a notification that was given up."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from tests.support.hook import Hook, serving_hook
from tests.support.otlp_factory import SECOND, make_gauge, make_point, metrics_body
from tests.support.server import Process, ask, serving_process
from tests.web.fleet import make_fleet

RULES = """
groups:
- name: inference
  interval: 3s
  rules:
  - alert: QueueWait
    expr: max by (region) (max_over_time(queue_wait_seconds[6h])) > 0.2
    labels: {{severity: page, service: ml-infer, owner: ml-platform}}
    annotations:
      summary: >-
        ml-infer: requests wait {{{{ $value | humanizeDuration }}}}
        in the queue of {{{{ $labels.region }}}}
      description: 'Wakes someone when requests wait longer than 200 ms.'
      runbook_url: |
        # Requests wait

        1. Look at `queue_depth` and at the newest release.
        2. Add a replica:

        ```sh
        kubectl scale deploy/ml-infer --replicas 4
        ```

        See [the drift page](/drift) too.
  - alert: ColdCache
    expr: vector(3) > 2
    labels: {{severity: ticket, service: ml-infer, owner: ml-platform}}
    annotations: {{summary: the cache of ml-infer is cold}}
  - alert: SearchErrors
    expr: vector(7) > 5
    labels:
      severity: ticket
      service: search
      a_label_with_a_rather_long_name: and-a-value-of-sixty-letters-that-does-not-want-to-be-broken
    annotations: {{summary: "search: errors", runbook_url: "https://runbooks.example/search"}}
  - alert: Slowly
    expr: vector(1) > 0
    for: 1d
    labels: {{severity: ticket, service: gateway}}
  - alert: WasThere
    expr: vector({passing}) > 0
    labels: {{severity: ticket, service: gateway, owner: edge}}
    annotations: {{summary: the gateway had a moment}}
"""
RECEIVERS = """
receivers:
- {{name: on-call, type: webhook, url: "{calm}?token=secret", timeout: 5s}}
- {{name: chat, type: webhook, url: "{picky}", timeout: 5s}}
route:
  receiver: on-call
  group_by: [alertname]
  group_wait: 1s
  group_interval: 1s
  routes:
  - {{matchers: [service=search], receiver: chat}}
maintenance:
- {{name: nightly, matchers: [service=batch], weekdays: [sun], start: "02:00", duration: 90m,
    time_zone: Europe/Berlin, comment: the nightly load}}
"""
MINUTES = 30
EVERY_S = 15


@dataclass
class AlertServer:
    """The server, and who is told."""

    process: Process
    calm: Hook
    picky: Hook

    def alerts(self) -> dict[str, Any]:
        """Returns the alerts of now by name."""
        answer = ask(self.process.addresses.api, "/api/alerts")
        return {alert["name"]: alert for alert in answer["alerts"]}  # type: ignore[index]

    def states(self) -> dict[str, str]:
        """Returns the states of the alerts of now by name."""
        return {name: alert["state"] for name, alert in self.alerts().items()}

    def told(self, name: str) -> list[Any]:
        """Returns what was sent about an alert, oldest first."""
        alerts = [alert for message in self.calm.messages for alert in message["alerts"]]
        return [alert for alert in alerts if alert["labels"]["alertname"] == name]

    def deliveries(self, **search: str) -> list[Any]:
        """Returns notifications, newest first."""
        answer = ask(self.process.addresses.api, "/api/alerts/deliveries", **search)
        return answer["deliveries"]  # type: ignore[index]


def until(check: Callable[[], Any], what: str, timeout_s: float = 240) -> Any:
    """Returns what `check` gives as soon as it is true."""
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s:
        if found := check():
            return found
        time.sleep(0.5)
    raise AssertionError(f"{what} did not come about")


def send_waits(address: str) -> None:
    """Sends half an hour of waiting in two regions: in us-east it becomes long."""
    now_ns = time.time_ns()
    points = []
    for age_s in range(MINUTES * 60, -1, -EVERY_S):
        waits = {"us-east": 0.45 if age_s < 600 else 0.05, "eu-west": 0.04}
        points += [
            make_point(wait, time_ns=now_ns - age_s * SECOND, attributes={"region": region})
            for region, wait in waits.items()
        ]
    waits_body = make_gauge("queue_wait_seconds", *points)
    httpx.post(
        f"{address}/v1/metrics",
        content=metrics_body({"service.name": "ml-infer"}, waits_body),
        headers={"content-type": "application/x-protobuf"},
        timeout=60,
    ).raise_for_status()


def plant_incidents(folder: Path) -> None:
    """Writes incidents of the past into the store of a server that does not run yet."""
    plant = [sys.executable, "-m", "tests.web.plant_incident"]
    subprocess.run([*plant, f"chdb://{folder / 'data'}", str(time.time_ns())], check=True)


@contextlib.contextmanager
def serving_alerts(folder: Path) -> Generator[AlertServer]:
    """Runs a server in which each of these alerts is where it belongs, until the block ends."""
    rules = folder / "rules.yml"
    rules.write_text(RULES.format(passing=1), "utf-8")
    with serving_hook() as calm, serving_hook() as picky:
        picky.answers[:] = [400]
        receivers = RECEIVERS.format(calm=calm.url, picky=picky.url)
        (folder / "receivers.yml").write_text(receivers, "utf-8")
        flags = ["--rules", str(rules), "--receivers", str(folder / "receivers.yml")]
        plant_incidents(folder)
        with serving_process(folder, *flags) as process:
            server = AlertServer(process, calm, picky)
            make_fleet(big=False).send(process.addresses.otlp_http)
            send_waits(process.addresses.otlp_http)
            until(lambda: server.alerts().get("WasThere", {}).get("fired"), "an alert fires")
            rules.write_text(RULES.format(passing=-1), "utf-8")
            httpx.post(f"{process.addresses.api}/-/reload", timeout=60).raise_for_status()
            wanted = {
                **dict.fromkeys(("QueueWait", "ColdCache", "SearchErrors"), "firing"),
                # About the notification that is given up.
                **{"VarioNotificationsFailing": "firing"},
                **{"Slowly": "pending", "WasThere": "resolved"},
            }
            until(
                # A slow machine has alerts about late evaluations too.
                lambda: (
                    wanted.items() <= {n: a["state"] for n, a in server.alerts().items()}.items()
                ),
                "every state",
            )
            until(lambda: server.deliveries(status="dead"), "a notification is given up")
            until(lambda: server.told("QueueWait"), "a notification arrives")
            yield server
