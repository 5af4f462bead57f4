"""A bounded cache: what was used longest ago goes first, and nothing stays beyond its time."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Cache(Generic[K, V]):
    """At most `capacity` values, each for at most `ttl_s` seconds. For one thread.

    Args:
        capacity: how many values there may be.
        ttl_s: how long a value may be used.
        now_s: what time it is, in seconds.
    """

    def __init__(
        self, capacity: int, ttl_s: float, *, now_s: Callable[[], float] = monotonic
    ) -> None:
        self._capacity = capacity
        self._ttl_s = ttl_s
        self._now_s = now_s
        self._values: OrderedDict[K, tuple[float, V]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[K]:
        return iter(self._values)

    def __contains__(self, key: K) -> bool:
        return key in self._values

    @property
    def capacity(self) -> int:
        """How many values there may be."""
        return self._capacity

    def resize(self, capacity: int) -> None:
        """Makes room for more values, or lets go those that were used longest ago."""
        self._capacity = capacity
        while len(self._values) > capacity:
            self._values.popitem(last=False)

    def get(self, key: K) -> V | None:
        """Returns a value that is still good, None where there is none."""
        found = self._values.get(key)
        if found is None:
            return None
        expires_s, value = found
        if expires_s <= self._now_s():
            del self._values[key]
            return None
        self._values.move_to_end(key)
        return value

    def put(self, key: K, value: V) -> None:
        """Keeps a value; the one that was used longest ago makes room for it."""
        self._values[key] = (self._now_s() + self._ttl_s, value)
        self._values.move_to_end(key)
        if len(self._values) > self._capacity:
            self._values.popitem(last=False)
