"""Traces: searching with the filter grammar, and one trace in full."""

import re

import pytest
from playwright.sync_api import Page, expect
from tests.web.conftest import PHONE, OpenPage, Watch
from tests.web.fleet import BIG_SPANS, BIG_TRACE, SLOW_TRACE, STEPS
from tests.web.test_everywhere import find_violations

pytestmark = pytest.mark.browser


def search(page: Page, text: str) -> None:
    page.get_by_test_id("filter").fill(text)
    page.get_by_test_id("filter").press("Enter")


def test_newest_and_slowest(open_page: OpenPage) -> None:
    page = open_page("/traces")
    first = page.get_by_test_id("trace-line").first
    expect(page.get_by_test_id("trace-line")).to_have_count(50)
    page.get_by_test_id("trace-order").get_by_role("button", name="Slowest").click()
    expect(first).to_have_attribute("data-trace-id", BIG_TRACE)
    expect(page).to_have_url(re.compile("order=slowest"))
    page.get_by_role("button", name="200").click()
    expect(page.get_by_test_id("trace-line")).to_have_count(200)


def test_a_filter_narrows_and_stands_in_the_address(open_page: OpenPage) -> None:
    page = open_page("/traces")
    search(page, 'attributes.cache_hit = false and duration > 1s and service.name = "ml-infer"')
    expect(page.get_by_test_id("trace-line")).to_have_count(1)
    expect(page.get_by_test_id("trace-count")).to_have_text("1 trace in this window")
    page.reload()
    line = page.get_by_test_id("trace-line")
    expect(line).to_have_attribute("data-trace-id", SLOW_TRACE)
    for service in ("feature-store", "gateway", "ml-infer"):
        expect(line).to_contain_text(service)
    page.go_back()
    expect(page.get_by_test_id("trace-line")).to_have_count(50)


def test_failed_traces_are_marked(open_page: OpenPage) -> None:
    page = open_page("/traces?filter=error+%3D+true+and+name+%3D+%22POST+%2Frecommend%22")
    expect(page.get_by_test_id("trace-line").first).to_contain_text("errors")


def test_a_wrong_filter_shows_where(open_page: OpenPage, watch: Watch) -> None:
    watch.allow("400 (Bad Request)")
    page = open_page("/traces")
    search(page, "service.name = ml and duration > fast")
    fault = page.get_by_test_id("filter-error")
    expect(fault).to_contain_text("'fast' is no duration")
    lines = fault.locator("pre").inner_text().split("\n")
    assert lines[0][lines[1].index("^") :] == "fast"
    expect(page.get_by_test_id("filter")).to_have_attribute("aria-invalid", "true")
    search(page, "duration > 1s")
    expect(fault).to_be_hidden()


def test_fields_operators_and_values_are_completed(open_page: OpenPage) -> None:
    page = open_page("/traces")
    field = page.get_by_test_id("filter")
    field.wait_for()
    page.keyboard.press("/")
    expect(field).to_be_focused()
    page.keyboard.type("attributes.model_na")
    options = page.get_by_role("option")
    expect(options).to_have_text(["attributes.model_name"])
    page.keyboard.press("Tab")
    expect(field).to_have_value("attributes.model_name ")
    expect(options.first).to_have_text("=")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(field).to_have_value("attributes.model_name = ")
    expect(options.first).to_have_text("recommender")
    page.keyboard.type('"rank')
    expect(options).to_have_text(["ranker"])
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(field).to_have_value('attributes.model_name = "ranker" ')
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("trace-line").first).to_contain_text("POST /sort")


def test_nothing_found_and_everything_again(open_page: OpenPage) -> None:
    page = open_page("/traces?filter=duration+%3E+1h")
    expect(page.get_by_test_id("empty")).to_contain_text("No trace matches")
    page.get_by_role("button", name="Show all traces").click()
    expect(page.get_by_test_id("trace-line")).to_have_count(50)


def test_arrow_keys_walk_the_list(open_page: OpenPage) -> None:
    page = open_page("/traces?order=slowest")
    page.get_by_test_id("trace-line").first.focus()
    page.keyboard.press("ArrowDown")
    second = page.get_by_test_id("trace-line").nth(1)
    expect(second).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("waterfall")).to_be_visible()


def test_a_span_opens_to_everything_it_says(open_page: OpenPage) -> None:
    page = open_page(f"/traces/{SLOW_TRACE}")
    page.locator(f'[data-span-name="{STEPS[0]}"]').click()
    drawer = page.get_by_test_id("span-drawer")
    expect(drawer).to_contain_text("self time")
    expect(drawer.locator('[data-field="cache_hit"]')).to_contain_text("false")
    expect(drawer.locator('[data-field="cloud.region"]')).to_contain_text("us-east")
    expect(page).to_have_url(re.compile("span="))
    page.reload()
    expect(drawer).to_be_visible()
    drawer.locator('[data-field="model_version"]').get_by_role("link").click()
    expect(page.get_by_test_id("filter")).to_have_value(
        'service.name = "ml-infer" and attributes.model_version = "v23.1"'
    )


def test_escape_closes_the_span(open_page: OpenPage) -> None:
    page = open_page(f"/traces/{SLOW_TRACE}")
    page.get_by_test_id("span-row").first.click()
    expect(page.get_by_test_id("span-drawer")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("span-drawer")).to_be_hidden()


def test_a_failed_span_says_why(open_page: OpenPage) -> None:
    page = open_page("/traces?filter=error+%3D+true+and+name+%3D+%22POST+%2Frecommend%22")
    page.get_by_test_id("trace-line").first.click()
    expect(page.get_by_test_id("trace-facts")).to_contain_text("4 of 7 failed")
    page.locator(f'[data-span-name="{STEPS[1]}"]').click()
    expect(page.get_by_test_id("span-drawer")).to_contain_text("overflow in exp")
    expect(page.get_by_test_id("span-drawer")).to_contain_text("FloatingPointError")


def test_the_waterfall_is_walked_and_folded_with_keys(open_page: OpenPage) -> None:
    page = open_page(f"/traces/{SLOW_TRACE}")
    rows = page.get_by_test_id("span-row")
    expect(rows).to_have_count(7)
    page.get_by_role("tree").focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowLeft"):
        page.keyboard.press(key)
    expect(rows).to_have_count(3)
    page.keyboard.press("ArrowRight")
    expect(rows).to_have_count(7)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("span-drawer")).to_contain_text("POST /rank")


def test_a_log_line_leads_to_its_span(open_page: OpenPage) -> None:
    page = open_page(f"/traces/{SLOW_TRACE}")
    page.get_by_test_id("trace-logs").get_by_role("button", name="POST /rank").click()
    expect(page.get_by_test_id("span-drawer")).to_contain_text("POST /rank")


def test_ten_thousand_spans_keep_few_rows_in_the_page(open_page: OpenPage) -> None:
    page = open_page(f"/traces/{BIG_TRACE}")
    page.get_by_test_id("span-row").first.wait_for(timeout=60_000)
    expect(page.get_by_test_id("trace-facts")).to_contain_text("10\u202f000")
    assert page.get_by_test_id("span-row").count() < 100
    page.get_by_role("tree").focus()
    page.keyboard.press("End")
    last = page.locator(f'[data-span-name="score row {BIG_SPANS - 2}"]')
    expect(last).to_be_in_viewport()
    assert page.get_by_test_id("span-row").count() < 100


def test_a_trace_that_is_not_stored(open_page: OpenPage, watch: Watch) -> None:
    watch.allow("404 (Not Found)")
    page = open_page(f"/traces/{'ab' * 16}")
    expect(page.get_by_test_id("empty")).to_contain_text("is not stored")
    page.get_by_role("link", name="look for them").click()
    expect(page.get_by_test_id("empty")).to_contain_text("No log record matches")


def test_a_trace_fits_a_phone(open_page: OpenPage) -> None:
    page = open_page(f"/traces/{SLOW_TRACE}", size=PHONE)
    page.locator(f'[data-span-name="{STEPS[2]}"]').click()
    expect(page.get_by_test_id("span-drawer")).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]


def select_failed_scores(page: Page) -> None:
    """Drags over the five failed requests of the service with the long name, at 700 ms."""
    drawn = page.get_by_test_id("latency-heat").get_by_role("group", name="Latency: heat map")
    drawn.wait_for()
    found = page.evaluate(
        "fetch('/api/traces/heatmap?start=now-15m').then((answer) => answer.json())"
    )
    bounds = found["bounds"]
    row = next(index for index, bound in enumerate(bounds) if bound > 0.7) - 1
    rows = len(bounds) - 1
    box = drawn.bounding_box()
    assert box
    left, right, top, bottom = 62, 18, 8, 24
    height = (box["height"] - top - bottom) / rows
    y = box["y"] + top + (rows - row - 0.5) * height
    width = box["width"] - left - right
    page.mouse.move(box["x"] + left + width * 0.8, y)
    page.mouse.down()
    page.mouse.move(box["x"] + left + width * 0.9, y, steps=3)
    page.mouse.move(box["x"] + left + width * 0.999, y, steps=3)
    page.mouse.up()


def test_a_part_of_the_heat_map_is_compared_with_the_rest(open_page: OpenPage) -> None:
    page = open_page("/traces?refresh=0")
    select_failed_scores(page)
    expect(page).to_have_url(re.compile("sfrom=.*sto=.*smin=.*smax=.*"))
    expect(page.get_by_test_id("trace-line")).to_have_count(5)
    expect(page.get_by_test_id("comparison-basis")).to_contain_text("5 selected traces against")
    trait = page.get_by_test_id("trait").first
    expect(trait).to_contain_text(re.compile("percent points"))
    expect(trait.get_by_test_id("habit")).to_contain_text("too few earlier ones")
    page.reload()
    expect(page.get_by_test_id("heat-selection")).to_be_visible()
    assert find_violations(page) == []
    trait.get_by_test_id("trait-filter").click()
    expect(page.get_by_test_id("filter")).to_have_value(
        re.compile("service.name = .payments-fraud")
    )
    page.get_by_test_id("drop-selection").click()
    expect(page.get_by_test_id("comparison")).to_be_hidden()


def test_a_filter_of_inner_spans_says_what_is_counted(open_page: OpenPage) -> None:
    page = open_page("/traces?filter=attributes.cache_hit+%3D+true")
    heat = page.get_by_test_id("latency-heat")
    expect(heat).to_contain_text("no whole trace matches, so spans are counted")
    page.get_by_test_id("latency-as").get_by_role("button", name="Dots").click()
    expect(page.get_by_test_id("scatter-dot").first).to_be_visible()
    expect(heat).to_be_hidden()


def test_the_critical_path_and_the_lines_in_place(open_page: OpenPage) -> None:
    page = open_page(f"/traces/{SLOW_TRACE}")
    expect(page.get_by_test_id("critical-path")).to_contain_text(
        re.compile(r"GET /features/\{user\} 1\.82.s \(69\.9.%\)")
    )
    features = page.locator('[data-span-name="GET /features/{user}"]')
    expect(features.get_by_test_id("critical")).to_have_count(1)
    features.get_by_test_id("span-logs").click()
    expect(page.get_by_test_id("waterfall-log")).to_have_count(2)
    expect(page.get_by_test_id("waterfall-log").first).to_contain_text("cache miss for user 8812")
    page.get_by_test_id("all-lines").check()
    expect(page.get_by_test_id("waterfall-log")).to_have_count(3)
    page.get_by_test_id("only-critical").check()
    expect(page.get_by_test_id("span-row")).to_have_count(7)
    assert find_violations(page) == []


def test_two_traces_side_by_side(open_page: OpenPage) -> None:
    page = open_page(f"/traces/{SLOW_TRACE}")
    page.get_by_test_id("compare-with").click()
    page.get_by_test_id("compare-like").first.click()
    expect(page).to_have_url(re.compile(f"/traces/compare.*b={SLOW_TRACE}"))
    pair = page.locator('[data-testid="trace-pair"][data-span-name="GET /features/{user}"]')
    expect(pair).to_contain_text(re.compile(r"\+1\.7\d"))
    expect(page.get_by_test_id("trace-fields")).to_contain_text(
        re.compile("cache_hit.*true.*false")
    )
    assert find_violations(page) == []
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
