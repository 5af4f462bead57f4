"""Contracts of the store: what log records have in common, and what was changed. See `base.py`."""

from typing import Protocol

from vario.model.filter import Filter
from vario.model.marker import Marker
from vario.model.pattern import FieldCounts, LogPatterns
from vario.model.telemetry import TimeRange


class PatternReader(Protocol):
    """Reads log records by what they have in common."""

    def find_log_patterns(
        self,
        where: Filter,
        window: TimeRange,
        *,
        baseline: TimeRange | None = None,
        limit: int = 200,
        most_records: int = 400_000,
    ) -> LogPatterns:
        """Returns the patterns of the records that match, the most frequent first.

        Where the two times hold more than `most_records`, about so many of them are looked at:
        those of some seconds, spread over the time.
        """
        ...

    def find_log_fields(
        self,
        where: Filter,
        window: TimeRange,
        baseline: TimeRange,
        *,
        most_records: int = 60_000,
    ) -> list[FieldCounts]:
        """Counts the values of the attributes that have few of them, in window and baseline."""
        ...


class MarkerLog(Protocol):
    """Keeps what people and machines changed, and when."""

    def write_marker(self, marker: Marker) -> None:
        """Keeps a marker; one of the same id is replaced."""
        ...

    def delete_marker(self, marker_id: str) -> bool:
        """Deletes a marker that was told; returns whether there was one."""
        ...

    def find_markers(
        self, window: TimeRange, *, service: str = "", limit: int = 500
    ) -> list[Marker]:
        """Returns markers in `window`, oldest first: those that were told and those sent as events.

        With a service, those of it and those of everything.
        """
        ...
