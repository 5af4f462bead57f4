"""The data page: what is stored, what the guards did, what to cut first."""

import re

import httpx
import pytest
from playwright.sync_api import Page, expect
from tests.support.otlp_factory import logs_body, make_log
from tests.support.server import Process, ask
from tests.web.conftest import PHONE, OpenPage, Watch
from tests.web.test_everywhere import find_violations

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def guarded(server: Process) -> Process:
    """The fleet's server, which was also sent somebody's address."""
    record = make_log("asked", severity="info", attributes={"note": "mail to jane.doe@example.org"})
    body = logs_body({"service.name": "gateway"}, record, scope="fleet")
    httpx.post(
        f"{server.addresses.otlp_http}/v1/logs",
        content=body,
        headers={"content-type": "application/x-protobuf"},
        timeout=60,
    ).raise_for_status()
    assert ask(server.addresses.api, "/api/guard")["found"]  # type: ignore[index,call-overload]
    return server


def test_what_is_stored_by_signal_service_metric_and_label(
    open_page: OpenPage, guarded: Process
) -> None:
    page = open_page("/data")
    expect(page.get_by_test_id("data-disk")).to_contain_text(
        re.compile(r"iB stored.*no disk budget")
    )
    kinds = page.get_by_test_id("data-kinds")
    expect(kinds).to_contain_text(re.compile(r"growth a day.*traces.*iB.*%.*iB.*7"))
    services = page.get_by_test_id("data-services")
    expect(services).to_contain_text(re.compile("batch-scorer.*traces"))
    expect(page.get_by_test_id("data-cuts")).to_contain_text("traces_days = 3")
    expect(page.get_by_test_id("data-cuts")).to_contain_text(re.compile(r"saves about.*iB"))
    expect(
        page.get_by_role("button", name="Copy the setting for traces", exact=True)
    ).to_be_visible()
    expect(page.get_by_test_id("data-growth").get_by_role("img")).to_have_attribute(
        "aria-label", re.compile(r"Growth over \d+ steps.*rows of traces")
    )
    expect(page.get_by_test_id("data-retention")).to_contain_text(
        re.compile("traces, logs, metrics.*all services.*30 days.*14 days.*7 days")
    )
    expect(page.get_by_test_id("data-removed")).to_contain_text("Nothing was removed yet.")
    services.get_by_role("link", name="batch-scorer").click()
    expect(page).to_have_url(re.compile("/services/batch-scorer$"))


def test_what_the_guards_did(open_page: OpenPage, guarded: Process) -> None:
    page = open_page("/data")
    personal = page.get_by_test_id("data-personal")
    expect(personal).to_contain_text(re.compile(r"email.*note.*gateway.*logs.*1"))
    expect(personal).not_to_contain_text("jane.doe")
    expect(page.get_by_test_id("data-folds")).to_contain_text("Every label is within its budget.")


def test_nobody_is_shut_out_of_data(open_page: OpenPage, guarded: Process) -> None:
    page = open_page("/data")
    page.get_by_test_id("data-personal").wait_for()
    assert find_violations(page) == []
    page.emulate_media(color_scheme="light")
    assert find_violations(page) == []
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    assert find_violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]


def test_nothing_and_a_refusal(open_page: OpenPage, guarded: Process, watch: Watch) -> None:
    watch.allow("Failed to load resource")
    stored = ask(guarded.addresses.api, "/api/data")
    assert isinstance(stored, dict)
    refused = {"status": "error", "errorType": "execution", "error": "the store does not answer"}

    def store_nothing(page: Page) -> None:
        page.route("**/api/data", lambda route: route.fulfill(json={**stored, "used_bytes": 0}))

    page = open_page("/", before=store_nothing)
    page.get_by_test_id("nav-data").wait_for()
    page.keyboard.press("g")
    page.keyboard.press("b")
    expect(page).to_have_title("Data · vario")
    expect(page.get_by_test_id("empty")).to_contain_text("Nothing is stored yet")
    page.unroute("**/api/data")
    page.route("**/api/data", lambda route: route.fulfill(status=422, json=refused))
    page.reload()
    expect(page.get_by_test_id("error")).to_contain_text("the store does not answer")
    page.unroute("**/api/data")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_test_id("data-kinds")).to_be_visible()
