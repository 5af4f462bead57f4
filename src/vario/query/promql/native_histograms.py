"""Quantiles, fractions and moments of native histograms."""

import math

from vario.query.promql.annotations import Annotations
from vario.query.promql.histogram import Bucket, Histogram
from vario.query.promql.lexer import Position


def histogram_quantile(  # noqa: PLR0911, PLR0912 - one return a case
    quantile: float, h: Histogram, notes: Annotations, metric: str, at: Position
) -> float:
    """Returns a quantile: exponential interpolation, linear in custom and zero buckets."""
    if quantile < 0:
        return -math.inf
    if quantile > 1:
        return math.inf
    if h.count == 0 or math.isnan(quantile):
        return math.nan
    forward = math.isnan(h.sum) or quantile < 0.5
    rank = (quantile if forward else 1 - quantile) * h.count
    buckets = [b for b in h.all_buckets() if b.count != 0]
    if not forward:
        buckets.reverse()
    count, bucket, rest = 0.0, Bucket(0.0, 0.0, 0.0), iter(buckets)
    for bucket in rest:
        count += bucket.count
        if count >= rank:
            break
    if h.custom and math.isinf(bucket.lower):
        if bucket.upper <= 0:
            return bucket.upper
        bucket = Bucket(0.0, bucket.upper, bucket.count)
    elif h.custom and math.isinf(bucket.upper):
        if not (math.isnan(h.sum) and count < rank):
            return bucket.lower
    elif not h.custom:
        bucket = _one_sided(bucket, h)
    count = min(count, h.count)
    if count < rank:
        if not math.isnan(h.sum):
            return bucket.upper
        notes.nan_quantile(metric, at, skewed=False)
        return math.nan
    position = rank - (count - bucket.count) if forward else count - rank
    if math.isnan(h.sum) and count + sum(b.count for b in rest) < h.count:
        notes.nan_quantile(metric, at, skewed=True)
    return _interpolated(bucket, position / bucket.count, linear=h.custom)


def _one_sided(bucket: Bucket, h: Histogram) -> Bucket:
    """Returns a zero bucket that ends at 0 where all other buckets are on one side of it."""
    if bucket.lower <= 0 <= bucket.upper:
        if not len(h.negative) and len(h.positive):
            return Bucket(0.0, bucket.upper, bucket.count)
        if not len(h.positive) and len(h.negative):
            return Bucket(bucket.lower, 0.0, bucket.count)
    return bucket


def _interpolated(bucket: Bucket, fraction: float, *, linear: bool) -> float:
    if linear or bucket.lower <= 0 <= bucket.upper:
        return bucket.lower + (bucket.upper - bucket.lower) * fraction
    low, high = _log2(bucket.lower), _log2(bucket.upper)
    if bucket.lower > 0:
        return _exp2(low + (high - low) * fraction)
    return -_exp2(high + (low - high) * (1 - fraction))


def _log2(value: float) -> float:
    return math.inf if math.isinf(value) else math.log2(abs(value))


def _exp2(power: float) -> float:
    return math.inf if power >= 1024 else 2.0**power


def histogram_fraction(
    lower: float, upper: float, h: Histogram, notes: Annotations, metric: str, at: Position
) -> float:
    """Returns the fraction of observations between two values."""
    if h.count == 0 or math.isnan(lower) or math.isnan(upper):
        return math.nan
    if lower >= upper:
        return 0.0
    buckets = h.all_buckets()
    total = h.count
    if math.isnan(h.sum):
        total = sum(b.count for b in buckets)
        if total < h.count:
            notes.nan_fraction(metric, at)
    below_upper = _rank_of(upper, h, buckets, total)
    return (below_upper - _rank_of(lower, h, buckets, total)) / h.count


def _rank_of(value: float, h: Histogram, buckets: list[Bucket], total: float) -> float:
    """Returns how many observations lie below `value`."""
    rank = 0.0
    for original in buckets:
        zero = not h.custom and original.lower <= 0 <= original.upper
        bucket = _one_sided(original, h) if zero else original
        if h.custom and math.isinf(bucket.lower) and bucket.upper > 0:
            bucket = Bucket(0.0, bucket.upper, bucket.count)
        if bucket.lower >= value:
            return min(rank, total)
        if bucket.lower < value < bucket.upper:
            return min(rank + bucket.count * _share_below(value, bucket, h.custom or zero), total)
        rank += bucket.count
    return total


def _share_below(value: float, bucket: Bucket, linear: bool) -> float:
    if linear:
        if math.isinf(bucket.lower):
            return 1.0
        return (value - bucket.lower) / (bucket.upper - bucket.lower)
    low, high, middle = _log2(bucket.lower), _log2(bucket.upper), _log2(value)
    if value > 0:
        return (middle - low) / (high - low)
    return 1 - (middle - high) / (low - high)


def histogram_variance(h: Histogram) -> float:
    """Returns the variance, taking each bucket's middle for all that is in it."""
    if h.count == 0:
        return math.nan
    mean = h.sum / h.count
    total, compensation = 0.0, 0.0
    for bucket in h.all_buckets():
        if bucket.count == 0:
            continue
        if h.custom:
            middle = (bucket.upper + bucket.lower) / 2
        elif bucket.lower <= 0 <= bucket.upper:
            middle = 0.0
        else:
            middle = math.sqrt(bucket.upper * bucket.lower) * (-1 if bucket.upper < 0 else 1)
        increment = bucket.count * (middle - mean) ** 2
        added = total + increment
        if math.isinf(added):
            compensation = 0.0
        elif abs(total) >= abs(increment):
            compensation += (total - added) + increment
        else:
            compensation += (increment - added) + total
        total = added
    return (total + compensation) / h.count


def histogram_deviation(h: Histogram) -> float:
    """Returns the standard deviation; as `histogram_variance`."""
    return math.sqrt(histogram_variance(h))


def histogram_average(h: Histogram) -> float:
    """Returns the mean of all observations."""
    if h.count == 0:
        return math.nan if h.sum == 0 or math.isnan(h.sum) else math.copysign(math.inf, h.sum)
    return h.sum / h.count
