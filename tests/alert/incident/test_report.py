"""Drafts of post-mortems: what is in them, and that texts from outside stay texts."""

from dataclasses import replace
from html.parser import HTMLParser

import pytest
from tests.conftest import START_NS
from tests.store.test_incidents import INCIDENT, INVESTIGATION, PROOF

from vario.alert.incident import report, report_html
from vario.alert.incident.chart import Curve, Line, Mark, draw
from vario.errors import BadData
from vario.investigate.picture import Picture
from vario.model.investigation import Evidence, FixPoint, Moment
from vario.model.telemetry import TimeRange

S = 10**9
POINTS = tuple(FixPoint(START_NS + i * 10 * S, 0.3 - i * 0.01, 40, 0.1) for i in range(20))
WHOLE = replace(
    INCIDENT,
    title="slow <script>alert(1)</script> | *b*",
    state="resolved",
    resolved_ns=START_NS + 4000 * S,
    investigation=INVESTIGATION,
    verification=replace(
        PROOF, verdict="recovered", statement="It is 100 ms.", points=POINTS, baseline=0.1,
        incident=0.3, now=0.1, measure="mean duration", guards={"errors": True, "traffic": False},
    ),
    timeline=(Moment(START_NS, "note", "ada: <b>restarted</b> | it"),),
)  # fmt: skip


class Tags(HTMLParser):
    """Collects the names of tags, and complains where they are not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        if tag not in ("meta", "path"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag != "path" or self.open[-1] == "path":
            assert self.open.pop() == tag


def test_the_draft_in_markdown() -> None:
    text = report.write(WHOLE, "http://vario")
    assert text.startswith("# Incident 0123456789ab: slow \\<script\\>")
    for part in (
        "- **Service**: ml-infer",
        "- **Lasted**: 1 h 5 min",
        "- **Page**: http://vario/incidents/0123456789ab",
        "- It is slow.",
        "### 1. the cache misses",
        "miss ratio: 15 % before, 70 % after.",
        "cache_hit = false",
        "**Recovered.** It is 100 ms.",
        "- held too: errors",
        "- did not hold: traffic",
        "| 2025-06-15 15:06:40 | ada: \\<b\\>restarted\\</b\\> \\| it |",
        "## Actions",
    ):
        assert part in text, part


def test_the_draft_in_html_is_one_closed_file_without_scripts() -> None:
    text = report_html.write(WHOLE, "http://vario")
    tags = Tags()
    tags.feed(text)
    tags.close()
    assert tags.open == []
    assert {"svg", "table", "h2"} <= tags.seen
    assert not {"script", "img", "link", "b"} & tags.seen
    assert "http://vario/incidents/0123456789ab" in text
    assert report_html.write(INCIDENT)  # nothing found, nothing claimed


def test_the_symptom_and_each_cause_have_a_chart() -> None:
    def show(evidence: Evidence, window: TimeRange) -> Picture:
        if evidence.language == "promql":
            raise BadData("no such <metric>")
        times = range(window.start_ns, window.end_ns, 10 * S)
        return Picture(evidence.title, "s", times, [0.1] * len(times))

    promql = Evidence("misses now", "promql", "misses", INVESTIGATION.window, 0.7, "1")
    (finding,) = INVESTIGATION.findings
    other = replace(finding, evidence=(promql,))
    found = replace(INVESTIGATION, symptom="latency", findings=(finding, other))
    assert found.question.service
    text = report_html.write(replace(INCIDENT, investigation=found), draw=show)
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    assert text.count("<svg") == 2
    assert "p95 latency over time" in text
    assert "The chart of misses now failed: no such &lt;metric&gt;" in text


def test_a_chart_has_its_curves_levels_and_moments() -> None:
    times = [START_NS + i * S for i in range(5)]
    curve = Curve(times, [0.1, 0.2, float("nan"), 0.2, 0.1], "value", "#000")
    svg = draw([curve], [Line(0.1, "before", "#0a0")], [Mark(times[2], "fixed", "#00f")], "s", "t")
    assert svg.count("<path") == 5 + 1 + 1 + 1  # grid, level, moment, curve
    assert svg.count("M", svg.index('stroke-width="2"') - 80) >= 2  # a gap where nothing is known
    assert "before" in svg
    assert "fixed" in svg
    assert draw([], [], [], "s", "t") == ""
    assert draw([Curve(times[:1], [1.0], "one", "#000")], [], [], "s", "t") == ""


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (0.0834, "s", "83.4 ms"),
        (2.5, "s", "2.5 s"),
        (0.5, "1", "50 %"),
        (float("nan"), "s", "unknown"),
    ],
)
def test_quantities(value: float, unit: str, shown: str) -> None:
    assert report.quantity(value, unit) == shown
