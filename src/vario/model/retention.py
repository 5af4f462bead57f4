"""What is stored, what retention took away, and how long the disk will do."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

Reason = Literal["age", "service", "budget", "downsampled"]


@dataclass(frozen=True, slots=True)
class Piece:
    """What one table holds of one stretch of time, usually a day.

    Attributes:
        kind: traces, logs, metrics or alerts.
        table: where it is.
        partition: the engine's id of it.
        first_day: the first day of it, None where the table is not divided by time.
        days: how many days it spans.
        rows: rows in it.
        bytes: its size on disk.
    """

    kind: str
    table: str
    partition: str
    first_day: date | None
    days: int
    rows: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Removal:
    """Something that retention took away. `rows` and `bytes` are what went of them."""

    at_ns: int
    kind: str
    table: str
    partition: str
    reason: Reason
    rows: int
    bytes: int
    detail: str


@dataclass(frozen=True, slots=True)
class DiskState:
    """How full the disk is and will be.

    Attributes:
        used_bytes: what all telemetry takes.
        budget_bytes: what it may take, None without a budget.
        free_bytes: what the file system has left, None where it is not known.
        over_bytes: by how much the budget is exceeded because only today's data is left.
        growth_bytes: by kind, what a day adds, from the last full days.
        days_left: days until the budget or the disk is full, None where retention prevents it.
    """

    used_bytes: int
    budget_bytes: int | None
    free_bytes: int | None
    over_bytes: int
    growth_bytes: Mapping[str, int]
    days_left: int | None


@dataclass(frozen=True, slots=True)
class ServiceUsage:
    """What one service has stored of one kind; bytes by its share of the rows."""

    kind: str
    service: str
    rows: int
    bytes: int


@dataclass(frozen=True, slots=True)
class MetricUsage:
    """Samples that a metric brought in the last hour, and of how many series."""

    metric: str
    samples: int
    series: int


@dataclass(frozen=True, slots=True)
class LabelUsage:
    """Distinct values of a label of a metric, and the series that have it."""

    metric: str
    label: str
    values: int
    series: int


@dataclass(frozen=True, slots=True)
class GrowthStep:
    """What came of one kind in one step of time."""

    start_s: int
    step_s: int
    kind: str
    rows: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Usage:
    """What takes the space, the largest first; of metrics and labels the top only.

    `growth` is what came when, by time.
    """

    pieces: tuple[Piece, ...]
    services: tuple[ServiceUsage, ...]
    metrics: tuple[MetricUsage, ...]
    labels: tuple[LabelUsage, ...]
    growth: tuple[GrowthStep, ...] = ()
