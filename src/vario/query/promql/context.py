"""What holds for one evaluation: switches, limits, annotations."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from vario.errors import ExecutionError, QueryCanceled, QueryTimeout
from vario.query.promql.annotations import Annotations
from vario.query.promql.features import Features
from vario.query.promql.matching import drop_metadata
from vario.query.promql.values import Vector, merge_same_labels

TOO_MANY_SAMPLES = "query processing would load too many samples into memory in query execution"


def _never() -> bool:
    return False


@dataclass(slots=True)
class Budget:
    """Counts samples and time against their limits.

    Attributes:
        max_samples: most samples that may be held at once.
        deadline: in seconds of `time.monotonic`.
        canceled: tells whether the caller went away.
        samples: samples loaded so far.
        peak: most cells held by one operation.
    """

    max_samples: int = 50_000_000
    deadline: float = float("inf")
    canceled: Callable[[], bool] = _never
    samples: int = 0
    peak: int = 0

    def check(self) -> None:
        """Returns if the evaluation may go on.

        Raises:
            QueryTimeout: time is up.
            QueryCanceled: the caller went away.
        """
        if time.monotonic() > self.deadline:
            raise QueryTimeout("query timed out in expression evaluation")
        if self.canceled():
            raise QueryCanceled("query was canceled in expression evaluation")

    def load(self, samples: int) -> None:
        """Counts samples that came from the store; raises as `hold`."""
        self.samples += samples
        self.hold(samples)

    def hold(self, cells: int) -> None:
        """Checks that so many cells may be held in memory, and that there is time for them.

        Raises:
            ExecutionError: over the limit.
            QueryTimeout: as `check`, like `QueryCanceled`.
        """
        self.peak = max(self.peak, cells)
        if cells > self.max_samples:
            raise ExecutionError(TOO_MANY_SAMPLES)
        self.check()


@dataclass(slots=True)
class Context:
    """Settings and by-products of one evaluation.

    Attributes:
        start_ms: first step of the whole query; `end_ms` the last, `step_ms` between them.
        lookback_ms: how old a sample an instant selector may return.
        subquery_step_ms: resolution of a subquery that names none.
        pushdown_from: from about so many samples on, the store evaluates functions of ranges by
            itself where it can; None for never.
        began: when, in seconds of `time.monotonic`.
    """

    start_ms: int
    end_ms: int
    step_ms: int
    features: Features = field(default_factory=Features)
    lookback_ms: int = 300_000
    subquery_step_ms: int = 60_000
    notes: Annotations = field(default_factory=Annotations)
    budget: Budget = field(default_factory=Budget)
    pushdown_from: int | None = None
    began: float = field(default_factory=time.monotonic)

    def drop_names(self, vector: Vector, *, strict: bool = False) -> Vector:
        """Returns the vector without metric names, at once or marked for the end.

        Args:
            vector: the result of an operation that does not keep the metric.
            strict: equal labels are an error even where they never meet at one step.
        """
        if self.features.delayed_name_removal:
            vector.drop_name = vector.drop_name | True
            return vector
        return merge_same_labels(vector.relabelled(drop_metadata), strict=strict)

    def name_for_notes(self, name: str) -> str:
        """Returns a metric name as annotations of instant functions show it."""
        return name if self.features.delayed_name_removal else ""
