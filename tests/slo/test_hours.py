"""Business hours: as PromQL, as sums, and by the time zone database, over every change of time."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.metric_reader import MemoryReader

from vario.query.promql.engine import PromQL
from vario.slo.hours import Hours, find_changes, local_expression
from vario.slo.period import Calendar
from vario.slo.windows import plan_windows

ZONES = (
    "Europe/Zurich", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC",
    "America/Sao_Paulo", "Pacific/Apia", "Africa/Casablanca", "Asia/Tehran",
)  # fmt: skip
STEP_S = 900

# Days on which clocks change somewhere, and leap days: what is hard is drawn often.
HARD = (
    date(2024, 2, 29), date(2024, 3, 10), date(2024, 3, 31), date(2024, 10, 27),
    date(2024, 11, 3), date(2028, 2, 29), date(2026, 3, 29), date(2026, 10, 25),
    date(2026, 4, 5), date(2026, 10, 4), date(2026, 12, 31), date(2026, 2, 17),
)  # fmt: skip
days = st.one_of(st.sampled_from(HARD), st.dates(date(2024, 1, 1), date(2028, 12, 31)))


@st.composite
def spans(draw: st.DrawFn) -> tuple[tuple[int, int], ...]:
    edges = sorted(draw(st.sets(st.integers(0, 96), min_size=2, max_size=4)))
    return tuple((a * 900, b * 900) for a, b in zip(edges[::2], edges[1::2], strict=False) if a < b)


@st.composite
def business_hours(draw: st.DrawFn, day: date) -> Hours:
    week = draw(st.sets(st.integers(0, 6), min_size=1))
    holidays = draw(st.sets(st.sampled_from([day - timedelta(1), day, day + timedelta(1)])))
    zone = draw(st.sampled_from(ZONES))
    return Hours(zone, tuple(sorted(week)), draw(spans()), tuple(sorted(holidays)))


def midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


@given(st.data(), days)
@settings(max_examples=60, deadline=None)
def test_promql_and_sums_agree_with_the_time_zone_database(data: st.DataObject, day: date) -> None:
    hours = data.draw(business_hours(day))
    start = midnight(day) - 86_400
    times = start + STEP_S * np.arange(3 * 96)
    expected = [hours.is_open(t) for t in times.tolist()]

    local = local_expression(hours.zone, start - 400 * 86_400, start + 400 * 86_400)
    series = PromQL(MemoryReader()).range(
        hours.open_expression(local), start * 1000, int(times[-1]) * 1000, STEP_S * 1000
    )
    assert [value == 1.0 for value in series.series[0].values.tolist()] == expected
    assert hours.open_seconds(start, start + 3 * 86_400) == STEP_S * sum(expected)


@given(st.sampled_from(ZONES), st.sampled_from(["day", "week", "month", "quarter", "year"]), days)
@settings(max_examples=60, deadline=None)
def test_a_calendars_number_changes_where_its_period_begins(
    zone: str, unit: str, day: date
) -> None:
    calendar = Calendar(unit, zone, datetime(2022, 1, 1, 12))  # type: ignore[arg-type]
    start = midnight(day) - 86_400
    times = (start + STEP_S * np.arange(3 * 96)).tolist()
    local = local_expression(zone, start - 400 * 86_400, start + 400 * 86_400)
    series = PromQL(MemoryReader()).range(
        calendar.expression(local), start * 1000, times[-1] * 1000, STEP_S * 1000
    )
    numbers = series.series[0].values.tolist()
    begins = [calendar.start_s(t) for t in times]
    for i in range(1, len(times)):
        assert (numbers[i] != numbers[i - 1]) == (begins[i] != begins[i - 1])
        assert begins[i] <= times[i] < calendar.end_s(times[i])


def test_a_day_of_23_hours_and_one_of_25() -> None:
    hours = Hours("Europe/Zurich", tuple(range(7)), ((0, 86_400),))
    spring, autumn = midnight(date(2026, 3, 28)) + 82_800, midnight(date(2026, 10, 24)) + 79_200
    assert hours.open_seconds(spring, spring + 23 * 3600) == 23 * 3600
    night = Hours("Europe/Zurich", tuple(range(7)), ((2 * 3600, 3 * 3600),))
    assert night.open_seconds(spring, spring + 86_400) == 0  # the hour that is left out
    assert night.open_seconds(autumn, autumn + 90_000) == 7200  # and the one that comes twice


def test_changes_of_a_zone_are_found_to_the_second() -> None:
    from zoneinfo import ZoneInfo

    start = midnight(date(2026, 1, 1))
    assert find_changes(ZoneInfo("Europe/Zurich"), start, start + 365 * 86_400) == [
        (1774746000, 7200),
        (1792890000, 3600),
    ]


def test_in_business_hours_a_page_is_at_the_same_share_of_the_budget() -> None:
    hours = Hours("UTC")
    windows = plan_windows(30 * 86_400, hours)
    assert [(w.severity, w.long_s // 3600, w.factor) for w in windows] == [
        ("page", 1, 3.428571),
        ("page", 6, 1.428571),
        ("ticket", 24, 2.142857),
        ("ticket", 72, 1.0),
    ]
    assert (hours.open_within(3600), hours.open_within(86_400), hours.open_share) == (
        *(3600.0, 28_800.0),
        40 / 168,
    )
