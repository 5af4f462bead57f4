"""Files are read again while serving: by `POST /-/reload`, and on SIGHUP."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import httpx
from tests.support.prometheus import wait_until
from tests.support.server import Process, serving_process

RULES = "groups: [{name: NAME, rules: [{record: a, expr: vector(1)}]}]"


def groups(server: Process) -> list[str]:
    found: Any = httpx.get(f"{server.addresses.api}/api/v1/rules", timeout=30).json()
    return [group["name"] for group in found["data"]["groups"]]


def pools(server: Process) -> list[str]:
    found: Any = httpx.get(f"{server.addresses.api}/api/v1/targets", timeout=30).json()
    return [target["scrapePool"] for target in found["data"]["activeTargets"]]


def reload(server: Process) -> tuple[int, str]:
    answer = httpx.post(f"{server.addresses.api}/-/reload", timeout=30)
    return answer.status_code, answer.text


def test_changed_files_are_taken_up_and_faulty_ones_are_not(tmp_path: Path) -> None:
    rules, config = tmp_path / "rules.yml", tmp_path / "prometheus.yml"

    def write(group: str, job: str) -> None:
        rules.write_text(RULES.replace("NAME", group))
        jobs = [{"job_name": job, "static_configs": [{"targets": ["127.0.0.1:1"]}]}]
        config.write_text(json.dumps({"rule_files": ["rules.yml"], "scrape_configs": jobs}))

    write("first", "one")
    with serving_process(tmp_path, "--prometheus-config", str(config)) as server:
        wait_until(lambda: (groups(server), pools(server)) == (["first"], ["one"]), 60)

        write("second", "two")
        assert reload(server) == (200, "")
        assert (groups(server), pools(server)) == (["second"], ["two"])

        write("third", "three")
        rules.write_text("groups: [{name: third, rules: [{record: a, expr: sum(}]}]")
        status, said = reload(server)
        assert status == 500
        assert said.startswith("failed to reload config: rules and SLOs are not reloaded:\n")
        assert (groups(server), pools(server)) == (["second"], ["three"])

        write("fourth", "three")
        assert server.running is not None
        os.kill(server.running.pid, signal.SIGHUP)
        wait_until(lambda: groups(server) == ["fourth"], 60)

        config.write_text("{rule_files: [rules.yml], scrape_configs: 5}")
        assert reload(server)[0] == 500
        assert (groups(server), pools(server)) == (["fourth"], ["three"])
