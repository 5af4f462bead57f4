"""Runs rule groups at their intervals.

Each group has its own slot within its interval, from a hash of its file and name, so that groups
do not all start at once and a group keeps its times over restarts. Source: the behaviour of
Prometheus' server.
"""

import heapq
import itertools
import logging
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from vario.alert.book import AlertListener, RuleAlerts
from vario.alert.evaluate import QueryFunction, Surroundings
from vario.alert.group import GroupState, GroupStatus, WriteFunction
from vario.alert.restore import Tolerance, restore_rule
from vario.alert.rulefile import RuleGroup
from vario.alert.template import Links
from vario.alert.watch import GroupHealth
from vario.clock import Clock
from vario.config import AlertSettings
from vario.ingest.counters import Metric
from vario.model.series import Labels
from vario.query.promql.label_hash import hash_labels
from vario.store.base import MetricReader

log = logging.getLogger(__name__)

WORKERS = 2
"""Threads: evaluation waits on the store more than it computes, and queries want their share."""
LOOK_AGAIN_S = 5.0
"""Longest sleep: after it the clock is asked again, which a suspended machine has moved."""
RESTORE_AFTER = 2
"""Evaluations before the state of before a restart is restored: at the first one, what alerts
depend on may not have arrived or been recorded yet."""


def find_slot(group: RuleGroup, interval_ns: int, now_ns: int) -> int:
    """Returns the latest evaluation time of a group that is not after `now_ns`."""
    identity = (("file", group.file), ("name", group.name))
    offset_ns = hash_labels(identity) % interval_ns
    shifted_ns = now_ns - offset_ns
    return shifted_ns - shifted_ns % interval_ns + offset_ns


@dataclass(slots=True)
class _Run:
    """A group in the schedule."""

    state: GroupState
    last_ns: int
    missed: int = 0
    scheduled: int = 0
    evaluations: int = 0
    failures: int = 0
    made_ns: int = 0
    removed: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def due_ns(self) -> int:
        """When the group is to be evaluated next."""
        return self.last_ns + self.state.interval_ns

    @property
    def key(self) -> tuple[str, str]:
        """File and name: what makes a group the same after a reload."""
        return self.state.group.file, self.state.group.name


class RuleScheduler:
    """Rule groups and the threads that evaluate them.

    Without `start` nothing runs by itself: `run_due` evaluates what is due by the clock, which is
    how tests drive it.
    """

    def __init__(
        self,
        settings: AlertSettings,
        *,
        clock: Clock,
        query: QueryFunction,
        write: WriteFunction,
        reader: MetricReader,
        external_labels: Labels | None = None,
        listener: AlertListener | None = None,
    ) -> None:
        self._settings = settings
        self._listener = listener
        self._clock = clock
        self._query = query
        self._write = write
        self._reader = reader
        self._surroundings = Surroundings(external_labels or {}, Links(settings.external_url))
        self._tolerance = Tolerance(
            round(settings.outage_tolerance_s * 1e9), round(settings.for_grace_s * 1e9)
        )
        self._runs: dict[tuple[str, str], _Run] = {}
        self._heap: list[tuple[int, int, _Run]] = []
        self._order = itertools.count()
        self._condition = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._stopping = False
        self._loaded = False

    def update(self, groups: Sequence[RuleGroup]) -> None:
        """Replaces the groups; those that have not changed go on undisturbed.

        A group that has changed keeps the state of the rules that stay, and series of rules that
        are gone end.
        """
        now_ns = self._clock.now_ns()
        with self._condition:
            old, self._runs = self._runs, {}
            for group in groups:
                before = old.get((group.file, group.name))
                if before is not None and before.state.group == group:
                    run = old.pop(before.key)
                else:
                    run = self._make_run(group, now_ns)
                    if before is not None:
                        with before.lock:
                            run.state.take_over(before.state)
                            before.removed = True
                        del old[before.key]
                    self._push(run)
                self._runs[run.key] = run
            self._loaded = True
            self._condition.notify_all()
        for run in old.values():
            with run.lock:
                run.removed = True
                run.state.end(now_ns)
        if self._listener is not None:
            self._listener.keep_only(groups, now_ns)

    def _make_run(self, group: RuleGroup, now_ns: int) -> _Run:
        state = GroupState(
            group,
            clock=self._clock,
            query=self._query,
            write=self._write,
            surroundings=self._surroundings,
            interval_ns=round(self._settings.evaluation_interval_s * 1e9),
            query_offset_ms=round(self._settings.query_offset_s * 1e3),
            restored=self._loaded,  # groups of a later reload have nothing to restore
        )
        if self._listener is not None and not self._loaded:
            for rule in state.rules:
                rule.alerts = self._listener.recall(group, rule.rule)
                rule.held = frozenset(rule.alerts)
            state.publish()
        return _Run(state, find_slot(group, state.interval_ns, now_ns), made_ns=now_ns)

    def _push(self, run: _Run) -> None:
        heapq.heappush(self._heap, (run.due_ns, next(self._order), run))

    def groups(self) -> list[GroupStatus]:
        """Returns every group's status, ordered by file and name."""
        with self._condition:
            runs = sorted(self._runs.values(), key=lambda run: run.key)
        return [run.state.status() for run in runs]

    def run_due(self) -> int | None:
        """Evaluates every group that is due, in the calling thread.

        Returns:
            When the next group is due, in nanoseconds; None where there is no group.
        """
        while (run := self._take()) is not None:
            self._evaluate(run)
        with self._condition:
            return self._heap[0][0] if self._heap else None

    def _take(self) -> _Run | None:
        """Returns a group that is due, taken out of the schedule; None where none is."""
        with self._condition:
            while self._heap:
                due_ns, _, run = self._heap[0]
                if run.removed:
                    heapq.heappop(self._heap)
                elif due_ns <= self._clock.now_ns():
                    heapq.heappop(self._heap)
                    return run
                else:
                    return None
        return None

    def _evaluate(self, run: _Run) -> None:
        """Evaluates a group at its latest slot, counts the slots before it that were missed."""
        interval_ns = run.state.interval_ns
        missed = max(0, (self._clock.now_ns() - run.last_ns) // interval_ns - 1)
        with run.lock:
            if not run.removed:
                run.last_ns += (missed + 1) * interval_ns
                run.missed += missed
                run.scheduled += missed + 1
                self._evaluate_at(run, run.last_ns)
        with self._condition:
            if not run.removed:
                self._push(run)
                self._condition.notify()

    def _evaluate_at(self, run: _Run, now_ns: int) -> None:
        try:
            run.state.evaluate(now_ns)
        except Exception:  # a fault of ours in one group must not end the others' alerts
            log.exception("evaluation of rule group %s of %s failed", *reversed(run.key))
            run.failures += len(run.state.rules)
            return
        run.evaluations += len(run.state.rules)
        run.failures += sum(rule.health == "err" for rule in run.state.rules)
        if run.scheduled - run.missed >= RESTORE_AFTER:
            for rule in run.state.rules:
                if not rule.restored:
                    restore_rule(rule, self._reader, self._clock.now_ns(), self._tolerance)
                if now_ns - run.made_ns >= round(self._settings.restart_hold_s * 1e9):
                    rule.held = frozenset()
            run.state.publish()
        if self._listener is not None:
            found = [
                RuleAlerts(state.rule, state.alerts)
                for state in run.state.rules
                if state.rule.kind == "alerting"
            ]
            self._listener.observe(run.state.group, found, now_ns)

    def health(self) -> list[GroupHealth]:
        """Returns how each group's evaluations go, ordered by file and name."""
        with self._condition:
            runs = sorted(self._runs.values(), key=lambda run: run.key)
        return [
            GroupHealth(
                ";".join(run.key),
                run.state.interval_ns,
                run.due_ns,
                run.missed,
                tuple(rule.last_error for rule in run.state.status().rules if rule.health == "err"),
            )
            for run in runs
        ]

    def start(self) -> None:
        """Starts evaluating in threads of its own."""
        for i in range(WORKERS):
            thread = threading.Thread(target=self._work, name=f"rules-{i}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Waits for evaluations that run and starts no more."""
        with self._condition:
            self._stopping = True
            self._condition.notify_all()
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def _work(self) -> None:
        while not self._stopping:
            run = self._take()
            if run is not None:
                self._evaluate(run)
                continue
            with self._condition:
                if self._stopping:
                    return
                wait_s = LOOK_AGAIN_S
                if self._heap:
                    wait_s = min(wait_s, (self._heap[0][0] - self._clock.now_ns()) / 1e9)
                self._condition.wait(max(wait_s, 0.001))

    def metrics(self) -> Iterator[Metric]:
        """Yields what Prometheus says of its rule groups, under the same names."""
        with self._condition:
            runs = sorted(self._runs.values(), key=lambda run: run.key)
        named = {(("rule_group", ";".join(run.key)),): run for run in runs}
        prefix = "prometheus_rule_"
        counters = (
            ("group_iterations_total", "Evaluations due, missed ones included.", "scheduled"),
            ("group_iterations_missed_total", "Evaluations missed.", "missed"),
            ("evaluations_total", "Rules evaluated.", "evaluations"),
            ("evaluation_failures_total", "Rules whose evaluation failed.", "failures"),
        )
        for name, text, attribute in counters:
            values: dict[tuple[tuple[str, str], ...], float] = {
                labels: getattr(run, attribute) for labels, run in named.items()
            }
            yield Metric(prefix + name, "counter", text, values)
        statuses = {labels: run.state.status() for labels, run in named.items()}
        gauges = (
            ("group_interval_seconds", "Interval of a group.", "interval_ns"),
            ("group_last_duration_seconds", "Length of the last evaluation.", "evaluation_ns"),
            (
                "group_last_evaluation_timestamp_seconds",
                "Start of the last evaluation, seconds since the epoch.",
                "last_evaluation_ns",
            ),
        )
        for name, text, attribute in gauges:
            values = {
                labels: getattr(status, attribute) / 1e9 for labels, status in statuses.items()
            }
            yield Metric(prefix + name, "gauge", text, values)
