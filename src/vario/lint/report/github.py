"""Findings as workflow commands, which GitHub shows beside the changed lines."""

from collections.abc import Sequence

from vario.lint.finding import Finding

_LEVELS = {"error": "error", "warning": "warning", "info": "notice"}


def format_github(findings: Sequence[Finding]) -> str:
    """Returns one workflow command a finding."""
    return "\n".join(map(_command, findings))


def _command(finding: Finding) -> str:
    place, rule = finding.place, finding.rule
    properties = {
        "file": finding.path,
        "line": place.line,
        "col": place.column,
        "endLine": place.end_line,
        "endColumn": place.end_column,
        "title": f"{rule.code} {rule.name}",
    }
    if place.line != place.end_line:  # GitHub takes columns on one line only
        del properties["endColumn"]
    shown = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items())
    return f"::{_LEVELS[rule.severity]} {shown}::{_data(f'{finding.message}: {finding.remedy}')}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
