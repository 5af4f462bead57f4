"""The metrics explorer: what is stored, PromQL with completion, charts, heat maps, tables."""

import re
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect
from tests.support.server import Process
from tests.web.conftest import PHONE, OpenPage, Watch
from tests.web.fleet import SLOW_TRACE
from tests.web.planted_metrics import send_metrics
from tests.web.test_everywhere import find_violations

pytestmark = pytest.mark.browser

P95 = "histogram_quantile(0.95, sum by (le) (rate(inference_duration_seconds_bucket[5m])))"
BUCKETS = "sum by (le) (rate(inference_duration_seconds_bucket[1m]))"


@pytest.fixture(scope="module", autouse=True)
def metrics(server: Process) -> None:
    """Ten minutes of metrics beside the fleet's traces."""
    send_metrics(server.addresses.otlp_http)


def path(*queries: str, **settings: str) -> str:
    """Returns the address of these queries."""
    names = ["q", *(f"q{number}" for number in range(2, 9))]
    parts = [f"{name}={quote(query)}" for name, query in zip(names, queries, strict=False)]
    return "/metrics?" + "&".join(
        [*parts, *(f"{name}={value}" for name, value in settings.items())]
    )


def ask(page: Page, text: str) -> None:
    page.get_by_test_id("query-A").fill(text)
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")


def test_what_is_stored_is_one_click_from_its_chart(open_page: OpenPage) -> None:
    page = open_page("/")
    page.get_by_test_id("service-row").first.wait_for()
    page.keyboard.press("g")
    page.keyboard.press("m")
    expect(page).to_have_url(re.compile("/metrics$"))
    catalogue = page.get_by_test_id("catalogue")
    expect(catalogue).to_contain_text(
        re.compile("inference_requests_total.*counter.*2 series", re.S)
    )
    page.get_by_test_id("metric-search").fill("duration")
    expect(page.get_by_test_id("metric-link")).to_have_text(["inference_duration_seconds"])
    page.get_by_test_id("metric-link").click()
    expect(page.get_by_test_id("query-B")).to_have_value(re.compile(r"^histogram_quantile\(0\.95"))
    chart = page.get_by_test_id("metrics-chart")
    expect(chart.locator("canvas")).to_be_visible()
    expect(chart).to_contain_text(re.compile("3 series.*unit: seconds"))
    expect(chart.get_by_test_id("legend")).to_contain_text(re.compile("ms"))
    page.go_back()
    expect(page.get_by_test_id("metric-search")).to_have_value("duration")


def test_names_labels_values_and_functions_are_completed(open_page: OpenPage) -> None:
    page = open_page("/metrics")
    page.get_by_test_id("metric-link").first.wait_for()
    page.keyboard.press("/")
    editor = page.get_by_test_id("query-A")
    expect(editor).to_be_focused()
    options = page.get_by_role("listbox").get_by_role("option")
    page.keyboard.type("sum by (reg")
    expect(options.first).to_contain_text("region")
    page.keyboard.press("Tab")
    page.keyboard.type(") (rat")
    expect(options.first).to_contain_text(re.compile("^rate.*per second"))
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.keyboard.type("inference_req")
    expect(options.first).to_contain_text(re.compile("counter.*Requests that were answered"))
    page.keyboard.press("Tab")
    page.keyboard.type("{region=")
    expect(options).to_have_text(["eu-westregion", "us-eastregion"])
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.keyboard.type("}[5m])")
    expect(editor).to_have_value(
        'sum by (region) (rate(inference_requests_total{region="eu-west"}[5m]))'
    )


def test_a_syntax_error_is_marked_where_it_is(open_page: OpenPage, watch: Watch) -> None:
    watch.allow("400 (Bad Request)")
    page = open_page("/metrics")
    ask(page, "rate(inference_requests_total[5m]) +* 2")
    fault = page.get_by_test_id("query-error")
    expect(fault).to_contain_text(re.compile(r"At character \d+: unexpected"))
    expect(page.get_by_test_id("query-A")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("[data-fault]")).to_have_text("*")
    ask(page, "rate(inference_requests_total[5m]) * 2")
    expect(fault).to_be_hidden()
    expect(page.get_by_test_id("metrics-chart")).to_be_visible()


def test_series_are_hidden_stacked_and_remembered_in_the_address(open_page: OpenPage) -> None:
    page = open_page(path("rate(inference_requests_total[1m])"))
    series = page.get_by_test_id("legend-series")
    expect(series).to_have_text(['{region="eu-west"}', '{region="us-east"}'])
    series.first.click()
    expect(page).to_have_url(re.compile("hide="))
    expect(series.first).to_have_attribute("aria-pressed", "false")
    page.reload()
    expect(series.first).to_have_attribute("aria-pressed", "false")
    series.last.click(modifiers=["Shift"])
    expect(series.first).to_have_attribute("aria-pressed", "true")
    page.get_by_test_id("toggle-stacked").check()
    page.get_by_test_id("choice-step").select_option("30")
    page.get_by_test_id("choice-unit").select_option("number")
    expect(page).to_have_url(re.compile("stack=1.*step=30.*unit=number"))
    expect(page.get_by_test_id("metrics-chart")).to_contain_text("one each 30")


def test_several_queries_come_and_go(open_page: OpenPage) -> None:
    page = open_page(path("queue_memory_bytes"))
    expect(page.get_by_test_id("metrics-chart")).to_contain_text("unit: bytes")
    page.get_by_test_id("add-query").click()
    page.get_by_test_id("query-B").fill("queue_memory_bytes * 2")
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("legend-series")).to_have_count(2)
    page.get_by_test_id("mute-A").click()
    expect(page.get_by_test_id("legend-series")).to_have_count(1)
    page.get_by_test_id("remove-A").click()
    expect(page.get_by_test_id("query-A")).to_have_value("queue_memory_bytes * 2")
    expect(page.get_by_test_id("legend-series")).to_have_count(1)


def test_values_at_the_end_as_a_table(open_page: OpenPage) -> None:
    page = open_page(path("inference_requests_total"))
    page.get_by_test_id("view").get_by_role("button", name="Table").click()
    table = page.get_by_test_id("value-table")
    expect(table.locator("tbody tr").first).to_contain_text(re.compile("ml-infer.*us-east"))
    expect(table).to_contain_text("2 series at")


def test_heat_maps_of_both_kinds_of_histograms(open_page: OpenPage) -> None:
    page = open_page(path(BUCKETS, "rate(batch_wait_seconds[1m])", view="heat"))
    maps = page.get_by_test_id("heat-map")
    expect(maps).to_have_count(2)
    expect(maps.first).to_contain_text("6 buckets")
    expect(maps.last).to_contain_text("native buckets")
    maps.first.get_by_role("group", name=re.compile("heat map")).focus()
    for _ in range(12):
        page.keyboard.press("ArrowLeft")
    expect(maps.first.get_by_test_id("heat-read")).to_contain_text(re.compile("over 1.*s · .*/s"))


def test_an_exemplar_opens_its_trace(open_page: OpenPage) -> None:
    page = open_page(path(P95))
    dot = page.get_by_test_id("exemplar")
    expect(dot).to_have_attribute("data-trace-id", SLOW_TRACE)
    dot.press("Enter")
    expect(page).to_have_url(re.compile(f"/traces/{SLOW_TRACE}"))


def test_copies_and_a_picture(open_page: OpenPage) -> None:
    page = open_page(path("queue_memory_bytes"))
    page.get_by_test_id("metrics-chart").wait_for()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_test_id("copy-as").click()
    page.get_by_test_id("copy-item").nth(1).click()
    expect(page.get_by_test_id("copy-item").nth(1)).to_contain_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "/api/v1/query_range' --data-urlencode 'query=queue_memory_bytes' -d start=" in copied
    page.keyboard.press("Escape")
    page.get_by_test_id("chart-menu").click()
    expect(page.get_by_test_id("chart-facts")).to_contain_text(
        re.compile(r"Samples.*1 series.*Error.*none.*Folded.*nothing.*Unit", re.S)
    )
    with page.expect_download() as download:
        page.get_by_test_id("share-png").click()
    assert download.value.suggested_filename == "queue_memory_bytes.png"
    assert download.value.path().read_bytes().startswith(b"\x89PNG")


def test_nothing_to_draw_and_nothing_stored(open_page: OpenPage, empty_server: Process) -> None:
    page = open_page(path("no_such_metric"))
    expect(page.get_by_test_id("empty")).to_contain_text("Nothing to draw")
    page = open_page("/metrics?from=1000000&to=1000900", address=empty_server.addresses.api)
    expect(page.get_by_test_id("empty")).to_contain_text("No metrics in this time window")


@pytest.mark.parametrize(
    ("address", "ready"),
    [
        ("/metrics", "metric-link"),
        (path(P95, "queue_memory_bytes"), "metrics-chart"),
        (path(BUCKETS, view="heat"), "heat-map"),
        (path("inference_requests_total", view="table"), "value-table"),
    ],
)
def test_nobody_is_shut_out(open_page: OpenPage, address: str, ready: str) -> None:
    page = open_page(address)
    page.get_by_test_id(ready).first.wait_for()
    assert find_violations(page) == []
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    assert find_violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
