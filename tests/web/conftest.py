"""A server with a fleet's telemetry, and Chromium pages that watch for faults."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    expect,
    sync_playwright,
)
from tests.support.server import Process, ask, serving_process
from tests.web.fleet import make_fleet
from tools.screenshots import ARGUMENTS, BROWSERS

ROOT = Path(__file__).parents[2]
INDEX = ROOT / "src" / "vario" / "api" / "static" / "index.html"
DESKTOP, PHONE = (1440, 900), (390, 844)
TIMEOUT_MS = 15_000

OpenPage = Callable[..., Page]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """`vario up` with the last ten minutes of telemetry in it; fresh for each file of tests."""
    if not INDEX.exists():
        pytest.fail("the UI is not built: run `make ui` first (`make test` does)")
    with serving_process(tmp_path_factory.mktemp("web")) as process:
        make_fleet().send(process.addresses.otlp_http)
        assert ask(process.addresses.api, "/api/services")["services"]  # type: ignore[index]
        yield process


@pytest.fixture(scope="module")
def empty_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """`vario up` that nobody has sent anything to."""
    with serving_process(tmp_path_factory.mktemp("empty")) as process:
        yield process


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, for one file: while Playwright's loop runs, no other test may run one."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        message = "no Chromium here: the screens are NOT tested (apt-get install chromium)"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    expect.set_options(timeout=TIMEOUT_MS)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield launched
        launched.close()


class Watch:
    """Collects what a page complains about."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.allowed: list[str] = []

    def attach(self, page: Page) -> None:
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.faults.append(f"uncaught: {error}"))

    def allow(self, text: str) -> None:
        """Expects complaints that contain `text`, such as a 404 that a test asks for."""
        self.allowed.append(text)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(f"{message.type}: {message.text}")

    def check(self) -> None:
        left = [fault for fault in self.faults if not any(text in fault for text in self.allowed)]
        assert left == []


@pytest.fixture
def watch() -> Iterator[Watch]:
    """What pages of this test complain about; anything not allowed fails the test."""
    watching = Watch()
    yield watching
    watching.check()


@pytest.fixture
def open_page(browser: Browser, server: Process, watch: Watch) -> Iterator[OpenPage]:
    """Opens a path of the UI in a browser of its own and returns the page."""
    contexts: list[BrowserContext] = []

    def open_at(
        path: str,
        *,
        size: tuple[int, int] = DESKTOP,
        theme: str = "dark",
        address: str = server.addresses.api,
        before: Callable[[Page], None] = lambda page: None,
    ) -> Page:
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=theme,  # type: ignore[arg-type]
            reduced_motion="reduce",
            timezone_id="Europe/Berlin",
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(TIMEOUT_MS)
        watch.attach(page)
        before(page)
        page.goto(address + path)
        return page

    yield open_at
    for context in contexts:
        context.close()
