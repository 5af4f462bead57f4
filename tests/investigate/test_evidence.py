"""The one form of SELECT: read, written, and safe from whoever writes it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vario.errors import BadData
from vario.investigate.evidence import FUNCTIONS, format_select, parse_select


@pytest.mark.parametrize(
    "text",
    [
        "SELECT count() FROM spans",
        'SELECT p95(duration) FROM spans WHERE service.name = "api" and entry = true',
        'SELECT distinct(attributes.tier) FROM logs WHERE body contains ") FROM spans WHERE"',
    ],
)
def test_what_is_written_is_read_back(text: str) -> None:
    assert format_select(parse_select(text)) == text


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "write SELECT function(field)"),
        ("SELECT 1", "write SELECT function(field)"),
        ("SELECT avg(duration) FROM spans; DROP TABLE otel_traces", "write SELECT function"),
        ("SELECT count() FROM system.processes", "write SELECT function"),
        ("SELECT count() FROM otel_traces", "no table otel_traces"),
        ("SELECT file(duration) FROM spans", "no function file"),
        ("SELECT avg() FROM spans", "every other function takes one"),
        ("SELECT count(duration) FROM spans", "count() takes no field"),
        ("SELECT avg(file('/etc/passwd')) FROM spans", "write SELECT function"),
        ("SELECT avg(duration) FROM spans WHERE 1 = 1 UNION SELECT 2", "filter"),
        ("SELECT avg(duration) FROM spans WHERE name = 'x' INTO OUTFILE '/tmp/x'", "filter"),
        ("SELECT avg(duration) FROM spans WHERE name = (SELECT 1)", "filter"),
    ],
)
def test_anything_else_is_refused(text: str, fault: str) -> None:
    with pytest.raises(BadData, match=fault.replace("(", r"\(").replace(")", r"\)")):
        parse_select(text)


@given(st.text(max_size=200))
def test_no_text_gets_further_than_the_parser(text: str) -> None:
    for whole in (
        text,
        f"SELECT avg({text}) FROM spans",
        f"SELECT count() FROM spans WHERE {text}",
    ):
        try:
            select = parse_select(whole)
        except BadData:
            continue
        assert select.function in FUNCTIONS
        assert parse_select(format_select(select)) == select
