"""Shapes of exploring: heat map, comparison, values of a field, lines around a line, metrics."""

from typing import Literal

from pydantic import Field

from vario.api.models import LogRecordOut, Shape

CountedName = Literal["traces", "requests", "spans"]


class LatencyMapOut(Shape):
    """Counts by step of time and band of durations.

    `bounds` are the ends of the bands in seconds, one more than there are. A cell is [step, band,
    count, errors]; what it counts stands in `counted`. `stored` spans were counted, which stand
    for `stands_for` where traces are sampled.
    """

    start: float
    end: float
    step: float
    counted: CountedName
    bounds: list[float]
    cells: list[tuple[int, int, float, float]]
    stored: int
    stands_for: float


class ValueOut(Shape):
    """A field with a value, in spans of a service."""

    service: str
    field: str
    value: str


class TraitOut(ValueOut):
    """A value whose share in the selection differs from that in the rest beyond chance.

    Shares are of traces, 0 to 1; `low` and `high` bound `selected - rest` at 95 % for all values
    together. `before` is its share among traces of the same durations before the selection, null
    where there were none; `habit` says whether that is as large (`usual`), smaller (`new`), or
    not known. `also` are values that exactly as many traces have. `filter` finds such spans.
    """

    selected: float
    rest: float
    before: float | None
    low: float
    high: float
    habit: Literal["new", "usual", "unknown"]
    filter: str
    also: list[ValueOut]


class ComparisonOut(Shape):
    """The traces of a selection against the rest of the window.

    `selected`, `rest` and `before` are numbers of traces that were drawn and compared, out of
    `selected_spans` and `rest_spans` matching spans; `tested` values were looked at.
    """

    counted: CountedName
    selected: int
    rest: int
    before: int
    selected_spans: int
    rest_spans: int
    before_start: float
    before_end: float
    tested: int
    traits: list[TraitOut]


class ValueCountOut(Shape):
    """A value and how many spans or records have it."""

    value: str
    count: int


class FieldTopOut(Shape):
    """The most frequent values of a field among `records`, of which `present` have the field.

    `start` is later than asked where the window holds millions of rows. `distinct` is estimated.
    """

    field: str
    start: float
    end: float
    records: int
    present: int
    distinct: int
    values: list[ValueCountOut]


class LogsAroundOut(Shape):
    """Records before a moment, and from it on; both oldest first."""

    before: list[LogRecordOut]
    after: list[LogRecordOut]


class MetricOut(Shape):
    """One metric of one job. `guessed`: nobody declared its type, the name suggests it."""

    name: str
    job: str
    type: str
    unit: str
    help: str
    series: int
    guessed: bool
    classic: bool = Field(description="has _bucket series")
    native: bool = Field(description="has native histograms")


class MetricsOut(Shape):
    """The metrics of the window, by job and name."""

    metrics: list[MetricOut]
