"""The command line. Quick to import: what a command needs is imported when it runs."""

import sys


def main() -> None:
    """Runs the command line; says what to install where the server's packages are missing."""
    try:
        from vario.cli.root import root

        root()
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in ("", "vario"):
            raise
        sys.exit(f"vario's commands need the package {missing!r}: pip install 'vario[server]'")
