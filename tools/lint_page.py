"""Writes the reference of `vario lint`'s rules into docs/lint.md, from the rules' own texts."""

from pathlib import Path

from vario.lint.page import write_reference
from vario.lint.run import RULES

PAGE = Path(__file__).parents[1] / "docs" / "lint.md"
MARK = "<!-- what follows is written by tools/lint_page.py -->\n"


def main() -> None:
    """Rewrites what follows the mark."""
    head, mark, _ = PAGE.read_text(encoding="utf-8").partition(MARK)
    if not mark:
        raise SystemExit(f"{PAGE} has lost the line {MARK.strip()!r}; put it back")
    PAGE.write_text(f"{head}{MARK}\n{write_reference(RULES.values())}", encoding="utf-8")


if __name__ == "__main__":
    main()
