"""One engine behind one address: owns every handle, binds parameters, maps faults.

chDB and a ClickHouse server are spoken to through the same driver and the same SQL. What differs
is hidden here: an embedded handle runs one query at a time, and after a failed query it must be
drained, because left-over rows of that query would come first in its next result.
"""

import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from vario.config import SYNCS
from vario.errors import BadData, QueryTimeout, Unavailable, VarioError
from vario.store.address import Address
from vario.store.asked import note_query
from vario.store.embedded import FolderLock, FolderSync, import_engine, schema_file, write_config
from vario.store.faults import is_damage, translate

Column = Any
"""A column: a numpy array where the type is numeric and not nullable, else a list."""

_WRITERS = 2
_WRITE_SETTINGS = {
    # Views pass rows on in blocks of this size, 256 MiB by default: 60,000 histograms of 16 buckets
    # took 560 MiB instead of 1,860, in the same time.
    "min_insert_block_size_rows": 100_000,
    "min_insert_block_size_bytes": 32 << 20,
    # A body with spans of more days than this is a mistake of its sender's, or a poison.
    "max_partitions_per_insert_block": 1000,
    # Labels of new series are part of a query (`store/direct/book.py`).
    "max_query_size": 64 << 20,
    # What goes through a Distributed table is on its shard when the insert returns.
    "distributed_foreground_insert": 1,
}
_HEAVY_S = 0.5
"""A query that takes longer leaves memory behind: 844 MiB after one, 277 once it was purged."""
_UNKNOWN_DATABASE = 81
_STATEMENTS = ""
"""The name under which statements are counted among the tables that were written to."""

_DTYPES = {
    "Bool": np.bool_,
    **{f"UInt{bits}": np.dtype(f"u{bits // 8}") for bits in (8, 16, 32, 64)},
    **{f"Int{bits}": np.dtype(f"i{bits // 8}") for bits in (8, 16, 32, 64)},
    "Float32": np.float32,
    "Float64": np.float64,
}


class Engine:
    """Handles on one database: two for writing, a few for reading.

    Every method may be called from any thread; a call waits for a free handle. Two inserts side by
    side take in 1.4 times what they do one after the other (two cores).
    """

    def __init__(
        self,
        address: Address,
        *,
        max_memory_mb: int = 2000,
        query_timeout_s: float = 30.0,
        reader_threads: int = 4,
        sync: str = "commit",
    ) -> None:
        """Opens the engine and makes the database where it is missing.

        Args:
            address: where the engine is.
            max_memory_mb: bound on the embedded engine's memory; one query may use half.
            query_timeout_s: time limit of a read.
            reader_threads: number of reads that run side by side.
            sync: of the embedded engine; see `vario.config.StoreSettings`.

        Raises:
            BadData: there is no such `sync`.
            Unavailable: another process uses the folder, or the server does not answer.
        """
        if sync not in SYNCS:
            raise BadData(f"store.sync is one of {', '.join(SYNCS)}, not {sync!r}")
        self.address = address
        self._timeout_s = query_timeout_s
        self._closed = False
        self._readers: queue.Queue[Any] = queue.Queue()
        self._writers: queue.Queue[Any] = queue.Queue()
        self._lock = FolderLock(address.folder) if address.folder else None
        self._sync: FolderSync | None = None
        self.on_damage: Callable[[str], None] = _ignore
        self._clients: list[Any] = []
        self._writes = Counter[str]()
        self._lock_writes = threading.Lock()
        limits = {
            "max_execution_time": query_timeout_s,
            "max_memory_usage": max_memory_mb * (1 << 20) // 2,
        }
        try:
            self._writers.put(self._connect_first(max_memory_mb, sync=sync == "commit"))
            for _ in range(_WRITERS - 1):
                self._writers.put(self._connect(_WRITE_SETTINGS, self.address.database))
            for _ in range(reader_threads):
                self._readers.put(self._connect(limits, self.address.database))
            if sync == "group" and address.folder:
                self._sync = FolderSync(address.folder)
        except BaseException:
            self.close()
            raise

    def query_columns(
        self,
        sql: str,
        params: Mapping[str, Any] | None = None,
        *,
        settings: Mapping[str, Any] | None = None,
    ) -> dict[str, Column]:
        """Runs a SELECT and returns its columns by name.

        Numbers and booleans come as numpy arrays, everything else (strings, maps, arrays,
        nullable columns) as lists. Select `toUnixTimestamp64Nano(...)` rather than times.

        Args:
            sql: the query; parameters are written `{name:Type}`.
            params: values of the parameters.
            settings: engine settings for this query alone.

        Raises:
            QueryTimeout: over the time limit.
            ExecutionError: over another limit.
            Unavailable: the engine does not answer.
        """
        note_query(sql, params)
        with self._reader() as client:
            blocks: list[Sequence[Any]] = []
            stream = client.query_column_block_stream(sql, params, settings=settings)
            with stream as incoming:
                source = incoming.source
                names = list(source.column_names)
                types = [column.name for column in source.column_types]
                blocks.extend(incoming)
            if not blocks:
                # The embedded engine sends nothing at all for an empty result.
                described = client.query(f"DESCRIBE TABLE ({sql})", params).result_rows
                return {row[0]: _empty(row[1]) for row in described}
        columns = zip(names, types, zip(*blocks, strict=True), strict=True)
        return {name: _concatenate(type_name, parts) for name, type_name, parts in columns}

    def query_rows(
        self,
        sql: str,
        params: Mapping[str, Any] | None = None,
        *,
        settings: Mapping[str, Any] | None = None,
    ) -> list[tuple[Any, ...]]:
        """Runs a SELECT and returns its rows; errors as in `query_columns`."""
        note_query(sql, params)
        with self._reader() as client:
            return list(client.query(sql, params, settings=settings).result_rows)

    def query_bytes(
        self,
        sql: str,
        params: Mapping[str, Any] | None = None,
        *,
        fmt: str,
        settings: Mapping[str, Any] | None = None,
    ) -> bytes:
        """Runs a SELECT and returns its rows in an output format; errors as in `query_columns`."""
        note_query(sql, params)
        if settings:
            # As a part of the query: an embedded handle would be told of each and told back, 3 ms.
            sql += " SETTINGS " + ", ".join(f"{name}={value!r}" for name, value in settings.items())
        with self._reader() as client:
            return client.raw_query(sql, params, fmt=fmt)

    def command(self, sql: str, params: Mapping[str, Any] | None = None) -> None:
        """Runs a statement that changes something, on the writing handle."""
        with self._writing(_STATEMENTS) as client:
            client.command(sql, params)

    def count_writes(self, *, beside: Collection[str] = ()) -> tuple[int, int]:
        """Returns how many statements this process ran, and inserts into tables beside some.

        A write counts once it is done, before its caller hears of it.
        """
        with self._lock_writes:
            inserts = sum(count for table, count in self._writes.items() if table not in beside)
            return self._writes[_STATEMENTS], inserts - self._writes[_STATEMENTS]

    def query_writing(
        self, sql: str, params: Mapping[str, Any] | None = None
    ) -> list[tuple[Any, ...]]:
        """Runs a SELECT on the writing handle, which waits for no reader; returns its rows."""
        with self._writing(None) as client:
            return list(client.query(sql, params).result_rows)

    def insert_protobuf(
        self, table: str, body: bytes, *, schema: str, message: str, delimited: bool = False
    ) -> None:
        """Appends rows that the engine decodes from one protobuf message, or from several.

        Args:
            table: where the rows go; its columns are fields of the message.
            body: the message, or messages that each come after their length as a varint.
            schema: the text of a `.proto` file.
            message: the name of the message in it.
            delimited: whether there are several messages, each a row.

        Raises:
            BadData: the engine cannot decode the body; nothing of it is kept.
            Unavailable: no space left, or the engine does not answer.
        """
        if self.address.embedded:
            given = {"format_schema": str(schema_file(schema))}
        else:
            given = {"format_schema": schema, "format_schema_source": "string"}
        settings = {**given, "format_schema_message_name": message}
        self.insert_bytes(table, body, "Protobuf" if delimited else "ProtobufSingle", settings)

    def insert_bytes(
        self,
        table: str,
        body: bytes,
        fmt: str,
        settings: Mapping[str, Any] | None = None,
        *,
        columns: Sequence[str] | None = None,
    ) -> None:
        """Appends rows that the engine decodes from `body` in its input format `fmt`.

        Args:
            table: where the rows go.
            body: the rows.
            fmt: the name of the format.
            settings: engine settings for this insert alone.
            columns: what the rows hold, in order; all that the table does not work out, if not
                given.

        Raises:
            BadData: the engine cannot decode the body; nothing of it is kept.
            Unavailable: no space left, or the engine does not answer.
        """
        with self._writing(table) as client:
            client.raw_insert(
                table, column_names=columns, insert_block=body, fmt=fmt, settings=settings
            )

    def close(self) -> None:
        """Waits for queries in flight and gives every handle and the folder back."""
        self._closed = True
        for client in self._clients:
            client.close()
        self._clients.clear()
        if self._sync:
            self._sync.close()
            self._sync = None
        if self._lock:
            self._lock.release()

    # Handles

    @contextmanager
    def _reader(self) -> Generator[Any]:
        try:
            client = self._readers.get(timeout=self._timeout_s)
        except queue.Empty:
            raise QueryTimeout(
                f"no read handle of the store at {self.address} came free in "
                f"{self._timeout_s:g} s; raise store.reader_threads"
            ) from None
        started = time.monotonic()
        try:
            with self._guarded(client):
                yield client
                if self.address.embedded and time.monotonic() - started > _HEAVY_S:
                    client.command("SYSTEM JEMALLOC PURGE")
        finally:
            self._readers.put(client)

    @contextmanager
    def _writing(self, table: str | None) -> Generator[Any]:
        """Lends a writing handle; `table`: into which rows go, None where nothing is written."""
        client = self._writers.get()
        try:
            with self._guarded(client, writing=True):
                yield client
        finally:
            if table is not None:
                with self._lock_writes:
                    self._writes[table] += 1
            self._writers.put(client)
            if self._sync:
                self._sync.note()

    @contextmanager
    def _guarded(self, client: Any, *, writing: bool = False) -> Generator[None]:
        closed = Unavailable(f"the store at {self.address} is closed")
        if self._closed:
            raise closed
        try:
            yield
        except VarioError:
            raise
        except Exception as error:
            if self._closed:
                raise closed from error
            self._drain(client)
            if is_damage(error, writing=writing):
                self.on_damage(str(error))
            raise translate(error, str(self.address), writing=writing) from error
        except BaseException:
            self._drain(client)
            raise

    def _drain(self, client: Any) -> None:
        """Takes the left-over output of a failed query out of an embedded handle."""
        if self.address.embedded:
            client.raw_query("SELECT 1", fmt="Null")

    def _connect_first(self, max_memory_mb: int, *, sync: bool) -> Any:
        """Opens the engine with the first handle, and the database with it."""
        if not self.address.embedded:
            return self._connect(_WRITE_SETTINGS, self.address.database, create=True)
        import_engine()
        # Most of these settings are taken from a file only.
        config = str(write_config(max_memory_mb, sync=sync))
        first = self._connect(_WRITE_SETTINGS, None, options={"config-file": config})
        first.command(f"CREATE DATABASE IF NOT EXISTS `{self.address.database}`")
        first.database = self.address.database
        return first

    def _connect(
        self,
        settings: Mapping[str, Any],
        database: str | None,
        *,
        options: Mapping[str, Any] | None = None,
        create: bool = False,
    ) -> Any:
        import clickhouse_connect

        address = self.address
        try:
            if address.embedded:
                path = str(address.folder) if address.folder else ":memory:"
                client = clickhouse_connect.get_client(
                    interface="chdb",
                    path=path,
                    database=database,
                    settings=dict(settings),
                    chdb_options=dict(options or {}),
                )
            else:
                client = clickhouse_connect.get_client(
                    host=address.host,
                    port=address.port,
                    interface="https" if address.secure else "http",
                    username=address.username or None,
                    password=address.password,
                    database=database,
                    settings=dict(settings),
                    autogenerate_session_id=False,
                    connect_timeout=5,
                    send_receive_timeout=int(self._timeout_s) + 30,
                )
        except Exception as error:
            if create and getattr(error, "code", None) == _UNKNOWN_DATABASE:
                with self._connect({}, "default") as client:
                    client.command(f"CREATE DATABASE IF NOT EXISTS `{address.database}`")
                return self._connect(settings, database)
            raise translate(error, str(address)) from error
        self._clients.append(client)
        return client


def _ignore(_: str) -> None:
    """What is done with a damaged part as long as nobody looks after them."""


def _concatenate(type_name: str, parts: Sequence[Any]) -> Column:
    dtype = _DTYPES.get(type_name)
    if dtype is None:
        return [value for part in parts for value in part]
    return np.concatenate([np.asarray(part, dtype=dtype) for part in parts])


def _empty(type_name: str) -> Column:
    dtype = _DTYPES.get(type_name)
    return [] if dtype is None else np.empty(0, dtype=dtype)
