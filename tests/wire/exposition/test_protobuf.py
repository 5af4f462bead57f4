import math

import numpy as np
import pytest

from vario.errors import BadData
from vario.wire.exposition import (
    NO_TIME,
    Exemplar,
    Family,
    HistogramSample,
    NativeHistogram,
    parse_protobuf,
)
from vario.wire.exposition.protobuf import SCHEMA
from vario.wire.protobuf import load_messages, split_delimited
from vario.wire.spans import MAX_BUCKETS, fill_spans

MetricFamily = load_messages(SCHEMA)["MetricFamily"]


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def delimited(*families: object) -> bytes:
    bodies = [family.SerializeToString() for family in families]  # type: ignore[attr-defined]
    return b"".join(varint(len(body)) + body for body in bodies)


def exemplar(value: float, seconds: int | None = None) -> dict[str, object]:
    said: dict[str, object] = {"label": [{"name": "trace_id", "value": "abc"}], "value": value}
    if seconds is not None:
        said["timestamp"] = {"seconds": seconds, "nanos": 5_000_000}
    return said


def test_simple_types():
    said = parse_protobuf(
        delimited(
            MetricFamily(
                name="c_total",
                help="A counter.",
                type=0,
                metric=[
                    {
                        "label": [{"name": "a", "value": "b"}, {"name": "empty", "value": ""}],
                        "counter": {
                            "value": 3,
                            "exemplar": exemplar(0.5),
                            "created_timestamp": {"seconds": 12, "nanos": 345_000_000},
                        },
                        "timestamp_ms": 77,
                    }
                ],
            ),
            MetricFamily(name="g", type=1, metric=[{"gauge": {"value": math.nan}}]),
            MetricFamily(name="u.x", type=3, metric=[{"untyped": {"value": -1}}]),
            MetricFamily(
                name="s",
                type=2,
                metric=[
                    {
                        "summary": {
                            "sample_count": 2,
                            "sample_sum": 2.5,
                            "quantile": [{"quantile": 1, "value": 9}],
                        }
                    }
                ],
            ),
        )
    )
    assert said.families == (
        Family("c_total", "counter", "A counter."),
        Family("g", "gauge"),
        Family("u.x", "unknown"),
        Family("s", "summary"),
    )
    assert [dict(said.labels[key]) for key in said.series] == [
        {"__name__": "c_total", "a": "b", "empty": ""},
        {"__name__": "g"},
        {"__name__": "u.x"},
        {"__name__": "s_count"},
        {"__name__": "s_sum"},
        {"__name__": "s", "quantile": "1.0"},
    ]
    np.testing.assert_array_equal(said.values, [3, math.nan, -1, 2, 2.5, 9])
    assert said.times_ms.tolist() == [77] + [NO_TIME] * 5
    assert said.exemplars == {0: Exemplar({"trace_id": "abc"}, 0.5)}
    assert said.created_ms == {0: 12345}


NATIVE = {
    "sample_count": 9,
    "sample_sum": 4.5,
    "schema": 3,
    "zero_threshold": 0.001,
    "zero_count": 1,
    "positive_span": [{"offset": -2, "length": 2}, {"offset": 1, "length": 1}],
    "positive_delta": [1, 2, -1],
    "negative_span": [{"offset": 0, "length": 1}],
    "negative_delta": [2],
    "bucket": [
        {"cumulative_count": 4, "upper_bound": 0.5, "exemplar": exemplar(0.4, 10)},
        {"cumulative_count": 7, "upper_bound": 1, "exemplar": exemplar(0.9)},
    ],
    "created_timestamp": {"seconds": 3, "nanos": 0},
}


def histogram(kind: int = 4, **changes: object) -> bytes:
    own = NATIVE | changes
    return delimited(MetricFamily(name="h", type=kind, metric=[{"histogram": own}]))


def test_native_histogram():
    said = parse_protobuf(histogram())
    assert said.series == ()
    assert said.histograms == (
        HistogramSample(
            labels={"__name__": "h"},
            histogram=NativeHistogram(
                schema=3,
                count=9,
                sum=4.5,
                zero_threshold=0.001,
                zero_count=1,
                positive_offset=-2,
                positive=(1, 3, 0, 2),
                negative_offset=0,
                negative=(2,),
            ),
            exemplars=(Exemplar({"trace_id": "abc"}, 0.4, 10005),),
            created_ms=3000,
        ),
    )


def test_float_gauge_histogram_takes_its_own_exemplars():
    said = parse_protobuf(
        histogram(
            5,
            sample_count_float=2.5,
            positive_count=[0.5, 1, 1],
            positive_delta=[],
            negative_span=[],
            negative_delta=[],
            exemplars=[exemplar(7, 1)],
        )
    )
    assert said.families == (Family("h", "gaugehistogram"),)
    assert said.histograms[0].histogram == NativeHistogram(
        schema=3,
        count=2.5,
        sum=4.5,
        zero_threshold=0.001,
        zero_count=0,
        positive_offset=-2,
        positive=(0.5, 1, 0, 1),
        negative_offset=0,
        negative=(),
        gauge=True,
    )
    assert said.histograms[0].exemplars == (Exemplar({"trace_id": "abc"}, 7, 1005),)


CLASSIC = [
    ({"__name__": "h_count"}, 9.0),
    ({"__name__": "h_sum"}, 4.5),
    ({"__name__": "h_bucket", "le": "0.5"}, 4.0),
    ({"__name__": "h_bucket", "le": "1.0"}, 7.0),
    ({"__name__": "h_bucket", "le": "+Inf"}, 9.0),
]


@pytest.mark.parametrize(
    ("native", "classic", "natives"), [(False, False, 0), (True, True, 1), (False, True, 0)]
)
def test_classic_buckets(native: bool, classic: bool, natives: int):
    said = parse_protobuf(histogram(), native=native, classic=classic)
    found = [(dict(said.labels[k]), v) for k, v in zip(said.series, said.values, strict=True)]
    assert found == CLASSIC
    assert len(said.histograms) == natives
    assert said.exemplars == {
        2: Exemplar({"trace_id": "abc"}, 0.4, 10005),
        3: Exemplar({"trace_id": "abc"}, 0.9),
    }


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"\x05ab", "in the middle of message 1"),
        (b"\xff" * 12, "is not a varint"),
        (b"\x02\x0a\x05", "metric family 1 is not valid protobuf"),
        (delimited(MetricFamily(type=0)), "has no name"),
        (delimited(MetricFamily(name="a", type=9)), "unknown type 9"),
        (delimited(MetricFamily(name="a", unit="seconds")), "not a suffix"),
        (
            delimited(
                MetricFamily(
                    name="a", metric=[{"label": [{"name": "b", "value": "1"}] * 2, "counter": {}}]
                )
            ),
            "comes twice",
        ),
        (histogram(schema=12), "unknown schema 12"),
        (histogram(positive_delta=[1]), "fewer counts"),
        (histogram(positive_delta=[1, 1, 1, 1]), "more counts"),
        (histogram(positive_delta=[1, -2, 1]), "negative bucket count"),
        (
            histogram(positive_span=[{"offset": 0, "length": 1}, {"offset": -1, "length": 2}]),
            "go back",
        ),
    ],
)
def test_malformed(body: bytes, why: str):
    with pytest.raises(BadData, match=why):
        parse_protobuf(body)


def test_a_gap_cannot_be_used_to_fill_memory():
    with pytest.raises(BadData, match=f"more than {MAX_BUCKETS} buckets"):
        fill_spans([(0, 1), (2**31 - 1, 1)], [1, 1])


def test_split_delimited():
    assert [bytes(m) for m in split_delimited(b"\x01a\x00\x02bc")] == [b"a", b"", b"bc"]
