"""OpenSLO's own documents under `vario lint`: what cannot be used is an error at its line."""

from pathlib import Path

import pytest

from vario.lint.facts import Facts
from vario.lint.run import lint
from vario.lint.source import Source

FOLDER = Path(__file__).parents[3] / "shared" / "conformance" / "openslo"
FILES = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.yaml"))
ERRORS = {
    "validate/invalid-apiversion.yaml": [1],
    "validate/unknown-field.yaml": [6],
    "validate/v1alpha.yaml": [1, 8, 13, 40],
    "validate/v2alpha.yaml": [1, 38, 47],
}
"""Lines of errors; every other file has none. They are those that the loader refuses."""
NAMELESS = "validate/invalid-apiversion.yaml"
DOUBTS = {"VA301", "VA302", "VA304"}
"""No owner, no runbook, something that is not measured here: of every file that loads."""


@pytest.mark.conformance
@pytest.mark.parametrize("name", FILES or [None])
def test_a_document_is_judged_as_its_name_says(name: str | None) -> None:
    if name is None:
        pytest.skip(f"NO CONFORMANCE CASES: {FOLDER} is not there, nothing was checked against it")
    source = Source(name, (FOLDER / name).read_text("utf-8"))
    found = lint([source], Facts(), kind="slo")
    errors = [finding for finding in found if finding.rule.severity == "error"]
    assert [finding.place.line for finding in errors] == ERRORS.get(name, [])
    assert {finding.rule.code for finding in errors} <= {"VA001"}
    others = {finding.rule.code for finding in found} - {"VA001"}
    assert others <= DOUBTS
    # By its content it is known too, but for one of which only its path says that it is OpenSLO.
    assert lint([source], Facts()) == ([] if name == NAMELESS else found)


@pytest.mark.conformance
def test_every_file_that_is_named_is_there(conformance: Path) -> None:
    assert set(ERRORS) <= set(FILES), conformance
