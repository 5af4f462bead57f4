"""When groups run, and what a restart keeps; over a real store, by a clock moved by hand."""

import numpy as np
import pytest
from tests.conftest import START_NS

from vario.alert.rulefile import RuleGroup, check_text
from vario.alert.scheduler import RuleScheduler, find_slot
from vario.alert.seams import make_query, make_write
from vario.alert.state import AlertState
from vario.clock import ManualClock
from vario.config import AlertSettings
from vario.errors import ExecutionError
from vario.model.series import SampleBlock
from vario.query.promql.engine import PromQL
from vario.store.clickhouse import ClickHouseStore

S = 10**9
MINUTE = 60 * S


def read(*texts: str) -> list[RuleGroup]:
    groups: list[RuleGroup] = []
    for i, text in enumerate(texts):
        found, problems = check_text(f"groups:\n{text}", f"r{i}.yml")
        assert problems == []
        groups += found
    return groups


def make(
    store: ClickHouseStore, clock: ManualClock, *texts: str, **settings: float
) -> RuleScheduler:
    scheduler = RuleScheduler(
        AlertSettings(**settings),  # type: ignore[arg-type]
        clock=clock,
        query=make_query(PromQL(store)),
        write=make_write(store),
        reader=store,
    )
    scheduler.update(read(*texts))
    return scheduler


def run(scheduler: RuleScheduler, clock: ManualClock, minutes: float) -> None:
    """Moves the clock from one evaluation to the next."""
    end_ns = clock.now_ns() + round(minutes * MINUTE)
    while (due_ns := scheduler.run_due()) is not None and due_ns <= end_ns:
        clock.advance_ns(due_ns - clock.now_ns())
    clock.advance_ns(end_ns - clock.now_ns())


def ask(store: ClickHouseStore, clock: ManualClock, query: str) -> dict[str, float]:
    result = PromQL(store).instant(query, clock.now_ns() // 1_000_000)
    return {
        ",".join(f"{k}={v}" for k, v in series.labels if k != "__name__"): float(series.values[-1])
        for series in result.series
    }


def put(store: ClickHouseStore, minutes: range, value: float = 1.0) -> None:
    """Writes `m{i="1"}` once a minute, counted from the start."""
    ts_ms = np.array([START_NS // 1_000_000 + i * 60_000 for i in minutes], dtype=np.int64)
    block = SampleBlock(np.array([0, len(ts_ms)]), ts_ms, np.full(len(ts_ms), value))
    store.write_samples([{"__name__": "m", "i": "1"}], block)


RECORD = "- name: a\n  interval: 1m\n  rules: [{record: r, expr: sum(m)}]\n"


def counts(scheduler: RuleScheduler) -> dict[str, list[float]]:
    return {
        metric.name.removeprefix("prometheus_rule_"): list(metric.values.values())
        for metric in scheduler.metrics()
        if metric.type == "counter"
    }


@pytest.mark.parametrize(
    ("file", "offset_ns"), [("rules1.yml", 745_626_270), ("rules2.yml", 400_479_212)]
)
def test_a_groups_slot_is_prometheus_own(file: str, offset_ns: int) -> None:
    # Offsets seen in the timestamps of a Prometheus 3.5.3 that ran this group every second.
    group = RuleGroup(file, "beta", ())
    assert find_slot(group, S, START_NS) % S == offset_ns
    assert START_NS - S < find_slot(group, S, START_NS) <= START_NS
    slot = find_slot(group, S, START_NS)
    assert find_slot(group, S, slot) == slot
    assert find_slot(group, S, slot - 1) == slot - S


def test_groups_run_at_their_own_times(store: ClickHouseStore, clock: ManualClock) -> None:
    put(store, range(10))
    scheduler = make(store, clock, RECORD, RECORD.replace("name: a", "name: b"))
    due_ns = scheduler.run_due()
    slots = sorted(find_slot(group, MINUTE, START_NS) + MINUTE for group in read(RECORD, RECORD))
    assert due_ns is not None
    assert START_NS < due_ns <= START_NS + MINUTE
    assert counts(scheduler)["group_iterations_total"] == [0, 0]
    run(scheduler, clock, 5)
    assert counts(scheduler) == {
        "group_iterations_total": [5, 5],
        "group_iterations_missed_total": [0, 0],
        "evaluations_total": [5, 5],
        "evaluation_failures_total": [0, 0],
    }
    assert len(slots) == 2
    assert ask(store, clock, "r") == {"": 1.0}


def test_evaluations_that_come_too_late_are_counted_and_the_newest_slot_is_used(
    store: ClickHouseStore, clock: ManualClock
) -> None:
    put(store, range(60))
    scheduler = make(store, clock, RECORD)
    run(scheduler, clock, 2)
    clock.advance_ns(4 * MINUTE)
    scheduler.run_due()
    assert counts(scheduler) == {
        "group_iterations_total": [6],
        "group_iterations_missed_total": [3],
        "evaluations_total": [3],
        "evaluation_failures_total": [0],
    }
    (status,) = scheduler.groups()
    assert status.last_evaluation_ns == clock.now_ns()
    assert ask(store, clock, "count_over_time(r[1h])") == {"": 3.0}


def test_a_rule_that_fails_is_counted(store: ClickHouseStore, clock: ManualClock) -> None:
    text = (
        "- name: a\n  interval: 1m\n  rules:\n"
        '  - {record: r, expr: "\'text\'"}\n  - {record: s, expr: "1"}\n'
    )
    scheduler = make(store, clock, text)
    run(scheduler, clock, 1)
    assert counts(scheduler)["evaluation_failures_total"] == [1]
    rules = scheduler.groups()[0].rules
    assert [(rule.health, rule.last_error) for rule in rules] == [
        ("err", "rule result is not a vector or scalar"),
        ("ok", ""),
    ]
    assert ask(store, clock, "s") == {"": 1.0}


def test_a_fault_of_ours_in_one_group_does_not_stop_it_for_ever(
    store: ClickHouseStore, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    scheduler = make(store, clock, RECORD)
    scheduler._runs["r0.yml", "a"].state._query = None  # type: ignore[assignment]
    run(scheduler, clock, 2)
    assert counts(scheduler)["evaluation_failures_total"] == [2]
    assert "evaluation of rule group a of r0.yml failed" in caplog.text


ALERT = """\
- name: a
  interval: 1m
  rules:
  - alert: Up
    expr: m > 0
    for: {wait}
    labels: {{severity: page, value: "{{{{ $value }}}}"}}
"""


def up(scheduler: RuleScheduler) -> tuple[str, int | None]:
    """State of the alert and since when it is active, in minutes from the start."""
    (alert,) = scheduler.groups()[0].rules[0].alerts
    return str(alert.state), (alert.active_ns - START_NS) // MINUTE


def restarted(
    store: ClickHouseStore, clock: ManualClock, wait: str, *, before: int, outage: int
) -> RuleScheduler:
    """Runs for `before` minutes, stands still for `outage`, then runs anew for three."""
    put(store, range(300))
    first = make(store, clock, ALERT.format(wait=wait))
    run(first, clock, before)
    clock.advance_ns(outage * MINUTE)
    second = make(store, clock, ALERT.format(wait=wait))
    run(second, clock, 3)
    return second


def test_a_firing_alert_fires_on_after_a_restart(
    store: ClickHouseStore, clock: ManualClock
) -> None:
    scheduler = restarted(store, clock, "10m", before=20, outage=15)
    assert up(scheduler) == ("firing", 0)


def test_a_pending_alert_goes_on_waiting_without_the_outage(
    store: ClickHouseStore, clock: ManualClock
) -> None:
    scheduler = restarted(store, clock, "60m", before=20, outage=15)
    state, since = up(scheduler)
    assert state == "pending"
    assert since in (16, 17)  # active since minute 0, and 16 to 17 minutes that do not count


def test_an_alert_that_is_about_to_fire_waits_the_grace_period(
    store: ClickHouseStore, clock: ManualClock
) -> None:
    scheduler = restarted(store, clock, "21m", before=20, outage=15)
    assert up(scheduler)[0] == "pending"
    run(scheduler, clock, 8)
    assert up(scheduler)[0] == "pending"
    run(scheduler, clock, 2)
    assert up(scheduler)[0] == "firing"


def test_a_short_for_is_served_anew(store: ClickHouseStore, clock: ManualClock) -> None:
    scheduler = restarted(store, clock, "9m", before=20, outage=15)
    assert up(scheduler) == ("pending", 35)


def test_an_outage_that_is_too_long_is_a_new_beginning(
    store: ClickHouseStore, clock: ManualClock
) -> None:
    scheduler = restarted(store, clock, "60m", before=20, outage=70)
    assert up(scheduler) == ("pending", 90)


def test_an_alert_that_had_ended_is_not_restored(
    store: ClickHouseStore, clock: ManualClock
) -> None:
    put(store, range(10))
    put(store, range(10, 20), 0.0)
    put(store, range(20, 60))
    first = make(store, clock, ALERT.format(wait="30m"))
    run(first, clock, 15)
    second = make(store, clock, ALERT.format(wait="30m"))
    run(second, clock, 20)
    assert up(second)[1] in (20, 21)


def test_a_store_that_cannot_be_read_lets_alerts_begin_anew(
    store: ClickHouseStore, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    put(store, range(60))
    scheduler = make(store, clock, ALERT.format(wait="20m"))

    class Broken:
        def find_series(self, *_: object, **__: object) -> None:
            raise ExecutionError("out of memory")

    scheduler._reader = Broken()  # type: ignore[assignment]
    run(scheduler, clock, 4)
    assert up(scheduler) == ("pending", 0)
    assert "cannot restore the 'for' of alert Up: out of memory" in caplog.text
    assert ask(store, clock, "count(ALERTS)") == {"": 1.0}


def test_groups_that_stay_the_same_go_on_and_others_change(
    store: ClickHouseStore, clock: ManualClock
) -> None:
    put(store, range(60))
    kept = RECORD.replace("name: a", "name: kept").replace("record: r", "record: k")
    gone = RECORD.replace("name: a", "name: gone").replace("record: r", "record: g")
    scheduler = make(store, clock, kept + gone + ALERT.format(wait="5m"))
    run(scheduler, clock, 4)
    scheduler.update(read(kept + ALERT.format(wait="3m")))
    run(scheduler, clock, 2)
    assert [status.group.name for status in scheduler.groups()] == ["a", "kept"]
    assert counts(scheduler)["evaluations_total"] == [2, 6]
    assert ask(store, clock, '{__name__=~"k|g"}') == {"": 1.0}
    rule = scheduler.groups()[0].rules[0]
    assert (rule.rule.for_ms, rule.state) == (180_000, AlertState.FIRING)


def test_threads_run_what_is_due_and_stop(store: ClickHouseStore) -> None:
    class Fast(ManualClock):
        """Every look at the clock moves it by a minute: the group is always due."""

        def now_ns(self) -> int:
            self.advance_ns(MINUTE)
            return super().now_ns()

    put(store, range(60))
    scheduler = make(store, Fast(START_NS), RECORD)
    scheduler.start()
    state = scheduler._runs["r0.yml", "a"]
    try:
        while state.evaluations < 3:  # the suite's timeout is the deadline
            with scheduler._condition:
                scheduler._condition.wait(0.01)
    finally:
        scheduler.stop()
    assert scheduler._threads == []
    assert scheduler.groups()[0].rules[0].health == "ok"
