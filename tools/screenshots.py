"""Takes every page of a running vario at two sizes, in both themes and in every state.

python tools/screenshots.py http://127.0.0.1:7070 [--out screenshots] [--only overview,trace]
"""

import argparse
import json
import shutil
import sys
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Route, sync_playwright

SIZES = {"desktop": (1440, 900), "phone": (390, 844)}
THEMES = ("dark", "light")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--force-color-profile=srgb",
)  # fmt: skip
TIMEOUT_MS = 15_000

Step = Callable[[Page], None]


@dataclass(frozen=True)
class Shot:
    """One picture: where to go, what must be seen there, what to do first."""

    name: str
    path: str
    ready: str
    act: Step = lambda page: None
    before: Step = lambda page: None


def ask(url: str, path: str) -> Any:
    """Returns the JSON answer of the server to `path`."""
    with urllib.request.urlopen(f"{url}{path}", timeout=30) as answer:
        return json.load(answer)


def _click(test_id: str, nth: int = 0) -> Step:
    return lambda page: page.get_by_test_id(test_id).nth(nth).click()


def _type_filter(text: str) -> Step:
    def act(page: Page) -> None:
        page.get_by_test_id("filter").fill(text)

    return act


def _scroll_to(test_id: str) -> Step:
    return lambda page: page.get_by_test_id(test_id).first.evaluate(
        "element => window.scrollTo(0, element.getBoundingClientRect().top + scrollY - 70)"
    )


def _refuse(status: int, kind: str, error: str) -> Step:
    """Returns a step after which every question is answered by this error."""
    body = {"status": "error", "errorType": kind, "error": error}
    return lambda page: page.route(
        "**/api/**", lambda route: route.fulfill(status=status, json=body)
    )


def _find_nothing(*, stored: bool) -> Step:
    """Returns a step after which every search finds nothing, in a store with data or without."""

    def answer(route: Route) -> None:
        body = route.fetch().json()
        for name, value in body.items():
            if isinstance(value, list) and (name != "tables" or not stored):
                body[name] = []
        route.fulfill(json=body)

    return lambda page: page.route("**/api/**", answer)


def _never_answer(page: Page) -> None:
    page.add_init_script("window.fetch = () => new Promise(() => {})")


def full_shots(url: str) -> Iterator[Shot]:
    """Yields the pages with the data that the server has."""
    services = ask(url, "/api/services?start=now-15m")["services"]
    if not services:
        sys.exit(f"{url} has no requests in the last 15 minutes: run `vario demo` first")
    models = [row for row in services if row["model"]] or services
    row = max(models, key=lambda one: one["requests"])
    service = urllib.parse.quote(row["service"], safe="")
    model = f"?model={urllib.parse.quote(row['model'])}" if row["model"] else ""
    joiner = "&" if model else "?"
    newest = ask(url, "/api/traces?limit=200&start=now-15m")["traces"]
    telling = max(newest, key=lambda one: one["span_count"])["trace_id"]
    yield Shot("overview", "/", "quality")
    yield Shot("service", f"/services/{service}{model}", "chart-latency")
    yield Shot("service-by-region", f"/services/{service}{model}{joiner}by=region", "chart-latency")
    yield Shot("traces", "/traces", "trace-line")
    yield Shot("traces-completing", "/traces", "trace-line", _type_filter("serv"))
    yield Shot("traces-filter-error", "/traces?filter=duration+%3E+fast", "filter-error")
    yield Shot("trace", f"/traces/{telling}", "waterfall")
    yield Shot("trace-span", f"/traces/{telling}", "waterfall", _click("span-row", 2))
    yield Shot("logs", "/logs", "log-line")
    yield Shot("logs-open", "/logs", "log-line", _click("log-line", 2))
    yield from incident_shots(url)
    slos = ask(url, "/api/slos")["slos"]
    for slo in sorted(slos, key=lambda one: one["budget_left"] or 1.0)[:1]:
        path = f"/slos/{urllib.parse.quote(slo['id'], safe='')}"
        yield Shot("slos", "/slos", "slo-row")
        yield Shot("slo", path, "slo-facts")
        yield Shot("slo-spent", path, "spent-row", _scroll_to("spent"))
    yield Shot("data", "/data", "data-kinds")
    yield Shot("data-guards", "/data", "data-folds", _scroll_to("data-personal"))
    yield Shot("doctor", "/doctor", "doctor-group")
    yield Shot("time-picker", "/", "service-row", _click("time-picker"))
    yield Shot("help", "/", "service-row", lambda page: page.keyboard.press("?"))
    yield Shot("palette", "/", "service-row", lambda page: page.keyboard.press("Control+k"))


def release_shots(url: str) -> Iterator[Shot]:
    """Yields the comparison of two releases, and capacity, where a service has what they need."""
    services = ask(url, "/api/services?start=now-1h")["services"]
    for row in [one for one in services if len(one["versions"]) > 1][:1]:
        service = urllib.parse.quote(row["service"])
        yield Shot("compare", f"/compare?service={service}&from=now-1h", "compare-verdict")
    row = max(services, key=lambda one: (bool(one["model"]), one["requests"]))
    path = f"/capacity?service={urllib.parse.quote(row['service'])}&from=now-1h&target=p95<%3D200ms"
    yield Shot("capacity", path, "headroom")


def drift_shots(url: str) -> Iterator[Shot]:
    """Yields the page about drift, where a model has a reference."""
    if ask(url, "/api/drift")["findings"] or ask(url, "/api/references")["references"]:
        yield Shot("drift", "/drift", "drift-map")


def incident_shots(url: str) -> Iterator[Shot]:
    """Yields the pages about alerts and incidents, as far as there are any."""
    for alert in ask(url, "/api/alerts")["alerts"][:1]:
        yield Shot("alerts", "/alerts", "alert-row")
        yield Shot("alert", f"/alerts/{alert['id']}", "alert-facts")
        if alert["state"] == "firing":
            yield Shot("silence", "/alerts", "alert-row", _click("silence"))
    incidents = ask(url, "/api/incidents")["incidents"]
    explained = [one for one in incidents if one["verdict"] == "explained"] or incidents
    for incident in explained[:1]:
        yield Shot("incidents", "/incidents?state=all", "incident-row")
        yield Shot("incident", f"/incidents/{incident['id']}", "incident-facts")


def explore_shots(url: str) -> Iterator[Shot]:
    """Yields the views of metrics, traces and logs beyond their lists."""
    metrics = ask(url, "/api/metrics")["metrics"]
    yield Shot("metrics", "/metrics", "metric-link")
    for metric in [one for one in metrics if one["type"] == "histogram" and one["classic"]][:1]:
        buckets = f"sum by (le) (rate({metric['name']}_bucket[5m]))"
        quantile = urllib.parse.quote(f"histogram_quantile(0.95, {buckets})")
        heat = urllib.parse.quote(buckets)
        yield Shot("metrics-chart", f"/metrics?q={quantile}", "metrics-chart")
        yield Shot("metrics-heat", f"/metrics?q={heat}&view=heat", "heat-map")
    slow, quick = (
        ask(url, f"/api/traces?order={order}&limit=1&start=now-15m")["traces"][0]["trace_id"]
        for order in ("slowest", "newest")
    )
    yield Shot("traces-compared", f"/traces/compare?a={quick}&b={slow}", "trace-pairs")
    yield Shot("logs-patterns", "/logs?view=patterns", "pattern")
    yield Shot("logs-tail", "/logs?view=tail", "tail")


def state_shots() -> Iterator[Shot]:
    """Yields what a page shows when there is nothing, no answer yet, or a refusal."""
    busy = _refuse(400, "execution", "the answer is too large for one page: narrow the window")
    for name, path in (
        ("overview", "/"),
        ("traces", "/traces"),
        ("logs", "/logs"),
        ("metrics", "/metrics"),
        ("slos", "/slos"),
        ("alerts", "/alerts"),
        ("incidents", "/incidents"),
        ("drift", "/drift"),
        ("compare", "/compare"),
        ("capacity", "/capacity"),
        ("data", "/data"),
        ("doctor", "/doctor"),
    ):
        yield Shot(f"{name}-empty", path, "empty", before=_find_nothing(stored=True))
        yield Shot(f"{name}-loading", path, "loading", before=_never_answer)
        yield Shot(f"{name}-error", path, "error", before=busy)
    yield Shot("overview-first-run", "/", "first-run", before=_find_nothing(stored=False))
    missing = _refuse(404, "not_found", "no such trace is stored")
    yield Shot("trace-missing", f"/traces/{'0' * 31}1", "empty", before=missing)


def take(browser: Browser, url: str, shot: Shot, out: Path) -> None:
    """Takes one page at every size and in every theme."""
    for size, (width, height) in SIZES.items():
        for theme in THEMES:
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme=theme,
                has_touch=size == "phone",
                reduced_motion="reduce",
            )
            page = context.new_page()
            page.set_default_timeout(TIMEOUT_MS)
            shot.before(page)
            page.goto(url + shot.path)
            page.get_by_test_id(shot.ready).first.wait_for()
            shot.act(page)
            page.wait_for_timeout(500)
            page.screenshot(path=out / f"{shot.name}-{size}-{theme}.png")
            page.unroute_all(behavior="ignoreErrors")
            context.close()


def find_browser() -> str:
    """Returns the path of a Chromium, or leaves with what to install."""
    for name in BROWSERS:
        if path := shutil.which(name):
            return path
    sys.exit("no Chromium found: apt-get install chromium")


def main() -> None:
    """Takes all pictures, or those whose name begins with one of `--only`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--out", type=Path, default=Path("screenshots"))
    parser.add_argument("--only", default="", help="names, separated by commas")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    wanted = tuple(options.only.split(","))
    url = options.url.rstrip("/")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=list(ARGUMENTS))
        pages = (full_shots, release_shots, drift_shots, explore_shots)
        shots = [*(shot for page in pages for shot in page(url)), *state_shots()]
        for shot in shots:
            if shot.name.startswith(wanted):
                take(browser, url, shot, options.out)
                print(shot.name)
        browser.close()


if __name__ == "__main__":
    main()
