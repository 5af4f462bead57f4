"""What an SLO records and alerts on, and what its alerts say."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.support.memory_rules import evaluate_rules, write
from tests.support.metric_reader import MemoryReader

from vario.alert.evaluate import Moment, Surroundings, evaluate_alerting
from vario.alert.rulefile import Rule, check_text
from vario.alert.seams import make_query
from vario.alert.template import Links
from vario.query.promql.engine import Options, PromQL
from vario.slo.load import check_text as check_slos
from vario.slo.model import Slo
from vario.slo.rules import make_groups, to_yaml

GOLDEN = Path(__file__).parent / "golden"
SPEC = """\
slos:
- name: infer-errors
  service: ml-infer
  owner: ml-platform
  runbook: https://runbooks.example/errors
  sli: {errors: inference_requests_total}
  objective: 99.9%
"""
GROUPED = SPEC + "  by: region\n"
HOURS = SPEC + "  hours: {zone: Europe/Zurich, open: 09:00-17:00, holidays: [2026-01-01]}\n"
MONTH = SPEC + "  window: {calendar: month, zone: Europe/Zurich}\n"
SLICES = SPEC.replace("{errors: inference_requests_total}", "{drift: {}}")
JULY_S = 1_782_864_000  # 2026-07-01 00:00 UTC


def load(spec: str) -> Slo:
    slos, problems = check_slos(spec, "s.yml")
    assert problems == []
    return slos.slos[0]


@pytest.mark.parametrize(
    ("name", "spec"),
    [("plain", SPEC), ("hours", HOURS), ("month", MONTH), ("slices", SLICES)],
)
def test_rules_are_as_they_were(name: str, spec: str, golden: Callable[[Path, str], None]) -> None:
    text = to_yaml(make_groups(load(spec), now_s=JULY_S))
    assert check_text(text, "x.yml")[1] == []
    golden(GOLDEN / f"{name}.rules.yml", text)


def history(minutes: int, bad_of_1000: dict[str, Callable[[int], float]]) -> MemoryReader:
    """Returns a reader of counters by region: 1,000 requests a minute, some of them bad."""
    reader = MemoryReader()
    times = 60_000 * np.arange(minutes, dtype=np.int64)
    for region, bad in bad_of_1000.items():
        failed = 5000 + np.cumsum([float(bad(m)) for m in range(minutes)])
        good = 10_000 + np.cumsum([1000.0 - bad(m) for m in range(minutes)])
        for code, values in (("500", failed), ("200", good)):
            labels = {"__name__": "inference_requests_total", "region": region, "code": code}
            write(reader, labels, times, values)
    return reader


def record(spec: str, reader: MemoryReader, minute: int) -> None:
    """Writes what an SLO's rules record at one minute."""
    engine = PromQL(reader, Options(pushdown_from=None))
    for rule in rules_of(spec):
        if rule.kind == "recording":
            for series in engine.instant(rule.expr, minute * 60_000).series:
                labels = {**dict(series.labels), "__name__": rule.name, **rule.labels}
                write(reader, labels, np.array([minute * 60_000]), series.values)


def rules_of(spec: str) -> list[Rule]:
    text = to_yaml(make_groups(load(spec), now_s=0, interval_s=60))
    return [rule for group in check_text(text, "x.yml")[0] for rule in group.rules]


def alerts_at(spec: str, reader: MemoryReader, minute: int) -> list[str]:
    """Returns the summaries of the alerts that fire at a minute, out of what is recorded."""
    query = make_query(PromQL(reader, Options(pushdown_from=None)))
    said: list[str] = []
    for rule in rules_of(spec):
        if rule.kind == "alerting":
            advanced = evaluate_alerting(
                rule,
                {},
                Moment(minute * 60_000_000_000),
                query,
                Surroundings(links=Links("http://vario.example")),
            )
            said += [alert.annotations["summary"] for alert in advanced.alerts.values()]
    return said


def leave(reader: MemoryReader, minute: int, left: float) -> None:
    """Writes what is left of the budget in us-east."""
    labels = {"__name__": "slo:period_error_budget_remaining:ratio", "slo": "infer-errors",
              "service": "ml-infer", "region": "us-east"}  # fmt: skip
    write(reader, labels, np.array([minute * 60_000]), np.array([left]))


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (0.9, "; at this rate it is gone in 1 d 8 h; 90% left; us-east only"),
        (0.124, "; at this rate it is gone in 4 h 27 min; 12% left; us-east only"),
        (0.005, "; at this rate it is gone in 10 min; 0% left; us-east only"),
        (-0.2, "; the budget is spent; us-east only"),
    ],
)
def test_an_alert_says_how_fast_how_long_how_much_and_where(left: float, said: str) -> None:
    reader = history(700, {"us-east": lambda m: 20 if m > 600 else 0, "eu-west": lambda m: 0})
    record(GROUPED, reader, 690)
    leave(reader, 690, left)
    assert alerts_at(GROUPED, reader, 690)[0] == (
        f"ml-infer: burning the 30-day budget of infer-errors 20x{said}"
    )


def test_a_young_service_has_not_spent_a_month_with_one_bad_hour() -> None:
    reader = history(700, {"us-east": lambda m: 20 if m > 600 else 0, "eu-west": lambda m: 0})
    for minute in range(600, 691, 5):
        record(GROUPED, reader, minute)
    engine = PromQL(reader, Options(pushdown_from=None))
    found = engine.instant("slo:period_error_budget_remaining:ratio", 690 * 60_000).series
    left = {dict(one.labels)["region"]: one.values[-1] for one in found}
    # 2 % bad in an hour and a half: 20 times the budget, in 1/480 of the period.
    assert left == {"us-east": pytest.approx(1 - 20 * 90 / 43_200, abs=0.01), "eu-west": 1.0}


def test_a_breakdown_names_the_region_that_burns() -> None:
    spec = SPEC + "  breakdown: region\n"
    reader = history(700, {"us-east": lambda m: 60 if m > 600 else 0, "eu-west": lambda m: 0})
    record(spec, reader, 690)
    assert alerts_at(spec, reader, 690)[0].endswith("; us-east only")
    both = history(700, {"us-east": lambda m: 60 if m > 600 else 0, "eu-west": lambda m: 50})
    record(spec, both, 690)
    assert "only" not in alerts_at(spec, both, 690)[0]


def fired(spec: str, reader: MemoryReader, minutes: int) -> set[str]:
    inputs = {}
    for labels, samples in reader.samples.items():
        values = np.full(minutes, np.nan)
        for time_ms, value in samples.items():
            values[time_ms // 60_000] = value
        own = ",".join(f'{k}="{v}"' for k, v in labels if k != "__name__")
        inputs[f"inference_requests_total{{{own}}}"] = values
    groups, _ = check_text(to_yaml(make_groups(load(spec), now_s=0, interval_s=60)), "x.yml")
    return {window for (_, window), fires in evaluate_rules(groups, inputs, minutes).items()
            if fires.any()}  # fmt: skip


def quiet(minutes: int, bad_at: dict[int, int]) -> MemoryReader:
    """Returns a service with one request a minute, and some bad ones."""
    reader = MemoryReader()
    times = 60_000 * np.arange(minutes, dtype=np.int64)
    bad = 100 + np.cumsum([float(bad_at.get(m, 0)) for m in range(minutes)])
    good = 1000.0 + np.arange(minutes)
    for code, values in (("500", bad), ("200", good)):
        write(reader, {"__name__": "inference_requests_total", "code": code}, times, values)
    return reader


def test_one_bad_request_at_low_traffic_wakes_nobody_and_three_do() -> None:
    assert fired(SPEC, quiet(200, {150: 1}), 200) == set()
    assert fired(SPEC + "  min_bad_events: 0\n", quiet(200, {150: 1}), 200) >= {"1h", "6h"}
    assert fired(SPEC, quiet(200, {150: 4}), 200) >= {"1h", "6h"}
    assert fired(SPEC + "  min_events: 500\n", quiet(200, {150: 4}), 200) == set()


def test_no_traffic_is_unmeasured_and_not_up() -> None:
    engine = PromQL(MemoryReader(), Options(pushdown_from=None))
    for rule in rules_of(SPEC):
        if rule.kind == "recording" and rule.name != "slo:objective:ratio":
            assert engine.instant(rule.expr, 60_000_000).series == [], rule.name


def test_a_target_that_can_never_be_missed_so_fast_is_capped() -> None:
    slo = load(SPEC.replace("99.9%", "90%"))
    assert [w.factor for w in slo.windows] == [9.0, 6.0, 3.0, 1.0]
