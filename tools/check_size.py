"""Stops a file of over 600 lines or a function of over 60; aim at 400 and 40.

Exceptions stand in `EXCEPTIONS`, one line each with its reason; the list only shrinks.
"""

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
MAX_FILE, MAX_FUNCTION = 600, 60
EXCEPTIONS: dict[str, str] = {}


def oversized(path: Path) -> list[str]:
    """Returns what in a Python or TypeScript file is too long, as printable lines."""
    text = path.read_text(encoding="utf-8")
    name = path.relative_to(ROOT).as_posix()
    found: list[str] = []
    lines = text.count("\n")
    if lines > MAX_FILE and name not in EXCEPTIONS:
        found.append(f"{name}: {lines} lines, at most {MAX_FILE}")
    if path.suffix == ".py":
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
                length = node.end_lineno - node.lineno + 1
                key = f"{name}:{node.name}"
                if length > MAX_FUNCTION and key not in EXCEPTIONS:
                    found.append(f"{key}: {length} lines, at most {MAX_FUNCTION}")
    return found


def main() -> None:
    """Checks the sources of the package, the tests, the benchmarks and the UI."""
    paths = [
        path
        for folder, pattern in (
            ("src", "*.py"),
            ("tests", "*.py"),
            ("bench", "*.py"),
            ("tools", "*.py"),
            ("web/src", "*.ts"),
            ("web/src", "*.tsx"),
        )
        for path in sorted((ROOT / folder).rglob(pattern))
        if "schema.d.ts" not in path.name
    ]
    found = [line for path in paths for line in oversized(path)]
    print(*found or [f"sizes: {len(paths)} files within limits"], sep="\n")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
