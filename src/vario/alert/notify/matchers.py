"""Matchers over an alert's labels, written as Alertmanager writes them."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from vario.errors import BadData
from vario.model.series import Labels, Matcher, MatchOp
from vario.query.promql.matching import compile_regex, matches

_FORM = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[^\s=!~"{},]+)\s*(=~|!~|!=|=)\s*(.*?)\s*', re.DOTALL)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


def parse_matcher(text: str) -> Matcher:
    r"""Returns one condition such as `severity="page"`, `team=~"ml|search"` or `region!=eu-west`.

    Raises:
        BadData: the text is no condition, or its regular expression cannot be parsed.

    >>> parse_matcher('service =~ "a|b"')
    Matcher(name='service', op='=~', value='a|b')
    """
    form = _FORM.fullmatch(text)
    if form is None:
        raise BadData(f'{text!r} is no matcher: write label="value", or with !=, =~ or !~')
    value = _QUOTED.fullmatch(form[3])
    if value is None and '"' in form[3]:
        raise BadData(f"{text!r} is no matcher: the quotes do not fit")
    name = _QUOTED.fullmatch(form[1])
    op: MatchOp = form[2]  # pyright: ignore[reportAssignmentType]
    return check_matcher(
        Matcher(
            _unescape(name[1]) if name else form[1], op, _unescape(value[1]) if value else form[3]
        )
    )


def check_matcher(matcher: Matcher) -> Matcher:
    """Returns a matcher that can be used.

    Raises:
        BadData: it has no name, or its regular expression cannot be parsed.
    """
    if not matcher.name:
        raise BadData("a matcher needs the name of a label")
    if matcher.op in ("=~", "!~"):
        try:
            compile_regex(matcher.value)
        except ValueError as error:
            raise BadData(f"{format_matcher(matcher)}: {error}") from error
    return matcher


def format_matcher(matcher: Matcher) -> str:
    """Returns a matcher as `parse_matcher` reads it."""
    value = matcher.value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'{matcher.name}{matcher.op}"{value}"'


def match_all(matchers: Iterable[Matcher], labels: Labels) -> bool:
    """Returns whether every matcher holds; a label that is absent reads as empty."""
    return all(matches(matcher, labels.get(matcher.name, "")) for matcher in matchers)


def dump_matchers(matchers: Sequence[Matcher]) -> list[str]:
    """Returns matchers as a record keeps them."""
    return [format_matcher(matcher) for matcher in matchers]


def load_matchers(texts: Iterable[Any]) -> tuple[Matcher, ...]:
    """Returns the matchers of a list of texts; raises as `parse_matcher`."""
    return tuple(parse_matcher(str(text)) for text in texts)


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), text, flags=re.DOTALL)
