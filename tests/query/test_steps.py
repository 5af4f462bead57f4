import pytest
from hypothesis import given
from hypothesis import strategies as st

from vario.model.telemetry import TimeRange
from vario.query.steps import SECOND_NS, WANTED_STEPS, align, choose_step_ns


@pytest.mark.parametrize(
    ("window_s", "step_s"), [(1, 1), (120, 1), (121, 2), (900, 10), (3600, 30), (7 * 86400, 7200)]
)
def test_choose_step(window_s: int, step_s: int) -> None:
    assert choose_step_ns(TimeRange(0, window_s * SECOND_NS)) == step_s * SECOND_NS


@given(st.integers(1, 2**63 - 1))
def test_no_window_has_too_many_steps(duration_ns: int) -> None:
    assert duration_ns / choose_step_ns(TimeRange(0, duration_ns)) <= WANTED_STEPS


def test_aligned_windows_begin_at_a_multiple() -> None:
    assert align(TimeRange(1003, 2000), 10) == TimeRange(1000, 2000)
