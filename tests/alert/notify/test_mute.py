"""Matchers, routes, inhibition, silences, and maintenance windows over clock changes."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vario.alert.notify.matchers import format_matcher, match_all, parse_matcher
from vario.alert.notify.mute import (
    DEFAULT_INHIBITION,
    InhibitRule,
    Maintenance,
    Mute,
    Silence,
    find_inhibited,
    find_mutes,
)
from vario.alert.notify.route import Route
from vario.errors import BadData
from vario.model.series import Matcher

S = 10**9
HOUR = 3600


@pytest.mark.parametrize(
    ("text", "matcher"),
    [
        ('severity="page"', Matcher("severity", "=", "page")),
        ("severity=page", Matcher("severity", "=", "page")),
        (' a =~ "x|y" ', Matcher("a", "=~", "x|y")),
        ("a!~b.*", Matcher("a", "!~", "b.*")),
        ("a!=", Matcher("a", "!=", "")),
        (r'a="q\"\\\n"', Matcher("a", "=", 'q"\\\n')),
        ('"service.name"="a=b"', Matcher("service.name", "=", "a=b")),
        ("a=b c", Matcher("a", "=", "b c")),
    ],
)
def test_matchers_are_read_as_alertmanager_writes_them(text: str, matcher: Matcher) -> None:
    assert parse_matcher(text) == matcher


@pytest.mark.parametrize("text", ["", "a", "=b", 'a="b', 'a=b"', "a=~(", "{a=b}"])
def test_what_is_no_matcher_is_refused(text: str) -> None:
    with pytest.raises(BadData):
        parse_matcher(text)


@given(st.text(), st.sampled_from(["=", "!="]))
def test_a_matcher_survives_being_written(value: str, op) -> None:
    matcher = Matcher("name", op, value)
    assert parse_matcher(format_matcher(matcher)) == matcher


def test_an_absent_label_reads_as_empty() -> None:
    assert match_all([Matcher("a", "=", ""), Matcher("b", "!=", "x")], {})
    assert not match_all([Matcher("a", "=~", ".+")], {})


PAGE = Matcher("severity", "=", "page")
TREE = Route(
    "root",
    routes=(
        Route("all", (PAGE,), goes_on=True, path="{}/0"),
        Route(
            "pages",
            (PAGE,),
            routes=(Route("ml", (Matcher("team", "=", "ml"),), path="{}/1/0"),),
            path="{}/1",
        ),
        Route("late", (Matcher("severity", "=~", ".+"),), ("...",), path="{}/2"),
    ),
)


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        ({}, ["root"]),
        ({"severity": "page"}, ["all", "pages"]),
        ({"severity": "page", "team": "ml"}, ["all", "ml"]),
        ({"severity": "ticket"}, ["late"]),
    ],
)
def test_an_alert_falls_to_the_deepest_routes(labels: dict[str, str], receivers: list[str]) -> None:
    assert [route.receiver for route in TREE.find(labels)] == receivers


def test_a_group_has_a_key_of_its_own() -> None:
    labels = {"alertname": "A", "service": "s", "region": "r"}
    assert TREE.key(TREE.group(labels)) == '{}:{alertname="A",service="s"}'
    late = TREE.routes[2]
    assert late.key(late.group(labels)) == '{}/2:{alertname="A",region="r",service="s"}'


def test_a_page_mutes_the_tickets_of_its_service() -> None:
    firing = {
        "1": {"alertname": "Slow", "severity": "page", "service": "a"},
        "2": {"alertname": "Cache", "severity": "ticket", "service": "a"},
        "3": {"alertname": "Cache", "severity": "ticket", "service": "b"},
        "4": {"alertname": "Other", "severity": "page"},
        "5": {"alertname": "Odd", "severity": "ticket"},
    }
    assert find_inhibited(firing, DEFAULT_INHIBITION) == {"2": [Mute("inhibition", "1", "Slow")]}


def test_alerts_on_both_sides_do_not_mute_each_other() -> None:
    either = InhibitRule((Matcher("a", "=~", ".*"),), (Matcher("a", "=~", ".*"),))
    assert find_inhibited({"1": {}, "2": {"a": "x"}}, [either]) == {}
    one_way = InhibitRule((Matcher("a", "=~", ".*"),), (Matcher("b", "=", "1"),))
    assert find_inhibited({"1": {}, "2": {"b": "1"}}, [one_way]) == {
        "2": [Mute("inhibition", "1", "")]
    }


def window(**changes: object) -> Maintenance:
    given_ = {
        "id": "w",
        "matchers": (Matcher("service", "=", "a"),),
        "weekdays": tuple(range(7)),
        "opens": time(2, 30),
        "duration_s": HOUR,
        "zone": "Europe/Berlin",
        "author": "ada",
        "comment": "nightly",
        **changes,
    }
    return Maintenance(**given_)  # type: ignore[arg-type]


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * S


@pytest.mark.parametrize(
    ("now", "closes"),
    [
        ("2026-01-10T01:29:59Z", None),
        ("2026-01-10T01:30:00Z", "2026-01-10T02:30:00Z"),
        ("2026-01-10T02:29:59Z", "2026-01-10T02:30:00Z"),
        ("2026-01-10T02:30:00Z", None),
        ("2026-07-10T00:30:00Z", "2026-07-10T01:30:00Z"),
        # Clocks go forward at 02:00: 02:30 is not there, and is read as 03:30.
        ("2026-03-29T01:30:00Z", "2026-03-29T02:30:00Z"),
        # Clocks go back at 03:00: 02:30 is there twice; it opens at the first.
        ("2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"),
        ("2026-10-25T01:45:00Z", None),
        ("2028-02-29T01:45:00Z", "2028-02-29T02:30:00Z"),
    ],
)
def test_a_window_opens_by_the_wall_clock(now: str, closes: str | None) -> None:
    opening = window().opening(at(now))
    assert (opening and opening[1]) == (closes and at(closes))


def test_a_window_may_span_midnight_and_keeps_to_its_days() -> None:
    long = window(weekdays=(5,), opens=time(23), duration_s=30 * HOUR, zone="UTC")
    assert long.opening(at("2026-01-11T22:00:00Z")) is not None  # Sunday, since Saturday
    assert long.opening(at("2026-01-12T05:00:00Z")) is None
    first = datetime.fromisoformat("2026-01-12").date()
    bounded = window(first=first, last=first)
    assert [
        bounded.opening(at(f"2026-01-{day}T02:00:00Z")) is not None for day in (11, 12, 13)
    ] == [False, True, False]


ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata")


@given(
    now=st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1)),
    opens=st.times().map(lambda t: t.replace(second=0, microsecond=0)),
    hours=st.integers(1, 23),
    zone=st.sampled_from(ZONES),
    weekdays=st.sets(st.integers(0, 6), min_size=1),
)
def test_a_window_is_open_where_a_look_at_every_day_says_so(
    now, opens, hours, zone, weekdays
) -> None:
    made = window(opens=opens, duration_s=hours * HOUR, zone=zone, weekdays=tuple(weekdays))
    moment = now.replace(microsecond=0, tzinfo=UTC)
    wanted = False
    for back in range(-1, 4):
        day = (moment - timedelta(days=back)).date()
        start = datetime.combine(day, opens, ZoneInfo(zone)).astimezone(UTC)
        inside = start <= moment < start + timedelta(hours=hours)
        wanted |= inside and day.weekday() in weekdays
    assert (made.opening(int(moment.timestamp()) * S) is not None) == wanted


def test_silences_and_windows_mute_what_they_match() -> None:
    silence = Silence("s", (Matcher("service", "=", "a"),), 10, 20, "ada", "known")
    opened = at("2026-01-10T01:45:00Z")
    assert find_mutes({"service": "a"}, [silence], [window()], 15) == [
        Mute("silence", "s", "known")
    ]
    assert find_mutes({"service": "a"}, [silence], [window()], opened) == [
        Mute("maintenance", "w", "nightly")
    ]
    assert find_mutes({"service": "b"}, [silence], [window()], 15) == []
    assert [silence.state(now_ns) for now_ns in (9, 10, 20)] == ["pending", "active", "expired"]
    assert Silence.load("s", silence.dump()) == silence
    assert Maintenance.load("w", window().dump()) == window()
