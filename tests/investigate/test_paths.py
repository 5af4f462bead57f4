"""Critical paths of requests that are drawn by hand, and what changed between two samples."""

from collections.abc import Sequence

import numpy as np
import pytest

from vario.investigate.paths import RequestPath, compare_paths, read_paths
from vario.store.base import SpanTable

MS = 1_000_000
Drawn = tuple[str, str, str, str, int, int, bool]
"""Id, parent, service, name, start and end in milliseconds, whether it failed."""


def draw(*traces: Sequence[Drawn]) -> SpanTable:
    rows = [(number, one) for number, spans in enumerate(traces) for one in spans]
    return SpanTable(
        trace_ids=tuple(f"t{number}" for number in range(len(traces))),
        trace=np.array([number for number, _ in rows], dtype=np.int64),
        span_id=[one[0] for _, one in rows],
        parent_id=[one[1] for _, one in rows],
        service=[one[2] for _, one in rows],
        name=[one[3] for _, one in rows],
        kind=["Internal" if one[1] else "Server" for _, one in rows],
        start_ns=np.array([one[4] * MS for _, one in rows], dtype=np.int64),
        duration_ns=np.array([(one[5] - one[4]) * MS for _, one in rows], dtype=np.int64),
        error=np.array([one[6] for _, one in rows], dtype=np.bool_),
        attributes=[{"is": one[0]} for _, one in rows],
    )


def times(path: RequestPath) -> dict[str, tuple[float, float, int]]:
    return {
        name: (round(1000 * s.exclusive_s), round(1000 * s.inclusive_s), s.calls)
        for (_, name), s in path.steps.items()
    }


def test_children_side_by_side_count_by_the_one_that_ends_last() -> None:
    [path] = read_paths(
        draw([
            ("1", "", "api", "rank", 0, 100, False),
            ("2", "1", "api", "fast", 10, 40, False),
            ("3", "1", "api", "slow", 10, 80, False),
            ("4", "3", "db", "query", 20, 60, False),
        ]),
        "api",
    )  # fmt: skip
    assert times(path) == {
        "rank": (30, 100, 1),
        "slow": (30, 70, 1),
        "query": (40, 40, 1),
        "fast": (0, 0, 1),
    }
    assert sum(one.exclusive_s for one in path.steps.values()) == pytest.approx(path.duration_s)


def test_a_child_beyond_its_parent_is_cut_and_an_orphan_left_out() -> None:
    [path] = read_paths(
        draw([
            ("1", "", "api", "rank", 0, 50, False),
            ("2", "1", "api", "late", 40, 90, False),
            ("9", "8", "api", "orphan", 0, 10, False),
        ]),
        "api",
    )  # fmt: skip
    assert times(path) == {"rank": (40, 50, 1), "late": (10, 10, 1)}


def test_a_span_that_is_its_own_parent_ends() -> None:
    assert read_paths(draw([("1", "1", "api", "odd", 0, 10, False)]), "api") == []


def test_a_failure_is_where_nothing_below_failed() -> None:
    [path] = read_paths(
        draw([
            ("1", "", "api", "rank", 0, 50, True),
            ("2", "1", "api", "call", 0, 40, True),
            ("3", "2", "db", "query", 5, 30, True),
        ]),
        "api",
    )  # fmt: skip
    assert {name: one.failed for (_, name), one in path.steps.items()} == {
        "rank": 0, "call": 0, "query": 1,
    }  # fmt: skip
    assert path.error


def test_shares_add_up_to_the_change() -> None:
    def request(query: int, calls: int) -> list[Drawn]:
        end = 10 + query * calls
        queries: list[Drawn] = [
            (f"q{n}", "1", "db", "query", 5 + query * n, 5 + query * (n + 1), False)
            for n in range(calls)
        ]
        return [("1", "", "api", "rank", 0, end, False), *queries]

    before = read_paths(draw(*[request(10, 1)] * 3), "api")
    after = read_paths(draw(*[request(20, 2)] * 3), "api")
    moved = compare_paths(before, after)
    assert sum(one.share for one in moved) == pytest.approx(1)
    first = moved[0]
    assert first.operation == ("db", "query")
    assert (first.share, first.calls_before, first.calls_after) == (pytest.approx(1), 1, 2)
    assert (first.inclusive_before_s, first.inclusive_after_s) == pytest.approx((0.01, 0.04))
    assert compare_paths([], after) == []
