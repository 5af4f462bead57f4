"""What an investigation reads: spans and logs by the store, metrics by PromQL, drift as values.

A reader is handed in whole, so that the same question over the same data has the same answer.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vario.config import CostSettings
from vario.model.series import LabelPairs
from vario.model.telemetry import TimeRange
from vario.query.promql.engine import Options, PromQL
from vario.query.promql.features import Features
from vario.store.base import (
    EvidenceReader,
    IncidentLog,
    LogReader,
    MarkerLog,
    MetricReader,
    PatternReader,
    ServiceReader,
    TraceReader,
)

_OPTIONS = Options(Features(extended_ranges=True))
_MS = 1_000_000


class EvidenceStore(
    TraceReader,
    LogReader,
    PatternReader,
    MarkerLog,
    ServiceReader,
    MetricReader,
    EvidenceReader,
    IncidentLog,
    Protocol,
):
    """The reads of the store that an investigation uses."""


@dataclass(frozen=True, slots=True)
class DriftFact:
    """What the drift watch holds against one feature of one part of a model's traffic.

    Attributes:
        model_name: the model.
        model_version: the version; empty for all of them.
        segment: attributes and values of the part, such as `{"region": "eu-west"}`.
        feature: the feature's name; `prediction` is the model's output.
        kind: `missing`, `new_category` or `drifted`; `stable` where it was looked at and is well.
        before: the reference's share (of missing or new values), or 0 for a distance.
        after: the share now, or the distance (PSI).
        rows: rows that it rests on.
        p: probability of it by chance.
        since_ns: when it began, 0 where unknown.
    """

    model_name: str
    model_version: str
    segment: Mapping[str, str]
    feature: str
    kind: str
    before: float
    after: float
    rows: float
    p: float
    since_ns: int = 0


@dataclass(frozen=True, slots=True)
class Measured:
    """Series of a range query: `values` has shape (n, steps), NaN where there is none."""

    labels: tuple[LabelPairs, ...]
    times_ns: NDArray[np.int64]
    values: NDArray[np.float64]


@dataclass(slots=True)
class Tally:
    """How many series were read so far."""

    series: int = 0


@dataclass(frozen=True, slots=True)
class Reader:
    """Everything that may be read.

    Attributes:
        store: spans, logs, samples.
        drift: what drifts now, as plain values.
        canceled: asked between steps whether nobody waits any more.
        tally: counts what is read.
        costs: what replicas and GPUs of services cost.
    """

    store: EvidenceStore
    drift: Sequence[DriftFact] = ()
    canceled: Callable[[], bool] = field(default=lambda: False)
    tally: Tally = field(default_factory=Tally, compare=False)
    costs: CostSettings = field(default_factory=CostSettings)

    def evaluate(self, expression: str, time_ns: int) -> list[tuple[LabelPairs, float]]:
        """Returns the value of each series of a PromQL expression at a time; a scalar as one.

        Raises:
            BadData: the expression is no PromQL.
        """
        result = PromQL(self.store).instant(expression, time_ns // _MS, canceled=self.canceled)
        self.tally.series += len(result.series)
        if result.type == "scalar":
            return [((), result.scalar[1])]
        return [(one.labels, float(one.values[-1])) for one in result.series if len(one.values)]

    def evaluate_range(self, expression: str, window: TimeRange, step_ns: int) -> Measured:
        """Returns the series of a PromQL expression at the end of every step of a window.

        Ranges may be `anchored` or `smoothed`. The first step ends at `window.start_ns + step_ns`.

        Raises:
            BadData: the expression is no PromQL.
        """
        step_ms = max(1, step_ns // _MS)
        start_ms = window.start_ns // _MS + step_ms
        end_ms = max(start_ms, window.end_ns // _MS)
        times_ms = np.arange(start_ms, end_ms + 1, step_ms, dtype=np.int64)
        result = PromQL(self.store, _OPTIONS).range(
            expression, start_ms, end_ms, step_ms, canceled=self.canceled
        )
        self.tally.series += len(result.series)
        values = np.full((len(result.series), len(times_ms)), np.nan)
        for row, one in enumerate(result.series):
            at = (one.ts_ms - start_ms) // step_ms
            values[row, at] = one.values
        labels = tuple(one.labels for one in result.series)
        return Measured(labels, times_ms * _MS, values)
