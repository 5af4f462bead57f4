import re
from pathlib import Path

import cramjam
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.remote import FLOAT_HISTOGRAM, INTEGER_HISTOGRAM, Series, series, v1, v2

import vario.store
from vario.errors import BadData, TooLarge, UnsupportedMedia
from vario.wire.protobuf import split_delimited
from vario.wire.remote_sift import describe_rejected, sift_request
from vario.wire.remote_write import (
    MESSAGES,
    PROTO,
    RemoteWrite,
    Version,
    check_request,
    decompress,
    negotiate,
)


def test_the_engine_reads_the_same_description():
    folder = Path(vario.store.__file__).parent / "sql" / "ingest"
    assert (folder / "remote_write.proto").read_text(encoding="utf-8") == PROTO


@pytest.mark.parametrize(
    ("content_type", "version"),
    [
        ("application/x-protobuf", Version.V1),
        ("", Version.V1),
        ("Application/X-Protobuf; proto=prometheus.WriteRequest", Version.V1),
        ("application/x-protobuf;proto=io.prometheus.write.v2.Request", Version.V2),
        ('application/x-protobuf; proto="io.prometheus.write.v2.Request"', Version.V2),
    ],
)
def test_negotiate(content_type: str, version: Version):
    assert negotiate(content_type, "snappy") is version


@pytest.mark.parametrize(
    ("content_type", "encoding", "why"),
    [
        ("application/json", "snappy", "is not remote write: send application/x-protobuf"),
        ("application/x-protobuf;proto=io.prometheus.write.v3.Request", "snappy", "content-type"),
        ("application/x-protobuf", "gzip", "content-encoding 'gzip'"),
    ],
)
def test_what_is_not_remote_write(content_type: str, encoding: str, why: str):
    with pytest.raises(UnsupportedMedia, match=why):
        negotiate(content_type, encoding)


def test_decompress():
    packed = bytes(cramjam.snappy.compress_raw(b"a" * 1000))
    assert decompress(packed, 1000) == b"a" * 1000
    assert decompress(b"", 1000) == b""
    with pytest.raises(TooLarge, match="1000 bytes after decompression"):
        decompress(packed, 999)
    with pytest.raises(BadData, match="not a snappy block"):
        decompress(b"\x05abc", 1000)
    with pytest.raises(TooLarge):
        decompress(b"\xff\xff\xff\xff\x0f", 1000)


FULL: list[Series] = [
    series("a_total", (1, 1.0), (2, 2.0), job="x"),
    (
        {"__name__": "h"},
        {
            "histograms": [INTEGER_HISTOGRAM, FLOAT_HISTOGRAM],
            "exemplars": [{"labels": {"trace_id": "abc"}, "value": 1.0, "timestamp": 5}],
            "metadata": {"type": 3, "help": "Help.", "unit": "s"},
        },
    ),
    ({"__name__": "nothing"}, {}),
]


def test_what_is_in_a_request():
    body = v1(series("a", (1, 1.0)))
    assert check_request(Version.V1, body) == RemoteWrite(Version.V1, body, samples=1)
    body = v1(*FULL, metadata=[{"type": 1, "metric_family_name": "a_total"}] * 4)
    assert check_request(Version.V1, body) == RemoteWrite(
        Version.V1, body, samples=2, histograms=2, exemplars=1, metadata=4
    )
    body = v2(*FULL)
    assert check_request(Version.V2, body) == RemoteWrite(
        Version.V2, body, samples=2, histograms=2, exemplars=1, metadata=1
    )
    assert check_request(Version.V2, b"") == RemoteWrite(Version.V2, b"")


@given(
    st.lists(
        st.tuples(st.integers(0, 300), st.integers(0, 40), st.integers(0, 40), st.booleans()),
        max_size=8,
    ),
    st.integers(0, 30),
)
def test_counting_on_the_outline_counts_right(
    shapes: list[tuple[int, int, int, bool]], described: int
):
    many: list[Series] = [
        (
            {"__name__": f"m{i}"},
            {
                "samples": [{"value": 1.0, "timestamp": 18}] * samples,
                "histograms": [{"schema": 0}] * histograms,
                "exemplars": [{"labels": {"a": "b"}, "value": 2.0, "timestamp": 0}] * exemplars,
                **({"metadata": {"type": 1, "help": "h", "unit": ""}} if said else {}),
            },
        )
        for i, (samples, histograms, exemplars, said) in enumerate(shapes)
    ]
    samples, histograms, exemplars, said = (sum(shape[i] for shape in shapes) for i in range(4))
    first = check_request(Version.V1, v1(*many, metadata=[{"type": 1, "help": "x"}] * described))
    second = check_request(Version.V2, v2(*many))
    assert (first.samples, first.histograms, first.exemplars, first.metadata) == (
        samples, histograms, exemplars, described,
    )  # fmt: skip
    assert (second.samples, second.histograms, second.exemplars, second.metadata) == (
        samples, histograms, exemplars, said,
    )  # fmt: skip


def test_chunks_can_be_joined():
    one, two = v1(series("a", (1, 1.0))), v1(series("b", (2, 2.0)))
    joined = b"".join(check_request(Version.V1, body).chunk for body in (one, two))
    assert MESSAGES[Version.V1].FromString(joined) == MESSAGES[Version.V1].FromString(
        v1(series("a", (1, 1.0)), series("b", (2, 2.0)))
    )
    one, two = v2(series("a", (1, 1.0))), v2(series("b" * 200, (2, 2.0)))
    joined = b"".join(check_request(Version.V2, body).chunk for body in (one, two))
    assert [bytes(part) for part in split_delimited(joined)] == [one, two]


@pytest.mark.parametrize("version", list(Version))
def test_what_is_no_request(version: Version):
    with pytest.raises(BadData, match=f"is not a {version}"):
        check_request(version, b"\x0a\xffgarbage")
    with pytest.raises(BadData, match=f"is not a {version}"):
        sift_request(version, b"\x0a\xffgarbage")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"schema": 9}, "unknown schema 9"),
        ({"positive_deltas": [1]}, "fewer counts"),
        ({"positive_deltas": [-1, 0, 0]}, "negative bucket count"),
    ],
)
def test_an_unsound_histogram_is_told(changes: dict[str, object], why: str):
    bad = ({"__name__": "h"}, {"histograms": [INTEGER_HISTOGRAM | changes]})
    for version, body in ((Version.V1, v1(bad)), (Version.V2, v2(bad))):
        with pytest.raises(BadData, match=why):
            check_request(version, body)
        sifted = sift_request(version, body)
        assert (sifted.histograms, sifted.rejected.total()) == (0, 1)
        assert re.search(why, describe_rejected(sifted))


def test_sifting_keeps_all_of_a_sound_request():
    expected = v1(*FULL)
    assert sift_request(Version.V1, expected) == RemoteWrite(
        Version.V1, expected, samples=2, histograms=2, exemplars=1
    )
    assert sift_request(Version.V2, v2(*FULL)) == RemoteWrite(
        Version.V1, expected, samples=2, histograms=2, exemplars=1
    )


def test_sifting_a_request_of_version_1():
    request = MESSAGES[Version.V1]()

    def add(*pairs: tuple[str, str], times: tuple[int, ...] = (1,)) -> None:
        request.timeseries.add(
            labels=[{"name": name, "value": value} for name, value in pairs],
            samples=[{"timestamp": time, "value": 1.0} for time in times],
        )

    add(("z", "1"), ("__name__", "unsorted"), ("empty", ""))
    add(("__name__", "twice"), ("a", "1"), ("a", "2"))
    add(("a", "1"))
    add(("__name__", "nameless"), ("", "x"))
    add(("__name__", "times"), times=(-1, 5, 1 << 42))
    request.metadata.add(type=1, metric_family_name="kept")
    sifted = sift_request(Version.V1, request.SerializeToString())
    assert sifted == RemoteWrite(
        Version.V1,
        v1(
            series("unsorted", (1, 1.0), z="1"),
            series("times", (5, 1.0)),
            metadata=[{"type": 1, "metric_family_name": "kept"}],
        ),
        samples=2,
        metadata=1,
        rejected=sifted.rejected,
    )
    assert dict(sifted.rejected) == {
        "a series of twice has the same label twice": 1,
        "a series has no metric name (label __name__)": 1,
        "a label of nameless has an empty name": 1,
        "timestamp -1 ms is before 1970 or after 2106": 1,
        f"timestamp {1 << 42} ms is before 1970 or after 2106": 1,
    }
    assert describe_rejected(sifted, most=1) == (
        "5 series or samples were not stored: a series of twice has the same label twice (1); "
        "and 4 more reasons"
    )


def test_sifting_what_is_not_utf8():
    good, bad = v1(series("good", (1, 1.0))), v1(series("bad", (1, 1.0), a="XXXX"))
    spoiled = good + bad.replace(b"XXXX", b"\xff\xfe\xfd\xfc")
    with pytest.raises(BadData):
        check_request(Version.V1, spoiled)
    sifted = sift_request(Version.V1, spoiled)
    assert (sifted.body, dict(sifted.rejected)) == (good, {"a text is not UTF-8": 1})


def test_sifting_references_of_version_2():
    request = MESSAGES[Version.V2].FromString(v2(series("good", (1, 1.0))))
    request.timeseries.add(labels_refs=[1, 2, 1])
    request.timeseries.add(labels_refs=[1, 99])
    sifted = sift_request(Version.V2, request.SerializeToString())
    assert sifted.body == v1(series("good", (1, 1.0)))
    assert dict(sifted.rejected) == {
        "labels_refs has an odd number of references": 1,
        "labels_refs points outside the table of symbols": 1,
    }
