"""The page of all rules, docs/lint.md, made of the rules' own texts; and `--explain`."""

from collections.abc import Iterable

from vario.lint.finding import Kind, Rule

_KINDS: dict[Kind, str] = {
    "rules": "rule files",
    "slo": "SLOs",
    "dashboard": "dashboards",
    "logs": "log samples",
    "settings": "settings",
}
_FENCES: dict[Kind, str] = {"dashboard": "json", "logs": "json"}
_CHAPTERS = {
    "VA0": "Reading",
    "VA1": "PromQL",
    "VA2": "Alerting rules",
    "VA3": "SLOs",
    "VA4": "Dashboards",
    "VA5": "Log lines",
    "VA6": "Settings",
}


def explain(rule: Rule) -> str:
    """Returns everything about a rule, for a terminal."""
    fixable = "\n`--fix` can do it." if rule.fixable else ""
    return (
        f"{rule.code} {rule.name} ({rule.severity}; {_asked_of(rule)})\n\n{rule.title}.\n\n"
        f"{rule.why}\n\nBad:\n\n{_indent(rule.bad)}\n\nGood:\n\n{_indent(rule.good)}\n\n"
        f"Remedy: {rule.remedy}.{fixable}"
    )


def _asked_of(rule: Rule) -> str:
    return ", ".join(_KINDS[kind] for kind in rule.kinds)


def _indent(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.rstrip("\n").splitlines())


def write_reference(rules: Iterable[Rule]) -> str:
    """Returns the part of the page that has all rules."""
    parts: list[str] = []
    chapter = ""
    for rule in rules:
        if rule.code[:3] != chapter:
            chapter = rule.code[:3]
            parts.append(f"## {_CHAPTERS[chapter]}\n")
        parts.append(_section(rule))
    return "\n".join(parts)


def _section(rule: Rule) -> str:
    fence = "promql" if rule.code.startswith("VA1") else _FENCES.get(rule.kinds[0], "yaml")
    fixable = " `--fix` can do it." if rule.fixable else ""
    return (
        f"### {rule.code} {rule.name}\n\n"
        f"{rule.title}. *{rule.severity.capitalize()}; {_asked_of(rule)}.*\n\n{rule.why}\n\n"
        f"Bad:\n\n```{fence}\n{rule.bad.rstrip()}\n```\n\n"
        f"Good:\n\n```{fence}\n{rule.good.rstrip()}\n```\n\n"
        f"Remedy: {rule.remedy}.{fixable}\n"
    )
