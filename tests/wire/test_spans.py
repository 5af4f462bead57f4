import pytest
from hypothesis import given
from hypothesis import strategies as st

from vario.errors import BadData
from vario.wire.spans import MAX_BUCKETS, fill_spans, sum_deltas


@given(
    st.integers(-1000, 1000),
    st.lists(st.tuples(st.integers(0, 9), st.lists(st.integers(0, 99), max_size=5)), max_size=6),
)
def test_the_run_has_every_count_at_its_index(first: int, parts: list[tuple[int, list[int]]]):
    spans = [(first if i == 0 else gap, len(counts)) for i, (gap, counts) in enumerate(parts)]
    counts = [count for _, own in parts for count in own]
    expected: dict[int, int] = {}
    index = 0
    for (gap, _), (_, own) in zip(spans, parts, strict=True):
        index += gap
        for count in own:
            expected[index] = count
            index += 1
    offset, run = fill_spans(spans, [float(count) for count in counts])
    assert {i + offset: c for i, c in enumerate(run) if c} == {
        i: c for i, c in expected.items() if c
    }


@pytest.mark.parametrize(
    ("spans", "counts", "why"),
    [
        ([(0, 2)], [1.0], "fewer counts"),
        ([(0, 1)], [1.0, 2.0], "more counts"),
        ([(0, 1), (-1, 1)], [1.0, 2.0], "go back"),
        ([(0, 1)], [-1.0], "negative"),
        ([(0, 1)], [float("nan")], "negative"),
        ([(0, 1), (MAX_BUCKETS, 1)], [1.0, 1.0], "more than"),
        ([(0, MAX_BUCKETS + 1)], [1.0] * (MAX_BUCKETS + 1), "more than"),
    ],
)
def test_what_makes_no_sense(spans: list[tuple[int, int]], counts: list[float], why: str):
    with pytest.raises(BadData, match=why):
        fill_spans(spans, counts)


def test_sum_deltas():
    assert sum_deltas([1, 2, -3, 0]) == [1, 3, 0, 0]
