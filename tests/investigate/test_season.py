"""What rises every day at this time is not blamed; what rises beyond it is."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from bench.service import Plan, Simulation
from tests.conftest import KEEP_FOR_YEARS, START_NS
from tests.support.planted import ONSET_NS, Planted

from vario.clock import ManualClock
from vario.config import StoreSettings
from vario.investigate.measures import find_measured
from vario.investigate.pipeline import investigate
from vario.investigate.probers import PROBERS
from vario.investigate.reader import Reader
from vario.investigate.season import DAY_NS, EarlierDay, shape_of
from vario.investigate.timeline import Timeline, find_signs
from vario.model.investigation import Incident, Investigation, Question
from vario.model.series import SampleBlock
from vario.model.telemetry import TimeRange
from vario.store.clickhouse import ClickHouseStore, open_store
from vario.store.engine import Engine

TODAY_NS = START_NS + 10 * DAY_NS
RISE = Plan("quiet", 5, rate=5, minutes=12, rise=0.6)


@pytest.fixture
def store(embedded_engine: Engine) -> Iterator[ClickHouseStore]:
    settings = StoreSettings(
        dsn="chdb://memory/seasons", reader_threads=2, retention=KEEP_FOR_YEARS
    )
    opened = open_store(settings, ManualClock(START_NS))
    yield opened
    opened.engine.command("DROP DATABASE seasons SYNC")
    opened.close()


def ask(store: ClickHouseStore, made: Simulation) -> Investigation:
    end_ns = made.window.end_ns
    question = Question(made.service, TimeRange(end_ns - DAY_NS // 144, end_ns))
    return investigate(Reader(store), question, ManualClock(end_ns), PROBERS)


def test_a_daily_rise_is_usual_once_a_day_before_is_known(store: ClickHouseStore) -> None:
    today = Simulation(RISE, "ml", TODAY_NS)
    today.write(store)
    alone = ask(store, today)
    assert (alone.symptom, alone.days) == ("latency", ())
    Simulation(replace(RISE, seed=6), "ml", TODAY_NS - DAY_NS).write(store)
    answer = ask(store, today)
    assert (answer.verdict, answer.findings, answer.days) == ("no_change", (), (1,))
    assert answer.summary[0] == "Nothing changed for ml beyond what is usual at this time of day."
    assert "rose about as much at the same time the day before" in answer.summary[1]
    # A day on which it was an incident does not make it usual.
    opened_ns = TODAY_NS - DAY_NS + 6 * 60 * 10**9
    store.write_incidents([
        Incident(
            id="aaaaaaaaaaaa", version=1, title="slow", state="resolved", severity="page", owner="",
            runbook="", service="ml", scope={}, alert_ids=(), opened_ns=opened_ns,
            updated_ns=opened_ns, resolved_ns=opened_ns + 60 * 10**9,
        )
    ])  # fmt: skip
    again = ask(store, today)
    assert (again.symptom, again.days) == ("latency", ())


def test_a_cause_at_a_daily_rise_is_found_and_the_rise_is_not_blamed(
    store: ClickHouseStore,
) -> None:
    plan = replace(RISE, kind="cache", rise=0.4, earlier=(1,))
    made = Simulation(plan, "ml", TODAY_NS)
    made.write(store)
    answer = ask(store, made)
    assert (answer.verdict, dict(answer.scope), answer.days) == (
        "explained", {"region": "us-east"}, (1,),
    )  # fmt: skip
    assert answer.findings[0].subject["cache_hit"] == "false"
    assert abs(answer.onset_ns - made.onset_ns) <= 60 * 10**9
    assert any("compared with" in line and "the day before" in line for line in answer.summary)


def timeline(count: np.ndarray, errors: np.ndarray, day: EarlierDay | None = None) -> Timeline:
    history = TimeRange(0, len(count) * 10**10)
    flat = EarlierDay(1, np.zeros(len(count)), np.zeros(len(count)))
    earlier = ((day, flat, flat),) if day else ()
    return Timeline(history, 10**10, 10**9, count, errors, 0 * count, 0.1 * count, earlier)


def test_a_rise_beyond_that_of_the_day_before_stands() -> None:
    random = np.random.default_rng(3)
    count = np.full(80, 200.0)
    usual = np.where(np.arange(80) < 40, 0.01, 0.04)
    day = shape_of(1, random.binomial(200, usual).astype(float), count, count)
    assert day is not None
    same = timeline(count, random.binomial(200, usual).astype(float), day)
    assert find_signs(replace(same, earlier=()), "errors")
    assert find_signs(same, "errors") == []
    later = np.where(np.arange(80) < 60, usual, 0.10)
    (sign,) = find_signs(timeline(count, random.binomial(200, later).astype(float), day), "errors")
    assert abs(sign.onset.start - 60) <= 2


def test_a_metric_that_rises_every_day_is_usual(planted: Planted) -> None:
    history = planted.case().history
    question = Question("ml-infer", history, "cost")
    random = np.random.default_rng(4)
    times_ns = np.arange(history.start_ns, history.end_ns, 15 * 10**9)
    busy = np.where(times_ns < ONSET_NS, 0.8, 0.4)
    for days_ns, known in ((0, 1), (7 * DAY_NS, 0)):
        labels = [{"__name__": "gpu_utilization", "job": "ml-infer", "gpu": "0"}]
        values = busy + random.normal(0, 0.02, len(busy))
        block = SampleBlock(np.array([0, len(busy)]), (times_ns - days_ns) // 10**6, values)
        planted.store.write_samples(labels, block)
        found = find_measured(planted.reader, question, history, 15 * 10**9)
        assert len(found) == known
