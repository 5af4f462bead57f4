"""What services cost where no metric counts it: replicas and GPUs by their price an hour.

How many there were is a mean over time: a replica that ran half of the window counts half.
"""

from collections.abc import Sequence
from fnmatch import fnmatchcase

import numpy as np

from vario.config import CostSettings, Price
from vario.model.load import ReplicaCount
from vario.model.telemetry import TimeRange

HOUR_S = 3600.0
UNKNOWN = Price()


def price_of(costs: CostSettings, service: str) -> Price:
    """Returns the first price whose pattern fits a service, `UNKNOWN` where none does.

    Example:
        >>> price_of(CostSettings(prices={"ml-*": Price(0.5)}), "ml-infer").replica_hour
        0.5
    """
    return next(
        (price for pattern, price in costs.prices.items() if fnmatchcase(service, pattern)), UNKNOWN
    )


def count_gpus(busy: str, over: str, by: str = "") -> str:
    """Returns PromQL of how many GPUs there were on average.

    Args:
        busy: selector of a gauge that each GPU has.
        over: length of the window, such as `600000ms`.
        by: `by (...)` of the sum, or nothing.
    """
    counted = f"count_over_time({busy}[{over}])"
    return f"sum{by} ({counted}) / scalar(max({counted}))"


def spending(price: Price, replicas: str, gpus: str, hours: str) -> str:
    """Returns PromQL of the money that is spent in a window; empty where nothing tells.

    Args:
        price: of one an hour.
        replicas: PromQL of their mean number, empty where that is not known.
        gpus: likewise.
        hours: length of the window as a number.
    """
    parts = [
        f"({query}) * {each!r} * {hours}"
        for query, each in ((replicas, price.replica_hour), (gpus, price.gpu_hour))
        if query and each
    ]
    return " + ".join(parts)


def hours_of(window: TimeRange) -> str:
    """Returns a window's length in hours as PromQL writes it."""
    return f"{window.duration_ns / 1e9 / HOUR_S:.9g}"


def say_cost(per_1000: float, currency: str, needed: float | None) -> str:
    """Returns what 1,000 predictions cost, and what they would with the replicas that they need.

    Example:
        >>> say_cost(0.8, "USD", 0.4)
        '1,000 predictions cost 0.8 USD; 0.4 with the GPUs that the work needs'
    """
    text = f"1,000 predictions cost {per_1000:.3g} {currency}".rstrip()
    return f"{text}; {needed:.3g} with the GPUs that the work needs" if needed else text


def mean_replicas(counts: Sequence[ReplicaCount], steps: int) -> float | None:
    """Returns how many instances answered requests on average, None where spans name none.

    Args:
        counts: instances of each version by step.
        steps: how many steps there are; those without a request count as the mean of the others.
    """
    found = np.zeros(steps)
    for one in counts:
        found[one.step] += one.replicas
    return float(found[found > 0].mean()) if (found > 0).any() else None
