"""A bound on the bytes that the doors hold at once: read, inflated, queued or being written.

One client may hold twice as much as is left free. A single one gets two thirds of all; whoever
comes then finds room, and the more send, the smaller is what each may hold.

Source: A. K. Choudhury and E. L. Hahne, "Dynamic Queue Length Thresholds for Shared-Memory Packet
Switches", IEEE/ACM Transactions on Networking 6 (1998).
"""

import threading
from collections import Counter
from types import TracebackType

from vario.errors import Overloaded

SHARE_OF_FREE = 2


class Budget:
    """Bytes that may be held at once. Every method may be called from any thread."""

    def __init__(self, total_bytes: int) -> None:
        self.total_bytes = total_bytes
        self._held_bytes = 0
        self._by_client: Counter[str] = Counter()
        self._lock = threading.Lock()

    @property
    def held_bytes(self) -> int:
        """Bytes held now."""
        return self._held_bytes

    def hold(self, client: str = "") -> "Hold":
        """Returns a context in which bytes can be held; leaving it gives them back.

        Args:
            client: for whom; without one, the whole is the only bound.
        """
        return Hold(self, client)

    def move(self, amount_bytes: int, client: str = "") -> None:
        """Takes bytes (or gives them back, if negative).

        Raises:
            Overloaded: there are not as many left, or not for this client.
        """
        with self._lock:
            held_bytes = self._held_bytes + amount_bytes
            own_bytes = self._by_client[client] + amount_bytes
            if amount_bytes > 0:
                free_bytes = self.total_bytes - held_bytes
                if free_bytes < 0:
                    raise Overloaded(
                        f"the ingest queue is full ({self._held_bytes >> 20} of "
                        f"{self.total_bytes >> 20} MiB held): try again later, or raise "
                        "ingest.max_queue_mb"
                    )
                if client and own_bytes > SHARE_OF_FREE * free_bytes:
                    raise Overloaded(
                        f"the ingest queue holds {own_bytes >> 20} MiB of {client}, and "
                        f"{free_bytes >> 20} MiB are kept for other clients: try again later, "
                        "or raise ingest.max_queue_mb"
                    )
            self._held_bytes = held_bytes
            if own_bytes:
                self._by_client[client] = own_bytes
            else:
                del self._by_client[client]


class Hold:
    """The bytes held for one request."""

    def __init__(self, budget: Budget, client: str) -> None:
        self._budget = budget
        self._client = client
        self._bytes = 0

    def grow(self, amount_bytes: int) -> None:
        """Holds more bytes.

        Raises:
            Overloaded: the budget is spent.
        """
        self._budget.move(amount_bytes, self._client)
        self._bytes += amount_bytes

    def __enter__(self) -> "Hold":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._budget.move(-self._bytes, self._client)
        self._bytes = 0
