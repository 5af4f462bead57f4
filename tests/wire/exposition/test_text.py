import math
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vario.errors import BadData
from vario.wire.exposition import NO_TIME, Family, parse_text
from vario.wire.exposition.numbers import NORMAL_NAN_BITS, format_bound
from vario.wire.exposition.series import decode_series, encode_series


def samples(body: str) -> list[tuple[dict[str, str], float, int | None]]:
    said = parse_text(body.encode())
    return [
        (dict(said.labels[key]), value, None if time == NO_TIME else time)
        for key, value, time in zip(
            said.series, said.values.tolist(), said.times_ms.tolist(), strict=True
        )
    ]


def test_a_whole_exposition():
    body = r"""# HELP http_requests_total The total, with \\ and
# HELP http_requests_total The total,\nin \\ two "lines".
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total{method="post",code="400",}    3 1395066363000

# Escaping in label values:
msdos_file_access_time_seconds{path="C:\\DIR\\FILE.TXT",error="Not found:\n\"FILE.TXT\""} 1.4e9
metric_without_timestamp_and_labels 12.47
something_weird{problem="division by zero"} +Inf
  spaced	{ a = "b" , c="}" }	-4E1
#no blank after the hash
# TYPE untyped_thing untyped
{"utf-8.name","and.label"="x"} 7
"""
    said = parse_text(body.encode())
    assert said.families == (
        Family("http_requests_total", "counter", 'The total,\nin \\ two "lines".', ""),
        Family("untyped_thing", "unknown", "", ""),
    )
    assert samples(body) == [
        ({"__name__": "http_requests_total", "method": "post", "code": "200"}, 1027, 1395066363000),
        ({"__name__": "http_requests_total", "method": "post", "code": "400"}, 3, 1395066363000),
        (
            {
                "__name__": "msdos_file_access_time_seconds",
                "path": "C:\\DIR\\FILE.TXT",
                "error": 'Not found:\n"FILE.TXT"',
            },
            1.4e9,
            None,
        ),
        ({"__name__": "metric_without_timestamp_and_labels"}, 12.47, None),
        ({"__name__": "something_weird", "problem": "division by zero"}, math.inf, None),
        ({"__name__": "spaced", "a": "b", "c": "}"}, -40.0, None),
        ({"__name__": "utf-8.name", "and.label": "x"}, 7.0, None),
    ]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('a{b="c"}1', [({"__name__": "a", "b": "c"}, 1.0, None)]),
        ("a{} 1", [({"__name__": "a"}, 1.0, None)]),
        ('a{b=""} 1', [({"__name__": "a", "b": ""}, 1.0, None)]),
        ('a{b="c" d="e"} 1', [({"__name__": "a", "b": "c", "d": "e"}, 1.0, None)]),
        (
            'a{b="x\ny"} 1\nb 2',
            [({"__name__": "a", "b": "x\ny"}, 1.0, None), ({"__name__": "b"}, 2.0, None)],
        ),
        (r'a{b="\z"} 1', [({"__name__": "a", "b": r"\z"}, 1.0, None)]),
        ("a iNf", [({"__name__": "a"}, math.inf, None)]),
        ("a .5 -7", [({"__name__": "a"}, 0.5, -7)]),
        ("", []),
        ("\n\n# EOF", []),
    ],
)
def test_what_prometheus_accepts(body: str, expected: object):
    assert samples(body) == expected


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("a", "line 1 is not a sample"),
        ("a 1\n\nb 0x10\n", "line 3 is not a sample"),
        ("a 1_000", "not a sample"),
        ("a 1 2 3", "not a sample"),
        ("a 1 1.5", "not a sample"),
        ("1a 1", "not a sample"),
        ("a +NaN", "not a sample"),
        ("a 1e999", "beyond the range"),
        ('a{b="c"', "not a sample"),
        ('a{b="c",,} 1', "malformed labels"),
        ("a{b=c} 1", "label b without a value"),
        ('a{b="c",b="d"} 1', "comes twice"),
        ('a{__name__="b"} 1', "comes twice"),
        ('{"a","b"} 1', "comes twice"),
        ("a{b} 1", "without a value"),
        ('{b="c"} 1', "without a metric name"),
        ("# TYPE a gadget\n", "unknown type 'gadget'"),
        ("# TYPE 0a counter\n", "line 1 is not a sample"),
    ],
)
def test_what_prometheus_refuses(body: str, why: str):
    with pytest.raises(BadData, match=why):
        parse_text(body.encode())


def test_text_that_is_not_utf8_names_its_line():
    with pytest.raises(BadData, match="line 2 is not valid UTF-8"):
        parse_text(b'a 1\nb{c="\xff"} 1\n')


def test_nan_never_looks_like_a_stale_marker():
    values = parse_text(b"a NaN\nb nan\nc 1\n").values
    assert values.view(np.uint64).tolist() == [
        NORMAL_NAN_BITS,
        NORMAL_NAN_BITS,
        struct.unpack("<Q", struct.pack("<d", 1.0))[0],
    ]


def test_bounds_have_one_spelling_whatever_the_target_writes():
    body = """# TYPE a histogram
a_bucket{le="1"} 1
a_bucket{le="1e6"} 1
a_bucket{le="inf"} 1
# TYPE b summary
b{quantile="0.50"} 1
# TYPE c counter
c{le="1"} 1
"""
    assert [labels.get("le") or labels.get("quantile") for labels, _, _ in samples(body)] == [
        "1.0",
        "1e+06",
        "+Inf",
        "0.5",
        "1",
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0"),
        (-1.0, "-1.0"),
        (100000.0, "100000.0"),
        (1e6, "1e+06"),
        (1234567.0, "1.234567e+06"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (1e23, "1e+23"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
        (math.nan, "NaN"),
    ],
)
def test_format_bound(value: float, text: str):
    assert format_bound(value) == text


def test_a_time_that_is_no_time_is_named():
    with pytest.raises(BadData, match="the time 17500000000009223372036854775807 of a sample"):
        parse_text(b"a 1 17500000000009223372036854775807\nb 1 5\n")


def test_labels_of_known_series_are_not_decoded_again():
    body = b'a{b="c"} 1\n{oops} 2\nd 3\n'
    said = parse_text(body, known={'a{b="c"}', "{oops}"})
    assert said.series == ('a{b="c"}', "{oops}", "d")
    assert said.labels == {"d": {"__name__": "d"}}


def test_a_long_body_is_read_in_pieces():
    lines = [f'metric_{i}{{a="{"x" * 50}\\n"}} {i}\n' for i in range(20_000)]
    said = parse_text("".join(lines).encode())
    assert said.values.tolist() == list(range(20_000))
    # Line breaks within quotes, one of which is where the text would be cut.
    broken = [f'metric_{i}{{a="\n\n\n{"x" * 50}"}} {i}\n' for i in range(20_000)]
    assert parse_text("".join(broken).encode()).values.tolist() == list(range(20_000))
    with pytest.raises(BadData, match="line 20001 is not a sample"):
        parse_text("".join([*lines, "oops\n", *lines]).encode())


names = st.text(min_size=1).filter(lambda text: "\x00" not in text)
texts = st.text()


@given(names, st.dictionaries(names.filter(lambda n: n != "__name__"), texts))
def test_any_series_survives_writing_and_reading(name: str, labels: dict[str, str]):
    text = encode_series(name, labels.items())
    assert decode_series(text) == {"__name__": name, **labels}
    assert decode_series(text, openmetrics=True) == {"__name__": name, **labels}
    said = parse_text(f"{text} 1.5\n".encode())
    assert said.labels[text] == {"__name__": name, **labels}


@given(st.text(alphabet='ab{}=",\\\n #1.e+-\t'))
def test_no_input_does_anything_but_parse_or_raise_bad_data(body: str):
    try:
        said = parse_text(body.encode())
    except BadData:
        return
    assert len(said.series) == len(said.values) == len(said.times_ms)
