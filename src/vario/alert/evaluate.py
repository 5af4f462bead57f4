"""Evaluation of one rule at one time, as a function: nothing is read or written but by `query`.

Source: Prometheus' documentation, "Defining recording rules" and "Alerting rules".
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from vario.alert.rulefile import Rule
from vario.alert.state import Advanced, Alert, Patience, advance
from vario.alert.template import Expander, Links
from vario.errors import ExecutionError
from vario.model.series import Labels
from vario.query.promql.histogram import Histogram
from vario.query.promql.histogram_text import format_histogram
from vario.query.promql.matching import LabelSet, label_set

ALERTS = "ALERTS"
ALERTS_FOR_STATE = "ALERTS_FOR_STATE"


@dataclass(frozen=True, slots=True)
class Sample:
    """A series' value at the time of an evaluation: a float, or a native histogram."""

    labels: LabelSet
    value: float
    histogram: Histogram | None = None


QueryFunction = Callable[[str, int], Sequence[Sample]]
"""Evaluates PromQL at a time in milliseconds; a scalar is one sample without labels.

Raises a `VarioError` where the query cannot be answered or its result is no vector.
"""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all rules of a server share.

    Attributes:
        external_labels: labels that name this server; templates see them.
        links: where this server is seen from outside; templates see it.
    """

    external_labels: Labels = field(default_factory=dict)
    links: Links = field(default_factory=Links)


@dataclass(frozen=True, slots=True)
class Moment:
    """When a rule is evaluated: `now_ns`, looking at the world `offset_ms` earlier."""

    now_ns: int
    offset_ms: int = 0

    @property
    def sample_ms(self) -> int:
        """The time that queries are asked for and samples are written at."""
        return self.now_ns // 1_000_000 - self.offset_ms


def evaluate_recording(
    rule: Rule, moment: Moment, query: QueryFunction, *, limit: int = 0
) -> list[Sample]:
    """Returns the samples that a recording rule makes.

    Raises:
        ExecutionError: two elements have the same labels, or there are more than `limit`.
        VarioError: the query fails.
    """
    samples: list[Sample] = []
    for element in query(rule.expr, moment.sample_ms):
        labels = label_set({**dict(element.labels), "__name__": rule.name, **rule.labels})
        samples.append(Sample(labels, element.value, element.histogram))
    if len({sample.labels for sample in samples}) < len(samples):
        raise ExecutionError(
            "vector contains metrics with the same labelset after applying rule labels"
        )
    if 0 < limit < len(samples):
        raise ExecutionError(f"exceeded limit of {limit} with {len(samples)} series")
    return samples


def evaluate_alerting(
    rule: Rule,
    alerts: Mapping[LabelSet, Alert],
    moment: Moment,
    query: QueryFunction,
    surroundings: Surroundings,
) -> Advanced:
    """Returns the alerts of an alerting rule after an evaluation.

    Args:
        rule: the rule.
        alerts: its alerts before.
        moment: when.
        query: answers the rule's expression and the queries of its templates.
        surroundings: what templates see of the server.

    Raises:
        ExecutionError: two elements have the same labels once the rule's are applied.
        VarioError: the query fails.
    """
    expander = Expander(
        rule.name,
        lambda text: [
            (dict(sample.labels), sample.value)
            for sample in query(text, moment.now_ns // 1_000_000)
        ],
        external_labels=surroundings.external_labels,
        links=surroundings.links,
    )
    found: dict[LabelSet, Alert] = {}
    for element in query(rule.expr, moment.sample_ms):
        alert = _make_alert(rule, element, moment.now_ns, expander)
        key = label_set(alert.labels)
        if key in found:
            raise ExecutionError(
                "vector contains metrics with the same labelset after applying alert labels"
            )
        found[key] = alert
    patience = Patience(rule.for_ms * 1_000_000, rule.keep_firing_for_ms * 1_000_000)
    return advance(alerts, found, moment.now_ns, patience)


def _make_alert(rule: Rule, element: Sample, now_ns: int, expander: Expander) -> Alert:
    seen = dict(element.labels)
    value = element.value if element.histogram is None else format_histogram(element.histogram)
    labels = {name: text for name, text in seen.items() if name != "__name__"}
    for name, text in sorted(rule.labels.items()):
        labels[name] = expander.expand(text, seen, value)
    labels["alertname"] = rule.name
    annotations = {
        name: expander.expand(text, seen, value) for name, text in sorted(rule.annotations.items())
    }
    return Alert(dict(label_set(labels)), annotations, element.value, now_ns)


def make_alert_samples(rule: Rule, advanced: Advanced) -> list[Sample]:
    """Returns the series `ALERTS` and `ALERTS_FOR_STATE` of a rule's active alerts."""
    samples: list[Sample] = []
    for key in advanced.active:
        alert = advanced.alerts[key]
        # A label whose template came out empty shows as the template itself, as in Prometheus.
        base = {**rule.labels, **alert.labels, "alertname": rule.name}
        state = {**base, "__name__": ALERTS, "alertstate": str(alert.state)}
        samples.append(Sample(label_set(state), 1.0))
        since = float(alert.active_ns // 1_000_000_000)
        samples.append(Sample(label_set({**base, "__name__": ALERTS_FOR_STATE}), since))
    return samples
