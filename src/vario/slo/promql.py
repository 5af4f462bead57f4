"""PromQL of indicators: windows put in, counters turned into rates, groups added."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from vario.query.promql.literals import format_duration_ms
from vario.query.promql.nodes import MatrixSelector, Node, Paren, Subquery, VectorSelector
from vario.query.promql.parser import ParseError, parse

WINDOW = "{{.window}}"
"""Where a window stands in an indicator's PromQL, as in Sloth and in OpenSLO's examples."""
BY = "{{.by}}"
"""Where ` by (...)` stands in PromQL that vario wrote itself, so that it can be split further."""
BY_LE = "{{.by_le}}"
"""The same with `le` among the labels."""
_PLACEHOLDER = re.compile(r"\{\{\s*\.window\s*\}\}|\$__rate_interval|\$__window|\$window")


def render(template: str, window_s: int, by: Sequence[str] = ()) -> str:
    """Returns an indicator's PromQL for a window and groups."""
    names = ", ".join(by)
    return (
        template.replace(WINDOW, format_duration_ms(window_s * 1000))
        .replace(BY, f" by ({names}) " if by else "")
        .replace(BY_LE, f" by ({', '.join((*by, 'le'))}) ")
    )


def sum_rate(selector: str) -> str:
    """Returns a counter's rate over the window, summed by group."""
    return f"sum{BY}(rate({selector}[{WINDOW}]))"


def make_rate(text: str, *, is_counter: bool = True) -> str:
    """Returns PromQL of a rate over the window, out of what people write.

    A selector of a counter becomes its rate, summed by group; a counter inside of an expression
    becomes its rate there; what has a window already is left; what is no counter is averaged.

    Raises:
        ValueError: it is not PromQL.

    >>> make_rate('sum(http_requests_total{code="500"})')
    'sum(rate(http_requests_total{code="500"}[{{.window}}]))'
    """
    text = _PLACEHOLDER.sub(lambda _: WINDOW, text.strip())
    node = check(text)
    if WINDOW in text:
        return text
    ranges = [n for n in walk(node) if isinstance(n, MatrixSelector | Subquery)]
    if ranges or not is_counter:
        return f"avg_over_time(({text})[{WINDOW}:1m])"
    while isinstance(node, Paren):
        node = node.expr
    if isinstance(node, VectorSelector):
        return sum_rate(text)
    places = [n.position for n in walk(node) if isinstance(n, VectorSelector)]
    for place in sorted(places, key=lambda p: p.start, reverse=True):
        selector = text[place.start : place.end]
        text = f"{text[: place.start]}rate({selector}[{WINDOW}]){text[place.end :]}"
    check(text)
    return text


def check(text: str) -> Node:
    """Returns the syntax tree of an indicator's PromQL, placeholders filled in.

    Raises:
        ValueError: it is not PromQL.
    """
    try:
        return parse(render(text, 300))
    except ParseError as error:
        raise ValueError(f"this is not PromQL: {error}") from error


def find_metrics(template: str) -> tuple[str, ...]:
    """Returns the names of the metrics that an indicator reads, in order."""
    names = [n.name for n in walk(check(template)) if isinstance(n, VectorSelector) and n.name]
    return tuple(dict.fromkeys(names))


def split_selector(text: str) -> tuple[str, str]:
    """Returns the metric's name of a selector and its matchers, without braces.

    Raises:
        ValueError: it is no plain selector with a name.

    >>> split_selector('m{a="b"}')
    ('m', 'a="b"')
    """
    match = re.fullmatch(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(?:\{(.*)\})?\s*", text, re.S)
    if match is None:
        raise ValueError(f'"{text}" is no selector; write a metric, with {{label="value"}} or not')
    check(text)
    return match[1], (match[2] or "").strip().rstrip(",")


def join_selector(metric: str, *matchers: str) -> str:
    """Returns a selector out of a metric's name and matchers; empty ones are left out."""
    inner = ",".join(part for part in matchers if part)
    return f"{metric}{{{inner}}}" if inner else metric


def walk(node: Any) -> Iterator[Any]:
    """Yields a node of a syntax tree and all that is in it; a range's selector is part of it."""
    yield node
    for entry in fields(node):
        value = getattr(node, entry.name)
        for part in value if isinstance(value, tuple) else (value,):
            if is_dataclass(part) and not isinstance(part, type):
                yield from walk(part)
