"""Results of PromQL as the very bytes that Prometheus writes (web/api/v1/json_codec.go)."""

import math
from collections.abc import Iterable, Sequence
from operator import add
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from vario.model.series import Exemplar
from vario.query.promql.engine import Result, Series
from vario.query.promql.histogram import Bucket, Histogram
from vario.query.promql.literals import format_float
from vario.query.promql.matching import LabelSet, without_labels


def format_json_float(value: float) -> str:
    """Returns a sample's value: plain decimals, exponents below 1e-6 and from 1e21 on.

    >>> format_json_float(1e21), format_json_float(1e-7), format_json_float(3.0)
    ('1e+21', '1e-07', '3')
    """
    size = abs(value)
    if size == 0 or not math.isfinite(size) or 1e-6 <= size < 1e21:
        return format_float(value)
    mantissa, _, power = repr(float(value)).partition("e")
    exponent = int(power)
    return f"{mantissa.removesuffix('.0')}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def format_time(ms: int) -> str:
    """Returns a time in seconds, with all three decimals where it is not whole.

    >>> format_time(1500), format_time(-2000)
    ('1.500', '-2')
    """
    seconds, rest = divmod(abs(ms), 1000)
    text = f"{seconds}.{rest:03d}" if rest else str(seconds)
    return f"-{text}" if ms < 0 else text


def encode_labels(labels: LabelSet) -> bytes:
    """Returns a label set as an object, names in order."""
    return orjson.dumps({clean(name): clean(value) for name, value in labels})


def clean(text: str) -> str:
    """Returns text with bytes that are not UTF-8 replaced, as Go's encoder does."""
    if text.isascii():
        return text
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def encode_floats(values: NDArray[np.float64]) -> list[bytes]:
    """Returns each value as `format_json_float` does, many at once."""
    sizes = np.abs(values)
    plain = (sizes == 0) | ((sizes >= 1e-6) & (sizes < 1e16))
    if not len(values) or not plain.all():
        return [format_json_float(value).encode() for value in values.tolist()]
    text: bytes = orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY)
    if b"e" in text:
        return [format_json_float(value).encode() for value in values.tolist()]
    # Go writes 3 where orjson writes 3.0.
    return (text[1:-1] + b",").replace(b".0,", b",")[:-1].split(b",")


def encode_histogram(h: Histogram) -> bytes:
    """Returns a native histogram; empty buckets are left out."""
    parts = [f'"count":"{format_json_float(h.count)}"', f'"sum":"{format_json_float(h.sum)}"']
    buckets = [
        f'[{_inclusion(h, b)},"{format_json_float(b.lower)}","{format_json_float(b.upper)}",'
        f'"{format_json_float(b.count)}"]'
        for b in h.all_buckets()
        if b.count != 0
    ]
    if buckets:
        parts.append(f'"buckets":[{",".join(buckets)}]')
    return ("{" + ",".join(parts) + "}").encode()


def _inclusion(h: Histogram, bucket: Bucket) -> int:
    """Returns which bounds belong to a bucket: 0 the upper, 1 the lower, 2 none, 3 both."""
    if h.custom:
        lower = h.bounds == () or bucket.upper == h.bounds[0]
        return 3 if lower else 0
    if bucket.lower == -h.zero_threshold and bucket.upper == h.zero_threshold:
        return 3
    return {(False, True): 0, (True, False): 1, (False, False): 2, (True, True): 3}[
        (bucket.lower < 0, bucket.upper > 0)
    ]


class _Times:
    """Beginnings of samples, `[time,"`; most series of a result share their times."""

    def __init__(self) -> None:
        self._known: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._texts: list[bytes] = []

    def prefixes(self, ts_ms: NDArray[np.int64]) -> list[bytes]:
        if len(ts_ms) != len(self._known) or not np.array_equal(ts_ms, self._known):
            self._known = ts_ms
            self._texts = [f'[{format_time(ms)},"'.encode() for ms in ts_ms.tolist()]
        return self._texts


def _encode_matrix(series: Iterable[Series]) -> Iterable[bytes]:
    times = _Times()
    for one in series:
        parts = [b'{"metric":', encode_labels(one.labels)]
        if len(one.ts_ms):
            samples = map(add, times.prefixes(one.ts_ms), encode_floats(one.values))
            parts += [b',"values":[', b'"],'.join(samples), b'"]]']
        if one.histograms:
            parts += [b',"histograms":[', b",".join(map(_histogram_sample, one.histograms)), b"]"]
        parts.append(b"}")
        yield b"".join(parts)


def _histogram_sample(sample: tuple[int, Histogram]) -> bytes:
    time_ms, histogram = sample
    return b"[" + format_time(time_ms).encode() + b"," + encode_histogram(histogram) + b"]"


def _encode_vector(series: Iterable[Series]) -> Iterable[bytes]:
    for one in series:
        if one.histograms:
            sample = b',"histogram":' + _histogram_sample(one.histograms[0])
        else:
            time, value = format_time(int(one.ts_ms[0])), format_json_float(float(one.values[0]))
            sample = f',"value":[{time},"{value}"]'.encode()
        yield b'{"metric":' + encode_labels(one.labels) + sample + b"}"


def encode_result(result: Result) -> bytes:
    """Returns `{"resultType":...,"result":...}`."""
    match result.type:
        case "matrix":
            body = b"[" + b",".join(_encode_matrix(result.series)) + b"]"
        case "vector":
            body = b"[" + b",".join(_encode_vector(result.series)) + b"]"
        case "scalar":
            time_ms, value = result.scalar
            body = f'[{format_time(time_ms)},"{format_json_float(value)}"]'.encode()
        case "string":
            time_ms, text = result.text
            body = f"[{format_time(time_ms)},".encode() + orjson.dumps(clean(text)) + b"]"
    return b'{"resultType":"' + result.type.encode() + b'","result":' + body


def encode_answer(data: bytes, warnings: Sequence[str] = (), infos: Sequence[str] = ()) -> bytes:
    """Returns a whole successful answer around its data."""
    parts = [b'{"status":"success","data":', data]
    if warnings:
        parts += [b',"warnings":', orjson.dumps([clean(text) for text in warnings])]
    if infos:
        parts += [b',"infos":', orjson.dumps([clean(text) for text in infos])]
    parts.append(b"}")
    return b"".join(parts)


def encode_exemplars(exemplars: Iterable[Exemplar]) -> bytes:
    """Returns exemplars by their series."""
    groups: dict[LabelSet, list[bytes]] = {}
    for exemplar in exemplars:
        key: LabelSet = tuple(sorted(exemplar.labels.items()))
        labels: dict[str, Any] = dict(exemplar.attributes)
        if exemplar.trace_id:
            labels["trace_id"] = exemplar.trace_id
        if exemplar.span_id:
            labels["span_id"] = exemplar.span_id
        shown = encode_labels(tuple(sorted(labels.items())))
        value, time = format_json_float(exemplar.value), format_time(exemplar.time_ms)
        item = b'{"labels":' + shown + f',"value":"{value}","timestamp":{time}}}'.encode()
        groups.setdefault(key, []).append(item)
    series = (
        b'{"seriesLabels":'
        + encode_labels(without_labels(labels, ()))
        + b',"exemplars":['
        + b",".join(items)
        + b"]}"
        for labels, items in sorted(groups.items())
    )
    return b"[" + b",".join(series) + b"]"
