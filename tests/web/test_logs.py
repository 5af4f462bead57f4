"""Logs: searching, the histogram, a line in full, and reading further back."""

import re
import time

import httpx
import pytest
from playwright.sync_api import Page, expect
from tests.support.otlp_factory import logs_body, make_log
from tests.support.server import Process
from tests.web.conftest import PHONE, OpenPage, Watch
from tests.web.fleet import SLOW_TRACE
from tests.web.test_everywhere import find_violations

pytestmark = pytest.mark.browser

WARNINGS = "/logs?filter=severity+%3D+warn"


def count(page: Page) -> int:
    page.get_by_test_id("log-count").wait_for()
    return int(re.sub(r"\D", "", page.get_by_test_id("log-count").inner_text()))


def test_lines_newest_first_under_their_histogram(open_page: OpenPage) -> None:
    page = open_page("/logs")
    times = page.get_by_test_id("log-line").locator("time").all_inner_texts()
    page.get_by_test_id("log-line").first.wait_for()
    times = page.get_by_test_id("log-line").locator("time").all_inner_texts()
    assert times == sorted(times, reverse=True)
    histogram = page.get_by_test_id("log-histogram")
    expect(histogram).to_contain_text(re.compile("error.*warn.*info"))
    expect(histogram.locator("canvas")).to_be_visible()


def test_a_filter_narrows_lines_and_histogram(open_page: OpenPage) -> None:
    page = open_page("/logs")
    everything = count(page)
    page.get_by_test_id("filter").fill('body contains "cache miss"')
    page.get_by_test_id("filter").press("Enter")
    expect(page.get_by_test_id("log-line")).to_have_count(1)
    expect(page.get_by_test_id("log-count")).to_have_text("1")
    assert everything > 100


def test_a_wrong_filter_shows_where(open_page: OpenPage, watch: Watch) -> None:
    watch.allow("400 (Bad Request)")
    page = open_page("/logs")
    page.get_by_test_id("filter").fill('body contains "cache')
    page.get_by_test_id("filter").press("Enter")
    expect(page.get_by_test_id("filter-error")).to_contain_text("a quote is not closed")


def test_a_line_opens_to_its_fields_and_filters_by_them(open_page: OpenPage) -> None:
    page = open_page("/logs?refresh=0&filter=service.name+%3D+%22ml-infer%22")
    both_regions = page.get_by_test_id("log-count").inner_text()
    page.get_by_test_id("log-line").nth(1).click()
    details = page.get_by_test_id("log-details")
    field = details.locator('[data-field="user_region"]')
    region = field.locator("dd > span").first.inner_text()
    field.get_by_test_id("filter-for").click()
    expect(page.get_by_test_id("filter")).to_have_value(
        f'service.name = "ml-infer" and attributes.user_region = "{region}"'
    )
    expect(page.get_by_test_id("log-count")).not_to_have_text(both_regions)
    one_region = page.get_by_test_id("log-count").inner_text()
    if not details.is_visible():
        page.get_by_test_id("log-line").first.click()
    details.locator('[data-field="severity"]').get_by_test_id("filter-out").click()
    expect(page.get_by_test_id("filter")).to_have_value(re.compile("and severity != (info|error)$"))
    expect(page.get_by_test_id("log-count")).not_to_have_text(one_region)


def test_a_line_leads_to_its_trace_and_back(open_page: OpenPage) -> None:
    page = open_page(WARNINGS)
    page.get_by_test_id("log-line").first.click()
    page.get_by_test_id("log-trace").click()
    expect(page).to_have_url(re.compile(f"/traces/{SLOW_TRACE}.*span="))
    expect(page.get_by_test_id("span-drawer")).to_contain_text("GET /features")
    page.get_by_test_id("back").click()
    expect(page).to_have_url(re.compile(re.escape(WARNINGS) + "$"))


def test_dragging_over_the_histogram_zooms(open_page: OpenPage) -> None:
    page = open_page("/logs")
    everything = count(page)
    box = page.get_by_test_id("log-histogram").locator(".u-over").bounding_box()
    assert box
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.5, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.7, y, steps=5)
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"from=\d+(\.\d+)?&to=\d+"))
    expect(page.get_by_test_id("log-count")).not_to_have_text(str(everything))
    assert 0 < count(page) < everything


def test_older_lines_come_while_one_scrolls(open_page: OpenPage) -> None:
    page = open_page("/logs?refresh=0")
    everything = count(page)
    assert everything > 200, "more than one page"
    for _ in range(60):
        if page.get_by_text("The end of this time window").is_visible():
            break
        page.mouse.wheel(0, 3_000)
        page.wait_for_timeout(50)
    expect(page.get_by_text("The end of this time window")).to_contain_text(str(everything))
    assert page.get_by_test_id("log-line").count() < 120, "only what is seen exists"


def test_new_lines_wait_while_one_is_read(open_page: OpenPage) -> None:
    page = open_page("/logs")
    page.get_by_test_id("log-line").nth(2).click()
    expect(page.get_by_role("status").filter(has_text="New lines wait")).to_be_visible()
    page.get_by_test_id("log-line").nth(2).click()
    expect(page.get_by_role("status").filter(has_text="New lines wait")).to_be_hidden()


def test_no_lines(open_page: OpenPage) -> None:
    page = open_page("/logs?from=1000000&to=1000900")
    expect(page.get_by_test_id("empty")).to_contain_text("No log records in this time window")


def test_lines_fit_a_phone(open_page: OpenPage) -> None:
    page = open_page("/logs", size=PHONE)
    page.get_by_test_id("log-line").first.click()
    expect(page.get_by_test_id("log-details")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]


def test_values_of_a_field_as_bars_that_filter(open_page: OpenPage) -> None:
    page = open_page("/logs?refresh=0")
    everything = count(page)
    fields = page.get_by_test_id("fields")
    expect(fields.get_by_test_id("stat-values")).to_contain_text(f"{everything} records")
    page.get_by_test_id("field-search").fill("user_region")
    page.get_by_test_id("stat-field").click()
    values = page.get_by_test_id("stat-value")
    expect(values).to_have_count(2)
    values.first.get_by_test_id("stat-out").click()
    expect(page.get_by_test_id("filter")).to_have_value(
        re.compile('attributes.user_region != "(us-east|eu-west)"')
    )
    expect(values).to_have_count(1)
    expect(page.get_by_test_id("log-count")).not_to_have_text(str(everything))


def test_the_lines_around_a_line(open_page: OpenPage) -> None:
    page = open_page("/logs?refresh=0")
    page.get_by_test_id("log-line").nth(30).click()
    page.get_by_test_id("show-context").click()
    lines = page.get_by_test_id("context-line")
    expect(lines).to_have_count(20)
    expect(page.locator('[data-testid="context-line"][aria-current]')).to_have_count(1)
    times = lines.locator("time").all_inner_texts()
    assert times == sorted(times)
    page.get_by_test_id("more-context").click()
    expect(lines).not_to_have_count(20)


def test_patterns_lead_to_their_lines(open_page: OpenPage) -> None:
    page = open_page("/logs?refresh=0")
    page.get_by_test_id("log-view").get_by_role("button", name="Patterns").click()
    pattern = page.get_by_test_id("pattern").filter(has_text="cache miss for user")
    expect(pattern).to_contain_text("feature-store")
    assert find_violations(page) == []
    pattern.get_by_test_id("pattern-filter").click()
    expect(page.get_by_test_id("log-line")).to_have_count(1)
    expect(page.get_by_test_id("log-line")).to_contain_text("cache miss for user 8812")


def test_new_lines_come_in_a_tail_until_it_is_paused(open_page: OpenPage, server: Process) -> None:
    def send(text: str) -> None:
        body = logs_body("tailed", make_log(text, time_ns=time.time_ns()))
        headers = {"content-type": "application/x-protobuf"}
        address = f"{server.addresses.otlp_http}/v1/logs"
        httpx.post(address, content=body, headers=headers, timeout=60).raise_for_status()

    page = open_page('/logs?view=tail&filter=service.name+%3D+"tailed"')
    expect(page.get_by_test_id("tail-state")).to_have_text("Following")
    send("the first")
    expect(page.get_by_test_id("log-line")).to_contain_text(["the first"])
    page.get_by_test_id("tail-pause").click()
    expect(page.get_by_test_id("tail-state")).to_have_text("Paused")
    send("the second")
    page.get_by_test_id("tail-pause").click()
    expect(page.get_by_test_id("log-line")).to_contain_text(["the second", "the first"])
    assert find_violations(page) == []
