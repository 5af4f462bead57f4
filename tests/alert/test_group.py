"""Groups over a made-up world: what is asked, what is written, what is said."""

import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from vario.alert.evaluate import Sample, Surroundings
from vario.alert.group import STALE, GroupState
from vario.alert.rulefile import RuleGroup, check_text
from vario.alert.state import AlertState
from vario.clock import ManualClock
from vario.errors import ExecutionError, Unavailable
from vario.model.series import STALE_NAN_BITS
from vario.query.promql.matching import LabelSet

S = 10**9
Elements = dict[str, list[Sample]]


def series(name: str = "", **labels: str) -> LabelSet:
    return tuple(sorted({**labels, **({"__name__": name} if name else {})}.items()))


def read(text: str) -> RuleGroup:
    groups, problems = check_text(f"groups:\n- name: g\n{text}", "r.yml")
    assert problems == []
    return groups[0]


@dataclass
class World:
    """Answers queries from `elements` and remembers what is written, in order."""

    group: RuleGroup
    elements: Elements = field(default_factory=dict)
    asked: list[tuple[str, int]] = field(default_factory=list)
    written: list[tuple[int, list[Sample]]] = field(default_factory=list)
    broken: bool = False
    restored: bool = True
    offset_ms: int = 0

    def __post_init__(self) -> None:
        self.state = self.make(self.group)

    def make(self, group: RuleGroup) -> GroupState:
        return GroupState(
            group,
            clock=ManualClock(),
            query=self.query,
            write=self.write,
            surroundings=Surroundings(),
            interval_ns=60 * S,
            query_offset_ms=self.offset_ms,
            restored=self.restored,
        )

    def query(self, text: str, time_ms: int) -> list[Sample]:
        self.asked.append((text, time_ms))
        if text not in self.elements:
            raise ExecutionError(f"nothing known of {text}")
        return self.elements[text]

    def write(self, samples: Sequence[Sample], time_ms: int) -> None:
        if self.broken:
            raise Unavailable("the disk is full")
        self.written.append((time_ms, list(samples)))

    def evaluate(self, seconds: int, **elements: list[Sample]) -> list[tuple[int, list[Sample]]]:
        """Evaluates with these answers and returns what was written."""
        self.elements = elements
        self.written = []
        self.state.evaluate(seconds * S)
        return self.written

    def said(self) -> list[tuple[str, str, str]]:
        rules = self.state.status().rules
        return [(rule.rule.name, rule.health, rule.last_error) for rule in rules]


RECORD = "  rules:\n  - {record: r, expr: e, labels: {team: ml, job: x, gone: ''}}\n"


def test_a_recording_rule_writes_its_elements_under_its_name_and_labels() -> None:
    world = World(read(RECORD))
    written = world.evaluate(60, e=[Sample(series("e", job="a", i="1", gone="b"), 5.0)])
    assert written == [(60_000, [Sample(series("r", job="x", i="1", team="ml"), 5.0)])]
    assert world.said() == [("r", "ok", "")]


def test_a_series_that_is_no_longer_made_ends_with_a_marker() -> None:
    world = World(read("  rules:\n  - {record: r, expr: e}\n"))
    world.evaluate(60, e=[Sample(series(i="1"), 1.0), Sample(series(i="2"), 2.0)])
    written = world.evaluate(120, e=[Sample(series(i="1"), math.nan)])
    (time_ms, (kept, ended)) = written[0]
    assert (time_ms, kept.labels, ended.labels) == (
        120_000,
        series("r", i="1"),
        series("r", i="2"),
    )
    assert kept.value is not STALE
    assert ended.value is STALE
    assert struct.unpack("<Q", struct.pack("<d", STALE))[0] == STALE_NAN_BITS
    assert len(world.evaluate(180, e=[])[0][1]) == 1
    assert world.evaluate(240, e=[]) == []


def test_elements_that_become_one_series_are_an_error_and_nothing_is_written() -> None:
    world = World(read("  rules:\n  - {record: r, expr: e, labels: {i: z}}\n"))
    same = [Sample(series(i="1"), 1.0), Sample(series(i="2"), 2.0)]
    assert world.evaluate(60, e=same) == []
    assert world.said() == [
        (
            "r",
            "err",
            "vector contains metrics with the same labelset after applying rule labels",
        )
    ]


def test_a_limit_is_a_limit_on_each_rule() -> None:
    world = World(read("  limit: 1\n  rules:\n  - {record: r, expr: e}\n  - {alert: A, expr: e}\n"))
    two = [Sample(series(i="1"), 1.0), Sample(series(i="2"), 2.0)]
    assert world.evaluate(60, e=two) == []
    assert world.said() == [
        ("r", "err", "exceeded limit of 1 with 2 series"),
        ("A", "err", "exceeded limit of 1 with 2 alerts"),
    ]
    assert len(world.evaluate(120, e=two[:1])[0][1]) == 3
    assert world.said() == [("r", "ok", ""), ("A", "ok", "")]


def test_one_rule_that_fails_does_not_stop_the_others_nor_end_its_series() -> None:
    world = World(read("  rules:\n  - {record: r, expr: e}\n  - {record: s, expr: f}\n"))
    world.evaluate(60, e=[Sample(series(), 1.0)], f=[Sample(series(), 1.0)])
    written = world.evaluate(120, f=[Sample(series(), 2.0)])
    assert written == [(120_000, [Sample(series("s"), 2.0)])]
    assert world.said() == [("r", "err", "nothing known of e"), ("s", "ok", "")]


def test_rules_are_written_together_unless_one_reads_another() -> None:
    alone = World(read("  rules:\n  - {record: r, expr: e}\n  - {record: s, expr: f}\n"))
    one = [Sample(series(), 1.0)]
    assert len(alone.evaluate(60, e=one, f=one)) == 1
    for expr in ("r", '{__name__="r"}', '{__name__=~"q|r"}', "sum(rate(r[5m]))"):
        chained = World(
            read(f"  rules:\n  - {{record: r, expr: e}}\n  - {{record: s, expr: '{expr}'}}\n")
        )
        written = chained.evaluate(60, e=one, **{expr: one})
        assert [sample.labels for _, samples in written for sample in samples] == [
            series("r"),
            series("s"),
        ]
        assert len(written) == 2, expr


def test_a_template_that_asks_sees_what_the_rules_before_it_made() -> None:
    text = '{{ query "r" | first | value }}'
    world = World(
        read(
            "  rules:\n  - {record: r, expr: e}\n"
            f"  - {{alert: A, expr: f, annotations: {{v: '{text}'}}}}\n"
        )
    )
    one = [Sample(series(), 1.0)]
    assert len(world.evaluate(60, e=one, f=one, r=[Sample(series("r"), 7.0)])) == 2
    assert world.state.status().rules[1].alerts[0].annotations == {"v": "7"}


def test_a_store_that_cannot_write_is_the_rules_error_and_no_series_is_forgotten() -> None:
    world = World(read("  rules:\n  - {record: r, expr: e}\n"))
    world.evaluate(60, e=[Sample(series(), 1.0)])
    world.broken = True
    world.evaluate(120, e=[])
    assert world.said() == [("r", "err", "the disk is full")]
    world.broken = False
    written = world.evaluate(180, e=[])
    assert written[0][1][0].value is STALE


def test_two_values_for_one_series_at_one_time_are_an_error_and_the_first_stays() -> None:
    world = World(read("  rules:\n  - {record: r, expr: e}\n  - {record: r, expr: f}\n"))
    written = world.evaluate(60, e=[Sample(series(), 1.0)], f=[Sample(series(), 2.0)])
    assert written == [(60_000, [Sample(series("r"), 1.0)])]
    assert world.said()[1] == ("r", "err", "duplicate sample for timestamp: series of r")
    world.evaluate(120, e=[Sample(series(), 1.0)], f=[Sample(series(), 1.0)])
    assert world.said()[1] == ("r", "ok", "")


ALERT = """\
  rules:
  - alert: Down
    expr: e
    for: 2m
    keep_firing_for: 1m
    labels: {severity: page, value: "{{ $value }}"}
    annotations: {summary: "{{ $labels.i }} is {{ $value }}"}
"""


def states(world: World) -> list[tuple[str, str]]:
    return [(alert.labels["i"], str(alert.state)) for alert in world.state.status().rules[0].alerts]


def test_an_alert_waits_fires_is_kept_and_ends() -> None:
    world = World(read(ALERT))
    down = [Sample(series("up", i="1"), 0.0)]
    labels = {"alertname": "Down", "i": "1", "severity": "page", "value": "0"}

    def both(state: str, since: float = 60.0) -> list[Sample]:
        return [
            Sample(series("ALERTS", alertstate=state, **labels), 1.0),
            Sample(series("ALERTS_FOR_STATE", **labels), since),
        ]

    pending, firing = both("pending"), both("firing")
    assert world.evaluate(60, e=down) == [(60_000, pending)]
    assert world.evaluate(120, e=down) == [(120_000, pending)]
    written = world.evaluate(180, e=down)
    ended = Sample(pending[0].labels, STALE)
    assert [s.labels for s in written[0][1]] == [s.labels for s in (*firing, ended)]
    assert written[0][1][2].value is STALE
    assert world.evaluate(240, e=[]) == [(240_000, firing)]
    assert states(world) == [("1", "firing")]
    written = world.evaluate(300, e=[])
    assert [s.labels for s in written[0][1]] == [s.labels for s in firing]
    assert all(sample.value is STALE for sample in written[0][1])
    assert states(world) == []
    assert world.state.status().rules[0].state is AlertState.INACTIVE


def test_an_offset_is_taken_from_queries_and_samples_but_not_from_the_alerts_times() -> None:
    world = World(read(f"  query_offset: 30s\n{ALERT}"), offset_ms=5)
    written = world.evaluate(60, e=[Sample(series("up", i="1"), 0.0)])
    assert world.asked == [("e", 30_000)]
    assert [time_ms for time_ms, _ in written] == [30_000]
    assert written[0][1][1].value == 60.0


def test_before_the_state_is_restored_alerts_are_not_written() -> None:
    world = World(read(ALERT), restored=False)
    assert world.evaluate(60, e=[Sample(series("up", i="1"), 0.0)]) == []
    assert states(world) == [("1", "pending")]


def test_a_label_whose_template_comes_out_empty_is_no_label() -> None:
    world = World(
        read("  rules:\n  - {alert: A, expr: e, labels: {x: '{{ $labels.none }}', y: ''}}\n")
    )
    world.evaluate(60, e=[Sample(series("up", i="1"), 0.0)])
    assert world.state.status().rules[0].alerts[0].labels == {"alertname": "A", "i": "1"}


def test_two_elements_that_become_one_alert_are_an_error() -> None:
    world = World(read("  rules:\n  - {alert: A, expr: e, labels: {i: z}}\n"))
    world.evaluate(60, e=[Sample(series(i="1"), 1.0), Sample(series(i="2"), 1.0)])
    assert world.said() == [
        (
            "A",
            "err",
            "vector contains metrics with the same labelset after applying alert labels",
        )
    ]


def reload(world: World, text: str) -> World:
    old, world.state = world.state, world.make(read(text))
    world.state.take_over(old)
    return world


def test_after_a_reload_alerts_go_on_and_series_of_rules_that_are_gone_end() -> None:
    world = World(read(ALERT + "  - {record: r, expr: f}\n  - {record: s, expr: f}\n"))
    down, one = [Sample(series("up", i="1"), 0.0)], [Sample(series(), 1.0)]
    world.evaluate(60, e=down, f=one)
    reload(world, ALERT.replace("for: 2m", "for: 1m") + "  - {record: s, expr: f}\n")
    written = world.evaluate(120, e=down, f=one)
    assert states(world) == [("1", "firing")]
    ended = [s.labels for s in written[0][1] if s.value is STALE]
    assert series("r") in ended
    assert series("s") not in ended


def test_a_group_that_is_gone_ends_its_series() -> None:
    world = World(read(RECORD))
    world.evaluate(60, e=[Sample(series(i="1"), 1.0)])
    world.written = []
    world.state.end(90 * S)
    ((time_ms, (ended,)),) = world.written
    assert (time_ms, ended.labels) == (90_000, series("r", job="x", i="1", team="ml"))
    assert ended.value is STALE


def test_what_is_said_is_of_the_last_whole_evaluation() -> None:
    world = World(read("  rules:\n  - {record: r, expr: e}\n"))
    seen: list[str] = []
    answer: Callable[[str, int], list[Sample]] = world.query

    def watch(text: str, time_ms: int) -> list[Sample]:
        seen.append(world.state.status().rules[0].health)
        return answer(text, time_ms)

    world.state._query = watch
    world.evaluate(60, e=[])
    assert (seen, world.said()) == (["unknown"], [("r", "ok", "")])
