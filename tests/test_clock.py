import time

from vario.clock import ManualClock, SystemClock


def test_the_system_clock_tells_the_machine_s_time() -> None:
    before = time.time_ns()
    assert before <= SystemClock().now_ns() <= time.time_ns()


def test_a_manual_clock_moves_only_by_hand() -> None:
    clock = ManualClock(5)
    assert clock.now_ns() == 5
    clock.advance_ns(7)
    assert clock.now_ns() == 12
