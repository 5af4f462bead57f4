"""An SLO as a value: what is good, how much of it is wanted, over which time, who is told.

Words follow the SRE workbook, chapter 2 and 5: objective, error budget, burn rate, long and short
window. Every ratio is 0 to 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from vario.errors import BadData
from vario.slo.hours import Hours
from vario.slo.period import Period, Rolling
from vario.slo.windows import BurnWindow, plan_windows

PLACEHOLDER = "FILL-ME-IN"
"""What `vario init` writes where only people know the answer."""

MOST_BAD = 0.9
"""No alert waits for more than this share of bad events: at a target of 90 %, 14.4 times the budget
would be 144 % of all events, which never happens."""

Severity = Literal["page", "ticket"]
Mode = Literal["events", "ratio", "slices", "unsupported"]
Signal = Literal["spans", "logs"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in a file; lines and columns count from 1."""

    file: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, or doubtful, in an SLO file, and where."""

    place: Place
    message: str
    slo: str = ""

    def __str__(self) -> str:
        name = f'SLO "{self.slo}": ' if self.slo else ""
        return f"{self.place}: {name}{self.message}"


class SloFileError(BadData):
    """SLO files that cannot be used; `problems` has every fault that was found."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class LatencyBound:
    """The bound of a latency objective in its histogram's own unit."""

    metric: str
    selector: str
    bound: float
    buckets: Literal["exact", "interpolate", "native"]


@dataclass(frozen=True, slots=True)
class EventCounts:
    """Events that are counted by filters over spans or logs.

    Attributes:
        signal: what is counted.
        total: filter of the events that count.
        bad: filter of those among them that are bad; empty where `good` says which are good.
        good: filter of those among them that are good.
    """

    signal: Signal
    total: str
    bad: str = ""
    good: str = ""


@dataclass(frozen=True, slots=True)
class Sli:
    """A service level indicator, reduced to the part that is bad.

    Attributes:
        kind: what it is in the file, such as `latency`.
        mode: `events` counts bad and all events; `ratio` has the share of bad events at once;
            `slices` asks of each slice of time whether it was good; `unsupported` cannot be
            evaluated here.
        bad: PromQL of the rate of bad events, the share of bad events, or 1 for a bad slice.
        total: PromQL of the rate of all events; empty but for `events`.
        words: what a bad event is, such as `requests slower than 200 ms`.
        unit: of what is measured, `s`, `ratio`, `events`, ...
        metrics: names of the metrics that it reads, where they are known.
        latency: the bound, where it is one of latency.
        counts: filters, where events are counted out of spans or logs.
        reason: why it is unsupported.
    """

    kind: str
    mode: Mode
    bad: str = ""
    total: str = ""
    words: str = "bad events"
    unit: str = "events"
    metrics: tuple[str, ...] = ()
    latency: LatencyBound | None = None
    counts: EventCounts | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Slo:
    """One service level objective.

    Attributes:
        name: identifies it among all: lower-case letters, digits and dashes.
        service: what it belongs to.
        target: share that must be good, between 0 and 1.
        sli: what is good.
        period: over which time.
        title: a name for people.
        owner: who is told; `runbook`: a URL, or a file beside the SLO's.
        by: labels by which it is kept apart: each group has a budget of its own.
        breakdown: a label by which a burning budget is explained; empty for none.
        hours: when it counts; None for always.
        labels: on every alert.
        min_bad: bad events that the long window must have before anybody is told.
        min_events: events of any kind that it must have.
        alerts: burn-rate alerts; None for those that follow from the period.
        alert_name: name of the alerts.
    """

    name: str
    service: str
    target: float
    sli: Sli
    period: Period = field(default_factory=lambda: Rolling(30 * 86_400))
    title: str = ""
    description: str = ""
    owner: str = ""
    runbook: str = ""
    by: tuple[str, ...] = ()
    breakdown: str = ""
    hours: Hours | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    min_bad: float = 3
    min_events: float = 0
    alerts: tuple[BurnWindow, ...] | None = None
    alert_name: str = "ErrorBudgetBurn"
    place: Place = field(default_factory=Place, compare=False)

    @property
    def budget(self) -> float:
        """Share of events that may be bad."""
        return round(1.0 - self.target, 12)

    @property
    def windows(self) -> tuple[BurnWindow, ...]:
        """The burn-rate alerts, those of the table where the file names none."""
        if self.alerts is not None:
            return self.alerts
        return plan_windows(self.period.nominal_s, self.hours, most=MOST_BAD / self.budget)

    @property
    def is_recorded(self) -> bool:
        """Whether long windows are made of short ones, because time decides what counts."""
        return self.sli.mode == "slices" or self.hours is not None


@dataclass(frozen=True, slots=True)
class SloSet:
    """Everything that SLO files say: the SLOs, what is doubtful, and what else stands in them.

    Attributes:
        slos: by the order of the files.
        warnings: what is doubtful; the SLOs work.
        others: kind and name of OpenSLO documents that are no SLO.
        interval_s: how often what they record is evaluated, in seconds.
    """

    slos: tuple[Slo, ...] = ()
    warnings: tuple[Problem, ...] = ()
    others: tuple[tuple[str, str], ...] = ()
    interval_s: int = 30
