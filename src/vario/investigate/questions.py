"""Questions that alerts and SLOs ask by themselves."""

import re
from collections.abc import Mapping

from vario.model.alert import AlertEvent
from vario.model.investigation import Question, Symptom
from vario.model.telemetry import TimeRange

BEFORE_NS = 15 * 60 * 10**9
"""An alert that fires tells of what began some time before: as long as its windows are."""
_SIGNS: Mapping[Symptom, str] = {
    "quality": r"accept|calibrat|accuracy|quality|drift|psi|presence|missing|without|feedback",
    "cost": r"cost|waste|gpu_?util|batch_?size|replicas",
    "errors": r"error|5xx|availab|fail|timeout",
    "latency": r"laten|duration|slow|p9[59]|_bucket",
    "saturation": r"satur|queue|memory|cpu|disk|in_?flight",
}
_BAD_EVENTS = re.compile(r"% are (.+?) over the last")
"""Where the description of an SLO's alert says what its bad events are."""
_OF_EVERY_SLO = re.compile(r"error_?budget\w*|slo:\w+(:\w+)*|sli_error", re.IGNORECASE)
# Not the version: before a release there is nothing of it to compare with, and it is a suspect.
_SCOPE = ("region", "route", "http_route", "tier")
_FIELDS = {"http_route": "attributes.http.route", "route": "attributes.http.route"}


def guess_symptom(*texts: str) -> Symptom | None:
    """Returns what a rule's name, labels and expression speak of, None where that is unclear.

    Example:
        >>> guess_symptom("HighLatency", "histogram_quantile(0.95, ...)")
        'latency'
        >>> guess_symptom("ErrorBudgetBurn", "session-length", "slo:sli_error:ratio_rate1h")
    """
    whole = _OF_EVERY_SLO.sub(" ", " ".join(texts)).lower()
    return next((symptom for symptom, sign in _SIGNS.items() if re.search(sign, whole)), None)


def question_of_alert(event: AlertEvent, now_ns: int, *, expression: str = "") -> Question:
    """Returns what an alert asks: about its service, its labels, and the time since before it.

    Args:
        event: the alert as it stands.
        now_ns: up to when it is looked at.
        expression: of its rule, where it is known.
    """
    labels = event.labels
    began_ns = event.active_ns or event.fired_ns or event.time_ns
    end_ns = event.resolved_ns or now_ns
    described = _BAD_EVENTS.search(event.annotations.get("description", ""))
    bad = described[1] if described else ""
    told = (event.name, labels.get("slo", ""), labels.get("sli", ""), bad, expression)
    return Question(
        service=labels.get("service") or labels.get("service_name") or labels.get("job", ""),
        window=TimeRange(max(0, began_ns - BEFORE_NS), max(end_ns, began_ns + 1)),
        symptom=guess_symptom(*told),
        model=labels.get("model_name", ""),
        scope={_FIELDS.get(name, name): labels[name] for name in _SCOPE if labels.get(name)},
        expression=expression,
        alert_id=event.id,
        slo=labels.get("slo", ""),
        title=f"why does {event.name} fire?",
    )
