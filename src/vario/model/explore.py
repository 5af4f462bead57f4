"""What exploring asks of the store: latencies over time, shares of attributes, metrics."""

from dataclasses import dataclass, field
from typing import Literal

from vario.model.telemetry import LogRecord, TimeRange

Counted = Literal["traces", "requests", "spans"]
"""What one count stands for: a whole trace (a span without a parent), a request as the answering
service sees it (an entry span), or any span."""

BUCKETS_PER_OCTAVE = 4
"""Durations are counted in buckets of which four double the duration: each is 19 % wide."""


@dataclass(frozen=True, slots=True)
class LatencyCell:
    """Spans of one step of time whose durations lie in `[2^(bucket/4), 2^((bucket+1)/4))` ns.

    `count` and `errors` are what the stored spans stand for where traces are sampled; `stored` is
    how many there are.
    """

    step: int
    bucket: int
    count: float
    errors: float
    stored: int


@dataclass(frozen=True, slots=True)
class Box:
    """A part of a latency heat map: a stretch of time and a band of durations, ends left out."""

    window: TimeRange
    least_ns: int
    most_ns: int


@dataclass(frozen=True, slots=True)
class TraceSample:
    """Traces that were drawn, each with the same chance, out of `spans` matching spans."""

    trace_ids: tuple[str, ...]
    spans: int


@dataclass(frozen=True, slots=True)
class AttributeCount:
    """Traces of three samples of which a span of `service` has `name` with this value.

    `name` is written as in the filter grammar.
    """

    service: str
    name: str
    value: str
    selected: int
    rest: int
    before: int


@dataclass(frozen=True, slots=True)
class FieldTop:
    """The most frequent values of a field.

    `records` were looked at in `window`, which is the newest part of what was asked where that
    holds very many; `present` of them have the field; `distinct` values were seen, about.
    """

    window: TimeRange
    records: int
    present: int
    distinct: int
    values: tuple[tuple[str, int], ...] = field(default=())


@dataclass(frozen=True, slots=True)
class LogsAround:
    """The records before a moment and from it on, both oldest first."""

    before: tuple[LogRecord, ...]
    after: tuple[LogRecord, ...]


@dataclass(frozen=True, slots=True)
class MetricSeries:
    """How many series of a metric a job has; `native` where some are native histograms."""

    name: str
    job: str
    series: int
    native: bool
    quantiles: bool
