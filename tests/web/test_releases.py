"""Two releases beside each other, capacity and cost, and the ways there: keys, names, a phone."""

import re

import pytest
from playwright.sync_api import Page, expect
from tests.support.server import Process, ask
from tests.web.canary import SERVICE, send_canary
from tests.web.conftest import PHONE, OpenPage, Watch
from tests.web.test_everywhere import find_violations

pytestmark = pytest.mark.browser

COMPARE = f"/compare?service={SERVICE}"
CAPACITY = f"/capacity?service={SERVICE}&target=p95<%3D400ms"


@pytest.fixture(scope="module", autouse=True)
def canary(server: Process) -> None:
    """Sends a canary to the fleet's server."""
    send_canary(server.addresses.otlp_http)
    names = [row["service"] for row in ask(server.addresses.api, "/api/services")["services"]]  # type: ignore[index,call-overload]
    assert SERVICE in names


def test_a_canary_that_is_worse_in_one_region(open_page: OpenPage) -> None:
    page = open_page(COMPARE)
    verdict = page.get_by_test_id("compare-verdict")
    expect(verdict).to_contain_text("v8 is worse than v7")
    expect(verdict).to_contain_text("side by side")
    # The link names what was compared, so that it shows the same tomorrow.
    expect(page).to_have_url(re.compile("service=scorer&baseline=v7&candidate=v8"))
    rows = page.get_by_test_id("measure-p50").get_by_test_id("measured")
    expect(rows).to_have_count(3)
    slow = rows.filter(has_text="us-east")
    expect(slow).to_contain_text(re.compile(r"us-east.*ms.*→.*ms.*\+.*%.*to.*worse", re.DOTALL))
    expect(slow).to_have_attribute("data-judgement", "worse")
    expect(rows.filter(has_text="eu-west")).not_to_have_attribute("data-judgement", "worse")
    expect(page.locator("pre")).to_contain_text(
        "vario compare --service scorer --versions v7 v8 --by region"
    )
    page.get_by_role("button", name="Swap the releases").click()
    expect(verdict).to_contain_text("v7")
    expect(page).to_have_url(re.compile("baseline=v8&candidate=v7"))
    page.get_by_role("button", name="By operation").click()
    expect(page).to_have_url(re.compile("by=operation"))
    expect(page.locator("pre")).to_contain_text("--by operation")
    slow_traces = page.get_by_test_id("measured").first.get_by_role("link")
    slow_traces.click()
    expect(page).to_have_url(re.compile("/traces.*model_version"))
    expect(page.get_by_test_id("trace-line").first).to_be_visible()


def test_releases_that_cannot_be_compared_say_why(open_page: OpenPage, watch: Watch) -> None:
    watch.allow("404 (Not Found)")
    page = open_page("/compare?service=gateway")
    expect(page.get_by_test_id("empty")).to_contain_text("Only one release answered")
    expect(page.get_by_test_id("empty")).to_contain_text("its versions: 1.0")
    page.get_by_role("button", name="Last hour").click()
    expect(page).to_have_url(re.compile("from=now-1h"))
    page.get_by_test_id("compare-service").select_option(SERVICE)
    expect(page.get_by_test_id("compare-verdict")).to_be_visible()


def test_headroom_waste_and_batches(open_page: OpenPage, watch: Watch) -> None:
    page = open_page(f"/capacity?service={SERVICE}")
    expect(page.get_by_test_id("empty")).to_contain_text("scorer has no latency SLO")
    page.get_by_test_id("try-target").click()
    expect(page).to_have_url(re.compile("target=p95"))
    page.get_by_test_id("capacity-target").fill("p95<=400ms")
    page.keyboard.press("Enter")
    headroom = page.get_by_test_id("headroom")
    expect(headroom).to_contain_text("target: asked for")
    expect(headroom).to_contain_text("Requests/s a replica now")
    expect(page.get_by_test_id("capacity-curve")).to_be_visible()
    idle = page.get_by_test_id("capacity-idle")
    expect(idle).to_contain_text(re.compile("20.0.%.*2 of 4 would do", re.DOTALL))
    batches = page.get_by_test_id("capacity-batches")
    expect(batches).to_contain_text("scorer.predict takes")
    expect(batches).to_contain_text(re.compile("8.*saves.*%", re.DOTALL))
    watch.allow("400 (Bad Request)")
    page.get_by_test_id("capacity-target").fill("fast")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("error")).to_contain_text("write p95<=200ms")


@pytest.mark.parametrize(
    ("path", "ready"), [(COMPARE, "compare-verdict"), (CAPACITY, "capacity-curve")]
)
def test_nobody_is_shut_out(open_page: OpenPage, path: str, ready: str) -> None:
    page = open_page(path)
    page.get_by_test_id(ready).wait_for()
    assert find_violations(page) == []
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    assert find_violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]


def test_without_data_and_without_an_answer(open_page: OpenPage, watch: Watch) -> None:
    watch.allow("Failed to load resource")
    refused = {"status": "error", "errorType": "execution", "error": "the store does not answer"}

    def refuse(page: Page) -> None:
        page.route("**/api/c*?*", lambda route: route.fulfill(status=422, json=refused))

    for path in ("/compare", "/capacity"):
        page = open_page(f"{path}?service={SERVICE}", before=refuse)
        expect(page.get_by_test_id("error")).to_contain_text("the store does not answer")
        page = open_page(f"{path}?from=1000000&to=1000900")
        expect(page.get_by_test_id("empty")).to_contain_text("No requests in this time window")


def test_anything_is_found_by_its_name(open_page: OpenPage) -> None:
    page = open_page("/doctor")
    page.get_by_test_id("doctor-group").first.wait_for()
    page.keyboard.press("/")
    field = page.get_by_test_id("palette-input")
    field.fill("scorer capacity")
    # What begins with the word stands before what has it somewhere.
    expect(page.get_by_test_id("goal")).to_have_text(
        [
            re.compile("^scorer"),
            re.compile("^batch-scorer"),
        ]
    )
    assert find_violations(page) == []
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/capacity\?service=scorer"))
    expect(page.get_by_test_id("palette")).to_have_count(0)
    page.keyboard.press("Control+k")
    field.fill("nothing like it")
    expect(page.get_by_test_id("palette")).to_contain_text("Nothing is called")
    field.fill("compare")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("option", selected=True)).not_to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("palette")).to_have_count(0)


def test_keys_go_into_lists_and_to_every_section(open_page: OpenPage) -> None:
    page = open_page("/")
    page.get_by_test_id("service-row").first.wait_for()
    page.keyboard.press("j")
    links = page.get_by_test_id("service-link")
    expect(links.first).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(links.nth(1)).to_be_focused()
    page.keyboard.press("k")
    expect(links.first).to_be_focused()
    for key, path in (("c", "/compare"), ("p", "/capacity"), ("m", "/metrics"), ("o", "/")):
        page.keyboard.press("g")
        page.keyboard.press(key)
        expect(page).to_have_url(re.compile(re.escape(path) + r"(\?|$)"))
    # The page that was gone to is where Tab goes on.
    expect(page.locator("#content")).to_be_focused()


def test_a_phone_has_five_sections_at_the_thumb_and_a_way_to_the_rest(open_page: OpenPage) -> None:
    page = open_page("/", size=PHONE)
    bar = page.get_by_role("navigation", name="Sections")
    expect(bar.get_by_role("link")).to_have_count(5)
    for link in bar.get_by_role("link").all():
        box = link.bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= PHONE[0]
        assert box["height"] >= 44
    page.get_by_test_id("nav-more").click()
    sheet = page.get_by_test_id("more")
    expect(sheet.get_by_role("link")).to_have_count(7)
    assert find_violations(page) == []
    sheet.get_by_role("link", name="Doctor").click()
    expect(page).to_have_title("Doctor · vario")
    expect(sheet).to_have_count(0)
    expect(page.get_by_test_id("nav-more")).to_have_text("Doctor")
    page.get_by_test_id("nav-more").click()
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)
