"""A case: a symptom that was confirmed, and what probers are told of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from vario.investigate.reader import Reader
from vario.model.filter import Filter
from vario.model.investigation import (
    Effect,
    Evidence,
    Finding,
    Moment,
    Question,
    RuledOut,
    Symptom,
)
from vario.model.telemetry import TimeRange


@dataclass(frozen=True, slots=True)
class Case:
    """What is wrong, since when and for whom: the work of the first steps, for all probers.

    Attributes:
        question: as it was asked.
        service: `service.name` whose requests are looked at.
        symptom: what is wrong with them.
        baseline: before: all was well; ends at `onset_low_ns` or earlier.
        window: after: it is wrong; begins at `onset_high_ns` or later.
        onset_ns: when it began, most likely; between `onset_low_ns` and `onset_high_ns`.
        scope: whom it hurts: names of fields as the filter grammar writes them (`region`,
            `attributes.tier`) and values; empty where it is everybody.
        requests: the service's entry spans that the question is about.
        slice: those of them within `scope`.
        control: those of them outside `scope`; None where `scope` is empty.
        effect: of the symptom over the slice.
        measured: the metric that shows the symptom, over a minute; None where requests show it.
        slow_ns: above it a request counts as slow.
        history: all that may be looked at: from before the baseline to the end of the window.
        days: how many days back the same time was looked at as well, to know what is usual.
    """

    question: Question
    service: str
    symptom: Symptom
    baseline: TimeRange
    window: TimeRange
    onset_ns: int
    onset_low_ns: int
    onset_high_ns: int
    scope: Mapping[str, str]
    requests: Filter
    slice: Filter
    control: Filter | None
    effect: Effect
    slow_ns: int
    history: TimeRange
    days: tuple[int, ...] = ()
    measured: Evidence | None = None


Clue = Finding | RuledOut | Moment
"""What a prober may hand back. The `confidence` of a finding is the prober's own belief that it is
a cause (or, for `mediator`, `operation` and `log`, a step on the way), before it is weighed against
the others; its `onset_ns` and `explained` decide how it is ordered and chained."""

Prober = Callable[[Reader, Case], Sequence[Clue]]
"""Looks for one sort of suspect. It reads no clock, changes nothing, and says nothing (an empty
sequence) where the data it needs is not there."""
