"""Arithmetic on native histograms: addition, subtraction, counter resets.

Source: model/histogram/float_histogram.go of Prometheus 3.
"""

from dataclasses import dataclass, replace

import numpy as np

from vario.query.promql.histogram import (
    NO_BUCKETS,
    Buckets,
    Histogram,
    IncompatibleSchemas,
    ResetHint,
    exponential_bound,
)


@dataclass(frozen=True, slots=True)
class Combined:
    """A sum or difference, and what had to be done for it.

    Attributes:
        value: the result.
        hints_collide: one operand said "reset", the other "no reset".
        bounds_reconciled: custom bounds differed; only those of both are left.
    """

    value: Histogram
    hints_collide: bool
    bounds_reconciled: bool


def add(a: Histogram, b: Histogram) -> Combined:
    """Returns `a + b`; raises as `subtract`."""
    return _combine(a, b, 1.0)


def subtract(a: Histogram, b: Histogram) -> Combined:
    """Returns `a - b`.

    Raises:
        IncompatibleSchemas: one has custom buckets and the other has not.
    """
    return _combine(a, b, -1.0)


def _combine(a: Histogram, b: Histogram, sign: float) -> Combined:
    if a.custom != b.custom:
        raise IncompatibleSchemas
    hint, collide = combined_hint(a.hint, b.hint)
    if a.custom:
        value, reconciled = _combine_custom(a, b, sign)
    else:
        value, reconciled = _combine_exponential(a, b, sign), False
    value = replace(value, count=a.count + sign * b.count, sum=a.sum + sign * b.sum, hint=hint)
    return Combined(value, collide, reconciled)


def combined_hint(a: ResetHint, b: ResetHint) -> tuple[ResetHint, bool]:
    """Returns the hint of a sum or difference, and whether "reset" met "no reset"."""
    if a == b:
        return a, False
    if ResetHint.GAUGE in (a, b):
        return ResetHint.GAUGE, False
    return ResetHint.UNKNOWN, ResetHint.UNKNOWN not in (a, b)


def _combine_exponential(a: Histogram, b: Histogram, sign: float) -> Histogram:
    a, other_zero = reconcile_zero_buckets(a, b)
    schema = min(a.schema, b.schema)
    a, b = a.at_schema(schema), b.at_schema(schema)
    first = first_index_above(a.zero_threshold, schema)
    return replace(
        a,
        zero_count=a.zero_count + sign * other_zero,
        positive=a.positive.plus(b.positive.from_index(first), sign),
        negative=a.negative.plus(b.negative.from_index(first), sign),
    )


def first_index_above(threshold: float, schema: int) -> int:
    """Returns the first bucket index whose upper bound is above `threshold`."""
    if threshold <= 0:
        return -(1 << 40)
    mantissa_log = np.log2(threshold) * 2.0**schema
    index = int(np.floor(mantissa_log)) - 1
    while exponential_bound(index, schema) <= threshold:
        index += 1
    return index


def _combine_custom(a: Histogram, b: Histogram, sign: float) -> tuple[Histogram, bool]:
    if a.bounds == b.bounds:
        return replace(a, positive=a.positive.plus(b.positive, sign)), False
    bounds = tuple(sorted(set(a.bounds) & set(b.bounds)))
    mine = map_to_bounds(a, bounds)
    theirs = map_to_bounds(b, bounds)
    positive = Buckets(0, mine + sign * theirs).trimmed()
    return replace(a, bounds=bounds, positive=positive), True


def map_to_bounds(
    h: Histogram, bounds: tuple[float, ...]
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Returns the counts of a custom-bucket histogram under a subset of its bounds.

    The last count is that of the bucket up to +Inf.
    """
    indices = h.positive.offset + np.arange(len(h.positive))
    uppers = np.array([*h.bounds, np.inf])[np.minimum(indices, len(h.bounds))]
    targets = np.searchsorted(np.array(bounds), uppers, side="left")
    counts = np.bincount(targets, weights=h.positive.counts, minlength=len(bounds) + 1)
    return counts.astype(np.float64)


def reconcile_zero_buckets(h: Histogram, other: Histogram) -> tuple[Histogram, float]:
    """Widens the zero bucket of `h` until it is a boundary in both histograms.

    Returns:
        `h` with the common zero bucket, and the count that `other` would have in it.
    """
    other_count, other_threshold = other.zero_count, other.zero_threshold
    while other_threshold != h.zero_threshold:
        if h.zero_threshold > other_threshold:
            other_count, other_threshold = zero_count_up_to(other, h.zero_threshold)
        if other_threshold > h.zero_threshold:
            count, threshold = zero_count_up_to(h, other_threshold)
            h = _without_inner_buckets(replace(h, zero_count=count, zero_threshold=threshold))
    return h, other_count


def zero_count_up_to(h: Histogram, threshold: float) -> tuple[float, float]:
    """Returns what the zero bucket would hold if it reached to `threshold`, and how far it must.

    A populated bucket that the threshold would cut goes into the zero bucket as a whole.
    """
    if threshold == h.zero_threshold:
        return h.zero_count, threshold
    while True:
        count = h.zero_count
        for bucket in h.positive_buckets():
            if bucket.lower >= threshold:
                break
            count += bucket.count
            if bucket.upper > threshold:
                threshold = bucket.upper if bucket.count != 0 else threshold
                break
        cut = False
        for bucket in h.negative_buckets():
            if bucket.upper <= -threshold:
                break
            count += bucket.count
            if bucket.lower < -threshold:
                if bucket.count != 0:
                    threshold, cut = -bucket.lower, True
                break
        if not cut:
            return count, threshold


def _without_inner_buckets(h: Histogram) -> Histogram:
    positive = _zeroed(h.positive, [b.lower < h.zero_threshold for b in h.positive_buckets()])
    negative = _zeroed(h.negative, [b.upper > -h.zero_threshold for b in h.negative_buckets()])
    return replace(h, positive=positive, negative=negative).compacted()


def _zeroed(buckets: Buckets, inner: list[bool]) -> Buckets:
    if not len(buckets):
        return NO_BUCKETS
    return Buckets(buckets.offset, np.where(inner, 0.0, buckets.counts))


def detect_reset(h: Histogram, previous: Histogram) -> bool:  # noqa: PLR0911 - one return a case
    """Returns whether a counter was reset between two samples of it."""
    if h.hint == ResetHint.RESET:
        return True
    if h.hint == ResetHint.NOT_RESET:
        return False
    if h.count < previous.count:
        return True
    if h.custom:
        return _custom_reset(h, previous)
    if previous.custom or h.schema > previous.schema or h.zero_threshold < previous.zero_threshold:
        return True
    zero_count, threshold = zero_count_up_to(previous, h.zero_threshold)
    if threshold != h.zero_threshold or h.zero_count < zero_count:
        return True
    first = first_index_above(h.zero_threshold, h.schema)
    before = previous.at_schema(h.schema)
    return _fell(h.positive, before.positive, first) or _fell(h.negative, before.negative, first)


def _custom_reset(h: Histogram, previous: Histogram) -> bool:
    if not previous.custom:
        return True
    if h.bounds == previous.bounds:
        return _fell(h.positive, previous.positive, 0)
    bounds = tuple(sorted(set(h.bounds) & set(previous.bounds)))
    return bool((map_to_bounds(h, bounds) < map_to_bounds(previous, bounds)).any())


def _fell(now: Buckets, before: Buckets, first: int) -> bool:
    """Returns whether any bucket from index `first` on lost observations."""
    difference = now.from_index(first).plus(before.from_index(first), -1.0)
    return bool((difference.counts < 0).any())
