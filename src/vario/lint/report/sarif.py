"""Findings as SARIF 2.1.0, which code hosts show beside the source.

Source: OASIS, Static Analysis Results Interchange Format 2.1.0; section numbers are its own.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from vario.lint.finding import Edit, Finding, Rule
from vario.lint.source import Source

_LEVELS = {"error": "error", "warning": "warning", "info": "note"}
_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)


def to_sarif(
    findings: Sequence[Finding],
    rules: Iterable[Rule],
    sources: Mapping[str, Source],
    version: str,
) -> dict[str, Any]:
    """Returns a SARIF log with one run.

    Args:
        findings: the results.
        rules: all rules that were asked.
        sources: the files by path, for excerpts and fixes.
        version: of vario.
    """
    descriptors = list(rules)
    index = {rule.code: i for i, rule in enumerate(descriptors)}
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "vario lint",
                        "semanticVersion": version,
                        "rules": [_descriptor(rule) for rule in descriptors],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [_result(f, index, sources.get(f.path)) for f in findings],
            }
        ],
    }


def _descriptor(rule: Rule) -> dict[str, Any]:
    """Returns a reportingDescriptor (3.49)."""
    text = f"{rule.why}\n\nBad:\n\n{rule.bad}\n\nGood:\n\n{rule.good}\n\nRemedy: {rule.remedy}."
    return {
        "id": rule.code,
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": {"text": f"{rule.title}."},
        "fullDescription": {"text": rule.why},
        "help": {"text": text},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {"tags": list(rule.kinds)},
    }


def _result(finding: Finding, index: Mapping[str, int], source: Source | None) -> dict[str, Any]:
    """Returns a result (3.27)."""
    result: dict[str, Any] = {
        "ruleId": finding.rule.code,
        "ruleIndex": index[finding.rule.code],
        "level": _LEVELS[finding.rule.severity],
        "message": {"text": f"{finding.message}. Remedy: {finding.remedy}."},
        "locations": [{"physicalLocation": _location(finding, source)}],
        "partialFingerprints": {"findingHash/v1": _fingerprint(finding, source)},
    }
    if finding.edits and source is not None:
        result["fixes"] = [_fix(finding, source)]
    return result


def _location(finding: Finding, source: Source | None) -> dict[str, Any]:
    place = finding.place
    region: dict[str, Any] = {
        "startLine": place.line,
        "startColumn": place.column,
        "endLine": place.end_line,
        "endColumn": place.end_column,
    }
    if source is not None:
        region["snippet"] = {"text": source.line(place.line)}
    return {"artifactLocation": _artifact(finding.path), "region": region}


def _artifact(path: str) -> dict[str, Any]:
    """Returns an artifactLocation (3.4): a relative path as a URI reference."""
    plain = path.replace("\\", "/")
    if plain.startswith("/"):
        return {"uri": "file://" + quote(plain)}
    return {"uri": quote(plain.removeprefix("./"))}


def _fingerprint(finding: Finding, source: Source | None) -> str:
    """Returns what stays the same when lines above are added: code, subject and the line's text."""
    line = source.line(finding.place.line).strip() if source is not None else ""
    parts = (finding.rule.code, finding.path, finding.subject, line, finding.message)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _fix(finding: Finding, source: Source) -> dict[str, Any]:
    """Returns a fix (3.55)."""
    return {
        "description": {"text": finding.remedy},
        "artifactChanges": [
            {
                "artifactLocation": _artifact(finding.path),
                "replacements": [_replacement(edit, source) for edit in finding.edits],
            }
        ],
    }


def _replacement(edit: Edit, source: Source) -> dict[str, Any]:
    place = source.place(edit.start, edit.end)
    return {
        "deletedRegion": {
            "startLine": place.line,
            "startColumn": place.column,
            "endLine": place.end_line,
            "endColumn": place.end_column,
        },
        "insertedContent": {"text": edit.text},
    }
