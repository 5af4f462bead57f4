"""`vario alerts` and `vario silence` against a server whose one alert fires."""

import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import orjson
from click.testing import CliRunner, Result
from tests.support.hook import serving_hook
from tests.support.server import serving, settings_for

from vario.cli.root import root
from vario.clock import SystemClock

RULES = """
groups:
- name: g
  interval: 1s
  rules:
  - alert: Always
    expr: vector(1) > 0
    labels: {severity: page, service: api}
    annotations: {summary: it burns}
"""
RECEIVERS = """
receivers: [{{name: hook, type: webhook, url: "{url}"}}]
route: {{receiver: hook, group_wait: 0s}}
"""


def wait_for(check: Callable[[], bool], timeout_s: float = 90) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not check():
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


def test_an_alert_is_shown_silenced_acknowledged_and_told(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(RULES)
    with serving_hook() as hook:
        (tmp_path / "receivers.yml").write_text(RECEIVERS.format(url=hook.url))
        settings = settings_for("chdb://memory/cli_alerts")
        files = replace(
            settings.alert,
            rule_files=(str(tmp_path / "rules.yml"),),
            receivers_file=str(tmp_path / "receivers.yml"),
        )
        with serving(replace(settings, alert=files), SystemClock()) as addresses:

            def run(*arguments: str) -> Result:
                return CliRunner().invoke(root, [*arguments, "--server", addresses.api])

            wait_for(lambda: len(hook.told()) == 1)
            look_at_it(run)
            silence_it(run)
            assert run("alerts", "test", "hook").output == "hook: delivered\n"
            hook.answers = [500]
            failed = run("alerts", "test", "hook")
            assert (failed.exit_code, failed.stderr) == (1, "hook: HTTP 500\n")
            dead = run("alerts", "deliveries", "--status", "dead", "--json")
            (delivery,) = orjson.loads(dead.output)["deliveries"]
            assert "(HTTP 500)" in run("alerts", "deliveries").output
            again = run("alerts", "retry", delivery["id"])
            assert again.output == f"{delivery['id']} is on its way to hook\n"
            assert run("alerts", "test", "nobody").exit_code == 2


def look_at_it(run: Callable[..., Result]) -> None:
    """Lists the alert, its history, and acknowledges it."""
    lines = run("alerts", "list", "severity=page").output.splitlines()
    assert re.fullmatch(r"STATE +SEVERITY +SINCE \(UTC\) +ID +ALERT +WHAT", lines[0])
    state, severity, _, _, id_, name, *said = lines[1].split()
    assert (state, severity, name, said) == ("firing", "page", "Always", ["it", "burns"])
    assert run("alerts", "list", "--state", "pending").output == "no alerts\n"
    history = run("alerts", "history", "alertname=Always", "--since", "1h").output
    assert f"firing  {id_}  Always  service=api, severity=page" in history
    shown = run("alerts", "ack", id_, "--author", "ada", "--comment", "on it").output
    assert shown == f"{id_} is acknowledged by ada\n"
    assert "it burns [ada is on it]" in run("alerts", "list").output
    assert run("alerts", "ack", id_, "--withdraw").output == f"{id_} is nobody's again\n"
    assert run("alerts", "ack", "unknown").exit_code == 2


def silence_it(run: Callable[..., Result]) -> None:
    """Silences the alert, sees that, and ends the silence."""
    made = run("silence", "add", "service=api", "--for", "1h", "--author", "ada", "--comment", "x")
    id_ = made.output.split()[0]
    assert " silences 1 alerts until " in made.output
    assert f'{id_}  ada     service="api": x' in run("silence", "list").output
    assert "it burns [silence: x]" in run("alerts", "list").output
    assert run("silence", "expire", id_).output == f"{id_} has ended\n"
    assert orjson.loads(run("silence", "list", "--json").output) == {"silences": []}
    ended = orjson.loads(run("silence", "list", "--json", "--expired").output)
    assert [one["state"] for one in ended["silences"]] == ["expired"]
    wrong = run("silence", "add", "service", "--comment", "x")
    assert (wrong.exit_code, "'service' is no matcher" in wrong.output) == (2, True)
