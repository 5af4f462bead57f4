"""`vario up` tells people of alerts: over a restart, over a kill, and to a real Alertmanager."""

import contextlib
import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.hook import serving_hook
from tests.support.peers import unpack_peer
from tests.support.server import Process, ask, free_port, serving_process

RULES = """
groups:
- name: g
  interval: 1s
  rules:
  - {{alert: Always, expr: vector({first}) > 0, labels: {{severity: page, service: api}},
      annotations: {{summary: "it is {{{{ $value }}}}", runbook_url: "http://runbook/1"}}}}
  - {{alert: Cause, expr: vector(2) > 0, labels: {{severity: ticket, service: api}}}}
  - {{alert: Other, expr: vector(3) > 0, labels: {{severity: ticket, service: search}}}}
"""
RECEIVERS = """
receivers:
- {{name: hook, type: {type}, url: "{url}", timeout: 5s, resend: 1s}}
route:
  receiver: hook
  group_by: [alertname]
  group_wait: 1s
  group_interval: 1s
"""


def until(check: Callable[[], Any], what: str, timeout_s: float = 90) -> Any:
    """Returns what `check` gives as soon as it is true."""
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s:
        with contextlib.suppress(httpx.TransportError):
            if found := check():
                return found
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come about")


def write_files(folder: Path, url: str, *, type: str = "webhook", first: int = 1) -> list[str]:
    """Writes rules, receivers and settings, and returns the flags that name them."""
    (folder / "rules.yml").write_text(RULES.format(first=first))
    (folder / "receivers.yml").write_text(RECEIVERS.format(url=url, type=type))
    (folder / "vario.toml").write_text("[alert]\nrestart_hold_s = 0\n")
    return [
        *("--config", str(folder / "vario.toml")),
        *("--rules", str(folder / "rules.yml")),
        *("--receivers", str(folder / "receivers.yml")),
    ]


def alerts_of(server: Process) -> dict[str, Any]:
    answer = ask(server.addresses.api, "/api/alerts")
    return {alert["name"]: alert for alert in answer["alerts"]}  # type: ignore[index]


def test_a_kill_and_a_restart_neither_tell_again_nor_forget(tmp_path: Path) -> None:
    with serving_hook() as hook:
        flags = write_files(tmp_path, hook.url)
        with serving_process(tmp_path, *flags) as server:
            until(lambda: len(hook.told()) == 2, "two notifications")
            told = {("firing", ("Always:firing",)), ("firing", ("Other:firing",))}
            assert {(status, tuple(names)) for status, names in hook.told()} == told
            before = alerts_of(server)
            assert [mute["kind"] for mute in before["Cause"]["muted_by"]] == ["inhibition"]
            # Sent, and its status written, before it is ended: a kill between may send it twice.
            until(
                lambda: (
                    [
                        delivery["status"]
                        for alert in alerts_of(server).values()
                        for delivery in alert["deliveries"]
                    ]
                    == ["sent", "sent"]
                ),
                "both notifications are known to be sent",
            )
            server.end(signal.SIGKILL)
            server.start()
            evaluated = lambda: ask(server.addresses.api, "/api/v1/rules")["data"]["groups"][0]  # type: ignore[index]  # noqa: E731
            first = until(lambda: evaluated()["lastEvaluation"], "an evaluation")
            until(lambda: evaluated()["lastEvaluation"] > first, "another evaluation")
            after = alerts_of(server)
            assert {name: alert["fired"] for name, alert in after.items()} == {
                name: alert["fired"] for name, alert in before.items()
            }
            assert len(hook.bodies) == 2
            server.end()
            write_files(tmp_path, hook.url, first=0)
            server.start()
            # The page is over: it is told, and so is the ticket that it inhibited.
            until(lambda: len(hook.told()) == 4, "the end of one, the beginning of another")
            assert {(status, tuple(names)) for status, names in hook.told()} == told | {
                ("resolved", ("Always:resolved",)),
                ("firing", ("Cause:firing",)),
            }
            history = ask(server.addresses.api, "/api/alerts/history", matcher="alertname=Always")
            states = [event["state"] for event in history["events"]]  # type: ignore[index]
            assert states == ["resolved", "firing"]


@contextlib.contextmanager
def serving_alertmanager(folder: Path, hook_url: str) -> Iterator[str]:
    """Runs a real Alertmanager that tells a webhook; yields its address."""
    packed = unpack_peer("prometheus-alertmanager_", "usr/bin/prometheus-alertmanager", folder)
    # Debian's looks for its templates where only root may put them: here they lie beside it.
    installed = b"/usr/share/prometheus/alertmanager"
    program = folder / "alertmanager"
    program.write_bytes(packed.read_bytes().replace(installed, b"./" * (len(installed) // 2)))
    program.chmod(0o755)
    for template in (folder / "usr/share/prometheus/alertmanager").glob("*.tmpl"):
        (folder / template.name).write_bytes(template.read_bytes())
    (folder / "alertmanager.yml").write_text(
        "route: {receiver: hook, group_by: [service], group_wait: 2s, group_interval: 2s}\n"
        f"receivers: [{{name: hook, webhook_configs: [{{url: '{hook_url}'}}]}}]\n"
    )
    port = free_port()
    with (folder / "alertmanager.log").open("wb") as log:
        running = subprocess.Popen(
            [
                program,
                f"--config.file={folder / 'alertmanager.yml'}",
                f"--storage.path={folder / 'storage'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--cluster.listen-address=",
            ],
            cwd=folder,
            stdout=log,
            stderr=log,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: httpx.get(f"{url}/-/ready", timeout=5).status_code == 200, "Alertmanager")
        yield url
    finally:
        running.terminate()
        running.wait(30)


def ask_with_amtool(program: Path, url: str) -> None:
    """Alertmanager's own command line lists vario's alerts and silences one of them."""

    def run(*arguments: str) -> str:
        command = [str(program), f"--alertmanager.url={url}", *arguments]
        return subprocess.run(
            command, capture_output=True, check=True, text=True, timeout=60
        ).stdout

    def names(*arguments: str) -> list[str]:
        found = json.loads(run("alert", "query", "--output=json", *arguments))
        return sorted(alert["labels"]["alertname"] for alert in found)

    assert names() == ["Always", "Other"]
    assert names("--inhibited") == ["Cause"]
    assert names("service=search") == ["Other"]
    made = run("silence", "add", "--author=ada", "--comment=known", "service=search").strip()
    assert names() == ["Always"]
    assert names("--silenced") == ["Other"]
    assert run("silence", "query", "--quiet").split() == [made]
    run("silence", "expire", made)
    assert names() == ["Always", "Other"]


@pytest.mark.conformance
def test_a_real_alertmanager_receives_groups_and_resolves(tmp_path: Path) -> None:
    peer = tmp_path / "peer"
    peer.mkdir()
    with serving_hook() as hook, serving_alertmanager(peer, hook.url) as url:
        flags = write_files(tmp_path, url, type="alertmanager")
        with serving_process(tmp_path, *flags) as server:

            def groups() -> dict[str, list[str]]:
                found = httpx.get(f"{url}/api/v2/alerts/groups", timeout=5).json()
                return {
                    group["labels"]["service"]: sorted(
                        alert["labels"]["alertname"] for alert in group["alerts"]
                    )
                    for group in found
                }

            wanted = {"api": ["Always"], "search": ["Other"]}  # the page inhibits the ticket
            until(lambda: groups() == wanted, "two groups")
            (alert,) = httpx.get(
                f"{url}/api/v2/alerts", params={"filter": "alertname=Always"}, timeout=5
            ).json()
            assert alert["annotations"] == {
                "summary": "it is 1",
                "runbook_url": "http://runbook/1",
            }
            assert alert["generatorURL"].startswith(f"{server.addresses.api}/graph?g0.expr=")
            ends = alert["endsAt"]

            def resent() -> bool:
                found = httpx.get(f"{url}/api/v2/alerts", timeout=5).json()
                return all(alert["endsAt"] > ends for alert in found)

            until(resent, "alerts are sent again before they end")
            until(lambda: len(hook.told()) >= 2, "Alertmanager's notifications")
            ask_with_amtool(peer / "usr/bin/amtool", server.addresses.api)
            server.end()
            write_files(tmp_path, url, type="alertmanager", first=0)
            server.start()
            until(
                lambda: any("Always:resolved" in names for _, names in hook.told()),
                "Alertmanager tells the end",
            )
            until(lambda: "Cause" in groups().get("api", []), "what was inhibited is told")
