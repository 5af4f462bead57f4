"""Rules about what whoever is woken needs: a runbook, an owner, a severity, a sentence."""

from collections.abc import Callable, Collection, Iterator

from vario.lint.alerts.subject import Alert, AlertGroup
from vario.lint.facts import Facts
from vario.lint.finding import Check, Hit, Rule

_BAD = """\
groups:
- name: inference
  rules:
  - alert: HighErrorRatio
    expr: job:errors:ratio_rate5m > 0.01 and job:errors:ratio_rate1h > 0.01
    for: 2m
    labels: {LABELS}
    annotations: {ANNOTATIONS}
"""


def _example(labels: str, annotations: str) -> str:
    text = _BAD.replace("{LABELS}", f"{{{labels}}}")
    return text.replace("{ANNOTATIONS}", f"{{{annotations}}}")


_SEVERITY, _OWNER = "severity: page", "team: ml-serving"
_SUMMARY, _RUNBOOK = "summary: Requests fail", "runbook_url: https://wiki/high-error-ratio"
_GOOD = _example(f"{_SEVERITY}, {_OWNER}", f"{_SUMMARY}, {_RUNBOOK}")

RUNBOOK = Rule(
    "VA203",
    "missing-runbook",
    "warning",
    ("rules",),
    "An alert has no runbook",
    "Whoever is woken by it at three in the morning has to find out first what to look at.",
    _example(f"{_SEVERITY}, {_OWNER}", _SUMMARY),
    _GOOD,
    "add the annotation runbook_url: what to check first, in which order, and whom to call",
)
OWNER = Rule(
    "VA204",
    "missing-owner",
    "warning",
    ("rules",),
    "An alert has no owner",
    "An alert that is nobody's is ignored by everybody, and nobody may delete it.",
    _example(_SEVERITY, f"{_SUMMARY}, {_RUNBOOK}"),
    _GOOD,
    "add the label owner or team, on the rule or once for all under labels of its group",
)
SEVERITY = Rule(
    "VA205",
    "missing-severity",
    "warning",
    ("rules",),
    "An alert has no severity",
    "Without one nothing decides whether it wakes someone or waits until morning.",
    _example(_OWNER, f"{_SUMMARY}, {_RUNBOOK}"),
    _GOOD,
    "add the label severity: page for what users feel, ticket for the rest",
)
SUMMARY = Rule(
    "VA210",
    "missing-summary",
    "warning",
    ("rules",),
    "An alert does not say in words what is happening",
    "The name of a rule is not a sentence: who gets the notification has to read PromQL.",
    _example(f"{_SEVERITY}, {_OWNER}", _RUNBOOK),
    _GOOD,
    "add the annotation summary or description, with {{ $labels... }} and {{ $value }}",
)

_SEVERITIES = frozenset({"severity", "priority", "urgency", "alert_severity", "page"})
_OWNERS = frozenset(
    (
        *("owner", "owners", "team", "squad", "contact", "maintainer", "responsible"),
        *("owner_team", "team_name", "owning_team", "service_owner", "support_group"),
    )
)
_RUNBOOKS = frozenset(
    (
        *("runbook", "runbook_url", "runbook_link", "runbookurl", "playbook", "playbook_url"),
        *("sop", "sop_url", "run_book"),
    )
)
_SENTENCES = frozenset({"summary", "description", "message", "title", "impact"})


def _has(alert: Alert, names: Collection[str]) -> bool:
    texts = {**alert.annotations, **alert.labels}
    return any(key.lower() in names and text.value.strip() for key, text in texts.items())


def _finder(names: Collection[str], what: str) -> Callable[[AlertGroup, Facts], Iterator[Hit]]:
    """Returns what finds alerts without any of some labels or annotations.

    Where no alert of a larger group has one, that is said once, at the group.
    """

    def find(group: AlertGroup, _facts: Facts) -> Iterator[Hit]:
        lacking = [alert for alert in group.alerts if not _has(alert, names)]
        if group.name is not None and len(lacking) == len(group.alerts) > 2:
            shown = ", ".join(alert.name.value for alert in lacking[:3])
            more = ", ..." if len(lacking) > 3 else ""
            message = (
                f'none of the {len(lacking)} alerts of group "{group.name.value}" has {what} '
                f"({shown}{more})"
            )
            yield Hit(*group.name.span(), message)
            return
        for alert in lacking:
            yield alert.hit(f"alert {alert.name.value} has no {what.rsplit(maxsplit=1)[-1]}")

    return find


CHECKS: tuple[Check[AlertGroup], ...] = (
    Check(RUNBOOK, _finder(_RUNBOOKS, "a runbook")),
    Check(OWNER, _finder(_OWNERS, "an owner")),
    Check(SEVERITY, _finder(_SEVERITIES, "a severity")),
    Check(SUMMARY, _finder(_SENTENCES, "a summary")),
)
