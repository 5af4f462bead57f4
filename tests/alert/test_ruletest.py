"""Unit tests of rules, run on vario and on promtool: both must agree, and mutants must fail both.

Data must be dense enough for its windows: a rate over five minutes of five-minute data is empty,
and a test of it passes for nothing. The mutants show that each case can fail.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tests.support.promtool import Promtool

from vario.alert.ruletest import Failure, load_tests, run_tests
from vario.clock import SystemClock
from vario.config import RetentionSettings, StoreSettings
from vario.errors import BadData
from vario.query.promql.engine import PromQL
from vario.query.promql.testing.scratch import ScratchMetrics
from vario.store.clickhouse import open_store
from vario.store.engine import Engine

CASES = Path(__file__).parent / "cases"
NAMES = sorted(path.name.removesuffix(".test.yml") for path in CASES.glob("*.test.yml"))
MUTANTS = [
    pytest.param(name, mutant, id=f"{name}: {mutant['old']} -> {mutant['new']}")
    for name in NAMES
    for mutant in yaml.safe_load((CASES / f"{name}.mutants.yml").read_text("utf-8"))
]


@pytest.fixture(scope="module")
def metrics(embedded_engine: Engine) -> Iterator[ScratchMetrics]:
    """A store that keeps samples of 1970, where promtool's time begins."""
    keep = RetentionSettings(metrics_days=30_000)
    settings = StoreSettings(dsn="chdb://memory/ruletest", reader_threads=1, retention=keep)
    store = open_store(settings, SystemClock())
    try:
        yield ScratchMetrics(store)
    finally:
        store.engine.command("DROP DATABASE ruletest SYNC")
        store.close()


def run(path: Path, metrics: ScratchMetrics) -> Iterator[str]:
    file = load_tests(str(path))
    return (str(failure) for failure in run_tests(file, metrics, PromQL(metrics)))


def mutate(name: str, mutant: dict[str, str], folder: Path) -> Path:
    rules = (CASES / f"{name}.rules.yml").read_text("utf-8")
    assert mutant["old"] in rules
    changed = rules.replace(mutant["old"], mutant["new"])
    (folder / f"{name}.rules.yml").write_text(changed, "utf-8")
    return Path(shutil.copy(CASES / f"{name}.test.yml", folder))


@pytest.mark.parametrize("name", NAMES)
def test_a_case_holds_on_vario(name: str, metrics: ScratchMetrics) -> None:
    assert list(run(CASES / f"{name}.test.yml", metrics)) == []


@pytest.mark.conformance
@pytest.mark.parametrize("name", NAMES)
def test_a_case_holds_on_promtool(name: str, promtool: Promtool) -> None:
    said = promtool("test", "rules", CASES / f"{name}.test.yml")
    assert said.returncode == 0, said.stdout + said.stderr


@pytest.mark.parametrize(("name", "mutant"), MUTANTS)
def test_a_mutant_fails_on_vario(
    name: str, mutant: dict[str, str], tmp_path: Path, metrics: ScratchMetrics
) -> None:
    assert next(run(mutate(name, mutant, tmp_path), metrics), None) is not None


@pytest.mark.conformance
@pytest.mark.parametrize(("name", "mutant"), MUTANTS)
def test_a_mutant_fails_on_promtool(
    name: str, mutant: dict[str, str], tmp_path: Path, promtool: Promtool
) -> None:
    assert promtool("test", "rules", mutate(name, mutant, tmp_path)).returncode == 1


RULES = "groups: [{name: g, rules: [{alert: A, expr: m > 1, annotations: {v: '{{ $value }}'}}]}]\n"
TEST = """\
rule_files: [r.yml]
tests:
- name: wrong
  input_series: [{series: m, values: "2x5"}]
  alert_rule_test:
  - {eval_time: 1m, alertname: A, exp_alerts: [{exp_annotations: {v: "3"}}]}
  promql_expr_test:
  - {expr: m, eval_time: 1m, exp_samples: [{labels: m, value: 5}]}
  - {expr: "sum(m", eval_time: 1m}
"""


def test_a_failure_shows_what_was_expected_and_what_came(
    tmp_path: Path, metrics: ScratchMetrics
) -> None:
    (tmp_path / "r.yml").write_text(RULES, "utf-8")
    path = tmp_path / "t.yml"
    path.write_text(TEST, "utf-8")
    assert list(run_tests(load_tests(str(path)), metrics, PromQL(metrics))) == [
        Failure(
            str(path),
            6,
            "wrong",
            "alertname: A, time: 1m,\n"
            '    exp: \n      {alertname="A"} {v="3"}\n    got: \n      {alertname="A"} {v="2"}',
        ),
        Failure(
            str(path),
            8,
            "wrong",
            'expr: "m", time: 1m,\n'
            '    exp: \n      {__name__="m"} 5\n    got: \n      {__name__="m"} 2',
        ),
        Failure(
            str(path),
            9,
            "wrong",
            'expr: "sum(m", time: 1m, err: 1:6: parse error: unclosed left parenthesis',
        ),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tests: [{intervall: 1m}]\n", 't.yml:1:10: field "intervall" is not known in a test'),
        ("tests: [{interval: 1x}]\n", 't.yml:1:20: interval: unknown unit "x" in duration "1x"'),
        ("tests: [{input_series: [{series: 'm{', values: '1'}]}]\n", "t.yml:1:25: "),
        ("tests: [{alert_rule_test: [{eval_time: 1m}]}]\n", "must have an alertname"),
        ("rule_files: [absent.yml]\n", "absent.yml:1:1: cannot be read: No such file"),
        ("tests: {\n", "t.yml:2:1: this is not YAML"),
    ],
)
def test_a_mistake_in_a_test_file_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "t.yml"
    path.write_text(text, "utf-8")
    with pytest.raises(BadData) as caught:
        load_tests(str(path))
    assert said in str(caught.value)
