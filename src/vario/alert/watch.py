"""Who watches the watchman: alerts about late, missed or failing evaluations and notifications.

They are found by the notifier, not by the rule scheduler: a scheduler that stands still cannot say
so. The heartbeat tells the rest: who does not hear it knows that nothing here works.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from vario.alert.book import RuleAlerts
from vario.alert.rulefile import Rule, RuleGroup
from vario.alert.state import Alert, Patience, advance
from vario.model.alert import Delivery
from vario.query.promql.matching import LabelSet, label_set

S = 10**9
LATE_INTERVALS = 3
"""A group is late that has not been evaluated for so many of its intervals."""
LATE_AT_LEAST_NS = 30 * S
REMEMBERED_NS = 600 * S
"""How long missed evaluations and lost notifications keep an alert firing."""
FAILING_ATTEMPTS = 3

LATE = Rule(
    "alerting",
    "VarioRuleEvaluationLate",
    "",
    labels={"severity": "page", "service": "vario"},
    annotations={
        "summary": "Rule group {group} has not been evaluated for {value:.0f} s: "
        "its alerts cannot fire",
        "description": "Look at the server's log, its load, and the store's health.",
    },
)
MISSED = Rule(
    "alerting",
    "VarioRuleEvaluationMissed",
    "",
    labels={"severity": "ticket", "service": "vario"},
    annotations={
        "summary": "Rule group {group} has missed {value:.0f} evaluations lately",
        "description": "Evaluation takes longer than the interval, or the machine was suspended.",
    },
)
FAILING = Rule(
    "alerting",
    "VarioRuleEvaluationFailing",
    "",
    for_ms=60_000,
    labels={"severity": "ticket", "service": "vario"},
    annotations={
        "summary": "{value:.0f} rules of group {group} cannot be evaluated: {error}",
        "description": "vario rules check FILE, and the query itself, say why.",
    },
)
UNDELIVERED = Rule(
    "alerting",
    "VarioNotificationsFailing",
    "",
    labels={"severity": "ticket", "service": "vario"},
    annotations={
        "summary": "{value:.0f} notifications to {group} are not delivered: {error}",
        "description": "vario alerts deliveries shows them; vario alerts test tries a receiver.",
    },
)
SELF = RuleGroup("vario", "self", (LATE, MISSED, FAILING, UNDELIVERED))


@dataclass(frozen=True, slots=True)
class GroupHealth:
    """How a rule group's evaluations go.

    Attributes:
        name: file and name, separated by a semicolon.
        due_ns: when it is, or was, to be evaluated next.
        missed: evaluations missed since the start.
        errors: why rules cannot be evaluated, one text for each such rule.
    """

    name: str
    interval_ns: int
    due_ns: int
    missed: int
    errors: tuple[str, ...] = ()


HealthFunction = Callable[[], Sequence[GroupHealth]]


@dataclass(slots=True)
class _Missed:
    seen: int = 0
    lately: int = 0
    until_ns: int = 0


@dataclass(slots=True)
class Watch:
    """The state of the alerts about vario itself."""

    _alerts: dict[str, Mapping[LabelSet, Alert]] = field(default_factory=dict)
    _missed: dict[str, _Missed] = field(default_factory=dict)

    def recall(self, recalled: Callable[[Rule], Mapping[LabelSet, Alert]]) -> None:
        """Takes over the alerts that fired before a restart."""
        self._alerts = {rule.name: recalled(rule) for rule in SELF.rules}

    def look(
        self, groups: Sequence[GroupHealth], waiting: Iterable[Delivery], now_ns: int
    ) -> list[RuleAlerts]:
        """Returns the alerts about vario itself as they are now."""
        late = {
            group.name: (since_ns / S, "")
            for group in groups
            if (since_ns := now_ns - group.due_ns) >= late_after_ns(group)
        }
        failing = {
            group.name: (float(len(group.errors)), group.errors[0])
            for group in groups
            if group.errors
        }
        undelivered: dict[str, tuple[float, str]] = {}
        for delivery in waiting:
            if delivery.attempts >= FAILING_ATTEMPTS or delivery.status == "dead":
                count = undelivered.get(delivery.receiver, (0.0, ""))[0] + 1
                undelivered[delivery.receiver] = (count, delivery.error)
        return [
            self._advance(LATE, "rule_group", late, now_ns),
            self._advance(MISSED, "rule_group", self._find_missed(groups, now_ns), now_ns),
            self._advance(FAILING, "rule_group", failing, now_ns),
            self._advance(UNDELIVERED, "receiver", undelivered, now_ns),
        ]

    def _find_missed(
        self, groups: Sequence[GroupHealth], now_ns: int
    ) -> dict[str, tuple[float, str]]:
        found: dict[str, tuple[float, str]] = {}
        for group in groups:
            memory = self._missed.setdefault(group.name, _Missed())
            if now_ns >= memory.until_ns:
                memory.lately = 0
            if group.missed > memory.seen:
                memory.lately += group.missed - memory.seen
                memory.until_ns = now_ns + REMEMBERED_NS
            memory.seen = group.missed
            if memory.lately:
                found[group.name] = (float(memory.lately), "")
        return found

    def _advance(
        self, rule: Rule, label: str, found: Mapping[str, tuple[float, str]], now_ns: int
    ) -> RuleAlerts:
        fresh: dict[LabelSet, Alert] = {}
        for group, (value, error) in found.items():
            labels = {**rule.labels, "alertname": rule.name, label: group}
            texts = {
                name: text.format(group=group, value=value, error=error)
                for name, text in rule.annotations.items()
            }
            fresh[label_set(labels)] = Alert(labels, texts, value, now_ns)
        patience = Patience(rule.for_ms * 1_000_000)
        advanced = advance(self._alerts.get(rule.name, {}), fresh, now_ns, patience)
        self._alerts[rule.name] = advanced.alerts
        return RuleAlerts(rule, advanced.alerts)


def late_after_ns(group: GroupHealth) -> int:
    """Returns how long after its time a group counts as late."""
    return max(LATE_AT_LEAST_NS, (LATE_INTERVALS - 1) * group.interval_ns)
