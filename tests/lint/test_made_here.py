"""What vario writes itself is clean: starter SLOs, exported rules and dashboards."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import orjson
import pytest

from vario.lint.facts import Facts
from vario.lint.run import lint
from vario.lint.source import Source
from vario.slo.grafana import make_dashboard
from vario.slo.load import check_text
from vario.slo.model import Slo
from vario.slo.rules import make_groups, to_yaml
from vario.slo.starter import find_drafts, render_slos

REQUESTS = "inference_requests_total"
BUCKETS = "inference_latency_seconds_bucket"


class Served:
    """A service with a counter of requests and a histogram of latency."""

    def metric_names(self) -> Sequence[str]:
        return [REQUESTS, BUCKETS]

    def series(self, selector: str) -> Sequence[Mapping[str, str]]:
        own = {"service": "ml-infer", "region": "eu-west"}
        if selector.startswith(BUCKETS):
            return [{**own, "le": le} for le in ("0.1", "0.25", "+Inf")]
        return [{**own, "status": status} for status in ("200", "500")]

    def query(self, expr: str) -> Sequence[tuple[Mapping[str, str], float]]:
        if "by (le)" in expr and "quantile" not in expr:
            return [({"le": "0.1"}, 900.0), ({"le": "0.25"}, 998.0), ({"le": "+Inf"}, 1000.0)]
        if "5.." in expr:
            return [({}, 1.0)]
        return [({}, 0.12 if "quantile" in expr else 1000.0)]


def findings(name: str, text: str, facts: Facts | None = None) -> list[tuple[str, str]]:
    return [(f.rule.code, f.message) for f in lint([Source(name, text)], facts or Facts())]


@pytest.fixture(scope="module")
def slos() -> str:
    """What `vario init` writes when it is told who owns it."""
    return render_slos(find_drafts(Served()), "7d", "ml-serving", "usual")


@pytest.fixture(scope="module")
def read(slos: str) -> tuple[Slo, ...]:
    found, problems = check_text(slos, "slos.yml")
    assert problems == []
    assert len(found.slos) > 1
    return found.slos


def test_the_starter_slos_are_clean(slos: str) -> None:
    assert findings("slos.yml", slos) == []


def test_a_starter_that_nobody_filled_in_says_so_and_no_more() -> None:
    text = render_slos(find_drafts(Served()), "7d", "", "")
    assert {code for code, _ in findings("slos.yml", text)} == {"VA303"}


def test_exported_rules_are_clean(read: tuple[Slo, ...]) -> None:
    groups = [group for slo in read for group in make_groups(slo, now_s=1_767_225_600)]
    assert findings("rules.yml", to_yaml(groups)) == []


def test_exported_dashboards_are_clean(read: tuple[Slo, ...]) -> None:
    assert findings("dashboard.json", orjson.dumps(make_dashboard(read)).decode()) == []


def test_the_example_log_of_the_documentation_is_clean() -> None:
    page = (Path(__file__).parents[2] / "docs" / "lint.md").read_text("utf-8")
    block = page.partition("### VA501")[2].partition("Good:\n\n```json\n")[2].partition("```")[0]
    assert block.startswith("{")
    assert findings("sample.jsonl", block) == []
