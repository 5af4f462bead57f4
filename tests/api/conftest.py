"""The application over a store in memory, asked in process."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.asgi_client import AppClient
from tests.support.otlp_factory import START_NS

from vario.api.app import create_app
from vario.api.context import ServerFacts
from vario.api.middleware import LOOPBACK_HOSTS
from vario.clock import ManualClock
from vario.config import StoreSettings
from vario.store.clickhouse import ClickHouseStore, open_store
from vario.store.engine import Engine

FACTS = ServerFacts(
    version="1.2.3",
    started_ns=START_NS - 5 * 10**9,
    store="chdb://memory",
    otlp_http="http://127.0.0.1:4318",
    otlp_grpc="http://127.0.0.1:4317",
)


@pytest.fixture
def static(tmp_path: Path) -> Path:
    """A built UI of one page, one hashed asset and one icon."""
    folder = tmp_path / "static"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>vario</title>")
    (folder / "assets" / "index-abc123.js").write_text("export const answer = 42;" * 100)
    (folder / "favicon.svg").write_text("<svg/>")
    (tmp_path / "secret.txt").write_text("outside")
    return folder


@pytest.fixture(scope="module")
def empty_store(embedded_engine: Engine) -> Iterator[ClickHouseStore]:
    """A store that the tests of a module share and write nothing to."""
    clock = ManualClock(START_NS)
    opened = open_store(StoreSettings(dsn="chdb://memory/api_empty", reader_threads=2), clock)
    yield opened
    opened.engine.command("DROP DATABASE `api_empty` SYNC")
    opened.close()


@pytest.fixture
def empty_client(empty_store, clock, static: Path) -> Iterator[AppClient]:
    """The application over a store without data."""
    app = create_app(empty_store, FACTS, clock=clock, hosts=LOOPBACK_HOSTS, static=static)
    with AppClient(app) as client:
        yield client


@pytest.fixture
def client(store, clock, static: Path) -> Iterator[AppClient]:
    app = create_app(store, FACTS, clock=clock, hosts=LOOPBACK_HOSTS, static=static)
    with AppClient(app) as client:
        yield client
