"""`histogram </ x` and `histogram >/ x`: observations above or below a value are cut off."""

import math
from dataclasses import replace

import numpy as np

from vario.query.promql.histogram import Bucket, Buckets, Histogram


def trimmed(h: Histogram, at: float, *, upper: bool) -> Histogram:
    """Returns the histogram without the observations above (`upper`) or below `at`.

    The new sum is that of the kept counts, each at the middle of its kept part.
    """
    trim = _Trim(h, at, upper)
    positive = trim.run(h.positive, list(h.positive_buckets()))
    negative = trim.run(h.negative, list(h.negative_buckets()))
    zero_count = trim.keep_zero() if h.zero_count > 0 else h.zero_count
    if not trim.cut:
        return h.compacted()
    return replace(
        h,
        positive=positive,
        negative=negative,
        zero_count=zero_count,
        count=trim.count,
        sum=trim.sum,
    ).compacted()


class _Trim:
    """What is kept: `count` and `sum` of it, and `cut`, whether anything is not."""

    def __init__(self, h: Histogram, at: float, upper: bool) -> None:
        self.h, self.at, self.upper = h, at, upper
        self.count = 0.0
        self.sum = 0.0
        self.cut = False

    def run(self, run: Buckets, buckets: list[Bucket]) -> Buckets:
        """Returns the kept counts of one side."""
        kept = [self._keep(bucket, linear=self.h.custom) for bucket in buckets]
        return Buckets(run.offset, np.array(kept)) if kept else run

    def keep_zero(self) -> float:
        """Returns the kept count of the zero bucket, which ends at 0 where only one side is."""
        lower, upper = -self.h.zero_threshold, self.h.zero_threshold
        if not len(self.h.negative) and len(self.h.positive):
            lower = 0.0
        elif not len(self.h.positive) and len(self.h.negative):
            upper = 0.0
        return self._keep(Bucket(lower, upper, self.h.zero_count), linear=True)

    def _keep(self, bucket: Bucket, *, linear: bool) -> float:
        if bucket.count == 0:
            return 0.0
        if math.isinf(bucket.lower) and 0 < bucket.upper < math.inf:
            bucket = Bucket(0.0, bucket.upper, bucket.count)
        edges = (bucket.lower, bucket.upper)
        inside = bucket.upper <= self.at if self.upper else bucket.lower >= self.at
        outside = self.at <= bucket.lower if self.upper else self.at >= bucket.upper
        kept = bucket.count
        if not inside:
            self.cut = True
            edges = (bucket.lower, self.at) if self.upper else (self.at, bucket.upper)
            kept = 0.0 if outside else self._share(bucket, linear)
        self.count += kept
        if kept:
            self.sum += kept * _middle(*edges, linear=linear)
        return kept

    def _share(self, bucket: Bucket, linear: bool) -> float:
        """Returns the kept count of a bucket that is cut through.

        Nothing is known of where the observations of a bucket without an end lie: all of it goes
        with the end that it has.
        """
        if math.isinf(bucket.lower) or math.isinf(bucket.upper):
            open_end = bucket.lower if self.upper else bucket.upper
            other_end = bucket.upper if self.upper else bucket.lower
            return bucket.count if math.isinf(open_end) and math.isfinite(other_end) else 0.0
        below = _below(bucket, self.at, linear=linear)
        return below if self.upper else bucket.count - below


def _middle(lower: float, upper: float, *, linear: bool) -> float:
    """Returns where the observations of a bucket are taken to lie."""
    if math.isinf(lower) or math.isinf(upper):
        return upper if math.isinf(lower) else lower
    if linear:
        return (lower + upper) / 2
    return math.copysign(math.sqrt(lower * upper), upper if upper else lower)


def _below(bucket: Bucket, at: float, *, linear: bool) -> float:
    """Returns how many of a bucket's observations lie below `at`, which is inside of it."""
    if linear:
        return bucket.count * (at - bucket.lower) / (bucket.upper - bucket.lower)
    low, high, middle = (math.log2(abs(v)) for v in (bucket.lower, bucket.upper, at))
    if bucket.lower > 0:
        return bucket.count * (middle - low) / (high - low)
    return bucket.count * (1 - (middle - high) / (low - high))
