"""Personal data in log lines, as vario's guards find it."""

from vario.guard.detectors import DETECTORS, is_suspicious
from vario.guard.names import kind_of
from vario.lint.words import is_personal_name

# Long ids look like keys, and addresses of servers are what logs are about.
_NOT_ASKED = frozenset({"high_entropy", "ip"})


def kind_of_name(name: str) -> str:
    """Returns what personal data a field of this name holds; empty for none."""
    return kind_of(name) or (name if is_personal_name(name) else "")


def kinds_in(text: str) -> list[str]:
    """Returns what personal data stands in a text."""
    if not is_suspicious(text):
        return []
    asked = [detector for detector in DETECTORS if detector.name not in _NOT_ASKED]
    return list(dict.fromkeys(d.name for d in asked if next(d.find(text), None) is not None))
