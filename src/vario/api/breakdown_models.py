"""Shapes of `/api/services/{service}/breakdown`."""

from vario.api.models import Shape


class BreakdownPartOut(Shape):
    """An operation on the way of a request: its own time in seconds, and its share of all."""

    service: str
    span: str
    self_time: float
    share: float
    calls: float
    failed: float


class NeighbourOut(Shape):
    """A service that calls, or is called: calls for each request, seconds, share that failed."""

    service: str
    calls: float
    mean: float
    failed: float


class BreakdownOut(Shape):
    """What a request is made of, on average over `requests` sampled ones."""

    service: str
    requests: int
    mean: float
    parts: list[BreakdownPartOut]
    callers: list[NeighbourOut]
    called: list[NeighbourOut]
