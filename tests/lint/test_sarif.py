"""SARIF 2.1.0, checked against what the standard requires; section numbers are the standard's."""

import re
from pathlib import Path
from typing import Any

import orjson
import pytest

from vario.lint.facts import Facts
from vario.lint.report.sarif import to_sarif
from vario.lint.run import RULES, lint
from vario.lint.source import Source

PLANTED = Path(__file__).parent / "planted"
TEXT = {"text": str}
LEVELS = {"none", "note", "warning", "error"}


def shape(value: Any, required: dict[str, type], optional: dict[str, type], where: str) -> None:
    """Fails where an object lacks a property, has one more, or has one of another type."""
    assert isinstance(value, dict), where
    known = {**required, **optional}
    assert set(required) <= set(value) <= set(known), f"{where}: {sorted(value)}"
    for name, kind in known.items():
        assert name not in value or type(value[name]) is kind, f"{where}.{name}"


def check_region(region: Any, where: str) -> None:
    """3.30: lines and columns count from 1, and the end is not before the start."""
    numbers = dict.fromkeys(("startLine", "startColumn", "endLine", "endColumn"), int)
    shape(region, {"startLine": int}, {**numbers, "snippet": dict}, where)
    assert min(region[name] for name in numbers) >= 1, where
    start, end = ((region[f"{e}Line"], region[f"{e}Column"]) for e in ("start", "end"))
    assert start <= end, where
    if "snippet" in region:
        shape(region["snippet"], TEXT, {}, where)


def check_artifact(location: Any, where: str) -> None:
    """3.4: the URI is a valid reference (RFC 3986)."""
    shape(location, {"uri": str}, {"uriBaseId": str, "index": int}, where)
    assert re.fullmatch(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+", location["uri"]), where


def check_log(log: Any) -> None:
    """3.13: one run with its tool; every result points to a rule that is there."""
    shape(log, {"version": str, "runs": list}, {"$schema": str}, "log")
    assert log["version"] == "2.1.0"
    for run in log["runs"]:
        shape(run, {"tool": dict}, {"results": list, "columnKind": str}, "run")
        assert run["columnKind"] in ("utf16CodeUnits", "unicodeCodePoints")
        shape(run["tool"], {"driver": dict}, {}, "tool")
        driver = run["tool"]["driver"]
        shape(driver, {"name": str}, {"semanticVersion": str, "rules": list}, "driver")
        for rule in driver["rules"]:
            check_rule(rule)
        assert len({rule["id"] for rule in driver["rules"]}) == len(driver["rules"])
        for result in run["results"]:
            check_result(result, driver["rules"])


def check_rule(rule: Any) -> None:
    """3.49: reportingDescriptor."""
    texts = dict.fromkeys(("shortDescription", "fullDescription", "help"), dict)
    extra = {"name": str, "defaultConfiguration": dict, "properties": dict, **texts}
    shape(rule, {"id": str}, extra, "rule")
    for name in texts:
        shape(rule[name], TEXT, {"markdown": str}, f"rule.{name}")
    assert rule["defaultConfiguration"]["level"] in LEVELS
    assert all(isinstance(tag, str) for tag in rule["properties"]["tags"])


def check_result(result: Any, rules: list[Any]) -> None:
    """3.27: result, with its locations, fingerprints and fixes."""
    optional = {
        **{"ruleId": str, "ruleIndex": int, "level": str, "locations": list, "fixes": list},
        "partialFingerprints": dict,
    }
    shape(result, {"message": dict}, optional, "result")
    assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    assert result["level"] in LEVELS
    shape(result["message"], TEXT, {}, "message")
    for location in result["locations"]:
        shape(location, {}, {"physicalLocation": dict}, "location")
        physical = location["physicalLocation"]
        shape(physical, {"artifactLocation": dict}, {"region": dict}, "physicalLocation")
        check_artifact(physical["artifactLocation"], "artifactLocation")
        check_region(physical["region"], "region")
    for fix in result.get("fixes", []):
        shape(fix, {"artifactChanges": list}, {"description": dict}, "fix")
        for change in fix["artifactChanges"]:
            shape(change, {"artifactLocation": dict, "replacements": list}, {}, "change")
            check_artifact(change["artifactLocation"], "change")
            assert change["replacements"]
            for replacement in change["replacements"]:
                shape(replacement, {"deletedRegion": dict}, {"insertedContent": dict}, "edit")
                check_region(replacement["deletedRegion"], "deletedRegion")
                shape(replacement["insertedContent"], TEXT, {}, "insertedContent")


@pytest.fixture(scope="module")
def log() -> Any:
    """Every planted mistake in one log, as it is written."""
    sources = {
        f"a folder/{path.name}": Source(f"a folder/{path.name}", path.read_text("utf-8"))
        for path in sorted(PLANTED.iterdir())
    }
    findings = lint(sources.values(), Facts())
    return orjson.loads(orjson.dumps(to_sarif(findings, RULES.values(), sources, "0.1.0")))


def test_the_log_is_what_the_standard_asks(log: Any) -> None:
    check_log(log)
    results = log["runs"][0]["results"]
    assert {result["ruleId"] for result in results} >= {"VA101", "VA209", "VA404", "VA505"}
    assert any("fixes" in result for result in results)


@pytest.mark.parametrize(
    ("path", "broken"),
    [
        (("version",), "2.0.0"),
        (("runs", 0, "results", 0, "ruleIndex"), 3),
        (("runs", 0, "results", 0, "level"), "fatal"),
        (("runs", 0, "results", 0, "message"), "text"),
        (
            ("runs", 0, "results", 0, "locations", 0, "physicalLocation", "region", "startLine"),
            0,
        ),
    ],
)
def test_the_check_sees_what_is_wrong(log: Any, path: tuple[Any, ...], broken: Any) -> None:
    copy = orjson.loads(orjson.dumps(log))
    holder = copy
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = broken
    with pytest.raises(AssertionError):
        check_log(copy)


def test_fingerprints_stay_when_lines_are_added_above() -> None:
    text = (PLANTED / "VA110-ninety-five.bad.yml").read_text("utf-8")
    prints: list[Any] = []
    for each in (text, f"# a comment\n\n{text}"):
        source = Source("r.yml", each)
        found = to_sarif(lint([source], Facts()), RULES.values(), {"r.yml": source}, "0")
        prints.append([r["partialFingerprints"] for r in found["runs"][0]["results"]])
    assert prints[0] == prints[1]
