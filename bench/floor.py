"""The floor of the write path: the same rows, inserted by the engine from its own table.

What a row costs beyond that is what receiving, checking and decoding it costs.
"""

import time

from bench.report import Row
from vario.clock import SystemClock
from vario.config import StoreSettings
from vario.model.telemetry import Signal
from vario.store.clickhouse import ClickHouseStore, open_store

_TABLES = {
    Signal.TRACES: "otel_traces",
    Signal.LOGS: "otel_logs",
    Signal.METRICS: "metric_samples",
}


def measure_floor(signal: Signal, bodies: list[bytes], items: int) -> list[Row]:
    """Returns CPU seconds a million items of the engine alone: decoding too, and the bare insert.

    Args:
        signal: what the bodies hold.
        bodies: export requests.
        items: how many spans, records or points they hold.
    """
    store = open_store(StoreSettings(dsn="chdb://memory/floor"), SystemClock())
    try:
        begun = time.process_time()
        for start in range(0, len(bodies), 8):
            store.write_otlp(signal, b"".join(bodies[start : start + 8]))
        _wait_for_quiet()
        decoding = (time.process_time() - begun) / items * 1e6
        bare = _copy(store, _TABLES[signal]) / items * 1e6
    finally:
        store.engine.command("DROP DATABASE floor SYNC")
        store.close()
    return [
        Row(f"OTLP {signal}: engine alone", decoding, "CPU-s a million", note="decoding too"),
        Row(f"OTLP {signal}: floor", bare, "CPU-s a million", note="insert from its own table"),
    ]


def _copy(store: ClickHouseStore, table: str) -> float:
    engine = store.engine
    engine.command(f"CREATE TABLE copy AS {table}")
    begun = time.process_time()
    engine.command(f"INSERT INTO copy SELECT * FROM {table}")
    _wait_for_quiet()
    return time.process_time() - begun


def _wait_for_quiet() -> None:
    """Returns once background merges have settled: under a tenth of a core for a second."""
    for _ in range(30):
        before = time.process_time()
        time.sleep(1)
        if time.process_time() - before < 0.1:
            return
