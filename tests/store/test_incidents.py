"""What is kept of incidents comes back as it was written, and the newest version holds."""

import math
from dataclasses import replace

from tests.conftest import START_NS

from vario.model.investigation import (
    Effect,
    Evidence,
    Finding,
    FixPoint,
    Incident,
    Investigation,
    Moment,
    Question,
    Verification,
)
from vario.model.telemetry import TimeRange
from vario.store.clickhouse import ClickHouseStore
from vario.store.incidents import dump_incident, load_incident

S = 10**9
WINDOW = TimeRange(START_NS, START_NS + 600 * S)
INVESTIGATION = Investigation(
    id="0123456789abcdef",
    question=Question("ml-infer", WINDOW, symptom="latency", scope={"region": "us-east"}),
    verdict="explained",
    asked_ns=START_NS + 600 * S,
    window=WINDOW,
    baseline=WINDOW,
    summary=("It is slow.",),
    findings=(
        Finding(
            "mediator",
            {"attributes.cache_hit": "false"},
            "the cache misses",
            effect=Effect("miss ratio", "1", 0.15, 0.7, 0.5, math.inf),
            evidence=(Evidence("misses", "filter", "cache_hit = false", WINDOW, math.nan),),
        ),
    ),
)
PROOF = Verification(
    verdict="too_early",
    claimed_ns=START_NS,
    source="person",
    checked_ns=START_NS,
    measure="mean duration",
    unit="s",
    baseline=0.1,
    incident=0.3,
    now=math.nan,
    to_baseline_low=0.0,
    to_baseline_high=math.inf,
    to_incident_low=0.0,
    to_incident_high=math.inf,
    tolerance=0.1,
    statement="",
    points=(FixPoint(START_NS, 0.1, 10), FixPoint(START_NS, 0.1, 10, 0.2)),
)
INCIDENT = Incident(
    id="0123456789ab",
    version=START_NS,
    title="slow",
    state="open",
    severity="page",
    owner="ml",
    runbook="",
    service="ml-infer",
    scope={"region": "us-east"},
    alert_ids=("00ff00ff00ff00ff",),
    opened_ns=START_NS + 100 * S,
    updated_ns=START_NS + 100 * S,
    timeline=(Moment(START_NS, "opened", "an alert fired"),),
)


def test_an_incident_comes_back_as_written() -> None:
    whole = replace(INCIDENT, investigation=INVESTIGATION, verification=PROOF)
    assert repr(load_incident(dump_incident(whole))) == repr(whole)  # NaN is equal to nothing


def test_the_newest_version_holds(store: ClickHouseStore) -> None:
    store.write_incidents([])
    over = replace(INCIDENT, version=START_NS + 2, state="resolved", resolved_ns=START_NS + 300 * S)
    store.write_incidents([INCIDENT, replace(over, id="ba9876543210", service="other")])
    store.write_incidents([over])
    assert store.get_incident(INCIDENT.id) == over
    assert store.get_incident("nobody") is None


def test_open_incidents_come_first_and_windows_hold_what_reaches_into_them(
    store: ClickHouseStore,
) -> None:
    later = replace(INCIDENT, id="b" * 12, opened_ns=START_NS + 200 * S, service="other")
    over = replace(later, id="c" * 12, state="resolved", resolved_ns=START_NS + 300 * S)
    store.write_incidents([over, INCIDENT, later])
    assert store.find_incidents(WINDOW, limit=9) == [later, INCIDENT, over]
    assert store.find_incidents(WINDOW, limit=1) == [later]
    assert store.find_incidents(WINDOW, states=["resolved"], limit=9) == [over]
    assert store.find_incidents(WINDOW, service="ml-infer", limit=9) == [INCIDENT]
    after = TimeRange(START_NS + 301 * S, START_NS + 302 * S)
    assert store.find_incidents(after, limit=9) == [later, INCIDENT]
    assert store.find_incidents(TimeRange(0, START_NS), limit=9) == []
