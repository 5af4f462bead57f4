"""Findings for people: the place, the sentence, the line with a caret, the remedy."""

import unicodedata
from collections.abc import Mapping, Sequence

from vario.lint.finding import Finding
from vario.lint.source import Source

_WIDEST = 140


def format_finding(finding: Finding, source: Source | None) -> str:
    """Returns a finding with the line of the source that it is about."""
    place = finding.place
    rule = finding.rule
    fixable = " [fixable]" if finding.edits else ""
    lines = [
        f"{finding.path}:{place.line}:{place.column}: {rule.severity} {rule.code} "
        f"{finding.message}{fixable}"
    ]
    line = source.line(place.line) if source else ""
    if line.strip():
        end = place.end_column if place.end_line == place.line else len(line) + 1
        lines += [f"    {text}" for text in _excerpt(line, place.column, end)]
    lines.append(f"    {finding.remedy} (vario lint --explain {rule.code})")
    return "\n".join(lines)


def _excerpt(line: str, column: int, end: int) -> tuple[str, str]:
    """Returns a line, cut around the place if it is long, and the line of carets under it."""
    first, last = column - 1, max(end - 1, column)
    begin = 0
    if len(line) > _WIDEST:
        begin = max(0, min(first - 20, len(line) - _WIDEST))
    shown = line[begin : begin + _WIDEST]
    marked = shown[first - begin : max(last - begin, first - begin + 1)] or " "
    before = shown[: first - begin].expandtabs(1)
    pad = " " * (_columns(before) + 3 * (begin > 0))
    head, tail = "..." * (begin > 0), "..." * (begin + _WIDEST < len(line))
    return f"{head}{shown.expandtabs(1)}{tail}", f"{pad}{'^' * max(_columns(marked), 1)}"


def _columns(text: str) -> int:
    """Returns how many columns of a terminal a text takes."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def format_text(findings: Sequence[Finding], sources: Mapping[str, Source]) -> str:
    """Returns all findings, with a blank line between two."""
    return "\n\n".join(format_finding(f, sources.get(f.path)) for f in findings)


def format_summary(findings: Sequence[Finding], files: int) -> str:
    """Returns one line on everything."""
    looked = f"{files:,} file{'s' * (files != 1)} checked"
    if not findings:
        return f"{looked}, nothing found"
    counts = [
        (severity, sum(f.rule.severity == severity for f in findings))
        for severity in ("error", "warning", "info")
    ]
    parts = [f"{n} {name}{'s' * (n != 1 and name != 'info')}" for name, n in counts if n]
    fixable = sum(bool(finding.edits) for finding in findings)
    tail = f"; {fixable} can be fixed with --fix" if fixable else ""
    return f"{looked}: {', '.join(parts)}{tail}"
