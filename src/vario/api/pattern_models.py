"""Shapes of `/api/logs/patterns` and `/api/markers`."""

from typing import Annotated, Literal

from pydantic import Field

from vario.api.models import NanosText, Shape


class PatternOut(Shape):
    """Records of one service and severity whose bodies differ in numbers, ids and quotes alone.

    `count` and `baseline` are estimates where not all records were read (`sampled` below 1).
    `change` says how its frequency differs from the baseline's, `ratio` by how much (both null
    without a baseline). `counts` are by step of the window. `filter` finds its records.
    """

    service: str
    severity: str
    template: str
    count: int
    baseline: int | None
    change: Literal["new", "more", "same", "less", "gone"] | None
    ratio: float | None
    ratio_low: float | None
    ratio_high: float | None
    first_time_unix_nano: NanosText
    counts: list[int]
    example: str
    example_time_unix_nano: NanosText
    trace_id: str
    filter: str


class PatternsOut(Shape):
    """The most frequent patterns first; those that are new or more frequent before all others.

    Times are seconds since the epoch. `sampled` is the share of records that was read.
    """

    start: float
    end: float
    baseline_start: float | None
    baseline_end: float | None
    step: float
    records: int
    sampled: float
    patterns: list[PatternOut]


Kind = Literal["release", "config", "flag", "scale", "fix", "note"]
Short = Annotated[str, Field(max_length=200)]


class MarkerIn(Shape):
    """Something that was changed. `at` is a time as elsewhere in the API, now by default."""

    text: Annotated[str, Field(min_length=1, max_length=2_000)]
    kind: Kind = "note"
    service: Short = ""
    scope: Annotated[dict[Short, Short], Field(default_factory=dict)]
    at: Annotated[str, Field(max_length=64)] = "now"
    by: Short = ""
    link: Annotated[str, Field(max_length=2_000, pattern=r"^(https?://.*)?$")] = ""


class MarkerOut(Shape):
    """A change at a moment, in seconds since the epoch.

    `source`: `told` to the API, sent as an `event` (a log record named `deployment`, `release`,
    `config.change`, ...), or seen in the `traffic`: a version that began to answer.
    """

    id: str
    time: float
    kind: Kind
    text: str
    service: str
    scope: dict[str, str]
    by: str
    link: str
    source: Literal["told", "event", "traffic"]


class MarkersOut(Shape):
    """Markers, oldest first."""

    markers: list[MarkerOut]
