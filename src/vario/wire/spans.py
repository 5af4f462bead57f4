"""The sparse buckets of a native histogram: spans and counts to one dense run."""

from collections.abc import Iterable, Sequence
from itertools import accumulate

from vario.errors import BadData

MAX_BUCKETS = 1 << 16
"""Longest dense run that is kept; the widest histogram of schema 5 has 65,472 buckets."""


def fill_spans(
    spans: Iterable[tuple[int, int]], counts: Sequence[float]
) -> tuple[int, tuple[float, ...]]:
    """Returns the index of the first bucket and the counts from there on, gaps filled with 0.

    Args:
        spans: (gap to the end of the span before, number of buckets); the first gap is the index
            of the first bucket.
        counts: absolute counts of the buckets in the spans.

    Raises:
        BadData: spans and counts do not fit each other, a count is negative, or the run is longer
            than `MAX_BUCKETS`.

    Example:
        >>> fill_spans([(-1, 2), (2, 1)], [3, 4, 5])
        (-1, (3.0, 4.0, 0.0, 0.0, 5.0))
    """
    run: list[float] = []
    first = used = 0
    for i, (gap, length) in enumerate(spans):
        if i > 0 and gap < 0:
            raise BadData("the spans of a native histogram go back")
        if used + length > len(counts):
            raise BadData("a native histogram has fewer counts than buckets in its spans")
        if not run:
            first, gap_length = first + gap, 0
        else:
            gap_length = gap
        if len(run) + gap_length + length > MAX_BUCKETS:
            raise BadData(f"a native histogram spans more than {MAX_BUCKETS} buckets")
        run.extend([0.0] * gap_length)
        run.extend(map(float, counts[used : used + length]))
        used += length
    if used != len(counts):
        raise BadData("a native histogram has more counts than buckets in its spans")
    if any(not count >= 0 for count in run):
        raise BadData("a native histogram has a negative bucket count")
    return first, tuple(run)


def sum_deltas(deltas: Iterable[int]) -> list[int]:
    """Returns absolute counts for counts given as differences from bucket to bucket."""
    return list(accumulate(deltas))
