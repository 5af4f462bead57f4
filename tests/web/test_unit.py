"""The UI's own unit tests, its types and its packages."""

import subprocess
from pathlib import Path

import pytest
from tools import build_ui


@pytest.fixture(scope="module", autouse=True)
def _packages() -> None:
    """Installs the UI's packages; without Node nothing of the UI can be tested."""
    try:
        build_ui.install()
    except SystemExit as error:
        pytest.skip(f"the UI's units are NOT tested: {error}")


def test_vitest() -> None:
    npm, environment = build_ui.npm_command()
    command = [*npm, "test", "--silent"]
    done = subprocess.run(
        command, cwd=build_ui.WEB, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_types_are_those_of_the_api(tmp_path: Path) -> None:
    fresh = tmp_path / "schema.d.ts"
    build_ui.write_types(fresh)
    assert fresh.read_text() == build_ui.TYPES.read_text(), "run `make types`"


def test_the_lock_names_no_registry() -> None:
    lock = (build_ui.WEB / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    assert "registry" not in lock


def test_sources_stay_small() -> None:
    sources = [*build_ui.WEB.glob("src/**/*.ts"), *build_ui.WEB.glob("src/**/*.tsx")]
    long = [path.name for path in sources if path.read_text().count("\n") > 400]
    assert [name for name in long if name != build_ui.TYPES.name] == []
