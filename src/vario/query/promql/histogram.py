"""Native histograms with float counts: exponential and custom buckets.

Source: model/histogram/float_histogram.go of Prometheus. Buckets are dense runs; a bucket that is
zero and one that is missing mean the same everywhere but in `has_buckets`.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from enum import IntEnum
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.float64]

CUSTOM_SCHEMA = -53
_EMPTY: Counts = np.zeros(0)
_EMPTY.setflags(write=False)
_MAX_FLOAT = 1.7976931348623157e308


class ResetHint(IntEnum):
    """What a histogram sample says of the counter it belongs to."""

    UNKNOWN = 0
    RESET = 1
    NOT_RESET = 2
    GAUGE = 3


class IncompatibleSchemas(Exception):
    """One histogram has exponential buckets, the other custom ones."""


@dataclass(frozen=True, slots=True)
class Buckets:
    """A run of counts; `counts[i]` belongs to bucket index `offset + i`."""

    offset: int = 0
    counts: Counts = field(default_factory=lambda: _EMPTY)

    def __len__(self) -> int:
        """Number of buckets."""
        return len(self.counts)

    def trimmed(self) -> "Buckets":
        """Returns the run without empty buckets at its ends."""
        filled = np.flatnonzero(self.counts)
        if not len(filled):
            return NO_BUCKETS
        first, last = int(filled[0]), int(filled[-1])
        if first == 0 and last == len(self.counts) - 1:
            return self
        return Buckets(self.offset + first, self.counts[first : last + 1])

    def plus(self, other: "Buckets", sign: float = 1.0) -> "Buckets":
        """Returns the sum (difference with sign -1) over the union of both runs."""
        if not len(other):
            return self
        if not len(self):
            return Buckets(other.offset, other.counts * sign)
        start = min(self.offset, other.offset)
        end = max(self.offset + len(self), other.offset + len(other))
        counts = np.zeros(end - start)
        counts[self.offset - start : self.offset - start + len(self)] = self.counts
        counts[other.offset - start : other.offset - start + len(other)] += sign * other.counts
        return Buckets(start, counts)

    def from_index(self, index: int) -> "Buckets":
        """Returns the part of the run from bucket `index` on."""
        skip = max(0, index - self.offset)
        return self if not skip else Buckets(self.offset + skip, self.counts[skip:])

    def reduced(self, by: int) -> "Buckets":
        """Returns the run at a schema lower by `by`: 2^by neighbours become one bucket."""
        if by == 0 or not len(self):
            return self
        indices = ((self.offset + np.arange(len(self)) - 1) >> by) + 1
        counts = np.bincount(indices - indices[0], weights=self.counts).astype(np.float64)
        return Buckets(int(indices[0]), counts)


NO_BUCKETS = Buckets()


@dataclass(frozen=True, slots=True)
class Bucket:
    """One bucket with its bounds."""

    lower: float
    upper: float
    count: float


@dataclass(frozen=True, slots=True)
class Histogram:
    """A native histogram; operations give new ones.

    Attributes:
        schema: -4 to 8 (bounds grow by 2^(2^-schema)), or -53 for custom bounds.
        bounds: upper bounds of custom buckets, without +Inf.
    """

    schema: int = 0
    zero_threshold: float = 0.0
    zero_count: float = 0.0
    count: float = 0.0
    sum: float = 0.0
    positive: Buckets = NO_BUCKETS
    negative: Buckets = NO_BUCKETS
    bounds: tuple[float, ...] = ()
    hint: ResetHint = ResetHint.UNKNOWN

    @property
    def custom(self) -> bool:
        """Whether the buckets have custom bounds."""
        return self.schema == CUSTOM_SCHEMA

    def compacted(self) -> "Histogram":
        """Returns the histogram without empty buckets at the ends of its runs."""
        return replace(self, positive=self.positive.trimmed(), negative=self.negative.trimmed())

    def scaled(self, factor: float) -> "Histogram":
        """Returns the histogram times a factor; a negative one makes a gauge."""
        return self._mapped(lambda counts: counts * factor, factor < 0)

    def divided(self, divisor: float) -> "Histogram":
        """Returns the histogram over a divisor; over zero, no buckets are left."""
        with np.errstate(all="ignore"):
            result = self._mapped(lambda counts: counts / divisor, divisor < 0)
        if divisor == 0:
            return replace(result, positive=NO_BUCKETS, negative=NO_BUCKETS)
        return result

    def _mapped(self, change: Callable[[Counts], Counts], gauge: bool) -> "Histogram":
        plain = change(np.array((self.zero_count, self.count, self.sum)))
        return replace(
            self,
            zero_count=float(plain[0]),
            count=float(plain[1]),
            sum=float(plain[2]),
            positive=Buckets(self.positive.offset, change(self.positive.counts)),
            negative=Buckets(self.negative.offset, change(self.negative.counts)),
            hint=ResetHint.GAUGE if gauge else self.hint,
        )

    def with_hint(self, hint: ResetHint) -> "Histogram":
        """Returns the histogram with another reset hint."""
        return self if self.hint == hint else replace(self, hint=hint)

    def at_schema(self, schema: int) -> "Histogram":
        """Returns the histogram at a schema of equal or lower resolution."""
        if schema == self.schema:
            return self
        by = self.schema - schema
        positive, negative = self.positive.reduced(by), self.negative.reduced(by)
        return replace(self, schema=schema, positive=positive, negative=negative)

    # Buckets with bounds

    def bound(self, index: int) -> float:
        """Returns the upper bound of positive bucket `index`."""
        if self.custom:
            if index < 0:
                return -math.inf
            return self.bounds[index] if index < len(self.bounds) else math.inf
        return exponential_bound(index, self.schema)

    def positive_buckets(self) -> Iterator[Bucket]:
        """Yields positive buckets upwards from zero."""
        lower = self.bound(self.positive.offset - 1) if len(self.positive) else 0.0
        for i, count in enumerate(self.positive.counts.tolist()):
            upper = self.bound(self.positive.offset + i)
            yield Bucket(lower, upper, count)
            lower = upper

    def negative_buckets(self) -> Iterator[Bucket]:
        """Yields negative buckets downwards from zero."""
        upper = -self.bound(self.negative.offset - 1) if len(self.negative) else 0.0
        for i, count in enumerate(self.negative.counts.tolist()):
            lower = -self.bound(self.negative.offset + i)
            yield Bucket(lower, upper, count)
            upper = lower

    def all_buckets(self) -> list[Bucket]:
        """Returns every bucket from the lowest to the highest, cut at the zero bucket."""
        threshold = self.zero_threshold
        buckets = [
            replace(b, upper=-threshold) if -threshold < b.upper < 0 else b
            for b in self.negative_buckets()
        ]
        buckets.reverse()
        if self.zero_count > 0:
            buckets.append(Bucket(-threshold, threshold, self.zero_count))
        buckets.extend(
            replace(b, lower=threshold) if 0 < b.lower < threshold else b
            for b in self.positive_buckets()
        )
        return buckets

    def same_as(self, other: "Histogram") -> bool:
        """Returns whether both hold the same data, bit by bit; hints are not looked at."""
        mine, theirs = self.compacted(), other.compacted()
        if mine.schema != theirs.schema or (mine.custom and mine.bounds != theirs.bounds):
            return False
        if mine.zero_threshold != theirs.zero_threshold:
            return False
        return _bits(mine) == _bits(theirs)

    def __str__(self) -> str:
        """Returns the histogram as Prometheus prints it."""
        from vario.query.promql.histogram_text import format_histogram

        return format_histogram(self)


def _bits(h: Histogram) -> tuple[int, int, bytes, bytes, bytes]:
    plain = np.array((h.count, h.sum, h.zero_count)).tobytes()
    return (
        h.positive.offset if len(h.positive) else 0,
        h.negative.offset if len(h.negative) else 0,
        plain,
        h.positive.counts.tobytes(),
        h.negative.counts.tobytes(),
    )


@lru_cache(maxsize=9)
def fractions(schema: int) -> tuple[float, ...]:
    """Returns the bucket bounds from 0.5 to 1 of a schema of at least 0, to the last bit.

    Prometheus has them in a table. Its numbers are not the nearest ones to 2^(i/2^schema - 1), but
    what comes of doubling the resolution step by step from 0.5.

    >>> fractions(2)
    (0.5, 0.5946035575013605, 0.7071067811865475, 0.8408964152537144)
    """
    if schema == 0:
        return (0.5,)
    factor = math.exp(math.log(2) / (1 << schema))
    return tuple(bound for coarse in fractions(schema - 1) for bound in (coarse, coarse * factor))


def exponential_bound(index: int, schema: int) -> float:
    """Returns the upper bound of bucket `index`: 2^(index * 2^-schema), never beyond a float.

    >>> exponential_bound(3, 0), exponential_bound(1, 1)
    (8.0, 1.414213562373095)
    """
    whole, fraction = index << max(-schema, 0), 0.5
    if schema > 0:
        whole, part = divmod(index, 1 << schema)
        fraction = fractions(schema)[part]
    if whole >= 1024:
        # The last bucket before the one of infinite observations ends at the largest float.
        return _MAX_FLOAT if whole == 1024 and fraction == 0.5 else math.inf
    return math.ldexp(fraction, whole + 1)
