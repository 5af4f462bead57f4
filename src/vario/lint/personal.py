"""Personal data in log lines: one seam, whoever knows best how to find it."""

import re

from vario.lint.words import is_personal_name

_EMAIL = re.compile(r"[\w.%+'-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}\b")
_CARD = re.compile(r"(?<![\w.-])(?:\d[ -]?){12,18}\d(?![\w.-])")


def kind_of_name(name: str) -> str:
    """Returns what personal data a field of this name holds; empty for none."""
    return name if is_personal_name(name) else ""


def kinds_in(text: str) -> list[tuple[str, int, int]]:
    """Returns what personal data stands in a text, and where."""
    found = [("email", match.start(), match.end()) for match in _EMAIL.finditer(text)]
    found += [("card", m.start(), m.end()) for m in _CARD.finditer(text) if _is_card(m[0])]
    return found


def _is_card(text: str) -> bool:
    """Whether digits pass the check of card numbers (Luhn)."""
    digits = [int(c) for c in text if c.isdigit()]
    doubled = [sum(divmod(2 * d, 10)) for d in digits[-2::-2]]
    return (sum(doubled) + sum(digits[-1::-2])) % 10 == 0
