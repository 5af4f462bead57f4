"""The only source of "now". Tests drive a `ManualClock` by hand; nothing sleeps to pass time."""

import time
from typing import Protocol


class Clock(Protocol):
    """Something that knows what time it is."""

    def now_ns(self) -> int:
        """Returns the time as integer nanoseconds since the Unix epoch."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now_ns(self) -> int:
        """Returns the wall-clock time in nanoseconds since the Unix epoch."""
        return time.time_ns()


class ManualClock:
    """A clock that stands still until it is moved."""

    def __init__(self, start_ns: int = 0) -> None:
        self._now_ns = start_ns

    def now_ns(self) -> int:
        """Returns the time that the clock was last moved to."""
        return self._now_ns

    def advance_ns(self, delta_ns: int) -> None:
        """Moves the clock forward by `delta_ns` nanoseconds."""
        self._now_ns += delta_ns
