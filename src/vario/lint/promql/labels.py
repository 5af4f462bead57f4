"""Rules about labels and selectors of a query."""

import re
from collections.abc import Iterator

from vario.lint.facts import Facts
from vario.lint.finding import Check, Edit, Hit, Kind, Rule
from vario.lint.query import Query
from vario.lint.tree import metric_name, selectors, walk
from vario.lint.words import is_personal_name, is_unique_label
from vario.model.series import Matcher
from vario.query.promql.lexer import Position, go_quote
from vario.query.promql.nodes import Aggregate, Binary, Call, Node, StringLiteral, VectorSelector

QUERIES: tuple[Kind, ...] = ("rules", "slo", "dashboard")
"""Where PromQL stands."""

HIGH_CARDINALITY = Rule(
    "VA101",
    "high-cardinality-label",
    "warning",
    QUERIES,
    "A query groups by a label that has a value for every user, request or session",
    "Each value of such a label is a series of its own: memory, disk and every query pay for it, "
    "and the result is as long as the list of users. The label is on the metric, or this grouping "
    "would do nothing.",
    "sum by (user_id) (rate(inference_requests_total[5m]))",
    "sum by (region, model_version) (rate(inference_requests_total[5m]))",
    "group by coarse labels such as region or model_version, take the label off the metric, and "
    "keep the identity in logs and traces",
)
UNBOUNDED = Rule(
    "VA116",
    "unbounded-selector",
    "error",
    QUERIES,
    "A selector matches every series of the server",
    "It reads everything that is stored, at every evaluation, and grows with each new metric.",
    'count({__name__=~".+"})',
    "count(up)",
    "name the metric, or at least one label by equality",
)
LITERAL_PATTERN = Rule(
    "VA118",
    "pattern-compared-as-text",
    "error",
    QUERIES,
    "A matcher compares with a regular expression by = or !=, as if it were text",
    'No series has the status "5..": with = the selector is empty for ever and the alert can never '
    "fire; with != it excludes nothing.",
    'sum(rate(http_requests_total{code="5.."}[5m]))',
    'sum(rate(http_requests_total{code=~"5.."}[5m]))',
    "use =~ or !~",
    fixable=True,
)
PERSONAL_LABEL = Rule(
    "VA119",
    "personal-data-label",
    "error",
    QUERIES,
    "A label holds personal data",
    "Labels are copied into every index, cache, notification and backup, and cannot be erased for "
    "one person; besides, they are unique per person, which no store of metrics bears.",
    "sum by (email) (rate(logins_total[5m]))",
    "sum by (region) (rate(logins_total[5m]))",
    "take the label off the metric; if people must be told apart, use a keyed hash in logs",
)
MISSING_SERIES = Rule(
    "VA117",
    "series-do-not-exist",
    "error",
    QUERIES,
    "A query reads series that the server does not have",
    "An alert on series that do not exist is silent, which looks the same as everything being "
    "well. Asked only with --server.",
    "sum(rate(inference_request_total[5m]))",
    "sum(rate(inference_requests_total[5m]))",
    "correct the name or the matchers, or start sending the metric",
)

_EVERYTHING = frozenset({".*", ".+", "(.*)", "(.+)", "^.*$", "^.+$"})
_PATTERN = re.compile(r"\.[*+]|^[1-5](?:\.\.|xx\|)|\[[^\]]+\][*+]|\\[dw]|^\^.*\$$")
_ABSENCE = frozenset({"absent", "absent_over_time"})


def find_high_cardinality(query: Query, facts: Facts) -> Iterator[Hit]:
    """Yields groupings by labels that are unique to a user, a request or a session."""
    for label, at, how in _made_labels(query):
        unique = is_unique_label(label) or label in facts.high_cardinality
        if unique and not is_personal_name(label):
            yield query.hit(at, f"{how} {label}, which has a value of its own for each of many")


def _made_labels(query: Query) -> Iterator[tuple[str, Position, str]]:
    """Yields every label that the expression makes series by, with its place."""
    for node in walk(query.tree):
        if isinstance(node, Aggregate) and not node.without:
            for label in node.grouping:
                yield label, _find_word(query, node, label), f"{node.op} is grouped by"
        if isinstance(node, Aggregate) and isinstance(node.param, StringLiteral):
            yield node.param.value, node.param.position, "series are counted by"


def _find_word(query: Query, node: Node, word: str) -> Position:
    """Returns where a word stands first in a part of a query; the whole part if it is quoted."""
    pattern = re.compile(rf"\b{re.escape(word)}\b")
    found = pattern.search(query.text.value, node.position.start, node.position.end)
    head = r"\b(?:by|on|without)\b\s*\([^)]*?"
    inside = re.compile(head + rf"\b({re.escape(word)})\b").search(
        query.text.value, node.position.start, node.position.end
    )
    if inside:
        return Position(*inside.span(1))
    return Position(*found.span()) if found else node.position


def find_unbounded(query: Query, _facts: Facts) -> Iterator[Hit]:
    """Yields selectors that nothing narrows."""
    for selector in selectors(query.tree):
        narrow = [m for m in selector.matchers if not _matches_all(m)]
        if not selector.name and not narrow and not query.touches_variable(selector.position):
            shown = query.part(selector.position)
            yield query.hit(selector.position, f"{shown} selects every series of the server")


def _matches_all(matcher: Matcher) -> bool:
    return (matcher.op == "=~" and matcher.value in _EVERYTHING) or (
        matcher.op == "!=" and not matcher.value
    )


def find_literal_patterns(query: Query, _facts: Facts) -> Iterator[Hit]:
    """Yields matchers that compare with a pattern as text."""
    for selector in selectors(query.tree):
        for matcher in selector.matchers:
            if matcher.op not in ("=", "!=") or matcher.name == "__name__":
                continue
            if not _PATTERN.search(matcher.value):
                continue
            at = _find_matcher(query, selector, matcher)
            operator = "=~" if matcher.op == "=" else "!~"
            message = (
                f'{matcher.name}{matcher.op}"{matcher.value}" compares as text, '
                "but what it compares with is a regular expression"
            )
            yield query.hit(at, message, edits=_operator_edit(query, at, matcher, operator))


def _operator_edit(query: Query, at: Position, matcher: Matcher, operator: str) -> tuple[Edit, ...]:
    place = query.text.value.find(matcher.op, at.start, at.end)
    return query.edit(Position(place, place + len(matcher.op)), operator) if place >= 0 else ()


def _find_matcher(query: Query, selector: VectorSelector, matcher: Matcher) -> Position:
    pattern = rf"\b{re.escape(matcher.name)}\s*{re.escape(matcher.op)}\s*[\"'`][^\"'`]*[\"'`]"
    at = selector.position
    for found in re.compile(pattern).finditer(query.text.value, at.start, at.end):
        if matcher.value in found[0]:
            return Position(*found.span())
    return at


def find_personal_labels(query: Query, _facts: Facts) -> Iterator[Hit]:
    """Yields labels that hold personal data, grouped by or selected by."""
    seen: set[str] = set()
    for label, at, how in _used_labels(query):
        if is_personal_name(label) and label not in seen:
            seen.add(label)
            yield query.hit(at, f"{how} {label}, which is personal data")


def _used_labels(query: Query) -> Iterator[tuple[str, Position, str]]:
    yield from _made_labels(query)
    for node in walk(query.tree):
        if isinstance(node, Binary) and node.matching:
            for label in (*node.matching.labels, *node.matching.include):
                yield label, _find_word(query, node, label), "series are joined by"
        if isinstance(node, VectorSelector):
            for matcher in node.matchers:
                at = _find_matcher(query, node, matcher)
                yield matcher.name, at, "series are selected by"


def find_missing_series(query: Query, facts: Facts) -> Iterator[Hit]:
    """Yields selectors that find nothing on the server, but for those that ask for absence."""
    if facts.live is None:
        return
    excused = {
        id(selector)
        for node in walk(query.tree)
        if isinstance(node, Call) and node.name in _ABSENCE
        for selector in selectors(node)
    }
    for selector in selectors(query.tree):
        name = metric_name(selector)
        known = not name or name in facts.recorded or name.startswith("ALERTS")
        if known or id(selector) in excused or query.touches_variable(selector.position):
            continue
        if not facts.live.has_series(selector_text(selector)):
            shown = query.part(selector.position)
            yield query.hit(selector.position, f"the server has no series {shown}")


def selector_text(selector: VectorSelector) -> str:
    """Returns a selector without window, offset and `@`."""
    matchers = [m for m in selector.matchers if m.name != "__name__" or not selector.name]
    inner = ",".join(f"{m.name}{m.op}{go_quote(m.value)}" for m in matchers)
    return f"{selector.name}{{{inner}}}" if inner or not selector.name else selector.name


CHECKS: tuple[Check[Query], ...] = (
    Check(HIGH_CARDINALITY, find_high_cardinality),
    Check(UNBOUNDED, find_unbounded),
    Check(LITERAL_PATTERN, find_literal_patterns),
    Check(PERSONAL_LABEL, find_personal_labels),
    Check(MISSING_SERIES, find_missing_series),
)
