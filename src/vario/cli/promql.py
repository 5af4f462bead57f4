"""`vario promql`: PromQL without a server."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vario.clock import SystemClock
from vario.config import RetentionSettings, StoreSettings

if TYPE_CHECKING:
    from vario.query.promql.testing.scratch import ScratchMetrics

_EXAMPLE = "Example: vario promql test rules.test"


@click.group()
def promql() -> None:
    """Work with PromQL test scripts."""


@promql.command(epilog=_EXAMPLE)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--at-times", is_flag=True, help="Also evaluate each query elsewhere, fixed with @.")
def test(files: tuple[Path, ...], *, at_times: bool) -> None:
    """Run test scripts in Prometheus' grammar: load, eval, expect.

    Everything is evaluated by the real engine over a real store, which lives in memory. Failures
    are printed with what was expected and what came; the exit code is 1 if there are any.
    """
    passed, failed = run_files(files, at_times=at_times)
    click.echo(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


def run_files(files: tuple[Path, ...], *, at_times: bool = False) -> tuple[int, int]:
    """Runs scripts and prints their failures; returns how many evaluations passed and failed."""
    from vario.query.promql.engine import Options, PromQL
    from vario.query.promql.features import ALL_FEATURES
    from vario.query.promql.testing.run import run_script
    from vario.query.promql.testing.series_text import ScriptError

    passed = failed = 0
    with scratch_metrics() as metrics:
        engine = PromQL(metrics, Options(features=ALL_FEATURES))
        for file in files:
            try:
                text = file.read_text(encoding="utf-8")
                for verdict in run_script(text, metrics, engine, at_times=at_times):
                    if verdict.fault is None:
                        passed += 1
                        continue
                    failed += 1
                    click.echo(f"{file}:{verdict.line}: {verdict.query}\n    {verdict.fault}")
            except (ScriptError, OSError, UnicodeDecodeError) as error:
                failed += 1
                click.echo(f"{file}: {error}")
    return passed, failed


@contextmanager
def scratch_metrics() -> Generator["ScratchMetrics"]:
    """Gives a store of metrics in memory, whatever age their samples are."""
    from vario.query.promql.testing.scratch import ScratchMetrics
    from vario.store.clickhouse import open_store

    # Scripts begin in 1970: what they load must not be over its retention.
    keep = RetentionSettings(metrics_days=30_000)
    settings = StoreSettings(dsn="chdb://memory", reader_threads=1, retention=keep)
    store = open_store(settings, SystemClock())
    try:
        yield ScratchMetrics(store)
    finally:
        store.close()
