"""Shapes of `/api/guard`."""

from vario.api.models import Shape


class FoundOut(Shape):
    """Personal data found in one field: how often, what became of it, what to write instead.

    Times are seconds since the epoch. There is never a value.
    """

    detector: str
    mode: str
    signal: str
    service: str
    field: str
    count: int
    first: float
    last: float
    advice: str


class FoldOut(Shape):
    """A label whose values past the budget are folded to `__overflow__`.

    `values` is how many there were when it began, `reason` is `ids` or `values`, `points` how many
    points were folded since the server started. Samples have personal data taken out.
    """

    metric: str
    label: str
    services: list[str]
    reason: str
    budget: int
    values: int
    samples: list[str]
    since: float
    points: int
    advice: str


class SdkOverflowOut(Shape):
    """A metric whose own SDK folded attributes (`otel.metric.overflow`) before it came here."""

    metric: str
    services: list[str]


class GuardOut(Shape):
    """What the guards did: the most frequent finding and the first fold first."""

    personal_data: bool
    cardinality: bool
    found: list[FoundOut]
    folds: list[FoldOut]
    sdk_overflows: list[SdkOverflowOut]
