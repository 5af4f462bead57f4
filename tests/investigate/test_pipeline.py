"""Questions about simulated services with planted causes, and about services that are well."""

from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
from bench.service import Plan, Simulation
from tests.conftest import KEEP_FOR_YEARS, START_NS

from vario.clock import ManualClock
from vario.config import StoreSettings
from vario.investigate.evidence import run_query
from vario.investigate.picture import draw_evidence, drawn_window, symptom_evidence
from vario.investigate.pipeline import investigate
from vario.investigate.probers import PROBERS
from vario.investigate.reader import Reader
from vario.model.investigation import Investigation, Question
from vario.model.telemetry import TimeRange
from vario.store.clickhouse import ClickHouseStore, open_store
from vario.store.engine import Engine

MINUTE_NS = 60 * 10**9
KINDS = ("cache", "release", "batch", "upstream", "mix_shift", "quiet")


class Cases:
    """Simulated services in one store, a day apart; each is written when it is first asked for."""

    def __init__(self, store: ClickHouseStore) -> None:
        self.reader = Reader(store)
        self.simulation = cache(self._write)
        self.answer = cache(self._ask)

    def _write(self, kind: str) -> Simulation:
        start_ns = START_NS + KINDS.index(kind) * 24 * 60 * MINUTE_NS
        made = Simulation(Plan(kind, seed=3, minutes=16), f"ml-{kind}", start_ns)
        made.write(self.reader.store)  # type: ignore[arg-type]
        return made

    def _ask(self, kind: str) -> Investigation:
        made = self.simulation(kind)
        end_ns = made.window.end_ns
        question = Question(made.service, TimeRange(end_ns - 10 * MINUTE_NS, end_ns))
        return investigate(self.reader, question, ManualClock(end_ns), PROBERS)


@pytest.fixture(scope="module")
def cases(embedded_engine: Engine) -> Iterator[Cases]:
    settings = StoreSettings(
        dsn="chdb://memory/simulated", reader_threads=2, retention=KEEP_FOR_YEARS
    )
    store = open_store(settings, ManualClock(START_NS))
    yield Cases(store)
    store.engine.command("DROP DATABASE `simulated` SYNC")
    store.close()


@pytest.mark.parametrize(
    ("kind", "symptom", "first", "scope"),
    [
        ("cache", "latency", ("mediator", "cache_hit", "false"), {"region": "us-east"}),
        ("release", "quality", ("feature", "feature", "session_length"), {"region": "us-east"}),
        ("batch", "cost", ("configuration", "batch_size", "1"), {}),
        ("upstream", "errors", ("dependency", "upstream", "feature-store-ml-upstream"),
         {"region": "us-east"}),
    ],
)  # fmt: skip
def test_the_planted_cause_comes_first(
    cases: Cases, kind: str, symptom: str, first: tuple[str, str, str], scope: dict[str, str]
) -> None:
    answer = cases.answer(kind)
    assert (answer.verdict, answer.symptom, dict(answer.scope)) == ("explained", symptom, scope)
    finding = answer.findings[0]
    assert (finding.kind, finding.subject.get(first[1])) == (first[0], first[2])
    assert finding.subject.get("region", "") == scope.get("region", "")
    assert len(answer.findings) <= 5
    assert 1 <= len(answer.summary) <= 6


@pytest.mark.parametrize("kind", ["cache", "release", "batch", "upstream"])
def test_the_onset_is_close(cases: Cases, kind: str) -> None:
    answer, planted_ns = cases.answer(kind), cases.simulation(kind).onset_ns
    assert abs(answer.onset_ns - planted_ns) <= 60 * 10**9
    assert answer.onset_low_ns <= answer.onset_ns <= answer.onset_high_ns
    assert answer.baseline.end_ns <= answer.onset_high_ns
    assert answer.window.start_ns >= answer.onset_low_ns


def test_nothing_is_blamed_where_nothing_changed(cases: Cases) -> None:
    answer = cases.answer("quiet")
    assert (answer.verdict, answer.findings, answer.symptom) == ("no_change", (), None)
    assert answer.summary[0] == "Nothing changed for ml-quiet beyond its usual variation."


def test_other_traffic_is_no_cause(cases: Cases) -> None:
    answer = cases.answer("mix_shift")
    assert answer.verdict in ("no_change", "partial", "unexplained")
    assert all(one.kind == "traffic" for one in answer.findings if one.confidence >= 0.6)


@pytest.mark.parametrize("kind", ["cache", "release", "batch", "upstream"])
def test_every_number_is_given_again_by_its_query(cases: Cases, kind: str) -> None:
    answer = cases.answer(kind)
    evidence = [one for finding in answer.findings for one in finding.evidence]
    assert evidence
    evidence += [answer.measured] if answer.measured else []
    for one in evidence:
        signal = "logs" if one.unit == "records" or one.link.startswith("/logs") else "traces"
        again = run_query(cases.reader, one.language, one.query, one.window, signal=signal)  # type: ignore[arg-type]
        assert again == pytest.approx(one.value, rel=1e-12, nan_ok=True), (one.title, one.query)


@pytest.mark.parametrize("kind", ["batch", "release"])
def test_what_a_metric_shows_is_drawn_as_that(cases: Cases, kind: str) -> None:
    answer = cases.answer(kind)
    shown, effect = symptom_evidence(answer), answer.effect
    assert shown is not None
    assert shown == answer.measured
    assert effect is not None
    assert shown.title == f"{effect.measure} now"
    window = drawn_window(answer)
    drawn = draw_evidence(cases.reader.store, shown.language, shown.query, shown.unit, window)
    times, values = np.array(drawn.times_ns), np.array(drawn.values)
    for part, told in (
        (times < answer.onset_low_ns, effect.before),
        (times > answer.onset_high_ns + MINUTE_NS, effect.after),
    ):
        assert np.nanmean(values[part]) == pytest.approx(told, rel=0.15)
    assert cases.answer("upstream").measured is None


def test_the_same_question_has_the_same_answer(cases: Cases) -> None:
    cases.answer.cache_clear()
    first = cases.answer("upstream")
    cases.answer.cache_clear()
    assert cases.answer("upstream") == first


def test_a_service_without_data(cases: Cases) -> None:
    question = Question("nobody", TimeRange(START_NS, START_NS + 60 * MINUTE_NS))
    answer = investigate(cases.reader, question, ManualClock(START_NS + 60 * MINUTE_NS))
    assert answer.verdict == "no_change"
    assert answer.summary == (
        "There are too few requests of nobody in this time to compare with a time before.",
    )
