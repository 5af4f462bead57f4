"""The file of receivers: what it says, and how mistakes in it are named."""

import re
from datetime import date, time
from pathlib import Path

import pytest

from vario.alert.notify.mute import DEFAULT_INHIBITION, InhibitRule, Maintenance
from vario.alert.notify.route import Route, Timing
from vario.alert.notify.settings import (
    Heartbeat,
    NotifySettings,
    Receiver,
    load_notify_settings,
)
from vario.errors import BadData
from vario.model.series import Matcher

S = 10**9
DOCS = Path(__file__).parents[3] / "docs" / "alerts.md"

FILE = """
receivers:
- {name: hook, type: webhook, url: "http://a/${PLACE}", secret: "${SECRET}", timeout: 3s,
   send_resolved: false}
- {name: am, type: alertmanager, url: "https://am", resend: 30s}
- {name: chat, type: apprise, url: "json://localhost", title: t, text: x}
route:
  receiver: chat
  group_by: [service]
  group_wait: 1s
  routes:
  - {receiver: hook, matchers: ['severity="page"'], continue: true, repeat_interval: 1h}
  - matchers: [severity=~page|ticket]
    routes: [{receiver: am, matchers: [team!=x], group_by: [...]}]
inhibit_rules:
- {source_matchers: [a=1], target_matchers: [b=2], equal: [c]}
maintenance:
- {name: n, matchers: [service=batch], weekdays: [mon, Sunday], start: "02:30", duration: 90m,
   time_zone: Europe/Berlin, from: 2026-01-01}
heartbeat: {receiver: hook}
give_up: 2h
"""


def load(folder: Path, text: str, **environment: str) -> NotifySettings:
    path = folder / "receivers.yml"
    path.write_text(text, encoding="utf-8")
    return load_notify_settings(str(path), environment)


def test_everything_that_a_file_may_say(tmp_path: Path) -> None:
    timing = Timing(wait_ns=S)
    page = Route(
        "hook",
        (Matcher("severity", "=", "page"),),
        ("service",),
        Timing(S, 300 * S, 3600 * S),
        goes_on=True,
        path="{}/0",
    )
    deep = Route("am", (Matcher("team", "!=", "x"),), ("...",), timing, path="{}/1/0")
    both = Route(
        "chat",
        (Matcher("severity", "=~", "page|ticket"),),
        ("service",),
        timing,
        routes=(deep,),
        path="{}/1",
    )
    window = Maintenance(
        "file:n",
        (Matcher("service", "=", "batch"),),
        (0, 6),
        time(2, 30),
        5400,
        "Europe/Berlin",
        "the configuration",
        "n",
        date(2026, 1, 1),
    )
    assert load(tmp_path, FILE, PLACE="b", SECRET="s") == NotifySettings(
        receivers={
            "hook": Receiver("hook", "webhook", "http://a/b", "s", 3.0, send_resolved=False),
            "am": Receiver("am", "alertmanager", "https://am", resend_ns=30 * S),
            "chat": Receiver("chat", "apprise", "json://localhost", title="t", text="x"),
        },
        route=Route("chat", (), ("service",), timing, routes=(page, both)),
        inhibition=(InhibitRule((Matcher("a", "=", "1"),), (Matcher("b", "=", "2"),), ("c",)),),
        maintenance=(window,),
        heartbeat=Heartbeat("hook"),
        give_up_ns=7200 * S,
    )


def test_without_a_file_nobody_is_told(tmp_path: Path) -> None:
    assert load_notify_settings("") == load(tmp_path, "") == NotifySettings()
    assert NotifySettings().inhibition == DEFAULT_INHIBITION


def test_the_example_of_the_documentation_is_read(tmp_path: Path) -> None:
    text = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)[0]
    settings = load(tmp_path, text, HOOK_SECRET="s", SLACK_TOKENS="a/b/c")
    assert settings.route is not None
    assert [route.receiver for route in settings.route.walk()] == [
        "chat",
        "on-call",
        "alertmanager",
    ]
    assert settings.inhibition == DEFAULT_INHIBITION


GOOD = 'receivers: [{name: a, type: webhook, url: "http://a"}]\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("receivers: [{type: webhook}]", "1:13: a receiver needs a `name`"),
        ("receivers: [{name: a, type: x}]", "needs a `type`: webhook, alertmanager, apprise"),
        ("receivers: [{name: a, type: webhook}]", "receiver 'a' needs a `url`"),
        ("receivers: [{name: a, type: webhook, url: x}]", "begins with http:// or https://"),
        ("receivers: [{name: a, type: apprise, url: '${X}'}]", "${X} is not set"),
        ('receivers: [{name: a, type: apprise, url: "x:", text: "{{"}]', "receiver 'a': template"),
        ("recievers: []", 'field "recievers" is not known'),
        (GOOD, "but no route to them"),
        (GOOD + "route: {receiver: b}", "no receiver is named 'b'; there are: a"),
        (GOOD + "route: {receiver: a, matchers: [x=y]}", "the root route takes every alert"),
        (GOOD + "route: {receiver: a, group_wait: soon}", "group_wait: "),
        (GOOD + "route: {receiver: a, routes: [{matchers: [x]}]}", "'x' is no matcher"),
        (GOOD + "route: {receiver: a, routes: [{continue: 1}]}", "continue is true or false"),
        (GOOD + "route: {receiver: a}\nheartbeat: {receiver: b}", "no receiver is named 'b'"),
        ("inhibit_rules: [{equal: [x]}]", "needs `source_matchers` and `target_matchers`"),
        ("maintenance: [{start: '02:00'}]", "needs a `name`"),
        ("maintenance: [{name: n, time_zone: Mars}]", "'Mars' is no time zone"),
        ("maintenance: [{name: n, weekdays: [t]}]", "'t' is no weekday"),
        ("maintenance: [{name: n, start: '2'}]", "maintenance window 'n': "),
        ("maintenance: [{name: n, duration: 30d}]", "a week at most"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(BadData) as caught:
        load(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'receivers.yml'}:")
    assert message in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadData, match=r"none\.yml: cannot be read"):
        load_notify_settings(str(tmp_path / "none.yml"))
