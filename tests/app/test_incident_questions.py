"""What an incident's alerts ask, and which of the answers its page shows."""

from types import SimpleNamespace
from typing import Any

import pytest
from tests.support.otlp_factory import MINUTE
from tests.support.planted import END_NS, ONSET_NS, SERVICE, Planted

from vario.app.incidents import Asker
from vario.clock import ManualClock
from vario.config import Settings
from vario.drift.report import DriftReport
from vario.model.alert import AlertEvent
from vario.model.investigation import Incident


def event(slo: str, severity: str = "page", *, resolved_ns: int = 0) -> AlertEvent:
    labels = {"service": SERVICE, "region": "us-east", "slo": slo, "severity": severity}
    return AlertEvent(
        id=slo, version=1, time_ns=END_NS, rule="slos;slos;ErrorBudgetBurn",
        name="ErrorBudgetBurn", state="resolved" if resolved_ns else "firing", labels=labels,
        annotations={}, value=1.0, active_ns=ONSET_NS + MINUTE, fired_ns=ONSET_NS + MINUTE,
        resolved_ns=resolved_ns,
    )  # fmt: skip


@pytest.fixture
def asker(store) -> Asker:
    planted = Planted(store)
    for trace, at_ns, region, _ in planted.requests():
        planted.span("predict", trace, 1, at_ns, 80.0, region=region, kind="server")
    planted.write()
    for region in ("eu-west", "us-east"):
        labels = {"job": SERVICE, "region": region}
        planted.series("predictions_total", labels, lambda _s: 150.0, counter=True)

        def missing(at_s: int, region: str = region) -> float:
            return 90.0 if region == "us-east" and at_s >= 0 else 1.0 + at_s % 2

        named = {**labels, "feature": "session_length"}
        planted.series("feature_missing_total", named, missing, counter=True)
    alerts: Any = SimpleNamespace(rule_of=lambda _event: None)
    clock = ManualClock(END_NS)
    return Asker(store, clock, DriftReport, alerts, lambda: False, Settings())


INCIDENT = Incident(
    id="1", version=1, title="both", state="open", severity="page", owner="", runbook="",
    service=SERVICE, scope={"region": "us-east"}, alert_ids=(), opened_ns=ONSET_NS + MINUTE,
    updated_ns=END_NS,
)  # fmt: skip


def test_an_alert_that_has_an_answer_speaks_for_those_that_have_none(asker: Asker) -> None:
    alarms = [event("ml-infer-latency"), event("ml-infer-missing-session-length")]
    found = asker.investigate(INCIDENT, alarms, END_NS)
    assert found.symptom == "quality"
    assert found.question.slo == "ml-infer-missing-session-length"
    assert found.verdict != "no_change"
    alone = asker.investigate(INCIDENT, alarms[:1], END_NS)
    assert (alone.question.slo, alone.verdict) == ("ml-infer-latency", "no_change")


def test_alerts_that_fire_are_asked_first_and_the_gravest_of_them_before_others(
    asker: Asker,
) -> None:
    alarms = [
        event("ml-infer-errors", resolved_ns=END_NS - MINUTE),
        event("ml-infer-cost", "ticket"),
        event("ml-infer-latency"),
        event("ml-infer-latency"),
        event("ml-infer-memory", "ticket"),
    ]
    asked = asker.questions(INCIDENT, alarms, END_NS)
    assert [one.symptom for one in asked] == ["latency", "cost", "saturation"]
    (alone,) = asker.questions(INCIDENT, [], END_NS)
    assert (alone.service, alone.title, alone.window.end_ns) == (SERVICE, "both", END_NS)
