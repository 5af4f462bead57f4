from itertools import pairwise

import pytest

from vario.ingest.scrape.config import ScrapeJob, TargetGroup
from vario.ingest.scrape.relabel import RelabelRule
from vario.ingest.scrape.targets import Discovered, Target, make_targets


def discover(job: ScrapeJob, *targets: str, **labels: str) -> Discovered:
    return make_targets(job, [TargetGroup(targets, labels, "f.yml:3")])


def test_a_plain_target():
    found = discover(ScrapeJob("node"), "host:9100", env="prod", __meta_x="y")
    discovered = {
        "env": "prod",
        "__meta_x": "y",
        "__address__": "host:9100",
        "job": "node",
        "__scrape_interval__": "1m",
        "__scrape_timeout__": "10s",
        "__metrics_path__": "/metrics",
        "__scheme__": "http",
    }
    assert found == Discovered(
        targets=(
            Target(
                job="node",
                discovered=discovered,
                labels={"env": "prod", "job": "node", "instance": "host:9100"},
                url="http://host:9100/metrics",
                interval_s=60,
                timeout_s=10,
            ),
        ),
        dropped=(),
        faults=(),
    )


def test_relabelling_may_change_everything():
    job = ScrapeJob(
        "blackbox",
        scrape_interval_s=1.5,
        scrape_timeout_s=0.5,
        metrics_path="/probe",
        scheme="https",
        params={"module": ("http", "tcp"), "debug": ("true",)},
        relabel_configs=(
            RelabelRule(source_labels=("__address__",), target_label="__param_target"),
            RelabelRule(source_labels=("__param_target",), target_label="instance"),
            RelabelRule(target_label="__address__", replacement="prober:9115"),
            RelabelRule(target_label="__param_module", replacement="icmp"),
            RelabelRule(target_label="__scrape_interval__", replacement="5m"),
            RelabelRule(target_label="__scrape_timeout__", replacement="1500ms"),
            RelabelRule(target_label="__tmp", replacement="gone"),
        ),
    )
    (target,) = discover(job, "https://example.com/a b").targets
    assert target.url == (
        "https://prober:9115/probe?debug=true&module=icmp&module=tcp"
        "&target=https%3A%2F%2Fexample.com%2Fa+b"
    )
    assert target.labels == {"job": "blackbox", "instance": "https://example.com/a b"}
    assert (target.interval_s, target.timeout_s) == (300, 1.5)


def test_dropped_and_faulty_and_equal_targets():
    job = ScrapeJob(
        "a",
        relabel_configs=(
            RelabelRule("drop", ("__address__",), regex="drop.*"),
            RelabelRule(
                source_labels=("__address__",), regex="empty", target_label="__address__",
                replacement="",
            ),
            RelabelRule(
                source_labels=("__address__",), regex="ftp", target_label="__scheme__",
                replacement="ftp",
            ),
            RelabelRule(
                source_labels=("__address__",), regex="slow",
                target_label="__scrape_timeout__", replacement="2m",
            ),
            RelabelRule(
                source_labels=("__address__",), regex="odd",
                target_label="__scrape_interval__", replacement="often",
            ),
        ),
    )  # fmt: skip
    found = discover(job, "ok", "drop:1", "http://x", "empty", "ftp", "slow", "odd", "ok")
    assert [target.url for target in found.targets] == ["http://ok/metrics"]
    assert [labels["__address__"] for labels in found.dropped] == ["drop:1"]
    assert found.faults == (
        "target 'http://x' of f.yml:3: 'http://x' is not an address: write host:port, without "
        "scheme and path",
        "target 'empty' of f.yml:3: it has no address",
        "target 'ftp' of f.yml:3: its scheme 'ftp' is neither http nor https",
        "target 'slow' of f.yml:3: its scrape timeout is greater than its scrape interval",
        "target 'odd' of f.yml:3: its __scrape_interval__ 'often' is not a duration of more than "
        "0, such as 15s",
    )


@pytest.mark.parametrize("seed", ["a", "b"])
def test_offsets_spread_over_the_interval(seed: str):
    job = ScrapeJob("a", scrape_interval_s=10)
    targets = discover(job, *(f"host{i}" for i in range(200))).targets
    offsets = sorted(target.offset_s(seed) for target in targets)
    assert 0 <= offsets[0] < 0.5
    assert 9.5 < offsets[-1] < 10
    assert max(b - a for a, b in pairwise(offsets)) < 0.6
    assert targets[0].offset_s(seed) == targets[0].offset_s(seed) != targets[0].offset_s("c")
