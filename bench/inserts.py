"""What one insert costs by its size: by rows made here, and by the engine's views."""

import tempfile
import time
from collections.abc import Callable, Iterator
from statistics import median

from bench.bodies import log_bodies, metric_bodies, trace_bodies
from bench.report import Row
from vario.clock import SystemClock
from vario.config import StoreSettings
from vario.model.telemetry import Signal
from vario.store.clickhouse import ClickHouseStore, open_store
from vario.store.direct import writer

ROUNDS = 15
SIZES = (5, 50, 500, 2_000, 10_000)


def run() -> Iterator[Row]:
    """Measures over one embedded store on disk, both ways in turns."""
    with tempfile.TemporaryDirectory() as folder:
        rows = open_store(StoreSettings(dsn=f"chdb://{folder}/data"), SystemClock())
        views = ClickHouseStore(rows.engine, rows.clock, direct=False)
        limits = dict(writer.DIRECT_BYTES)
        writer.DIRECT_BYTES.update(dict.fromkeys(Signal, 1 << 30))
        try:
            for signal in Signal:
                for size in SIZES:
                    yield from _size(rows, views, signal, size, limits[signal])
        finally:
            writer.DIRECT_BYTES.update(limits)
            rows.close()


def _size(
    rows: ClickHouseStore, views: ClickHouseStore, signal: Signal, size: int, limit: int
) -> Iterator[Row]:
    """Yields both costs; `limit` is up to where rows are made here in earnest."""
    by_rows: list[float] = []
    by_views: list[float] = []
    bodies = [_body(signal, size, seed=number) for number in range(ROUNDS + 1)]
    for body in bodies:
        for store, costs in ((rows, by_rows), (views, by_views)):
            begun = time.process_time()
            store.write_otlp(signal, body)
            costs.append((time.process_time() - begun) * 1e3)
    # The first of each is left out: series are new then.
    ours, theirs = median(by_rows[1:]), median(by_views[1:])
    kib = len(bodies[0]) >> 10
    note = f"{kib} KiB; the way taken: {'rows' if kib << 10 <= limit else 'views'}"
    yield Row(f"{signal}, {size} items: by rows", ours, "CPU-ms an insert", note=note)
    yield Row(f"{signal}, {size} items: by views", theirs, "CPU-ms an insert")
    yield Row(f"{signal}, {size} items: views over rows", theirs / ours, "times")


_MAKERS: dict[Signal, Callable[[int, int], Iterator[bytes]]] = {
    Signal.TRACES: lambda size, seed: trace_bodies(
        1, size // 5, seed=seed, start_ns=time.time_ns()
    ),
    Signal.LOGS: lambda size, seed: log_bodies(1, size, seed=seed, start_ns=time.time_ns()),
    Signal.METRICS: lambda size, seed: metric_bodies(1, size, start_ns=time.time_ns()),
}


def _body(signal: Signal, size: int, *, seed: int) -> bytes:
    return next(_MAKERS[signal](size, seed))
