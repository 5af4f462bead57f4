"""A simulated accelerator: it takes real time, and knows how much of it was computing.

Each launch costs the same before the first item is computed: copying, scheduling, starting
kernels. So many small batches keep a device occupied, and leave most of it idle.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from time import monotonic

LAUNCH_S = 0.185
ITEM_S = 0.0835
WINDOW_S = 20.0


class Accelerator:
    """One device, which runs one batch at a time.

    Args:
        now_s: what time it is, in seconds.
        wait: waits some seconds.
    """

    def __init__(
        self,
        *,
        now_s: Callable[[], float] = monotonic,
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._now_s = now_s
        self._wait = wait
        self._lock = asyncio.Lock()
        self._begun_s = now_s()
        self._runs: deque[tuple[float, float, float]] = deque()

    async def run(self, items: int) -> None:
        """Computes a batch."""
        async with self._lock:
            start_s = self._now_s()
            await self._wait(LAUNCH_S + ITEM_S * items)
            self._runs.append((start_s, self._now_s(), ITEM_S * items))

    def utilisation(self) -> float:
        """Returns the share of the last 20 s in which the device computed."""
        return sum(share * computed for share, _, computed in self._lately()) / self._window_s()

    def occupancy(self) -> float:
        """Returns the share of the last 20 s in which it was taken, launches included."""
        return min(1.0, sum(share * taken for share, taken, _ in self._lately()) / self._window_s())

    def _window_s(self) -> float:
        return max(1e-9, min(WINDOW_S, self._now_s() - self._begun_s))

    def _lately(self) -> list[tuple[float, float, float]]:
        """Returns, for each run, which share of it is in the window, and its two durations."""
        since_s = self._now_s() - WINDOW_S
        while self._runs and self._runs[0][1] <= since_s:
            self._runs.popleft()
        return [
            ((end_s - max(start_s, since_s)) / (end_s - start_s), end_s - start_s, computed_s)
            for start_s, end_s, computed_s in self._runs
        ]
