"""A bound on the bytes that the doors hold at once: read, inflated, queued or being written."""

import threading
from types import TracebackType

from vario.errors import Overloaded


class Budget:
    """Bytes that may be held at once. Every method may be called from any thread."""

    def __init__(self, total_bytes: int) -> None:
        self.total_bytes = total_bytes
        self._held_bytes = 0
        self._lock = threading.Lock()

    @property
    def held_bytes(self) -> int:
        """Bytes held now."""
        return self._held_bytes

    def hold(self) -> "Hold":
        """Returns a context in which bytes can be held; leaving it gives them back."""
        return Hold(self)

    def move(self, amount_bytes: int) -> None:
        """Takes bytes (or gives them back, if negative).

        Raises:
            Overloaded: there are not as many left.
        """
        with self._lock:
            held_bytes = self._held_bytes + amount_bytes
            if amount_bytes > 0 and held_bytes > self.total_bytes:
                raise Overloaded(
                    f"the ingest queue is full ({self._held_bytes >> 20} of "
                    f"{self.total_bytes >> 20} MiB held): try again later, or raise "
                    "ingest.max_queue_mb"
                )
            self._held_bytes = held_bytes


class Hold:
    """The bytes held for one request."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._bytes = 0

    def grow(self, amount_bytes: int) -> None:
        """Holds more bytes.

        Raises:
            Overloaded: the budget is spent.
        """
        self._budget.move(amount_bytes)
        self._bytes += amount_bytes

    def __enter__(self) -> "Hold":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._budget.move(-self._bytes)
        self._bytes = 0
