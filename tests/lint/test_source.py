"""A place in a value is carried back to the place in the file."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vario.lint.source import Place, Source
from vario.lint.value import SyntaxFault, Value, read_json, read_yaml


def span_of(text: str, part: str, *, as_json: bool = False) -> str:
    """Returns what stands in the file where a part of the value `expr` stands."""
    source = Source("f", text)
    top = read_json(source) if as_json else read_yaml(source)[0]
    value = top.text("expr")
    assert value is not None
    start = value.value.index(part)
    first, last = value.span(start, start + len(part))
    return text[first:last]


@pytest.mark.parametrize(
    "text",
    [
        "expr: sum(rate(x[5m])) > 0.5\n",
        "expr: 'sum(rate(x{a=\"it''s\"}[5m])) > 0.5'\n",
        'expr: "sum(rate(x{a=\\"b\\"}[5m])) > 0.5"\n',
        "expr: |\n  sum(\n    rate(x[5m])\n  ) > 0.5\n",
        "expr: >-\n  sum(\n  rate(x[5m])\n\n  ) > 0.5\n",
        "expr: sum(\n   rate(x[5m])\n   ) > 0.5\n",
        "expr: |2 # a comment with rate\n    sum(rate(x[5m])) > 0.5\n",
        "expr: 'sum(rate(x[5m])) > 0.5'\r\n",
        "# ünicode 💥\nexpr: sum(rate(x[5m])) > 0.5\n",
    ],
)
def test_parts_of_a_yaml_value_are_found(text: str) -> None:
    assert [span_of(text, part) for part in ("rate", "5m", "0.5")] == ["rate", "5m", "0.5"]


def test_parts_of_a_json_value_are_found() -> None:
    text = json.dumps({"expr": 'rate(x{a="b\u00e9\n💥"}[5m]) > 0.5'})
    assert [span_of(text, part, as_json=True) for part in ("rate", "5m", "0.5")] == [
        "rate",
        "5m",
        "0.5",
    ]


def test_lines_and_columns_count_from_1() -> None:
    source = Source("f", "ab\r\ncd\n\nef")
    assert source.place(4, 6) == Place(2, 1, 2, 3)
    assert source.place(8, 10) == Place(4, 1, 4, 3)
    assert [source.line(number) for number in (1, 2, 3, 4, 5)] == ["ab", "cd", "", "ef", ""]


def plain(value: Value) -> object:
    if value.members is not None:
        return {key: plain(member) for key, member in value.members.items()}
    if value.items is not None:
        return [plain(item) for item in value.items]
    return value.scalar


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON, st.sampled_from([None, 2, "\t"]), st.booleans())
def test_json_is_read_as_the_standard_library_reads_it(
    value: object, indent: int | str | None, ascii_only: bool
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only, allow_nan=False)
    found = read_json(Source("f", text))
    assert plain(found) == json.loads(text)
    assert text[found.start : found.end] == text


@given(st.text(alphabet='{}[]":,\\u0ntre1.e-+ \n', max_size=30))
def test_what_is_not_json_is_refused_and_nothing_else(text: str) -> None:
    try:
        wanted = json.loads(text)
    except ValueError:
        with pytest.raises(SyntaxFault):
            read_json(Source("f", text))
    else:
        assert plain(read_json(Source("f", text))) == wanted


def test_a_yaml_that_refers_to_itself_or_multiplies_is_read_once() -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}, *{chr(97 + i)}]\n" for i in range(20)
    )
    assert len(read_yaml(Source("f", bomb))[0].each("u")) == 2
    read_yaml(Source("f", "a: &a [*a]\n"))


def test_what_is_too_deep_is_refused() -> None:
    for text, read in (("[" * 200 + "]" * 200, read_json), ("[" * 200 + "]" * 200, read_yaml)):
        with pytest.raises(SyntaxFault, match="nested deeper than 100 levels"):
            read(Source("f", text))
