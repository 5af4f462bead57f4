"""Evidence over time: the same numbers as evidence, for each step."""

import math
from dataclasses import replace

import numpy as np
import pytest
from tests.store.test_incidents import INVESTIGATION
from tests.support.otlp_factory import MS, START_NS, make_span, traces_body

from vario.investigate.picture import (
    Picture,
    choose_evidence,
    draw_evidence,
    step_of,
    symptom_evidence,
)
from vario.model.investigation import Evidence
from vario.model.series import SampleBlock
from vario.model.telemetry import Signal, TimeRange
from vario.store.clickhouse import ClickHouseStore

S = 10**9
FIRST_NS = START_NS // (60 * S) * 60 * S
WINDOW = TimeRange(FIRST_NS, FIRST_NS + 240 * S)
"""Steps of two seconds."""


def write(store: ClickHouseStore) -> None:
    """Four spans of 100 ms in the first step, two of 200 ms in the third, one of which failed."""
    spans = [
        make_span("work", trace=n, start_ns=FIRST_NS + 4 * S * (n > 4),
                  duration_ns=(200 if n > 4 else 100) * MS, status="error" if n == 6 else "unset")
        for n in range(1, 7)
    ]  # fmt: skip
    store.write_otlp(Signal.TRACES, traces_body({"service.name": "api"}, *spans))


def draw(store: ClickHouseStore, language, query: str) -> Picture:
    return draw_evidence(store, language, query, "1", WINDOW)


def test_spans_over_time(store: ClickHouseStore) -> None:
    write(store)
    assert step_of(WINDOW) == 2 * S
    counts = draw(store, "filter", 'service.name = "api"')
    assert (counts.measure, counts.unit, len(counts.times_ns)) == ("spans", "spans/s", 120)
    assert counts.values[:4] == [2.0, 0.0, 1.0, 0.0]
    assert draw(store, "sql", "SELECT count() FROM spans WHERE error = true").values[2] == 0.5
    mean = draw(store, "sql", "SELECT avg(duration) FROM spans")
    assert mean.unit == "s"
    assert mean.values[0] == pytest.approx(0.1)
    assert math.isnan(mean.values[1])
    assert mean.values[2] == pytest.approx(0.2)
    tail = draw(store, "sql", "SELECT p95(duration) FROM spans")
    assert tail.values[0] == pytest.approx(0.1, rel=0.2)
    assert tail.values[2] == pytest.approx(0.2, rel=0.2)
    assert sum(draw(store, "sql", "SELECT count() FROM logs").values) == 0


def test_a_metric_over_time_is_seen_when_it_changes(store: ClickHouseStore) -> None:
    times = (FIRST_NS // 10**6 - 600_000) + 10_000 * np.arange(84)
    values = np.where(times < FIRST_NS // 10**6 + 120_000, 1.0, 3.0)
    store.write_samples([{"__name__": "busy"}], SampleBlock(np.array([0, 84]), times, values))
    drawn = draw(store, "promql", "avg(avg_over_time(busy[600s]))")
    assert drawn.values[55] == 1.0
    assert drawn.values[95] == 3.0


def test_what_is_drawn(store: ClickHouseStore) -> None:
    def ask(language, query: str) -> Evidence:
        return Evidence("e", language, query, WINDOW, 1.0, "1")

    size = ask("sql", "SELECT avg(attributes.batch_size) FROM spans")
    mean = ask("sql", "SELECT avg(duration) FROM spans")
    assert choose_evidence([size, mean, ask("promql", "up")]) == mean
    assert choose_evidence([size]) is None
    found = replace(INVESTIGATION, symptom="errors", scope={"region": "eu"})
    told = symptom_evidence(found)
    assert told is not None
    assert told.query == (
        'SELECT count() FROM spans WHERE entry = true and service.name = "ml-infer"'
        ' and region = "eu" and error = true'
    )
    by_metric = replace(found.question, service="", expression="up")
    other = symptom_evidence(replace(found, question=by_metric))
    assert other is not None
    assert (other.language, other.query) == ("promql", "up")
