"""Batches that shrank on one path, what that costs, and healthy twins."""

from dataclasses import replace

import pytest
from tests.support.otlp_factory import MINUTE, SECOND
from tests.support.planted import END_NS, ONSET_NS, START_NS, Planted, check_evidence

from vario.config import CostSettings, Price
from vario.investigate.batching import probe_batching
from vario.investigate.measures import find_measured
from vario.model.investigation import Finding, Question
from vario.model.telemetry import TimeRange


def fill(
    planted: Planted, offline: tuple[int, int], *, each: bool = False, paid: bool = True
) -> None:
    """Writes batches of two paths with their sizes before and after; 8 requests each 6 seconds.

    A batch has one span, or (`each`) every request in it has one.
    """
    number = 0
    for at_ns in range(START_NS, END_NS, 6 * SECOND):
        after = at_ns >= ONSET_NS
        for path, sizes in (("offline", offline), ("online", (4, 4))):
            size = sizes[after]
            for _ in range(8 if each else 8 // size):
                number += 1
                planted.span(
                    "ml-infer.predict", number, 1, at_ns + number, 4 + 2 * size, region="us-east",
                    attributes={"batch_size": size, "path": path},
                )  # fmt: skip
    planted.write()
    shrank = offline[1] < offline[0]
    planted.series("replicas", {"deployment": "ml-infer"},
                   lambda at: 4.0 if shrank and at >= 0 else 2.0)  # fmt: skip
    planted.series("gpu_utilization_ratio", {"job": "ml-infer", "gpu": "0"},
                   lambda at: 0.25 if shrank and at >= 0 else 0.7)  # fmt: skip
    if paid:
        planted.series("gpu_cost_usd_total", {"job": "ml-infer", "gpu": "0"},
                       lambda at: 0.04 if shrank and at >= 0 else 0.02, counter=True)  # fmt: skip


@pytest.mark.parametrize("each", [False, True])
def test_the_path_whose_batches_shrank(planted: Planted, each: bool) -> None:
    fill(planted, offline=(8, 1), each=each)
    clues = probe_batching(planted.reader, planted.case("cost"))
    (found,) = clues
    assert isinstance(found, Finding)
    assert found.subject == {"batch_size": "1", "service": "ml-infer", "path": "offline"}
    assert found.statement == (
        "Batches of offline hold 1 request, before 8: 8 times as many of them for as many"
        " requests as before."
    )
    assert found.supports[:2] == (
        "the GPUs are used 25%, before 70%",
        "4 replicas run, before 2",
    )
    assert found.supports[2].startswith("1,000 predictions cost ")
    assert found.explained == 1.0
    assert found.confidence > 0.85
    assert "batch_size=8" in found.next_step
    assert abs(found.onset_ns - ONSET_NS) <= MINUTE
    check_evidence(planted, clues)


def test_without_a_metric_of_money_the_price_of_replicas_tells(planted: Planted) -> None:
    fill(planted, offline=(8, 1), paid=False)
    reader = replace(planted.reader, costs=CostSettings("EUR", {"ml-*": Price(replica_hour=1.2)}))
    case = planted.case("cost")
    (found,) = probe_batching(reader, case)
    assert isinstance(found, Finding)
    assert found.supports[2].startswith("1,000 predictions cost ")
    assert " EUR, before " in found.supports[2]
    spent = [one for one in found.evidence if one.title.startswith("spent")]
    hours = [one.window.duration_ns / 3.6e12 for one in spent]
    assert [one.value for one in spent] == pytest.approx(
        [2 * 1.2 * hours[0], 4 * 1.2 * hours[1]], rel=0.05
    )
    check_evidence(planted, [found])


def test_cost_by_price_is_a_symptom_of_its_own(planted: Planted) -> None:
    fill(planted, offline=(8, 1), paid=False)
    planted.series("inference_requests_total", {"job": "ml-infer"}, lambda _: 20.0, counter=True)
    history = TimeRange(START_NS, END_NS)
    question = Question("ml-infer", history, "cost")
    assert [one.measure.name for one in find_measured(planted.reader, question, history, MINUTE)] \
        == ["share of time that GPUs are idle"]  # fmt: skip
    reader = replace(planted.reader, costs=CostSettings("EUR", {"ml-*": Price(replica_hour=1.2)}))
    known = {one.measure.name: one for one in find_measured(reader, question, history, MINUTE)}
    found = known["cost per request"]
    assert found.measure.unit == "EUR"
    # Two replicas at 1.2 an hour, then four, for 80 requests a minute.
    assert (found.sign.before, found.sign.after) == pytest.approx((0.0005, 0.001), rel=0.1)


def test_nothing_is_said_of_batches_as_before(planted: Planted) -> None:
    fill(planted, offline=(8, 8))
    assert probe_batching(planted.reader, planted.case("cost")) == ()


def test_nothing_is_said_without_batches(planted: Planted) -> None:
    planted.entry(1, START_NS, "us-east")
    planted.write()
    assert probe_batching(planted.reader, planted.case("cost")) == ()
