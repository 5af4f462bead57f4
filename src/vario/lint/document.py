"""A file read for judgement: what sort it is, and what stands in it."""

from dataclasses import dataclass, field

from vario.alert.duration import parse_duration_ms
from vario.alert.rulefile import check_text
from vario.lint.alerts.subject import Alert, AlertGroup
from vario.lint.finding import Hit, Kind, Rule
from vario.lint.query import Query, Role, read_query
from vario.lint.source import Source, Text
from vario.lint.value import Value
from vario.query.promql.features import ALL_FEATURES
from vario.query.promql.parser import ParseError

UNREADABLE = Rule(
    "VA001",
    "unreadable",
    "error",
    ("rules", "slo", "dashboard", "settings"),
    "A file, or an expression in it, cannot be read",
    "What cannot be read is not evaluated: the alert does not exist, the panel is empty.",
    "groups:\n- name: inference\n  rules:\n  - record: a\n    expr: sum(rate(x[5m])\n",
    "groups:\n- name: inference\n  rules:\n  - record: a\n    expr: sum(rate(x[5m]))\n",
    "correct it as the message says",
)


@dataclass(frozen=True, slots=True)
class Named:
    """Something to judge, the name it goes by, and where in the file it begins."""

    name: str
    start: int


@dataclass(slots=True)
class Document:
    """What stands in a file.

    Attributes:
        faults: what of it cannot be read.
        queries, alerts, groups: each with the name and the beginning of what it belongs to.
        recorded: metrics that its recording rules make.
    """

    kind: Kind
    source: Source
    faults: list[Hit] = field(default_factory=list[Hit])
    queries: list[tuple[Named, Query]] = field(default_factory=list[tuple[Named, Query]])
    alerts: list[tuple[Named, Alert]] = field(default_factory=list[tuple[Named, Alert]])
    groups: list[tuple[Named, AlertGroup]] = field(default_factory=list[tuple[Named, AlertGroup]])
    recorded: set[str] = field(default_factory=set[str])


def expression_fault(text: Text, error: ParseError) -> Hit:
    """Returns the hit for an expression that is not PromQL."""
    start, end = text.span(error.position.start, error.position.end)
    return Hit(start, end, f"could not parse expression: {error}")


def read_rules(source: Source, tops: list[Value]) -> Document:
    """Returns the rules of a rule file, or of Kubernetes' PrometheusRule objects."""
    document = Document("rules", source)
    plain = [top for top in tops if top.get("groups") is not None]
    if plain:
        _, problems = check_text(source.text, source.path, ALL_FEATURES)
        for problem in problems:
            start = source.offset(problem.line - 1, problem.column - 1)
            where = f'rule {problem.rule} "{problem.rule_name}": ' if problem.rule else ""
            document.faults.append(Hit(start, start + 1, where + problem.message))
    for top in tops:
        spec = top if top.get("groups") is not None else top.get("spec")
        for group in spec.each("groups") if spec is not None else []:
            _read_group(document, group, checked=top in plain)
    return document


def _read_group(document: Document, group: Value, *, checked: bool) -> None:
    alerts: list[Alert] = []
    for rule in group.each("rules"):
        name, expr = rule.text("alert") or rule.text("record"), rule.text("expr")
        if name is None or expr is None:
            continue
        named = Named(name.value, rule.start)
        alerting = rule.get("alert") is not None
        role: Role = "alert" if alerting else "record"
        annotations = rule.texts("annotations")
        said = "\n".join([name.value, *(text.value for text in annotations.values())])
        query = read_query(expr, role, name.value, said)
        if isinstance(query, ParseError):
            if not checked:
                document.faults.append(expression_fault(expr, query))
            continue
        document.queries.append((named, query))
        if not alerting:
            document.recorded.add(name.value)
            continue
        labels = {**group.texts("labels"), **rule.texts("labels")}
        alert = Alert(name, rule, query, labels, annotations, _duration_ms(rule, "for"))
        alerts.append(alert)
        document.alerts.append((named, alert))
    title = group.text("name")
    named = Named(title.value if title else "", group.start)
    document.groups.append((named, AlertGroup(title, group, tuple(alerts))))


def _duration_ms(rule: Value, key: str) -> int | None:
    written = rule.word(key)
    if not written:
        return None
    try:
        return parse_duration_ms(written)
    except ValueError:
        return 0  # said by the reader of rule files
