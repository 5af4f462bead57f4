import pytest
from hypothesis import given
from hypothesis import strategies as st

from vario.query.durations import MAX_DURATION_NS, format_duration_ns, parse_duration_ns


@pytest.mark.parametrize(
    ("text", "duration_ns"),
    [
        ("0s", 0),
        ("1ns", 1),
        ("0.1us", 100),
        ("1.5µs", 1_500),
        ("200ms", 200_000_000),
        ("0.000000001s", 1),
        ("1h30m", 5_400_000_000_000),
        ("1d", 86_400_000_000_000),
    ],
)
def test_parse(text: str, duration_ns: int) -> None:
    assert parse_duration_ns(text) == duration_ns


@pytest.mark.parametrize("text", ["", "1", "ms", "-1s", "1 s", "1.s", "1w", "１s", "106752d"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r"no duration|longer than"):
        parse_duration_ns(text)


@given(st.integers(0, MAX_DURATION_NS))
def test_printed_durations_parse_to_themselves(duration_ns: int) -> None:
    assert parse_duration_ns(format_duration_ns(duration_ns)) == duration_ns
