"""The overview: a row per service and model, live."""

import re
import time

import pytest
from playwright.sync_api import Page, Route, expect
from tests.support.otlp_factory import MS, make_span
from tests.support.server import Process
from tests.web.conftest import PHONE, OpenPage, Watch
from tests.web.fleet import LONG_NAME, Fleet

pytestmark = pytest.mark.browser


def row_names(page: Page) -> list[str]:
    page.get_by_test_id("service-row").first.wait_for()
    rows = page.get_by_test_id("service-row").all()
    return [
        f"{row.get_attribute('data-service')} {row.get_attribute('data-model')}" for row in rows
    ]


def test_a_row_for_each_service_and_model(open_page: OpenPage) -> None:
    page = open_page("/")
    names = row_names(page)
    for name in ("gateway ", "ml-infer recommender", "ml-infer ranker", "feature-store "):
        assert name in names
    assert names[0].startswith(LONG_NAME), "the failing one stands first"
    row = page.locator('[data-service="ml-infer"][data-model="recommender"]')
    expect(row).to_contain_text(re.compile(r"v23\.1.*\+1"))
    expect(row).to_contain_text(re.compile(r"eu-west.*us-east"))
    expect(row).to_contain_text(re.compile(r"\d+\.\d\sms"))
    expect(row).to_contain_text(re.compile(r"0\.\d+\s/s"))
    expect(page.get_by_test_id("totals")).to_contain_text("services")


def test_saturation_quality_and_cost_stand_beside_traffic(open_page: OpenPage) -> None:
    page = open_page("/")
    row_names(page)

    def answer(route: Route) -> None:
        fetched = route.fetch()
        body = fetched.json()
        for service in body["services"]:
            if service["model"] == "recommender":
                service |= {
                    "latency_target": {"slo": "fast", "share": 0.95, "bound": 0.000001},
                    "gpu": 0.254,
                    "queue": 3.02,
                    "batch": 8.0,
                    "cost_per_1000": 0.2138,
                    "currency": "USD",
                    "missing": 1,
                    "quality": ["session_length is missing"],
                    "accept_rate": 0.41,
                }
        route.fulfill(response=fetched, json=body)

    page.route("**/api/instruments*", answer)
    page.reload()
    row = page.locator('[data-service="ml-infer"][data-model="recommender"]')
    expect(row.get_by_test_id("objective")).to_contain_text("p95 over")
    expect(row.get_by_test_id("saturation")).to_contain_text("GPU 25.4")
    expect(row.get_by_test_id("saturation")).to_contain_text("queue 3 · batch 8")
    expect(row.get_by_test_id("cost")).to_have_text("$0.21")
    expect(row.get_by_test_id("quality")).to_contain_text("accepted 41")
    row.get_by_role("link", name="1 missing").click()
    expect(page).to_have_url(re.compile(r"/drift\?model=recommender"))


def test_rows_sort_by_a_column_and_the_address_keeps_it(open_page: OpenPage) -> None:
    page = open_page("/")
    page.get_by_test_id("sort-p95").click()
    expect(page).to_have_url(re.compile(r"sort=-p95"))
    assert row_names(page)[0].startswith("batch-scorer")
    page.get_by_test_id("sort-p95").click()
    assert row_names(page)[-1].startswith("batch-scorer")
    page.reload()
    assert row_names(page)[-1].startswith("batch-scorer")
    page.get_by_test_id("sort-service").click()
    assert row_names(page) == sorted(row_names(page))


def test_a_service_is_found_by_its_model(open_page: OpenPage) -> None:
    page = open_page("/")
    page.get_by_test_id("find-service").fill("fraud-DETECTOR")
    expect(page.get_by_test_id("service-row")).to_have_count(1)
    page.get_by_test_id("find-service").fill("nothing like it")
    expect(page.get_by_test_id("empty")).to_be_visible()


def test_a_click_on_a_row_opens_its_service(open_page: OpenPage) -> None:
    page = open_page("/?from=now-1h")
    page.locator('[data-model="ranker"]').get_by_role("cell").nth(1).click()
    expect(page).to_have_url(re.compile(r"/services/ml-infer\?from=now-1h&model=ranker$"))


def test_new_requests_appear_by_themselves(open_page: OpenPage, server: Process) -> None:
    page = open_page("/")
    row_names(page)
    fleet = Fleet()
    fleet.batch("newcomer", "us-east").spans.append(
        make_span("GET /", trace=77_001, start_ns=time.time_ns(), duration_ns=5 * MS, kind="server")
    )
    fleet.send(server.addresses.otlp_http)
    expect(page.locator('[data-service="newcomer"]')).to_be_visible()


def test_a_paused_page_asks_nothing(open_page: OpenPage) -> None:
    page = open_page("/?refresh=0")
    row_names(page)
    expect(page.get_by_test_id("live")).to_have_text("Paused")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(5_500)
    assert [url for url in asked if "/api/services" in url] == []


def test_numbers_stay_and_are_called_old_when_the_server_is_lost(
    open_page: OpenPage, watch: Watch
) -> None:
    watch.allow("Failed to load resource")
    page = open_page("/")
    names = row_names(page)

    def lose(route: Route) -> None:
        route.abort("connectionrefused")

    page.route("**/api/**", lose)
    expect(page.get_by_test_id("stale")).to_contain_text("not fresh")
    assert row_names(page) == names
    page.unroute("**/api/**")
    expect(page.get_by_test_id("stale")).to_be_hidden()


def test_the_first_run_says_how_to_send_data(open_page: OpenPage, empty_server: Process) -> None:
    page = open_page("/", address=empty_server.addresses.api)
    first = page.get_by_test_id("first-run")
    expect(first).to_contain_text(f"OTEL_EXPORTER_OTLP_ENDPOINT={empty_server.addresses.otlp_http}")
    first.get_by_role("button", name="Just show me").click()
    expect(first).to_contain_text("vario demo")
    empty_server_door = empty_server.addresses.otlp_http
    first.get_by_role("link", name="Ask the doctor").click()
    expect(page.get_by_test_id("doctor-verdict")).to_have_attribute("data-state", "failed")
    expect(page.get_by_text(empty_server_door).first).to_be_visible()


def test_a_window_without_requests_offers_a_longer_one(open_page: OpenPage) -> None:
    page = open_page("/?from=1000000&to=1000900")
    expect(page.get_by_test_id("empty")).to_contain_text("No requests in this time window")
    page.get_by_role("button", name="Last hour").click()
    assert row_names(page)


def test_a_phone_shows_every_row_as_a_card(open_page: OpenPage) -> None:
    page = open_page("/", size=PHONE)
    assert len(row_names(page)) >= 5
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= PHONE[0]
