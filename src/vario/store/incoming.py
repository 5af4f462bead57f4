"""Taking over whole partitions from elsewhere: all of one or nothing, and twice is like once.

Rows come into a table beside the real one, are counted, and then take the partition's place in one
step. No view sees them, so what views derive (lookup tables) comes along as it was.
"""

from vario.errors import BadData, ExecutionError
from vario.store.engine import Engine
from vario.store.snapshot import find_tables

_PREFIX = "vario_incoming_"


class Incoming:
    """A partition of one table that is being taken over."""

    def __init__(self, engine: Engine, table: str) -> None:
        """Makes an empty table beside `table`.

        Raises:
            BadData: there is no such table here.
        """
        if table not in find_tables(engine):
            raise BadData(
                f"there is no table {table} in {engine.address}: what comes was made by a newer "
                "vario; install that version and try again"
            )
        self._engine = engine
        self._table = table
        self._copy = f"{_PREFIX}{table}"
        engine.command(f"DROP TABLE IF EXISTS {self._copy} SYNC")
        engine.command(f"CREATE TABLE {self._copy} AS {table}")
        engine.command(f"SYSTEM STOP MERGES {self._copy}")

    def write(self, native: bytes) -> None:
        """Takes rows in Native format."""
        self._engine.insert_bytes(self._copy, native, "Native")

    def finish(self, partition: str, rows: int, *, replace: bool) -> None:
        """Puts the rows where they belong, in one step.

        Args:
            partition: the engine's id of the partition that all rows are of.
            rows: how many rows there must be.
            replace: whether what is in the partition goes, or is added to.

        Raises:
            ExecutionError: there are not so many rows, or they are of other partitions.
        """
        found = self._engine.query_rows(
            f"SELECT _partition_id AS partition, count() FROM {self._copy} GROUP BY partition"
        )
        if found != [(partition, rows)]:
            raise ExecutionError(
                f"{self._table} {partition}: {rows} rows were sent, {dict(found)} arrived; nothing "
                "of them was taken over, try again"
            )
        verb = "REPLACE" if replace else "ATTACH"
        self._engine.command(
            f"ALTER TABLE {self._table} {verb} PARTITION ID '{partition}' FROM {self._copy}"
        )

    def close(self) -> None:
        """Takes the table beside away."""
        self._engine.command(f"DROP TABLE IF EXISTS {self._copy} SYNC")


def find_filled(engine: Engine) -> dict[str, int]:
    """Returns the tables that hold rows, with their numbers."""
    counts: dict[str, int] = {}
    for table in find_tables(engine):
        rows = engine.query_rows(f"SELECT count() FROM {table}")[0][0]
        if rows:
            counts[table] = rows
    return counts
