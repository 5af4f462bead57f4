"""How much came when, by days and within them."""

from tests.conftest import START_NS
from tests.store.test_retention import DAY_NS, fill

from vario.clock import ManualClock
from vario.store.clickhouse import ClickHouseStore
from vario.store.growth import find_growth
from vario.store.pieces import find_pieces


def test_days_of_a_store_that_has_some(store: ClickHouseStore, clock: ManualClock) -> None:
    fill(store, days=6)
    pieces = find_pieces(store.engine)
    found = find_growth(store.engine, pieces, clock.now_ns())
    own = [step for step in found if step.kind == "traces"]
    assert [step.step_s for step in own] == [86_400] * 6
    assert sum(step.rows for step in own) == 800
    whole = sum(piece.bytes for piece in pieces if piece.kind == "traces" and piece.days == 1)
    assert sum(step.bytes for step in own) == whole


def test_minutes_of_a_young_store(store: ClickHouseStore, clock: ManualClock) -> None:
    fill(store, days=1, now_ns=START_NS)
    fill(store, days=1, now_ns=START_NS - DAY_NS // 48)
    pieces = find_pieces(store.engine)
    found = find_growth(store.engine, pieces, clock.now_ns())
    logs = [step for step in found if step.kind == "logs"]
    assert [(step.rows, step.step_s) for step in logs] == [(800, 60), (800, 60)]
    assert logs[1].start_s - logs[0].start_s == 1800
    whole = sum(piece.bytes for piece in pieces if piece.kind == "logs")
    assert abs(sum(step.bytes for step in logs) - whole) < 2


def test_nothing_stored_grows_by_nothing(store: ClickHouseStore, clock: ManualClock) -> None:
    assert find_growth(store.engine, find_pieces(store.engine), clock.now_ns()) == []
