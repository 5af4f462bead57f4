"""How quick the screens are, in headless Chromium against a server with a fleet's telemetry.

Medians of several rounds within one run; frames are those of `requestAnimationFrame` while the page
scrolls. The chart of 20 series x 10,000 points and the 100,000 log lines are answered by this
program, so that drawing is measured and not the engine.
"""

import json
import re
import statistics
import time
from collections.abc import Iterator, Sequence
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Browser, Page, Route, sync_playwright
from tests.web.canary import send_canary
from tests.web.fleet import BIG_TRACE, make_fleet
from tests.web.planted_metrics import send_metrics
from tools.screenshots import ARGUMENTS, find_browser

from bench.report import Row
from bench.server import running_server

ROUNDS = 5
SERIES, POINTS = 20, 10_000
LINES, LINES_A_PAGE = 100_000, 10_000
PAGES = {
    "incidents": "empty",
    "traces": "trace-line",
    "logs": "log-line",
    "metrics": "metric-link",
    "slos": "empty",
    "releases": "compare-verdict",
    "capacity": "capacity-idle",
    "data": "data-kinds",
    "doctor": "doctor-group",
    "overview": "service-row",
}
"""What is clicked in the rail, and what must be there then."""

_CHART = f"chart of {SERIES} x {POINTS} points"
# Notes when an answer is there as JSON and when a chart is drawn after it; `drawn` waits for the
# frame in which chart and table are painted, `again` asks for another window before.
_WATCH = """
const parse = Response.prototype.json;
Response.prototype.json = async function () {
  const found = await parse.call(this);
  if (this.url.includes("query_range")) window.answered = performance.now();
  return found;
};
const clear = CanvasRenderingContext2D.prototype.clearRect;
CanvasRenderingContext2D.prototype.clearRect = function (...box) {
  if (window.answered) window.cleared = true;
  return clear.apply(this, box);
};
window.drawn = () => new Promise((resolve) => {
  const look = () =>
    window.cleared && document.querySelectorAll('[data-testid="legend-series"]').length === 20
      ? requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - window.answered)))
      : requestAnimationFrame(look);
  look();
});
window.again = (path) => {
  window.answered = window.cleared = undefined;
  history.pushState(null, "", path);
  dispatchEvent(new PopStateEvent("popstate"));
  return window.drawn();
};
"""
# Scrolls down until as many lines are there as are told; a line is at least 20 pixels high.
_TO_THE_END = """(lines) => new Promise((resolve) => {
  const look = () => {
    const { scrollHeight } = document.documentElement;
    if (scrollHeight > lines * 20) resolve(scrollHeight);
    else { window.scrollTo(0, scrollHeight); setTimeout(look, 100); }
  };
  look();
})"""
_SCROLL = """(pixels) => new Promise((resolve) => {
  const times = [];
  const step = (now) => {
    times.push(now);
    window.scrollBy(0, pixels);
    if (times.length < 150) requestAnimationFrame(step);
    else resolve(times.slice(1).map((time, index) => time - times[index]));
  };
  requestAnimationFrame(step);
})"""


def run() -> list[Row]:
    """Returns the rows of the report."""
    with running_server() as server:
        make_fleet().send(server.otlp)
        send_canary(server.otlp)
        send_metrics(server.otlp)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=find_browser(), args=list(ARGUMENTS)
            )
            api = server.api
            first = [_first(browser, api) for _ in range(ROUNDS)]
            first_drawn, drawn = zip(*(_chart(browser, api) for _ in range(ROUNDS)), strict=True)
            rows = [
                _row("overview: first useful paint", 1000, first),
                *_changes(browser, api),
                _row(f"{_CHART}, first of a page", 100, first_drawn, "answer to painted"),
                _row(f"{_CHART}, next window", 100, drawn, "answer to painted"),
                *_frame_rows("10,000 spans", _waterfall_frames(browser, api)),
                *_frame_rows(f"{LINES:,} log lines", _log_frames(browser, api)),
            ]
            browser.close()
    return rows


def _row(name: str, goal_ms: int, times_ms: Sequence[float], note: str = "") -> Row:
    return Row(name, statistics.median(times_ms), "ms, median", f"< {goal_ms}", note)


def _open(browser: Browser) -> Page:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.set_default_timeout(30_000)
    return page


def _first(browser: Browser, api: str) -> float:
    """Milliseconds from asking for the overview with an empty cache to its first row."""
    page = _open(browser)
    begun = time.perf_counter()
    page.goto(api, wait_until="commit")
    page.get_by_test_id("service-row").first.wait_for()
    took = (time.perf_counter() - begun) * 1000
    page.context.close()
    return took


def _changes(browser: Browser, api: str) -> Iterator[Row]:
    """Yields how long each page takes from a click in the rail to its first row."""
    page = _open(browser)
    page.goto(api)
    page.get_by_test_id("service-row").first.wait_for()
    times: dict[str, list[float]] = {name: [] for name in PAGES}
    for _ in range(ROUNDS):
        for name, ready in PAGES.items():
            begun = time.perf_counter()
            page.get_by_test_id(f"nav-{name}").click()
            page.get_by_test_id(ready).first.wait_for()
            times[name].append((time.perf_counter() - begun) * 1000)
    page.context.close()
    for name, taken in times.items():
        yield _row(f"to {name}", 300, taken, f"the first time {taken[0]:.0f}")


def _answer(route: Route) -> None:
    """Answers a range query with many series."""
    asked = {
        name: float(value[0])
        for name, value in parse_qs(urlsplit(route.request.url).query).items()
        if name in ("start", "step")
    }
    times = [asked["start"] + index * asked["step"] for index in range(POINTS)]
    result = [
        {
            "metric": {"series": str(one)},
            "values": [
                [at, str((index * (one + 7)) % 100 + one)] for index, at in enumerate(times)
            ],
        }
        for one in range(SERIES)
    ]
    data = {"resultType": "matrix", "result": result}
    route.fulfill(
        body=json.dumps({"status": "success", "data": data}), content_type="application/json"
    )


def _chart(browser: Browser, api: str) -> tuple[float, float]:
    """Milliseconds from the parsed answer to the frame in which chart and table are painted.

    Of a page that was just opened, and of the next window asked for there.
    """
    page = _open(browser)
    page.add_init_script(_WATCH)
    page.route("**/api/v1/query_range?*", _answer)
    # Fifty thousand seconds at five seconds a step.
    path = "/metrics?q=up&from=17000{0}00&to=17000{1}00&step=5"
    page.goto(api + path.format("000", "500"), wait_until="commit")
    first = float(page.evaluate("window.drawn()"))
    page.wait_for_load_state("networkidle")
    again = float(page.evaluate("window.again", path.format("005", "505")))
    page.context.close()
    return first, again


def _frame_rows(what: str, times_ms: Sequence[float]) -> list[Row]:
    slow = sorted(times_ms)[int(len(times_ms) * 0.95)]
    return [
        _row(f"frame while {what} scroll", 17, times_ms),
        Row(f"frame while {what} scroll, 95 of 100", slow, "ms", "< 34"),
    ]


def _waterfall_frames(browser: Browser, api: str) -> list[float]:
    """Milliseconds between frames while the spans of a large trace pass by."""
    page = _open(browser)
    page.goto(f"{api}/traces/{BIG_TRACE}")
    page.get_by_test_id("span-row").first.wait_for()
    times = page.evaluate(_SCROLL, 280)
    page.context.close()
    return [float(one) for one in times]


def _answer_logs(route: Route) -> None:
    """Answers a page of many log lines; the cursor is how many were answered before."""
    query = parse_qs(urlsplit(route.request.url).query)
    first = int(query.get("cursor", ["0"])[0])
    logs = [
        {
            "time_unix_nano": str((1_700_000_000 - index) * 10**9),
            "trace_id": f"{index:032x}",
            "span_id": f"{index:016x}",
            "severity_text": "INFO",
            "severity_number": 9,
            "service": "ml-infer",
            "body": f"inference {index} done in {index % 90} ms",
            "attributes": {"request_id": f"r-{index}"},
            "resource": {},
            "scope": "",
            "event_name": "",
        }
        for index in range(first, first + LINES_A_PAGE)
    ]
    after = first + LINES_A_PAGE
    answer = {"logs": logs, "next_cursor": str(after) if after < LINES else None}
    route.fulfill(body=json.dumps(answer), content_type="application/json")


def _log_frames(browser: Browser, api: str) -> list[float]:
    """Milliseconds between frames in the middle of very many log lines."""
    page = _open(browser)
    page.route(re.compile(r"/api/logs\?"), _answer_logs)
    page.goto(f"{api}/logs?from=1699800000&to=1700000000")
    page.get_by_test_id("log-line").first.wait_for()
    page.evaluate(_TO_THE_END, LINES)
    page.evaluate("window.scrollTo(0, document.documentElement.scrollHeight / 2)")
    page.get_by_test_id("log-line").first.wait_for()
    times = page.evaluate(_SCROLL, 280)
    page.context.close()
    return [float(one) for one in times]
