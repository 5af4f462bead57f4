import struct
from datetime import datetime

import pytest
from tests.support.remote import (
    FLOAT_HISTOGRAM,
    INTEGER_HISTOGRAM,
    STALE,
    Series,
    series,
    v1,
    v2,
)

from vario.clock import ManualClock
from vario.errors import BadData
from vario.store.base import RemoteFeed
from vario.store.clickhouse import ClickHouseStore
from vario.wire.remote_write import MESSAGES, Version, check_request

NOW_MS = 1_750_000_000_000


def write(store: ClickHouseStore, version: Version, *bodies: bytes) -> None:
    """Writes requests as the pipeline does, those of one kind joined."""
    checked = [check_request(version, body) for body in bodies]
    name = "remote_v1" if version is Version.V1 else "remote_v2"
    plain = all(request.plain for request in checked)
    feed = RemoteFeed(name if plain else f"{name}_full")
    store.write_remote(feed, b"".join(request.chunk for request in checked))


def stored_samples(store: ClickHouseStore) -> list[tuple[dict[str, str], int, int]]:
    """Labels, milliseconds and bits of the value of every sample."""
    return store.engine.query_rows(
        "SELECT labels, toUnixTimestamp64Milli(ts), reinterpretAsUInt64(value) FROM metric_samples "
        "JOIN (SELECT DISTINCT id, labels FROM metric_series) AS s USING id "
        "ORDER BY toString(labels), ts"
    )


def bits(value: float) -> int:
    return struct.unpack("<Q", struct.pack("<d", value))[0]


BOTH = pytest.mark.parametrize("version", list(Version))


def encode(version: Version, *many: Series) -> bytes:
    return v1(*many) if version is Version.V1 else v2(*many)


@BOTH
def test_samples_of_joined_requests(store: ClickHouseStore, version: Version):
    write(
        store,
        version,
        encode(version, series("a_total", (NOW_MS, 1.5), (NOW_MS + 15_000, 2.5), job="x")),
        encode(version, series("b", (NOW_MS, STALE)), series("a_total", (NOW_MS, 7.0), job="y")),
        encode(version, series("a_total", (NOW_MS - 60_000, 0.5), job="x")),
    )
    assert stored_samples(store) == [
        ({"__name__": "a_total", "job": "x"}, NOW_MS - 60_000, bits(0.5)),
        ({"__name__": "a_total", "job": "x"}, NOW_MS, bits(1.5)),
        ({"__name__": "a_total", "job": "x"}, NOW_MS + 15_000, bits(2.5)),
        ({"__name__": "a_total", "job": "y"}, NOW_MS, bits(7.0)),
        ({"__name__": "b"}, NOW_MS, 0x7FF0_0000_0000_0002),
    ]


@BOTH
def test_a_series_is_written_once_an_hour(
    store: ClickHouseStore, clock: ManualClock, version: Version
):
    def rows() -> list[tuple[object, ...]]:
        return store.engine.query_rows(
            "SELECT name, labels, first_seen, last_seen, id = sipHash64(mapSort(labels)) "
            "FROM metric_series ORDER BY first_seen, last_seen"
        )

    hour = 3_600_000
    store.engine.command("SYSTEM STOP MERGES metric_series")
    labels = {"__name__": "a", "z": "1", "B": "2"}

    def send(*times: int) -> None:
        sent = series("a", *((time, 1.0) for time in times), z="1", B="2")
        write(store, version, encode(version, sent))

    send(NOW_MS)
    send(NOW_MS + 15_000)
    at = [datetime(2025, 6, 15, h) for h in range(14, 18)]
    assert rows() == [("a", labels, at[1], at[2], True)]
    send(NOW_MS + hour)
    send(NOW_MS + hour)
    send(NOW_MS - hour, NOW_MS + hour)
    assert rows() == [
        ("a", labels, at[0], at[3], True),
        ("a", labels, at[1], at[2], True),
        ("a", labels, at[2], at[3], True),
    ]
    clock.advance_ns(3_600_000_000_000)
    send(NOW_MS)
    assert len(rows()) == 4


@BOTH
def test_native_histograms(store: ClickHouseStore, version: Version):
    stale = {"sum": STALE, "timestamp": NOW_MS + 2}
    write(
        store,
        version,
        encode(
            version,
            (
                {"__name__": "h"},
                {
                    "histograms": [
                        INTEGER_HISTOGRAM | {"timestamp": NOW_MS},
                        FLOAT_HISTOGRAM | {"timestamp": NOW_MS + 1},
                        stale,
                    ]
                },
            ),
        ),
    )
    assert store.engine.query_rows(
        "SELECT toUnixTimestamp64Milli(ts), count, reinterpretAsUInt64(sum), schema, "
        "zero_threshold, zero_count, positive_offset, positive, negative_offset, negative, bounds, "
        "toString(reset_hint) FROM metric_histograms "
        "WHERE id IN (SELECT id FROM metric_series WHERE name = 'h') ORDER BY ts"
    ) == [
        (NOW_MS, 12.0, bits(18.4), 1, 0.001, 2.0, -1, [1.0, 2.0, 0.0, 0.0, 1.0], 0, [2.0, 4.0],
         [], "no"),
        (NOW_MS + 1, 2.5, bits(1.5), -53, 0.0, 0.0, 1, [0.5, 0.0, 2.0], 0, [], [0.1, 1.0, 10.0],
         "gauge"),
        (NOW_MS + 2, 0.0, 0x7FF0_0000_0000_0002, 0, 0.0, 0.0, 0, [], 0, [], [], "unknown"),
    ]  # fmt: skip
    assert store.engine.query_rows("SELECT count() FROM metric_samples") == [(0,)]


@BOTH
def test_exemplars(store: ClickHouseStore, version: Version):
    said = {
        "exemplars": [
            {
                "labels": {"trace_id": "abc", "span_id": "de", "user": "u"},
                "value": 0.25,
                "timestamp": NOW_MS,
            },
            {"labels": {}, "value": 1.0, "timestamp": NOW_MS + 1},
        ],
        "samples": [{"timestamp": NOW_MS, "value": 1.0}],
    }
    write(store, version, encode(version, ({"__name__": "a"}, said)))
    assert store.engine.query_rows(
        "SELECT toUnixTimestamp64Milli(ts), value, trace_id, span_id, attributes "
        "FROM metric_exemplars WHERE id IN (SELECT id FROM metric_series) ORDER BY ts"
    ) == [(NOW_MS, 0.25, "abc", "de", {"user": "u"}), (NOW_MS + 1, 1.0, "", "", {})]
    assert len(stored_samples(store)) == 1


METADATA = "SELECT name, type, unit, help FROM metric_metadata ORDER BY name, help"


def test_metadata_of_version_1(store: ClickHouseStore):
    store.engine.command("SYSTEM STOP MERGES metric_metadata")
    said = [
        {"type": kind, "metric_family_name": f"m{kind}", "help": "Help.", "unit": "s"}
        for kind in range(9)
    ]
    write(store, Version.V1, v1(metadata=said))
    write(store, Version.V1, v1(metadata=said))
    kinds = ("unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info",
             "stateset", "unknown")  # fmt: skip
    expected = [(f"m{i}", kind, "s", "Help.") for i, kind in enumerate(kinds)]
    assert store.engine.query_rows(METADATA) == expected
    write(store, Version.V1, v1(metadata=[{"metric_family_name": "m0", "help": "New."}]))
    assert len(store.engine.query_rows(METADATA)) == 10


def test_metadata_of_version_2_is_named_by_the_series(store: ClickHouseStore):
    def described(name: str, kind: int) -> Series:
        rest = {
            "samples": [{"timestamp": NOW_MS, "value": 1.0}],
            "metadata": {"type": kind, "help": "Help.", "unit": ""},
        }
        return {"__name__": name, "le": "1"}, rest

    names = [("a_total", 1), ("h_bucket", 3), ("h_count", 3), ("h_sum", 3), ("s", 5),
             ("s_count", 5), ("g_count", 2), ("n", 3)]  # fmt: skip
    write(store, Version.V2, v2(*(described(name, kind) for name, kind in names)))
    assert store.engine.query_rows(METADATA) == [
        ("a_total", "counter", "", "Help."),
        ("g_count", "gauge", "", "Help."),
        ("h", "histogram", "", "Help."),
        ("n", "histogram", "", "Help."),
        ("s", "summary", "", "Help."),
    ]


UNSOUND: dict[str, tuple[list[tuple[str, str]], int]] = {
    "unsorted": ([("b", "1"), ("__name__", "a")], NOW_MS),
    "twice": ([("__name__", "a"), ("b", "1"), ("b", "1")], NOW_MS),
    "nameless": ([("b", "1")], NOW_MS),
    "an empty name": ([("", "x"), ("__name__", "a")], NOW_MS),
    "an empty value": ([("__name__", "a"), ("b", "")], NOW_MS),
    "before 1970": ([("__name__", "a")], -1),
    "after 2106": ([("__name__", "a")], 1 << 42),
}


def encode_as_it_is(version: Version, pairs: list[tuple[str, str]], time: int) -> bytes:
    samples = [{"timestamp": time, "value": 1.0}]
    if version is Version.V1:
        labels = [{"name": name, "value": value} for name, value in pairs]
        sent = MESSAGES[version](timeseries=[{"labels": labels, "samples": samples}])
    else:
        texts = [text for pair in pairs for text in pair]
        refs = list(range(1, len(texts) + 1))
        sent = MESSAGES[version](
            symbols=["", *texts], timeseries=[{"labels_refs": refs, "samples": samples}]
        )
    return sent.SerializeToString()


@BOTH
def test_an_unsound_series_stops_its_request_before_anything_is_written(
    store: ClickHouseStore, version: Version
):
    good = check_request(version, encode(version, series("good", (NOW_MS, 1.0)))).chunk
    feeds = (RemoteFeed.V1, RemoteFeed.V1_FULL)
    if version is Version.V2:
        feeds = (RemoteFeed.V2, RemoteFeed.V2_FULL)
    for feed in feeds:
        for case, (pairs, time) in UNSOUND.items():
            bad = check_request(version, encode_as_it_is(version, pairs, time)).chunk
            with pytest.raises(BadData, match="a series of this request cannot be stored"):
                store.write_remote(feed, good + bad)
            counts = store.engine.query_rows(
                "SELECT (SELECT count() FROM metric_samples), (SELECT count() FROM metric_series)"
            )
            assert counts == [(0, 0)], case
    store.write_remote(feeds[0], good)
    assert len(stored_samples(store)) == 1


def test_references_out_of_range_are_unsound(store: ClickHouseStore):
    for refs in ([1, 2, 1], [1, 9], [9, 1]):
        bad = MESSAGES[Version.V2](
            symbols=["", "__name__", "a"],
            timeseries=[{"labels_refs": refs, "samples": [{"timestamp": NOW_MS, "value": 1.0}]}],
        )
        with pytest.raises(BadData):
            write(store, Version.V2, bad.SerializeToString())
