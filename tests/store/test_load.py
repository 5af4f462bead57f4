"""Requests by release, time, segment and duration, over a few spans that are counted by hand."""

import math

import pytest
from tests.support.otlp_factory import MINUTE, MS, SECOND, START_NS, make_span, traces_body

from vario.model.load import BUCKETS_PER_OCTAVE, ReplicaCount
from vario.model.telemetry import Signal, TimeRange
from vario.store.base_load import SegmentBy
from vario.store.clickhouse import ClickHouseStore

WINDOW = TimeRange(START_NS, START_NS + 2 * MINUTE)


@pytest.fixture
def filled(store: ClickHouseStore) -> ClickHouseStore:
    """Eight requests: four of v1 in the first minute, four of v2 in the second, one of them bad."""
    for number in range(8):
        version = "v1" if number < 4 else "v2"
        entry = make_span(
            "rank", trace=number + 1, span=1, kind="server",
            start_ns=START_NS + (number // 4) * MINUTE + number * SECOND,
            duration_ns=8 * MS, status="error" if number == 7 else "unset",
            attributes={
                "model_name": "ranker", "model_version": version,
                "region": "us-east" if number % 2 else "eu-west",
            },
        )  # fmt: skip
        step = make_span("encode", trace=number + 1, span=2, parent=1, start_ns=START_NS)
        resource = {"service.name": "ml-infer", "service.instance.id": f"pod-{number % 3}"}
        store.write_otlp(Signal.TRACES, traces_body(resource, entry, step))
    return store


@pytest.mark.parametrize(
    ("by", "segments"),
    [("none", ("",)), ("region", ("eu-west", "us-east")), ("operation", ("rank",))],
)
def test_requests_are_counted_by_step_version_and_segment(
    filled: ClickHouseStore, by: SegmentBy, segments: tuple[str, ...]
) -> None:
    table = filled.read_load("ml-infer", WINDOW, step_ns=MINUTE, by=by)
    share = 4 / len(segments)
    assert (table.versions, table.segments, table.steps) == (("v1", "v2"), segments, 2)
    rows = sorted(zip(table.step, table.version, table.segment, table.count, strict=True))
    assert rows == [(v, v, s, share) for v in range(2) for s in range(len(segments))]
    assert set(table.bucket) == {math.floor(math.log2(8 * MS) * BUCKETS_PER_OCTAVE)}
    assert table.errors.sum() == table.errors[table.version == 1].sum() == 1


def test_of_a_model_and_a_service_that_are_not_there_is_nothing(filled: ClickHouseStore) -> None:
    for service, model in (("other", ""), ("ml-infer", "other")):
        table = filled.read_load(service, WINDOW, step_ns=MINUTE, model=model)
        assert (table.versions, table.segments, len(table.count)) == ((), (), 0)


def test_instances_are_counted_once(filled: ClickHouseStore) -> None:
    assert filled.count_replicas("ml-infer", WINDOW, step_ns=MINUTE) == [
        ReplicaCount(0, "v1", 3),
        ReplicaCount(1, "v2", 3),
    ]
