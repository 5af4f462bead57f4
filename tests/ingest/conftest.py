"""A server with its doors open, over the test's own database."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from tests.support.server import serving, settings_for

from vario.app.ports import Addresses
from vario.clock import ManualClock
from vario.config import RetentionSettings
from vario.store.clickhouse import ClickHouseStore


@pytest.fixture
def doors(store: ClickHouseStore, clock: ManualClock) -> Iterator[Addresses]:
    settings = settings_for(str(store.engine.address))
    kept = RetentionSettings(metrics_days=10_000, logs_days=10_000, traces_days=10_000)
    settings = replace(settings, store=replace(settings.store, reader_threads=1, retention=kept))
    with serving(settings, clock) as addresses:
        yield addresses
