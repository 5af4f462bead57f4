"""Metric tables for whatever time a test speaks of."""

import itertools
import os
from collections.abc import Iterator

import pytest

from vario.clock import SystemClock
from vario.config import RetentionSettings, StoreSettings
from vario.query.promql.testing.scratch import ScratchMetrics
from vario.store.clickhouse import open_store
from vario.store.engine import Engine

_databases = itertools.count(1)


@pytest.fixture(scope="module")
def metrics(embedded_engine: Engine) -> Iterator[ScratchMetrics]:
    """Metric tables on the real engine that keep samples from 1970 on; their user clears them."""
    database = f"promql_{os.getpid()}_{next(_databases)}"
    settings = StoreSettings(
        dsn=f"chdb://memory/{database}",
        reader_threads=1,
        retention=RetentionSettings(metrics_days=30_000),
    )
    store = open_store(settings, SystemClock())
    try:
        yield ScratchMetrics(store)
    finally:
        store.engine.command(f"DROP DATABASE `{database}` SYNC")
        store.close()
