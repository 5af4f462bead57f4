"""Relabelling rules (`relabel_configs`, `metric_relabel_configs`), as Prometheus applies them.

Source: Prometheus' configuration reference, `<relabel_config>`. Regular expressions are RE2 and
anchored at both ends. A label with an empty value is no label.
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, get_args

import re2

from vario.errors import BadData
from vario.model.series import Labels

Action = Literal[
    "replace",
    "keep",
    "drop",
    "keepequal",
    "dropequal",
    "hashmod",
    "labelmap",
    "labeldrop",
    "labelkeep",
    "lowercase",
    "uppercase",
]
ACTIONS: tuple[Action, ...] = get_args(Action)

DEFAULT_REGEX = "(.*)"
DEFAULT_REPLACEMENT = "$1"
DEFAULT_SEPARATOR = ";"

_REFERENCE = re.compile(r"\$(?:(\$)|(\w+)|\{(\w+)\})")
_WITH_TARGET = ("replace", "hashmod", "lowercase", "uppercase", "keepequal", "dropequal")


@dataclass(frozen=True, slots=True)
class RelabelRule:
    """One rule; the fields are those of `<relabel_config>`."""

    action: Action = "replace"
    source_labels: tuple[str, ...] = ()
    separator: str = DEFAULT_SEPARATOR
    regex: str = DEFAULT_REGEX
    modulus: int = 0
    target_label: str = ""
    replacement: str = DEFAULT_REPLACEMENT

    def __post_init__(self) -> None:
        compile_regex(self.regex)
        if fault := _fault(self):
            raise BadData(fault)


def _fault(rule: RelabelRule) -> str:
    """Returns why a rule makes no sense, as Prometheus refuses it; empty if it does."""
    action = rule.action
    if action in _WITH_TARGET and not rule.target_label:
        return f"a relabelling rule with action {action} requires target_label"
    if action == "hashmod" and not rule.modulus:
        return "a relabelling rule with action hashmod requires a modulus that is not 0"
    plain = (rule.separator, rule.modulus, rule.replacement) == (
        DEFAULT_SEPARATOR,
        0,
        DEFAULT_REPLACEMENT,
    )
    if action in ("keepequal", "dropequal") and not (plain and rule.regex == DEFAULT_REGEX):
        return f"a relabelling rule with action {action} takes only source_labels and target_label"
    if action in ("labeldrop", "labelkeep") and not (
        plain and not rule.source_labels and not rule.target_label
    ):
        return f"a relabelling rule with action {action} takes only regex"
    if action in ("lowercase", "uppercase") and rule.replacement != DEFAULT_REPLACEMENT:
        return f"a relabelling rule with action {action} takes no replacement"
    return ""


@lru_cache(maxsize=1024)
def compile_regex(pattern: str) -> Any:
    """Returns the RE2 program of a pattern; use its `fullmatch`.

    Raises:
        BadData: RE2 cannot parse it.
    """
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(f"(?s:{pattern})", options)
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise BadData(f"the regular expression {pattern!r} cannot be parsed: {text}") from error


def expand_template(template: str, match: Any) -> str:
    """Returns a template with `$1`, `$name`, `${1}` and `${name}` filled in from a match.

    The longest run of letters, digits and underscores is the name; what names no group is empty;
    `$$` is a dollar sign, and so is a `$` that begins nothing.
    """
    if "$" not in template:
        return template

    def fill(reference: re.Match[str]) -> str:
        if reference[1]:
            return "$"
        name = reference[2] or reference[3]
        group = int(name) if name.isdigit() else match.re.groupindex.get(name, -1)
        if not 0 <= group <= match.re.groups:
            return ""
        return match.group(group) or ""

    return _REFERENCE.sub(fill, template)


def relabel(labels: Labels, rules: Sequence[RelabelRule]) -> dict[str, str] | None:
    """Returns the labels after all rules, or None if a rule drops them."""
    result = {name: value for name, value in labels.items() if value}
    for rule in rules:
        if not _APPLY[rule.action](rule, result):
            return None
    return result


def _source(rule: RelabelRule, labels: dict[str, str]) -> str:
    return rule.separator.join([labels.get(name, "") for name in rule.source_labels])


def _set(labels: dict[str, str], name: str, value: str) -> None:
    if value:
        labels[name] = value
    else:
        labels.pop(name, None)


def _replace(rule: RelabelRule, labels: dict[str, str]) -> bool:
    match = compile_regex(rule.regex).fullmatch(_source(rule, labels))
    if match is not None:
        target = expand_template(rule.target_label, match)
        if target:
            _set(labels, target, expand_template(rule.replacement, match))
    return True


def _keep(rule: RelabelRule, labels: dict[str, str]) -> bool:
    return compile_regex(rule.regex).fullmatch(_source(rule, labels)) is not None


def _drop(rule: RelabelRule, labels: dict[str, str]) -> bool:
    return not _keep(rule, labels)


def _keep_equal(rule: RelabelRule, labels: dict[str, str]) -> bool:
    return labels.get(rule.target_label, "") == _source(rule, labels)


def _drop_equal(rule: RelabelRule, labels: dict[str, str]) -> bool:
    return not _keep_equal(rule, labels)


def _hash_mod(rule: RelabelRule, labels: dict[str, str]) -> bool:
    digest = hashlib.md5(_source(rule, labels).encode(), usedforsecurity=False).digest()
    _set(labels, rule.target_label, str(int.from_bytes(digest[8:], "big") % rule.modulus))
    return True


def _label_map(rule: RelabelRule, labels: dict[str, str]) -> bool:
    program = compile_regex(rule.regex)
    for name, value in list(labels.items()):
        match = program.fullmatch(name)
        if match is not None:
            _set(labels, expand_template(rule.replacement, match), value)
    return True


def _label_drop(rule: RelabelRule, labels: dict[str, str]) -> bool:
    program = compile_regex(rule.regex)
    for name in [name for name in labels if program.fullmatch(name) is not None]:
        del labels[name]
    return True


def _label_keep(rule: RelabelRule, labels: dict[str, str]) -> bool:
    program = compile_regex(rule.regex)
    for name in [name for name in labels if program.fullmatch(name) is None]:
        del labels[name]
    return True


def _lowercase(rule: RelabelRule, labels: dict[str, str]) -> bool:
    # Letter by letter, as Go does: "İ" becomes "i" and not two letters.
    _set(labels, rule.target_label, "".join(c.lower()[0] for c in _source(rule, labels)))
    return True


def _uppercase(rule: RelabelRule, labels: dict[str, str]) -> bool:
    text = "".join(c if len(c.upper()) > 1 else c.upper() for c in _source(rule, labels))
    _set(labels, rule.target_label, text)
    return True


_APPLY: dict[Action, Callable[[RelabelRule, dict[str, str]], bool]] = {
    "replace": _replace,
    "keep": _keep,
    "drop": _drop,
    "keepequal": _keep_equal,
    "dropequal": _drop_equal,
    "hashmod": _hash_mod,
    "labelmap": _label_map,
    "labeldrop": _label_drop,
    "labelkeep": _label_keep,
    "lowercase": _lowercase,
    "uppercase": _uppercase,
}
