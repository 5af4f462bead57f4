"""The store over ClickHouse, embedded or not: one engine, one class for each contract."""

from vario.clock import Clock
from vario.config import StoreSettings
from vario.store.address import parse_dsn
from vario.store.engine import Engine
from vario.store.projection import project
from vario.store.schema import migrate, shape_of
from vario.store.write import SignalWrites


class ClickHouseStore:
    """Everything in `vario.store.base.Store`, delegated to the class that does it."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self.engine = engine
        self.clock = clock
        self.write_otlp = SignalWrites(engine).write_otlp

    def ping(self) -> None:
        """Returns if the engine answers."""
        self.engine.query_rows("SELECT 1")

    def close(self) -> None:
        """Waits for writes in flight and gives every handle back."""
        self.engine.close()


def open_store(settings: StoreSettings, clock: Clock) -> ClickHouseStore:
    """Opens the store and brings its tables to the newest version.

    Raises:
        BadData: the address is not understood, or the server refuses the user.
        Unavailable: another process uses the data folder, or the server does not answer.
    """
    engine = Engine(
        parse_dsn(settings.dsn),
        max_memory_mb=settings.max_memory_mb,
        query_timeout_s=settings.query_timeout_s,
        reader_threads=settings.reader_threads,
    )
    try:
        shape = shape_of(settings.cluster, settings.retention)
        migrate(engine, shape)
        project(engine, shape)
    except BaseException:
        engine.close()
        raise
    return ClickHouseStore(engine, clock)
