"""SLOs on screen: the list, one of them, what spent its budget."""

import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from tests.support.server import Process, ask
from tests.web.conftest import INDEX, PHONE, OpenPage, Watch
from tests.web.slo_server import serving_slos
from tests.web.test_everywhere import find_violations

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A server whose first SLO burns, as its own rules have found out."""
    if not INDEX.exists():
        pytest.fail("the UI is not built: run `make ui` first (`make test` does)")
    with serving_slos(tmp_path_factory.mktemp("slos")) as process:
        deadline = time.monotonic() + 120
        states: list[str] = []
        while states[:1] != ["burning"] and time.monotonic() < deadline:
            found = ask(process.addresses.api, "/api/slos")["slos"]  # type: ignore[index]
            states = [one["state"] for one in found]
            time.sleep(0.2)
        assert states == ["burning", "ok", "unmeasured"]
        yield process


def test_the_worst_stands_first_and_what_is_unmeasured_is_said(open_page: OpenPage) -> None:
    page = open_page("/slos")
    rows = page.get_by_test_id("slo-row")
    expect(rows).to_have_count(3)
    expect(rows.nth(0)).to_contain_text("Inference answers")
    expect(rows.nth(0)).to_contain_text("overspent")
    expect(rows.nth(0)).to_contain_text("ml-platform")
    expect(rows.nth(1).get_by_test_id("slo-state")).to_have_text("unmeasured")
    expect(rows.nth(1)).to_contain_text("not measured now")
    expect(rows.nth(2).get_by_test_id("slo-state")).to_have_text("ok")
    expect(rows.nth(2)).to_contain_text(re.compile(r"99\.95.%"))
    page.get_by_test_id("slo-shown").get_by_text("Unmeasured").click()
    expect(page).to_have_url(re.compile(r"\?state=unmeasured$"))
    expect(rows).to_have_count(1)
    page.reload()
    expect(rows).to_have_count(1)


def test_one_slo_says_what_spent_its_budget(open_page: OpenPage) -> None:
    page = open_page("/slos")
    page.get_by_test_id("slo-link").first.click()
    expect(page).to_have_url(re.compile("/slos/infer-errors$"))
    expect(page).to_have_title("Inference answers · SLO · vario")
    expect(page.get_by_test_id("budget-left")).to_contain_text("overspent")
    expect(page.get_by_test_id("groups")).to_contain_text(re.compile("us-east.*eu-west", re.DOTALL))
    expect(page.get_by_test_id("coverage")).to_contain_text("and now")
    expect(page.get_by_test_id("burn-down").locator("canvas")).to_be_visible()
    rates = page.get_by_test_id("burn-rate")
    expect(rates.first).to_contain_text("Wakes someone when more than")
    expect(rates.last).to_contain_text(re.compile("burning.*ticket", re.DOTALL))
    expect(page.get_by_test_id("runbook")).to_contain_text("Look at the newest release")
    spent = page.get_by_test_id("spent-row")
    expect(spent).to_have_count(2)
    expect(spent.first).to_contain_text(re.compile(r"us-east.*%", re.DOTALL))
    expect(spent.first.locator("a").first).to_have_attribute(
        "href", re.compile(r"/traces\?from=\d+.*region")
    )
    spenders = page.get_by_test_id("spender")
    expect(spenders.first).to_contain_text("region us-east")
    assert not [text for text in spenders.all_inner_texts() if "eu-west" in text]
    spenders.first.get_by_role("link").click()
    expect(page).to_have_url(re.compile(r"/traces\?from=\d+&to=\d+&filter=service.name"))


def test_an_slo_without_measurements_says_where_to_look(open_page: OpenPage) -> None:
    page = open_page("/slos/absent/runbook")
    expect(page.get_by_test_id("empty")).to_contain_text("Nothing was measured in this period")
    expect(page.get_by_test_id("runbook").get_by_role("link")).to_have_attribute(
        "href", "https://runbooks.example/absent"
    )
    expect(page.get_by_test_id("burn-rate").first).to_contain_text("not measured")


def test_an_slo_that_is_not_loaded(open_page: OpenPage, watch: Watch) -> None:
    watch.allow("404 (Not Found)")
    page = open_page("/slos/gone")
    expect(page.get_by_test_id("empty")).to_contain_text("No SLO gone is loaded")
    page.get_by_role("link", name="All SLOs").click()
    expect(page.get_by_test_id("slo-row")).to_have_count(3)


def test_without_slos_and_without_an_answer(open_page: OpenPage, watch: Watch) -> None:
    watch.allow("Failed to load resource")
    body = {"status": "error", "errorType": "execution", "error": "the answer is too large"}

    def refuse(page: Page) -> None:
        page.route("**/api/slos", lambda route: route.fulfill(status=400, json=body))

    page = open_page("/slos", before=refuse)
    expect(page.get_by_test_id("error")).to_contain_text("the answer is too large")
    page.unroute("**/api/slos")
    page.route("**/api/slos", lambda route: route.fulfill(json={"slos": [], "warnings": []}))
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_test_id("empty")).to_contain_text("vario init slos")


@pytest.mark.parametrize(
    ("path", "ready"), [("/slos", "slo-row"), ("/slos/infer-errors", "spender")]
)
def test_nobody_is_shut_out(open_page: OpenPage, path: str, ready: str) -> None:
    for theme, size in (("dark", (1440, 900)), ("light", PHONE)):
        page = open_page(path, theme=theme, size=size)
        page.get_by_test_id(ready).first.wait_for()
        assert find_violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
