"""A bit flips on the disk: the part is found, set aside and named, and the rest serves."""

import time
from pathlib import Path

import pytest
from tests.support.otlp_factory import START_NS, make_span, traces_body

from vario.errors import Unavailable
from vario.model.telemetry import Signal, TimeRange
from vario.query.doctor import Doors, diagnose
from vario.store.clickhouse import ClickHouseStore

READ_ALL = "SELECT count() FROM otel_traces WHERE NOT ignore(*)"
PARTS = "SELECT name, path FROM system.parts WHERE table = 'otel_traces' AND active"


def damage_one(store: ClickHouseStore) -> tuple[str, Path]:
    """Writes three parts and flips a bit in the second; returns its name and its folder."""
    engine = store.engine
    engine.command("SYSTEM STOP MERGES otel_traces")
    for trace in (1, 2, 3):
        store.write_otlp(Signal.TRACES, traces_body("a", make_span(trace=trace)))
    here = f"{PARTS} AND database = currentDatabase() ORDER BY name"
    name, path = engine.query_rows(here)[1]
    data = Path(path) / "data.bin"
    content = bytearray(data.read_bytes())
    content[len(content) // 2] ^= 4
    data.write_bytes(content)
    return name, Path(path)


def test_a_damaged_part_is_set_aside_and_named(
    store: ClickHouseStore, caplog: pytest.LogCaptureFixture
) -> None:
    name, path = damage_one(store)
    assert store.find_damaged() == []
    with pytest.raises(Unavailable, match="damaged and is being set aside: ask again"):
        store.engine.query_rows(READ_ALL)
    deadline = time.monotonic() + 60
    while not (damaged := store.find_damaged()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert store.engine.query_rows(READ_ALL) == [(2,)]
    assert [(part.table, part.part) for part in damaged] == [("otel_traces", name)]
    assert Path(damaged[0].path) == path.parent / "detached" / name
    assert damaged[0].bytes > 0
    assert f"part {name} of otel_traces is damaged: set aside, the rest serves" in caplog.text

    window = TimeRange(START_NS, START_NS + 1)
    check = diagnose([], window, Doors("http", "grpc"), damaged)[1]
    assert (check.name, check.status) == ("store", "failed")
    assert check.message.startswith("a part of otel_traces (")
    assert check.remedy.endswith(f"rm -r {damaged[0].path}")
