"""Rules about who is woken by what: symptoms page, causes are tickets."""

from collections.abc import Iterator

from vario.lint.alerts.subject import Alert, AlertGroup
from vario.lint.alerts.windows import windows_s
from vario.lint.facts import Facts
from vario.lint.finding import Check, Hit, Rule

_EXAMPLE = """\
groups:
- name: inference
  rules:
  - alert: NAME
    expr: EXPR
    for: 10m
    labels: {severity: LEVEL, team: ml-serving}
    annotations:
      summary: SUMMARY
      runbook_url: https://wiki/inference
"""


def _example(name: str, expr: str, level: str, summary: str) -> str:
    text = _EXAMPLE.replace("NAME", name).replace("EXPR", expr)
    return text.replace("LEVEL", level).replace("SUMMARY", summary)


PAGE_ON_CAUSE = Rule(
    "VA201",
    "page-on-cause",
    "warning",
    ("rules",),
    "A page is sent for a cause",
    "A busy GPU or a disk that fills up may hurt users or may not. Who is woken for nothing a few "
    "times stops reading pages. Users feel latency, errors and absence: those page.",
    _example("GpuBusy", "gpu_utilization_ratio > 0.95", "page", "GPUs are busy"),
    _example("GpuBusy", "gpu_utilization_ratio > 0.95", "ticket", "GPUs are busy"),
    "make it a ticket, and page on the symptom that it would lead to",
)
TICKET_ON_SYMPTOM = Rule(
    "VA202",
    "ticket-on-symptom",
    "warning",
    ("rules",),
    "What users feel is only a ticket",
    "Requests fail or are slow now, and the alert waits until someone reads the queue; no other "
    "alert of the group pages for it.",
    _example(
        "HighErrorRatio",
        "sum(rate(inference_request_errors_total[5m])) / sum(rate(inference_requests_total[5m])) "
        "> 0.05",
        "ticket",
        "Requests fail",
    ),
    _example(
        "HighErrorRatio",
        "(sum(rate(inference_request_errors_total[5m])) / sum(rate(inference_requests_total[5m])) "
        "> 0.05) and (sum(rate(inference_request_errors_total[1h])) / "
        "sum(rate(inference_requests_total[1h])) > 0.05)",
        "page",
        "Requests fail",
    ),
    "page on it, over a short and a long window; or keep the ticket beside an alert that pages",
)


def find_pages_on_causes(alert: Alert, _facts: Facts) -> Iterator[Hit]:
    """Yields alerts that wake someone for a resource."""
    if alert.pages and alert.causes and not alert.symptoms:
        message = (
            f"alert {alert.name.value} wakes someone (severity {alert.severity}) for a cause, "
            f"{alert.causes[0]}"
        )
        yield Hit(*alert.severity_span, message)


def find_tickets_on_symptoms(group: AlertGroup, _facts: Facts) -> Iterator[Hit]:
    """Yields alerts that let what users feel wait, where none of the group pages for the same."""
    paged = {name for alert in group.alerts if alert.pages for name in alert.symptoms}
    for alert in group.alerts:
        slow_burn = len(windows_s(alert.query.tree)) > 1
        if alert.pages is not False or slow_burn or not alert.symptoms:
            continue
        if not paged.intersection(alert.symptoms):
            message = (
                f"alert {alert.name.value} is a ticket (severity {alert.severity}), but users feel "
                f"{alert.symptoms[0]}"
            )
            yield Hit(*alert.severity_span, message)


CHECKS: tuple[Check[Alert], ...] = (Check(PAGE_ON_CAUSE, find_pages_on_causes),)
GROUP_CHECKS: tuple[Check[AlertGroup], ...] = (Check(TICKET_ON_SYMPTOM, find_tickets_on_symptoms),)
