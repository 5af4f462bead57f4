"""What the engine remembers of the series that it has written."""

import threading
from collections.abc import Generator
from contextlib import contextmanager

from vario.clock import Clock
from vario.store.engine import Engine

_HOUR_NS = 3_600_000_000_000


class SeenRows:
    """Owner of the table `metric_seen`: hashes of rows of series and metadata of this hour.

    Views consult it so that such a row is written once an hour and not with every sample, which
    takes two thirds of the cost of a sample away. It lives in the engine's memory. What is in it
    must be in the tables too, so all is forgotten after a failure; and all is forgotten every
    hour, so that it stays small.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._hour = 0
        self._lock = threading.Lock()

    @contextmanager
    def writing(self) -> Generator[None]:
        """Surrounds an insert of metrics."""
        hour = self._clock.now_ns() // _HOUR_NS
        with self._lock:
            due, self._hour = hour != self._hour, hour
        if due:
            self._forget()
        try:
            yield
        except BaseException:
            self._forget()
            raise

    def _forget(self) -> None:
        self._engine.command("TRUNCATE TABLE metric_seen")
