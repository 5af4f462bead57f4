"""Reductions of groups of rows against the obvious loop."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from vario.query.promql.grouped import GroupedRows

VALUES = st.one_of(
    st.floats(-1e6, 1e6), st.sampled_from([0.0, -0.0, 1e100, -1e100, math.inf, -math.inf, math.nan])
)


@given(st.data(), st.integers(1, 4), st.integers(1, 40), st.integers(1, 3))
def test_sums_counts_and_extremes(data: st.DataObject, groups: int, rows: int, steps: int) -> None:
    shape = (rows, steps)
    of_row = np.array([i if i < groups else data.draw(st.integers(0, groups - 1))
                       for i in range(rows)]) % min(groups, rows)  # fmt: skip
    values = data.draw(arrays.arrays(np.float64, shape, elements=VALUES))
    present = data.draw(arrays.arrays(np.bool_, shape))
    grouped = GroupedRows(of_row)
    with np.errstate(all="ignore"):
        total, lost = grouped.sum(values, present)
        found = total + lost
    counts = grouped.count(present)
    for group in range(int(of_row.max()) + 1):
        for step in range(steps):
            chosen = values[(of_row == group) & present[:, step], step]
            assert counts[group, step] == len(chosen)
            want, got = exact_sum(chosen.tolist()), float(found[group, step])
            largest = float(np.abs(chosen).max(initial=0.0))
            assert (
                got == want
                or (math.isnan(got) and math.isnan(want))
                or (math.isclose(got, want, rel_tol=1e-13, abs_tol=1e-28 * largest))
            )


def exact_sum(values: list[float]) -> float:
    try:
        return math.fsum(values)
    except (ValueError, OverflowError):
        return math.nan


def test_what_rounding_takes_comes_back() -> None:
    values = np.array([[1.0], [1e100], [1.0], [-1e100], [5.0]])
    total, lost = GroupedRows(np.zeros(5, dtype=np.int64)).sum(values, np.ones((5, 1), dtype=bool))
    assert (total + lost).tolist() == [[7.0]]
