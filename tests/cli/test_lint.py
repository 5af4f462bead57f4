"""`vario lint`, as a user calls it."""

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from vario.cli.lint import lint

RECORD = "groups:\n- name: g\n  rules:\n  - record: p95\n    expr: EXPR\n"
GOOD = RECORD.replace("EXPR", "histogram_quantile(0.95, sum by (le) (rate(x_bucket[5m])))")
BAD = RECORD.replace("EXPR", "histogram_quantile(95, sum(rate(x_bucket[5m])))")


def run(*arguments: str | Path, given: str | None = None) -> Result:
    return CliRunner().invoke(lint, [str(argument) for argument in arguments], input=given)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_finding_shows_its_line_and_the_exit_code_says_so(folder: Path) -> None:
    (folder / "r.yml").write_text(BAD, "utf-8")
    result = run("--only", "VA110", "r.yml")
    assert result.stdout == (
        "r.yml:5:30: error VA110 the quantile 95 is not between 0 and 1 [fixable]\n"
        "        expr: histogram_quantile(95, sum(rate(x_bucket[5m])))\n"
        "                                 ^^\n"
        "    write 0.95 (vario lint --explain VA110)\n\n"
        "1 file checked: 1 error; 1 can be fixed with --fix\n"
    )
    assert result.exit_code == 1


def test_a_clean_file_says_so_and_exits_with_0(folder: Path) -> None:
    (folder / "r.yml").write_text(GOOD, "utf-8")
    result = run(".")
    assert (result.stdout, result.exit_code) == ("1 file checked, nothing found\n", 0)


def test_fix_writes_what_is_right(folder: Path) -> None:
    path = folder / "r.yml"
    path.write_text(BAD, "utf-8")
    result = run("--fix", "r.yml")
    assert path.read_text("utf-8") == GOOD
    assert (result.exit_code, result.stderr) == (0, "2 fixed\n")


@pytest.mark.parametrize(("least", "code"), [("error", 0), ("warning", 1), ("never", 0)])
def test_the_least_severity_that_fails_can_be_chosen(folder: Path, least: str, code: int) -> None:
    (folder / "r.yml").write_text(GOOD.replace("5m", "30s"), "utf-8")  # VA106, a warning
    assert run("--fail-on", least, "r.yml").exit_code == code


def test_a_file_that_is_not_there_exits_with_2() -> None:
    result = run("nothing.yml")
    assert result.exit_code == 2
    assert result.stderr == "nothing.yml: cannot be read: No such file or directory\n"


def test_an_unknown_code_is_a_usage_error() -> None:
    result = run("--disable", "VA999", ".")
    assert result.exit_code == 2
    assert "there is no rule VA999; see vario lint --list" in result.stderr


def test_standard_input_is_read() -> None:
    result = run("--kind", "logs", "-", given="plain text\n")
    assert result.stdout.splitlines()[0] == (
        "-:1:1: error VA501 this line is not a JSON object: 'plain' is not JSON"
    )


def test_findings_can_be_had_as_sarif_in_a_file(folder: Path) -> None:
    (folder / "r.yml").write_text(BAD, "utf-8")
    result = run("--format", "sarif", "--output", "out.sarif", "r.yml")
    log = json.loads((folder / "out.sarif").read_text("utf-8"))
    assert [each["ruleId"] for each in log["runs"][0]["results"]] == ["VA108", "VA110"]
    assert result.exit_code == 1


def test_the_configuration_of_the_folder_holds(folder: Path) -> None:
    (folder / ".vario-lint.yml").write_text("files: {'*.yml': {disable: [VA108, VA110]}}", "utf-8")
    (folder / "r.yml").write_text(BAD, "utf-8")
    assert run("r.yml").exit_code == 0


def test_a_wrong_configuration_is_refused_with_its_place(folder: Path) -> None:
    (folder / "lint.yml").write_text("disable: [VA999]", "utf-8")
    result = run("--config", "lint.yml", ".")
    assert str(result.exception) == (
        "lint.yml:1:11: there is no rule VA999; `vario lint --list` has them all"
    )


def test_a_rule_explains_itself() -> None:
    result = run("--explain", "va102")
    assert result.stdout.startswith("VA102 averaged-percentile (error; rule files, SLOs")
    assert result.exit_code == 0


def test_rules_are_listed() -> None:
    assert "VA601" in run("--list").stdout


def test_the_hooks_of_pre_commit_name_commands_that_there_are() -> None:
    manifest = Path(__file__).parents[2] / ".pre-commit-hooks.yaml"
    hooks = yaml.safe_load(manifest.read_text("utf-8"))
    assert {hook["id"]: hook["entry"] for hook in hooks} == {
        "vario-lint": "vario lint",
        "vario-lint-fix": "vario lint --fix",
    }
    for hook in hooks:
        assert set(hook) >= {"id", "name", "description", "entry", "language", "files"}
