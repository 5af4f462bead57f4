"""`--fix` does what is meant, touches nothing else, and does it once."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vario.lint.facts import Facts
from vario.lint.finding import Finding
from vario.lint.fix import fix_all
from vario.lint.run import RULES, lint
from vario.lint.source import Source
from vario.query.promql.parser import parse

PLANTED = Path(__file__).parent / "planted"
FIXED_TO_TWIN = [
    "VA108-le-lost.bad.yml",
    "VA110-ninety-five.bad.yml",
    "VA112-milliseconds.bad.yml",
    "VA113-five-percent.bad.yml",
    "VA118-five-dots.bad.yml",
    "VA118-slo-five-dots.bad.yml",
    "VA403-interval.bad.json",
    "VA404-ms-of-seconds.bad.json",
]


def fix(path: str, text: str) -> tuple[str, list[Finding]]:
    def judge(text: str) -> list[Finding]:
        return lint([Source(path, text)], Facts())

    fixed, _ = fix_all(text, judge)
    return fixed, judge(fixed)


@pytest.mark.parametrize("name", FIXED_TO_TWIN)
def test_a_fix_makes_the_clean_twin(name: str) -> None:
    fixed, left = fix(name, (PLANTED / name).read_text("utf-8"))
    assert fixed == (PLANTED / name.replace(".bad.", ".good.")).read_text("utf-8")
    assert left == []


@pytest.mark.parametrize("path", sorted(PLANTED.iterdir()), ids=lambda path: path.name)
def test_nothing_is_left_that_could_be_fixed_and_a_second_time_changes_nothing(path: Path) -> None:
    text = path.read_bytes().decode("utf-8")
    once, left = fix(path.name, text)
    assert [finding.rule.code for finding in left if finding.edits] == []
    assert fix(path.name, once)[0] == once
    if ".good." in path.name:
        assert once == text


def test_every_rule_that_promises_a_fix_fixes_a_planted_mistake() -> None:
    codes = {
        finding.rule.code
        for path in PLANTED.glob("*.bad.*")
        for finding in lint([Source(path.name, path.read_text("utf-8"))], Facts())
        if finding.edits
    }
    assert codes == {rule.code for rule in RULES.values() if rule.fixable}


METRICS = st.sampled_from(["x_bucket", "x_seconds_bucket", "requests_total", "p95_x", "up"])
MATCHERS = st.sampled_from(["", '{code="5.."}', '{code=~"5..", a!="b.*"}', "{ code = '5..' }"])
FUNCTIONS = st.sampled_from(["rate", "increase", "irate"])
GROUPS = st.sampled_from(["", "by (a) ", "by(le)", "without (le) ", "BY ( a,b ) "])


@st.composite
def expressions(draw: st.DrawFn) -> str:
    selector = draw(METRICS) + draw(MATCHERS)
    ranged = f"{draw(FUNCTIONS)}({selector}[{draw(st.sampled_from(['20s', '5m']))}])"
    inner = draw(st.sampled_from([ranged, selector]))
    summed = f"sum {draw(GROUPS)}({inner})"
    name = selector.partition("{")[0]
    limit = draw(st.sampled_from(["200", "0.2", "5", "1"]))
    phi = draw(st.sampled_from(["95", "0.95", "99.9", "950"]))
    return draw(
        st.sampled_from(
            [
                f"histogram_quantile({phi}, {summed}) > {limit}",
                f"rate({summed}[5m:]) > {limit}",
                f"sum(rate({selector}[5m])) / sum(rate({name}[5m])) > {limit}",
                f"{limit} < {summed}",
            ]
        )
    )


QUOTED = st.sampled_from(["|", ">-", "'", '"'])


@settings(max_examples=100, deadline=None)
@given(expressions(), QUOTED)
def test_whatever_is_fixed_stays_promql_and_stays_fixed(expr: str, style: str) -> None:
    if style in ("|", ">-"):
        written = f"{style}\n      {expr}"
    elif style == '"':
        written = '"' + expr.replace('"', '\\"') + '"'
    else:
        written = "'" + expr.replace("'", "''") + "'"
    text = (
        f"groups:\n- name: g\n  rules:\n  - alert: A\n    expr: {written}\n"
        "    annotations: {summary: over 200 ms}\n"
    )
    once, left = fix("r.yml", text)
    assert [f.message for f in left if f.rule.code == "VA001"] == []
    assert [f.rule.code for f in left if f.edits] == []
    assert fix("r.yml", once)[0] == once
    parse(expr)
