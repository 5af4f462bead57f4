"""An alerting rule as the rules about alerts see it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from vario.lint.finding import Hit
from vario.lint.query import Query
from vario.lint.source import Text
from vario.lint.tree import metric_name, selectors
from vario.lint.value import Value
from vario.lint.words import (
    is_cause,
    is_failure,
    is_request_count,
    is_status_label,
    is_symptom,
    wakes_someone,
)
from vario.query.promql.nodes import VectorSelector

_SEVERITY = ("severity", "priority", "urgency", "alert_severity")


def _counts_failures(selector: VectorSelector) -> bool:
    """Whether a selector takes the requests that failed: `requests_total{status=~"5.."}`."""
    return is_request_count(metric_name(selector)) and any(
        is_status_label(m.name) and m.op in ("=", "=~") and is_failure(m.value)
        for m in selector.matchers
    )


@dataclass(frozen=True, slots=True)
class Alert:
    """An alerting rule; `labels` has those of its group too.

    Attributes:
        for_ms: None where the rule says nothing of it.
    """

    name: Text
    value: Value
    query: Query
    labels: Mapping[str, Text]
    annotations: Mapping[str, Text]
    for_ms: int | None = None

    @property
    def severity(self) -> str:
        """Its severity; empty where it has none."""
        return next((self.labels[key].value for key in _SEVERITY if key in self.labels), "")

    @property
    def pages(self) -> bool | None:
        """Whether it wakes someone; None where its severity does not say."""
        return wakes_someone(self.severity) if self.severity else None

    @property
    def severity_span(self) -> tuple[int, int]:
        """Where its severity stands, its name if it has none."""
        found = next((self.labels[key] for key in _SEVERITY if key in self.labels), self.name)
        return found.span()

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that it reads."""
        names = (metric_name(selector) for selector in selectors(self.query.tree))
        return tuple(dict.fromkeys(name for name in names if name))

    @property
    def symptoms(self) -> tuple[str, ...]:
        """The metrics that it reads that measure what users feel."""
        names = [
            metric_name(selector)
            for selector in selectors(self.query.tree)
            if is_symptom(metric_name(selector)) or _counts_failures(selector)
        ]
        return tuple(dict.fromkeys(names))

    @property
    def causes(self) -> tuple[str, ...]:
        """The metrics that it reads that measure a resource."""
        return tuple(name for name in self.metrics if is_cause(name))

    def hit(self, message: str, remedy: str = "") -> Hit:
        """Returns a hit at the alert's name."""
        return Hit(*self.name.span(), message, remedy)


@dataclass(frozen=True, slots=True)
class AlertGroup:
    """The alerting rules of a group; `name` is where the group stands."""

    name: Text | None
    value: Value
    alerts: tuple[Alert, ...] = field(default=())
