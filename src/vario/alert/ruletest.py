"""Unit tests of rules in promtool's format, run by vario's evaluator over a real store.

Source: Prometheus' documentation, "Unit testing for rules".
"""

import glob
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vario.alert.duration import parse_duration_ms
from vario.alert.evaluate import QueryFunction, Sample, Surroundings
from vario.alert.group import GroupState
from vario.alert.rulefile import RuleGroup, load_rules
from vario.alert.seams import make_query, make_write
from vario.alert.state import AlertState
from vario.alert.template import Links
from vario.clock import ManualClock
from vario.errors import BadData, VarioError
from vario.model.series import Labels
from vario.query.promql.engine import PromQL
from vario.query.promql.histogram import Histogram
from vario.query.promql.histogram_text import format_test_histogram
from vario.query.promql.literals import format_duration_ms, format_float
from vario.query.promql.matching import LabelSet, format_labels, label_set
from vario.query.promql.testing.compare import same_histogram
from vario.query.promql.testing.run import Target, load
from vario.query.promql.testing.script import Load
from vario.query.promql.testing.series_text import (
    ScriptError,
    SeriesLine,
    parse_metric,
    parse_points,
)
from vario.wire.document import DocumentError, Item, read_document

MINUTE_MS = 60_000
_FILE_FIELDS = frozenset(
    {"rule_files", "evaluation_interval", "group_eval_order", "fuzzy_compare", "tests"}
)
_TEST_FIELDS = frozenset(
    {"interval", "name", "input_series", "alert_rule_test", "promql_expr_test"}
    | {"external_labels", "external_url"}
)


@dataclass(frozen=True, slots=True)
class AlertCheck:
    """Which alerts of a name must fire at a time: labels (`alertname` included), annotations."""

    line: int
    time_ms: int
    name: str
    alerts: tuple[tuple[LabelSet, LabelSet], ...]


@dataclass(frozen=True, slots=True)
class ExprCheck:
    """What an expression must give at a time."""

    line: int
    time_ms: int
    expr: str
    samples: tuple[Sample, ...]


@dataclass(frozen=True, slots=True)
class RuleTest:
    """One test: series, and what must come of them."""

    name: str
    interval_ms: int
    series: tuple[SeriesLine, ...]
    alerts: tuple[AlertCheck, ...]
    exprs: tuple[ExprCheck, ...]
    external_labels: Labels = field(default_factory=dict)
    external_url: str = ""


@dataclass(frozen=True, slots=True)
class TestFile:
    """Tests of the rules in some files."""

    __test__ = False  # for pytest, which would collect it

    path: str
    groups: tuple[RuleGroup, ...]
    tests: tuple[RuleTest, ...]
    evaluation_ms: int = MINUTE_MS
    fuzzy: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """A check that did not hold."""

    file: str
    line: int
    test: str
    message: str

    def __str__(self) -> str:
        name = f' test "{self.test}":' if self.test else ""
        return f"{self.file}:{self.line}:{name} {self.message}"


def load_tests(path: str) -> TestFile:
    """Reads a test file and the rule files that it names.

    Raises:
        BadData: one of them cannot be read or makes no sense.
    """
    try:
        document = read_document(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BadData(f"{path}: cannot be read: {error}") from error
    except DocumentError as error:
        raise BadData(f"{path}:{error.line}:{error.column}: {error}") from error
    try:
        return _read_file(path, document)
    except DocumentError as error:
        raise BadData(f"{path}:{error.line}:{error.column}: {error}") from error


def _read_file(path: str, document: Item | None) -> TestFile:
    fields = document.fields("a test file", _FILE_FIELDS) if document else {}
    folder = os.path.dirname(path)
    patterns = [
        os.path.join(folder, item.text("a rule file")) for item in _list(fields, "rule_files")
    ]
    groups = load_rules([name for p in patterns for name in sorted(glob.glob(p)) or [p]])
    order = [item.text("a group's name") for item in _list(fields, "group_eval_order")]
    groups.sort(key=lambda group: order.index(group.name) if group.name in order else len(order))
    fuzzy = "fuzzy_compare" in fields and fields["fuzzy_compare"].text("fuzzy_compare") == "true"
    tests = tuple(_read_test(item) for item in _list(fields, "tests"))
    evaluation_ms = _duration(fields, "evaluation_interval", MINUTE_MS)
    return TestFile(path, tuple(groups), tests, evaluation_ms, fuzzy)


def _list(fields: Mapping[str, Item], key: str) -> list[Item]:
    return list(fields[key].items(key)) if key in fields else []


def _text(fields: Mapping[str, Item], key: str) -> str:
    return fields[key].text(key) if key in fields else ""


def _duration(fields: Mapping[str, Item], key: str, default: int) -> int:
    text = _text(fields, key)
    try:
        return parse_duration_ms(text) if text else default
    except ValueError as error:
        raise fields[key].fail(f"{key}: {error}") from error


def _read_test(item: Item) -> RuleTest:
    fields = item.fields("a test", _TEST_FIELDS)
    labels = (
        fields["external_labels"].texts("external_labels") if "external_labels" in fields else {}
    )
    return RuleTest(
        _text(fields, "name"),
        _duration(fields, "interval", MINUTE_MS),
        tuple(_read_series(one) for one in _list(fields, "input_series")),
        tuple(_read_alert_check(one) for one in _list(fields, "alert_rule_test")),
        tuple(_read_expr_check(one) for one in _list(fields, "promql_expr_test")),
        labels,
        _text(fields, "external_url"),
    )


def _read_series(item: Item) -> SeriesLine:
    fields = item.fields("a series", frozenset({"series", "values"}))
    try:
        labels = _parse_labels(_text(fields, "series"))
        return SeriesLine(labels, tuple(parse_points(_text(fields, "values"))))
    except ScriptError as error:
        raise item.fail(str(error)) from error


def _parse_labels(text: str) -> LabelSet:
    return parse_metric(text)[0] if text.strip() not in ("", "{}") else ()


def _read_alert_check(item: Item) -> AlertCheck:
    known = frozenset({"eval_time", "alertname", "exp_alerts"})
    fields = item.fields("an alert_rule_test", known)
    name = _text(fields, "alertname")
    if not name:
        raise item.fail("an alert_rule_test must have an alertname")
    alerts: list[tuple[LabelSet, LabelSet]] = []
    for alert in _list(fields, "exp_alerts"):
        expected = alert.fields("an alert", frozenset({"exp_labels", "exp_annotations"}))
        labels, annotations = (
            expected[key].texts(key) if key in expected else {}
            for key in ("exp_labels", "exp_annotations")
        )
        pairs = tuple(sorted(annotations.items()))
        alerts.append((label_set({**labels, "alertname": name}), pairs))
    return AlertCheck(item.line, _duration(fields, "eval_time", 0), name, tuple(sorted(alerts)))


def _read_expr_check(item: Item) -> ExprCheck:
    fields = item.fields("a promql_expr_test", frozenset({"expr", "eval_time", "exp_samples"}))
    samples: list[Sample] = []
    for one in _list(fields, "exp_samples"):
        expected = one.fields("a sample", frozenset({"labels", "value", "histogram"}))
        try:
            labels = _parse_labels(_text(expected, "labels"))
            if histogram := _text(expected, "histogram"):
                value = parse_points(histogram)[0].value
                if isinstance(value, Histogram):
                    samples.append(Sample(labels, value.sum, value))
            else:
                samples.append(Sample(labels, float(_text(expected, "value") or "0")))
        except (ScriptError, ValueError) as error:
            raise one.fail(str(error)) from error
    samples.sort(key=lambda sample: sample.labels)
    time_ms = _duration(fields, "eval_time", 0)
    return ExprCheck(item.line, time_ms, _text(fields, "expr"), tuple(samples))


def run_tests(file: TestFile, target: Target, engine: PromQL) -> Iterator[Failure]:
    """Runs the tests of a file one after the other and yields what did not hold.

    Args:
        file: the tests.
        target: the store that series and results are written to; emptied before each test.
        engine: what evaluates; it reads what `target` wrote.
    """
    for test in file.tests:
        target.clear_metrics()
        load(Load(0, test.interval_ms, test.series), target)
        yield from _Run(file, test, target, engine).failures()


class _Run:
    """One test while it runs."""

    def __init__(self, file: TestFile, test: RuleTest, target: Target, engine: PromQL) -> None:
        self.file = file
        self.test = test
        self.query: QueryFunction = make_query(engine)
        self.states = [
            GroupState(
                group,
                clock=ManualClock(),
                query=self.query,
                write=make_write(target),
                surroundings=Surroundings(test.external_labels, Links(test.external_url)),
                interval_ns=file.evaluation_ms * 1_000_000,
            )
            for group in file.groups
        ]

    def _failure(self, line: int, message: str) -> Failure:
        return Failure(self.file.path, line, self.test.name, message)

    def failures(self) -> Iterator[Failure]:
        """Evaluates all groups at every step, and checks what is to be checked by then."""
        checks = (*self.test.alerts, *self.test.exprs)
        end_ms = max((check.time_ms for check in checks), default=-1)
        step_ms = self.file.evaluation_ms
        for now_ms in range(0, end_ms + 1, step_ms):
            for state in self.states:
                state.evaluate(now_ms * 1_000_000)
                yield from self._rule_errors(state, now_ms)
            for check in self.test.alerts:
                if now_ms <= check.time_ms < now_ms + step_ms:
                    yield from self._check_alerts(check)
        for check in self.test.exprs:
            yield from self._check_expr(check)

    def _rule_errors(self, state: GroupState, now_ms: int) -> Iterator[Failure]:
        for status in state.status().rules:
            if status.health == "err":
                rule, time = status.rule, format_duration_ms(now_ms)
                message = f"rule {rule.name}, time: {time}, err: {status.last_error}"
                yield Failure(state.group.file, rule.line, self.test.name, message)

    def _check_alerts(self, check: AlertCheck) -> Iterator[Failure]:
        got = sorted(
            (label_set(alert.labels), tuple(sorted(alert.annotations.items())))
            for state in self.states
            for status in state.status().rules
            if status.rule.kind == "alerting" and status.rule.name == check.name
            for alert in status.alerts
            if alert.state is AlertState.FIRING
        )
        if got != list(check.alerts):
            yield self._failure(
                check.line,
                f"alertname: {check.name}, time: {format_duration_ms(check.time_ms)},\n"
                f"    exp: {_show_alerts(check.alerts)}\n    got: {_show_alerts(got)}",
            )

    def _check_expr(self, check: ExprCheck) -> Iterator[Failure]:
        place = f'expr: "{check.expr}", time: {format_duration_ms(check.time_ms)},'
        try:
            got = sorted(self.query(check.expr, check.time_ms), key=lambda s: s.labels)
        except VarioError as error:
            yield self._failure(check.line, f"{place} err: {error}")
            return
        if len(got) != len(check.samples) or not all(map(self._same, check.samples, got)):
            yield self._failure(
                check.line,
                f"{place}\n    exp: {_show_samples(check.samples)}\n    got: {_show_samples(got)}",
            )

    def _same(self, expected: Sample, got: Sample) -> bool:
        if expected.labels != got.labels:
            return False
        if expected.histogram is not None and got.histogram is not None:
            return same_histogram(expected.histogram, got.histogram, with_hint=False)
        if expected.histogram is not got.histogram:
            return False
        if math.isnan(expected.value) or math.isnan(got.value):
            return math.isnan(expected.value) and math.isnan(got.value)
        tolerance = 1e-15 if self.file.fuzzy else 0.0
        return math.isclose(expected.value, got.value, rel_tol=tolerance, abs_tol=0.0)


def _show_alerts(alerts: Sequence[tuple[LabelSet, LabelSet]]) -> str:
    shown = [f"{format_labels(labels)} {format_labels(texts)}" for labels, texts in alerts]
    return "".join(f"\n      {line}" for line in shown) or "none"


def _show_samples(samples: Sequence[Sample]) -> str:
    shown = [
        format_labels(sample.labels)
        + " "
        + (
            format_float(sample.value)
            if sample.histogram is None
            else format_test_histogram(sample.histogram)
        )
        for sample in samples
    ]
    return "".join(f"\n      {line}" for line in shown) or "none"
