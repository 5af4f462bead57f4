"""A whole server that scrapes: from the prometheus.yml to PromQL and `/api/v1/targets`."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from tests.support.exposer import OPENMETRICS, Exposer, exposing
from tests.support.prometheus import ask, wait_until
from tests.support.server import serving, settings_for

from vario.app.ports import Addresses
from vario.app.scrape import read_scrape_config
from vario.clock import SystemClock
from vario.errors import BadData
from vario.ingest.scrape.config import ScrapeConfig
from vario.store.engine import Engine

BODY = """# TYPE jobs counter
# HELP jobs Jobs done.
jobs_total{kind="a"} 7 # {trace_id="t1"} 0.5
# EOF
"""


@pytest.fixture(scope="module")
def target() -> Iterator[Exposer]:
    with exposing(BODY, OPENMETRICS) as exposer:
        yield exposer


@pytest.fixture(scope="module")
def vario(
    embedded_engine: Engine, target: Exposer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Addresses]:
    file = tmp_path_factory.mktemp("scrape") / "prometheus.yml"
    config = {
        "global": {"scrape_interval": "200ms"},
        "scrape_configs": [
            {
                "job_name": "target",
                "static_configs": [
                    {"targets": [target.address], "labels": {"env": "prod"}},
                    {"targets": ["127.0.0.1:1"]},
                ],
                "relabel_configs": [
                    {"source_labels": ["__address__"], "regex": "drop.*", "action": "drop"}
                ],
            },
            {"job_name": "none", "static_configs": [{"targets": ["dropped:1"]}],
             "relabel_configs": [{"regex": "x", "source_labels": ["job"], "action": "keep"}]},
        ],
    }  # fmt: skip
    file.write_text(json.dumps(config))
    settings = settings_for("chdb://memory/scraping")
    settings = replace(
        settings,
        store=replace(settings.store, reader_threads=1),
        ingest=replace(settings.ingest, prometheus_config=str(file)),
    )
    with serving(settings, SystemClock()) as addresses:
        yield addresses
    embedded_engine.command("DROP DATABASE scraping SYNC")


def values(vario: Addresses, query: str) -> dict[str, str]:
    found = ask(vario.api, "query", query=query)["result"]
    return {row["metric"].get("env", "-"): row["value"][1] for row in found}


def test_scraped_samples_can_be_asked_for(vario: Addresses, target: Exposer):
    wait_until(lambda: values(vario, "count_over_time(jobs_total[1m]) > 2") != {}, 30)
    assert values(vario, 'jobs_total{kind="a"}') == {"prod": "7"}
    assert values(vario, "up") == {"prod": "1", "-": "0"}
    assert values(vario, 'scrape_samples_scraped{env="prod"}') == {"prod": "1"}
    (metadata,) = ask(vario.api, "metadata", metric="jobs")["jobs"]
    assert metadata == {"type": "counter", "help": "Jobs done.", "unit": ""}
    target.say("# EOF\n", OPENMETRICS)
    wait_until(lambda: values(vario, "jobs_total") == {}, 30)
    target.say(BODY, OPENMETRICS)
    wait_until(lambda: values(vario, "jobs_total") == {"prod": "7"}, 30)


def test_targets(vario: Addresses, target: Exposer):
    wait_until(
        lambda: "unknown" not in {t["health"] for t in ask(vario.api, "targets")["activeTargets"]},
        30,
    )
    said = ask(vario.api, "targets")
    assert said["droppedTargetCounts"] == {"none": 1, "target": 0}
    assert [each["scrapePool"] for each in said["droppedTargets"]] == ["none"]
    by_env = {each["labels"].get("env", "-"): each for each in said["activeTargets"]}
    up, down = by_env["prod"], by_env["-"]
    assert up["lastScrape"].startswith("20")
    assert 0 < up["lastScrapeDuration"] < 1
    del up["lastScrape"], up["lastScrapeDuration"]
    assert up == {
        "discoveredLabels": {
            "__address__": target.address,
            "__metrics_path__": "/metrics",
            "__scheme__": "http",
            "__scrape_interval__": "200ms",
            "__scrape_timeout__": "200ms",
            "env": "prod",
            "job": "target",
        },
        "labels": {"env": "prod", "instance": target.address, "job": "target"},
        "scrapePool": "target",
        "scrapeUrl": f"http://{target.address}/metrics",
        "globalUrl": f"http://{target.address}/metrics",
        "lastError": "",
        "health": "up",
        "scrapeInterval": "200ms",
        "scrapeTimeout": "200ms",
    }
    assert (down["health"], "cannot be reached" in down["lastError"]) == ("down", True)
    active = ask(vario.api, "targets", state="active")
    assert (len(active["activeTargets"]), active["droppedTargets"]) == (2, [])
    assert active["droppedTargetCounts"] is None
    dropped = ask(vario.api, "targets", state="dropped", scrapePool="target")
    assert (dropped["activeTargets"], dropped["droppedTargets"]) == ([], [])
    assert ask(vario.api, "scrape_pools") == {"scrapePools": ["none", "target"]}


def test_metadata_of_targets(vario: Addresses, target: Exposer):
    wait_until(lambda: ask(vario.api, "targets/metadata", metric="jobs") != [], 30)
    assert ask(vario.api, "targets/metadata", match_target='{env="prod"}') == [
        {
            "target": {"env": "prod", "instance": target.address, "job": "target"},
            "metric": "jobs",
            "type": "counter",
            "help": "Jobs done.",
            "unit": "",
        }
    ]
    assert ask(vario.api, "targets/metadata", match_target='{env="other"}') == []
    assert ask(vario.api, "targets/metadata", limit=0) == []
    refused = httpx.get(f"{vario.api}/api/v1/targets/metadata", params={"limit": "many"})
    assert (refused.status_code, refused.json()["errorType"]) == (400, "bad_data")


def test_reading_the_configuration(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    assert read_scrape_config("") == ScrapeConfig()
    file = tmp_path / "prometheus.yml"
    file.write_text("nonsense: 1\n")
    read_scrape_config(str(file))
    assert caplog.messages == [f"{file}:1: the key nonsense is not known and is ignored"]
    with pytest.raises(BadData, match="cannot read"):
        read_scrape_config(str(tmp_path / "nowhere.yml"))
