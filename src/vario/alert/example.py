"""An example of what an alert is about: the trace of a request at the time when it began."""

from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, Protocol

from vario.alert.rulefile import Rule
from vario.model.alert import AlertEvent
from vario.model.filter import And, Compare, Field, Filter
from vario.model.series import Exemplar, Matcher
from vario.model.telemetry import TimeRange, TraceSummary
from vario.query.promql.features import ALL_FEATURES
from vario.query.promql.nodes import VectorSelector
from vario.query.promql.parser import parse
from vario.store.base import TraceOrder

S = 10**9
BEFORE_NS = 300 * S
AFTER_NS = 60 * S
_MOST_SELECTORS = 4
_EXEMPLARS = 200
_SERVICE_LABELS = ("service", "service_name", "job")


class ExampleReader(Protocol):
    """The part of `vario.store.base.Store` that is asked for examples."""

    def find_exemplars(
        self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, *, limit: int = 1000
    ) -> list[Exemplar]:
        """Finds exemplars of matching series, ordered by time."""
        ...

    def find_traces(
        self, where: Filter, window: TimeRange, *, limit: int, order: TraceOrder
    ) -> list[TraceSummary]:
        """Finds traces of which at least one span matches."""
        ...


def find_example(reader: ExampleReader, rule: Rule | None, event: AlertEvent) -> str:
    """Returns the id of a trace near an alert's onset, empty where there is none.

    First the exemplars of the series that the rule's expression reads, the highest value of them;
    then a failed request of the service that the alert's labels name, the slowest; then its
    slowest request.

    Raises:
        VarioError: the store cannot be read.
    """
    window = TimeRange(event.active_ns - BEFORE_NS, event.fired_ns + AFTER_NS)
    if rule is not None and rule.expr:
        for selector in list(_selectors(rule.expr))[:_MOST_SELECTORS]:
            matchers = [*_every_bucket(selector), *_alike(selector, event)]
            found = reader.find_exemplars(
                matchers, window.start_ns // 10**6, window.end_ns // 10**6, limit=_EXEMPLARS
            )
            traced = [exemplar for exemplar in found if exemplar.trace_id]
            if traced:
                return max(traced, key=lambda exemplar: exemplar.value).trace_id
    service = next((event.labels[name] for name in _SERVICE_LABELS if event.labels.get(name)), "")
    if not service:
        return ""
    of_service = Compare(Field("intrinsic", "service.name"), "=", service.rpartition("/")[2])
    failed = Compare(Field("intrinsic", "error"), "=", True)
    for where in (And((of_service, failed)), of_service):
        traces = reader.find_traces(where, window, limit=1, order="slowest")
        if traces:
            return traces[0].trace_id
    return ""


def _every_bucket(selector: VectorSelector) -> list[Matcher]:
    """Returns a selector's matchers but for the bucket: the slow requests are in the others."""
    return [matcher for matcher in selector.matchers if matcher.name != "le"]


def _alike(selector: VectorSelector, event: AlertEvent) -> list[Matcher]:
    """Returns matchers for the alert's labels, met also by series that have no such label."""
    taken = {matcher.name for matcher in selector.matchers}
    return [
        Matcher(name, "=~", f"(?:{_escape(value)})?")
        for name, value in sorted(event.labels.items())
        if name not in taken and name not in ("alertname", "severity", "le")
    ]


def _escape(text: str) -> str:
    return "".join(c if c.isalnum() or c == "_" or ord(c) > 127 else f"\\{c}" for c in text)


def _selectors(expr: str) -> Iterator[VectorSelector]:
    yield from _walk(parse(expr, ALL_FEATURES))


def _walk(node: Any) -> Iterator[VectorSelector]:
    if isinstance(node, VectorSelector):
        yield node
        return
    for entry in fields(node):
        value = getattr(node, entry.name)
        for part in value if isinstance(value, tuple) else (value,):
            if is_dataclass(part) and not isinstance(part, type):
                yield from _walk(part)
