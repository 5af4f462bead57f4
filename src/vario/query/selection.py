"""What a selection of traces has more often than the rest, and whether it always had.

Traces are compared, not spans: a span anywhere in a trace that says `cache_hit = false` counts the
trace once. Shares come with Newcombe's interval of their difference (method 10 of "Interval
estimation for the difference between independent proportions", Statistics in Medicine 17, 1998),
at a level that holds for all values looked at together (Bonferroni).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import sqrt
from statistics import NormalDist
from typing import Literal

from vario.errors import BadData
from vario.model.explore import AttributeCount, Box, Counted
from vario.model.filter import Filter
from vario.model.telemetry import TimeRange
from vario.store.base import ExploreReader

SELECTED, REST, BEFORE = 1_000, 2_000, 1_000
"""Traces drawn of each kind: a share of a half is then known to within 3 percent points."""
LEVEL = 0.95
MOST_ROWS = 40
FEWEST_BEFORE = 20
"""Fewer traces before the selection say nothing of what is usual."""

Habit = Literal["new", "usual", "unknown"]


@dataclass(frozen=True, slots=True)
class Trait:
    """A value that is more, or less, frequent in the selection than in the rest.

    Attributes:
        selected, rest, before: traces that have it.
        low, high: interval of the difference of its shares in the selection and in the rest.
        habit: `usual` where traces of the same durations had it as often before the selection,
            `new` where they had it less often, `unknown` where there were too few.
        also: other values that exactly as many traces have; most likely the same ones.
    """

    service: str
    name: str
    value: str
    selected: int
    rest: int
    before: int
    low: float
    high: float
    habit: Habit
    also: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """A selection against the rest; `selected`, `rest` and `before` are numbers of traces drawn.

    `before_window` is where traces of the same durations were looked for to know what is usual.
    `tested` values were looked at.
    """

    selected: int
    rest: int
    before: int
    selected_spans: int
    rest_spans: int
    before_window: TimeRange
    tested: int
    traits: tuple[Trait, ...]


def compare_selection(
    reader: ExploreReader, where: Filter, window: TimeRange, box: Box, counted: Counted
) -> Comparison:
    """Returns what tells the traces in a box of the heat map from the rest of its window.

    Raises:
        BadData: the box is empty.
    """
    length_ns = box.window.duration_ns
    if length_ns <= 0 or box.most_ns <= box.least_ns:
        raise BadData("the selection is empty: it must last, and hold durations")
    start_ns = max(0, box.window.start_ns - 4 * length_ns)
    earlier = TimeRange(start_ns, box.window.start_ns)
    selected = reader.draw_traces(where, box, counted=counted, limit=SELECTED)
    rest = reader.draw_rest(where, window, box, counted=counted, limit=REST)
    before = reader.draw_traces(
        where, Box(earlier, box.least_ns, box.most_ns), counted=counted, limit=BEFORE
    )
    counts = reader.count_attributes(selected.trace_ids, rest.trace_ids, before.trace_ids)
    sizes = len(selected.trace_ids), len(rest.trace_ids), len(before.trace_ids)
    return Comparison(
        *sizes,
        selected_spans=selected.spans,
        rest_spans=rest.spans,
        before_window=earlier,
        tested=len(counts),
        traits=rank_traits(counts, *sizes),
    )


def rank_traits(
    counts: Iterable[AttributeCount], selected: int, rest: int, before: int
) -> tuple[Trait, ...]:
    """Returns the values whose shares differ beyond chance, the surest first."""
    counted = list(counts)
    if not counted or not selected or not rest:
        return ()
    z = NormalDist().inv_cdf(1 - (1 - LEVEL) / 2 / len(counted))
    found: dict[tuple[str, int, int, int], Trait] = {}
    for one in counted:
        low, high = difference_interval(one.selected, selected, one.rest, rest, z)
        if low <= 0 <= high:
            continue
        same = (one.service, one.selected, one.rest, one.before)
        if known := found.get(same):
            also = (*known.also, (one.service, one.name, one.value))
            found[same] = replace(known, also=also)
            continue
        found[same] = Trait(
            one.service,
            one.name,
            one.value,
            one.selected,
            one.rest,
            one.before,
            low,
            high,
            _habit(one, selected, before),
        )
    ranked = sorted(found.values(), key=lambda t: (t.low < 0, -max(t.low, -t.high)))
    return tuple(ranked[:MOST_ROWS])


def _habit(one: AttributeCount, selected: int, before: int) -> Habit:
    """Says whether traces of these durations had the value before as they have it now."""
    if before < FEWEST_BEFORE:
        return "unknown"
    z = NormalDist().inv_cdf(0.5 + LEVEL / 2)
    low, high = difference_interval(one.selected, selected, one.before, before, z)
    over = one.selected / selected
    differs = low > 0 if over > one.before / before else high < 0
    return "new" if differs else "usual"


def difference_interval(
    hits_a: int, size_a: int, hits_b: int, size_b: int, z: float
) -> tuple[float, float]:
    """Returns Newcombe's interval of `hits_a / size_a - hits_b / size_b`.

    >>> low, high = difference_interval(56, 70, 48, 80, 1.959964)  # Newcombe 1998, table II (a)
    >>> round(low, 4), round(high, 4)
    (0.0524, 0.3339)
    """
    a, b = hits_a / size_a, hits_b / size_b
    low_a, high_a = wilson_interval(hits_a, size_a, z)
    low_b, high_b = wilson_interval(hits_b, size_b, z)
    return (
        max(-1.0, a - b - sqrt((a - low_a) ** 2 + (high_b - b) ** 2)),
        min(1.0, a - b + sqrt((high_a - a) ** 2 + (b - low_b) ** 2)),
    )


def wilson_interval(hits: int, size: int, z: float) -> tuple[float, float]:
    """Returns Wilson's score interval of a share.

    >>> low, high = wilson_interval(81, 263, 1.959964)
    >>> round(low, 4), round(high, 4)
    (0.2553, 0.3662)
    """
    share = hits / size
    centre = share + z * z / (2 * size)
    spread = z * sqrt(share * (1 - share) / size + z * z / (4 * size * size))
    return (centre - spread) / (1 + z * z / size), (centre + spread) / (1 + z * z / size)
