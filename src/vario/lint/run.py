"""Files in, findings out."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from vario.lint import alerts, dashboards, logs, promql, retention, slos
from vario.lint.document import UNREADABLE, Document, Named, read_rules
from vario.lint.facts import Facts
from vario.lint.finding import Check, Finding, Hit, Kind, Rule
from vario.lint.sample import read_sample
from vario.lint.source import Source
from vario.lint.suppress import UNKNOWN_CODE, read_suppressions
from vario.lint.value import SyntaxFault, Value, read_json, read_yaml

_ALL: tuple[Sequence[Check[Any]], ...] = (
    promql.CHECKS,
    alerts.CHECKS,
    alerts.GROUP_CHECKS,
    dashboards.PANEL_CHECKS,
    dashboards.QUERY_CHECKS,
    logs.CHECKS,
    slos.CHECKS,
    retention.CHECKS,
)
RULES: dict[str, Rule] = {
    rule.code: rule
    for rule in sorted(
        {UNREADABLE, UNKNOWN_CODE, *(check.rule for checks in _ALL for check in checks)},
        key=lambda rule: rule.code,
    )
}
"""Every rule by its code."""

_LOG_SUFFIXES = (".jsonl", ".ndjson", ".log")
_YAML_SUFFIXES = (".yml", ".yaml")
SUFFIXES = (*_LOG_SUFFIXES, *_YAML_SUFFIXES, ".json", ".toml")
"""Endings of files that are looked at in folders."""


@dataclass(slots=True)
class Opened:
    """A file that was read, and what is to be asked of which part of it."""

    document: Document
    jobs: list[tuple[Named, Any, Sequence[Check[Any]]]] = field(
        default_factory=list[tuple[Named, Any, Sequence[Check[Any]]]]
    )


def open_source(source: Source, kind: Kind | None = None) -> Opened | None:
    """Returns a file read for judgement.

    Args:
        source: the file.
        kind: what it is; None to tell by its name and what stands in it.

    Returns:
        None where it is nothing of which there are rules.
    """
    lower = source.path.lower()
    if kind == "logs" or (kind is None and lower.endswith(_LOG_SUFFIXES)):
        return _open_logs(source)
    if kind is None and lower.endswith(".toml"):
        found = retention.is_settings(source, [])
        return _open_settings(source, []) if found else None
    if kind == "dashboard" or (kind is None and source.text.lstrip()[:1] == "{"):
        return _open_json(source, kind)
    try:
        tops = read_yaml(source)
    except SyntaxFault as fault:
        return _broken(source, kind or _guess(source), fault)
    return _open_yaml(source, tops, kind)


def _open_logs(source: Source) -> Opened:
    sample = read_sample(source)
    return Opened(Document("logs", source), [(Named("", -1), sample, logs.CHECKS)])


def _open_settings(source: Source, tops: list[Value]) -> Opened:
    file = retention.SettingsFile(source, tuple(tops))
    return Opened(Document("settings", source), [(Named("", -1), file, retention.CHECKS)])


def _open_json(  # noqa: PLR0911 - one return a case
    source: Source, kind: Kind | None
) -> Opened | None:
    """Returns a dashboard, or log lines, or YAML that looks like JSON."""
    try:
        top = read_json(source)
    except SyntaxFault as fault:
        if kind == "dashboard":
            return _broken(source, kind, fault)
        if _begins_with_a_line_of_json(source):
            return _open_logs(source)
        if source.path.lower().endswith(".json"):
            return _broken(source, "dashboard" if '"panels"' in source.text else None, fault)
        tops = _yaml_or_none(source)
        return _open_yaml(source, tops, kind) if tops else None
    root = top.get("dashboard") or top
    if kind == "dashboard" or root.get("panels") or root.get("rows"):
        return _open_dashboard(source, top)
    if any(top.get(mark) for mark in ("timestamp", "level", "message", "msg")):
        return _open_logs(source)
    return _open_yaml(source, [top], kind)


def _begins_with_a_line_of_json(source: Source) -> bool:
    start = len(source.text) - len(source.text.lstrip())
    end = source.text.find("\n", start)
    try:
        return read_json(source, start, end if end >= 0 else None).members is not None
    except SyntaxFault:
        return False


def _yaml_or_none(source: Source) -> list[Value] | None:
    """Returns the documents of a YAML text, None where it is none."""
    try:
        return read_yaml(source)
    except SyntaxFault:
        return None


def _open_dashboard(source: Source, top: Value) -> Opened:
    document, panels = dashboards.read_dashboard(source, top)
    checks = (*promql.CHECKS, *dashboards.QUERY_CHECKS)
    opened = Opened(document, [(named, query, checks) for named, query in document.queries])
    opened.jobs += [(named, panel, dashboards.PANEL_CHECKS) for named, panel in panels]
    return opened


def _open_yaml(source: Source, tops: list[Value], kind: Kind | None) -> Opened | None:
    if kind == "rules" or (kind is None and any(map(_has_groups, tops))):
        document = read_rules(source, tops)
        opened = Opened(document, [(n, query, promql.CHECKS) for n, query in document.queries])
        opened.jobs += [(named, alert, alerts.CHECKS) for named, alert in document.alerts]
        opened.jobs += [(named, group, alerts.GROUP_CHECKS) for named, group in document.groups]
        return opened
    if kind == "slo" or (kind is None and any(map(slos.is_slo, tops))):
        document, file = slos.read_slos(source, tops)
        opened = Opened(document, [(n, query, promql.CHECKS) for n, query in document.queries])
        opened.jobs.append((Named("", -1), file, slos.CHECKS))
        return opened
    if kind == "settings" or (kind is None and retention.is_settings(source, tops) and tops):
        return _open_settings(source, tops)
    return None


def _has_groups(top: Value) -> bool:
    groups = top.get("groups") or top.get("spec", "groups")
    return groups is not None and (groups.items is not None or groups.scalar is None)


def _guess(source: Source) -> Kind | None:
    """Returns what a file that cannot be read was meant to be; None where nobody can say."""
    if "openslo/" in source.text or "\nslos:" in f"\n{source.text}":
        return "slo"
    return "rules" if "\ngroups:" in f"\n{source.text}" else None


def _broken(source: Source, kind: Kind | None, fault: SyntaxFault) -> Opened | None:
    if kind is None:
        return None
    document = Document(kind, source)
    document.faults.append(Hit(fault.offset, fault.offset + 1, str(fault)))
    return Opened(document)


def lint(
    sources: Iterable[Source],
    facts: Facts,
    *,
    kind: Kind | None = None,
    disabled_in: Callable[[str], frozenset[str]] = lambda _: frozenset(),
) -> list[Finding]:
    """Returns the findings of all files, by file and place.

    Args:
        sources: the files.
        facts: what is known beside them.
        kind: what they are; None to tell by name and content.
        disabled_in: the codes that are not asked of a file, by its path.
    """
    opened = [found for source in sources if (found := open_source(source, kind)) is not None]
    recorded = frozenset(name for each in opened for name in each.document.recorded)
    facts = replace(facts, recorded=facts.recorded | recorded)
    return [
        finding
        for each in opened
        for finding in judge(each, facts, disabled_in(each.document.source.path))
    ]


def judge(opened: Opened, facts: Facts, disabled: frozenset[str] = frozenset()) -> list[Finding]:
    """Returns the findings of one file by their places."""
    source = opened.document.source
    suppressed = read_suppressions(source, RULES)
    findings = [
        *(_finding(source, UNREADABLE, hit, Named("", -1)) for hit in opened.document.faults),
        *_unknown_codes(source, suppressed.unknown),
    ]
    for named, subject, checks in opened.jobs:
        for check in checks:
            if check.rule.code not in disabled and opened.document.kind in check.rule.kinds:
                hits = check.find(subject, facts)
                findings += [_finding(source, check.rule, hit, named) for hit in hits]
    kept = {
        (finding.rule.code, finding.place, finding.message): finding
        for finding in findings
        if finding.rule.code not in disabled and not suppressed.covers(finding)
    }
    return sorted(
        kept.values(), key=lambda f: (f.place.line, f.place.column, f.rule.code, f.message)
    )


def _finding(source: Source, rule: Rule, hit: Hit, named: Named) -> Finding:
    line = source.place(named.start, named.start).line if named.start >= 0 else 0
    return Finding(
        rule,
        source.path,
        source.place(hit.start, hit.end),
        hit.message,
        hit.remedy or rule.remedy,
        hit.edits,
        named.name,
        line,
    )


def _unknown_codes(source: Source, unknown: Iterable[tuple[str, Any]]) -> Iterator[Finding]:
    for code, place in unknown:
        message = f"there is no rule {code}"
        yield Finding(UNKNOWN_CODE, source.path, place, message, UNKNOWN_CODE.remedy)
