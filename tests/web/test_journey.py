"""The way that the whole product is for: a slow point, its trace, its logs, and back."""

import re

import pytest
from playwright.sync_api import Page, expect
from tests.web.conftest import OpenPage
from tests.web.fleet import SLOW_TRACE, STEPS

pytestmark = pytest.mark.browser


def expect_slow_trace(page: Page) -> None:
    """The slow trace is open, with the three steps of inference in its waterfall."""
    expect(page).to_have_url(re.compile(f"/traces/{SLOW_TRACE}"))
    expect(page.get_by_test_id("trace-title")).to_have_text("POST /recommend")
    expect(page.get_by_test_id("trace-duration")).to_have_text("2.60\u202fs")
    for step in STEPS:
        expect(page.locator(f'[data-span-name="{step}"]')).to_be_visible()


def walk_to_logs_and_back(page: Page) -> None:
    """From the trace to its logs, inline and on their own page, and back."""
    page.get_by_test_id("to-logs").click()
    expect(page.get_by_test_id("trace-logs")).to_be_in_viewport()
    expect(page.get_by_test_id("trace-log-line")).to_have_count(3)
    page.get_by_test_id("all-logs").click()
    expect(page.get_by_test_id("log-line")).to_have_count(3)
    expect(page.get_by_test_id("log-count")).to_have_text("3")
    expect(page.get_by_test_id("filter")).to_have_value(f'trace_id = "{SLOW_TRACE}"')
    page.get_by_test_id("back-to-trace").click()
    expect_slow_trace(page)


def test_from_the_overview(open_page: OpenPage) -> None:
    page = open_page("/")
    row = page.locator('[data-service="ml-infer"][data-model="recommender"]')
    # Without a pointer on it, the small chart leads to the slowest request of the window.
    spark = row.get_by_test_id("spark-slow")
    expect(spark).to_have_attribute("data-trace-id", SLOW_TRACE)
    spark.focus()
    page.keyboard.press("Enter")
    expect_slow_trace(page)
    walk_to_logs_and_back(page)
    page.get_by_test_id("to-overview").click()
    expect(row).to_be_visible()


def test_a_click_on_the_small_chart_takes_the_nearest_point(open_page: OpenPage) -> None:
    page = open_page("/")
    spark = page.locator('[data-service="gateway"]').get_by_test_id("spark-slow")
    box = spark.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 10)
    hovered = spark.get_attribute("data-trace-id")
    assert hovered
    assert hovered != SLOW_TRACE
    page.mouse.click(box["x"] + box["width"] * 0.9, box["y"] + 10)
    expect(page).to_have_url(re.compile(f"/traces/{hovered}"))
    page.go_back()
    expect(spark).to_be_visible()


def test_from_the_service_page(open_page: OpenPage) -> None:
    page = open_page("/")
    page.locator('[data-service="ml-infer"][data-model="recommender"]').get_by_test_id(
        "service-link"
    ).click()
    expect(page.get_by_test_id("service-title")).to_have_text("ml-infer")
    dot = page.get_by_test_id("chart-latency").locator(f'[data-trace-id="{SLOW_TRACE}"]')
    dot.click()
    expect_slow_trace(page)
    walk_to_logs_and_back(page)
    page.get_by_test_id("back").click()
    expect(page.get_by_test_id("log-line")).to_have_count(3)
    for _ in range(2):
        page.go_back()
    expect(dot).to_be_visible()


def test_back_leads_to_where_one_came_from(open_page: OpenPage) -> None:
    page = open_page("/?from=now-30m")
    page.locator('[data-service="ml-infer"][data-model="recommender"]').get_by_test_id(
        "spark-slow"
    ).press("Enter")
    expect_slow_trace(page)
    page.get_by_test_id("back").click()
    expect(page).to_have_url(re.compile(r"/\?from=now-30m$"))


def test_the_overview_at_the_time_of_the_trace(open_page: OpenPage) -> None:
    page = open_page(f"/traces/{SLOW_TRACE}")
    expect_slow_trace(page)
    page.get_by_test_id("overview-around").click()
    expect(page.get_by_test_id("live")).to_have_text("Go live")
    spark = page.locator('[data-service="gateway"]').get_by_test_id("spark-slow")
    expect(spark).to_have_attribute("data-trace-id", SLOW_TRACE)
    page.get_by_test_id("live").click()
    expect(page.get_by_test_id("live")).to_have_text("Live")
