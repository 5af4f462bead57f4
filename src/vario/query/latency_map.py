"""A heat map of latencies: time across, durations up on a scale of powers of two."""

from collections.abc import Sequence
from dataclasses import dataclass

from vario.model.explore import BUCKETS_PER_OCTAVE, Counted, LatencyCell
from vario.model.filter import MATCH_ALL, Filter
from vario.model.telemetry import TimeRange
from vario.store.base import ExploreReader

MOST_ROWS = 48


@dataclass(frozen=True, slots=True)
class LatencyMap:
    """Counts by column (step of time) and row (band of durations).

    Attributes:
        counted: what was counted, which the caller may have left open.
        bounds_s: ends of the rows in seconds, one more than there are rows; each half open.
        cells: (column, row, count, errors), those with something in them.
        stored: spans that were counted; `stands_for` what these stand for where traces are sampled.
    """

    counted: Counted
    bounds_s: tuple[float, ...]
    cells: tuple[tuple[int, int, float, float], ...]
    stored: int
    stands_for: float


def map_latencies(
    reader: ExploreReader, where: Filter, window: TimeRange, step_ns: int, counted: Counted | None
) -> LatencyMap:
    """Returns the heat map of what matches.

    Args:
        reader: the store.
        where: which spans; of those, the ones that `counted` names are counted.
        window: the time range; its start is where the first step begins.
        step_ns: width of a column.
        counted: what to count. None for whole traces, or where no root matches the filter for
            requests, or where none of these does for spans.
    """
    order: Sequence[Counted] = (counted,) if counted else ("traces", "requests", "spans")
    cells: list[LatencyCell] = []
    for choice in order:
        cells = reader.count_latencies(where, window, step_ns=step_ns, counted=choice)
        if cells or where == MATCH_ALL:
            return _arrange(choice, cells)
    return _arrange(order[0], cells)


def _arrange(counted: Counted, cells: Sequence[LatencyCell]) -> LatencyMap:
    """Returns the map, its rows joined until there are at most `MOST_ROWS`."""
    if not cells:
        return LatencyMap(counted, (), (), 0, 0.0)
    width = 1
    lowest, highest = min(cell.bucket for cell in cells), max(cell.bucket for cell in cells)
    while highest // width - lowest // width >= MOST_ROWS:
        width *= 2
    first, last = lowest // width, highest // width
    joined: dict[tuple[int, int], list[float]] = {}
    for cell in cells:
        counts = joined.setdefault((cell.step, cell.bucket // width - first), [0.0, 0.0])
        counts[0] += cell.count
        counts[1] += cell.errors
    return LatencyMap(
        counted=counted,
        bounds_s=tuple(
            2 ** (row * width / BUCKETS_PER_OCTAVE) / 1e9 for row in range(first, last + 2)
        ),
        cells=tuple((step, row, count, bad) for (step, row), (count, bad) in joined.items()),
        stored=sum(cell.stored for cell in cells),
        stands_for=sum(cell.count for cell in cells),
    )
