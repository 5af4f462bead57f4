"""SIGKILL while clients send at every door, and start again: nothing acknowledged is missing."""

from pathlib import Path

import pytest
from bench.acknowledged import DOORS
from bench.crash import kill_rounds

ROUNDS = 5
"""`python -m bench crash` does 200."""


@pytest.mark.crash
@pytest.mark.timeout(1200)
def test_what_was_acknowledged_survives_sigkill(tmp_path: Path) -> None:
    report = kill_rounds(tmp_path, ROUNDS, seed=7)
    print(report)
    assert report["missing"] == 0
    assert report["acknowledged"] >= ROUNDS * len(DOORS)
