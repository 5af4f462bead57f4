"""References come back as they were written, and the newest of a name holds."""

from vario.clock import ManualClock
from vario.store.clickhouse import ClickHouseStore


def test_the_newest_reference_of_a_name_holds(store: ClickHouseStore, clock: ManualClock) -> None:
    assert store.find_references() == []
    for name, body in (("v22", "{}"), ("v23", '{"odd": "a\\"b\\né"}'), ("v22", "[]")):
        store.write_reference("recommender", name, body)
        clock.advance_ns(1)
    assert store.find_references() == [
        ("recommender", "v23", '{"odd": "a\\"b\\né"}'),
        ("recommender", "v22", "[]"),
    ]


def test_a_deleted_reference_is_gone_until_it_is_written_anew(
    store: ClickHouseStore, clock: ManualClock
) -> None:
    store.write_reference("recommender", "v23", "{}")
    clock.advance_ns(1)
    assert store.delete_reference("recommender", "v23")
    assert not store.delete_reference("recommender", "v23")
    assert not store.delete_reference("recommender", "v99")
    assert store.find_references() == []
    clock.advance_ns(1)
    store.write_reference("recommender", "v23", "[]")
    assert store.find_references() == [("recommender", "v23", "[]")]
