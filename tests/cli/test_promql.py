"""`vario promql test`: an expectation that is wrong fails the run."""

import subprocess
import sys
from pathlib import Path

RIGHT = """\
load 1m
  x{a="1"} 0+60x10

eval instant at 10m rate(x[5m])
  {a="1"} 1

eval range from 0 to 2m step 1m x
  x{a="1"} 0 60 120

eval instant at 10m sum(
  expect fail
"""

WRONG = """\
load 1m
  x{a="1"} 0+60x10

eval instant at 10m rate(x[5m])
  {a="1"} 2

eval instant at 10m x
  expect fail

eval instant at 10m x
  expect warn
  x{a="1"} 600

eval instant at 10m x
  x{a="2"} 600

eval range from 0 to 2m step 1m x
  x{a="1"} 0 60 121
"""


def test_right_and_wrong_scripts(tmp_path: Path) -> None:
    right, wrong = tmp_path / "right.test", tmp_path / "wrong.test"
    right.write_text(RIGHT)
    wrong.write_text(WRONG)
    assert run(right) == (0, "3 passed, 0 failed\n")
    code, printed = run(right, wrong, tmp_path / "missing.test")
    assert code == 1
    assert [line.split(" ")[0] for line in printed.splitlines() if line.startswith("/")] == [
        *(f"{wrong}:{line}:" for line in (4, 7, 10, 14, 17)),
        f"{tmp_path / 'missing.test'}:",
    ]
    assert printed.endswith("3 passed, 6 failed\n")


def run(*files: Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "vario.cli", "promql", "test", *map(str, files)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout
