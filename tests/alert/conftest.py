"""promtool, the oracle of rules."""

import subprocess
from pathlib import Path

import pytest
from tests.support.peers import unpack_peer
from tests.support.promtool import Promtool


@pytest.fixture(scope="session")
def promtool(tmp_path_factory: pytest.TempPathFactory) -> Promtool:
    """promtool of Debian's package; a test that asks for it is skipped where that is absent."""
    folder = tmp_path_factory.mktemp("promtool")
    program = unpack_peer("promtool_", "usr/bin/promtool", folder)

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [str(program), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=150)

    return run
