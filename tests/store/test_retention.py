"""Retention by age, by service and by size; driven by the clock, by hand."""

import time
from dataclasses import replace
from datetime import date

import pytest
from tests.conftest import KEEP_FOR_YEARS, START_NS

from vario.clock import ManualClock
from vario.config import RetentionSettings, ServiceRetention, Settings, overlay
from vario.errors import BadData
from vario.model.retention import DiskState, Piece
from vario.store.clickhouse import ClickHouseStore
from vario.store.pieces import find_pieces, foresee, parse_size
from vario.store.retention import Expired, Keeper, find_expired

DAY_NS = 86_400 * 10**9
SIZES = {"otel_traces": 300, "otel_logs": 200}


def fill(store: ClickHouseStore, days: int = 4, now_ns: int = START_NS) -> None:
    """Writes rows of services a and b for some days up to `now_ns`."""
    for table in ("otel_traces", "otel_logs"):
        store.engine.command(
            f"INSERT INTO {table} (Timestamp, TraceId, ServiceName) SELECT"
            f" fromUnixTimestamp64Nano({now_ns} - toInt64(number % {days}) * {DAY_NS}),"
            " hex(sipHash64(number)), if(number % 2, 'a', 'b') FROM numbers(800)"
        )
    store.engine.command(
        "INSERT INTO metric_series (id, name, labels, first_seen, last_seen) SELECT number, 'up',"
        " map('__name__', 'up', 'job', if(number % 2, 'team/a', 'b')), now(), now() FROM numbers(2)"
    )
    store.engine.command(
        "INSERT INTO metric_samples (id, ts, value) SELECT number % 2,"
        f" fromUnixTimestamp64Milli(toInt64({now_ns // 10**6}"
        f" - (number % {days}) * {DAY_NS // 10**6})), 1 FROM numbers(800)"
    )


def count(store: ClickHouseStore, table: str) -> dict[str, int]:
    """Returns rows by day."""
    time = "ts" if table.startswith("metric") else "Timestamp"
    rows = store.engine.query_rows(
        f"SELECT toString(toDate({time})) AS day, count() FROM {table} GROUP BY day ORDER BY day"
    )
    return dict(rows)


def test_days_go_when_all_of_them_is_too_old(store: ClickHouseStore, clock: ManualClock) -> None:
    fill(store)
    keeper = Keeper(store.engine, clock, replace(KEEP_FOR_YEARS, traces_days=2))
    removed = [
        (one.kind, one.table, one.partition, one.reason, one.rows) for one in keeper.run_once()
    ]
    assert removed == [("traces", "otel_traces", "20250612", "age", 200)]
    assert count(store, "otel_traces") == {"2025-06-13": 200, "2025-06-14": 200, "2025-06-15": 200}
    assert len(count(store, "otel_logs")) == 4
    clock.advance_ns(DAY_NS)
    assert [one.partition for one in keeper.run_once()] == ["20250613"]
    assert keeper.run_once() == []
    assert [one.partition for one in keeper.find_removals()] == ["20250613", "20250612"]


def test_a_changed_setting_changes_stored_data(store: ClickHouseStore) -> None:
    """At this day's date: the engine has a clock of its own for what its TTL takes."""
    now_ns = time.time_ns()
    fill(store, now_ns=now_ns)
    keeper = Keeper(store.engine, ManualClock(now_ns), KEEP_FOR_YEARS)
    assert keeper.run_once() == []
    days = list(count(store, "otel_logs"))
    keeper.update(replace(KEEP_FOR_YEARS, logs_days=2))
    left = list(count(store, "otel_logs"))
    assert left[-2:] == days[-2:]
    assert days[0] not in left
    assert list(count(store, "otel_traces")) == days
    ttl = store.engine.query_rows(
        "SELECT extract(engine_full, 'toIntervalDay.(\\\\d+)') FROM system.tables"
        " WHERE database = currentDatabase() AND name = 'otel_logs'"
    )
    assert ttl == [("2",)]


@pytest.mark.parametrize(
    ("default", "own", "left"),
    [(10_000, 1, {"a": 200, "b": 400}), (1, 10_000, {"a": 400, "b": 200})],
    ids=["shorter", "longer"],
)
def test_services_have_ages_of_their_own(
    store: ClickHouseStore, clock: ManualClock, default: int, own: int, left: dict[str, int]
) -> None:
    fill(store)
    settings = RetentionSettings(
        default, default, default, services={"a": ServiceRetention(own, own, own)}
    )
    store.engine.command("SYSTEM START MERGES")
    keeper = Keeper(store.engine, clock, settings)
    removed = keeper.run_once()
    assert {one.reason for one in removed} == {"service"}
    for table in ("otel_traces", "otel_logs", "metric_samples"):
        wait_for_mutations(store, table)
    by_service = "SELECT ServiceName, count() FROM {} GROUP BY ServiceName ORDER BY ServiceName"
    assert dict(store.engine.query_rows(by_service.format("otel_traces"))) == left
    assert dict(store.engine.query_rows(by_service.format("otel_logs"))) == left
    samples = store.engine.query_rows("SELECT id, count() FROM metric_samples GROUP BY id")
    assert dict(samples) == {1: left["a"], 0: left["b"]}
    assert keeper.run_once() == []


def wait_for_mutations(store: ClickHouseStore, table: str) -> None:
    """Returns once deletions are done: a deletion that waits for its own end does nothing else."""
    store.engine.command(f"ALTER TABLE {table} DELETE WHERE 0 SETTINGS mutations_sync = 2")


def test_a_budget_takes_the_most_expendable_days_and_never_today(
    store: ClickHouseStore, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    fill(store)
    sizes = {(p.table, p.partition): p.bytes for p in find_pieces(store.engine)}
    used = sum(sizes.values())
    traces = [size for (table, _), size in sizes.items() if table == "otel_traces"]
    budget = used - traces[0] - 1
    keeper = Keeper(store.engine, clock, replace(KEEP_FOR_YEARS, max_disk=f"{budget}B"))
    removed = [(one.table, one.partition, one.reason) for one in keeper.run_once()]
    assert removed == [
        ("otel_traces", "20250612", "budget"),
        ("otel_traces", "20250613", "budget"),
    ]
    assert keeper.check_disk().over_bytes == 0

    logs_first = ("logs", "metrics", "traces")
    keeper.update(replace(keeper.settings, drop_first=logs_first, max_disk="1KB"))
    assert list(count(store, "otel_traces")) == ["2025-06-15"]
    assert list(count(store, "otel_logs")) == ["2025-06-15"]
    assert list(count(store, "metric_samples")) == ["2025-06-15"]
    kinds = [one.kind for one in reversed(keeper.find_removals())]
    assert kinds[:2] == ["traces", "traces"]
    assert keeper.check_disk().over_bytes > 0
    assert "only today's data is left" in caplog.text


def test_what_a_service_keeps_is_found_by_day() -> None:
    settings = RetentionSettings(
        traces_days=7, services={"a": ServiceRetention(traces_days=2), "b": ServiceRetention()}
    )
    piece = Piece("traces", "otel_traces", "20250610", date(2025, 6, 10), 1, 1, 1)
    assert find_expired(settings, piece, date(2025, 6, 12)) is None
    assert find_expired(settings, piece, date(2025, 6, 13)) == Expired(("a",), all_but=False)
    assert find_expired(settings, piece, date(2025, 6, 18)) == Expired((), all_but=True)


def test_the_disk_is_foreseen() -> None:
    today = date(2025, 6, 15)
    pieces = [
        Piece("logs", "otel_logs", f"202506{day}", date(2025, 6, day), 1, 10, 100)
        for day in (12, 13, 14, 15)
    ]

    def state(days: int, budget: int | None) -> DiskState:
        return foresee(pieces, {"logs": days}, today=today, budget_bytes=budget, free_bytes=None)

    assert state(30, 1000) == DiskState(400, 1000, None, 0, {"logs": 100}, 7)
    assert state(5, 1000) == DiskState(400, 1000, None, 0, {"logs": 100}, None)
    assert state(30, 350) == DiskState(400, 350, None, 50, {"logs": 100}, 0)
    assert state(30, None).days_left is None


@pytest.mark.parametrize(
    ("text", "size"),
    [("", None), ("20GB", 20 * 10**9), ("1.5 GiB", 3 << 29), ("512mib", 512 << 20), ("900B", 900)],
)
def test_sizes(text: str, size: int | None) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"max_disk": "much"}, "no size of a disk budget"),
        ({"drop_first": ("logs",)}, "drop_first names each"),
        ({"traces_days": 0}, "traces_days is 0"),
        ({"downsample_interval_s": 700}, "divide an hour"),
    ],
)
def test_settings_that_make_no_sense(
    store: ClickHouseStore, clock: ManualClock, changes: dict[str, object], told: str
) -> None:
    with pytest.raises(BadData, match=told):
        Keeper(store.engine, clock, replace(KEEP_FOR_YEARS, **changes))


def test_overrides_are_read_by_service() -> None:
    values = {"store": {"retention": {"services": {"infer": {"logs_days": 3}}}}}
    read = overlay(Settings(), values, "here").store.retention
    assert read.services == {"infer": ServiceRetention(logs_days=3)}
    with pytest.raises(BadData, match=r"store.retention.services.infer.log_days"):
        overlay(
            Settings(),
            {"store": {"retention": {"services": {"infer": {"log_days": 3}}}}},
            "here",
        )
