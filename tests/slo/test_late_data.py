"""Events that arrive late: what `query_offset` makes of them, and what is right without it."""

import numpy as np
import pytest
from tests.support.metric_reader import MemoryReader

from vario.alert.evaluate import Surroundings
from vario.alert.group import GroupState
from vario.alert.rulefile import check_text as check_rules
from vario.alert.seams import make_query, make_write
from vario.clock import ManualClock
from vario.model.series import SampleBlock
from vario.query.promql.engine import Options, PromQL
from vario.slo.load import check_text
from vario.slo.rules import make_groups, to_yaml

EVERY_S = 30
END_S = 2400
TROUBLE_S = range(900, 1200)
"""Half of the requests of both pods fail for five minutes."""
SLOS = """\
slos:
- name: late
  service: s
  objective: 99%
  sli: {errors: r_total}
  alerts: [{severity: page, long: 10m, short: 5m, factor: 14.4}]
"""
Recorded = dict[int, float]


class World:
    """Two pods that count 3000 requests a minute; what pod b says arrives `late_s` later."""

    def __init__(self, late_s: int, offset_s: int) -> None:
        self.reader = MemoryReader()
        self.clock = ManualClock(0)
        self.late_s = late_s
        slos, problems = check_text(SLOS, "s.yml")
        assert problems == []
        text = to_yaml(make_groups(slos.slos[0], now_s=0, interval_s=EVERY_S))
        groups, found = check_rules(text, "s.yml")
        assert found == []
        self.group = GroupState(
            groups[0],
            clock=self.clock,
            query=make_query(PromQL(self.reader, Options(pushdown_from=None))),
            write=make_write(self.reader),
            surroundings=Surroundings(),
            interval_ns=EVERY_S * 10**9,
            query_offset_ms=offset_s * 1000,
        )

    def run(self) -> "World":
        for now_s in range(0, END_S + 1, EVERY_S):
            self.clock.advance_ns(now_s * 10**9 - self.clock.now_ns())
            self.scrape("a", now_s)
            if now_s >= self.late_s:
                self.scrape("b", now_s - self.late_s)
            self.group.evaluate(self.clock.now_ns())
        return self

    def scrape(self, pod: str, time_s: int) -> None:
        bad = 25.0 * len(range(TROUBLE_S.start, min(time_s, TROUBLE_S.stop)))
        for code, value in (("500", bad), ("200", 50.0 * time_s - bad)):
            labels = {"__name__": "r_total", "pod": pod, "code": code}
            block = SampleBlock(np.array([0, 1]), np.array([time_s * 1000]), np.array([value]))
            self.reader.write_samples([labels], block)

    def recorded(self, name: str) -> Recorded:
        """Returns what was recorded under a name, by the second, from the first full window on."""
        (series,) = (s for labels, s in self.reader.samples.items() if ("__name__", name) in labels)
        return {
            t // 1000: round(float(v), 9)
            for t, v in series.items()
            if 600 <= t // 1000 <= END_S - 60
        }

    def fires(self) -> list[int]:
        """Returns the seconds at which the page fires."""
        return sorted(self.recorded("ALERTS"))


RECORDED = (
    *("slo:sli_bad:rate5m", "slo:sli_total:rate5m"),
    *("slo:sli_error:ratio_rate5m", "slo:sli_error:ratio_rate10m"),
)


@pytest.fixture(scope="module")
def punctual() -> World:
    return World(late_s=0, offset_s=0).run()


@pytest.fixture(scope="module")
def late() -> World:
    return World(late_s=60, offset_s=0).run()


@pytest.mark.parametrize("late_s", [30, 60])
def test_what_is_late_by_less_than_the_offset_changes_nothing(punctual: World, late_s: int) -> None:
    shifted = World(late_s, offset_s=60).run()
    for name in RECORDED:
        assert shifted.recorded(name) == punctual.recorded(name)
    assert shifted.fires() == punctual.fires() != []


def test_without_an_offset_windows_of_events_are_right_again_once_all_is_there(
    punctual: World, late: World
) -> None:
    right = punctual.recorded("slo:sli_error:ratio_rate10m")
    found = late.recorded("slo:sli_error:ratio_rate10m")
    wrong = {t for t in right if found[t] != pytest.approx(right[t], abs=0.02)}
    edges = (TROUBLE_S.start, TROUBLE_S.stop, TROUBLE_S.start + 600, TROUBLE_S.stop + 600)
    assert all(any(edge <= t <= edge + 360 for edge in edges) for t in wrong)
    assert late.fires()[0] - punctual.fires()[0] <= 60


def test_without_an_offset_the_budget_errs_by_what_is_late_in_five_minutes(
    punctual: World, late: World
) -> None:
    for name in ("slo:sli_bad:rate5m", "slo:sli_total:rate5m"):
        lost = 1 - sum(late.recorded(name).values()) / sum(punctual.recorded(name).values())
        assert abs(lost) < 60 / 300 / 2  # half of the events are late
