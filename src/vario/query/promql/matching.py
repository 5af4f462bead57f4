"""Label sets, matchers and regular expressions.

A label set is a tuple of (name, value) pairs ordered by name: it hashes, and it sorts as
Prometheus' `labels.Compare`.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import re2

from vario.model.series import Matcher
from vario.query.promql.lexer import go_quote

LabelSet = tuple[tuple[str, str], ...]

_GO_REASONS = {
    "missing )": "missing closing )",
    "no argument for repetition operator": "missing argument to repetition operator",
    "bad repetition operator": "invalid nested repetition operator",
    "invalid repetition size": "invalid repeat count",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "invalid named capture group": "invalid named capture",
    "trailing \\": "trailing backslash at end of expression",
}

METADATA_LABELS = frozenset(("__name__", "__type__", "__unit__"))


def label_set(labels: Mapping[str, str]) -> LabelSet:
    """Returns labels as a label set; empty values are absent labels."""
    return tuple(sorted((name, value) for name, value in labels.items() if value))


def get_label(labels: LabelSet, name: str) -> str:
    """Returns a label's value, `""` where it is absent."""
    for key, value in labels:
        if key == name:
            return value
    return ""


def drop_metadata(labels: LabelSet) -> LabelSet:
    """Returns the labels without name, type and unit."""
    return tuple(pair for pair in labels if pair[0] not in METADATA_LABELS)


def keep_labels(labels: LabelSet, names: Iterable[str]) -> LabelSet:
    """Returns only the named labels."""
    wanted = frozenset(names)
    return tuple(pair for pair in labels if pair[0] in wanted)


def without_labels(labels: LabelSet, names: Iterable[str]) -> LabelSet:
    """Returns all but the named labels."""
    unwanted = frozenset(names)
    return tuple(pair for pair in labels if pair[0] not in unwanted)


def with_label(labels: LabelSet, name: str, value: str) -> LabelSet:
    """Returns the labels with one set to `value`, or removed where `value` is empty."""
    others = tuple(pair for pair in labels if pair[0] != name)
    return tuple(sorted((*others, (name, value)))) if value else others


def format_labels(labels: LabelSet) -> str:
    """Returns labels as error messages of Prometheus show them: `{a="1", b="2"}`."""
    return "{" + ", ".join(f"{name}={go_quote(value)}" for name, value in labels) + "}"


def is_label_name(name: str) -> bool:
    """Returns whether `name` can be a label's name: any UTF-8 text but the empty one."""
    if not name:
        return False
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


@lru_cache(maxsize=512)
def compile_regex(pattern: str) -> Any:
    """Returns the RE2 program of a pattern that must match a whole text.

    Raises:
        ValueError: RE2 cannot parse it.
    """
    options = re2.Options()
    options.log_errors = False
    try:
        # On its own first: a pattern must not close the group around it.
        re2.compile(pattern, options)
        return re2.compile(f"^(?s:{pattern})$", options)
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise ValueError(f"error parsing regexp: {_in_go_words(text)}") from error


def _in_go_words(reason: str) -> str:
    """Returns the reason why RE2 refuses a pattern as Go's regexp package says it."""
    what, colon, fragment = reason.partition(": ")
    return _GO_REASONS.get(what, what) + (f": `{fragment}`" if colon else "")


def matches(matcher: Matcher, value: str) -> bool:
    """Returns whether a label value (`""` for an absent label) satisfies a matcher.

    Raises:
        ValueError: the regular expression cannot be parsed.
    """
    match matcher.op:
        case "=":
            return value == matcher.value
        case "!=":
            return value != matcher.value
        case "=~":
            return compile_regex(matcher.value).search(value) is not None
        case "!~":
            return compile_regex(matcher.value).search(value) is None


def matches_empty(matcher: Matcher) -> bool:
    """Returns whether an absent label satisfies a matcher; raises as `matches`."""
    return matches(matcher, "")
