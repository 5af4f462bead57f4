"""Series are known once they are stored: forgotten after a failure, one insert after the other."""

import threading
from typing import Any

import pytest

from vario.clock import ManualClock
from vario.errors import Unavailable
from vario.store.seen import SeenRows

HOUR_NS = 3_600_000_000_000


class Engine:
    """Counts what it is told; `fault` is raised instead, if there is one."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.fault: Exception | None = None

    def command(self, sql: str) -> None:
        if self.fault:
            raise self.fault
        self.told.append(sql)


FORGET = "TRUNCATE TABLE metric_seen"


def make() -> tuple[Engine, ManualClock, SeenRows]:
    engine, clock = Engine(), ManualClock(10 * HOUR_NS)
    stand_in: Any = engine
    return engine, clock, SeenRows(stand_in, clock)


def fail(seen: SeenRows) -> None:
    with pytest.raises(ZeroDivisionError), seen.writing():
        raise ZeroDivisionError


def test_all_is_forgotten_at_first_every_hour_and_after_a_failure() -> None:
    engine, clock, seen = make()
    for _ in range(2):
        with seen.writing():
            assert engine.told == [FORGET]
    clock.advance_ns(HOUR_NS)
    with seen.writing():
        assert engine.told == [FORGET] * 2
    fail(seen)
    with seen.writing():
        assert engine.told == [FORGET] * 3


def test_nothing_is_written_before_what_failed_is_forgotten() -> None:
    engine, _, seen = make()
    with seen.writing():
        pass
    fail(seen)
    engine.fault = Unavailable("no space left")
    for _ in range(2):
        with pytest.raises(Unavailable), seen.writing():
            pytest.fail("was written")
    engine.fault = None
    with seen.writing():
        assert engine.told == [FORGET] * 2


def test_an_insert_waits_for_the_one_before_it() -> None:
    _, _, seen = make()
    order: list[str] = []
    started = threading.Event()

    def second() -> None:
        started.set()
        with seen.writing():
            order.append("second")

    other = threading.Thread(target=second)
    with seen.writing():
        other.start()
        started.wait(10)
        order.append("first")
    other.join()
    assert order == ["first", "second"]
