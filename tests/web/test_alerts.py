"""Alerts on screen: what fires, what one does about it, who was told, and where links lead."""

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect
from tests.support.server import Process
from tests.web.alert_server import AlertServer, serving_alerts, until
from tests.web.conftest import INDEX, PHONE, OpenPage, Watch
from tests.web.test_everywhere import find_violations

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def alert_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AlertServer]:
    if not INDEX.exists():
        pytest.fail("the UI is not built: run `make ui` first (`make test` does)")
    with serving_alerts(tmp_path_factory.mktemp("alerts")) as server:
        yield server


@pytest.fixture(scope="module")
def server(alert_server: AlertServer) -> Process:
    return alert_server.process


def row(page: Page, text: str) -> Locator:
    return page.get_by_test_id("alert-row").filter(has_text=text)


def test_what_fires_stands_first_and_in_words(open_page: OpenPage) -> None:
    page = open_page("/alerts")
    first = row(page, "requests wait")
    expect(first.get_by_test_id("alert-state")).to_have_text("firing")
    expect(first.get_by_test_id("severity")).to_have_text("page")
    expect(first).to_contain_text("requests wait 450ms in the queue of us-east")
    expect(first).to_contain_text("ml-platform")
    # A slow machine has alerts about late evaluations too.
    totals = r"\d fire \(\d page\), 1 pending, \d over lately; of \d nobody is told\."
    expect(page.get_by_test_id("alert-totals")).to_have_text(re.compile(totals))
    expect(row(page, "cache of ml-infer")).to_contain_text("nobody is told, since QueueWait fires")
    expect(row(page, "Slowly").get_by_test_id("alert-state")).to_have_text("pending")
    expect(row(page, "had a moment").get_by_test_id("alert-state")).to_have_text("over")
    expect(page.get_by_test_id("nobody-is-told")).to_have_count(0)
    expect(page.get_by_test_id("firing-count")).to_contain_text(re.compile("[3-6]"))


def test_alerts_are_found_and_grouped(open_page: OpenPage) -> None:
    page = open_page("/alerts")
    groups = page.get_by_test_id("alert-group")
    expect(groups.filter(has_text="ml-infer").first).to_contain_text("the cache of ml-infer")
    page.get_by_test_id("alerts-grouped").select_option("severity")
    expect(groups).to_have_count(2)
    page.get_by_test_id("alerts-shown").get_by_text("Over lately").click()
    expect(row(page, "requests wait")).to_have_count(0)
    expect(row(page, "had a moment")).to_have_count(1)
    expect(page).to_have_url(re.compile(r"group=severity&state=resolved"))
    page.get_by_test_id("alerts-shown").get_by_text("All").click()
    page.keyboard.press("/")
    page.keyboard.type("owner=ml queue")
    expect(page.get_by_test_id("alert-row")).to_have_count(1)
    page.get_by_test_id("find-alert").fill("nothing like it")
    page.get_by_role("button", name="Show all alerts").click()
    expect(row(page, "had a moment")).to_have_count(1)


def test_one_alert_says_all(open_page: OpenPage) -> None:
    page = open_page("/")
    page.get_by_test_id("nav-alerts").wait_for()
    page.keyboard.press("g")
    page.keyboard.press("a")
    row(page, "requests wait").get_by_test_id("alert-link").click()
    expect(page).to_have_title("QueueWait · Alert · vario")
    expect(page.get_by_test_id("alert-said")).to_contain_text("requests wait 450ms")
    facts = page.get_by_test_id("alert-facts")
    expect(facts).to_contain_text("Wakes someone when requests wait longer")
    expect(facts).to_contain_text(re.compile(r"Value\s*450.ms"))
    chart = page.get_by_test_id("condition-chart")
    expect(chart.locator("canvas")).to_be_visible()
    expect(chart).to_contain_text(re.compile("fires above 200.ms"))
    expect(chart).to_contain_text("us-east")
    expect(chart).not_to_contain_text("eu-west")
    runbook = page.get_by_test_id("runbook")
    expect(runbook.locator("ol li").first).to_contain_text("the newest release")
    expect(runbook.locator("pre")).to_have_text("kubectl scale deploy/ml-infer --replicas 4")
    expect(page.get_by_test_id("alert-change").first).to_contain_text(re.compile("firing.*450"))
    expect(page.get_by_test_id("alert-told")).to_contain_text("on-call")
    expect(page.get_by_test_id("alert-told").get_by_test_id("delivery-status")).to_have_text("sent")
    page.get_by_test_id("example-trace").click()
    expect(page).to_have_url(re.compile("/traces/[0-9a-f]{32}"))


def test_somebody_looks_after_it(open_page: OpenPage, alert_server: AlertServer) -> None:
    page = open_page("/alerts")
    one = row(page, "search: errors")
    one.get_by_test_id("acknowledge").click()
    dialog = page.get_by_test_id("acknowledge-dialog")
    expect(dialog.get_by_test_id("submit")).to_be_disabled()
    dialog.get_by_test_id("author").fill("ada")
    dialog.get_by_test_id("comment").fill("on it")
    assert find_violations(page) == []
    dialog.get_by_test_id("submit").click()
    expect(dialog).to_have_count(0)
    expect(one).to_contain_text("ada looks after it: on it")
    assert alert_server.alerts()["SearchErrors"]["acknowledged"]["author"] == "ada"
    page.reload()
    one.get_by_test_id("withdraw").click()
    expect(one.get_by_test_id("alert-notes")).to_have_count(0)
    one.get_by_test_id("acknowledge").click()
    expect(dialog.get_by_test_id("author")).to_have_value("ada")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_a_silence_is_made_changed_and_ended(open_page: OpenPage) -> None:
    page = open_page("/alerts")
    row(page, "search: errors").get_by_test_id("silence").click()
    dialog = page.get_by_test_id("silence-dialog")
    preview = page.get_by_test_id("silence-preview")
    expect(dialog.get_by_test_id("matcher").first).to_have_value('alertname="SearchErrors"')
    expect(preview).to_contain_text("Covers one alert now")
    dialog.get_by_test_id("matcher").first.fill("service=~(")
    expect(dialog.get_by_test_id("submit")).to_be_disabled()
    expect(dialog).to_contain_text("This is no regular expression")
    for _ in range(3):
        dialog.get_by_test_id("remove-matcher").last.click()
    dialog.get_by_test_id("matcher").first.fill('service=~"search|gateway"')
    expect(preview).to_contain_text("Covers 2 alerts now")
    dialog.get_by_test_id("silence-length").get_by_text("8 h").click()
    dialog.get_by_test_id("author").fill("ada")
    dialog.get_by_test_id("comment").fill("the index is built anew")
    assert find_violations(page) == []
    dialog.get_by_test_id("submit").click()
    expect(dialog).to_have_count(0)
    expect(row(page, "search: errors")).to_contain_text("silenced: the index is built anew")

    page.get_by_test_id("alert-views").get_by_text("Silences").click()
    silence = page.get_by_test_id("silence-row")
    expect(silence).to_have_count(1)
    expect(silence).to_contain_text(re.compile("active.*1 alert", re.DOTALL))
    expect(silence).to_contain_text(re.compile("7.h 59.m|8.h 00.m"))
    silence.get_by_test_id("change-silence").click()
    dialog.get_by_test_id("silence-until").fill("2001-01-01 00:00")
    expect(dialog.get_by_test_id("submit")).to_be_disabled()
    dialog.get_by_test_id("silence-length").get_by_text("30 min").click()
    dialog.get_by_test_id("submit").click()
    expect(dialog).to_have_count(0)
    expect(silence).to_contain_text(re.compile("29.m|30.m"))
    silence.get_by_test_id("end-silence").click()
    expect(silence).to_contain_text("ended")


def test_a_refusal_stands_beside_the_form(open_page: OpenPage, watch: Watch) -> None:
    watch.allow("400 (Bad Request)")
    page = open_page("/alerts?view=silences")
    page.get_by_test_id("new-silence").click()
    dialog = page.get_by_test_id("silence-dialog")
    # RE2, which the server speaks, has no look-ahead; browsers do.
    dialog.get_by_test_id("matcher").fill("service=~(?=x)")
    dialog.get_by_test_id("author").fill("ada")
    dialog.get_by_test_id("comment").fill("why")
    dialog.get_by_test_id("submit").click()
    expect(dialog.get_by_test_id("refusal")).to_contain_text("service=~")
    expect(dialog).to_be_visible()


def test_maintenance_comes_and_goes(open_page: OpenPage) -> None:
    page = open_page("/alerts?view=maintenance")
    rows = page.get_by_test_id("window-row")
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text(
        re.compile("nightly load.*Sun 02:00 Europe/Berlin", re.DOTALL)
    )
    expect(rows.first.get_by_test_id("remove-window")).to_have_count(0)
    page.get_by_test_id("new-window").click()
    dialog = page.get_by_test_id("window-dialog")
    dialog.get_by_test_id("matcher").fill("service=search")
    dialog.get_by_label("Sat", exact=True).uncheck()
    dialog.get_by_test_id("window-opens").fill("03:30")
    dialog.get_by_test_id("window-minutes").fill("45")
    dialog.get_by_test_id("window-time_zone").fill("UTC")
    dialog.get_by_test_id("author").fill("ada")
    dialog.get_by_test_id("window-comment").fill("upgrade")
    assert find_violations(page) == []
    dialog.get_by_test_id("submit").click()
    made = rows.filter(has_text="upgrade")
    expect(made).to_contain_text(re.compile("Fri, Sun 03:30 UTC, 45.m 00.s"))
    made.get_by_test_id("remove-window").click()
    expect(rows).to_have_count(1)


def test_a_notification_that_was_given_up_is_sent_again(
    open_page: OpenPage, alert_server: AlertServer
) -> None:
    page = open_page("/alerts?view=notifications&status=dead")
    dead = page.get_by_test_id("delivery-row")
    expect(dead.first).to_contain_text("SearchErrors")
    expect(dead.first.get_by_test_id("delivery-error")).to_contain_text("400")
    dead.first.get_by_test_id("retry").click()
    until(lambda: alert_server.picky.messages, "the notification arrives")
    page.get_by_test_id("deliveries-shown").get_by_text("Sent").click()
    expect(page.get_by_test_id("delivery-row").filter(has_text="chat")).not_to_have_count(0)


def test_receivers_are_tested(open_page: OpenPage, alert_server: AlertServer) -> None:
    page = open_page("/alerts?view=receivers")
    rows = page.get_by_test_id("receiver-row")
    expect(rows).to_have_count(2)
    expect(page.locator("body")).not_to_contain_text("secret")
    expect(page.get_by_test_id("heartbeat")).to_contain_text("No heartbeat is set")
    rows.filter(has_text="on-call").get_by_test_id("test-receiver").click()
    expect(page.get_by_test_id("test-outcome")).to_have_text("The test message arrived.")
    alert_server.picky.answers[:] = [403]
    rows.filter(has_text="chat").get_by_test_id("test-receiver").click()
    expect(page.get_by_test_id("test-outcome").last).to_contain_text(
        re.compile("did not arrive.*403")
    )


def test_links_of_notifications_lead_to_the_alert(
    open_page: OpenPage, alert_server: AlertServer, watch: Watch
) -> None:
    alert = alert_server.told("QueueWait")[0]
    path = httpx.URL(alert["links"]["alert"]).path
    page = open_page(path)
    expect(page.get_by_test_id("alert-facts")).to_be_visible()
    query = httpx.URL(alert["links"]["query"]).raw_path.decode()
    page.goto(alert_server.process.addresses.api + query)
    expect(page).to_have_url(re.compile(r"/metrics\?q=max\+by"))
    over = alert_server.alerts()["WasThere"]["id"]
    page = open_page(f"/alerts/{over}")
    expect(page.get_by_test_id("alert-facts")).to_contain_text(
        re.compile("over.*lasted", re.DOTALL)
    )
    expect(page.get_by_test_id("acknowledge")).to_have_count(0)
    expect(page.get_by_test_id("runbook")).to_contain_text("None is named")
    watch.allow("404 (Not Found)")
    page = open_page("/alerts/0123456789abcdef")
    expect(page.get_by_test_id("empty")).to_contain_text("Nothing is known of this alert")
    page.get_by_role("link", name="See the alerts of now").click()
    expect(row(page, "requests wait")).to_have_count(1)


def test_when_all_is_quiet_and_without_an_answer(open_page: OpenPage, watch: Watch) -> None:
    watch.allow("Failed to load resource")
    body = {"status": "error", "errorType": "unavailable", "error": "the store is busy"}

    def refuse(page: Page) -> None:
        page.route("**/api/alerts", lambda route: route.fulfill(status=400, json=body))
        nobody = {"receivers": [], "heartbeat": None, "heartbeat_error": ""}
        page.route("**/api/alerts/receivers", lambda route: route.fulfill(json=nobody))

    page = open_page("/alerts", before=refuse)
    expect(page.get_by_test_id("error")).to_contain_text("the store is busy")
    page.unroute("**/api/alerts")
    page.route("**/api/alerts", lambda route: route.fulfill(json={"alerts": []}))
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_test_id("empty")).to_contain_text("All quiet")
    expect(page.get_by_test_id("nobody-is-told")).to_contain_text("vario up --receivers")


VIEWS = {
    "Alerts": "alert-row",
    "Silences": "new-silence",
    "Maintenance": "window-row",
    "Notifications": "delivery-row",
    "Receivers": "receiver-row",
}


def test_nobody_is_shut_out(open_page: OpenPage, alert_server: AlertServer) -> None:
    page = open_page("/alerts")
    page.get_by_test_id("alert-row").first.wait_for()
    assert find_violations(page) == []
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    for view, ready in VIEWS.items():
        page.get_by_test_id("alert-views").get_by_text(view, exact=True).click()
        page.get_by_test_id(ready).first.wait_for()
        assert find_violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    one = alert_server.alerts()["QueueWait"]["id"]
    page.goto(f"{alert_server.process.addresses.api}/alerts/{one}")
    page.get_by_test_id("condition-chart").wait_for()
    assert find_violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 1440, "height": 900})
    assert find_violations(page) == []
