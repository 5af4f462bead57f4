"""Each planted mistake is found, and nothing in its clean twin."""

from pathlib import Path

import pytest

from vario.lint.facts import Facts
from vario.lint.finding import Finding, Rule
from vario.lint.run import RULES, lint
from vario.lint.source import Source

PLANTED = Path(__file__).parent / "planted"
BAD = sorted(PLANTED.glob("*.bad.*"))
NEEDS_SERVER = "VA117"


def find(path: Path, facts: Facts) -> list[Finding]:
    return lint([Source(path.name, path.read_text("utf-8"))], facts)


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.name)
def test_a_planted_mistake_is_found(path: Path, facts: Facts, live_facts: Facts) -> None:
    code = path.name[:5]
    known = live_facts if code == NEEDS_SERVER else facts
    assert {finding.rule.code for finding in find(path, known)} == {code}


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.name)
def test_nothing_is_found_in_its_clean_twin(path: Path, facts: Facts, live_facts: Facts) -> None:
    known = live_facts if path.name.startswith(NEEDS_SERVER) else facts
    twin = path.with_name(path.name.replace(".bad.", ".good."))
    assert [f"{f.rule.code} {f.message}" for f in find(twin, known)] == []


def test_every_rule_is_planted() -> None:
    assert {path.name[:5] for path in BAD} == set(RULES)


def example(rule: Rule, text: str) -> Source:
    """Returns the example of a rule as a file: PromQL stands in a recording rule, or an alert."""
    if rule.code.startswith("VA1"):
        key = "alert" if rule.code == "VA120" else "record"
        text = f"groups: [{{name: g, rules: [{{{key}: a, expr: '{text}'}}]}}]"
    suffix = {"logs": "jsonl", "dashboard": "json"}.get(rule.kinds[0], "yml")
    return Source(f"example.{suffix}", text)


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.code)
def test_the_examples_of_a_rule_show_it(rule: Rule, facts: Facts, live_facts: Facts) -> None:
    known = live_facts if rule.code == NEEDS_SERVER else facts
    bad, good = (
        {f.rule.code for f in lint([example(rule, text)], known)} for text in (rule.bad, rule.good)
    )
    assert rule.code in bad
    assert rule.code not in good
