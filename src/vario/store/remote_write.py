"""Writing Prometheus remote write: the engine decodes requests, resolves symbols, judges labels."""

import threading
from functools import cache
from importlib.resources import files

from vario.clock import Clock
from vario.errors import VarioError
from vario.store.base import RemoteFeed
from vario.store.engine import Engine

_HOUR_NS = 3_600_000_000_000


@cache
def _proto_text() -> str:
    folder = files("vario.store") / "sql" / "ingest"
    return (folder / "remote_write.proto").read_text(encoding="utf-8")


class RemoteWrites:
    """Takes remote-write requests.

    The engine remembers in the table `metric_seen` which rows of series and metadata it has
    written this hour. What it remembers must be in the tables, so it forgets all after a failure;
    and it forgets all every hour, so that the table stays small.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._hour = 0
        self._lock = threading.Lock()

    def write_remote(self, feed: RemoteFeed, body: bytes) -> None:
        """Writes requests of one kind; see `SignalWriter`."""
        second = feed in (RemoteFeed.V2, RemoteFeed.V2_FULL)
        self._forget_hourly()
        try:
            self._engine.insert_protobuf(
                f"{feed}_in",
                body,
                schema=_proto_text(),
                message="Request" if second else "WriteRequest",
                delimited=second,
            )
        except VarioError:
            self._forget()
            raise

    def _forget_hourly(self) -> None:
        hour = self._clock.now_ns() // _HOUR_NS
        with self._lock:
            due, self._hour = hour != self._hour, hour
        if due:
            self._forget()

    def _forget(self) -> None:
        self._engine.command("TRUNCATE TABLE metric_seen")
