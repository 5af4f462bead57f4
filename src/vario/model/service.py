"""What the overview says of a service: numbers over its entry spans.

An entry span is one of kind Server or Consumer, or one without a parent: a request, seen from
the service that answers it.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VersionSeen:
    """A version of a model (or of a service, where no model is named) and its share of traffic."""

    version: str
    first_seen_ns: int
    requests: int


@dataclass(frozen=True, slots=True)
class TrafficPoint:
    """Requests in one step of time; latencies are seconds, None where there was no request.

    `slowest_trace_id` is the trace of the slowest request of the step: a point on a chart that
    leads to its cause.
    """

    start_ns: int
    requests: int
    errors: int
    p50_s: float | None
    p95_s: float | None
    p99_s: float | None
    slowest_trace_id: str
    slowest_s: float | None


@dataclass(frozen=True, slots=True)
class TrafficSeries:
    """Points of one value of the grouping (`""` when not grouped).

    Its requests were counted from `samples` spans: fewer where traces are sampled before they come.
    """

    group: str
    points: tuple[TrafficPoint, ...]
    samples: int = 0


@dataclass(frozen=True, slots=True)
class ServiceSummary:
    """One row of the overview: a service and the model that it serves (`""` if none is named)."""

    service_name: str
    model_name: str
    versions: tuple[VersionSeen, ...]
    regions: tuple[str, ...]
    requests: int
    errors: int
    p50_s: float
    p95_s: float
    p99_s: float
    last_seen_ns: int
    points: tuple[TrafficPoint, ...]
