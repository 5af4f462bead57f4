"""vario and a live Prometheus 3.5 scrape the same target: what is stored may not differ."""

import itertools
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, TypeVar

import pytest
from tests.support.exposer import TEXT, Exposer, Request, exposing
from tests.support.peers import unpack_peer
from tests.support.prometheus import Prometheus, ask, running_prometheus, wait_until
from tests.support.server import serving, settings_for

from vario.app.ports import Addresses
from vario.clock import SystemClock
from vario.store.engine import Engine

T = TypeVar("T")

BODY = r"""# HELP http_requests_total Requests.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200",instance="own"} 1027
http_requests_total{method="get",code="500",path="/ü\"\\\n"} 3
# TYPE lat histogram
lat_bucket{le="0.5"} 1
lat_bucket{le="1"} 2
lat_bucket{le="+Inf"} 3
lat_sum 2.5
lat_count 3
# TYPE rpc summary
rpc{quantile="0.50"} 4773
rpc_sum 1.7560473e+07
rpc_count 2693
temperature{room="1",job="x",exported_job="y"} -4.5
go_threads 7
dup 1
dup 2
{"utf8.name","l.x"="1"} 5
nan NaN
"""

CONFIG: dict[str, Any] = {
    "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
    "scrape_configs": [
        {
            "job_name": "plain",
            "static_configs": [{"targets": ["TARGET"], "labels": {"env": "a"}}],
        },
        {
            "job_name": "honoring",
            "honor_labels": True,
            "static_configs": [{"targets": ["TARGET"]}],
        },
        {
            "job_name": "relabelled",
            "params": {"x": ["1"]},
            "static_configs": [{"targets": ["TARGET", "drop.me:1"], "labels": {"__tmp": "t"}}],
            "relabel_configs": [
                {"source_labels": ["__address__"], "regex": "drop.*", "action": "drop"},
                {"source_labels": ["__tmp", "job"], "separator": "-", "target_label": "joined"},
                {
                    "source_labels": ["__address__"],
                    "modulus": 8,
                    "target_label": "shard",
                    "action": "hashmod",
                },
                {"target_label": "instance", "replacement": "fixed"},
            ],
            "metric_relabel_configs": [
                {"source_labels": ["__name__"], "regex": "go_.*", "action": "drop"},
                {"regex": "(co)(de)", "replacement": "${2}_$1", "action": "labelmap"},
                {"source_labels": ["method"], "target_label": "METHOD", "action": "uppercase"},
                {"regex": "path", "action": "labeldrop"},
            ],
        },
        {
            "job_name": "limited",
            "sample_limit": 3,
            "static_configs": [{"targets": ["TARGET"]}],
        },
        {"job_name": "absent", "static_configs": [{"targets": ["127.0.0.1:1"]}]},
        {
            "job_name": "native",
            "scrape_protocols": ["PrometheusProto"],
            "static_configs": [{"targets": ["PEER"]}],
            "metric_relabel_configs": [
                {
                    "source_labels": ["__name__"],
                    "regex": "prometheus_(http_request_duration_seconds|build_info).*",
                    "action": "keep",
                }
            ],
        },
    ],
}


@pytest.fixture(scope="module")
def target() -> Iterator[Exposer]:
    with exposing(BODY, TEXT) as exposer:
        yield exposer


def filled(peer: str, target: str) -> dict[str, Any]:
    return json.loads(json.dumps(CONFIG).replace("TARGET", target).replace("PEER", peer))


@pytest.fixture(scope="module")
def prometheus(target: Exposer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("prometheus")
    program = unpack_peer("prometheus_", "usr/bin/prometheus", folder)
    config = filled("SELF", target.address)
    with running_prometheus(program, folder, config, "native-histograms") as running:
        yield running


@pytest.fixture(scope="module")
def vario(
    embedded_engine: Engine,
    prometheus: Prometheus,
    target: Exposer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Addresses]:
    config = filled(prometheus.address.removeprefix("http://"), target.address)
    config["global"]["scrape_native_histograms"] = True
    file = tmp_path_factory.mktemp("scrape") / "prometheus.yml"
    file.write_text(json.dumps(config))
    settings = settings_for("chdb://memory/live_scrape")
    settings = replace(
        settings,
        store=replace(settings.store, reader_threads=1),
        ingest=replace(settings.ingest, prometheus_config=str(file)),
    )
    with serving(settings, SystemClock()) as addresses:
        yield addresses
    embedded_engine.command("DROP DATABASE live_scrape SYNC")


def compare(look: Callable[[str], T], vario: Addresses, prometheus: Prometheus) -> tuple[T, T]:
    """What both show, once that is the same: on a busy machine a scrape may miss its timeout."""
    deadline = time.monotonic() + 60
    while (got := look(vario.api)) != (want := look(prometheus.address)):
        if time.monotonic() > deadline:
            assert got == want
        time.sleep(0.5)
    return got, want


LOOSE = {"scrape_duration_seconds", "scrape_samples_scraped", "scrape_series_added"}
"""Series whose values depend on the moment."""


def latest(address: str) -> dict[tuple[tuple[str, str], ...], Any]:
    """The newest value of every series; what moves only by being there."""
    found: dict[tuple[tuple[str, str], ...], Any] = {}
    for row in ask(address, "query", query='{job=~".+"}')["result"]:
        labels = row["metric"]
        moves = labels["job"] == "native" or labels["__name__"] in LOOSE
        histogram = "histogram" in row
        value = "some" if moves else row["value"][1]
        found[tuple(sorted(labels.items()))] = (histogram, value)
    return found


@pytest.mark.conformance
def test_the_same_targets_give_the_same_series(
    vario: Addresses, prometheus: Prometheus, target: Exposer
):
    def scraped(address: str) -> bool:
        up = ask(address, "query", query="count_over_time(up[1m]) >= 3")["result"]
        return len(up) == len(CONFIG["scrape_configs"])

    for address in (prometheus.address, vario.api):
        wait_until(lambda address=address: scraped(address), 60)
    got, want = compare(latest, vario, prometheus)
    assert len(want) > 70
    ups = {dict(labels)["job"]: value for labels, (_, value) in want.items()
           if dict(labels)["__name__"] == "up"}  # fmt: skip
    assert (ups["limited"], ups["absent"], ups["plain"]) == ("0", "0", "1")
    assert any(histogram for histogram, _ in got.values())


@pytest.mark.conformance
def test_the_same_series_end_at_the_same_scrape(
    vario: Addresses, prometheus: Prometheus, target: Exposer
):
    ticks = itertools.count()

    def answer(_: Request) -> tuple[int, dict[str, str], bytes]:
        body = BODY if next(ticks) < 4 else "dup 1\n"
        return 200, {"content-type": TEXT}, body.encode()

    target.answer = answer
    query = '{job="plain",__name__!~"scrape_.*|up"}'

    def left(address: str) -> set[str]:
        result = ask(address, "query", query=query)["result"]
        return {row["metric"]["__name__"] for row in result}

    for address in (prometheus.address, vario.api):
        wait_until(lambda address=address: left(address) == {"dup"}, 30)
    target.say("oops", TEXT)
    for address in (prometheus.address, vario.api):
        wait_until(lambda address=address: left(address) == set(), 30)


SHOWN = (
    "discoveredLabels",
    "labels",
    "scrapePool",
    "scrapeUrl",
    "health",
    "scrapeInterval",
    "scrapeTimeout",
)


@pytest.mark.conformance
def test_targets_are_shown_alike(vario: Addresses, prometheus: Prometheus):
    def shown(address: str) -> tuple[Any, ...]:
        said = ask(address, "targets")
        active = [{key: target[key] for key in SHOWN} for target in said["activeTargets"]]
        return sorted(active, key=str), said["droppedTargets"], said["droppedTargetCounts"]

    compare(shown, vario, prometheus)
