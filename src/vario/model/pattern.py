"""Log patterns: records that differ in numbers, ids and quoted texts alone, counted together."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from vario.model.telemetry import LogRecord, TimeRange

WILDCARD = "<*>"
"""Stands in a template for what differs between records."""


@dataclass(frozen=True, slots=True)
class LogPattern:
    """Records of one service and severity whose bodies have the same template.

    Attributes:
        severity: `TRACE` to `FATAL`, empty where a record does not say.
        count: records in the window; `baseline` in the baseline. Of a sample, these are what was
            counted in it: divide by `LogPatterns.sampled`.
        first_ns: time of the first record of the window, 0 where there is none.
        counts: records in each step of the baseline and then of the window.
        examples: records of the window, else of the baseline, those with a trace first.
    """

    service: str
    severity: str
    template: str
    count: int
    baseline: int
    first_ns: int
    counts: tuple[int, ...] = ()
    examples: tuple[LogRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class LogPatterns:
    """What log records look like in a window, and before it.

    Attributes:
        patterns: the most frequent in window and baseline first.
        window: what was looked at; `baseline` what it is compared with, if anything.
        records: records that were counted in the window; `baseline_records` likewise.
        sampled: share of the time that was read: 1 where all records were.
        baseline_steps: how many of each pattern's `counts` belong to the baseline.
        steps: how many belong to the window.
    """

    patterns: tuple[LogPattern, ...]
    window: TimeRange
    baseline: TimeRange | None
    records: int
    baseline_records: int
    sampled: float
    baseline_steps: int
    steps: int


@dataclass(frozen=True, slots=True)
class FieldCounts:
    """How often each value of a field is there, in the window and in the baseline, of a sample."""

    name: str
    window: Mapping[str, int] = field(default_factory=dict[str, int])
    baseline: Mapping[str, int] = field(default_factory=dict[str, int])
