import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inline_snapshot import snapshot
from tests.support.filter_trees import trees

from vario.errors import BadData
from vario.model.filter import INTRINSIC_FIELDS, And, Compare, Exists, Field, Not, Or, Text
from vario.model.telemetry import Signal
from vario.query.filter import MAX_DEPTH, parse_field, parse_filter
from vario.query.filter_text import format_field, format_filter


def own(name: str) -> Field:
    return Field("intrinsic", name)


def attribute(name: str) -> Field:
    return Field("attributes", name)


TRACES = [
    ("", And(())),
    ("  \n\t ", And(())),
    ('service.name = "ml-infer"', Compare(own("service.name"), "=", "ml-infer")),
    ("service.name = ml-infer", Compare(own("service.name"), "=", "ml-infer")),
    (
        'service.name = "ml-infer" and duration > 200ms and attributes.cache_hit = false',
        And(
            (
                Compare(own("service.name"), "=", "ml-infer"),
                Compare(own("duration"), ">", 200_000_000),
                Compare(attribute("cache_hit"), "=", False),
            )
        ),
    ),
    (
        "status = error or attributes.http.response.status_code >= 500",
        Or(
            (
                Compare(own("status"), "=", "Error"),
                Compare(attribute("http.response.status_code"), ">=", 500.0),
            )
        ),
    ),
    (
        r'name =~ "ml-infer\\..*" and not resource.cloud.region in ("us-east", "eu-west")',
        And(
            (
                Compare(own("name"), "=~", r"ml-infer\..*"),
                Not(
                    Or(
                        (
                            Compare(Field("resource", "cloud.region"), "=", "us-east"),
                            Compare(Field("resource", "cloud.region"), "=", "eu-west"),
                        )
                    )
                ),
            )
        ),
    ),
    ("region not in (us-east)", Not(Compare(own("region"), "=", "us-east"))),
    ("exists(attributes.batch_id)", Exists(attribute("batch_id"))),
    ("EXISTS (batch_id)", Exists(Field("any", "batch_id"))),
    ('name contains "timeout"', Compare(own("name"), "contains", "timeout")),
    ('"free text"', Text("free text")),
    ("timeout", Text("timeout")),
    ("error", Compare(own("error"), "=", True)),
    ("error = false", Compare(own("error"), "=", False)),
    ("kind = SPAN_KIND_SERVER", Compare(own("kind"), "=", "Server")),
    ("status != ok", Compare(own("status"), "!=", "Ok")),
    ("duration >= 1h30m", Compare(own("duration"), ">=", 5_400_000_000_000)),
    ("duration<1.5us", Compare(own("duration"), "<", 1500)),
    ("trace_id = 0AF7", Compare(own("trace_id"), "=", "0af7")),
    ("trace_id = 123", Compare(own("trace_id"), "=", "123")),
    ("batch_id = 12", Compare(Field("any", "batch_id"), "=", 12.0)),
    ("batch_id = -1e3", Compare(Field("any", "batch_id"), "=", -1000.0)),
    ('batch_id = "12"', Compare(Field("any", "batch_id"), "=", "12")),
    ("batch_id =~ 12", Compare(Field("any", "batch_id"), "=~", "12")),
    (".region = x", Compare(Field("any", "region"), "=", "x")),
    ('attributes."odd name" = `a\\b`', Compare(attribute("odd name"), "=", "a\\b")),
    ("attributes.'a'.b = 'it\\'s \\u00fc'", Compare(attribute("a.b"), "=", "it's ü")),
    ("vllm:queue/size > 1", Compare(Field("any", "vllm:queue/size"), ">", 1.0)),
    (
        "a = 1 or b = 2 and not c = 3",
        Or(
            (
                Compare(Field("any", "a"), "=", 1.0),
                And(
                    (
                        Compare(Field("any", "b"), "=", 2.0),
                        Not(Compare(Field("any", "c"), "=", 3.0)),
                    )
                ),
            )
        ),
    ),
    (
        "((a = 1) or b = 2) AND c = 3",
        And(
            (
                Or(
                    (
                        Compare(Field("any", "a"), "=", 1.0),
                        Compare(Field("any", "b"), "=", 2.0),
                    )
                ),
                Compare(Field("any", "c"), "=", 3.0),
            )
        ),
    ),
]
LOGS = [
    ("severity >= warn", Compare(own("severity"), ">=", "WARN")),
    ("severity = warning", Compare(own("severity"), "=", "WARN")),
    ("severity = 17", Compare(own("severity"), "=", 17.0)),
    ('body contains "timeout"', Compare(own("body"), "contains", "timeout")),
    ("error", Text("error")),
]


@pytest.mark.parametrize(("text", "tree"), TRACES)
def test_filter_of_spans(text: str, tree) -> None:
    assert parse_filter(text, Signal.TRACES) == tree


@pytest.mark.parametrize(("text", "tree"), LOGS)
def test_filter_of_logs(text: str, tree) -> None:
    assert parse_filter(text, Signal.LOGS) == tree


ERRORS = {
    "duration > 200": snapshot("""\
filter: '200' is no duration, at character 12
  duration > 200
             ^
write one such as 200ms, 1.5s or 2m\
"""),
    "duration >": snapshot("""\
filter: a value is missing after >, at character 11
  duration >
            ^
write a text such as "a", a number or true\
"""),
    "duration = ": snapshot("""\
filter: a value is missing after =, at character 12
  duration = \n\
             ^
write a text such as "a", a number or true\
"""),
    "a == 3": snapshot("""\
filter: '==' is not an operator here, at character 3
  a == 3
    ^
write =\
"""),
    "a && b": snapshot("""\
filter: '&&' is not an operator here, at character 3
  a && b
    ^
write and\
"""),
    "(a = 1": snapshot("""\
filter: expected ')', found the end, at character 7
  (a = 1
        ^
close the parenthesis\
"""),
    "a = 1) or b": snapshot("""\
filter: expected the end, found ')', at character 6
  a = 1) or b
       ^
join conditions by and, or; put a text of several words in quotes\
"""),
    "connection timeout": snapshot("""\
filter: expected the end, found 'timeout', at character 12
  connection timeout
             ^
join conditions by and, or; put a text of several words in quotes\
"""),
    "a in 1": snapshot("""\
filter: expected '(', found '1', at character 6
  a in 1
       ^
write in ("a", "b")\
"""),
    "a in (1, 2": snapshot("""\
filter: expected ')', found the end, at character 11
  a in (1, 2
            ^
close the list\
"""),
    "severity >= warn": snapshot("""\
filter: 'severity' is a field of logs, not of traces, at character 1
  severity >= warn
  ^
write attributes.severity for an attribute of that name\
"""),
    "status = bad": snapshot("""\
filter: 'bad' is no status, at character 10
  status = bad
           ^
write one of: unset, ok, error\
"""),
    "kind < server": snapshot("""\
filter: kind is not compared by <, at character 1
  kind < server
  ^
use one of != =\
"""),
    'name = "a\\.b"': snapshot("""\
filter: the escape \\. is unknown, at character 10
  name = "a\\.b"
           ^
write \\\\. for a backslash, or put the text between backquotes\
"""),
    'name = "a': snapshot("""\
filter: a quote is not closed, at character 8
  name = "a
         ^
end the text with "\
"""),
    'name =~ "a("': snapshot("""\
filter: this is no RE2 regular expression (missing ): a(), at character 9
  name =~ "a("
          ^
escape what is meant literally, or use contains\
"""),
    "a > 2s": snapshot("""\
filter: 2s is a duration and attributes have no unit, at character 5
  a > 2s
      ^
write the number in the attribute's own unit, or "2s" for the text\
"""),
    "a < true": snapshot("""\
filter: < does not compare true, at character 5
  a < true
      ^
use = or !=, or quote "true"\
"""),
    "error = 3": snapshot("""\
filter: '3' is not true or false, at character 9
  error = 3
          ^
write error = true\
"""),
    "attributes. = 3": snapshot("""\
filter: 'attributes.' lacks the attribute's name, at character 1
  attributes. = 3
  ^
name a field such as service.name, attributes.region or attributes."odd name"\
"""),
    "attributes.x": snapshot("""\
filter: attributes.x is not compared with anything, at character 1
  attributes.x
  ^
write attributes.x = "...", or exists(attributes.x)\
"""),
    '"odd" = 3': snapshot("""\
filter: a text is no field, at character 1
  "odd" = 3
  ^
write attributes."odd" for an attribute of that name\
"""),
    "and": snapshot("""\
filter: the name of a field is missing, at character 1
  and
  ^
name a field such as service.name, attributes.region or attributes."odd name"\
"""),
    "not": snapshot("""\
filter: the name of a field is missing, at character 4
  not
     ^
name a field such as service.name, attributes.region or attributes."odd name"\
"""),
    "exists()": snapshot("""\
filter: the name of a field is missing, at character 8
  exists()
         ^
name a field such as service.name, attributes.region or attributes."odd name"\
"""),
    "a = 1e999": snapshot("""\
filter: 1e999 is out of range, at character 5
  a = 1e999
      ^
write a number below 1.8e308\
"""),
    "duration > 300000d": snapshot("""\
filter: 300000d is longer than 292 years, at character 12
  duration > 300000d
             ^
write a shorter one\
"""),
    'name = "\\ud800"': snapshot("""\
filter: \\ud800 is no character, at character 9
  name = "\\ud800"
          ^
use a code in Unicode\
"""),
    "x = 1 and\n  y ~ 2": snapshot("""\
filter: '~' is not an operator here, at character 15
    y ~ 2
      ^
write =~\
"""),
}


@pytest.mark.parametrize("text", ERRORS)
def test_error_marks_the_place_and_names_the_remedy(text: str) -> None:
    with pytest.raises(BadData) as caught:
        parse_filter(text, Signal.TRACES)
    assert str(caught.value) == ERRORS[text]


def test_error_in_a_long_filter_shows_its_place() -> None:
    with pytest.raises(BadData) as caught:
        parse_filter(f'name = "{"x" * 500}" and (', Signal.TRACES)
    shown, caret = str(caught.value).split("\n")[1:3]
    assert len(shown) < 110
    assert shown[caret.index("^") - 1] == "("


def test_filters_are_bounded() -> None:
    with pytest.raises(BadData, match="levels of nesting"):
        parse_filter("not " * (MAX_DEPTH + 1) + "x", Signal.TRACES)
    with pytest.raises(BadData, match="shorten it"):
        parse_filter("x" * 10_001, Signal.TRACES)
    parse_filter("(" * (MAX_DEPTH - 1) + "x" + ")" * (MAX_DEPTH - 1), Signal.TRACES)


@pytest.mark.parametrize("signal", [Signal.TRACES, Signal.LOGS])
@settings(deadline=None)
@given(data=st.data())
def test_printed_filters_parse_to_themselves(signal: Signal, data) -> None:
    tree = data.draw(trees(signal))
    assert parse_filter(format_filter(tree), signal) == tree


_odd = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(name=_odd, scope=st.sampled_from(["attributes", "resource", "any"]))
def test_any_attribute_name_can_be_written(name: str, scope) -> None:
    field = Field(scope, name)
    assert parse_field(format_field(field), Signal.TRACES) == field


@given(value=_odd | st.just(""))
def test_any_text_can_be_written(value: str) -> None:
    tree = Compare(attribute("x"), "=", value)
    assert parse_filter(format_filter(tree), Signal.TRACES) == tree


@given(text=st.text(alphabet="ab =<>!~()\"`\\',.1s-\n", max_size=30))
def test_no_text_breaks_the_parser(text: str) -> None:
    try:
        tree = parse_filter(text, Signal.TRACES)
    except BadData:
        return
    assert parse_filter(format_filter(tree), Signal.TRACES) == tree


def test_every_documented_filter_parses() -> None:
    page = Path(__file__).parents[2] / "docs" / "filters.md"
    blocks = re.findall(r"```filter (\w+)\n(.*?)```", page.read_text(), re.DOTALL)
    examples = [(line, signal) for signal, block in blocks for line in block.splitlines()]
    assert len(examples) > 10
    for text, signal in examples:
        parse_filter(text, Signal(signal))


def test_every_own_field_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "filters.md").read_text()
    for signal, own_fields in INTRINSIC_FIELDS.items():
        section = page.partition(f"## {signal.value.capitalize()}")[2].partition("\n## ")[0]
        assert [name for name in own_fields if f"`{name}`" not in section] == []


def test_a_field_is_one_name() -> None:
    assert parse_field("service.name", Signal.LOGS) == own("service.name")
    for text in ("", "a b", "a = 1", '"a"'):
        with pytest.raises(BadData, match="name of a field"):
            parse_field(text, Signal.LOGS)
