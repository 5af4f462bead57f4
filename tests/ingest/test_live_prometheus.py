"""A live Prometheus 3.5 writes to vario, in both versions, what it scrapes: nothing may differ."""

import itertools
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from tests.support.exposer import OPENMETRICS, Exposer, Request, exposing
from tests.support.peers import unpack_peer
from tests.support.prometheus import Prometheus, ask, running_prometheus, wait_until
from tests.support.server import serving, settings_for

from vario.app.ports import Addresses
from vario.clock import SystemClock
from vario.store.engine import Engine

WRITERS = {"v1": "prometheus.WriteRequest", "v2": "io.prometheus.write.v2.Request"}
FEATURES = ("native-histograms", "exemplar-storage", "metadata-wal-records")


def moving(ticks: Iterator[int]) -> Any:
    """An answer that grows, with odd values, odd names, exemplars, and a series that comes and
    goes."""

    def answer(_: Request) -> tuple[int, dict[str, str], bytes]:
        i = next(ticks)
        lines = [
            "# TYPE jobs counter",
            "# HELP jobs Jobs that were done.",
            f'jobs_total{{kind="a b\\"c\\\\d\\ne"}} {i * 1.5} # {{trace_id="t{i}"}} 0.25',
            f'jobs_total{{kind="ü"}} {i % 4}',
            "# TYPE depth gauge",
            f"depth {['NaN', '+Inf', '-Inf', '1e-300', '12345678.9'][i % 5]}",
            *([f'coming_and_going{{a="1"}} {i}'] if i % 6 < 3 else []),
            "# TYPE lat_seconds histogram",
            "# UNIT lat_seconds seconds",
            f'lat_seconds_bucket{{le="0.1"}} {i} # {{trace_id="h{i}",span_id="s"}} 0.05',
            f'lat_seconds_bucket{{le="+Inf"}} {2 * i}',
            f"lat_seconds_count {2 * i}",
            f"lat_seconds_sum {i * 0.3}",
            f'{{"utf8.name","utf8.label"="1"}} {i}',
            "# EOF",
        ]
        return 200, {"content-type": OPENMETRICS}, "\n".join([*lines, ""]).encode()

    return answer


@pytest.fixture(scope="module")
def vario(embedded_engine: Engine) -> Iterator[Addresses]:
    settings = settings_for("chdb://memory/live_prometheus")
    few = replace(settings.store, reader_threads=1)
    with serving(replace(settings, store=few), SystemClock()) as addresses:
        yield addresses
    embedded_engine.command("DROP DATABASE live_prometheus SYNC")


@pytest.fixture(scope="module")
def target() -> Iterator[Exposer]:
    with exposing() as exposer:
        exposer.answer = moving(itertools.count())
        yield exposer


@pytest.fixture(scope="module")
def prometheus(
    vario: Addresses, target: Exposer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("prometheus")
    program = unpack_peer("prometheus_", "usr/bin/prometheus", folder)
    config = {
        "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms"},
        "scrape_configs": [
            {"job_name": "target", "static_configs": [{"targets": [target.address]}]},
            {
                "job_name": "itself",
                "scrape_protocols": ["PrometheusProto"],
                "static_configs": [{"targets": ["SELF"]}],
            },
        ],
        "remote_write": [
            {
                "url": f"{vario.api}/api/v1/write",
                "name": name,
                "protobuf_message": message,
                "send_exemplars": True,
                "send_native_histograms": True,
                "metadata_config": {"send_interval": "1s"},
                "write_relabel_configs": [{"target_label": "rw", "replacement": name}],
                "queue_config": {"batch_send_deadline": "200ms"},
            }
            for name, message in WRITERS.items()
        ],
    }
    with running_prometheus(program, folder, config, *FEATURES) as running:
        yield running


@pytest.fixture(scope="module")
def moment(prometheus: Prometheus) -> float:
    """Some time after the start, up to which everything has been scraped."""
    at = float(int(time.time()) + 10)
    wait_until(lambda: settled(prometheus.address, at), 60)
    return at


def matrix(address: str, query: str, at: float) -> dict[tuple[tuple[str, str], ...], Any]:
    """Raw samples of every series, floats and histograms, without the label of the writer."""
    found = ask(address, "query", query=query, time=at)["result"]
    return {
        tuple(sorted((k, v) for k, v in row["metric"].items() if k != "rw")): (
            row.get("values", []),
            row.get("histograms", []),
        )
        for row in found
    }


def settled(address: str, at: float, **labels: str) -> bool:
    """Whether a scrape after `at` has arrived, and with it all before: the queue is in order."""
    matchers = ",".join(f'{name}="{value}"' for name, value in labels.items())
    query = f"min(timestamp(up{{{matchers}}}))"
    newest = ask(address, "query", query=query, time=at + 60)["result"]
    return bool(newest) and float(newest[0]["value"][1]) > at


@pytest.mark.conformance
@pytest.mark.parametrize("version", list(WRITERS))
def test_everything_that_prometheus_has_is_the_same_in_vario(
    vario: Addresses, prometheus: Prometheus, version: str, moment: float
):
    at = moment
    wait_until(lambda: settled(vario.api, at, rw=version), 60)
    want = matrix(prometheus.address, '{job=~".+"}[1h]', at)
    got = matrix(vario.api, f'{{job=~".+",rw="{version}"}}[1h]', at)
    assert sorted(got) == sorted(want)
    for labels, (values, histograms) in want.items():
        assert got[labels] == (values, histograms), labels
    assert sum(len(values) for values, _ in want.values()) > 1000
    assert sum(len(histograms) for _, histograms in want.values()) > 10
    names = {dict(labels)["__name__"] for labels in want}
    assert {"utf8.name", "coming_and_going", "depth", "jobs_total"} <= names


@pytest.mark.conformance
@pytest.mark.parametrize("version", list(WRITERS))
def test_exemplars_and_metadata_are_the_same(
    vario: Addresses, prometheus: Prometheus, version: str, moment: float
):
    def exemplars(address: str, query: str) -> dict[str, list[tuple[Any, ...]]]:
        found = ask(address, "query_exemplars", query=query, start=moment - 60, end=moment)
        return {
            row["seriesLabels"]["__name__"]: sorted(
                (said["timestamp"], float(said["value"]), tuple(sorted(said["labels"].items())))
                for said in row["exemplars"]
            )
            for row in found
        }

    wait_until(lambda: settled(vario.api, moment, rw=version), 60)
    want = exemplars(prometheus.address, '{job="target"}')
    assert set(want) == {"jobs_total", "lat_seconds_bucket"}
    assert exemplars(vario.api, f'{{job="target",rw="{version}"}}') == want

    said = ask(prometheus.address, "metadata")
    for name in ("jobs", "depth", "lat_seconds", "go_goroutines", "prometheus_build_info"):
        got = ask(vario.api, "metadata", metric=name)
        assert got.get(name) == said[name], name


@pytest.mark.conformance
def test_prometheus_has_nothing_to_complain_about(prometheus: Prometheus, moment: float):
    assert "level=ERROR" not in prometheus.log
