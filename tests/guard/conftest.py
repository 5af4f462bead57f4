"""A whole server with small budgets, and a store of the tests' own on the same database."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.conftest import KEEP_FOR_YEARS
from tests.support.exposer import Exposer, exposing
from tests.support.server import serving, settings_for

from vario.app.ports import Addresses
from vario.clock import SystemClock
from vario.config import GuardSettings
from vario.store.clickhouse import ClickHouseStore, open_store
from vario.store.engine import Engine

GUARD = GuardSettings(
    rules=("hash field=account.email", "drop field=forbidden", "allow service=trusted"),
    label_values=10,
    id_values=3,
    cardinality_rules=("allow metric=reference*", "5 metric=tight* label=route"),
    poll_s=0.1,
)


@pytest.fixture(scope="module")
def target() -> Iterator[Exposer]:
    with exposing() as exposer:
        yield exposer


@pytest.fixture(scope="module")
def guarded(
    embedded_engine: Engine, target: Exposer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Addresses, ClickHouseStore]]:
    file: Path = tmp_path_factory.mktemp("guard") / "prometheus.yml"
    file.write_text(
        f'{{"scrape_configs": [{{"job_name": "target", "scrape_interval": "200ms", '
        f'"static_configs": [{{"targets": ["{target.address}"]}}]}}]}}'
    )
    settings = settings_for("chdb://memory/guarded")
    settings = replace(
        settings,
        guard=GUARD,
        store=replace(settings.store, reader_threads=1, retention=KEEP_FOR_YEARS),
        ingest=replace(settings.ingest, prometheus_config=str(file)),
    )
    clock = SystemClock()
    store = open_store(settings.store, clock)
    try:
        with serving(settings, clock) as addresses:
            yield addresses, store
    finally:
        store.engine.command("DROP DATABASE guarded SYNC")
        store.close()


@pytest.fixture
def doors(guarded: tuple[Addresses, ClickHouseStore]) -> Addresses:
    return guarded[0]


@pytest.fixture
def store(guarded: tuple[Addresses, ClickHouseStore]) -> ClickHouseStore:
    return guarded[1]
