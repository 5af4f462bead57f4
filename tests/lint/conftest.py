"""What is known beside the planted documents."""

import pytest

from vario.lint.facts import Facts

SERIES = ("inference_requests_total", "logins_total")
BUCKETS = {"straddled_latency_seconds": (0.1, 0.25, 0.5, 1.0)}


class KnownSeries:
    """A server that has a few series."""

    def metric_type(self, name: str) -> str:
        return ""

    def has_series(self, selector: str) -> bool:
        return selector.startswith(SERIES)

    def bucket_bounds(self, metric: str) -> tuple[float, ...]:
        return BUCKETS.get(metric.removesuffix("_bucket"), ())


@pytest.fixture
def facts() -> Facts:
    """Bounds of one histogram, offline."""
    return Facts(buckets=BUCKETS)


@pytest.fixture
def live_facts() -> Facts:
    """The same, of a server that has a few series."""
    return Facts(live=KnownSeries())
