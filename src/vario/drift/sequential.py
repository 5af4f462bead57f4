"""Detectors that see one value at a time: `update(x)`, then `drift_detected`."""

import math
from collections import deque


class PageHinkley:
    """Detects that a mean has risen or fallen, by the cumulative sum of what exceeds it.

    Source: Page, "Continuous inspection schemes" (1954); Hinkley's test with forgetting.

    >>> detector = PageHinkley(threshold=5.0)
    >>> [i for i in range(60) if detector.update(0.0 if i < 40 else 1.0).drift_detected]
    [45]

    Args:
        minimum: how many values must have been seen before anything is reported.
        delta: changes of the mean up to this size are tolerated.
        threshold: the sum at which drift is reported (lambda).
        forgetting: weight of the past in the sums, 0 to 1.
    """

    def __init__(
        self,
        minimum: int = 30,
        delta: float = 0.005,
        threshold: float = 50.0,
        forgetting: float = 1 - 1e-4,
    ) -> None:
        self.minimum, self.delta = minimum, delta
        self.threshold, self.forgetting = threshold, forgetting
        self.drift_detected = False
        self._reset()

    def _reset(self) -> None:
        self._seen = 0
        self._mean = self._up = self._down = 0.0
        self._up_least = math.inf
        self._down_most = -math.inf

    def update(self, x: float) -> "PageHinkley":
        """Takes the next value; after a detection it starts anew."""
        if self.drift_detected:
            self._reset()
        self._seen += 1
        self._mean += (x - self._mean) / self._seen
        excess = x - self._mean
        self._up = self.forgetting * self._up + excess - self.delta
        self._down = self.forgetting * self._down + excess + self.delta
        self._up_least = min(self._up_least, self._up)
        self._down_most = max(self._down_most, self._down)
        farthest = max(self._up - self._up_least, self._down_most - self._down)
        self.drift_detected = self._seen >= self.minimum and farthest > self.threshold
        return self


class Adwin:
    """Keeps a window of a stream as long as its two halves, cut anywhere, have the same mean.

    Values are held in rows of buckets of 1, 2, 4, ... values, at most `per_row` a row, so that
    memory grows with the logarithm of the window.

    Source: Bifet and Gavalda, "Learning from time-changing data with adaptive windowing" (2007);
    the cut of its section 4.1 (variance-aware, with ln(window) in place of n tests).

    Args:
        delta: false-alarm probability of a cut, 0 to 1.
        clock: a cut is looked for at every so many values.
        per_row: buckets of one size.
        grace: values that must have been seen before a cut is looked for.
        least: values that each half must have.
    """

    def __init__(
        self,
        delta: float = 0.002,
        clock: int = 32,
        per_row: int = 5,
        grace: int = 10,
        least: int = 5,
    ) -> None:
        self.delta, self.clock, self.per_row = delta, clock, per_row
        self.grace, self.least = grace, least
        self.drift_detected = False
        self.width = 0
        self._total = self._spread = 0.0
        self._ticks = 0
        self._rows: list[deque[tuple[float, float]]] = [deque()]  # (sum, squared deviations)

    @property
    def mean(self) -> float:
        """The mean of the window, 0 where it is empty."""
        return self._total / self.width if self.width else 0.0

    def update(self, x: float) -> "Adwin":
        """Takes the next value and shortens the window where its mean has changed."""
        self._ticks += 1
        if self.width:
            self._spread += self.width / (self.width + 1) * (x - self.mean) ** 2
        self.width += 1
        self._total += x
        self._rows[0].append((x, 0.0))
        self._compress()
        self.drift_detected = False
        if self._ticks % self.clock == 0 and self.width > self.grace:
            while self._find_cut():
                self.drift_detected = True
                self._drop_oldest()
        return self

    def _compress(self) -> None:
        for level, row in enumerate(self._rows):
            if len(row) <= self.per_row:
                return
            if level + 1 == len(self._rows):
                self._rows.append(deque())
            (sum_a, spread_a), (sum_b, spread_b) = row.popleft(), row.popleft()
            size = 2**level
            between = (sum_a / size - sum_b / size) ** 2 * size / 2
            self._rows[level + 1].append((sum_a + sum_b, spread_a + spread_b + between))

    def _find_cut(self) -> bool:
        """Returns whether the older and newer part of some cut differ by more than chance."""
        older_n, older_sum = 0, 0.0
        for level in range(len(self._rows) - 1, -1, -1):
            for total, _ in self._rows[level]:
                older_n += 2**level
                older_sum += total
                newer_n = self.width - older_n
                if newer_n < self.least:
                    return False
                if older_n >= self.least and self._differ(older_n, older_sum, newer_n):
                    return True
        return False

    def _differ(self, older_n: int, older_sum: float, newer_n: int) -> bool:
        gap = abs(older_sum / older_n - (self._total - older_sum) / newer_n)
        log_term = math.log(2 * math.log(self.width) / self.delta)
        inverse = 1 / (older_n - self.least + 1) + 1 / (newer_n - self.least + 1)
        variance = self._spread / self.width
        return gap > math.sqrt(2 * inverse * variance * log_term) + 2 / 3 * inverse * log_term

    def _drop_oldest(self) -> None:
        total, spread = self._rows[-1].popleft()
        size = 2 ** (len(self._rows) - 1)
        mean, rest = total / size, self.width - size
        self.width, self._total = rest, self._total - total
        if rest:
            gap = (mean - self._total / rest) ** 2 * size * rest / (size + rest)
            self._spread = max(self._spread - spread - gap, 0.0)
        else:
            self._spread = 0.0
        if not self._rows[-1] and len(self._rows) > 1:
            self._rows.pop()
