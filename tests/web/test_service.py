"""The service page: latency, errors and traffic over time, split and zoomed."""

import re

import pytest
from playwright.sync_api import Page, expect
from tests.web.conftest import PHONE, OpenPage
from tests.web.fleet import SLOW_TRACE
from tests.web.test_everywhere import find_violations

pytestmark = pytest.mark.browser

PAGE = "/services/ml-infer?model=recommender"


def drag_across(page: Page, chart: str, start: float, end: float) -> None:
    """Drags over parts of a chart's plot, by the fraction of its width."""
    box = page.get_by_test_id(chart).locator(".u-over").bounding_box()
    assert box
    y = box["y"] + box["height"] * 0.6
    page.mouse.move(box["x"] + box["width"] * start, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * (start + end) / 2, y, steps=4)
    page.mouse.move(box["x"] + box["width"] * end, y, steps=4)
    page.mouse.up()


def test_three_charts_and_the_numbers_of_the_window(open_page: OpenPage) -> None:
    page = open_page(PAGE)
    for chart in ("chart-latency", "chart-errors", "chart-traffic"):
        expect(page.get_by_test_id(chart).locator("canvas")).to_be_visible()
    dials = page.get_by_test_id("instruments")
    expect(dials).to_contain_text(re.compile(r"p95.*ms.*p99.*s.*errors.*%.*traffic.*/s"))
    expect(page.get_by_test_id("chart-latency")).to_contain_text("p50")
    marks = page.get_by_test_id("chart-latency").locator('[data-testid="mark"]')
    expect(marks.first).to_contain_text("v23.1")


def test_changes_are_marked_and_can_be_hidden(open_page: OpenPage) -> None:
    page = open_page(PAGE)
    chart = page.get_by_test_id("chart-errors")
    release = chart.get_by_role("button", name=re.compile(r"release: .*v23\.1"))
    expect(release).to_be_visible()
    release.focus()
    expect(release).to_contain_text(re.compile(r"release: .*v23\.1.* · \d+ \w+ \d\d:"))
    chart.get_by_test_id("chart-menu").click()
    page.get_by_test_id("toggle-marks").uncheck()
    expect(page).to_have_url(re.compile("marks=off"))
    expect(page.get_by_test_id("mark")).to_have_count(0)
    page.keyboard.press("Escape")
    page.get_by_test_id("service-traces").click()
    expect(page).to_have_url(re.compile("/traces.*marks=off"))


def test_a_chart_says_what_its_numbers_are_and_gives_its_sql(open_page: OpenPage) -> None:
    page = open_page(PAGE)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_test_id("chart-latency").get_by_test_id("chart-menu").click()
    expect(page.get_by_test_id("chart-facts")).to_contain_text(
        re.compile(
            r"Samples.*requests, counted from.*entry spans.*Weight.*1: every.*Error.*t-digest"
            r".*Gaps.*Unit.*duration.*Time zone.*UTC",
            re.S,
        )
    )
    assert find_violations(page) == []
    for name, start in (("filter", "service.name = "), ("curl", "curl 'http"), ("SQL", "SELECT ")):
        page.get_by_test_id("copy-item").filter(has_text=f"as {name}").click()
        expect(page.get_by_test_id("chart-panel")).to_contain_text(f"Copied: {name}")
        assert page.evaluate("navigator.clipboard.readText()").startswith(start)
    with page.expect_download() as download:
        page.get_by_test_id("share-png").click()
    assert download.value.path().read_bytes().startswith(b"\x89PNG")


def test_split_by_region_and_by_version(open_page: OpenPage) -> None:
    page = open_page(PAGE)
    split = page.get_by_test_id("split-by")
    split.get_by_role("button", name="By region").click()
    expect(page).to_have_url(re.compile("by=region"))
    for chart in ("chart-latency", "chart-errors", "chart-traffic"):
        expect(page.get_by_test_id(chart)).to_contain_text(re.compile("eu-west.*us-east"))
    split.get_by_role("button", name="By version").click()
    expect(page.get_by_test_id("chart-latency")).to_contain_text(re.compile(r"v23.*v23\.1"))
    page.reload()
    expect(page.get_by_test_id("chart-latency")).to_contain_text(re.compile(r"v23.*v23\.1"))


def test_dragging_zooms_and_back_undoes_it(open_page: OpenPage) -> None:
    page = open_page(PAGE)
    page.get_by_test_id("instruments").wait_for()
    page.get_by_test_id("slow-point").first.wait_for()
    drag_across(page, "chart-errors", 0.3, 0.6)
    expect(page).to_have_url(re.compile(r"from=\d+(\.\d+)?&to=\d+"))
    expect(page.get_by_test_id("live")).to_have_text("Go live")
    page.go_back()
    expect(page.get_by_test_id("live")).to_have_text("Live")


def test_the_cursor_reads_all_charts_at_one_time(open_page: OpenPage) -> None:
    page = open_page(PAGE)
    page.get_by_test_id("instruments").wait_for()
    page.get_by_test_id("slow-point").first.wait_for()
    box = page.get_by_test_id("chart-errors").locator(".u-over").bounding_box()
    assert box
    # Below the marks that stand at the top.
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + box["height"] * 0.6)
    said = "figcaption > span:not([data-unpainted])"
    times = [
        page.get_by_test_id(chart).locator(said).last.inner_text()
        for chart in ("chart-latency", "chart-errors", "chart-traffic")
    ]
    assert times[0]
    assert len(set(times)) == 1


def test_a_model_is_chosen(open_page: OpenPage) -> None:
    page = open_page("/services/ml-infer")
    expect(page.get_by_test_id("instruments")).to_contain_text(re.compile("p95\\s*–"))
    page.get_by_test_id("model").select_option("ranker")
    expect(page).to_have_url(re.compile("model=ranker"))
    expect(page.get_by_test_id("instruments")).to_contain_text(re.compile("p95\\s*9.00"))


def test_the_slowest_and_the_failed_requests_are_listed(open_page: OpenPage) -> None:
    page = open_page(PAGE)
    slowest = page.get_by_role("list", name="Slowest requests").get_by_test_id("trace-line")
    expect(slowest.first).to_have_attribute("data-trace-id", SLOW_TRACE)
    failed = page.get_by_role("list", name="Last failed requests").get_by_test_id("trace-line")
    expect(failed.first).to_contain_text("errors")


def test_its_traces_and_logs_are_one_click_away(open_page: OpenPage) -> None:
    page = open_page(PAGE)
    page.get_by_test_id("service-traces").click()
    expect(page.get_by_test_id("filter")).to_have_value(
        'service.name = "ml-infer" and entry = true and model_name = "recommender"'
    )
    expect(page.get_by_test_id("trace-line").first).to_be_visible()
    page.go_back()
    page.get_by_test_id("service-logs").click()
    expect(page.get_by_test_id("log-line").first).to_contain_text("ml-infer")


def test_slow_points_are_reached_with_the_keyboard(open_page: OpenPage) -> None:
    page = open_page(PAGE)
    slow = page.get_by_test_id("chart-latency").locator(f'[data-trace-id="{SLOW_TRACE}"]')
    slow.focus()
    page.keyboard.press("ArrowLeft")
    focused = page.evaluate("document.activeElement.dataset.traceId")
    assert focused
    assert focused != SLOW_TRACE
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(SLOW_TRACE))


def test_a_service_that_nobody_knows(open_page: OpenPage) -> None:
    page = open_page("/services/no%2Fsuch%20service")
    expect(page.get_by_test_id("service-title")).to_have_text("no/such service")
    expect(page.get_by_test_id("empty")).to_contain_text("answered no request")


def test_it_fits_a_phone(open_page: OpenPage) -> None:
    page = open_page(PAGE, size=PHONE)
    page.get_by_test_id("instruments").wait_for()
    page.get_by_test_id("slow-point").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    widths = [
        (page.get_by_test_id(chart).bounding_box() or {})["width"]
        for chart in ("chart-latency", "chart-errors", "chart-traffic")
    ]
    assert min(widths) > 340


def test_where_the_time_goes_and_who_stands_around(open_page: OpenPage) -> None:
    page = open_page(PAGE)
    steps = page.get_by_test_id("breakdown")
    expect(steps).to_contain_text("ml-infer.predict")
    expect(steps.get_by_role("listitem").first).to_contain_text("%")
    around = page.get_by_test_id("service-map")
    expect(around).to_contain_text(re.compile("gateway.*ml-infer.*feature-store"))
    around.get_by_role("link", name="gateway").click()
    expect(page).to_have_url(re.compile("/services/gateway"))


def test_a_step_opens_its_slowest_traces(open_page: OpenPage) -> None:
    page = open_page(PAGE)
    page.get_by_test_id("breakdown").get_by_role("link", name="ml-infer.predict").click()
    expect(page).to_have_url(re.compile(r"/traces\?.*order=slowest"))
    expect(page.get_by_test_id("trace-line").first).to_be_visible()
