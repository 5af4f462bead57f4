"""What the engine remembers of the series that it has written."""

import threading
from collections.abc import Generator
from contextlib import contextmanager

from vario.clock import Clock
from vario.store.direct.book import SeriesBook
from vario.store.engine import Engine

_HOUR_NS = 3_600_000_000_000


class SeenRows:
    """Owner of the table `metric_seen`: hashes of rows of series and metadata of this hour.

    Views consult it so that such a row is written once an hour and not with every sample, which
    takes two thirds of the cost of a sample away. It lives in the engine's memory. What is in it
    must be in the tables too: therefore metrics are inserted one after the other (an insert beside
    one that then fails would take the other's series for known), all is forgotten after a failure,
    and nothing is inserted before that. All is forgotten every hour too, so that it stays small.

    Where several processes write to one ClickHouse server, they share the table, and an insert of
    the one may still take a series for known that a failing insert of the other was about to write.

    Attributes:
        book: what is remembered on this side of the engine, for small requests; forgotten with it.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self.book = SeriesBook(engine)
        self._engine = engine
        self._clock = clock
        self._hour = 0
        self._doubtful = False
        self._lock = threading.Lock()

    @contextmanager
    def writing(self) -> Generator[None]:
        """Surrounds an insert of metrics.

        Raises:
            Unavailable: what is remembered is in doubt and cannot be forgotten now.
        """
        with self._lock:
            hour = self._clock.now_ns() // _HOUR_NS
            if self._doubtful or hour != self._hour:
                self._forget()
                self._hour = hour
            try:
                yield
            except BaseException:
                self._doubtful = True
                raise

    def _forget(self) -> None:
        self.book.clear()
        self._engine.command("TRUNCATE TABLE metric_seen")
        self._doubtful = False
