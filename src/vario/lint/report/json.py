"""Findings for other programs."""

from collections.abc import Sequence
from typing import Any

from vario.lint.finding import Finding


def to_json(findings: Sequence[Finding]) -> dict[str, Any]:
    """Returns findings as plain values."""
    return {"findings": [_finding(finding) for finding in findings]}


def _finding(finding: Finding) -> dict[str, Any]:
    place, rule = finding.place, finding.rule
    return {
        "code": rule.code,
        "name": rule.name,
        "severity": rule.severity,
        "file": finding.path,
        "line": place.line,
        "column": place.column,
        "end_line": place.end_line,
        "end_column": place.end_column,
        "subject": finding.subject,
        "message": finding.message,
        "remedy": finding.remedy,
        "fixable": bool(finding.edits),
        "docs": f"docs/lint.md#{rule.anchor}",
    }
