"""Requests that were stored a short while ago, by their hash: a sender's retry is one of them."""

import time
from collections.abc import Callable

REMEMBER_S = 900.0
"""An SDK tries again for about a minute, the Collector for 5, Prometheus for as long as it holds
the samples; what is remembered ends with the process."""
MOST = 20_000
"""Requests remembered of each kind: 5 MB; 15 minutes of 22 a second, or 3 of 100 a second."""

Key = tuple[int, int]


def key_of(body: bytes) -> Key:
    """Returns what stands for a body: its length and its hash, keyed anew in every process.

    Python's SipHash takes 0.1 CPU-s a million spans. Among 20,000 bodies the next has the hash
    of another by chance once in 9e14, and its length too more seldom.
    """
    return len(body), hash(body)


class Recent:
    """Keys of what was stored, the oldest forgotten first. Not for several threads."""

    def __init__(
        self, keep_s: float, *, most: int = MOST, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._keep_s = keep_s
        self._most = most
        self._now_s = now_s
        self._stored: dict[Key, float] = {}

    def __contains__(self, key: Key) -> bool:
        """Says whether `key` was stored in the last `keep_s` seconds."""
        at = self._stored.get(key)
        return at is not None and self._now_s() - at < self._keep_s

    def add(self, key: Key) -> None:
        """Remembers that `key` was stored now."""
        self._stored.pop(key, None)
        self._stored[key] = self._now_s()
        if len(self._stored) > self._most:
            del self._stored[next(iter(self._stored))]
