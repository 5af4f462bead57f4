"""SLO files of a running server: read at the start, and again on SIGHUP."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.server import ask, serving_process

FIRST = """\
slos:
- {name: errors, service: s, owner: o, runbook: r.md, objective: 99%, sli: {errors: r_total}}
"""
SECOND = """\
- {name: drift, service: s, owner: o, runbook: r.md, objective: 95%, sli: {drift: {}}}
"""


def wait_for(look: Callable[[], Any], wanted: Any) -> None:
    deadline = time.monotonic() + 60
    while (found := look()) != wanted and time.monotonic() < deadline:
        time.sleep(0.1)
    assert found == wanted


def test_slos_become_rules_and_are_read_again_on_sighup(tmp_path: Path) -> None:
    file = tmp_path / "slos.yml"
    file.write_text(FIRST, "utf-8")
    with serving_process(tmp_path, "--slos", str(tmp_path / "*.yml")) as server:
        assert server.running is not None
        api = server.addresses.api

        def names() -> list[str]:
            answer: Any = ask(api, "/api/slos")
            return [one["id"] for one in answer["slos"]]

        def groups() -> list[str]:
            answer: Any = ask(api, "/api/v1/rules")
            return [group["name"] for group in answer["data"]["groups"]]

        assert names() == ["errors"]
        assert groups() == ["slo-errors", "slo-errors-long"]

        file.write_text(FIRST + SECOND, "utf-8")
        os.kill(server.running.pid, signal.SIGHUP)
        wait_for(names, ["errors", "drift"])
        assert groups() == ["slo-drift", "slo-drift-long", "slo-errors", "slo-errors-long"]

        file.write_text(FIRST.replace("99%", "199%"), "utf-8")
        os.kill(server.running.pid, signal.SIGHUP)
        wait_for(lambda: "a share lies between 0 and 1" in server.log, True)
        assert names() == ["errors", "drift"]
