"""The alert desk over an alert log in memory, by a clock moved by hand, with real HTTP."""

import hashlib
import hmac
import random
from collections.abc import Iterator
from dataclasses import replace

import pytest
from tests.conftest import START_NS
from tests.support.alert_log import MemoryAlertLog
from tests.support.hook import Hook, serving_hook

from vario.alert.book import RuleAlerts
from vario.alert.desk import AlertDesk, Surroundings
from vario.alert.notify.matchers import parse_matcher
from vario.alert.notify.mute import Silence
from vario.alert.notify.settings import read_notify_settings
from vario.alert.rulefile import Rule, RuleGroup
from vario.alert.state import Alert, Patience, advance
from vario.alert.watch import GroupHealth
from vario.clock import ManualClock
from vario.errors import BadData, NotFound
from vario.query.promql.matching import label_set

S = 10**9
MINUTE = 60 * S

RECEIVERS = """
receivers:
  - {{name: hook, type: webhook, url: "{url}", secret: key, timeout: 200ms}}
route:
  receiver: hook
  group_by: [alertname]
  group_wait: 10s
  group_interval: 1m
  repeat_interval: 1h
"""


class House:
    """A desk, its rules' state, and restarts of both over the same log."""

    def __init__(self, clock: ManualClock, url: str, *, text: str = RECEIVERS) -> None:
        self.clock = clock
        self.log = MemoryAlertLog()
        self.settings = read_notify_settings(text.format(url=url), {})
        self.group = RuleGroup("r.yml", "g", (rule("A"), rule("B"), rule("C")))
        self.health: list[GroupHealth] = []
        self.desk = self.make()
        self.alerts: dict[str, dict] = {one.name: {} for one in self.group.rules}

    def make(self) -> AlertDesk:
        desk = AlertDesk(
            self.log,
            self.settings,
            self.clock,
            Surroundings(
                base="http://vario",
                find_trace=lambda _, event: "ab" * 16 if event.name == "A" else "",
                health=lambda: self.health,
                dice=random.Random(1),
            ),
        )
        desk.load()
        return desk

    def restart(self) -> None:
        self.desk.stop()
        self.desk = self.make()
        self.alerts = {one.name: self.desk.recall(self.group, one) for one in self.group.rules}

    def evaluate(self, **found: bool) -> None:
        """One evaluation: which of the rules find their one alert."""
        now_ns = self.clock.now_ns()
        reports = []
        for one in self.group.rules:
            labels = {**one.labels, "alertname": one.name, "region": "us-east"}
            fresh = {label_set(labels): Alert(labels, dict(one.annotations), 0.5, now_ns)}
            there = fresh if found.get(one.name) else {}
            self.alerts[one.name] = dict(
                advance(self.alerts[one.name], there, now_ns, Patience()).alerts
            )
            reports.append(RuleAlerts(one, self.alerts[one.name]))
        self.desk.observe(self.group, reports, now_ns)

    def run(self, seconds: int, step: int = 5, **found: bool) -> None:
        """Evaluates and ticks for a while."""
        for _ in range(0, seconds, step):
            self.evaluate(**found)
            self.desk.tick()
            self.clock.advance_ns(step * S)


def rule(name: str, **labels: str) -> Rule:
    return Rule("alerting", name, "up == 0", labels={"severity": "page", **labels})


@pytest.fixture
def hook() -> Iterator[Hook]:
    with serving_hook() as served:
        yield served


@pytest.fixture
def house(clock: ManualClock, hook: Hook) -> Iterator[House]:
    made = House(clock, hook.url)
    yield made
    made.desk.stop()


def test_an_alert_is_told_once_and_its_end_too(house: House, hook: Hook) -> None:
    house.run(9, A=True)
    assert hook.told() == []  # the group waits for others to join
    house.run(600, A=True)
    assert hook.told() == [("firing", ["A:firing"])]
    house.run(600)
    assert hook.told() == [("firing", ["A:firing"]), ("resolved", ["A:resolved"])]
    (message, _) = hook.messages
    assert message == {
        "version": "4",
        "groupKey": '{}:{alertname="A"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "hook",
        "groupLabels": {"alertname": "A"},
        "commonLabels": {"alertname": "A", "region": "us-east", "severity": "page"},
        "commonAnnotations": {},
        "externalURL": "http://vario",
        "alerts": [
            {
                "status": "firing",
                "labels": {"alertname": "A", "region": "us-east", "severity": "page"},
                "annotations": {},
                "startsAt": "2025-06-15T15:06:40Z",
                "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": "http://vario/graph?g0.expr=up+%3D%3D+0&g0.tab=1",
                "fingerprint": message["alerts"][0]["fingerprint"],
                "value": "0.5",
                "links": {
                    "alert": f"http://vario/alerts/{message['alerts'][0]['fingerprint']}",
                    "query": "http://vario/graph?g0.expr=up+%3D%3D+0&g0.tab=1",
                    "trace": f"http://vario/traces/{'ab' * 16}",
                },
            }
        ],
    }


def test_a_body_is_signed_with_its_time(house: House, hook: Hook) -> None:
    house.run(30, A=True)
    (body,), (headers,) = hook.bodies, hook.headers
    time_s, _, given = headers["x-vario-signature"].partition(",v1=")
    wanted = hmac.new(b"key", time_s[2:].encode() + b"." + body, hashlib.sha256).hexdigest()
    assert given == wanted
    assert int(time_s[2:]) == START_NS // S + 10
    assert headers["idempotency-key"] == house.log.deliveries[-1].id


def test_what_goes_on_is_repeated_unless_somebody_looks_after_it(house: House, hook: Hook) -> None:
    house.run(3700, 20, A=True)
    assert hook.told() == 2 * [("firing", ["A:firing"])]
    (view,) = house.desk.views()
    house.desk.decisions.acknowledge(view.event, "ada", "on it")
    house.restart()
    house.run(7200, 20, A=True)
    assert len(hook.told()) == 2
    house.desk.decisions.withdraw(view.event.id)
    house.run(60, 20, A=True)
    assert len(hook.told()) == 3
    with pytest.raises(NotFound, match="is not acknowledged"):
        house.desk.decisions.withdraw(view.event.id)


def test_an_acknowledgement_ends_with_the_alert(house: House, hook: Hook) -> None:
    house.run(60, A=True)
    (view,) = house.desk.views()
    house.desk.decisions.acknowledge(view.event, "ada", "")
    house.run(120)
    with pytest.raises(BadData, match="only what fires is acknowledged"):
        house.desk.decisions.acknowledge(house.desk.views()[0].event, "ada", "")
    house.run(3900, 20, A=True)
    states = [status for status, _ in hook.told()]
    assert states == ["firing", "resolved", "firing", "firing"]


def test_a_restart_neither_tells_again_nor_forgets(house: House, hook: Hook) -> None:
    house.run(60, A=True)
    for _ in range(3):
        house.restart()
        house.run(60, A=True)
    assert hook.told() == [("firing", ["A:firing"])]
    house.restart()
    house.run(120)
    assert hook.told() == [("firing", ["A:firing"]), ("resolved", ["A:resolved"])]
    house.restart()
    house.run(120)
    assert len(hook.told()) == 2


def test_a_restart_between_deciding_and_sending_loses_nothing(house: House, hook: Hook) -> None:
    hook.answers = [500, 500]
    house.run(15, A=True)
    assert hook.taken == [False]
    house.restart()
    house.run(120, A=True)
    assert hook.told() == [("firing", ["A:firing"])]
    assert len({headers["idempotency-key"] for headers in hook.headers}) == 1


def test_an_alert_that_ended_while_nobody_looked_is_told_to_be_over(
    house: House, hook: Hook
) -> None:
    house.run(60, A=True)
    house.group = replace(house.group, rules=house.group.rules[1:])
    house.restart()
    house.run(120)
    assert hook.told()[1:] == [("resolved", ["A:resolved"])]
    assert house.log.events[-1].reason == "its rule is gone"


def test_an_alert_that_the_log_has_lost_is_told_to_be_over(house: House, hook: Hook) -> None:
    house.run(60, A=True)
    house.log.events.clear()
    house.restart()
    house.run(120)
    assert hook.told()[1:] == [("resolved", ["A:resolved"])]


def test_a_receiver_that_fails_hangs_or_is_busy_loses_none(house: House, hook: Hook) -> None:
    house.desk.decisions.put_silence(silence(START_NS, "service=vario", 3600))
    hook.answers = [500, "hang", (503, {"Retry-After": "90"}), 429, 404]
    house.run(20, A=True, B=False)
    house.run(400, A=True)
    house.run(400)
    # Two failures and a wait of 90 s later it was told; 429 is tried again, 404 is final.
    assert hook.taken[:4] == [False] * 4
    dead = house.desk.find_deliveries(limit=5, status="dead")
    assert [(one.reason, one.error) for one in dead] == [("firing", "HTTP 404")]
    assert hook.told() == [("resolved", ["A:resolved"])]
    again = house.desk.retry(dead[0].id)
    assert again.status == "queued"
    house.run(10)
    assert hook.told()[-1] == ("firing", ["A:firing"])
    with pytest.raises(BadData, match="only dead ones are retried"):
        house.desk.retry(dead[0].id)
    with pytest.raises(NotFound):
        house.desk.retry("nothing")


def test_a_receiver_asks_for_time_and_gets_it(house: House, hook: Hook) -> None:
    hook.answers = [(503, {"Retry-After": "90"})]
    house.run(20, A=True)
    (waiting,) = house.desk.find_deliveries(limit=1)
    assert waiting.error == "HTTP 503"
    assert waiting.next_ns - waiting.tried_ns == 90 * S
    house.run(80, A=True)
    assert len(hook.bodies) == 1
    house.run(20, A=True)
    assert len(hook.taken) == 2


def test_what_cannot_be_delivered_for_a_day_is_set_aside(house: House, hook: Hook) -> None:
    hook.answers = [500] * 1000
    house.run(60, A=True)
    house.run(25 * 3600, 120, A=True)
    first = house.desk.find_deliveries(limit=100)[-1]
    assert (first.status, first.error) == ("dead", "HTTP 500")
    assert first.attempts > 200
    assert "VarioNotificationsFailing" in {view.event.name for view in house.desk.views()}


def test_a_full_disk_delays_nothing(house: House, hook: Hook) -> None:
    house.log.full = True
    house.run(60, A=True)
    assert hook.told() == [("firing", ["A:firing"])]
    assert house.log.events == []
    house.log.full = False
    house.run(5, A=True)
    assert [event.state for event in house.log.events] == ["firing", "firing"]
    assert house.log.find_deliveries(limit=1)[0].status == "sent"
    house.restart()
    house.run(60, A=True)
    assert len(hook.told()) == 1


def silence(now_ns: int, text: str, seconds: int, id_: str = "") -> Silence:
    return Silence(id_, (parse_matcher(text),), now_ns, now_ns + seconds * S, "ada", "known")


def test_a_silenced_alert_is_told_when_the_silence_ends(house: House, hook: Hook) -> None:
    made = house.desk.decisions.put_silence(silence(START_NS, 'alertname="A"', 300))
    house.run(290, A=True, B=True)
    assert hook.told() == [("firing", ["B:firing"])]
    views = {view.event.name: view for view in house.desk.views()}
    assert [(mute.kind, mute.id) for mute in views["A"].mutes] == [("silence", made.id)]
    house.restart()
    house.run(60, A=True, B=True)
    assert hook.told()[1:] == [("firing", ["A:firing"])]


def test_an_alert_that_is_silenced_after_it_was_told_is_told_to_be_over(
    house: House, hook: Hook
) -> None:
    house.run(60, A=True)
    house.desk.decisions.put_silence(silence(house.clock.now_ns(), "severity=page", 3600))
    house.run(60, A=True, B=True)
    house.run(120)
    assert hook.told() == [("firing", ["A:firing"]), ("resolved", ["A:resolved"])]


def test_silences_are_checked_changed_and_ended(house: House, clock: ManualClock) -> None:
    decisions = house.desk.decisions
    for wrong, message in (
        (silence(START_NS, 'a=~".*"', 60), "does not match an absent label"),
        (silence(START_NS, "a=b", -1), "must end after it begins"),
        (replace(silence(START_NS, "a=b", 60), comment=""), "an author and a comment"),
        (silence(START_NS, "a=b", 60, "unknown"), "there is no silence"),
    ):
        with pytest.raises((BadData, NotFound), match=message):
            decisions.put_silence(wrong)
    first = decisions.put_silence(silence(START_NS, "a=b", 60))
    longer = decisions.put_silence(replace(first, ends_ns=first.ends_ns + 60 * S))
    assert (longer.id, longer.starts_ns) == (first.id, first.starts_ns)
    clock.advance_ns(S)
    other = decisions.put_silence(replace(longer, matchers=(parse_matcher("a=c"),)))
    assert other.id != first.id
    assert decisions.get_silence(first.id).state(clock.now_ns()) == "expired"
    ended = decisions.expire_silence(other.id)
    with pytest.raises(BadData, match="has ended already"):
        decisions.expire_silence(other.id)
    assert ended.ends_ns == clock.now_ns()
    house.restart()
    assert {one.id for one in house.desk.decisions.silences()} == {first.id, other.id}


def test_what_flaps_is_told_once_and_counted(house: House, hook: Hook) -> None:
    for i in range(60):
        house.run(10, A=bool(i % 2))  # never for longer than `group_wait`
    assert hook.told() == [("firing", ["A:firing"])]
    (view,) = house.desk.views()
    assert view.changes == 59
    house.restart()
    assert house.desk.views()[0].changes == 59
    house.run(60)
    assert hook.told()[1:] == [("resolved", ["A:resolved"])]


def test_alerts_about_vario_itself(house: House, hook: Hook) -> None:
    house.health = [GroupHealth("r.yml;g", MINUTE, START_NS + MINUTE, 0, ("no such metric",))]
    house.run(60)
    assert hook.told() == []
    house.run(300, 10)
    assert (
        hook.told()
        == [
            ("firing", ["VarioRuleEvaluationFailing:firing"]),
            ("firing", ["VarioRuleEvaluationLate:firing"]),
        ]
        or len(hook.told()) == 1
    )
    names = {view.event.name: view.event for view in house.desk.views()}
    assert (
        names["VarioRuleEvaluationLate"]
        .annotations["summary"]
        .startswith("Rule group r.yml;g has not been evaluated for ")
    )
    assert names["VarioRuleEvaluationFailing"].annotations["summary"] == (
        "1 rules of group r.yml;g cannot be evaluated: no such metric"
    )
    house.restart()
    house.health = [GroupHealth("r.yml;g", MINUTE, house.clock.now_ns() + MINUTE, 7)]
    house.run(30)
    states = {view.event.name: view.event.state for view in house.desk.views()}
    assert states == {
        "VarioRuleEvaluationFailing": "resolved",
        "VarioRuleEvaluationLate": "resolved",
        "VarioRuleEvaluationMissed": "firing",
    }


def test_the_heartbeat_stops_when_evaluations_do(clock: ManualClock, hook: Hook) -> None:
    text = RECEIVERS + "heartbeat: {{receiver: hook, interval: 30s}}\n"
    house = House(clock, hook.url, text=text)
    house.health = [GroupHealth("r.yml;g", 10 * S, START_NS + 100 * S, 0)]
    house.run(60, 5)
    assert hook.told() == 2 * [("firing", ["VarioHeartbeat:firing"])]
    house.run(300, 5)
    beats = [told for told in hook.told() if "VarioHeartbeat:firing" in told[1]]
    assert len(beats) == 5  # until 30 s after the time at which the group was due
    house.desk.stop()
    assert house.desk.find_deliveries(limit=10, receiver="hook", status="queued") == []


def test_a_receiver_is_tested(house: House, hook: Hook) -> None:
    assert house.desk.test("hook").verdict == "delivered"
    hook.answers = [403]
    assert house.desk.test("hook").error == "HTTP 403"
    assert hook.told() == [("firing", ["VarioTest:firing"])]
    assert sorted(one.status for one in house.desk.find_deliveries(limit=9)) == ["dead", "sent"]
    with pytest.raises(NotFound, match="no receiver is named 'x'; there are: hook"):
        house.desk.test("x")
