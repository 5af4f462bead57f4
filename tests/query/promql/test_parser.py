"""The grammar: what parses, what does not and where, and back to text."""

import re
from pathlib import Path

import promql_parser
import pytest

from vario.query.promql.features import ALL_FEATURES, Features
from vario.query.promql.lexer import ParseError
from vario.query.promql.parser import parse, parse_selector
from vario.query.promql.printer import to_pretty, to_text
from vario.query.promql.testing.script import Eval, parse_script

SCRIPTS = Path(__file__).parents[4] / "shared" / "conformance" / "promql"

ERRORS = {
    "": "unknown position: parse error: no expression found in input",
    "abs(foo(up)": '1:5: parse error: unknown function with name "foo"',
    "up )": "1:5: parse error: unexpected right parenthesis ')'",
    "1 } 2": "1:3: parse error: unexpected character: '}'",
    "up = 1": '1:4: parse error: unexpected "="',
    'sum by ("") (a)': '1:9: parse error: invalid label name for grouping: ""',
    "sum by (a b": '1:11: parse error: unexpected identifier "b" in grouping opts, '
    'expected "," or ")"',
    "1+": "1:3: parse error: unexpected end of input",
    "foo bar": '1:5: parse error: unexpected identifier "bar"',
    "sum(": "1:5: parse error: unclosed left parenthesis",
    "x{": "1:3: parse error: unexpected end of input inside braces",
    "temp[5m": "1:8: parse error: unclosed left bracket",
    "temp offset": (
        "1:12: parse error: unexpected end of input in offset, expected number or duration"
    ),
    "rate(temp)": (
        '1:6: parse error: expected type range vector in call to function "rate", '
        "got instant vector"
    ),
    "abs(temp,1)": '1:1: parse error: expected 1 argument(s) in call to "abs", got 2',
    "nofunc(temp)": '1:1: parse error: unknown function with name "nofunc"',
    "{}": "1:1: parse error: vector selector must contain at least one non-empty matcher",
    '{a=~".*"}': "1:1: parse error: vector selector must contain at least one non-empty matcher",
    "temp{a=b}": ('1:8: parse error: unexpected identifier "b" in label matching, expected string'),
    'temp{job=~"("}': "1:6: parse error: error parsing regexp: missing closing ): `(`",
    "temp[0s]": "1:6: parse error: duration must be greater than 0",
    "1 == 1": "1:3: parse error: comparisons between scalars must use BOOL modifier",
    "temp + bool 1": ("1:6: parse error: bool modifier can only be used on comparison operators"),
    "1 and 1": '1:1: parse error: set operator "and" not allowed in binary scalar expression',
    "sum(x) offset 5m": (
        "1:1: parse error: offset modifier must be preceded by an instant vector selector or "
        "range vector selector or a subquery"
    ),
    'a{__name__="b"}': ('1:1: parse error: metric name must not be set twice: "a" or "b"'),
    "'a\\qb'": "1:1: parse error: unknown escape sequence U+0071 'q'",
    "5x": '1:1: parse error: bad number or duration syntax: "5"',
    "temp @ foo": '1:8: parse error: unexpected identifier "foo" in @, expected timestamp',
    "a\n+ b c": '2:5: parse error: unexpected identifier "c"',
    'über{a="b"} +': "1:1: parse error: unexpected character: 'ü'",
}


@pytest.mark.parametrize(("query", "message"), ERRORS.items())
def test_errors_are_those_of_prometheus(query: str, message: str) -> None:
    with pytest.raises(ParseError, match=re.escape(message) + "$"):
        parse(query)


@pytest.mark.parametrize(
    "query",
    [
        "limitk(1, x)",
        "info(x)",
        "x[1m+1m]",
        "x[step()]",
        "rate(x[5m] anchored)",
        "x smoothed",
        "a + fill(0) b",
    ],
)
def test_what_is_experimental_is_off_unless_switched_on(query: str) -> None:
    with pytest.raises(ParseError):
        parse(query, Features())
    parse(query, ALL_FEATURES)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("-1^2", "-1 ^ 2"),
        ("2^3^2", "2 ^ 3 ^ 2"),
        ("SUM(a)BY(b,)", "sum by (b) (a)"),
        ('a + on(:x, "y.z") group_left(b:c) b', 'a + on (:x, "y.z") group_left (b:c) b'),
        ("a offset -1h30m @ 5", "a @ 5.000 offset -1h30m"),
        ("x[90s:1m] @ end()", "x[1m30s:1m] @ end()"),
        ('{"a.b",c!~"d"}', '{"a.b",c!~"d"}'),
        ("a * on(x) group_left(y) b", "a * on (x) group_left (y) b"),
        ("1e3 + 0x1F + 1_000", "1000 + 31 + 1000"),
        ("5m", "5m"),
        ("a </ 3 >/ 2", "a </ 3 >/ 2"),
        ("x offset (2*step())", "x offset (2 * step())"),
    ],
)
def test_trees_print_as_prometheus_prints_them(query: str, text: str) -> None:
    assert to_text(parse(query, ALL_FEATURES)) == text


def test_long_queries_are_laid_out() -> None:
    query = (
        'sum by (job) (rate(http_requests_total{code=~"5..",job="api"}[5m])) / '
        'sum by (job) (rate(http_requests_total{job="api",instance=~"one|two"}[5m]))'
    )
    assert to_pretty(parse(query)) == (
        '  sum by (job) (rate(http_requests_total{code=~"5..",job="api"}[5m]))\n'
        "/\n"
        '  sum by (job) (rate(http_requests_total{job="api",instance=~"one|two"}[5m]))'
    )


def test_a_selector_alone() -> None:
    assert [m.name for m in parse_selector('up{a="b"}')] == ["a", "__name__"]
    with pytest.raises(ParseError):
        parse_selector("rate(up[5m])")


@pytest.mark.conformance
@pytest.mark.skipif(not SCRIPTS.is_dir(), reason=f"NO CONFORMANCE: {SCRIPTS} is not there")
def test_another_parser_reads_the_same_and_text_comes_back() -> None:
    """Every query of the scripts, against `promql-parser` where it can parse it."""
    queries = {
        command.query
        for path in SCRIPTS.glob("*.test")
        for command in parse_script(path.read_text("utf-8"))
        if isinstance(command, Eval)
    }
    both = 0
    for query in sorted(queries):
        try:
            text = to_text(parse(query, ALL_FEATURES))
        except ParseError:
            continue
        assert to_text(parse(text, ALL_FEATURES)) == text
        try:
            theirs = promql_parser.parse(query).prettify()
        except ValueError:
            continue
        assert promql_parser.parse(text).prettify() == theirs, query
        both += 1
    assert both > 900
