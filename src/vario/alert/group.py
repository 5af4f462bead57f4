"""A rule group at run time: its rules' state, one evaluation after the other.

Samples of a group's rules are written together, unless a rule reads what a rule before it made
in the same evaluation: then what is pending is written first. A store of sorted parts pays for
every insert, and few groups need more than one.
"""

import logging
import struct
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from vario.alert.evaluate import (
    Moment,
    QueryFunction,
    Sample,
    Surroundings,
    evaluate_alerting,
    evaluate_recording,
    make_alert_samples,
)
from vario.alert.reads import find_metrics_read
from vario.alert.rulefile import Rule, RuleGroup
from vario.alert.state import SEVERITY, Alert, AlertState, hold
from vario.clock import Clock
from vario.errors import ExecutionError, VarioError
from vario.model.series import STALE_NAN_BITS
from vario.query.promql.matching import LabelSet, get_label

log = logging.getLogger(__name__)

STALE = float(struct.unpack("<d", struct.pack("<Q", STALE_NAN_BITS))[0])
"""The NaN that ends a series; only its bits tell it from other NaNs."""

WriteFunction = Callable[[Sequence[Sample], int], None]
"""Writes samples at a time in milliseconds; raises a `VarioError` where it cannot."""


@dataclass(frozen=True, slots=True)
class RuleStatus:
    """What is known of a rule after its last evaluation.

    `health` is Prometheus' `unknown`, `ok` or `err`; `alerts` are the pending and firing ones.
    """

    rule: Rule
    health: str = "unknown"
    last_error: str = ""
    evaluation_ns: int = 0
    last_evaluation_ns: int = 0
    alerts: tuple[Alert, ...] = ()

    @property
    def state(self) -> AlertState:
        """The worst state of the rule's alerts."""
        states = (alert.state for alert in self.alerts)
        return max(states, key=SEVERITY.__getitem__, default=AlertState.INACTIVE)


@dataclass(frozen=True, slots=True)
class GroupStatus:
    """What is known of a group after its last evaluation."""

    group: RuleGroup
    interval_ns: int
    rules: tuple[RuleStatus, ...]
    evaluation_ns: int = 0
    last_evaluation_ns: int = 0


@dataclass(slots=True)
class RuleState:
    """A rule and what it carries from one evaluation to the next.

    Attributes:
        alerts: the alerts of an alerting rule, resolved ones included.
        series: what the rule wrote last; a series that is no longer there ends with a marker.
        restored: whether `ALERTS` may be written; not before the state of before a restart is in.
        held: keys of alerts that fired before a restart and may not end yet.
    """

    rule: Rule
    reads: frozenset[str] | None
    alerts: Mapping[LabelSet, Alert] = field(default_factory=dict)
    series: frozenset[LabelSet] = frozenset()
    restored: bool = True
    held: frozenset[LabelSet] = frozenset()
    health: str = "unknown"
    last_error: str = ""
    evaluation_ns: int = 0
    last_evaluation_ns: int = 0

    def fail(self, error: Exception) -> None:
        """Remembers why the rule could not be evaluated."""
        self.health, self.last_error = "err", str(error)

    def status(self) -> RuleStatus:
        """Returns a copy for readers."""
        alerts = tuple(
            alert for _, alert in sorted(self.alerts.items()) if alert.resolved_ns is None
        )
        return RuleStatus(
            self.rule,
            self.health,
            self.last_error,
            self.evaluation_ns,
            self.last_evaluation_ns,
            alerts,
        )


@dataclass(slots=True)
class _Batch:
    """Samples that wait to be written, and whose they are."""

    samples: dict[LabelSet, Sample] = field(default_factory=dict)
    rules: list[tuple[RuleState, frozenset[LabelSet]]] = field(default_factory=list)

    def is_read_by(self, reads: frozenset[str] | None) -> bool:
        names = {get_label(labels, "__name__") for labels in self.samples}
        return bool(names) if reads is None else not names.isdisjoint(reads)


class GroupState:
    """A group that is evaluated again and again, from one thread at a time."""

    def __init__(
        self,
        group: RuleGroup,
        *,
        clock: Clock,
        query: QueryFunction,
        write: WriteFunction,
        surroundings: Surroundings,
        interval_ns: int,
        query_offset_ms: int = 0,
        restored: bool = True,
    ) -> None:
        self.group = group
        self.interval_ns = group.interval_ms * 1_000_000 or interval_ns
        self.offset_ms = query_offset_ms if group.query_offset_ms is None else group.query_offset_ms
        self.rules = [
            RuleState(rule, find_metrics_read(rule), restored=restored) for rule in group.rules
        ]
        self._clock = clock
        self._query = query
        self._write = write
        self._surroundings = surroundings
        self._evaluation_ns = 0
        self._last_evaluation_ns = 0
        self._ended: frozenset[LabelSet] = frozenset()
        self._lock = threading.Lock()
        self._status = self._make_status()

    def status(self) -> GroupStatus:
        """Returns what is known since the last evaluation ended; from any thread."""
        with self._lock:
            return self._status

    def publish(self) -> None:
        """Lets `status` show the state as it is now."""
        status = self._make_status()
        with self._lock:
            self._status = status

    def _make_status(self) -> GroupStatus:
        rules = tuple(state.status() for state in self.rules)
        return GroupStatus(
            self.group, self.interval_ns, rules, self._evaluation_ns, self._last_evaluation_ns
        )

    def evaluate(self, now_ns: int) -> None:
        """Evaluates every rule in order at `now_ns` and writes what they make.

        A rule that fails says so in its status, and the others go on.
        """
        started_ns = self._clock.now_ns()
        moment = Moment(now_ns, self.offset_ms)
        written: dict[LabelSet, Sample] = {}
        batch = _Batch()
        for state in self.rules:
            if batch.is_read_by(state.reads):
                self._flush(batch, moment)
                batch = _Batch()
            self._evaluate_rule(state, moment, batch, written)
        for labels in self._ended - written.keys():
            batch.samples[labels] = Sample(labels, STALE)
        if self._flush(batch, moment):
            self._ended = frozenset()
        self._last_evaluation_ns = started_ns
        self._evaluation_ns = self._clock.now_ns() - started_ns
        self.publish()

    def _evaluate_rule(
        self, state: RuleState, moment: Moment, batch: _Batch, written: dict[LabelSet, Sample]
    ) -> None:
        started_ns = self._clock.now_ns()
        try:
            samples = self._samples_of(state, moment)
        except VarioError as error:
            state.fail(error)
            log.warning("rule %s of %s: %s", state.rule.name, self.group.name, error)
            samples = None
        else:
            state.health, state.last_error = "ok", ""
        state.last_evaluation_ns = started_ns
        state.evaluation_ns = self._clock.now_ns() - started_ns
        if samples is None:
            return
        made = frozenset(sample.labels for sample in samples)
        ended = [Sample(labels, STALE) for labels in sorted(state.series - made)]
        for sample in (*samples, *ended):
            first = written.setdefault(sample.labels, sample)
            if first is sample:
                batch.samples[sample.labels] = sample
            elif sample.value is not STALE and sample != first:
                name = get_label(sample.labels, "__name__")
                state.fail(ExecutionError(f"duplicate sample for timestamp: series of {name}"))
        batch.rules.append((state, made))

    def _samples_of(self, state: RuleState, moment: Moment) -> list[Sample]:
        """Returns what a rule makes now, and moves its alerts on."""
        rule, limit = state.rule, self.group.limit
        if rule.kind == "recording":
            return evaluate_recording(rule, moment, self._query, limit=limit)
        advanced = evaluate_alerting(rule, state.alerts, moment, self._query, self._surroundings)
        advanced = hold(advanced, state.alerts, state.held)
        if 0 < limit < len(advanced.active):
            state.alerts = {}
            raise ExecutionError(f"exceeded limit of {limit} with {len(advanced.active)} alerts")
        state.alerts = advanced.alerts
        return make_alert_samples(rule, advanced) if state.restored else []

    def _flush(self, batch: _Batch, moment: Moment) -> bool:
        """Writes a batch; returns whether that went well."""
        try:
            if batch.samples:
                self._write(list(batch.samples.values()), moment.sample_ms)
        except VarioError as error:
            log.warning("results of group %s are not written: %s", self.group.name, error)
            for state, _ in batch.rules:
                state.fail(error)
            return False
        for state, made in batch.rules:
            state.series = made
        return True

    def take_over(self, old: "GroupState") -> None:
        """Takes the state of rules that stay from the group as it was before a reload.

        Rules are the same that have the same name and labels. The series of the others end at the
        next evaluation.
        """
        left = list(old.rules)
        for state in self.rules:
            for candidate in left:
                if _identity(candidate.rule) == _identity(state.rule):
                    state.series = candidate.series
                    state.alerts = candidate.alerts
                    state.held = candidate.held
                    left.remove(candidate)
                    break
        self._ended = old._ended.union(*(state.series for state in left))
        self._evaluation_ns = old._evaluation_ns
        self._last_evaluation_ns = old._last_evaluation_ns
        self.publish()

    def end(self, now_ns: int) -> None:
        """Ends every series of a group that is no longer there."""
        series = self._ended.union(*(state.series for state in self.rules))
        batch = _Batch({labels: Sample(labels, STALE) for labels in sorted(series)})
        self._flush(batch, Moment(now_ns, self.offset_ms))


def _identity(rule: Rule) -> tuple[str, str, LabelSet]:
    return rule.kind, rule.name, tuple(sorted(rule.labels.items()))
