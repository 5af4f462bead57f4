"""The API about alerts, over a real store and a desk whose clock stands still."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.api.conftest import FACTS
from tests.conftest import START_NS
from tests.support.asgi_client import AppClient
from tests.support.hook import Hook, serving_hook

from vario.alert.book import RuleAlerts
from vario.alert.desk import AlertDesk, Surroundings
from vario.alert.notify.settings import read_notify_settings
from vario.alert.rulefile import Rule, RuleGroup
from vario.alert.state import Alert, AlertState
from vario.api.app import create_app
from vario.clock import ManualClock
from vario.query.promql.matching import label_set
from vario.store.clickhouse import ClickHouseStore

S = 10**9
START = START_NS / 1e9
PAGE = Rule("alerting", "Slow", "m > 1", labels={"severity": "page"})
TICKET = Rule("alerting", "Cause", "c > 1", labels={"severity": "ticket"})
GROUP = RuleGroup("r.yml", "g", (PAGE, TICKET))
RECEIVERS = """
receivers:
- {{name: hook, type: webhook, url: "{url}?token=secret"}}
- {{name: chat, type: apprise, url: "json://user:password@127.0.0.1:1/"}}
route: {{receiver: hook, group_wait: 0s, routes: [{{receiver: chat, matchers: [team=chat]}}]}}
maintenance:
- {{name: nightly, matchers: [service=batch], weekdays: [sun], start: "15:00", duration: 30m,
    comment: the nightly run}}
"""


@dataclass
class House:
    client: AppClient
    desk: AlertDesk
    clock: ManualClock
    hook: Hook

    def observe(self, **values: float) -> None:
        reports = []
        for rule in GROUP.rules:
            labels = {**rule.labels, "alertname": rule.name, "service": "api"}
            alert = Alert(
                labels,
                {"summary": "slow", "runbook_url": "http://runbook"},
                values.get(rule.name, 0.0),
                START_NS,
                AlertState.FIRING,
                START_NS,
            )
            there = {label_set(labels): alert} if rule.name in values else {}
            reports.append(RuleAlerts(rule, there))
        self.desk.observe(GROUP, reports, self.clock.now_ns())
        self.desk.tick()

    def get(self, path: str, **params: object) -> dict:
        answer = self.client.get(path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ids(self) -> dict[str, str]:
        return {alert["name"]: alert["id"] for alert in self.get("/api/alerts")["alerts"]}


@pytest.fixture
def house(store: ClickHouseStore, clock: ManualClock, static: Path) -> Iterator[House]:
    with serving_hook() as hook:
        settings = read_notify_settings(RECEIVERS.format(url=hook.url), {})
        desk = AlertDesk(
            store,
            settings,
            clock,
            Surroundings("http://vario", find_trace=lambda _, __: "ab" * 16),
        )
        desk.load()
        app = create_app(store, FACTS, clock=clock, static=static, desk=desk)
        with AppClient(app) as client:
            yield House(client, desk, clock, hook)
        desk.stop()


def test_an_alert_says_all_that_is_known_of_it(house: House) -> None:
    house.observe(Slow=2.5, Cause=float("inf"))
    (page, ticket) = house.get("/api/alerts")["alerts"]
    delivery = page["deliveries"][0]
    assert page == {
        "id": page["id"],
        "name": "Slow",
        "state": "firing",
        "rule": "r.yml;g;Slow",
        "expr": "m > 1",
        "conditions": [{"expr": "m", "op": ">", "threshold": 1.0, "bound": ""}],
        "labels": {"alertname": "Slow", "severity": "page", "service": "api"},
        "annotations": {"summary": "slow", "runbook_url": "http://runbook"},
        "value": 2.5,
        "active": START,
        "fired": START,
        "resolved": None,
        "keep_firing": None,
        "trace_id": "ab" * 16,
        "changes": 1,
        "flapping": False,
        "muted_by": [],
        "acknowledged": None,
        "receivers": ["hook"],
        "deliveries": [
            {
                "id": delivery["id"],
                "receiver": "hook",
                "group": '{}:{alertname="Slow",service="api"}',
                "reason": "firing",
                "status": "sent",
                "created": START,
                "tried": START,
                "next": None,
                "attempts": 1,
                "error": "",
                "title": "[FIRING:1] Slow (api)",
                "firing": [page["id"]],
                "resolved": [],
            }
        ],
        "links": {
            "alert": f"http://vario/alerts/{page['id']}",
            "query": "http://vario/graph?g0.expr=m+%3E+1&g0.tab=1",
            "runbook": "http://runbook",
            "trace": f"http://vario/traces/{'ab' * 16}",
        },
    }
    assert ticket["muted_by"] == [{"kind": "inhibition", "id": page["id"], "comment": "Slow"}]
    assert (ticket["value"], ticket["deliveries"]) == (None, [])
    assert house.get(f"/api/alerts/{page['id']}") == page
    assert house.get("/api/alerts", matcher="severity=~tick.*")["alerts"] == [ticket]
    assert house.get("/api/alerts", state="pending")["alerts"] == []
    assert house.get("/api/alerts/deliveries")["deliveries"] == [delivery]


def test_history_tells_every_change(house: House) -> None:
    house.observe(Slow=2.5)
    house.clock.advance_ns(60 * S)
    house.observe()
    house.clock.advance_ns(S)  # the end of a window is not in it
    assert house.get("/api/alerts")["alerts"][0]["state"] == "resolved"
    events = house.get("/api/alerts/history", matcher="alertname=Slow")["events"]
    assert [(event["state"], event["time"] - START, event["reason"]) for event in events] == [
        ("resolved", 60.0, "its rule is gone"),
        ("firing", 0.0, "trace"),
        ("firing", 0.0, ""),
    ]
    assert (
        house.get("/api/alerts/history", matcher="alertname=~S.*", limit=1)["events"] == events[:1]
    )
    assert house.get("/api/alerts/history", id=events[0]["id"])["events"] == events
    assert house.get("/api/alerts/history", end=str(START))["events"] == []


def test_a_link_to_an_alert_of_last_week_still_leads_to_it(house: House) -> None:
    house.observe(Slow=2.5)
    id_ = house.ids()["Slow"]
    house.clock.advance_ns(60 * S)
    house.observe()
    house.clock.advance_ns(7 * 86400 * S)
    house.desk.tick()
    assert house.ids() == {}
    alert = house.get(f"/api/alerts/{id_}")
    known = ("name", "state", "expr", "value", "resolved", "receivers", "deliveries")
    assert [alert[name] for name in known] == [
        *("Slow", "resolved", "m > 1", 2.5, START + 60),
        *([], []),
    ]
    told = house.get("/api/alerts/deliveries", alert=id_)["deliveries"]
    assert [one["title"].partition(" ")[0] for one in told] == ["[RESOLVED:1]", "[FIRING:1]"]
    assert house.get("/api/alerts/deliveries", alert="other") == {"deliveries": []}
    unknown = house.client.get("/api/alerts/0123456789abcdef")
    assert unknown.status_code == 404
    assert "nothing is known of an alert '0123456789abcdef'" in unknown.json()["error"]


def test_an_alert_is_acknowledged_and_given_back(house: House) -> None:
    house.observe(Slow=2.5)
    path = f"/api/alerts/{house.ids()['Slow']}/acknowledge"
    answer = house.client.post(path, json={"author": "ada", "comment": "on it"})
    assert answer.json()["acknowledged"] == {"author": "ada", "comment": "on it", "time": START}
    assert house.client.request("DELETE", path).json()["acknowledged"] is None
    assert house.client.request("DELETE", path).status_code == 404
    assert (
        house.client.post("/api/alerts/none/acknowledge", json={"author": "a"}).status_code == 404
    )


def test_silences_are_made_listed_and_ended(house: House) -> None:
    body = {
        "matchers": ["service=api", 'alertname=~"S.*"'],
        "ends": "now+2h",
        "author": "ada",
        "comment": "known",
    }
    made = house.client.post("/api/silences", json=body).json()
    house.observe(Slow=2.5)
    assert house.hook.bodies == []
    wanted = {
        "id": made["id"],
        "state": "active",
        "matchers": ['service="api"', 'alertname=~"S.*"'],
        "starts": START,
        "ends": START + 7200,
        "updated": START,
        "author": "ada",
        "comment": "known",
        "silenced": 1,
    }
    assert house.get("/api/silences") == {"silences": [wanted]}
    assert house.get(f"/api/silences/{made['id']}") == wanted
    mute = house.get("/api/alerts")["alerts"][0]["muted_by"]
    assert mute == [{"kind": "silence", "id": made["id"], "comment": "known"}]
    house.clock.advance_ns(S)
    ended = house.client.request("DELETE", f"/api/silences/{made['id']}").json()
    assert (ended["state"], ended["silenced"]) == ("expired", 0)
    house.desk.tick()
    assert len(house.hook.bodies) == 1


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"matchers": ["x"], "ends": "now+1h"}, "'x' is no matcher"),
        ({"matchers": ["x=~("], "ends": "now+1h"}, "error parsing regexp"),
        ({"matchers": ["x=1"], "ends": "tomorrow"}, "ends: 'tomorrow' is no time"),
        ({"matchers": ["x=1"], "ends": "now-1h"}, "must end after it begins"),
        ({"matchers": [], "ends": "now+1h"}, "matchers: "),
    ],
)
def test_a_silence_that_makes_no_sense_is_refused(house: House, body: dict, message: str) -> None:
    answer = house.client.post("/api/silences", json={"author": "a", "comment": "c", **body})
    assert answer.status_code == 400
    assert message in answer.json()["error"]


def test_maintenance_windows_come_and_go(house: House) -> None:
    (fixed,) = house.get("/api/maintenance")["windows"]
    assert (fixed["id"], fixed["weekdays"], fixed["open_until"]) == (
        "file:nightly",
        ["sunday"],
        START + 1400,
    )
    body = {
        "matchers": ["service=api"],
        "opens": "17:00",
        "duration_s": 3600,
        "time_zone": "Europe/Berlin",
        "first": "2025-06-01",
        "author": "ada",
        "comment": "upgrade",
    }
    made = house.client.post("/api/maintenance", json=body).json()
    assert made["open_until"] == START + 3200  # 17:06:40 in Berlin
    house.observe(Slow=2.5)
    assert house.hook.bodies == []
    left = house.client.request("DELETE", f"/api/maintenance/{made['id']}").json()
    assert left == {"windows": [fixed]}
    house.desk.tick()
    assert len(house.hook.bodies) == 1
    for id_, status in ((made["id"], 404), ("file:nightly", 400)):
        assert house.client.request("DELETE", f"/api/maintenance/{id_}").status_code == status
    for wrong in ({"time_zone": "Mars"}, {"opens": "25:00"}, {"first": "x"}, {"duration_s": 1}):
        answer = house.client.post("/api/maintenance", json={**body, **wrong})
        assert answer.status_code == 400, answer.text


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")  # in what Apprise imports
def test_receivers_are_shown_without_secrets_and_tested(house: House) -> None:
    house.observe(Slow=2.5)
    answer = house.get("/api/alerts/receivers")
    assert [(one["name"], one["type"], one["address"]) for one in answer["receivers"]] == [
        ("hook", "webhook", house.hook.url.removesuffix("/hook")),
        ("chat", "apprise", "json://"),
    ]
    assert answer["receivers"][0]["last"]["title"] == "[FIRING:1] Slow (api)"
    assert (answer["heartbeat"], answer["heartbeat_error"]) == (None, "")
    tested = house.client.post("/api/alerts/receivers/hook/test").json()
    assert tested == {"receiver": "hook", "delivered": True, "error": ""}
    failed = house.client.post("/api/alerts/receivers/chat/test").json()
    assert (failed["delivered"], "JSON" in failed["error"]) == (False, True)
    assert house.client.post("/api/alerts/receivers/x/test").status_code == 404
    (dead,) = house.get("/api/alerts/deliveries", status="dead")["deliveries"]
    assert dead["receiver"] == "chat"
    retried = house.client.post(f"/api/alerts/deliveries/{dead['id']}/retry")
    assert retried.json()["status"] == "queued"


def test_a_server_without_a_desk_says_so(empty_client: AppClient) -> None:
    assert empty_client.get("/api/alerts").status_code == 503
