"""What receivers get: over Apprise, from templates, and how answers are understood."""

import json
from dataclasses import replace

import pytest
from tests.support.hook import serving_hook

from vario.alert.notify import beat, message
from vario.alert.notify.route import Route
from vario.alert.notify.send import DELIVERED, Sender, parse_retry_after
from vario.alert.notify.settings import Receiver
from vario.alert.rulefile import Rule
from vario.errors import BadData
from vario.model.alert import AlertEvent

NOW_NS = 1_750_000_000_000_000_000
EVENT = AlertEvent(
    id="0123456789abcdef",
    version=1,
    time_ns=NOW_NS,
    rule="r;g;Slow",
    name="Slow",
    state="firing",
    labels={"alertname": "Slow", "region": "us-east", "service": "api"},
    annotations={"summary": "p95 is 300 ms", "runbook_url": "http://runbook/slow"},
    value=0.3,
    active_ns=NOW_NS - 10**9,
    fired_ns=NOW_NS,
    trace_id="ab" * 16,
)
DOCUMENT = message.make_message(
    Route("chat"),
    {"alertname": "Slow"},
    [message.Told(EVENT, Rule("alerting", "Slow", "x > 1"))],
    "http://vario",
)


def test_a_text_says_what_since_when_and_where_to_look() -> None:
    assert message.make_title(DOCUMENT) == "[FIRING:1] Slow (api, us-east)"
    assert message.make_text(DOCUMENT) == (
        "FIRING: p95 is 300 ms\n"
        "since 2025-06-15T15:06:40Z, value 0.3\n"
        "region=us-east, service=api\n"
        "alert: http://vario/alerts/0123456789abcdef\n"
        "query: http://vario/graph?g0.expr=x+%3E+1&g0.tab=1\n"
        "runbook: http://runbook/slow\n"
        f"trace: http://vario/traces/{'ab' * 16}"
    )


def test_a_flood_is_counted() -> None:
    flood = {**DOCUMENT, "alerts": DOCUMENT["alerts"] * 25}
    assert message.make_text(flood).endswith("and 5 more: http://vario")


def test_a_template_sees_the_document() -> None:
    template = (
        "{{ .Status | toUpper }} {{ .CommonLabels.service }}{{ .GroupLabels.none }} "
        "{{ range .Alerts }}{{ .Annotations.summary }} {{ .Links.runbook }} "
        "{{ .StartsAt }}{{ end }}"
    )
    assert message.expand(template, DOCUMENT) == (
        "FIRING api p95 is 300 ms http://runbook/slow 2025-06-15T15:06:40Z"
    )
    with pytest.raises(BadData):
        message.check("{{ .Status")


def test_an_alert_is_read_back_as_over() -> None:
    read = message.read_event(DOCUMENT["alerts"][0], NOW_NS + 5)
    assert read == replace(
        EVENT,
        version=0,
        rule="",
        state="resolved",
        resolved_ns=NOW_NS + 5,
        time_ns=NOW_NS + 5,
        active_ns=NOW_NS,
        trace_id="",
    )


@pytest.mark.parametrize("time_ns", [0, 1, NOW_NS, NOW_NS + 123_456_789])
def test_a_time_survives_being_written(time_ns: int) -> None:
    assert message.parse_time_ns(message.format_time(time_ns)) == time_ns


@pytest.mark.parametrize("text", ["yesterday", "2026-01-01T00:00:00"])
def test_a_time_without_a_zone_is_none(text: str) -> None:
    with pytest.raises(BadData):
        message.parse_time_ns(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("", 0), ("7", 7), ("-1", 0), ("1e9", 3600), ("nan", 0), ("soon", 0),
     ("Wed, 21 Oct 2015 07:28:00 GMT", 0), ("Wed, 21 Oct 2099 07:28:00 GMT", 3600)],
)  # fmt: skip
def test_retry_after_is_a_number_or_a_date(text: str, seconds: float) -> None:
    assert parse_retry_after(text) == seconds


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")  # in what Apprise imports
def test_apprise_carries_title_and_text() -> None:
    with serving_hook() as hook:
        url = hook.url.replace("http://", "json://")
        receiver = Receiver(
            "chat", "apprise", url, title="{{ .Status }}!", text="see {{ .Receiver }}"
        )
        delivery = replace(beat.make_test("chat", "http://v", NOW_NS), message=json.dumps(DOCUMENT))
        outcome = Sender().send(receiver, delivery, NOW_NS)
        assert outcome.error == ""
        own = replace(receiver, title="", text="")
        assert Sender().send(own, delivery, NOW_NS) == DELIVERED
        hook.answers = [500]
        failed = Sender().send(own, delivery, NOW_NS)
        broken = Sender().send(replace(receiver, text="{{ .Nope.x.y | bad }}"), delivery, NOW_NS)
    said = [
        (body["title"], body["message"].split("\n")[0]) for body in map(json.loads, hook.bodies)
    ]
    assert said[:2] == [
        ("firing!", "see chat"),
        ("[FIRING:1] Slow (api, us-east)", "FIRING: p95 is 300 ms"),
    ]
    assert (failed.verdict, "500" in failed.error) == ("again", True)
    assert broken.verdict == "refused"
    unknown = Sender().send(replace(receiver, url="nothing://x"), delivery, NOW_NS)
    assert unknown.verdict == "refused"


def test_nobody_there_is_a_reason_to_try_again() -> None:
    sender = Sender()
    receiver = Receiver("hook", "webhook", "http://127.0.0.1:9/", timeout_s=2.0)
    outcome = sender.send(receiver, beat.make_test("hook", "http://v", NOW_NS), NOW_NS)
    sender.close()
    assert (outcome.verdict, outcome.error[:12]) == ("again", "ConnectError")
