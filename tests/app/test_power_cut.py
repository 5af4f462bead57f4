"""The power is cut under load: with `--sync=commit` nothing acknowledged is missing afterwards."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from bench.acknowledged import DOORS
from bench.power import Image, cut_rounds, mounted


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Image]:
    try:
        opened = mounted(tmp_path, 1024)
        image = opened.__enter__()
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"SKIPPED LOUDLY: no image can be mounted here: {error}")
    yield image
    opened.__exit__(None, None, None)


@pytest.mark.crash
@pytest.mark.timeout(1200)
def test_what_was_acknowledged_survives_a_power_cut(tmp_path: Path, disk: Image) -> None:
    """`python -m bench power` cuts ten times, and shows what the other modes lose."""
    report = cut_rounds(tmp_path, disk, 1, sync="commit", seed=7, most_s=3)
    assert report["missing"] == 0
    assert report["acknowledged"] >= len(DOORS)
