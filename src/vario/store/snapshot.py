"""A frozen copy of every table, made of hard links in an instant, and read slice by slice.

Each table's parts are attached to a table of its own beside it, whose merges rest. It costs no
space and no waiting, serving goes on, and what is read from it does not move: a slice is a range of
rows of one part. Parts that a merge has replaced since stay on the disk until the copy is dropped.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from vario.store.engine import Engine
from vario.store.schema import read_state

PREFIX = "vario_snapshot_"
"""What the names of copies begin with; one that a crash left behind is dropped by the next."""
TEMPORARY = ("vario_snapshot_", "vario_thin_", "vario_incoming_")
STATE = "vario_migrations"
SLICE_ROWS = 50_000
"""Spans of 7 attributes: 25 MB of Native format."""


@dataclass(frozen=True, slots=True)
class Slice:
    """A range of rows of one part: `rows` of them, fewer where some are marked as deleted."""

    table: str
    partition: str
    part: str
    start: int
    rows: int

    @property
    def name(self) -> str:
        """A name that is unique in a snapshot."""
        return f"{self.table}/{self.partition}/{self.part}.{self.start}"

    def read(self, engine: Engine) -> bytes:
        """Returns the rows in Native format."""
        return engine.query_bytes(
            f"SELECT * FROM {PREFIX}{self.table} WHERE _part = {{part:String}}"
            " AND _part_offset >= {start:UInt64} AND _part_offset < {end:UInt64}",
            {"part": self.part, "start": self.start, "end": self.start + SLICE_ROWS},
            fmt="Native",
        )


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was there at one moment, by table; `state` is what had been applied to the database."""

    engine: Engine
    tables: dict[str, list[Slice]]
    state: dict[str, str]

    @property
    def rows(self) -> dict[str, int]:
        """Rows by table."""
        return {name: sum(one.rows for one in parts) for name, parts in self.tables.items()}

    def slices(self) -> Iterator[Slice]:
        """Yields every slice, a partition's one after the other."""
        for parts in self.tables.values():
            yield from parts


def find_tables(engine: Engine) -> list[str]:
    """Returns the tables that hold data, copies left out, in the order of their names."""
    rows = engine.query_rows(
        "SELECT name FROM system.tables WHERE database = currentDatabase()"
        " AND engine LIKE '%MergeTree' AND name != {state:String} ORDER BY name",
        {"state": STATE},
    )
    return [name for (name,) in rows if not name.startswith(TEMPORARY)]


@contextmanager
def take_snapshot(engine: Engine) -> Generator[Snapshot]:
    """Yields a frozen copy of every table; it is gone afterwards."""
    _drop_copies(engine)
    state = read_state(engine)
    tables = find_tables(engine)
    try:
        for table in tables:
            engine.command(f"CREATE TABLE {PREFIX}{table} AS {table}")
            engine.command(f"SYSTEM STOP MERGES {PREFIX}{table}")
        # All tables at once, as far as can be: nothing slow between one and the next.
        for table in tables:
            engine.command(f"ALTER TABLE {PREFIX}{table} ATTACH PARTITION ALL FROM {table}")
        yield Snapshot(engine, {table: _slices(engine, table) for table in tables}, state)
    finally:
        _drop_copies(engine)


def _slices(engine: Engine, table: str) -> list[Slice]:
    found = engine.query_rows(
        "SELECT _partition_id AS partition, _part AS part,"
        f" intDiv(_part_offset, {SLICE_ROWS}) AS slice, count() FROM {PREFIX}{table}"
        " GROUP BY partition, part, slice ORDER BY partition, part, slice"
    )
    return [
        Slice(table, partition, part, number * SLICE_ROWS, rows)
        for partition, part, number, rows in found
    ]


def _drop_copies(engine: Engine) -> None:
    rows = engine.query_rows(
        "SELECT name FROM system.tables WHERE database = currentDatabase()"
        " AND startsWith(name, {prefix:String})",
        {"prefix": PREFIX},
    )
    for (name,) in rows:
        engine.command(f"DROP TABLE IF EXISTS {name} SYNC")
