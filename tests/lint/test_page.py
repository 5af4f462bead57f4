"""docs/lint.md keeps step with the rules, and its table of findings with the public rule files."""

import re
from collections import Counter
from pathlib import Path

import pytest

from vario.lint.facts import Facts
from vario.lint.page import write_reference
from vario.lint.run import RULES, lint
from vario.lint.source import Source

PAGE = Path(__file__).parents[2] / "docs" / "lint.md"


def test_the_reference_is_what_the_rules_say() -> None:
    assert PAGE.read_text("utf-8").endswith(write_reference(RULES.values())), (
        "run python tools/lint_page.py"
    )


def test_every_anchor_is_a_heading() -> None:
    headings = re.findall(r"^### (.+)$", PAGE.read_text("utf-8"), re.MULTILINE)
    anchors = {heading.lower().replace(" ", "-") for heading in headings}
    assert {rule.anchor for rule in RULES.values()} == anchors


@pytest.mark.conformance
def test_the_counts_over_public_rule_files_are_those_of_the_page(conformance: Path) -> None:
    paths = [path for path in sorted(conformance.glob("rules/**/*.y*ml")) if path.is_file()]
    sources = [Source(path.as_posix(), path.read_text("utf-8")) for path in paths]
    found = Counter(finding.rule.code for finding in lint(sources, Facts()))
    rows = re.findall(r"^\| (VA\d+) \| (\d+) \|", PAGE.read_text("utf-8"), re.MULTILINE)
    assert dict(found) == {code: int(count) for code, count in rows}
