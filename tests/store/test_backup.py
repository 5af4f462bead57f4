"""A backup holds all that was stored, checks itself, and comes back whole."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import KEEP_FOR_YEARS, START_NS
from tests.store.test_retention import fill

from vario.clock import ManualClock
from vario.config import StoreSettings
from vario.errors import BadData, ExecutionError, Unavailable
from vario.store import snapshot
from vario.store.backup import (
    read_backup,
    restore_backup,
    stream_backup,
    write_backup,
    writing_file,
)
from vario.store.clickhouse import ClickHouseStore, open_store
from vario.store.incoming import find_filled
from vario.store.move import move_store


@pytest.fixture
def other(clock: ManualClock, store: ClickHouseStore) -> Iterator[ClickHouseStore]:
    """A second, empty store."""
    database = f"other_{os.getpid()}"
    opened = open_store(
        StoreSettings(dsn=f"chdb://memory/{database}", reader_threads=1, retention=KEEP_FOR_YEARS),
        clock,
    )
    try:
        yield opened
    finally:
        opened.engine.command(f"DROP DATABASE `{database}` SYNC")
        opened.close()


@pytest.fixture(autouse=True)
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few rows a slice, so that there are many."""
    monkeypatch.setattr(snapshot, "SLICE_ROWS", 150)


TABLES = ("otel_traces", "otel_traces_trace_id_ts", "otel_logs", "metric_samples", "metric_series")


def digest(store: ClickHouseStore) -> dict[str, object]:
    """Returns what identifies all rows of the tables, in whatever order."""
    return {
        table: store.engine.query_rows(
            f"SELECT count(), groupBitXor(cityHash64(toString(tuple(*)))) FROM {table}"
        )
        for table in TABLES
    }


def make(store: ClickHouseStore, clock: ManualClock, path: Path) -> dict[str, int]:
    with writing_file(path) as file:
        return write_backup(store.engine, clock, file)


def test_what_is_backed_up_comes_back(
    store: ClickHouseStore, other: ClickHouseStore, clock: ManualClock, tmp_path: Path
) -> None:
    fill(store)
    path = tmp_path / "all.tar"
    rows = make(store, clock, path)
    assert {table: rows[table] for table in ("otel_traces", "otel_logs", "metric_samples")} == {
        "otel_traces": 800,
        "otel_logs": 800,
        "metric_samples": 800,
    }
    backup = read_backup(path)
    assert (backup.made_ns, dict(backup.rows)) == (START_NS, rows)
    assert restore_backup(other.engine, path) == rows
    assert digest(other) == digest(store)
    left = store.engine.query_rows(
        "SELECT name FROM system.tables WHERE database = currentDatabase()"
        " AND match(name, 'vario_(snapshot|incoming)')"
    )
    assert left == []


def test_what_comes_during_a_backup_is_not_in_it_and_not_lost(
    store: ClickHouseStore, clock: ManualClock, tmp_path: Path
) -> None:
    fill(store)
    pieces = stream_backup(store.engine, clock)
    path = tmp_path / "all.tar"
    with path.open("wb") as file:
        file.write(next(pieces))
        fill(store)
        store.engine.command("OPTIMIZE TABLE otel_logs FINAL")
        store.engine.command("ALTER TABLE otel_traces DROP PARTITION ID '20250612'")
        file.writelines(pieces)
    assert read_backup(path).rows["otel_logs"] == 800
    assert read_backup(path).rows["otel_traces"] == 800
    assert find_filled(store.engine)["otel_logs"] == 1600


def test_a_store_that_is_not_empty_is_left_alone(
    store: ClickHouseStore, other: ClickHouseStore, clock: ManualClock, tmp_path: Path
) -> None:
    fill(store)
    path = tmp_path / "all.tar"
    make(store, clock, path)
    with pytest.raises(BadData, match=r"not empty .*--force"):
        restore_backup(store.engine, path)
    restore_backup(other.engine, path)
    restore_backup(other.engine, path, force=True)
    assert find_filled(other.engine)["otel_traces"] == 1600


def test_a_damaged_file_is_refused_before_anything_is_written(
    store: ClickHouseStore, other: ClickHouseStore, clock: ManualClock, tmp_path: Path
) -> None:
    fill(store)
    path = tmp_path / "all.tar"
    make(store, clock, path)
    whole = path.read_bytes()
    spot = whole.index(b"\x28\xb5\x2f\xfd") + 20  # in the first compressed member
    for name, body, told in (
        ("flipped", whole[:spot] + bytes([whole[spot] ^ 1]) + whole[spot + 1 :], "damaged"),
        ("cut", whole[: len(whole) // 2], "cut off|damaged"),
        ("short", b"no backup at all", "no backup of vario"),
        ("other", whole[512:], "no backup of vario"),
    ):
        broken = tmp_path / name
        broken.write_bytes(body)
        with pytest.raises(BadData, match=told):
            restore_backup(other.engine, broken)
    assert find_filled(other.engine) == {}
    with pytest.raises(Unavailable, match="cannot read"):
        read_backup(tmp_path / "nowhere")
    with pytest.raises(Unavailable, match="cannot write"):
        make(store, clock, tmp_path / "nowhere" / "all.tar")


def test_a_move_goes_on_where_it_was_cut_off(
    store: ClickHouseStore, other: ClickHouseStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store)

    def cut_off(table: str, _done: int, _total: int) -> None:
        if table == "otel_traces":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        move_store(store.engine, other.engine, cut_off)
    half = find_filled(other.engine)
    assert half["otel_traces"] == 200
    told: list[tuple[str, int, int]] = []
    rows = move_store(store.engine, other.engine, lambda *step: told.append(step))
    assert digest(other) == digest(store)
    assert told[-1][1] == told[-1][2] == sum(rows.values())
    again = move_store(store.engine, other.engine)
    assert again == rows
    assert digest(other) == digest(store)


def test_a_move_wants_an_empty_target(store: ClickHouseStore, other: ClickHouseStore) -> None:
    fill(store)
    fill(other)
    with pytest.raises(BadData, match="is not empty"):
        move_store(store.engine, other.engine)


def test_rows_that_do_not_arrive_are_noticed(
    store: ClickHouseStore, other: ClickHouseStore
) -> None:
    from vario.store.incoming import Incoming

    fill(store)
    incoming = Incoming(other.engine, "otel_logs")
    with snapshot.take_snapshot(store.engine) as taken:
        one = taken.tables["otel_logs"][0]
        incoming.write(one.read(store.engine))
    with pytest.raises(ExecutionError, match="try again"):
        incoming.finish(one.partition, one.rows + 1, replace=True)
    incoming.close()
    assert find_filled(other.engine) == {}
