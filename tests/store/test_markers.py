"""Markers: those that were told, and log records that say of a change."""

from dataclasses import replace

from tests.support.otlp_factory import MINUTE, START_NS, logs_body, make_log

from vario.clock import ManualClock
from vario.model.marker import Marker
from vario.model.telemetry import Signal, TimeRange
from vario.store.clickhouse import ClickHouseStore

WINDOW = TimeRange(START_NS, START_NS + 10 * MINUTE)
TOLD = Marker(
    id="0123456789ab",
    time_ns=START_NS + MINUTE,
    kind="config",
    text='cache "features" doubled',
    service="feature-store",
    scope={"region": "us-east"},
    by="kim",
    link="https://example.com/1",
)


def test_what_was_told_comes_back_until_it_is_deleted(
    store: ClickHouseStore, clock: ManualClock
) -> None:
    store.write_marker(TOLD)
    clock.advance_ns(1)
    changed = replace(TOLD, text="cache tripled")
    store.write_marker(changed)
    everywhere = replace(TOLD, id="1", service="", time_ns=START_NS)
    store.write_marker(everywhere)
    store.write_marker(replace(TOLD, id="2", service="gateway"))
    store.write_marker(replace(TOLD, id="3", time_ns=WINDOW.end_ns))
    assert store.find_markers(WINDOW, service="feature-store") == [everywhere, changed]
    assert [marker.id for marker in store.find_markers(WINDOW)] == ["1", TOLD.id, "2"]
    clock.advance_ns(1)
    assert store.delete_marker(TOLD.id)
    assert not store.delete_marker(TOLD.id)
    assert not store.delete_marker("no such")
    assert [marker.id for marker in store.find_markers(WINDOW)] == ["1", "2"]


def test_records_with_the_name_of_a_change_are_markers(store: ClickHouseStore) -> None:
    def log(minute: int, body: str, event: str, **attributes: str):
        return make_log(
            body, time_ns=START_NS + minute * MINUTE, event_name=event, attributes=attributes
        )

    store.write_otlp(
        Signal.LOGS,
        logs_body(
            "ci",
            log(1, "v23.1 to eu-west", "deployment.finished",
                **{"service.name": "ml-infer", "region": "eu-west", "service.version": "v23.1"}),
            log(2, "batch_size 8 -> 1", "", **{"event.name": "config.change"}),
            log(3, "", "feature_flag.changed", author="kim"),
            log(3, "v7 chosen", "feature_flag.evaluation"),
            log(4, "a release of tension", ""),
            log(5, "", "", **{"event.name": "releases"}),
        ),
    )  # fmt: skip
    found = store.find_markers(WINDOW)
    assert [replace(marker, id="") for marker in found] == [
        Marker("", START_NS + MINUTE, "release", "v23.1 to eu-west", "ml-infer",
               {"region": "eu-west", "model_version": "v23.1"}, source="event"),
        Marker("", START_NS + 2 * MINUTE, "config", "batch_size 8 -> 1", "ci", source="event"),
        Marker("", START_NS + 3 * MINUTE, "flag", "feature_flag.changed", "ci", by="kim",
               source="event"),
    ]  # fmt: skip
    assert all(len(marker.id) == 12 for marker in found)
    assert store.find_markers(WINDOW, service="gateway") == []
