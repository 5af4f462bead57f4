"""The metrics that every instrumented service has: names, units and bucket bounds.

Labels are coarse on purpose: model_name, model_version, region, route, status_code, step.
"""

from collections.abc import Callable
from typing import Any

from vario.sdk.meters import Meter

REQUESTS = "inference_requests_total"
LATENCY = "inference_latency_seconds"
STEP = "inference_step_seconds"

# Bounds in seconds. Requests: dense around 0.2, the usual objective for the 95th percentile, where
# a bucket is at most 25 ms wide. Steps: a step may well take less than a millisecond.
LATENCY_BOUNDS = (
    0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.125, 0.15, 0.175, 0.2,
    0.225, 0.25, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip
STEP_BOUNDS = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15,
    0.2, 0.3, 0.5, 1.0, 2.5, 5.0,
)  # fmt: skip


def bounds_for(objective_s: float) -> tuple[float, ...]:
    """Returns latency bounds that are dense around an objective, which is one of them.

    A histogram answers exactly how many requests met an objective only where it has a bound there.

    Args:
        objective_s: what a request should take at most, in seconds.
    """
    factor = objective_s / 0.2
    return tuple(float(f"{bound * factor:.4g}") for bound in LATENCY_BOUNDS)


class Instruments:
    """The instruments of one process: the SDK's own, and those that a service names by itself.

    Args:
        meter: makes them.
        objective_s: the latency that the service promises, in seconds.
        exponential: whether latencies have bounds that grow by a factor instead.
    """

    def __init__(self, meter: Meter, objective_s: float, exponential: bool | None) -> None:
        self._meter = meter
        self._own: dict[tuple[str, str], Any] = {}
        self.requests: Any = meter.create_counter(
            REQUESTS, unit="{request}", description="Requests answered."
        )
        self.latency: Any = meter.create_histogram(
            LATENCY,
            unit="s",
            description="Time from a request's arrival to the end of its answer.",
            explicit_bucket_boundaries_advisory=bounds_for(objective_s),
            exponential=exponential,
        )
        self.step: Any = meter.create_histogram(
            STEP,
            unit="s",
            description="Time that a step of a request took.",
            explicit_bucket_boundaries_advisory=STEP_BOUNDS,
            exponential=exponential,
        )

    def counter(self, name: str, unit: str = "") -> Any:
        """Returns the service's counter of this name, made when it is first asked for."""
        return self._made("counter", name, lambda: self._meter.create_counter(name, unit))

    def gauge(self, name: str, unit: str = "") -> Any:
        """Returns the service's gauge of this name, made when it is first asked for."""
        return self._made("gauge", name, lambda: self._meter.create_gauge(name, unit))

    def histogram(self, name: str, bounds: tuple[float, ...], unit: str = "") -> Any:
        """Returns the histogram of this name, made when it is first asked for."""
        return self._made(
            "histogram",
            name,
            lambda: self._meter.create_histogram(
                name, unit, explicit_bucket_boundaries_advisory=bounds
            ),
        )

    def _made(self, kind: str, name: str, make: Callable[[], Any]) -> Any:
        instrument = self._own.get((kind, name))
        if instrument is None:
            instrument = self._own.setdefault((kind, name), make())
        return instrument
