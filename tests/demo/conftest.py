"""The demo's own database and model, made once for all tests of this folder."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what `vario.demo.prepare` makes."""
    folder = tmp_path_factory.mktemp("system")
    subprocess.run([sys.executable, "-m", "vario.demo.prepare", str(folder)], check=True)
    return folder


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
