"""What is found: a rule that a document breaks, where, and what to do about it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from vario.lint.facts import Facts
from vario.lint.source import Place

Severity = Literal["error", "warning", "info"]
Kind = Literal["rules", "slo", "dashboard", "logs", "settings"]

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
"""Worst first."""

Subject = TypeVar("Subject")


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that can be wrong; its texts are the documentation.

    Attributes:
        code: stable: a code is never used for another rule.
        name: what people call it.
        severity: error: it does not do what it says; warning: it will hurt; info: it could help.
        kinds: the documents that it is asked of.
        title: what is wrong, in a line.
        why: what it leads to.
        bad: an example that breaks it, of the first of `kinds`; a PromQL rule shows a query.
        good: the same, as it should be.
        remedy: what to do.
        fixable: whether `--fix` can do it, at least sometimes.
    """

    code: str
    name: str
    severity: Severity
    kinds: tuple[Kind, ...]
    title: str
    why: str
    bad: str
    good: str
    remedy: str
    fixable: bool = False

    @property
    def anchor(self) -> str:
        """Where the rule stands in docs/lint.md."""
        return f"{self.code}-{self.name}".lower()


@dataclass(frozen=True, slots=True)
class Edit:
    """Characters `start` to `end` of a file become `text`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A place in a document where a rule is broken; the remedy is the rule's own if empty."""

    start: int
    end: int
    message: str
    remedy: str = ""
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True, slots=True)
class Check(Generic[Subject]):
    """A rule, and the function that finds where a subject breaks it."""

    rule: Rule
    find: Callable[[Subject, Facts], Iterable[Hit]]


@dataclass(frozen=True, slots=True)
class Finding:
    """A broken rule in a file.

    Attributes:
        subject: what it is about, such as the name of an alert; empty for the file.
        subject_line: the line where that begins, 0 for none: comments there hold for all of it.
    """

    rule: Rule
    path: str
    place: Place
    message: str
    remedy: str
    edits: tuple[Edit, ...] = ()
    subject: str = ""
    subject_line: int = 0
