"""What receivers hear of incidents: who wants it, once."""

import json
from dataclasses import replace

import pytest
from tests.conftest import START_NS
from tests.store.test_incidents import INCIDENT, INVESTIGATION
from tests.support.alert_log import MemoryAlertLog

from vario.alert.desk import AlertDesk
from vario.alert.incident.telling import make_news
from vario.alert.notify.message import make_text, make_title
from vario.alert.notify.settings import read_notify_settings
from vario.clock import ManualClock
from vario.wire.document import DocumentError

SETTINGS = read_notify_settings(
    """
receivers:
- {name: quiet, type: webhook, url: "http://a"}
- {name: eager, type: webhook, url: "http://b", incidents: true}
route: {receiver: quiet}
""",
    {},
)


def test_who_wants_to_hear_of_incidents_does() -> None:
    whole = replace(INCIDENT, investigation=INVESTIGATION)
    (news,) = make_news(whole, "explained", SETTINGS, "http://vario", START_NS)
    assert (news.receiver, news.reason) == ("eager", "incident explained")
    message = json.loads(news.message)
    assert message["incident"] == {
        "id": "0123456789ab",
        "news": "explained",
        "title": "slow",
        "state": "open",
        "service": "ml-infer",
        "scope": {"region": "us-east"},
        "summary": ["It is slow."],
        "link": "http://vario/incidents/0123456789ab",
    }
    assert make_title(message) == "[FIRING:1] VarioIncident (ml-infer, us-east)"
    assert "Incident explained: slow" in make_text(message)
    assert "http://vario/incidents/0123456789ab" in make_text(message)


def test_the_same_news_is_queued_once_and_a_relapse_is_news_again(clock: ManualClock) -> None:
    log = MemoryAlertLog()
    desk = AlertDesk(log, SETTINGS, clock)
    for relapses in (0, 0, 1):
        incident = replace(INCIDENT, relapses=relapses)
        desk.queue(make_news(incident, "recovered", SETTINGS, "", clock.now_ns()))
    desk.stop()
    assert [one.reason for one in log.deliveries] == ["incident recovered"] * 2


def test_an_alertmanager_hears_of_alerts_alone() -> None:
    text = """
receivers:
- {name: am, type: alertmanager, url: "http://a", incidents: true}
route: {receiver: am}
"""
    with pytest.raises(DocumentError, match="knows no incidents"):
        read_notify_settings(text, {})
