"""What holds on every page: keys, themes, time zones, accessibility, words in the title."""

import json
import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.web.conftest import PHONE, OpenPage, Watch
from tests.web.fleet import SLOW_TRACE

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"

# Where to go, what must be seen there, what to click then.
PAGES = {
    "overview": ("/", "service-row", None),
    "service": ("/services/ml-infer?model=recommender", "slow-point", None),
    "split": ("/services/ml-infer?model=recommender&by=region", "slow-point", None),
    "traces": ("/traces", "trace-line", None),
    "completing": ("/traces", "filter", "filter"),
    "trace": (f"/traces/{SLOW_TRACE}", "trace-log-line", "span-row"),
    "logs": ("/logs", "log-line", "log-line"),
    "doctor": ("/doctor", "doctor-check", None),
    "time": ("/", "time-picker", "time-picker"),
    "empty": ("/?from=1000000&to=1000900", "empty", None),
}


def find_violations(page: Page) -> list[str]:
    """Returns what axe-core calls serious or critical, as printable lines."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate(
        "axe.run({resultTypes: ['violations'],"
        " runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice']})"
    )["violations"]
    return [
        f"{violation['id']}: {violation['help']}: "
        + json.dumps(
            [[node["html"][:200], node["failureSummary"]] for node in violation["nodes"][:3]]
        )
        for violation in found
        if violation["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("name", PAGES)
def test_nobody_is_shut_out(open_page: OpenPage, name: str) -> None:
    path, ready, click = PAGES[name]
    page = open_page(path, theme="dark")
    page.get_by_test_id(ready).first.wait_for()
    if click:
        page.get_by_test_id(click).first.click()
    assert find_violations(page) == []
    page.emulate_media(color_scheme="light")
    assert find_violations(page) == []
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    assert find_violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]


def test_keys_lead_everywhere(open_page: OpenPage) -> None:
    page = open_page("/")
    page.get_by_test_id("service-row").first.wait_for()
    for key, path in (
        ("a", "/alerts"),
        ("i", "/incidents"),
        ("t", "/traces"),
        ("l", "/logs"),
        ("s", "/slos"),
        ("d", "/doctor"),
        ("o", "/"),
    ):
        page.keyboard.press("g")
        page.keyboard.press(key)
        expect(page).to_have_url(re.compile(re.escape(path) + "$"))
    page.keyboard.press("?")
    expect(page.get_by_test_id("help")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("help")).to_be_hidden()


def test_keys_are_letters_while_one_types(open_page: OpenPage) -> None:
    page = open_page("/traces")
    page.get_by_test_id("filter").wait_for()
    page.keyboard.press("/")
    page.keyboard.type("go?/")
    expect(page.get_by_test_id("filter")).to_have_value("go?/")
    expect(page).to_have_url(re.compile("/traces$"))


def test_the_time_window_travels(open_page: OpenPage) -> None:
    page = open_page("/")
    page.get_by_test_id("time-picker").click()
    page.get_by_test_id("preset-now-1h").click()
    expect(page.get_by_test_id("time-picker")).to_contain_text("Last hour")
    page.get_by_test_id("nav-logs").click()
    expect(page).to_have_url(re.compile(r"/logs\?from=now-1h$"))
    expect(page.get_by_test_id("time-picker")).to_contain_text("Last hour")


def test_a_window_of_ones_own(open_page: OpenPage) -> None:
    page = open_page("/traces")
    page.get_by_test_id("time-picker").click()
    page.get_by_test_id("own-from").fill("2026-01-31 14:00")
    page.get_by_test_id("own-to").fill("2026-01-31 13:00")
    expect(page.get_by_role("alert")).to_contain_text("must end after it starts")
    expect(page.get_by_test_id("own-apply")).to_be_disabled()
    page.get_by_test_id("own-to").fill("2026-01-31 15:00")
    page.get_by_test_id("own-apply").click()
    # 14:00 in Berlin is 13:00 UTC.
    expect(page).to_have_url(re.compile(r"from=1769864400&to=1769868000"))
    expect(page.get_by_test_id("time-picker")).to_contain_text("31 Jan 14:00:00 – 15:00:00")
    page.get_by_role("button", name="Later").click()
    expect(page).to_have_url(re.compile(r"from=1769868000&to=1769871600"))
    page.get_by_role("button", name="Zoom out").click()
    expect(page).to_have_url(re.compile(r"from=1769866200&to=1769873400"))


def test_times_are_shown_in_utc_when_asked(open_page: OpenPage) -> None:
    page = open_page("/traces?from=1769864400&to=1769868000")
    picker = page.get_by_test_id("time-picker")
    expect(picker).to_contain_text(re.compile(r"31 Jan 14:00:00.*UTC\+1"))
    page.get_by_test_id("zone").click()
    expect(picker).to_contain_text(re.compile(r"31 Jan 13:00:00.*UTC$"))
    page.reload()
    expect(picker).to_contain_text("13:00:00")


def test_a_chosen_theme_stays(open_page: OpenPage) -> None:
    page = open_page("/doctor", theme="dark")

    def background() -> str:
        return page.evaluate("getComputedStyle(document.documentElement).backgroundColor")

    dark = background()
    page.get_by_test_id("theme").click()
    page.get_by_test_id("theme").click()
    light = background()
    assert light != dark
    page.reload()
    assert background() == light
    page.get_by_test_id("theme").click()
    assert background() == dark


def test_each_page_has_a_title(open_page: OpenPage) -> None:
    page = open_page("/")
    for path, title in (
        ("/", "Overview · vario"),
        ("/services/gateway", "gateway · vario"),
        (f"/traces/{SLOW_TRACE}", "POST /recommend · gateway · vario"),
        ("/logs", "Logs · vario"),
    ):
        page.goto(page.url.split("/", 3)[0] + "//" + page.url.split("/", 3)[2] + path)
        expect(page).to_have_title(title)


def test_an_address_that_leads_nowhere(open_page: OpenPage) -> None:
    page = open_page("/no/such/page")
    expect(page.get_by_test_id("empty")).to_contain_text("There is no page at /no/such/page")
    page.get_by_role("link", name="Go to the overview").click()
    expect(page.get_by_test_id("service-row").first).to_be_visible()


def test_a_refusal_is_shown_in_the_servers_words(open_page: OpenPage, watch: Watch) -> None:
    watch.allow("Failed to load resource")
    body = {"status": "error", "errorType": "timeout", "error": "the query ran past its 30 s"}

    def refuse(page: Page) -> None:
        page.route("**/api/traces?*", lambda route: route.fulfill(status=422, json=body))

    page = open_page("/traces", before=refuse)
    expect(page.get_by_test_id("error")).to_contain_text("the query ran past its 30 s")
    page.unroute("**/api/traces?*")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_test_id("trace-line").first).to_be_visible()


def test_the_doctor_says_what_to_do(open_page: OpenPage) -> None:
    page = open_page("/doctor")
    expect(page.get_by_test_id("doctor-verdict")).to_be_visible()
    group = page.locator('[data-testid="doctor-group"][data-service="gateway"]')
    expect(group).to_contain_text("no log records arrive")
    expect(group).to_contain_text("OTEL_LOGS_EXPORTER=otlp")
    expect(group.get_by_role("button", name=re.compile("Copy the remedy"))).not_to_have_count(0)
    expect(page.get_by_test_id("server")).to_contain_text("otel_traces")


def test_a_page_has_its_code_before_it_is_visited(open_page: OpenPage) -> None:
    page = open_page("/")
    last = "performance.getEntriesByType('resource').some(({ name }) => /doctor.*[.]js/.test(name))"
    deadline = time.monotonic() + 60
    while not page.evaluate(last):
        assert time.monotonic() < deadline
        page.wait_for_timeout(100)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for name in ("slos", "capacity", "doctor"):
        page.get_by_test_id(f"nav-{name}").click()
        expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert [url for url in asked if url.endswith(".js")] == []
