"""vario's exported rules, under real promtool and under vario's evaluator, against Sloth's."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from tests.support import slo_cases as cases
from tests.support.memory_rules import evaluate_rules
from tests.support.promtool import Promtool, write_yaml

from vario.alert.rulefile import check_text
from vario.slo.load import check_text as check_slos
from vario.slo.rules import make_groups, to_yaml

MINUTES = 200


def exported(name: str) -> str:
    """Returns the exported rules of one SLO of the corpus."""
    slos, problems = check_slos(cases.SLOS, "corpus.yml")
    assert problems == []
    assert slos.warnings == ()
    (slo,) = (slo for slo in slos.slos if slo.name == name)
    return to_yaml(make_groups(slo, now_s=0, interval_s=60))


def scale_of(slo: str) -> float:
    target, table = cases.EXPECTED[slo]
    return table[0][0] * (1 - target)


def shapes_of(slo: str) -> list[cases.Shape]:
    return cases.make_shapes(MINUTES, scale_of(slo))


def window_name(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    days, left = divmod(hours, 24)
    text = f"{days}d" if days else ""
    text += f"{left}h" if left else ""
    return text + (f"{rest}m" if rest else "")


def promtool_test(slo: str, number: int) -> dict[str, object]:
    """Returns a test of promtool: an SLO in one shape, checked at every edge and in all."""
    shapes = shapes_of(slo)
    inputs = [
        {"series": name, "values": " ".join("_" if np.isnan(v) else f"{v:.0f}" for v in values)}
        for name, values in cases.series(slo, shapes[number], shapes[0]).items()
    ]
    checks: list[dict[str, object]] = []
    for window, fires in cases.firing(slo, shapes[number]).items():
        alerts = f'ALERTS{{alertstate="firing",window="{window_name(window)}"}}'
        total = f"sum(count_over_time({alerts}[{MINUTES}m])) or vector(0)"
        checks.append(check(total, MINUTES - 1, float(fires.sum())))
        for minute in cases.edges(fires):
            for at in (minute - 1, minute):
                expr = f"count({alerts}) or vector(0)"
                checks.append(check(expr, at, float(fires[at])))
    return {"interval": "1m", "input_series": inputs, "promql_expr_test": checks}


def check(expr: str, minute: int, value: float) -> dict[str, object]:
    samples = [{"labels": "{}", "value": value}]
    return {"expr": expr, "eval_time": f"{minute}m", "exp_samples": samples}


def write_case(folder: Path, slo: str, rules: str, numbers: Sequence[int]) -> Path:
    (folder / f"{slo}.rules.yml").write_text(rules, "utf-8")
    groups, problems = check_text(rules, "slo.rules.yml")
    assert problems == []
    document = {
        "rule_files": [f"{slo}.rules.yml"],
        "evaluation_interval": "1m",
        "group_eval_order": [group.name for group in groups],
        "tests": [promtool_test(slo, number) for number in numbers],
    }
    return write_yaml(folder / f"{slo}.test.yml", document)


COUNT = len(cases.make_shapes(MINUTES, 0.01))
NAMES = list(cases.EXPECTED)
PAIRS = [(slo, range(i, COUNT, len(NAMES))) for i, slo in enumerate(NAMES)]
"""Every shape once, and every SLO in two or three of them; `python -m bench slo` runs all pairs."""


@pytest.mark.conformance
@pytest.mark.parametrize(("slo", "numbers"), PAIRS, ids=NAMES)
def test_promtool_agrees_with_sloth_at_every_evaluation(
    tmp_path: Path, promtool: Promtool, slo: str, numbers: Sequence[int]
) -> None:
    said = promtool("test", "rules", write_case(tmp_path, slo, exported(slo), numbers))
    assert said.returncode == 0, (said.stdout + said.stderr)[:4000]


MUTANTS = {
    "a factor": ("errors-30d", "> (14.4 * 0.001)", "> (13.4 * 0.001)", 3),
    "a factor of a ticket": ("errors-30d", "> (1 * 0.001)", "> (1.3 * 0.001)", 6),
    "a target": ("latency-30d", "* 0.05)", "* 0.06)", 6),
    "a long window": ("errors-30d", "[1h]", "[50m]", 6),
    "a short window": ("good-7d", "d_good_total[7m]", "d_good_total[9m]", 8),
}


@pytest.mark.conformance
@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_mutant_disagrees(tmp_path: Path, promtool: Promtool, mutant: str) -> None:
    slo, old, new, number = MUTANTS[mutant]
    rules = exported(slo)
    assert old in rules
    path = write_case(tmp_path, slo, rules.replace(old, new), [number])
    assert promtool("test", "rules", path).returncode == 1


@pytest.mark.parametrize(("slo", "numbers"), PAIRS, ids=NAMES)
def test_varios_evaluator_agrees_with_sloth_at_every_evaluation(
    slo: str, numbers: Sequence[int]
) -> None:
    groups, _ = check_text(exported(slo), "slo.rules.yml")
    shapes = shapes_of(slo)
    for number in numbers:
        fired = evaluate_rules(groups, cases.series(slo, shapes[number], shapes[0]), MINUTES)
        for window, fires in cases.firing(slo, shapes[number]).items():
            got = fired.get((slo, window_name(window)), np.zeros(MINUTES, dtype=bool))
            assert np.array_equal(got, fires), (slo, shapes[number].name, window)


def test_the_corpus_has_alerts_that_fire_and_alerts_that_do_not() -> None:
    fired = [
        fires.any()
        for slo in NAMES
        for shape in shapes_of(slo)
        for fires in cases.firing(slo, shape).values()
    ]
    assert 0.2 < float(np.mean(fired)) < 0.8
