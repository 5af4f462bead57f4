"""Rules, desk and store together over restarts, by a clock moved by hand."""

import numpy as np
import pytest
from tests.conftest import START_NS
from tests.support.otlp_factory import MS, SECOND, make_span, trace_hex, traces_body

from vario.alert.desk import AlertDesk, Surroundings
from vario.alert.example import find_example
from vario.alert.notify.settings import NotifySettings
from vario.alert.rulefile import Rule, check_text
from vario.alert.scheduler import RuleScheduler
from vario.alert.seams import make_query, make_write
from vario.clock import ManualClock
from vario.config import AlertSettings
from vario.model.alert import AlertEvent
from vario.model.series import Exemplar, SampleBlock
from vario.model.telemetry import Signal
from vario.query.promql.engine import PromQL
from vario.store.clickhouse import ClickHouseStore

S = 10**9
MINUTE = 60 * S

RULES = """\
groups:
- name: a
  interval: 1m
  rules:
  - {alert: Up, expr: m > 0, for: 2m, labels: {severity: page, value: "{{ $value }}"}}
"""


class House:
    """A scheduler and a desk that are begun anew over the same store."""

    def __init__(self, store: ClickHouseStore, clock: ManualClock, rules: str = RULES) -> None:
        self.store, self.clock = store, clock
        groups, problems = check_text(rules, "r.yml")
        assert problems == []
        self.desk = AlertDesk(store, NotifySettings(), clock, Surroundings("http://vario"))
        self.desk.load()
        self.scheduler = RuleScheduler(
            AlertSettings(restart_hold_s=150.0),
            clock=clock,
            query=make_query(PromQL(store)),
            write=make_write(store),
            reader=store,
            listener=self.desk,
        )
        self.desk.surroundings.health = self.scheduler.health
        self.scheduler.update(groups)

    def run(self, minutes: int) -> list[str]:
        """Moves the clock from one evaluation to the next; returns the states of the alert."""
        end_ns = self.clock.now_ns() + minutes * MINUTE
        states: list[str] = []
        while (due_ns := self.scheduler.run_due()) is not None and due_ns <= end_ns:
            self.desk.tick()
            states.append(self.state())
            self.clock.advance_ns(due_ns - self.clock.now_ns())
        self.clock.advance_ns(end_ns - self.clock.now_ns())
        return states[1:]

    def state(self) -> str:
        return ",".join(view.event.state for view in self.desk.views() if view.event.name == "Up")


def put(store: ClickHouseStore, minutes: range) -> None:
    """Writes `m` once a minute, counted from the start."""
    ts_ms = np.array([START_NS // 1_000_000 + i * 60_000 for i in minutes], dtype=np.int64)
    block = SampleBlock(np.array([0, len(ts_ms)]), ts_ms, np.ones(len(ts_ms)))
    store.write_samples([{"__name__": "m", "i": "1"}], block)


def test_what_fired_fires_on_until_its_data_has_had_time_to_arrive(
    store: ClickHouseStore, clock: ManualClock
) -> None:
    put(store, range(6))
    before = House(store, clock)
    assert before.run(5)[-1] == "firing"
    (fired,) = before.desk.views()
    clock.advance_ns(30 * MINUTE)  # stopped, and its data with it
    after = House(store, clock)
    assert after.state() == "firing"
    states = after.run(6)
    assert states[:2] == ["firing", "firing"]
    assert states[-1] == "resolved"
    (over,) = after.desk.views()
    assert (over.event.id, over.event.fired_ns) == (fired.event.id, fired.event.fired_ns)


def test_what_fired_and_is_found_again_never_stopped(
    store: ClickHouseStore, clock: ManualClock
) -> None:
    put(store, range(100))
    before = House(store, clock)
    before.run(5)
    (fired,) = before.desk.views()
    clock.advance_ns(30 * MINUTE)
    after = House(store, clock)
    assert set(after.run(10)) == {"firing"}
    (still,) = after.desk.views()
    assert still.event == fired.event
    assert [status.rules[0].state for status in after.scheduler.groups()] == ["firing"]


def test_alerts_of_groups_that_are_gone_are_over(
    store: ClickHouseStore, clock: ManualClock
) -> None:
    put(store, range(100))
    House(store, clock).run(5)
    after = House(store, clock, RULES.replace("name: a", "name: b"))
    assert after.state() == "resolved"
    (view,) = after.desk.views()
    assert view.event.reason == "its group is gone"


def test_evaluations_that_were_missed_are_alerted_on(
    store: ClickHouseStore, clock: ManualClock
) -> None:
    house = House(store, clock)
    house.run(3)
    clock.advance_ns(10 * MINUTE)
    house.desk.tick()
    names = {view.event.name: view.event.state for view in house.desk.views()}
    assert names == {"VarioRuleEvaluationLate": "firing"}
    house.scheduler.run_due()
    house.desk.tick()
    names = {view.event.name: view.event.state for view in house.desk.views()}
    assert names == {"VarioRuleEvaluationLate": "resolved", "VarioRuleEvaluationMissed": "firing"}


@pytest.mark.parametrize(
    ("expr", "labels", "trace"),
    [
        ("m > 0", {"service": "api"}, 2),  # failed
        ("m > 0", {"job": "shop/search"}, 3),  # nothing failed: the slowest
        ("m > 0", {"service": "unknown"}, None),
        ("m > 0", {}, None),
    ],
)
def test_an_example_is_found_near_the_onset(
    store: ClickHouseStore, expr: str, labels: dict[str, str], trace: int | None
) -> None:
    at_ns = START_NS - 60 * SECOND
    for service, number, status, duration_ms in (
        ("api", 1, "ok", 900),
        ("api", 2, "error", 10),
        ("search", 3, "ok", 50),
    ):
        span = make_span(
            "GET /",
            trace=number,
            span=1,
            kind="server",
            start_ns=at_ns,
            duration_ns=duration_ms * MS,
            status=status,
        )
        store.write_otlp(Signal.TRACES, traces_body(service, span))
    event = AlertEvent("id", 1, START_NS, "r", "A", "firing", labels, {}, 1.0, START_NS, START_NS)
    found = find_example(store, Rule("alerting", "A", expr), event)
    assert found == (trace_hex(trace) if trace else "")


def test_an_exemplar_of_what_the_rule_reads_comes_first() -> None:
    asked: list[object] = []

    class Reader:
        def find_exemplars(self, matchers, start_ms, end_ms, *, limit=1000):
            asked.append([(m.name, m.op, m.value) for m in matchers])
            return [Exemplar({}, 1, value, f"trace{value}", "", {}) for value in (1.0, 3.0, 2.0)]

        def find_traces(self, *_, **__):
            raise AssertionError("not asked")

    event = AlertEvent(
        "id",
        1,
        START_NS,
        "r",
        "A",
        "firing",
        {"alertname": "A", "severity": "page", "region": "us-east"},
        {},
        1.0,
        START_NS,
        START_NS,
    )
    rule = Rule("alerting", "A", 'sum by (region) (rate(h_bucket{le="1"}[5m])) > 1')
    assert find_example(Reader(), rule, event) == "trace3.0"
    assert asked == [[("__name__", "=", "h_bucket"), ("region", "=~", r"(?:us\-east)?")]]
