"""Contract of exploring: a part of `vario.store.base`, which gives it to the rooms above."""

from collections.abc import Sequence
from typing import Protocol

from vario.model.explore import (
    AttributeCount,
    Box,
    Counted,
    FieldTop,
    LatencyCell,
    MetricSeries,
    TraceSample,
)
from vario.model.filter import Field, Filter
from vario.model.telemetry import LogRecord, Signal, TimeRange


class ExploreReader(Protocol):
    """Reads what one asks while looking around. Windows are half-open."""

    def count_latencies(
        self, where: Filter, window: TimeRange, *, step_ns: int, counted: Counted
    ) -> list[LatencyCell]:
        """Counts matching spans by step of time and bucket of duration."""
        ...

    def draw_traces(self, where: Filter, box: Box, *, counted: Counted, limit: int) -> TraceSample:
        """Draws traces that have a matching span in the box; the same ones each time."""
        ...

    def draw_rest(
        self, where: Filter, window: TimeRange, box: Box, *, counted: Counted, limit: int
    ) -> TraceSample:
        """Draws traces that have matching spans in `window`, and none of them in the box."""
        ...

    def count_attributes(
        self, selected: Sequence[str], rest: Sequence[str], before: Sequence[str]
    ) -> list[AttributeCount]:
        """Counts the traces of three samples, given by ids, by what their spans say."""
        ...

    def count_values(
        self, signal: Signal, field: Field, where: Filter, window: TimeRange, *, limit: int
    ) -> FieldTop:
        """Counts the values of a field among the spans or records that match.

        Where the window holds millions of rows, its newest part is looked at.
        """
        ...

    def find_oldest_logs(
        self, where: Filter, window: TimeRange, *, limit: int
    ) -> tuple[LogRecord, ...]:
        """Finds the first log records of a window, oldest first."""
        ...

    def list_metrics(self, start_ms: int, end_ms: int) -> list[MetricSeries]:
        """Lists metrics by job with the number of their series seen in `(start_ms, end_ms]`."""
        ...
