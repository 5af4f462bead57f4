"""Prometheus rule files: groups of recording and alerting rules, read as they are.

As strict as promtool: unknown fields, groups of the same name, bad names, durations, expressions
and templates are refused, each with its file, line, group and rule. Source: Prometheus'
documentation, "Defining recording rules" and "Alerting rules".
"""

import glob
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from vario.alert.duration import parse_duration_ms
from vario.alert.template import TemplateError, check_template
from vario.errors import BadData
from vario.query.promql.features import Features
from vario.query.promql.parser import ParseError, parse
from vario.wire.document import DocumentError, Item, read_document

RuleKind = Literal["alerting", "recording"]

_GROUP_FIELDS = frozenset({"name", "interval", "query_offset", "limit", "rules", "labels"})
_RULE_FIELDS = frozenset(
    {"record", "alert", "expr", "for", "keep_firing_for", "labels", "annotations"}
)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; `labels` has its own labels over those of its group."""

    kind: RuleKind
    name: str
    expr: str
    for_ms: int = 0
    keep_firing_for_ms: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class RuleGroup:
    """Rules that are evaluated together, one after the other.

    Attributes:
        file: the file that it stands in, as it was named.
        interval_ms: 0 where the file leaves it to the default.
        query_offset_ms: how far back the rules look; None where the file leaves it to the default.
        limit: most series or alerts that one rule may make; 0 is no limit.
    """

    file: str
    name: str
    rules: tuple[Rule, ...]
    interval_ms: int = 0
    query_offset_ms: int | None = None
    limit: int = 0
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong in a rule file and where; `rule` counts from 1 and is 0 outside of rules."""

    file: str
    line: int
    column: int
    message: str
    group: str = ""
    rule: int = 0
    rule_name: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}: "
        if self.rule:
            place += f'group "{self.group}", rule {self.rule}, "{self.rule_name}": '
        elif self.group:
            place += f'group "{self.group}": '
        return place + self.message


class RuleFileError(BadData):
    """Rule files that cannot be used; `problems` has every fault that was found."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


def load_rules(patterns: Sequence[str], features: Features | None = None) -> list[RuleGroup]:
    """Returns the groups of every rule file that the patterns name, in order.

    Args:
        patterns: paths, or globs as in `rule_files:` of Prometheus' configuration. A glob may find
            nothing; a path must be there.
        features: experimental parts of PromQL that expressions may use.

    Raises:
        RuleFileError: a file cannot be read or a rule in it cannot be used.
    """
    groups: list[RuleGroup] = []
    problems: list[Problem] = []
    seen: set[str] = set()
    for pattern in patterns:
        paths = sorted(glob.glob(pattern)) if glob.has_magic(pattern) else [pattern]
        for path in paths:
            if path in seen:
                continue
            seen.add(path)
            found, faults = check_file(path, features)
            groups += found
            problems += faults
    if problems:
        raise RuleFileError(problems)
    return groups


def check_file(
    path: str, features: Features | None = None
) -> tuple[list[RuleGroup], list[Problem]]:
    """Returns the groups of one rule file, and everything that is wrong in it."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        return [], [Problem(path, 1, 1, f"cannot be read: {error.strerror}")]
    except UnicodeDecodeError as error:
        return [], [Problem(path, 1, 1, f"is not UTF-8: {error}")]
    return check_text(text, path, features)


def check_text(
    text: str, file: str, features: Features | None = None
) -> tuple[list[RuleGroup], list[Problem]]:
    """Returns the groups in the text of a rule file, and everything that is wrong in it."""
    reader = _Reader(file, features or Features())
    try:
        document = read_document(text)
        top = document.fields("a rule file", frozenset({"groups"})) if document else {}
        items = list(top["groups"].items("groups")) if "groups" in top else []
    except DocumentError as error:
        return [], [Problem(file, error.line, error.column, str(error))]
    groups = [group for item in items if (group := reader.group(item)) is not None]
    return groups, sorted(reader.problems, key=lambda problem: (problem.line, problem.column))


def find_duplicates(groups: Sequence[RuleGroup]) -> list[tuple[Rule, int]]:
    """Returns rules that come more than once with the same name and labels, and how often."""
    keys = [
        (rule.kind, rule.name, tuple(sorted(rule.labels.items())), rule)
        for group in groups
        for rule in group.rules
    ]
    counts = Counter(key[:3] for key in keys)
    firsts = {key[:3]: key[3] for key in reversed(keys)}
    return [(firsts[key], count) for key, count in counts.items() if count > 1]


class _Reader:
    """Turns the items of one file into groups and gathers what is wrong."""

    def __init__(self, file: str, features: Features) -> None:
        self.file = file
        self.features = features
        self.problems: list[Problem] = []
        self.names: set[str] = set()

    def _report(self, item: Item, message: str, group: str = "") -> None:
        self.problems.append(Problem(self.file, item.line, item.column, message, group))

    def group(self, item: Item) -> RuleGroup | None:
        try:
            fields = item.fields("a group", _GROUP_FIELDS)
            name = fields["name"].text("the name of a group") if "name" in fields else ""
            interval_ms = _duration(fields, "interval") or 0
            query_offset_ms = _duration(fields, "query_offset")
            limit = fields["limit"].integer("limit") if "limit" in fields else 0
            labels = fields["labels"].texts("labels") if "labels" in fields else {}
            items = list(fields["rules"].items("rules")) if "rules" in fields else []
        except DocumentError as error:
            self.problems.append(Problem(self.file, error.line, error.column, str(error)))
            return None
        if not name:
            self._report(item, "a group must have a name")
        elif name in self.names:
            self._report(
                fields["name"], f'groupname: "{name}" is repeated in the same file; rename one'
            )
        self.names.add(name)
        for message in _label_faults(labels):
            self._report(fields["labels"], message, name)
        rules = [
            rule
            for i, rule_item in enumerate(items, 1)
            if (rule := self.rule(rule_item, name, i, labels)) is not None
        ]
        return RuleGroup(
            self.file, name, tuple(rules), interval_ms, query_offset_ms, limit, item.line
        )

    def rule(
        self, item: Item, group: str, number: int, group_labels: Mapping[str, str]
    ) -> Rule | None:
        name = ""

        def report(line: int, column: int, message: str) -> None:
            self.problems.append(Problem(self.file, line, column, message, group, number, name))

        try:
            fields = item.fields("a rule", _RULE_FIELDS)
            record, alert, expr = (
                fields[key].text(key) if key in fields else ""
                for key in ("record", "alert", "expr")
            )
            name = alert or record
            for_ms = _duration(fields, "for") or 0
            keep_ms = _duration(fields, "keep_firing_for") or 0
            labels, annotations = (
                fields[key].texts(key) if key in fields else {} for key in ("labels", "annotations")
            )
        except DocumentError as error:
            report(error.line, error.column, str(error))
            return None
        rule = Rule(
            "alerting" if alert else "recording",
            name,
            expr,
            for_ms,
            keep_ms,
            {**group_labels, **labels},
            annotations,
            item.line,
        )
        faults = [*_naming_faults(record, alert), *self._expression_faults(expr)]
        faults += [*_recording_faults(rule, alert), *_text_faults(rule, labels)]
        for key, message in faults:
            place = fields.get(key, item)
            report(place.line, place.column, message)
        return None if faults else rule

    def _expression_faults(self, expr: str) -> Iterator[tuple[str, str]]:
        if not expr:
            yield "expr", "field 'expr' must be set in a rule"
            return
        try:
            parse(expr, self.features)
        except ParseError as error:
            yield "expr", f"could not parse expression: {error}"


def _duration(fields: Mapping[str, Item], key: str) -> int | None:
    if key not in fields or fields[key].is_null:
        return None
    item = fields[key]
    try:
        return parse_duration_ms(item.text(key))
    except ValueError as error:
        raise item.fail(f"{key}: {error}") from error


def _naming_faults(record: str, alert: str) -> Iterator[tuple[str, str]]:
    if record and alert:
        yield "record", "only one of 'record' and 'alert' must be set"
    if not record and not alert:
        yield "record", "one of 'record' or 'alert' must be set"
    if "{" in record or "}" in record:
        yield (
            "record",
            f"braces present in the recording rule name; should it be in expr?: {record}",
        )
    if record and not _is_utf8(record):
        yield "record", f"invalid recording rule name: {record!r}"


def _recording_faults(rule: Rule, alert: str) -> Iterator[tuple[str, str]]:
    if alert:
        return
    for key, value in (
        ("annotations", rule.annotations),
        ("for", rule.for_ms),
        ("keep_firing_for", rule.keep_firing_for_ms),
    ):
        if value:
            yield key, f"invalid field '{key}' in recording rule; only alerts have it"


def _text_faults(rule: Rule, labels: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yields faults of the names and templates of labels and annotations."""
    for message in _label_faults(labels):
        yield "labels", message
    for name in rule.annotations:
        if not name or not _is_utf8(name):
            yield "annotations", f"invalid annotation name: {name!r}"
    if rule.kind == "recording":
        return
    for key, kind, texts in (
        ("labels", "label", labels),
        ("annotations", "annotation", rule.annotations),
    ):
        for name, text in texts.items():
            try:
                check_template(rule.name, text)
            except TemplateError as error:
                yield key, f'{kind} "{name}": {error}'


def _label_faults(labels: Mapping[str, str]) -> Iterator[str]:
    for name, value in labels.items():
        if not name or name == "__name__" or not _is_utf8(name):
            yield f"invalid label name: {name}"
        if not _is_utf8(value):
            yield f"invalid label value: {value!r}"


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
