"""Keeping: what tail sampling, thinning out and a backup cost."""

import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.bodies import trace_bodies
from bench.report import Row
from vario.clock import ManualClock, SystemClock
from vario.config import RetentionSettings, SamplingSettings, StoreSettings
from vario.model.retention import Piece
from vario.model.telemetry import Signal
from vario.store.backup import read_backup, write_backup
from vario.store.clickhouse import ClickHouseStore, open_store
from vario.store.pieces import find_pieces
from vario.store.retention import Keeper
from vario.store.sampling import Sampler

BODIES, TRACES = 5, 4_000
SPANS = BODIES * TRACES * 5
SERIES, EVERY_S = 1_000, 15


def run() -> Iterator[Row]:
    """Measures over one embedded store on disk."""
    with tempfile.TemporaryDirectory() as folder:
        store = _open(Path(folder) / "data", "vario")
        try:
            yield from _sampling(store)
            yield from _thinning(store)
            yield from _backup(store, Path(folder))
        finally:
            store.close()


def _open(folder: Path, database: str) -> ClickHouseStore:
    kept = RetentionSettings(10_000, 10_000, 10_000)
    dsn = f"chdb://{folder}?database={database}"
    return open_store(StoreSettings(dsn=dsn, retention=kept), SystemClock())


def _measured(work: Callable[[], object]) -> tuple[float, float]:
    """Returns seconds and CPU seconds."""
    before, started = _cpu(), time.perf_counter()
    work()
    return time.perf_counter() - started, _cpu() - before


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _sampling(store: ClickHouseStore) -> Iterator[Row]:
    start_ns = time.time_ns() - 600 * 10**9

    def write(seed: int) -> None:
        for body in trace_bodies(BODIES, TRACES, seed=seed, start_ns=start_ns):
            store.write_otlp(Signal.TRACES, body)

    write(1)
    _, plain = _measured(lambda: write(2))
    clock = ManualClock(time.time_ns())
    sampler = Sampler(store.engine, clock, SamplingSettings(spans_per_second=100))
    sampler.enable()
    _, sampled = _measured(lambda: write(3))
    yield Row("spans in, not sampled", plain / SPANS * 1e6, "CPU-s a million")
    ratio = f"{sampled / plain:.2f} x"
    yield Row("spans in, sampled", sampled / SPANS * 1e6, "CPU-s a million", note=ratio)
    clock.advance_ns(time.time_ns() - clock.now_ns() + 91 * 10**9)
    seconds, cpu = _measured(sampler.run_once)
    note = f"{dict(sampler.decided)}"
    yield Row(f"deciding on {SPANS // 5} traces", cpu, "CPU-s", note=f"{seconds:.2f} s; {note}")
    sizes = {piece.table: piece for piece in find_pieces(store.engine)}
    entries = sizes["entry_spans"]
    yield Row("an entry span's row", entries.bytes / entries.rows, "bytes")


def _thinning(store: ClickHouseStore) -> Iterator[Row]:
    now_ms = time.time_ns() // 10**6
    day = (now_ms // 86_400_000 - 9) * 86_400_000
    store.engine.command(
        "INSERT INTO metric_series (id, name, labels, first_seen, last_seen) SELECT number,"
        " 'requests_total', map('__name__', 'requests_total', 'n', toString(number)), now(), now()"
        f" FROM numbers({SERIES})"
    )
    store.engine.command(
        f"INSERT INTO metric_samples SELECT 1, number % {SERIES} AS id,"
        f" fromUnixTimestamp64Milli({day} + intDiv(number, {SERIES}) * {EVERY_S * 1000}),"
        f" intDiv(number, {SERIES}) * 7 + id FROM numbers({SERIES * 86_400 // EVERY_S})"
    )
    settings = RetentionSettings(10_000, 10_000, 10_000, downsample_after_days=7)
    keeper = Keeper(store.engine, SystemClock(), settings)
    before = _day_of_samples(store)
    seconds, cpu = _measured(keeper.run_once)
    after = _day_of_samples(store)
    fewer, smaller = before.rows / after.rows, before.bytes / after.bytes
    note = f"{seconds:.1f} s; {fewer:.1f} x fewer rows, {smaller:.1f} x fewer bytes"
    yield Row("thinning out", cpu / before.rows * 1e6, "CPU-s a million", note=note)


def _day_of_samples(store: ClickHouseStore) -> Piece:
    return next(piece for piece in find_pieces(store.engine) if piece.table == "metric_samples")


def _backup(store: ClickHouseStore, folder: Path) -> Iterator[Row]:
    file = folder / "all.tar"

    def back_up() -> None:
        with file.open("wb") as target:
            write_backup(store.engine, SystemClock(), target)

    seconds, _ = _measured(back_up)
    rows = sum(read_backup(file).rows.values())
    stored = sum(piece.bytes for piece in find_pieces(store.engine))
    size = file.stat().st_size
    note = f"{rows} rows, {size / stored:.2f} of the stored bytes, {seconds:.1f} s"
    yield Row("backup", rows / seconds, "rows/s", note=note)
    seconds, _ = _measured(lambda: read_backup(file))
    yield Row("checking a backup", rows / seconds, "rows/s", note=f"{seconds:.1f} s")
