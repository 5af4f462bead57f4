"""`histogram </ x` and `histogram >/ x`: observations above or below a value are cut off."""

import math
from dataclasses import replace

import numpy as np

from vario.query.promql.histogram import Bucket, Buckets, Histogram


def trimmed(h: Histogram, at: float, *, upper: bool) -> Histogram:
    """Returns the histogram without the observations above (`upper`) or below `at`.

    The sum loses, for every bucket, the removed count times the middle of the removed part.
    """
    trim = _Trim(h, at, upper)
    positive = trim.run(h.positive, list(h.positive_buckets()), positive=True)
    negative = trim.run(h.negative, list(h.negative_buckets()), positive=False)
    zero_count = h.zero_count
    if zero_count > 0:
        zero = Bucket(-h.zero_threshold, h.zero_threshold, zero_count)
        below = _split(zero, at, positive=True, linear=True)
        zero_count = below if upper else zero_count - below
        trim.count += zero_count
    return replace(
        h,
        positive=positive,
        negative=negative,
        zero_count=zero_count,
        count=trim.count,
        sum=trim.new_sum(),
    ).compacted()


class _Trim:
    def __init__(self, h: Histogram, at: float, upper: bool) -> None:
        self.h, self.at, self.upper = h, at, upper
        self.count = 0.0
        self.removed_sum = 0.0
        self.has_positive = self.has_negative = False

    def run(self, run: Buckets, buckets: list[Bucket], *, positive: bool) -> Buckets:
        """Returns the kept counts of one side."""
        kept = np.array([self._keep(bucket, positive) for bucket in buckets])
        return Buckets(run.offset, kept) if len(kept) else run

    def _keep(self, bucket: Bucket, positive: bool) -> float:
        if bucket.count == 0:
            return 0.0
        self._note_sign(bucket, positive)
        outside = bucket.upper <= self.at if self.upper else bucket.lower >= self.at
        if outside:
            self.count += bucket.count
            return bucket.count
        cut = bucket.lower < self.at if self.upper else bucket.upper > self.at
        kept, middle = self._cut(bucket, positive)
        if not cut:
            kept = 0.0
            if not self.h.custom:
                middle = math.sqrt(bucket.lower * bucket.upper)
        self.removed_sum += (bucket.count - kept) * middle
        self.count += kept
        return kept

    def _note_sign(self, bucket: Bucket, positive: bool) -> None:
        if not self.h.custom:
            self.has_positive |= positive
            self.has_negative |= not positive
        elif bucket.upper <= 0:
            self.has_negative = True
        else:
            self.has_negative |= bucket.lower < 0
            self.has_positive = True

    def _cut(self, bucket: Bucket, positive: bool) -> tuple[float, float]:
        """Returns the kept count of a bucket and the middle of its removed part."""
        if math.isinf(bucket.lower) or math.isinf(bucket.upper):
            return self._cut_infinite(bucket)
        below = _split(bucket, self.at, positive=positive, linear=self.h.custom)
        edge = bucket.lower if self.upper else bucket.upper
        middle = (bucket.lower + bucket.upper) / 2
        if not self.h.custom:
            middle = math.sqrt(abs(edge) * abs(self.at)) * (1 if positive else -1)
        return (below if self.upper else bucket.count - below), middle

    def _cut_infinite(self, bucket: Bucket) -> tuple[float, float]:
        """A bucket without one end: nothing is known of where its observations lie.

        Only one that begins below all numbers and ends above 0 is taken to begin at 0.
        """
        if math.isinf(bucket.lower):
            if 0 <= self.at < bucket.upper and not math.isinf(bucket.upper):
                share = self.at / bucket.upper
                if self.upper:
                    return bucket.count * share, (self.at + bucket.upper) / 2
                return bucket.count * (1 - share), self.at / 2
            return 0.0, bucket.upper
        return 0.0, bucket.lower

    def new_sum(self) -> float:
        """Returns the sum of what is left, of a sign that its buckets allow."""
        if self.count == 0:
            return 0.0
        result = self.h.sum - self.removed_sum
        if (not self.has_negative and result < 0) or (not self.has_positive and result > 0):
            return 0.0
        return result


def _split(bucket: Bucket, at: float, *, positive: bool, linear: bool) -> float:
    """Returns how many of a bucket's observations lie below `at`."""
    if at <= bucket.lower:
        return 0.0
    if at >= bucket.upper:
        return bucket.count
    if linear:
        return bucket.count * (at - bucket.lower) / (bucket.upper - bucket.lower)
    low, high, middle = (math.log2(abs(v)) for v in (bucket.lower, bucket.upper, at))
    if positive:
        return bucket.count * (middle - low) / (high - low)
    return bucket.count * (1 - (middle - high) / (low - high))
