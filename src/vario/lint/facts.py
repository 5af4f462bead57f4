"""What is known beside the documents: how often is scraped, which series there are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


class Live(Protocol):
    """A running server, asked through its HTTP API."""

    def metric_type(self, name: str) -> str:
        """Returns `counter`, `gauge`, `histogram` or `summary`; empty where it does not know."""
        ...

    def has_series(self, selector: str) -> bool:
        """Whether the selector (PromQL, one vector) finds any series of the last days."""
        ...

    def bucket_bounds(self, metric: str) -> tuple[float, ...]:
        """Returns the finite bounds of a classic histogram's buckets; none where there are none."""
        ...


@dataclass(frozen=True, slots=True)
class LogSchema:
    """What a log line has to have.

    Attributes:
        required: fields that every line has, with their JSON types joined by `|`.
        request_fields: fields that lines about a request have besides.
        request_ids: the fields that connect a line to its request.
    """

    required: Mapping[str, str] = field(
        default_factory=lambda: {"timestamp": "string", "level": "string", "service": "string"}
    )
    request_fields: Mapping[str, str] = field(
        default_factory=lambda: {
            "model_version": "string",
            "latency_ms": "number",
            "status_code": "integer",
        }
    )
    request_ids: tuple[str, ...] = ("request_id", "trace_id")


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that rules may know beside the document before them.

    Attributes:
        buckets: bounds of histograms by metric name (without `_bucket`), as configured.
        high_cardinality: further labels that are unique to a user or a request.
        recorded: metrics that recording rules among the documents make.
        live: a server to ask; None offline.
    """

    scrape_interval_s: float = 15.0
    buckets: Mapping[str, tuple[float, ...]] = field(default_factory=dict[str, tuple[float, ...]])
    high_cardinality: frozenset[str] = frozenset()
    recorded: frozenset[str] = frozenset()
    logs: LogSchema = field(default_factory=LogSchema)
    live: Live | None = None

    def bounds_of(self, metric: str) -> tuple[float, ...]:
        """Returns a histogram's finite bucket bounds in order; none where they are not known."""
        base = metric.removesuffix("_bucket")
        if base in self.buckets:
            return self.buckets[base]
        return self.live.bucket_bounds(f"{base}_bucket") if self.live else ()

    def type_of(self, metric: str) -> str:
        """Returns the metric's type as the server knows it; empty offline."""
        return self.live.metric_type(metric) if self.live else ""
