"""Moving everything from one store to another, partition by partition, however often cut off.

The target remembers each partition that it has taken over, with what it was made of (`moved:...` in
its state), so a move that is started again goes on where it stopped, and a partition that has
changed since is taken over anew.
"""

import hashlib
from itertools import groupby

from vario.errors import BadData, ExecutionError
from vario.store.backup import Progress, carried_state, ignore_progress
from vario.store.engine import Engine
from vario.store.incoming import Incoming, find_filled
from vario.store.schema import read_state, write_state
from vario.store.snapshot import Slice, take_snapshot


def move_store(
    source: Engine, target: Engine, progress: Progress = ignore_progress
) -> dict[str, int]:
    """Copies all data from `source` to `target` and returns rows by table.

    Nothing is deleted in the source. Both stores must have their tables; nobody else may write to
    either.

    Raises:
        BadData: the target has data that does not come from a move, or lacks tables.
        ExecutionError: the counts differ at the end.
    """
    state = read_state(target)
    done = {name: value for name, value in state.items() if name.startswith("moved:")}
    if not done and (filled := find_filled(target)):
        told = ", ".join(f"{rows} rows in {table}" for table, rows in filled.items())
        raise BadData(
            f"the store at {target.address} is not empty ({told}): name an empty database, such "
            "as http://host:8123/vario_new"
        )
    # A first mark, so that a move that is cut off at once is known as one.
    write_state(target, {"moved:from": str(source.address)})
    with take_snapshot(source) as snapshot:
        total, moved = sum(snapshot.rows.values()), 0
        for (table, partition), group in groupby(
            snapshot.slices(), key=lambda one: (one.table, one.partition)
        ):
            slices = list(group)
            rows = sum(one.rows for one in slices)
            key, mark = f"moved:{table}:{partition}", _mark(slices)
            if done.get(key) != mark and rows:
                _take_over(source, target, slices, rows)
                write_state(target, {key: mark})
            moved += rows
            progress(table, moved, total)
        write_state(target, carried_state(snapshot.state))
        _check_counts(target, snapshot.rows)
        return snapshot.rows


def _take_over(source: Engine, target: Engine, slices: list[Slice], rows: int) -> None:
    incoming = Incoming(target, slices[0].table)
    try:
        for one in slices:
            incoming.write(one.read(source))
        incoming.finish(slices[0].partition, rows, replace=True)
    finally:
        incoming.close()


def _mark(slices: list[Slice]) -> str:
    told = ";".join(f"{one.part}.{one.start}.{one.rows}" for one in slices)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _check_counts(target: Engine, wanted: dict[str, int]) -> None:
    found = find_filled(target)
    shrinking = {
        name
        for (name,) in target.query_rows(
            "SELECT name FROM system.tables WHERE database = currentDatabase()"
            " AND (engine != 'MergeTree' OR position(engine_full, ' TTL ') > 0)"
        )
    }
    for table, rows in wanted.items():
        if found.get(table, 0) != rows and table not in shrinking:
            raise ExecutionError(
                f"{table}: {rows} rows were to be moved, {found.get(table, 0)} are there"
            )
