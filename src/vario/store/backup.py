"""Backup and restore: everything that is stored, in one file that checks itself.

The file is a tar archive: `manifest.json` first (versions, tables, rows by slice), then a member
`data/<table>/<partition>/<part>.<start>.native.zst` for each slice, and `checksums.json` (SHA-256
of every member before it) last. A file without it was cut off. Restoring reads the file twice: all
of it is checked before anything is written.
"""

import hashlib
import os
import tarfile
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import IO, Any

import cramjam
import orjson

from vario.clock import Clock
from vario.errors import BadData, ExecutionError, Unavailable
from vario.store.engine import Engine
from vario.store.incoming import Incoming, find_filled
from vario.store.schema import read_state, write_state
from vario.store.snapshot import Snapshot, take_snapshot

FORMAT = 1
_LEVEL = 3
_CARRIED = ("downsampled:", "sampling:")
"""What of the database's state belongs to its data; the rest belongs to its tables."""

Progress = Callable[[str, int, int], None]
"""Told the table, rows done so far and rows in all."""


def ignore_progress(_table: str, _done: int, _total: int) -> None:
    """Tells nobody."""


@dataclass(frozen=True, slots=True)
class Backup:
    """What a backup file says of itself; `rows` and `slices` are by table."""

    vario: str
    made_ns: int
    rows: Mapping[str, int]
    slices: Mapping[str, Mapping[str, int]]
    state: Mapping[str, str]
    migrations: tuple[str, ...]


def write_backup(
    engine: Engine, clock: Clock, target: IO[bytes], progress: Progress = ignore_progress
) -> dict[str, int]:
    """Writes a backup while others read and write; returns rows by table."""
    with take_snapshot(engine) as snapshot:
        for chunk in _archive(snapshot, clock.now_ns(), progress):
            target.write(chunk)
        return snapshot.rows


def stream_backup(engine: Engine, clock: Clock) -> Iterator[bytes]:
    """Yields a backup piece by piece, for one who takes it elsewhere."""
    with take_snapshot(engine) as snapshot:
        yield from _archive(snapshot, clock.now_ns(), ignore_progress)


def read_backup(path: Path) -> Backup:
    """Checks all of a backup file and returns what it says of itself.

    Raises:
        BadData: it is no backup, is damaged, or was cut off.
        Unavailable: it cannot be read.
    """
    sums: dict[str, str] = {}
    told: dict[str, str] = {}
    manifest: dict[str, Any] | None = None
    with _opened(path) as archive:
        for member, body in _members(archive, path):
            if member == "checksums.json":
                told = orjson.loads(body)
                break
            if manifest is None:
                if member != "manifest.json":
                    raise BadData(f"{path} is no backup of vario: it begins with {member}")
                manifest = orjson.loads(body)
            sums[member] = hashlib.sha256(body).hexdigest()
    if manifest is None or not told:
        raise BadData(f"{path} is cut off: its end is missing; make the backup anew")
    for name in sorted(sums.keys() | told.keys()):
        if sums.get(name) != told.get(name):
            raise BadData(f"{path} is damaged: {name} is not what was written; use another backup")
    if manifest["format"] != FORMAT:
        raise BadData(
            f"{path} has format {manifest['format']}, made by vario {manifest['vario']}; this "
            f"vario reads format {FORMAT}"
        )
    return Backup(
        vario=manifest["vario"],
        made_ns=manifest["made_ns"],
        rows=manifest["rows"],
        slices=manifest["slices"],
        state=manifest["state"],
        migrations=tuple(manifest["migrations"]),
    )


def restore_backup(
    engine: Engine, path: Path, *, force: bool = False, progress: Progress = ignore_progress
) -> dict[str, int]:
    """Restores a backup file into a store and returns rows by table.

    Args:
        engine: an engine whose tables are made.
        path: the file.
        force: add to what is there; else the store must be empty.
        progress: told of what is done.

    Raises:
        BadData: the file is not sound, was made by a newer vario, or the store is not empty.
        ExecutionError: not all rows arrived.
    """
    backup = read_backup(path)
    _check_target(engine, backup, path, force=force)
    before = find_filled(engine)
    total, done = sum(backup.rows.values()), 0
    with _opened(path) as archive:
        slices = (
            (member.split("/"), body)
            for member, body in _members(archive, path)
            if member.startswith("data/")
        )
        # The members of a partition follow each other: it is taken over as one.
        for (table, partition), members in groupby(slices, key=lambda one: tuple(one[0][1:3])):
            incoming = Incoming(engine, table)
            try:
                rows = 0
                for names, body in members:
                    incoming.write(_inflated(body))
                    rows += backup.slices[table]["/".join(names[2:])]
                    progress(table, done + rows, total)
                incoming.finish(partition, rows, replace=not force)
                done += rows
            finally:
                incoming.close()
    write_state(engine, backup.state)
    after = find_filled(engine)
    for table, rows in backup.rows.items():
        found = after.get(table, 0) - before.get(table, 0)
        # What has no place of its own may have been merged or have expired on arrival.
        if found != rows and not _may_shrink(engine, table):
            raise ExecutionError(f"{table}: the backup has {rows} rows, {found} were restored")
    return dict(backup.rows)


def carried_state(state: Mapping[str, str]) -> dict[str, str]:
    """Returns what of a database's state goes where its data goes."""
    return {name: value for name, value in state.items() if name.startswith(_CARRIED)}


def _check_target(engine: Engine, backup: Backup, path: Path, *, force: bool) -> None:
    applied = read_state(engine)
    unknown = [name for name in backup.migrations if name not in applied]
    if unknown:
        raise BadData(
            f"{path} was made by vario {backup.vario}, which has tables that this one has not "
            f"({', '.join(unknown)}): install that version and restore with it"
        )
    filled = find_filled(engine)
    if filled and not force:
        told = ", ".join(f"{rows} rows in {table}" for table, rows in filled.items())
        raise BadData(
            f"the store at {engine.address} is not empty ({told}): restore into an empty one with "
            "--data FOLDER, or pass --force to add to it"
        )


def _may_shrink(engine: Engine, table: str) -> bool:
    """Returns whether rows of a table go by themselves: merged into one, or expired."""
    rows = engine.query_rows(
        "SELECT engine, position(engine_full, ' TTL ') FROM system.tables"
        " WHERE database = currentDatabase() AND name = {table:String}",
        {"table": table},
    )
    return rows[0][0] != "MergeTree" or bool(rows[0][1])


def _archive(snapshot: Snapshot, now_ns: int, progress: Progress) -> Iterator[bytes]:
    state = snapshot.state
    slices = {
        table: {f"{s.partition}/{s.part}.{s.start}.native.zst": s.rows for s in found}
        for table, found in snapshot.tables.items()
    }
    manifest = {
        "format": FORMAT,
        "vario": version("vario"),
        "made_ns": now_ns,
        "rows": snapshot.rows,
        "slices": slices,
        "state": carried_state(state),
        "migrations": sorted(name for name in state if name.startswith("ddl:")),
    }
    sums: dict[str, str] = {}

    def member(name: str, body: bytes) -> bytes:
        sums[name] = hashlib.sha256(body).hexdigest()
        return _member(name, body, now_ns)

    yield member("manifest.json", orjson.dumps(manifest))
    total, done = sum(snapshot.rows.values()), 0
    for one in snapshot.slices():
        body = bytes(cramjam.zstd.compress(one.read(snapshot.engine), _LEVEL))
        yield member(f"data/{one.name}.native.zst", body)
        done += one.rows
        progress(one.table, done, total)
    yield _member("checksums.json", orjson.dumps(sums), now_ns)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _member(name: str, body: bytes, now_ns: int) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.size = len(body)
    entry.mtime = now_ns // 10**9
    padding = bytes(-len(body) % tarfile.BLOCKSIZE)
    return entry.tobuf(tarfile.PAX_FORMAT) + body + padding


def _inflated(body: bytes) -> bytes:
    return bytes(cramjam.zstd.decompress(body))


@contextmanager
def _opened(path: Path) -> Generator[tarfile.TarFile]:
    try:
        with path.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as archive:
            yield archive
    except OSError as error:
        raise Unavailable(f"cannot read {path}: {error.strerror}") from error
    except tarfile.TarError as error:
        raise BadData(f"{path} is no backup of vario, or is damaged: {error}") from error


def _members(archive: tarfile.TarFile, path: Path) -> Iterator[tuple[str, bytes]]:
    for entry in archive:
        file = archive.extractfile(entry)
        if file is None:
            raise BadData(f"{path} is no backup of vario: {entry.name} is no file")
        yield entry.name, file.read()


@contextmanager
def writing_file(path: Path) -> Generator[IO[bytes]]:
    """Yields a file that takes its name once it is whole and on the disk.

    Raises:
        Unavailable: it cannot be written.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise Unavailable(f"cannot write {path}: {error.strerror}") from error
    except BaseException:
        part.unlink(missing_ok=True)
        raise
