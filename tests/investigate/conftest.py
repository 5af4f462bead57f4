"""A system with planted changes, in one store that is emptied between tests.

A fresh database for each test takes three times as long as what is asked of it.
"""

from collections.abc import Iterator

import pytest
from tests.conftest import KEEP_FOR_YEARS
from tests.support.otlp_factory import START_NS
from tests.support.planted import Planted

from vario.clock import ManualClock
from vario.config import StoreSettings
from vario.store.clickhouse import ClickHouseStore, open_store
from vario.store.engine import Engine


@pytest.fixture(scope="module")
def shared_store(embedded_engine: Engine) -> Iterator[ClickHouseStore]:
    settings = StoreSettings(
        dsn="chdb://memory/planted", reader_threads=2, retention=KEEP_FOR_YEARS
    )
    opened = open_store(settings, ManualClock(START_NS))
    yield opened
    opened.engine.command("DROP DATABASE planted SYNC")
    opened.close()


@pytest.fixture
def planted(shared_store: ClickHouseStore) -> Iterator[Planted]:
    engine = shared_store.engine
    # What a store remembers of series would be wrong of empty tables: hence a new one.
    yield Planted(ClickHouseStore(engine, ManualClock(START_NS)))
    for (table,) in engine.query_rows(
        "SELECT name FROM system.tables WHERE database = currentDatabase()"
        " AND engine LIKE '%MergeTree' AND name != 'vario_migrations' AND total_rows > 0"
    ):
        engine.command(f"TRUNCATE TABLE {table}")
