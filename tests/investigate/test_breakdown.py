"""A request's parts and a service's neighbours, out of traces that are added up by hand."""

import pytest
from tests.support.otlp_factory import MINUTE, MS, START_NS, make_span, traces_body

from vario.investigate.breakdown import Breakdown, Neighbour, Part, break_down
from vario.model.filter import Compare, Field
from vario.model.telemetry import Signal, TimeRange
from vario.store.clickhouse import ClickHouseStore

WINDOW = TimeRange(START_NS, START_NS + MINUTE)
OF_INFER = Compare(Field("intrinsic", "service.name"), "=", "ml-infer")


def fill(store: ClickHouseStore) -> None:
    """Two requests: gateway 100 ms > ml-infer 80 ms > encode 20 ms and a call of 50 ms."""
    for trace in (1, 2):
        at = START_NS + trace * MS
        gateway = make_span(
            "GET /", trace=trace, span=1, kind="server", start_ns=at, duration_ns=100 * MS
        )
        entry = make_span(
            "predict", trace=trace, span=2, parent=1, kind="server", start_ns=at + 10 * MS,
            duration_ns=80 * MS,
        )  # fmt: skip
        encode = make_span(
            "encode", trace=trace, span=3, parent=2, start_ns=at + 10 * MS, duration_ns=20 * MS
        )
        read = make_span(
            "read", trace=trace, span=4, parent=2, kind="server", start_ns=at + 30 * MS,
            duration_ns=50 * MS, status="error" if trace == 2 else "unset",
        )  # fmt: skip
        store.write_otlp(Signal.TRACES, traces_body("gateway", gateway))
        store.write_otlp(Signal.TRACES, traces_body("ml-infer", entry, encode))
        store.write_otlp(Signal.TRACES, traces_body("feature-store", read))


def test_parts_add_up_to_the_duration_and_neighbours_are_counted(store: ClickHouseStore) -> None:
    fill(store)
    found = break_down(store.sample_traces(OF_INFER, WINDOW, limit=10), "ml-infer")
    assert found.requests == 2
    assert found.mean_s == pytest.approx(0.080)
    assert [(part.span, round(part.self_s, 6), part.calls) for part in found.parts] == [
        ("read", 0.050, 1),
        ("encode", 0.020, 1),
        ("predict", 0.010, 1),
    ]
    assert sum(part.share for part in found.parts) == pytest.approx(1)
    assert found.parts[0] == Part("feature-store", "read", 0.05, 0.625, 1, 0.5)
    assert found.callers == (Neighbour("gateway", 1, pytest.approx(0.08), 0),)
    assert found.called == (Neighbour("feature-store", 1, pytest.approx(0.05), 0.5),)


def test_without_requests_there_is_nothing(store: ClickHouseStore) -> None:
    table = store.sample_traces(OF_INFER, WINDOW, limit=10)
    assert break_down(table, "ml-infer") == Breakdown(0, 0.0, (), (), ())
