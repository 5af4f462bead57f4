"""One server with its doors open, over a database that each test finds empty."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from tests.conftest import KEEP_FOR_YEARS, START_NS
from tests.support.server import serving, settings_for

from vario.app.ports import Addresses
from vario.clock import ManualClock
from vario.store.clickhouse import ClickHouseStore, open_store
from vario.store.engine import Engine

TABLES = ("otel_traces", "otel_logs", "metric_samples")
"""What is emptied; series stay, because the engine does not write again those it has seen."""


@pytest.fixture(scope="session")
def served(embedded_engine: Engine) -> Iterator[tuple[Addresses, ClickHouseStore]]:
    """A server, and a store of the test's own on the same database."""
    settings = settings_for("chdb://memory/served")
    few = replace(settings.store, reader_threads=1, retention=KEEP_FOR_YEARS)
    # Tests send the same bodies and want them stored each time.
    ingest = replace(settings.ingest, remember_s=0.0)
    clock = ManualClock(START_NS)
    store = open_store(few, clock)
    try:
        with serving(replace(settings, store=few, ingest=ingest), clock) as addresses:
            yield addresses, store
    finally:
        store.engine.command("DROP DATABASE served SYNC")
        store.close()


@pytest.fixture
def store(served: tuple[Addresses, ClickHouseStore]) -> ClickHouseStore:
    for table in TABLES:
        served[1].engine.command(f"TRUNCATE TABLE {table}")
    return served[1]


@pytest.fixture
def doors(served: tuple[Addresses, ClickHouseStore], store: ClickHouseStore) -> Addresses:
    return served[0]
