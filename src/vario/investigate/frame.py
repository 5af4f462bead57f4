"""What probers share: the steps of a case's time, its scope in other signals, and how far to believe.

The confidence that a prober gives is a product, so that one missing piece is enough for doubt:

| piece | factor |
|---|---|
| chance: q-value after adjustment within the family | 1 below .001, .8 below .01, .5 below .05, else 0 |
| time: began within half an hour before the onset | 1; unknown .8; longer before .5; after it .2 |
| control: the part of the traffic that is well | 1 where it did not move so, .75 without one, .25 where it did |
| share of the damage that goes with it | 1 from a half on, falling to .3; unknown .7 |

and a ceiling of the prober's own, for some sorts of evidence never prove a cause by themselves.
"""  # noqa: E501

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vario.errors import BadData
from vario.investigate.case import Case
from vario.investigate.rates import Floats, Tally
from vario.model.filter import MATCH_ALL, And, Compare, Field, Filter, Not
from vario.model.investigation import Effect
from vario.model.telemetry import Signal, TimeRange
from vario.query.filter import parse_field

MINUTE_NS = 60 * 10**9
EARLIEST_NS = 30 * MINUTE_NS
"""A change so long before the onset may still be its cause: caches drain, queues fill."""

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Frame:
    """Equal steps over a case's history, and which of them lie before and after.

    Attributes:
        span: the history, its end a whole number of steps after its start.
        step_ns: length of a step.
        before: shape (steps,), whole steps of the baseline.
        after: shape (steps,), whole steps of the window.
    """

    span: TimeRange
    step_ns: int
    before: Flags
    after: Flags

    @property
    def steps(self) -> int:
        """How many steps there are."""
        return len(self.before)

    def start_of(self, step: int) -> int:
        """Returns when a step begins."""
        return self.span.start_ns + step * self.step_ns

    def boundary(self, time_ns: int) -> int:
        """Returns the step that a time falls into."""
        return int(min(max((time_ns - self.span.start_ns) // self.step_ns, 0), self.steps - 1))

    def tallies(self, counts: Floats, exposure: Floats) -> tuple[Tally, Tally]:
        """Returns what was counted before and after, out of values by step."""
        return (
            Tally(counts[self.before], exposure[self.before]),
            Tally(counts[self.after], exposure[self.after]),
        )


def frame_of(case: Case, most_steps: int = 60) -> Frame:
    """Returns about `most_steps` steps of whole seconds; one of them begins with the window."""
    second = 10**9
    step_ns = max(second, -(-case.history.duration_ns // most_steps // second) * second)
    back = -(-(case.window.start_ns - case.history.start_ns) // step_ns)
    start_ns = case.window.start_ns - back * step_ns
    steps = back + -(-(case.window.end_ns - case.window.start_ns) // step_ns)
    starts = start_ns + np.arange(steps, dtype=np.int64) * step_ns

    def within(part: TimeRange) -> Flags:
        return (starts >= part.start_ns) & (starts + step_ns <= part.end_ns)

    return Frame(
        TimeRange(start_ns, start_ns + steps * step_ns),
        step_ns,
        within(case.baseline),
        within(case.window),
    )


def scope_filter(case: Case, signal: Signal) -> Filter:
    """Returns the filter for what a case's scope says in a signal, as far as it has such fields.

    An attribute of the request may be a record's or a resource's in other signals.
    """
    parts: list[Filter] = []
    for name, value in case.scope.items():
        try:
            found = parse_field(name, signal)
        except BadData:
            continue
        if signal is Signal.LOGS and found.name in ("name", "kind", "entry"):
            continue
        if found.scope == "attributes":
            found = Field("any", found.name)
        parts.append(Compare(found, "=", value))
    return And(tuple(parts)) if parts else MATCH_ALL


def join(*filters: Filter) -> Filter:
    """Returns the filter under which all hold, as flat as it can be written."""
    parts: list[Filter] = []
    for one in filters:
        parts.extend(one.operands if isinstance(one, And) else (one,))
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def outside(where: Filter) -> Filter | None:
    """Returns the opposite of a filter, None where that is nothing."""
    return None if where == MATCH_ALL else Not(where)


def believe(
    *,
    q: float,
    timing: float = 0.8,
    control: float = 0.75,
    explained: float | None = None,
    ceiling: float = 0.95,
) -> float:
    """Returns a confidence by the rule at the head of this module.

    Example:
        >>> believe(q=1e-6, timing=1.0, control=1.0, explained=0.9), believe(q=0.2)
        (0.95, 0.0)
    """
    chance = 1.0 if q < 0.001 else 0.8 if q < 0.01 else 0.5 if q < 0.05 else 0.0
    share = 0.7 if explained is None else min(1.0, max(0.3, 2 * explained))
    return round(ceiling * chance * timing * control * share, 3)


def judge_time(case: Case, began_ns: int, slack_ns: int = 2 * MINUTE_NS) -> float:
    """Returns the factor for when something began; 0 stands for an unknown time."""
    if not began_ns:
        return 0.8
    if began_ns > case.onset_high_ns + slack_ns:
        return 0.2
    return 1.0 if began_ns >= case.onset_low_ns - EARLIEST_NS else 0.5


def make_effect(measure: str, unit: str, before: float, after: float, bounds: tuple[float, float]) \
        -> Effect:  # fmt: skip
    """Returns an effect; `bounds` are those of the difference."""
    return Effect(measure, unit, before, after, bounds[0], bounds[1])


def say_scope(case: Case) -> str:
    """Returns whom a case is about, such as ` in us-east`; empty where it is everybody."""
    if not case.scope:
        return ""
    words = [
        value if name.endswith("region") else f"{name.removeprefix('attributes.')}={value}"
        for name, value in case.scope.items()
    ]
    return f" in {', '.join(words)}"


def percent(share: float) -> str:
    """Returns a share in percent as one reads it: `71 %`, `0.4 %`."""
    value = 100 * share
    return f"{value:.0f} %" if value >= 9.95 else f"{value:.1f} %" if value >= 0.1 else "0 %"
