"""What is kept of alerts comes back as it was written, and the newest version holds."""

import math
from dataclasses import replace

from tests.conftest import START_NS

from vario.model.alert import AlertEvent, AlertRecord, Delivery
from vario.model.series import Matcher
from vario.model.telemetry import TimeRange
from vario.store.clickhouse import ClickHouseStore

S = 10**9

EVENT = AlertEvent(
    id="00ff00ff00ff00ff",
    version=START_NS + 1,
    time_ns=START_NS + 123_456_789,
    rule="r.yml;group;Slow",
    name="Slow",
    state="firing",
    labels={"alertname": "Slow", "region": "us-east", "odd": "a\"b\n'c' é"},
    annotations={"summary": "slow {{"},
    value=0.25,
    active_ns=START_NS - 60 * S,
    fired_ns=START_NS,
    trace_id="ab" * 16,
    reason="",
)
WINDOW = TimeRange(START_NS - 3600 * S, START_NS + 3600 * S)


def test_events_come_back_as_written(store: ClickHouseStore) -> None:
    other = replace(
        EVENT,
        id="11",
        version=EVENT.version + 1,
        state="pending",
        labels={"alertname": "Slow", "region": "eu-west"},
        value=math.inf,
    )
    store.write_alert_events([])
    store.write_alert_events([EVENT, other])
    assert store.find_alert_events([], WINDOW, limit=10) == [other, EVENT]
    assert store.find_alert_events([], WINDOW, limit=1) == [other]
    assert store.find_alert_events([], WINDOW, limit=10, alert_id=EVENT.id) == [EVENT]
    assert store.find_alert_events([Matcher("region", "=", "us-east")], WINDOW, limit=9) == [EVENT]
    assert store.find_alert_events([Matcher("odd", "!=", "")], WINDOW, limit=9) == [EVENT]
    assert store.find_alert_events([], TimeRange(0, EVENT.time_ns), limit=9) == []


def test_the_last_event_of_an_alert_is_its_state(store: ClickHouseStore) -> None:
    resolved = replace(
        EVENT, version=EVENT.version + 2, state="resolved", time_ns=START_NS + 2 * S, value=math.nan
    )
    going = replace(EVENT, id="22", version=EVENT.version + 1)
    store.write_alert_events([EVENT, going])
    store.write_alert_events([resolved])
    assert store.find_latest_alerts(START_NS + 3 * S) == [going]
    found = store.find_latest_alerts(START_NS + 2 * S)
    assert [event.id for event in found] == [going.id, EVENT.id]
    assert math.isnan(found[1].value)


def test_the_newest_version_of_a_record_holds(store: ClickHouseStore) -> None:
    first = AlertRecord("silence", "a", 1, {"matchers": [["x", "=", "1"]], "ends_ns": 5})
    second = AlertRecord("silence", "b", 2, {"comment": "é"})
    store.write_alert_records([first, second])
    store.write_alert_records([replace(first, version=3, body={"comment": "new"})])
    store.write_alert_records([replace(second, version=4, deleted=True)])
    assert store.find_alert_records("silence") == [
        AlertRecord("silence", "a", 3, {"comment": "new"})
    ]
    assert store.find_alert_records("maintenance") == []


def test_deliveries_move_on_and_the_last_of_each_group_is_found(store: ClickHouseStore) -> None:
    first = Delivery(
        id="d1",
        version=1,
        created_ns=START_NS,
        receiver="hook",
        group_key="g",
        reason="firing",
        message="{}",
        next_ns=START_NS,
        firing=("a", "b"),
        resolved=("c",),
    )
    second = replace(first, id="d2", version=2, created_ns=START_NS + S, reason="resolved")
    trial = replace(first, id="d3", version=3, created_ns=START_NS + 2 * S, reason="test")
    other = replace(first, id="d4", version=4, receiver="mail", group_key="h")
    store.write_deliveries([first, second, trial, other])
    sent = replace(first, version=5, status="sent", attempts=2, error="", tried_ns=START_NS + S)
    dead = replace(other, version=6, status="dead", attempts=9, error="HTTP 500")
    store.write_deliveries([sent, dead])
    assert store.find_open_deliveries() == [second, trial]
    assert store.find_last_deliveries() == [second, dead]
    assert store.find_deliveries(limit=10) == [trial, second, sent, dead]
    assert store.find_deliveries(limit=10, receiver="mail", status="dead") == [dead]
    assert store.find_deliveries(limit=10, delivery_id="d1") == [sent]
    assert store.find_deliveries(limit=1) == [trial]
