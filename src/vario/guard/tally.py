"""How much was folded, and what is known of when a series began."""

from collections import Counter
from collections.abc import Callable, Iterable

from vario.guard.folds import Fold

WARM_UP_NS = 5 * 60 * 1_000_000_000
"""After a start, sources that were there before are heard of again within this time. Until then a
source that is not known counts from its first value on, unless it says that it began later."""


class Tally:
    """Counts of one process. Not safe for threads: the caller holds a lock."""

    def __init__(self, now_ns: Callable[[], int]) -> None:
        """Begins now.

        Args:
            now_ns: what time it is, nanoseconds since the epoch.
        """
        self._now_ns = now_ns
        self.started_ns = now_ns()
        self.points: Counter[tuple[str, str]] = Counter()

    def count(self, folds: Iterable[Fold]) -> None:
        """Counts one point for each fold that took part in changing it."""
        for fold in folds:
            self.points[fold.metric, fold.label] += 1

    def began_fresh(self, start_ns: int) -> bool:
        """Says whether a source that was never heard of began at nothing within this life.

        Args:
            start_ns: when it says that it began; 0 if it does not.
        """
        warm = self._now_ns() - self.started_ns >= WARM_UP_NS
        return warm or start_ns >= self.started_ns
