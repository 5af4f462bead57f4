"""Cubes, samples of whole traces and single numbers, over a few spans that are counted by hand."""

import numpy as np
import pytest
from tests.support.otlp_factory import (
    MINUTE,
    MS,
    SECOND,
    START_NS,
    logs_body,
    make_log,
    make_span,
    trace_hex,
    traces_body,
)

from vario.model.filter import MATCH_ALL, And, Compare, Field
from vario.model.telemetry import Signal, TimeRange
from vario.store.base import FieldProfile
from vario.store.clickhouse import ClickHouseStore

WINDOW = TimeRange(START_NS, START_NS + 2 * MINUTE)
REGION = Field("intrinsic", "region")
ENTRIES = Compare(Field("intrinsic", "entry"), "=", True)


@pytest.fixture
def filled(store: ClickHouseStore) -> ClickHouseStore:
    """Twelve requests of two spans: every third one in us-east, the last six after a minute."""
    for number in range(12):
        region = "us-east" if number % 3 == 0 else "eu-west"
        start_ns = START_NS + (number // 6) * MINUTE + number * SECOND
        rank = make_span(
            "rank", trace=number + 1, span=1, kind="server", start_ns=start_ns,
            duration_ns=(10 + number) * MS, status="error" if number == 11 else "unset",
            attributes={"cache_hit": number % 2 == 0},
        )  # fmt: skip
        step = make_span(
            "encode", trace=number + 1, span=2, parent=1, start_ns=start_ns + MS,
            duration_ns=5 * MS, attributes={"size": number},
        )  # fmt: skip
        resource = {"service.name": "ml-infer", "region": region}
        store.write_otlp(Signal.TRACES, traces_body(resource, rank, step))
        log = make_log("done", time_ns=start_ns, severity="error" if number == 3 else "info")
        store.write_otlp(Signal.LOGS, logs_body(resource, log))
    return store


def test_cube_counts_by_fields_and_step(filled: ClickHouseStore) -> None:
    cube = filled.read_cube(
        Signal.TRACES, ENTRIES, WINDOW, step_ns=MINUTE, by=[REGION], slow_ns=15 * MS
    )
    assert cube.keys == (("eu-west",), ("us-east",))
    assert cube.count.tolist() == [[4, 4], [2, 2]]
    assert cube.errors.tolist() == [[0, 1], [0, 0]]
    assert cube.slow.tolist() == [[0, 4], [0, 2]]
    assert cube.duration_s == pytest.approx(np.array([[0.052, 0.076], [0.023, 0.035]]))


def test_cube_without_fields_is_one_row_and_logs_have_severities(filled: ClickHouseStore) -> None:
    cube = filled.read_cube(Signal.LOGS, MATCH_ALL, WINDOW, step_ns=MINUTE, by=[])
    assert (cube.keys, cube.count.tolist(), cube.errors.tolist()) == (((),), [[6, 6]], [[1, 0]])


def test_the_largest_combinations_are_kept(filled: ClickHouseStore) -> None:
    cube = filled.read_cube(
        Signal.TRACES, ENTRIES, WINDOW, step_ns=2 * MINUTE, by=[REGION], limit=1
    )
    assert (cube.keys, cube.count.tolist()) == ((("eu-west",),), [[8]])


def test_cube_of_nothing(store: ClickHouseStore) -> None:
    cube = store.read_cube(Signal.TRACES, ENTRIES, WINDOW, step_ns=MINUTE, by=[REGION])
    assert (cube.keys, cube.count.shape) == ((), (0, 2))


def test_profile_of_fields(filled: ClickHouseStore) -> None:
    found = filled.profile_fields(Signal.TRACES, ENTRIES, WINDOW, rows=1000)
    assert found == [
        FieldProfile(Field("attributes", "cache_hit"), 1.0, 2, ("false", "true")),
        FieldProfile(Field("resource", "region"), 1.0, 2, ("eu-west", "us-east")),
        FieldProfile(Field("resource", "service.name"), 1.0, 1, ("ml-infer",)),
    ]


def test_sample_has_whole_traces(filled: ClickHouseStore) -> None:
    slow = And((ENTRIES, Compare(Field("intrinsic", "duration"), ">", 19 * MS)))
    table = filled.sample_traces(slow, WINDOW, limit=100)
    assert table.trace_ids == (trace_hex(11), trace_hex(12))
    assert list(table.name) == ["rank", "encode"] * 2
    assert table.trace.tolist() == [0, 0, 1, 1]
    assert table.error.tolist() == [False, False, True, False]
    assert [one.get("size") for one in table.attributes] == [None, "10", None, "11"]


def test_sample_of_a_larger_window_is_spread_and_repeatable(filled: ClickHouseStore) -> None:
    first = filled.sample_traces(ENTRIES, WINDOW, limit=4)
    assert 1 <= len(first.trace_ids) <= 8
    assert filled.sample_traces(ENTRIES, WINDOW, limit=4).trace_ids == first.trace_ids


def test_single_numbers(filled: ClickHouseStore) -> None:
    duration, size = Field("intrinsic", "duration"), Field("attributes", "size")

    def ask(function: str, field: Field | None) -> float:
        return filled.aggregate(Signal.TRACES, function, field, MATCH_ALL, WINDOW)  # type: ignore[arg-type]

    assert ask("count", None) == 24
    assert ask("max", duration) == 0.021
    assert ask("avg", size) == 5.5
    assert ask("p50", size) == 5.5
    assert ask("distinct", REGION) == 2
    assert np.isnan(filled.aggregate(Signal.TRACES, "avg", size, ENTRIES, WINDOW))
