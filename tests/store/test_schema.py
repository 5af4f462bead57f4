import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.conftest import KEEP_FOR_YEARS
from tests.support.otlp_factory import START_NS, make_span, span_hex, trace_hex, traces_body

from vario.clock import ManualClock
from vario.config import RetentionSettings, StoreSettings
from vario.errors import Unavailable
from vario.model.telemetry import Signal
from vario.store.address import parse_dsn
from vario.store.clickhouse import ClickHouseStore, open_store
from vario.store.engine import Engine
from vario.store.projection import find_projections, project
from vario.store.schema import find_migrations, migrate, read_state, shape_of

GOLDEN = Path(__file__).parent / "golden"
ALONE = shape_of("", RetentionSettings())
CLUSTER = shape_of("prod", RetentionSettings())


def test_migrating_twice_changes_nothing(store: ClickHouseStore) -> None:
    state = read_state(store.engine)
    shape = shape_of("", KEEP_FOR_YEARS)
    assert migrate(store.engine, shape) == []
    assert project(store.engine, shape) is False
    assert read_state(store.engine) == state


def test_rows_past_their_retention_go(embedded_engine: Engine, clock: ManualClock) -> None:
    settings = StoreSettings(dsn="chdb://memory/expiring", reader_threads=1)
    store = open_store(settings, clock)
    try:
        span = make_span(start_ns=START_NS)
        young = make_span(span=2, start_ns=time.time_ns())
        store.write_otlp(Signal.TRACES, traces_body("a", span, young))
        store.engine.command("OPTIMIZE TABLE otel_traces FINAL")
        kept = [span.span_id for span in store.get_trace(trace_hex(1))]
    finally:
        store.close()
    assert kept == [span_hex(2)]


def test_changed_projections_are_made_anew(store: ClickHouseStore) -> None:
    store.engine.command("DROP VIEW otlp_traces_mv SYNC")
    store.engine.command("INSERT INTO vario_migrations (name, value) VALUES ('projection', 'old')")
    assert project(store.engine, ALONE) is True
    store.write_otlp(Signal.TRACES, traces_body("a", make_span()))
    assert len(store.get_trace(trace_hex(1))) == 1


@pytest.mark.parametrize("shape", [ALONE, CLUSTER], ids=["alone", "cluster"])
def test_every_statement_parses(store: ClickHouseStore, shape: object) -> None:
    """On a cluster, too: what only a parser can say of it here, where there is none."""
    for text in [*find_migrations().values(), *find_projections().values()]:
        for statement in shape.render(text):
            store.engine.query_rows("SELECT formatQuery({sql:String})", {"sql": statement})


def test_the_tables_on_a_cluster(golden: Callable[[Path, str], None]) -> None:
    rendered = [s for text in find_migrations().values() for s in CLUSTER.render(text)]
    golden(GOLDEN / "cluster_tables.sql", ";\n\n".join(rendered) + ";\n")


def test_metric_tables_of_before_the_first_release_are_refused(
    embedded_engine: Engine, clock: ManualClock
) -> None:
    dsn = "chdb://memory/before"
    before = Engine(parse_dsn(dsn), reader_threads=1)
    before.command(
        "CREATE TABLE metric_samples (id UInt64, ts DateTime64(3), value Float64)"
        " ENGINE = MergeTree ORDER BY id"
    )
    before.close()
    with pytest.raises(Unavailable, match="chdb://memory/before was made by a build of vario"):
        open_store(StoreSettings(dsn=dsn, reader_threads=1), clock)


def test_a_table_that_a_collector_made_keeps_its_retention(
    embedded_engine: Engine, clock: ManualClock
) -> None:
    """Its rows are read, columns are added to it, and nothing of it expires because of us."""
    dsn = "chdb://memory/adopted"
    ours = find_migrations()["0001_traces"].split(";")[0]
    [made_by_collector] = ALONE.render(ours.replace("TTL", "-- TTL").replace("-- Spans", "--"))
    with_rows = Engine(parse_dsn(dsn), reader_threads=1)
    with_rows.command(made_by_collector)
    with_rows.command(
        "INSERT INTO otel_traces (Timestamp, TraceId, SpanId, SpanKind, ServiceName) "
        "VALUES ('2025-06-15 15:06:40', '01', '02', 'Server', 'old')"
    )
    with_rows.close()

    store = open_store(StoreSettings(dsn=dsn, reader_threads=1), clock)
    try:
        rows = store.engine.query_rows(
            "SELECT name, position(engine_full, 'TTL') > 0 FROM system.tables "
            "WHERE database = currentDatabase() AND name IN ('otel_traces', 'otel_logs') ORDER BY 1"
        )
        spans = store.engine.query_rows("SELECT ServiceName, IsEntry FROM otel_traces")
    finally:
        store.close()
    assert rows == [("otel_logs", 1), ("otel_traces", 0)]
    assert spans == [("old", True)]
