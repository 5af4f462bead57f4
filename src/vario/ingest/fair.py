"""A queue whose clients take turns: deficit round robin over bytes.

Source: M. Shreedhar and G. Varghese, "Efficient Fair Queuing Using Deficit Round Robin", 1995.
"""

from collections import deque
from typing import Generic, TypeVar

Item = TypeVar("Item")

QUANTUM_BYTES = 64 << 10
"""What a client may send in its turn: more than most requests have, so that few take two turns."""


class FairQueue(Generic[Item]):
    """Items of clients: first in, first out for each; among clients, each gets as many bytes.

    Who sends much waits behind itself, not in front of who sends little. Not for several threads.
    """

    def __init__(self) -> None:
        self.size_bytes = 0
        # A client without items is not in here; the order is that of the turns.
        self._clients: dict[str, deque[tuple[int, Item]]] = {}
        self._credit: dict[str, int] = {}

    def __len__(self) -> int:
        """Returns how many clients have items here."""
        return len(self._clients)

    def put(self, client: str, size_bytes: int, item: Item) -> None:
        """Appends an item of a client."""
        self._clients.setdefault(client, deque()).append((size_bytes, item))
        self.size_bytes += size_bytes

    def take(self, limit_bytes: int) -> list[Item]:
        """Returns the items whose turn it is, of `limit_bytes` in all, or one that is larger."""
        taken: list[Item] = []
        left = limit_bytes
        while self._clients:
            client = next(iter(self._clients))
            waiting = self._clients[client]
            credit = self._credit.get(client, 0) + QUANTUM_BYTES
            while waiting and waiting[0][0] <= credit:
                size, item = waiting[0]
                if taken and size > left:
                    # The rest of the turn is for the next call.
                    self._credit[client] = credit - QUANTUM_BYTES
                    return taken
                waiting.popleft()
                self.size_bytes -= size
                credit -= size
                left -= size
                taken.append(item)
            self._end_turn(client, credit)
        return taken

    def _end_turn(self, client: str, credit: int) -> None:
        waiting = self._clients.pop(client)
        if waiting:
            self._clients[client] = waiting
            self._credit[client] = credit
        else:
            # Credit cannot be saved up by sending nothing.
            self._credit.pop(client, None)
