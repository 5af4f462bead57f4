"""Exponential histograms by their parts, at a scale that histograms to be added up have in common.

Source: OpenTelemetry's data model, "Exponential Scaling": a bucket of scale s lies in the bucket
`index >> (s - t)` of a lower scale t.
"""

from collections import Counter
from collections.abc import Hashable
from typing import Any

from vario.guard.sums import COUNT, Parts

SCALES = (3, 0, -4)
"""Scales that histograms are brought down to. At 3 a bucket is 9% wide, and 160 of them span a
factor of a million, which is what an SDK keeps of latencies."""


def common_scale(scale: int) -> int:
    """Returns the scale at which a histogram is added to others.

    Example:
        >>> common_scale(20), common_scale(2), common_scale(-10)
        (3, 0, -10)
    """
    return next((common for common in SCALES if common <= scale), scale)


def read_parts(point: Any) -> Parts:
    """Returns count, sum, zeros, and the buckets as `(side, index)` of a point's common scale."""
    shift = point.scale - common_scale(point.scale)
    parts: Counter[Hashable] = Counter({COUNT: point.count, "zeros": point.zero_count})
    for side in ("positive", "negative"):
        buckets = getattr(point, side)
        for index, count in enumerate(buckets.bucket_counts, buckets.offset):
            if count:
                parts[side, index >> shift] += count
    return {**parts, "sum": point.sum}


def write_parts(point: Any, parts: Parts) -> None:
    """Puts parts, as `read_parts` has them, into a point that was the first of them."""
    point.scale = common_scale(point.scale)
    point.count = max(0, int(parts.get(COUNT, 0)))
    point.zero_count = max(0, int(parts.get("zeros", 0)))
    if point.HasField("sum"):
        point.sum = parts.get("sum", 0.0)
    point.ClearField("min")
    point.ClearField("max")
    for side in ("positive", "negative"):
        counts = {
            part[1]: max(0, int(count))
            for part, count in parts.items()
            if isinstance(part, tuple) and part[0] == side
        }
        buckets = getattr(point, side)
        low = min(counts, default=0)
        buckets.offset = low
        buckets.bucket_counts[:] = [
            counts.get(index, 0) for index in range(low, max(counts, default=low - 1) + 1)
        ]
