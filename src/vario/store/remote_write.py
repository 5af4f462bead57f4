"""Writing Prometheus remote write: the engine decodes requests, resolves symbols, judges labels.

Requests of version 1 with samples alone, which is most of them, become rows here where they can.
"""

from functools import cache
from importlib.resources import files

from vario.store.base import RemoteFeed
from vario.store.direct.writer import DirectWriter
from vario.store.engine import Engine
from vario.store.seen import SeenRows


@cache
def _proto_text() -> str:
    folder = files("vario.store") / "sql" / "ingest"
    return (folder / "remote_write.proto").read_text(encoding="utf-8")


class RemoteWrites:
    """Takes remote-write requests."""

    def __init__(self, engine: Engine, seen: SeenRows, direct: DirectWriter | None) -> None:
        """Makes a writer; without `direct` everything goes through the engine's views."""
        self._engine = engine
        self._seen = seen
        self._direct = direct

    def write_remote(self, feed: RemoteFeed, body: bytes) -> None:
        """Writes requests of one kind; see `SignalWriter`."""
        second = feed in (RemoteFeed.V2, RemoteFeed.V2_FULL)
        with self._seen.writing():
            if feed is RemoteFeed.V1 and self._direct and self._direct.write_remote(body):
                return
            self._engine.insert_protobuf(
                f"{feed}_in",
                body,
                schema=_proto_text(),
                message="Request" if second else "WriteRequest",
                delimited=second,
            )
