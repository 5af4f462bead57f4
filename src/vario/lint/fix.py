"""Doing what the findings say, where that is safe."""

from collections.abc import Callable, Iterable

from vario.lint.finding import Edit, Finding

_MOST_ROUNDS = 10


def apply_fixes(text: str, findings: Iterable[Finding]) -> tuple[str, int]:
    """Returns a text with the edits of its findings done, and of how many findings.

    Findings whose edits touch what another has changed are left for the next round.
    """
    taken: list[Edit] = []
    done = 0
    for finding in findings:
        free = all(not _touch(edit, other) for edit in finding.edits for other in taken)
        if finding.edits and free:
            taken += finding.edits
            done += 1
    for edit in sorted(taken, key=lambda edit: edit.start, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text, done


def _touch(one: Edit, other: Edit) -> bool:
    return one.start <= other.end and other.start <= one.end


def fix_all(text: str, judge: Callable[[str], list[Finding]]) -> tuple[str, int]:
    """Returns a text in which nothing can be fixed any more, and how many findings were fixed.

    Args:
        text: the text.
        judge: returns the findings of a text.
    """
    fixed = 0
    for _ in range(_MOST_ROUNDS):
        text, done = apply_fixes(text, judge(text))
        if not done:
            break
        fixed += done
    return text, fixed
