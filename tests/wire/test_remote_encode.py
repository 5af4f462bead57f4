import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vario.wire.remote_encode import encode_head, encode_labels, encode_samples
from vario.wire.remote_write import MESSAGES, Version, check_request

texts = st.text(max_size=200)
labels = st.dictionaries(texts, texts, max_size=5)
samples = st.tuples(labels, st.integers(0, 2**64 - 1), st.integers(0, 2**42 - 1))


@given(st.lists(samples, max_size=5))
def test_what_is_encoded_is_what_protobuf_reads(
    given_samples: list[tuple[dict[str, str], int, int]],
):
    heads = [encode_head(encode_labels(each)) for each, _, _ in given_samples]
    bits = np.array([value for _, value, _ in given_samples], dtype=np.uint64)
    times = np.array([time for _, _, time in given_samples], dtype=np.int64)
    body = encode_samples(heads, bits.view(np.float64), times)
    request = MESSAGES[Version.V1].FromString(body)
    assert len(request.timeseries) == len(given_samples)
    for series, (expected, value, time) in zip(request.timeseries, given_samples, strict=True):
        assert [(one.name, one.value) for one in series.labels] == sorted(expected.items())
        (sample,) = series.samples
        assert sample.timestamp == time
        assert np.array([sample.value]).view(np.uint64)[0] == value or np.isnan(sample.value)
    assert check_request(Version.V1, body).samples == len(given_samples)


@pytest.mark.parametrize("time", [-1, 1 << 42])
def test_times_out_of_range_are_refused(time: int):
    head = encode_head(encode_labels({"__name__": "a"}))
    with pytest.raises(ValueError, match="before 1970 or after 2109"):
        encode_samples([head], np.ones(1), np.array([time]))
