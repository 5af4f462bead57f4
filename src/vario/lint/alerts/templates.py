"""Rules about the texts of an alert: labels that are gone, values in the wrong unit."""

import re
from collections.abc import Iterator

from vario.alert.template.functions import FUNCTION_NAMES
from vario.alert.template.nodes import (
    Action,
    Call,
    Chain,
    Command,
    Control,
    Identifier,
    Literal,
    Operand,
    Pipe,
    Statement,
    Variable,
)
from vario.alert.template.parse import TemplateError, parse
from vario.lint.alerts.subject import Alert
from vario.lint.facts import Facts
from vario.lint.finding import Check, Hit, Rule
from vario.lint.reach import scale
from vario.lint.source import Text
from vario.lint.tree import bare, label_flow, number
from vario.query.promql.nodes import COMPARISONS, Binary, Node

_FRAME = """\
groups:
- name: inference
  rules:
  - alert: HighErrorRatio
    expr: job:errors:ratio_rate5m > 0.01 and job:errors:ratio_rate1h > 0.01
    for: 2m
    labels: {severity: page, team: ml-serving}
    annotations:
      summary: 'TEXT'
      runbook_url: https://wiki/high-error-ratio
"""
_SUMMED = _FRAME.replace(
    "expr: job:errors:ratio_rate5m > 0.01 and job:errors:ratio_rate1h > 0.01",
    "expr: sum by (region) (rate(inference_queue_drops_total[5m])) > 1",
)
_PERCENT = _FRAME.replace(
    "expr: job:errors:ratio_rate5m > 0.01 and job:errors:ratio_rate1h > 0.01",
    "expr: 100 * avg_over_time(accept_ratio[30m]) < 20",
)

LABEL_GONE = Rule(
    "VA209",
    "template-label-gone",
    "error",
    ("rules",),
    "A text names a label that the expression has aggregated away",
    "The notification reads 'errors in  are high': the label is empty there. Labels of the rule "
    "itself are not in $labels either.",
    _SUMMED.replace("TEXT", "Drops on {{ $labels.instance }}"),
    _SUMMED.replace("TEXT", "Drops in {{ $labels.region }}"),
    "keep the label in by (...), or take it out of the text",
)
VALUE_UNIT = Rule(
    "VA211",
    "value-in-wrong-unit",
    "warning",
    ("rules",),
    "A text shows the value as a percent that it is not",
    "humanizePercentage multiplies by 100: of a percent it makes 1,500 %; and {{ $value }}% of a "
    "ratio reads 0.05 % where 5 % is meant.",
    _PERCENT.replace("TEXT", "Only {{ $value | humanizePercentage }} accepted"),
    _PERCENT.replace("TEXT", 'Only {{ $value | printf "%.1f" }} % accepted'),
    'write {{ $value | humanizePercentage }} of a ratio, {{ $value | printf "%.1f" }} % of a '
    "percent",
)

_DEFINITIONS = (
    "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}"
    "{{$externalURL := .ExternalURL}}{{$value := .Value}}"
)
_SHOWN_AS_RATIO = re.compile(r"\{\{[^}]*\$value[^}]*\|\s*humanizePercentage[^}]*\}\}")
_SHOWN_AS_PERCENT = re.compile(
    r"\{\{-?\s*\$value(?:\s*\|\s*(?:printf\s+\S+|humanize))?\s*-?\}\}\s?%"
)


def find_lost_labels(alert: Alert, _facts: Facts) -> Iterator[Hit]:
    """Yields labels in templates that no series of the expression has."""
    flow = label_flow(alert.query.tree)
    for key, text in (*alert.annotations.items(), *alert.labels.items()):
        seen: set[str] = set()
        for label, start, end in _labels_of(text):
            if not flow.lacks(label) or label in seen:
                continue
            seen.add(label)
            kept = ", ".join(sorted(flow.only)) if flow.only else ""
            message = f"{key} names $labels.{label}, which the expression aggregates away"
            remedy = f"the expression keeps: {kept}" if kept else ""
            yield Hit(*text.span(start, end), message, remedy)


def _labels_of(text: Text) -> Iterator[tuple[str, int, int]]:
    """Yields each label of `$labels` in a template, with its place in the text."""
    if "$labels" not in text.value:
        return
    try:
        template = parse("text", _DEFINITIONS + text.value, FUNCTION_NAMES)
    except TemplateError:
        return  # said elsewhere
    for label in _in_statements(template.bodies.get("text", [])):
        place = re.search(rf"\$labels(?:\.|\s+[\"'`]){re.escape(label)}\b", text.value)
        start, end = place.span() if place else (0, len(text.value))
        yield label, start, end


def _in_statements(statements: list[Statement]) -> Iterator[str]:
    for statement in statements:
        match statement:
            case Action():
                yield from _in_pipe(statement.pipe)
            case Control():
                # `if $labels.x` asks whether it is there; what is under it may rely on that.
                if statement.keyword == "range":
                    yield from _in_pipe(statement.pipe)
                asked = set(_in_pipe(statement.pipe))
                inner = [*_in_statements(statement.body)]
                inner += _in_statements(statement.otherwise or [])
                yield from (label for label in inner if label not in asked)
            case Call() if statement.pipe is not None:
                yield from _in_pipe(statement.pipe)
            case _:
                pass


def _in_pipe(pipe: Pipe) -> Iterator[str]:
    for command in pipe.commands:
        yield from _indexed(command)
        for operand in command.operands:
            yield from _in_operand(operand)


def _in_operand(operand: Operand) -> Iterator[str]:
    match operand:
        case Variable() if operand.names[0] == "$labels" and len(operand.names) > 1:
            yield operand.names[1]
        case Pipe():
            yield from _in_pipe(operand)
        case Chain():
            yield from _in_operand(operand.base)
        case _:
            pass


def _indexed(command: Command) -> Iterator[str]:
    """Yields the label of `index $labels "label"`."""
    match command.operands:
        case [Identifier(name="index"), Variable(names=("$labels",)), Literal() as label, *_]:
            if isinstance(label.value, str):
                yield label.value
        case _:
            pass


def find_wrong_percents(alert: Alert, _facts: Facts) -> Iterator[Hit]:
    """Yields values that are shown a hundred times too great or too small."""
    what = scale(_value_of(alert.query.tree))
    wrong = {"percent": _SHOWN_AS_RATIO, "ratio": _SHOWN_AS_PERCENT}.get(what)
    if wrong is None:
        return
    for key, text in alert.annotations.items():
        for found in wrong.finditer(text.value):
            message = f"{key} shows a {what} as if it were a {_OTHER[what]}: {found[0]}"
            yield Hit(*text.span(*found.span()), message)


_OTHER = {"percent": "ratio", "ratio": "percent"}


def _value_of(node: Node) -> Node:
    """Returns the part of an alert's expression whose value the alert has."""
    node = bare(node)
    while isinstance(node, Binary) and (node.op in COMPARISONS or node.op in ("and", "unless")):
        node = bare(node.rhs if number(node.lhs) is not None else node.lhs)
    return node


CHECKS: tuple[Check[Alert], ...] = (
    Check(LABEL_GONE, find_lost_labels),
    Check(VALUE_UNIT, find_wrong_percents),
)
