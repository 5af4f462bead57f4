"""`vario rules`, as a user calls it."""

from pathlib import Path

from click.testing import CliRunner, Result

from vario.cli.rules import rules

GOOD = """\
groups:
- name: model
  interval: 30s
  rules:
  - {record: a, expr: sum(m)}
  - {alert: Down, expr: m == 0, labels: {severity: page}}
"""


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(rules, [str(argument) for argument in arguments])


def write(folder: Path, text: str) -> Path:
    path = folder / "r.yml"
    path.write_text(text, "utf-8")
    return path


def test_a_good_file_is_described(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    result = run("check", path)
    assert result.stdout == (
        f"Checking {path}\n  model: 1 alerting, 1 recording, every 30s\n"
        "  SUCCESS: 2 rules found\n\n"
    )
    assert result.exit_code == 0


def test_a_fault_is_printed_with_its_line_and_the_exit_code_says_so(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD.replace("sum(m)", "sum(m"))
    result = run("check", path)
    assert result.stderr == (
        f'  FAILED:\n{path}:5:23: group "model", rule 1, "a": could not parse expression: '
        "1:6: parse error: unclosed left parenthesis\n"
    )
    assert result.exit_code == 1


def test_rules_that_come_twice_are_a_warning_or_worse(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD + "  - {record: a, expr: max(m)}\n")
    result = run("check", path)
    assert result.stderr == (
        "  1 duplicate rule(s) found.\n"
        "  line 5: record a{} comes 2 times; their results may contradict each other\n"
    )
    assert result.exit_code == 0
    assert run("check", "--lint-fatal", path).exit_code == 3
