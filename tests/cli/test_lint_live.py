"""`vario lint --server` against a running server: series, types and bucket bounds."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.support.otlp_factory import make_gauge, make_histogram, make_point, metrics_body
from tests.support.server import serving, settings_for

from vario.cli.lint import lint
from vario.cli.lint_live import LiveServer
from vario.clock import SystemClock
from vario.model.telemetry import Signal
from vario.store.clickhouse import open_store
from vario.store.engine import Engine


@pytest.fixture(scope="module")
def address(embedded_engine: Engine) -> Iterator[str]:
    """A server that holds a gauge and a histogram of a minute ago."""
    settings = settings_for("chdb://memory/linted")
    few = replace(settings.store, reader_threads=1)
    clock = SystemClock()
    then = clock.now_ns() - 60 * 10**9
    store = open_store(few, clock)
    latency = make_histogram(
        "latency", bounds=(0.1, 0.5), counts=(1, 2, 0), total=0.7, time_ns=then, unit="s"
    )
    depth = make_gauge("depth", make_point(3, time_ns=then))
    store.write_otlp(Signal.METRICS, metrics_body("ml-infer", latency, depth))
    try:
        with serving(replace(settings, store=few), clock) as addresses:
            yield addresses.api
    finally:
        store.engine.command("DROP DATABASE linted SYNC")
        store.close()


def test_the_server_is_asked(address: str) -> None:
    live = LiveServer(address)
    assert live.metric_type("depth") == "gauge"
    assert live.metric_type("latency_seconds_bucket") == "counter"
    assert live.metric_type("nothing") == ""
    assert live.bucket_bounds("latency_seconds_bucket") == (0.1, 0.5)
    assert live.has_series("depth")
    assert not live.has_series('depth{a="b"}')


def test_rules_are_held_against_what_there_is(address: str, tmp_path: Path) -> None:
    path = tmp_path / "r.yml"
    path.write_text(
        "groups:\n- name: g\n  rules:\n"
        "  - {record: made, expr: max(depth)}\n"
        "  - {record: a, expr: made + absent(gone) + gone}\n"
        "  - {record: b, expr: 'rate(depth[5m])'}\n"
        "  - record: c\n"
        "    expr: histogram_quantile(0.9, sum by (le) (rate(latency_seconds_bucket[5m]))) > 0.2\n",
        "utf-8",
    )
    result = CliRunner().invoke(lint, [str(path), "--server", address, "--format", "github"])
    codes = [line.partition("title=")[2][:5] for line in result.stdout.splitlines()]
    assert codes == ["VA117", "VA104", "VA111"]
