"""The drift page: findings in words, the heat map, both distributions, and what to do without."""

import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect
from tests.support.server import Process, ask, serving_process
from tests.web.conftest import PHONE, OpenPage, Watch
from tests.web.test_everywhere import find_violations

import vario
from vario.drift.reference import Reference, dump_reference, make_feature, make_parts

pytestmark = pytest.mark.browser

REGIONS = ("ap-south", "us-east")
DEADLINE_S = 150
ROWS = 600
CELL = "/drift?model=recommender&feature=session_length&version=v23.1&segment=region&value=ap-south"


def draw(rng: np.random.Generator, rows: int, *, older: float = 0.0) -> dict[str, np.ndarray]:
    """Returns healthy features; `older` moves the ages up by so many years."""
    return {
        "age": rng.normal(40 + older, 10, rows),
        "session_length": rng.lognormal(2, 1, rows),
        "country": rng.choice(["de", "fr", "pl"], rows),
    }


def put_reference(address: str, rng: np.random.Generator) -> None:
    """Keeps a reference of healthy features, with each region's own part."""
    columns: dict[str, Any] = draw(rng, 4_000)
    features = {name: make_feature(name, column) for name, column in columns.items()}
    columns["region"] = np.array(REGIONS)[np.arange(4_000) % len(REGIONS)]
    parts = make_parts(features, columns, "region")
    made = Reference(
        "training", "recommender", "v23", "train.parquet", time.time_ns(), features, parts
    )
    document = json.loads(dump_reference(made))
    httpx.put(
        f"{address}/api/references", json={"document": document}, timeout=30
    ).raise_for_status()


def predict(rng: np.random.Generator) -> None:
    """Says what v23 saw, and v23.1, which loses a feature in one region and sees older people."""
    for region in REGIONS:
        vario.record_prediction(
            features=draw(rng, ROWS), prediction=rng.random(ROWS), region=region
        )
        features = draw(rng, ROWS, older=12.0)
        if region == "ap-south":
            features["session_length"] = np.where(
                rng.random(ROWS) < 0.4, np.nan, features["session_length"]
            )
        vario.record_prediction(
            features=features, prediction=rng.random(ROWS), model_version="v23.1", region=region
        )
    vario.record_prediction(
        features={"price": rng.random(ROWS)},
        model_name="pricer",
        model_version="p1",
        region="us-east",
    )
    assert vario.flush()


def fill(address: str) -> None:
    """Predicts until the watch tells of both faults and of the model without a reference."""
    rng = np.random.default_rng(7)
    put_reference(address, rng)
    deadline = time.monotonic() + DEADLINE_S
    told: Any = None
    while time.monotonic() < deadline:
        predict(rng)
        told = ask(address, "/api/drift")
        kinds = {(one["feature"], one["kind"]) for one in told["findings"]}
        wanted = {("session_length", "missing"), ("age", "drifted")}
        if wanted <= kinds and "pricer" in told["without_reference"]:
            return
        time.sleep(0.3)
    raise AssertionError(f"not told within {DEADLINE_S} s: {told}")


@pytest.fixture(scope="module")
def drifting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A server whose watch has found that v23.1 lost a feature and sees other ages."""
    folder = tmp_path_factory.mktemp("drift")
    config = folder / "vario.toml"
    config.write_text("[drift]\ninterval_s = 1.0\n")
    with (
        serving_process(folder, "--config", str(config)) as process,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", process.addresses.otlp_http)
        vario.configure(service="ml-infer", model="recommender", version="v23")
        try:
            fill(process.addresses.api)
            yield process
        finally:
            vario.shutdown()


OpenDrift = Callable[..., Page]


@pytest.fixture
def open_drift(open_page: OpenPage, drifting: Process) -> OpenDrift:
    """Opens a path of the UI of the server with drift."""

    def open_at(path: str, **options: Any) -> Page:
        return open_page(path, address=drifting.addresses.api, **options)

    return open_at


def cell(page: Page, name: str) -> Locator:
    """Finds a cell of the heat map: feature, version and value."""
    return page.locator(f'[data-testid="drift-cell"][data-cell="{name}"]')


def test_findings_lead_to_both_distributions(open_drift: OpenDrift) -> None:
    page = open_drift("/drift")
    told = page.get_by_test_id("drift-finding").filter(has_text="session_length missing")
    expect(told).to_contain_text(re.compile(r"missing.*session_length missing [34]\d% in ap-south"))
    expect(told).to_contain_text(re.compile(r"recommender.*v23\.1.*ap-south.*since \d+ \w+ \d\d:"))
    expect(page.get_by_test_id("drift-finding").filter(has_text="age drifted: PSI")).to_be_visible()
    told.get_by_role("link", name="Compare session_length with its reference").click()
    expect(page).to_have_url(re.compile("/drift.*feature=session_length.*value=ap-south"))
    detail = page.get_by_test_id("drift-detail")
    expect(detail).to_contain_text(re.compile(r"session_length.*v23\.1, region ap-south.*missing"))
    expect(page.get_by_test_id("drift-bars")).to_contain_text(re.compile(r"“training”, 2.000 rows"))
    expect(page.get_by_test_id("drift-bars").locator("tbody tr")).to_have_count(11)
    expect(page.get_by_test_id("drift-statistics")).to_contain_text(
        re.compile(r"PSI.*95 % interval.*chance alone passes.*missing.*reference.*Jensen.*rows")
    )
    page.keyboard.press("Escape")
    expect(detail).to_have_count(0)
    expect(page.get_by_test_id("drift-none")).to_be_visible()


def test_the_map_says_verdicts_in_words_and_moves_by_arrows(open_drift: OpenDrift) -> None:
    page = open_drift("/drift")
    expect(cell(page, "session_length v23.1 ap-south")).to_contain_text(re.compile(r"%.*missing"))
    expect(cell(page, "age v23.1")).to_contain_text(re.compile(r"×.*drifted"))
    expect(cell(page, "age v23")).to_contain_text("stable")
    first = page.get_by_test_id("drift-cell").first
    first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/drift.*feature=.*value=ap-south"))
    expect(page.get_by_test_id("drift-detail")).to_be_visible()
    page.get_by_test_id("drift-split").get_by_role("button", name="By version").click()
    expect(page).to_have_url(re.compile("split=versions"))
    expect(cell(page, "age v23.1")).to_be_visible()
    expect(cell(page, "age v23.1 ap-south")).to_have_count(0)


def test_a_cell_of_the_history_opens_both_distributions_of_its_time(
    open_drift: OpenDrift,
) -> None:
    page = open_drift("/drift?model=recommender&version=v23.1&segment=region&value=ap-south")
    history = page.get_by_test_id("drift-history")
    expect(history.get_by_test_id("history-scope")).to_contain_text("v23.1, region ap-south")
    lost = history.get_by_role("button", name=re.compile(r"^session_length, .* missing [34]\d\.\d"))
    expect(lost.last).to_have_text("∅")
    lost.last.click()
    expect(page).to_have_url(re.compile(r"feature=session_length.*at=\d+"))
    detail = page.get_by_test_id("drift-detail")
    expect(detail).to_contain_text(
        re.compile(r"session_length.*region ap-south, at .*UTC.*missing")
    )
    expect(page.get_by_test_id("drift-missing")).to_contain_text(re.compile(r"missing.*[34]\d\.\d"))
    page.keyboard.press("Escape")
    expect(detail).to_have_count(0)
    lost.last.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(detail).to_be_visible()
    history.get_by_test_id("history-scope").select_option(label="all versions, everywhere")
    expect(page).to_have_url(re.compile(r"/drift\?model=recommender$"))
    expect(history.get_by_role("button", name=re.compile("^age, .*PSI")).last).to_be_visible()
    history.get_by_test_id("chart-menu").click()
    expect(page.get_by_test_id("chart-facts")).to_contain_text(re.compile("looks.*Gaps", re.S))
    assert find_violations(page) == []


def test_references_and_how_to_make_one(open_drift: OpenDrift, drifting: Process) -> None:
    page = open_drift("/drift")
    expect(page.get_by_test_id("drift-without")).to_contain_text(
        "vario reference create --model pricer --name baseline --from-live 24h"
        f" --server {drifting.addresses.api}"
    )
    expect(page.get_by_test_id("drift-references")).to_contain_text(
        re.compile(r"recommender.*training.*v23.*train\.parquet.*3.*4.000.*yes")
    )


def test_nobody_is_shut_out_of_drift(open_drift: OpenDrift) -> None:
    page = open_drift(CELL)
    page.get_by_test_id("drift-bars").wait_for()
    assert find_violations(page) == []
    page.emulate_media(color_scheme="light")
    assert find_violations(page) == []
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    assert find_violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]


def test_nothing_yet_and_a_refusal(open_page: OpenPage, drifting: Process, watch: Watch) -> None:
    watch.allow("Failed to load resource")
    nothing = {"time": 1e9, "error": "", "findings": [], "readings": [], "without_reference": []}
    refused = {"status": "error", "errorType": "execution", "error": "the store does not answer"}

    def find_nothing(page: Page) -> None:
        page.route("**/api/drift", lambda route: route.fulfill(json=nothing))
        page.route("**/api/references", lambda route: route.fulfill(json={"references": []}))

    page = open_page("/", before=find_nothing, address=drifting.addresses.api)
    page.get_by_test_id("nav-drift").wait_for()
    page.keyboard.press("g")
    page.keyboard.press("r")
    expect(page).to_have_title("Drift · vario")
    expect(page.get_by_test_id("empty")).to_contain_text("vario.record_prediction(")
    page.unroute("**/api/drift")
    page.route("**/api/drift", lambda route: route.fulfill(status=422, json=refused))
    page.reload()
    expect(page.get_by_test_id("error")).to_contain_text("the store does not answer")
    page.unroute("**/api/drift")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_test_id("drift-map")).to_be_visible()
