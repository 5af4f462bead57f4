import json
from pathlib import Path

import pytest

from vario.errors import BadData
from vario.wire.exposition import NO_TIME, Exemplar, Family, parse_openmetrics

CASES = Path(__file__).parents[4] / "shared" / "conformance" / "openmetrics" / "parsers"


def conformance_cases() -> list[str]:
    return sorted(path.name for path in CASES.iterdir()) if CASES.is_dir() else []


@pytest.mark.conformance
@pytest.mark.skipif(
    not CASES.is_dir(), reason=f"OPENMETRICS CONFORMANCE NOT CHECKED: {CASES} is not there"
)
@pytest.mark.parametrize("case", conformance_cases())
def test_conformance(case: str):
    expected = json.loads((CASES / case / "test.json").read_text(encoding="utf-8"))
    body = (CASES / case / expected["file"]).read_bytes()
    if expected["shouldParse"]:
        parse_openmetrics(body)
    else:
        with pytest.raises(BadData):
            parse_openmetrics(body)


def test_a_whole_exposition():
    said = parse_openmetrics(
        b"""# TYPE req_seconds histogram
# UNIT req_seconds seconds
# HELP req_seconds Time of a request.
req_seconds_bucket{le="0.1"} 8 123.5 # {trace_id="KOO5S4vxi0o"} 0.067
req_seconds_bucket{le="+Inf"} 17 123.5 # {} 9.8 1520879607.789
req_seconds_count 17 123.5
req_seconds_sum 324789.3 123.5
# TYPE "my.counter" counter
{"my.counter_total"} 3
# EOF
"""
    )
    assert said.families == (
        Family("req_seconds", "histogram", "Time of a request.", "seconds"),
        Family("my.counter", "counter"),
    )
    assert [dict(said.labels[key]) for key in said.series] == [
        {"__name__": "req_seconds_bucket", "le": "0.1"},
        {"__name__": "req_seconds_bucket", "le": "+Inf"},
        {"__name__": "req_seconds_count"},
        {"__name__": "req_seconds_sum"},
        {"__name__": "my.counter_total"},
    ]
    assert said.values.tolist() == [8.0, 17.0, 17.0, 324789.3, 3.0]
    assert said.times_ms.tolist() == [123500] * 4 + [NO_TIME]
    assert said.exemplars == {
        0: Exemplar({"trace_id": "KOO5S4vxi0o"}, 0.067, None),
        1: Exemplar({}, 9.8, 1520879607789),
    }


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("# TYPE a counter\na_total NaN\n", id="a counter that is NaN"),
        pytest.param('a{b="c",} 1\n', id="a comma before the brace"),
        pytest.param("# TYPE a histogram\na_sum 1\n", id="a histogram without buckets"),
        pytest.param("a 1\nb 1\na 2\n", id="a family in two places"),
    ],
)
def test_what_prometheus_scrapes_all_the_same(body: str):
    complete = f"{body}# EOF\n".encode()
    with pytest.raises(BadData):
        parse_openmetrics(complete)
    assert len(parse_openmetrics(complete, strict=False).series) >= 1


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("a 1\n", "does not end with # EOF"),
        ("", "does not end with # EOF"),
        ("a 1\n\n# EOF\n", "line 2 is not OpenMetrics"),
        ("a 1\n# EOF\nb 1\n", "line 2 is not OpenMetrics"),
        ('a 1\na{b="c", d="e"} 1\n# EOF\n', "malformed labels"),
        ("# UNIT a seconds\n# EOF\n", "unit 'seconds' is not a suffix"),
        ("# TYPE a untyped\n# EOF\n", "unknown type 'untyped'"),
        ('# TYPE a counter\na_total 1 # {__name__="b"} 1\n# EOF\n', "metric name in the labels"),
    ],
)
def test_the_grammar_always_holds(body: str, why: str):
    with pytest.raises(BadData, match=why):
        parse_openmetrics(body.encode(), strict=False)


def test_a_series_twice_without_timestamps_is_refused():
    with pytest.raises(BadData, match="same series twice"):
        parse_openmetrics(b"# TYPE a gauge\na 1\na 2\n# EOF\n")
