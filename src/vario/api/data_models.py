"""Shapes of what is stored, how long it is kept, and what went."""

from vario.api.models import Shape


class KindOut(Shape):
    """One kind of data: its size, its growth a day, and how long it is kept."""

    kind: str
    rows: int
    bytes: int
    growth_bytes: int
    days_kept: int


class TableDayOut(Shape):
    """What one table holds of one day (a week for lookup tables); `day` is empty for all days."""

    kind: str
    table: str
    day: str
    rows: int
    bytes: int


class ServiceUsageOut(Shape):
    """What one service has stored of one kind; bytes by its share of the rows."""

    kind: str
    service: str
    rows: int
    bytes: int


class MetricUsageOut(Shape):
    """Samples that a metric brought in the last hour, and of how many series."""

    metric: str
    samples: int
    series: int


class LabelUsageOut(Shape):
    """Distinct values of a label of a metric, and the series that have it."""

    metric: str
    label: str
    values: int
    series: int


class GrowthOut(Shape):
    """What came of one kind in the `step` seconds from `time` on."""

    time: float
    step: float
    kind: str
    rows: int
    bytes: int


class ServiceDaysOut(Shape):
    """Days that a service's data is kept where they are its own; 0 as that of all others."""

    service: str
    metrics_days: int
    logs_days: int
    traces_days: int


class RemovalOut(Shape):
    """Something that retention took away: `reason` is age, service, budget or downsampled."""

    at: float
    kind: str
    table: str
    day: str
    reason: str
    rows: int
    bytes: int
    detail: str


class RetentionOut(Shape):
    """How long data is kept, and what went lately, the last first."""

    days: dict[str, int]
    services: list[ServiceDaysOut]
    max_disk: str
    drop_first: list[str]
    downsample_after_days: int
    downsample_interval_s: int
    removed: list[RemovalOut]


class DataOut(Shape):
    """Everything that a page about stored data shows.

    `days_left` is None where retention keeps the disk from filling up; `over_bytes` is by how much
    the budget is exceeded because only today's data is left.
    """

    used_bytes: int
    budget_bytes: int | None
    free_bytes: int | None
    over_bytes: int
    days_left: int | None
    kinds: list[KindOut]
    tables: list[TableDayOut]
    services: list[ServiceUsageOut]
    metrics: list[MetricUsageOut]
    labels: list[LabelUsageOut]
    growth: list[GrowthOut]
    retention: RetentionOut
