"""Series that share their labels are added up so that their increase is the sum of theirs."""

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.metrics.v1.metrics_pb2 import ExponentialHistogramDataPoint

from vario.guard.exponential import read_parts, write_parts
from vario.guard.sums import GONE_AFTER_NS, VALUE, Kind, Step, Sum, Sums

SECOND_NS = 1_000_000_000


def step(
    time_s: int,
    source: int,
    value: float | None,
    kind: Kind = "counter",
    *,
    fresh: bool = True,
    anew: bool = False,
) -> Step:
    parts = None if value is None else {VALUE: value}
    return Step(time_s * SECOND_NS, "key", source, parts, kind, fresh, anew)


def values(sums: list[Sum]) -> list[tuple[float, float]]:
    return [(one.time_ns / SECOND_NS, one.parts[VALUE]) for one in sums]


def test_increases_are_added_up_over_resets_and_comings() -> None:
    sums = Sums()
    assert values(sums.add([step(1, 1, 10), step(1, 2, 20)])) == [(1, 30)]
    # Source 1 restarts, source 2 is silent, source 3 comes.
    assert values(sums.add([step(2, 1, 4), step(2, 3, 1)])) == [(2, 35)]
    assert values(sums.add([step(3, 2, 25)])) == [(3, 40)]


def test_a_source_that_was_stored_before_counts_from_where_it_is() -> None:
    sums = Sums()
    assert values(sums.add([step(1, 1, 1000, fresh=False)])) == [(1, 0)]
    assert values(sums.add([step(2, 1, 1003, fresh=False)])) == [(2, 3)]
    begun = Sums()
    assert values(begun.add([step(1, 1, 1000, fresh=False, anew=True)])) == [(1, 1000)]


def test_what_comes_late_is_dated_no_earlier_than_the_last() -> None:
    sums = Sums()
    sums.add([step(10, 1, 5)])
    assert values(sums.add([step(10, 2, 5)])) == [(10, 10)]
    assert values(sums.add([step(7, 3, 1)])) == [(10, 11)]


def test_deltas_are_added_up_and_none_is_lost() -> None:
    sums = Sums()
    first = sums.add([step(1, 1, 5, "delta"), step(1, 2, 6, "delta")])
    again = sums.add([step(1, 3, 7, "delta")])
    assert values(first) == [(1, 11)]
    assert values(again) == [(1.001, 7)]


def test_gauges_are_what_is_there() -> None:
    sums = Sums()
    assert values(sums.add([step(1, 1, 5, "gauge"), step(1, 2, 6, "gauge")])) == [(1, 11)]
    assert values(sums.add([step(2, 1, 7, "gauge")])) == [(2, 13)]
    assert values(sums.add([step(3, 2, None, "gauge"), step(3, 1, 8, "gauge")])) == [(3, 8)]
    gone = 3 + GONE_AFTER_NS // SECOND_NS
    assert values(sums.add([step(gone, 9, 1, "gauge")])) == [(gone, 1)]


def test_sources_are_bounded() -> None:
    sums = Sums(max_sources=3)
    sums.add([step(1, source, 1) for source in range(10)])
    # Those forgotten count from nothing again: told by the docs, bounded in memory.
    assert values(sums.add([step(2, 9, 2)])) == [(2, 11)]


@given(st.lists(st.lists(st.integers(0, 50), min_size=1, max_size=6), min_size=1, max_size=8))
def test_the_increase_of_the_sum_is_the_sum_of_increases(rounds: list[list[int]]) -> None:
    sums, last, total = Sums(), dict[int, int](), 0
    for time_s, grown in enumerate(rounds, 1):
        steps: list[Step] = []
        for source, increase in enumerate(grown):
            last[source] = last.get(source, 0) + increase
            total += increase
            steps.append(step(time_s, source, last[source]))
        assert values(sums.add(steps)) == [(time_s, total)]


def test_exponential_histograms_keep_their_counts() -> None:
    point = ExponentialHistogramDataPoint(count=7, sum=9.5, scale=5, zero_count=1)
    point.positive.offset = -3
    point.positive.bucket_counts.extend([1, 0, 2, 3])
    write_parts(point, read_parts(point))
    assert (point.scale, point.count, point.zero_count, point.sum) == (3, 7, 1, 9.5)
    # Indices -3, -1 and 0 of scale 5 lie in -1, -1 and 0 of scale 3.
    assert (point.positive.offset, list(point.positive.bucket_counts)) == (-1, [3, 3])
    assert not point.negative.bucket_counts
