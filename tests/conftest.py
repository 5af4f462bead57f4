"""Fixtures that every test may use."""

import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from vario.clock import ManualClock
from vario.config import RetentionSettings, StoreSettings
from vario.store.address import parse_dsn
from vario.store.clickhouse import ClickHouseStore, open_store
from vario.store.engine import Engine

_databases = itertools.count(1)

START_NS = 1_750_000_000_000_000_000
"""What `clock` says at the start of a test: 2025-06-15 15:06:40 UTC."""

KEEP_FOR_YEARS = RetentionSettings(
    metrics_days=10_000, logs_days=10_000, traces_days=10_000, alerts_days=10_000
)
"""Retention that lets tests write at `START_NS`: expired rows would go at once."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update", action="store_true", help="write golden files anew instead of comparing"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts files with tests that may take long first, so that no worker ends with one alone."""
    longest: Counter[Path] = Counter()
    for item in items:
        for mark in item.iter_markers("timeout"):
            longest[item.path] = max(longest[item.path], int(mark.args[0]))
    items.sort(key=lambda item: -longest[item.path])


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Path, str], None]:
    """Compares a text with a golden file, or writes the file where `--update` is given."""

    def check(path: Path, text: str) -> None:
        if request.config.getoption("--update"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.read_text(encoding="utf-8") == text, f"run pytest --update, then read {path}"

    return check


@pytest.fixture(scope="session")
def conformance() -> Path:
    """The folder of cases that nobody here wrote; a test that needs them is skipped without."""
    folder = Path(__file__).parents[2] / "shared" / "conformance"
    if not folder.is_dir():
        pytest.skip(f"NO CONFORMANCE CASES: {folder} is not there, nothing was checked against it")
    return folder


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START_NS)


@pytest.fixture(scope="session")
def embedded_engine() -> Iterator[Engine]:
    """Keeps the process's one embedded engine open between tests, which open it in passing."""
    engine = Engine(parse_dsn("chdb://memory"), reader_threads=1)
    yield engine
    engine.close()


@pytest.fixture
def store(embedded_engine: Engine, clock: ManualClock) -> Iterator[ClickHouseStore]:
    """A store on `chdb://memory` in a database of its own: one engine a process, fresh tables."""
    database = f"test_{os.getpid()}_{next(_databases)}"
    settings = StoreSettings(
        dsn=f"chdb://memory/{database}", reader_threads=2, retention=KEEP_FOR_YEARS
    )
    opened = open_store(settings, clock)
    try:
        yield opened
    finally:
        opened.engine.command(f"DROP DATABASE `{database}` SYNC")
        opened.close()
