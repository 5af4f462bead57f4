"""What the engine evaluates by itself equals what NumPy makes of the samples."""

import math
import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vario.model.series import STALE_NAN_BITS, SampleBlock
from vario.query.promql import selectors
from vario.query.promql.engine import Options, PromQL, Series
from vario.query.promql.testing.scratch import ScratchMetrics
from vario.store.base import GRID_FUNCTIONS

STALE = struct.unpack("<d", struct.pack("<Q", STALE_NAN_BITS))[0]

_value = st.one_of(
    # Steps of 1/1024: adding up what counters lost at resets is exact in any order.
    st.integers(min_value=-(2**30), max_value=2**30).map(lambda steps: steps / 1024),
    st.integers(min_value=0, max_value=1000).map(float),
    st.sampled_from([0.0, -0.0, math.nan, math.inf, -math.inf, STALE, 2.0**40, -(2.0**40)]),
)
_gap = st.one_of(st.just(15_000), st.integers(min_value=1, max_value=40_000), st.just(400_000))
_series = st.lists(st.tuples(_gap, _value), max_size=30)
_many = st.lists(_series, min_size=1, max_size=5)
_START = 3_600_000


def write(metrics: ScratchMetrics, many: list[list[tuple[int, float]]]) -> None:
    metrics.clear_metrics()
    times = [np.cumsum([gap for gap, _ in one], dtype=np.int64) + _START for one in many]
    metrics.write_samples(
        [{"__name__": "x_total", "i": str(i)} for i in range(len(many))],
        SampleBlock(
            np.concatenate(([0], np.cumsum([len(one) for one in many]))).astype(np.int64),
            np.concatenate(times).astype(np.int64),
            np.array([value for one in many for _, value in one]),
        ),
    )


def close(a: float, b: float) -> bool:
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return a == b or math.isclose(a, b, rel_tol=1e-12)


def difference(pushed: list[Series], computed: list[Series]) -> str | None:
    """Returns the first point in which two answers differ, None where there is none."""
    if [one.labels for one in pushed] != [one.labels for one in computed]:
        return f"{[s.labels for s in pushed]} against {[s.labels for s in computed]}"
    for a, b in zip(pushed, computed, strict=True):
        if a.ts_ms.tolist() != b.ts_ms.tolist():
            return f"{a.labels}: {a.ts_ms} against {b.ts_ms}"
        for time, left, right in zip(a.ts_ms, a.values, b.values, strict=True):
            if not close(left, right):
                return f"{a.labels} at {time}: {left!r} against {right!r}"
    return None


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    many=_many,
    first=st.integers(min_value=0, max_value=300_000),
    step=st.sampled_from([1000, 7001, 15_000, 60_000]),
    steps=st.integers(min_value=1, max_value=12),
    window=st.sampled_from(["1s", "30s", "61s", "1001ms", "5m", "20m"]),
    offset=st.sampled_from(["", " offset 17s", " offset -1m"]),
)
def test_the_engine_and_numpy_agree(
    metrics: ScratchMetrics,
    many: list[list[tuple[int, float]]],
    first: int,
    step: int,
    steps: int,
    window: str,
    offset: str,
) -> None:
    write(metrics, many)
    queries = [f"{f}(x_total[{window}]{offset})" for f in sorted(GRID_FUNCTIONS - {"last"})]
    start = _START + first
    for query in [f"x_total{offset}", *queries]:
        answers = [
            PromQL(metrics, Options(pushdown_from=least)).range(
                query, start, start + (steps - 1) * step, step
            )
            for least in (0, None)
        ]
        assert difference(answers[0].series, answers[1].series) is None, query
        assert answers[0].infos == answers[1].infos


def test_a_grid_fetched_in_parts_is_the_same(
    metrics: ScratchMetrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(metrics, [[(15_000, float(n)) for n in range(40)], [(9_000, math.inf), (20_000, 2.0)]])
    for query in ("x_total", "rate(x_total[1m])"):
        answers: list[list[Series]] = []
        for cells in (1 << 23, 14, 1):
            monkeypatch.setattr(selectors, "_GRID_CELLS", cells)
            engine = PromQL(metrics, Options(pushdown_from=0))
            answers.append(engine.range(query, _START, _START + 620_000, 20_000).series)
        assert len(answers[0]) == 2
        assert [difference(answers[0], other) for other in answers[1:]] == [None, None]


def test_a_difference_is_found() -> None:
    times = np.array([1, 2])
    one = Series((), times, np.array([1.0, 2.0]))
    assert difference([one], [Series((), times, np.array([1.0, 2.0 + 1e-11]))]) is not None
    assert difference([one], [Series((), times[:1], np.array([1.0]))]) is not None
    assert difference([one], []) is not None
