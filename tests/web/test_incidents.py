"""Incidents on screen: what is wrong, whom, since when, why, what to do, and whether it worked."""

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Page, expect
from tests.support.server import Process, ask
from tests.web.alert_server import AlertServer, serving_alerts
from tests.web.conftest import INDEX, PHONE, OpenPage, Watch
from tests.web.fleet import SLOW_TRACE
from tests.web.plant_incident import EXPLAINED, LONG_TITLE, UNEXPLAINED
from tests.web.test_everywhere import find_violations

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def alert_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AlertServer]:
    if not INDEX.exists():
        pytest.fail("the UI is not built: run `make ui` first (`make test` does)")
    with serving_alerts(tmp_path_factory.mktemp("incidents")) as server:
        yield server


@pytest.fixture(scope="module")
def server(alert_server: AlertServer) -> Process:
    return alert_server.process


@pytest.fixture
def live(server: Process) -> str:
    """The id of the incident that goes on in ml-infer."""
    found = ask(server.addresses.api, "/api/incidents", service="ml-infer", state="all")
    return next(one["id"] for one in found["incidents"] if one["id"] != EXPLAINED)  # type: ignore[index]


def test_what_is_wrong_now_stands_on_the_overview(open_page: OpenPage, live: str) -> None:
    page = open_page("/")
    lines = page.get_by_test_id("active-incident")
    mine = lines.filter(has_text="requests wait")
    expect(mine).to_have_count(1)
    expect(mine.get_by_test_id("incident-state")).to_have_text("open")
    expect(page.get_by_test_id("active-count")).to_be_visible()
    row = page.locator('[data-testid="service-row"][data-service="ml-infer"]')
    expect(row.get_by_test_id("verdict").first).to_have_text("incident")
    mine.get_by_role("link").click()
    expect(page).to_have_url(re.compile(f"/incidents/{live}"))


def test_all_is_quiet_when_nothing_is_active(open_page: OpenPage) -> None:
    def calm(page: Page) -> None:
        page.route("**/api/incidents?*", lambda route: route.fulfill(json={"incidents": []}))

    page = open_page("/", before=calm)
    expect(page.get_by_test_id("all-quiet")).to_contain_text("All quiet: no incident is active")
    expect(page.get_by_test_id("verdict").first).not_to_have_text("incident")
    page.keyboard.press("g")
    page.keyboard.press("i")
    expect(page.get_by_test_id("empty")).to_contain_text("All quiet: no incident is active")


def test_incidents_are_listed_and_found(open_page: OpenPage) -> None:
    page = open_page("/incidents")
    rows = page.get_by_test_id("incident-row")
    expect(rows.filter(has_text="requests wait")).to_have_count(1)
    expect(rows.filter(has_text="slow in us-east")).to_have_count(0)
    page.get_by_test_id("incidents-shown").get_by_text("Resolved").click()
    past = rows.filter(has_text="slow in us-east")
    expect(past).to_contain_text("encode_features takes 310 ms instead of 24 ms")
    expect(past.get_by_test_id("verdict")).to_have_text("Cause found")
    expect(past.get_by_test_id("fix-verdict")).to_have_text("recovered")
    expect(past).to_contain_text("came back once")
    page.get_by_test_id("find-incident").fill("PAYMENTS")
    expect(rows).to_have_count(1)
    expect(rows.get_by_test_id("verdict")).to_have_text("No clear cause")


def test_the_answer_the_causes_and_what_was_ruled_out(open_page: OpenPage) -> None:
    page = open_page(f"/incidents/{EXPLAINED}")
    expect(page).to_have_title("ml-infer: slow in us-east · Incident · vario")
    expect(page.get_by_test_id("incident-facts")).to_contain_text("region us-east")
    expect(page.get_by_test_id("looked-after")).to_have_text("ada")
    expect(page.get_by_test_id("bullet")).to_have_count(5)
    expect(page.get_by_test_id("onset")).to_contain_text("between")
    expect(page.get_by_test_id("coverage")).to_contain_text(
        re.compile("120k spans.*a sample of 50.*842.ms.*48 healthy windows.*older than a day", re.S)
    )
    causes = page.get_by_test_id("cause")
    expect(causes).to_have_count(2)
    first = causes.first
    expect(first.get_by_test_id("confidence")).to_have_text(re.compile("high 0.94"))
    effect = re.compile("24.0.ms.*310.ms.*12.9×", re.S)
    expect(first.get_by_test_id("effect")).to_contain_text(effect)
    expect(first.get_by_test_id("explained")).to_contain_text(re.compile("87.% .80.% to 93.%."))
    expect(first.get_by_test_id("supports")).to_contain_text("within 5 s of the surge")
    expect(first.get_by_test_id("contradicts")).to_contain_text("eu-west misses a little more")
    expect(first.get_by_test_id("next-step")).to_contain_text("vario demo --fix latency-surge")
    expect(first.get_by_test_id("cause-log")).to_contain_text("evicting 512 entries")
    expect(first.get_by_test_id("evidence")).to_contain_text(re.compile("1.840.requests"))
    expect(causes.nth(1).get_by_test_id("effect")).to_be_hidden()
    causes.nth(1).locator("summary").click()
    expect(causes.nth(1).get_by_test_id("effect")).to_contain_text("2.39×")
    expect(page.get_by_test_id("ruled-out")).to_contain_text("Its answers take as long as before.")
    moments = page.get_by_test_id("moment")
    expect(moments.first).to_contain_text("v23.1 of ml-infer")
    expect(page.get_by_test_id("timeline")).to_contain_text("the cache was shrunk yesterday")
    expect(page.get_by_test_id("runbook").locator("ol li").first).to_have_text("Look at the cache.")
    first.get_by_test_id("cause-trace").click()
    expect(page).to_have_url(re.compile(f"/traces/{SLOW_TRACE}"))
    page.go_back()
    first.get_by_test_id("open-evidence").first.click()
    expect(page).to_have_url(re.compile(r"/traces\?.*filter=attributes.cache_hit"))
    expect(page.get_by_test_id("filter")).to_have_value("attributes.cache_hit = false")


def test_the_proof_of_a_fix_is_a_picture(open_page: OpenPage) -> None:
    page = open_page(f"/incidents/{EXPLAINED}")
    proof = page.get_by_test_id("verification")
    expect(proof.get_by_test_id("fix-verdict")).to_have_text("recovered")
    expect(proof.get_by_test_id("fix-scale")).to_contain_text(
        re.compile("before.*50.0.ms.*now.*52.0.ms.*incident.*210.ms", re.S)
    )
    expect(proof.get_by_test_id("fix-blocks").locator("canvas")).to_be_visible()
    expect(proof.get_by_test_id("guards")).to_contain_text("errors did not become worse")
    expect(proof.get_by_test_id("guards")).to_contain_text("traffic became worse")
    expect(proof).to_contain_text(re.compile("2.880 requests since"))
    expect(page.get_by_test_id("mark-fixed")).to_have_count(0)


def test_an_incident_without_a_clear_cause_says_so(open_page: OpenPage) -> None:
    page = open_page(f"/incidents/{UNEXPLAINED}")
    expect(page.get_by_role("heading", level=1)).to_have_text(LONG_TITLE)
    expect(page.get_by_test_id("verdict")).to_have_text("No clear cause")
    expect(page.get_by_test_id("cause")).to_have_count(0)
    expect(page.get_by_test_id("ruled-out")).to_be_visible()
    expect(page.get_by_test_id("runbook")).to_contain_text("None is named")


def test_a_person_looks_after_it_notes_and_says_that_it_is_fixed(
    open_page: OpenPage, server: Process, live: str
) -> None:
    page = open_page(f"/incidents/{live}")
    page.get_by_test_id("acknowledge").click()
    dialog = page.get_by_test_id("acknowledge-dialog")
    expect(dialog.get_by_test_id("submit")).to_be_disabled()
    dialog.get_by_test_id("author").fill("grace")
    dialog.get_by_test_id("submit").click()
    expect(page.get_by_test_id("looked-after")).to_have_text("grace")
    page.get_by_test_id("add-note").click()
    dialog = page.get_by_test_id("note-dialog")
    dialog.get_by_test_id("comment").fill("the queue is drained by hand")
    dialog.get_by_test_id("submit").click()
    expect(page.get_by_test_id("timeline")).to_contain_text("the queue is drained by hand")

    page.get_by_test_id("mark-fixed").click()
    dialog = page.get_by_test_id("fixed-dialog")
    dialog.get_by_test_id("fixed-at").fill("tomorrow")
    expect(dialog.get_by_test_id("submit")).to_be_disabled()
    dialog.get_by_test_id("fixed-at").fill("now")
    dialog.get_by_test_id("comment").fill("a replica more")
    assert find_violations(page) == []
    dialog.get_by_test_id("submit").click()
    facts = page.get_by_test_id("incident-facts")
    expect(facts.get_by_test_id("incident-state")).to_have_text("verifying")
    expect(page.get_by_test_id("verification").get_by_test_id("fix-verdict")).to_be_visible()
    page.get_by_test_id("withdraw-fix").click()
    expect(facts.get_by_test_id("incident-state")).to_have_text("open")
    page.get_by_test_id("withdraw").click()
    expect(page.get_by_test_id("looked-after")).to_have_text("nobody")
    page.get_by_test_id("silence").click()
    expect(page.get_by_test_id("silence-preview")).to_contain_text("Covers 2 alerts now")
    page.keyboard.press("Escape")
    known = ask(server.addresses.api, f"/api/incidents/{live}")
    assert known["acknowledged_by"] == ""  # type: ignore[index]


def test_the_report_can_be_taken_along(open_page: OpenPage, server: Process) -> None:
    page = open_page(f"/incidents/{EXPLAINED}")
    for kind, start in (("markdown", "# "), ("html", "<!doctype html>")):
        link = page.get_by_test_id(f"report-{kind}").get_attribute("href")
        answer = httpx.get(f"{server.addresses.api}{link}", timeout=30)
        assert answer.status_code == 200
        assert answer.text.lower().startswith(start)
    page.emulate_media(media="print")
    expect(page.get_by_test_id("nav-incidents")).to_be_hidden()
    expect(page.get_by_test_id("mark-fixed")).to_be_hidden()


def test_somebody_investigates_by_a_button(open_page: OpenPage, live: str) -> None:
    page = open_page("/services/ml-infer")
    page.get_by_test_id("service-investigate").click()
    expect(page).to_have_url(re.compile(r"/investigate\?.*service=ml-infer"))
    expect(page.get_by_test_id("answer")).to_be_visible(timeout=60_000)
    expect(page.get_by_test_id("bullet").first).not_to_be_empty()
    page.get_by_test_id("ask-symptom").select_option("errors")
    expect(page).to_have_url(re.compile("symptom=errors"))
    expect(page.get_by_test_id("answer")).to_be_visible(timeout=60_000)
    page.goto(page.url.split("/investigate")[0] + f"/incidents/{live}")
    page.get_by_test_id("incident-alerts").get_by_role("link").first.click()
    page.get_by_test_id("alert-investigate").click()
    expect(page).to_have_url(re.compile(r"/investigate\?.*alert=[0-9a-f]+"))
    expect(page.get_by_test_id("answer")).to_be_visible(timeout=60_000)


def test_an_incident_that_never_was_and_no_answer(open_page: OpenPage, watch: Watch) -> None:
    watch.allow("Failed to load resource")
    page = open_page("/incidents/ffffffffffff")
    expect(page.get_by_test_id("empty")).to_contain_text("Nothing is known of this incident")
    body = {"status": "error", "errorType": "execution", "error": "the store is busy"}
    page.route("**/api/incidents?*", lambda route: route.fulfill(status=400, json=body))
    page.get_by_role("link", name="See all incidents").click()
    page.reload()
    expect(page.get_by_test_id("error")).to_contain_text("the store is busy")


def test_nobody_is_shut_out(open_page: OpenPage, server: Process) -> None:
    page = open_page(f"/incidents/{EXPLAINED}")
    page.get_by_test_id("cause").first.wait_for()
    assert find_violations(page) == []
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    for path, ready in (
        (f"/incidents/{EXPLAINED}", "cause"),
        ("/incidents?state=all", "incident-row"),
        ("/investigate?service=ml-infer", "answer"),
    ):
        page.goto(server.addresses.api + path)
        page.get_by_test_id(ready).first.wait_for(timeout=60_000)
        assert find_violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
