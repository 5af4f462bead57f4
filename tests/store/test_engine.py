import os
import subprocess
import sys
from pathlib import Path

import clickhouse_connect
import pytest
from tests.support.otlp_factory import make_span, traces_body

from vario.errors import BadData, InternalError, Unavailable
from vario.model.telemetry import Signal
from vario.store.address import Address, default_folder, parse_dsn
from vario.store.clickhouse import ClickHouseStore
from vario.store.embedded import FolderLock
from vario.store.engine import Engine
from vario.store.faults import translate

FAILS_LATE = "SELECT number, throwIf(number = 900000, 'late') FROM numbers(1000000)"


def test_a_failed_query_leaves_rows_behind_in_a_bare_handle(embedded_engine: Engine) -> None:
    """The fault that `Engine` is there for. If this fails, chDB has mended it."""
    bare = clickhouse_connect.get_client(interface="chdb", path=":memory:")
    try:
        with pytest.raises(clickhouse_connect.driver.exceptions.DatabaseError, match="late"):
            bare.query(FAILS_LATE)
        left_over = bare.raw_query("SELECT 'mine'", fmt="TabSeparated")
        assert left_over.endswith(b"mine\n")
        assert len(left_over) > len(b"mine\n")
    finally:
        bare.close()


def test_a_failed_query_leaves_nothing_behind_in_ours(store: ClickHouseStore) -> None:
    for _ in range(5):
        with pytest.raises(BadData, match="late"):
            store.engine.query_rows(FAILS_LATE)
        assert store.engine.query_rows("SELECT 1 AS number, 2 AS other") == [(1, 2)]
        with pytest.raises(BadData, match="late"):
            store.engine.query_columns(FAILS_LATE)
        columns = store.engine.query_columns("SELECT 1 AS number, 2 AS other")
        assert {name: list(column) for name, column in columns.items()} == {
            "number": [1],
            "other": [2],
        }
        with pytest.raises(BadData):
            store.write_otlp(Signal.TRACES, traces_body("a", make_span()) + b"\x0a\x7fcut")
        store.engine.command("SELECT 1")
    assert store.engine.query_rows("SELECT count() FROM otel_traces") == [(0,)]


HOLD = """
import sys
from vario.clock import SystemClock
from vario.config import StoreSettings
from vario.errors import Unavailable
from vario.store.clickhouse import open_store
try:
    store = open_store(StoreSettings(dsn="chdb://" + sys.argv[1]), SystemClock())
except Unavailable as error:
    print("refused", error)
else:
    print("open", flush=True)
    sys.stdin.read()
    store.close()
"""


def test_small_inserts_do_not_have_all_that_is_there_written_again(store: ClickHouseStore) -> None:
    engine, rows = store.engine, 100
    engine.command("CREATE TABLE small (at UInt64, body String) ENGINE = MergeTree ORDER BY at")

    def count_merged() -> int:
        told = engine.query_rows("SELECT value FROM system.events WHERE event = 'MergedRows'")
        return int(told[0][0]) if told else 0

    before = count_merged()
    for _ in range(300):
        engine.command(
            f"INSERT INTO small SELECT number, hex(sipHash128(number)) FROM numbers({rows})"
        )
    # With the large part merged with each new one, every row was written some 30 times.
    assert count_merged() - before < 20 * 300 * rows
    [(parts,)] = engine.query_rows(
        "SELECT count() FROM system.parts WHERE table = 'small' AND active"
        " AND database = currentDatabase()"
    )
    assert parts < 40


def test_a_second_process_on_a_folder_gets_one_sentence(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "open\n"
        second = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        first.communicate(timeout=60)
    assert (second.stdout, second.stderr) == (
        f"refused another vario (pid {first.pid}) already uses {tmp_path}; "
        "stop it or pass --data another folder\n",
        "",
    )
    assert (
        subprocess.run(
            command, input="", capture_output=True, text=True, check=True, timeout=60
        ).stdout
        == "open\n"
    )


def test_the_engine_leaves_nothing_where_it_was_started(tmp_path: Path) -> None:
    script = """
import sys
from tests.support.otlp_factory import make_span, traces_body
from vario.clock import SystemClock
from vario.config import StoreSettings
from vario.model.telemetry import Signal
from vario.store.clickhouse import open_store
store = open_store(StoreSettings(dsn="chdb://" + sys.argv[1]), SystemClock())
store.write_otlp(Signal.TRACES, traces_body("a", make_span()))
logs = "SELECT count() FROM system.tables WHERE database = 'system' AND engine LIKE '%MergeTree'"
print(store.engine.query_rows(logs))
store.close()
"""
    started, data = tmp_path / "started", tmp_path / "data"
    started.mkdir()
    root = Path(__file__).parents[2]
    result = subprocess.run(
        [sys.executable, "-c", script, str(data)],
        cwd=started,
        env={**os.environ, "PYTHONPATH": str(root), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert result.stdout == "[(0,)]\n", "system log tables would grow on disk"
    assert list(started.iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "started"]


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match=r"cannot use .*/file/data for data: Not a directory"):
        FolderLock(tmp_path / "file" / "data")


def test_a_server_that_does_not_answer_is_said() -> None:
    with pytest.raises(Unavailable, match=r"the store at http://127\.0\.0\.1:1/vario cannot be"):
        Engine(parse_dsn("http://127.0.0.1:1"))


@pytest.mark.parametrize(
    ("dsn", "address", "shown"),
    [
        ("chdb://memory", Address("memory", "vario"), "chdb://memory/vario"),
        ("chdb://memory/t1", Address("memory", "t1"), "chdb://memory/t1"),
        ("chdb:///a/b", Address("folder", "vario", Path("/a/b")), "chdb:///a/b"),
        ("chdb:///a%20b", Address("folder", "vario", Path("/a b")), "chdb:///a b"),
        ("chdb:///a?database=t", Address("folder", "t", Path("/a")), "chdb:///a"),
        (
            "http://u:p%40ss@ch:9000/db",
            Address("server", "db", None, "ch", 9000, False, "u", "p@ss"),
            "http://ch:9000/db",
        ),
        (
            "https://ch",
            Address("server", "vario", None, "ch", 8443, True),
            "https://ch:8443/vario",
        ),
        (
            "",
            Address("folder", "vario", default_folder()),
            f"chdb://{default_folder()}",
        ),
    ],
)
def test_addresses(dsn: str, address: Address, shown: str) -> None:
    assert parse_dsn(dsn) == address
    assert str(address) == shown


@pytest.mark.parametrize("dsn", ["chdb://", "chdb:///", "postgres://x/y", "http://", "/a/b"])
def test_addresses_that_are_none(dsn: str) -> None:
    with pytest.raises(BadData, match="use chdb:///folder"):
        parse_dsn(dsn)


def test_what_a_sender_is_told_has_nothing_of_the_engines_inside() -> None:
    text = "Code: 395. DB::Exception: no such series: while executing 'FUNCTION throwIf(...)'."
    assert str(translate(Exception(text), "here", writing=True)) == (
        "the request holds what cannot be stored: no such series (here)"
    )


def test_a_fault_without_a_translation_keeps_its_detail() -> None:
    error = translate(Exception("Code: 60. DB::Exception: no table x. (UNKNOWN_TABLE)"), "here")
    assert type(error) is InternalError
    assert str(error) == "the store at here failed: no table x. (UNKNOWN_TABLE)"
