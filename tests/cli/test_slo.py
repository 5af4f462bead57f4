"""`vario slo`, as a user calls it."""

import json
from pathlib import Path

from click.testing import CliRunner, Result

from vario.cli.slo import slo

SLOS = """\
slos:
- {name: a, service: s, owner: o, runbook: r.md, objective: 99%, sli: {errors: r_total}}
- {name: b, service: s, owner: o, objective: 99%, sli: {errors: q_total}}
"""


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(slo, [str(argument) for argument in arguments])


def write(folder: Path, text: str) -> Path:
    path = folder / "s.yml"
    path.write_text(text, "utf-8")
    return path


def test_check_names_every_fault_and_doubt_with_its_line(tmp_path: Path) -> None:
    path = write(tmp_path, SLOS)
    result = run("check", path)
    assert (result.exit_code, result.stdout) == (0, f"{path}: 2 SLOs, 0 other documents\n")
    assert result.stderr == (
        f'{path}:3:3: SLO "b": no runbook: whoever is told at night wants one (warning)\n'
    )
    result = run("check", write(tmp_path, SLOS.replace("99%", "99")))
    assert result.exit_code == 1
    assert f'{path}:2:61: SLO "a": objective' in result.stderr


def test_export_for_prometheus_and_grafana(tmp_path: Path) -> None:
    path = write(tmp_path, SLOS)
    rules = run("export", path, "--name", "b").stdout
    assert rules.startswith(f"# Made by vario from {path}.\ngroups:\n- name: slo-b\n")
    assert "r_total" not in rules
    dashboard = json.loads(run("export", path, "--format", "grafana").stdout)
    assert len(dashboard["panels"]) == 10


def test_import_writes_what_check_accepts(tmp_path: Path) -> None:
    sloth = tmp_path / "sloth.yml"
    sloth.write_text(
        "version: prometheus/v1\nservice: s\nslos:\n- name: a\n  objective: 99\n"
        "  sli:\n    raw:\n"
        "      error_ratio_query: sum(rate(b[{{.window}}])) / sum(rate(a[{{.window}}]))\n"
    )
    out = tmp_path / "out.yml"
    assert run("import", sloth, "-o", out).stdout == f"wrote {out}\n"
    assert run("check", out).exit_code == 0
