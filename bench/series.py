"""A dashboard's day: 10,000 series every 15 s, encoded as remote write 1.0 by array operations."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import cramjam
import numpy as np
from numpy.typing import NDArray

STEP_MS = 15_000
REGIONS = ("us-east", "us-west", "eu-west", "ap-south", "sa-east")
BOUNDS = ("0.005", "0.01", "0.025", "0.05", "0.1", "0.2", "0.35", "0.5", "1", "2.5", "5", "+Inf")


@dataclass(frozen=True, slots=True)
class Load:
    """Series by their encoded labels, and how their values grow.

    Attributes:
        labels: n protobuf-encoded label lists (field 1 of `prometheus.TimeSeries`).
        growth: shape (n,), mean increase a step; 0 for gauges.
    """

    labels: list[bytes]
    growth: NDArray[np.float64]


def dashboard_load() -> Load:
    """Returns 2,000 request counters, 6,000 latency buckets and 2,000 GPU gauges."""
    labels: list[bytes] = []
    growth: list[float] = []
    for region, instance, status, version in product(
        REGIONS, range(100), ("200", "500"), ("v23", "v23.1")
    ):
        labels.append(
            _labels(
                "inference_requests_total",
                instance=f"i{instance}", model_version=version, region=region, status=status,
            )
        )  # fmt: skip
        growth.append(30.0 if status == "200" else 0.2)
    for region, instance, (rank, bound) in product(REGIONS, range(100), enumerate(BOUNDS)):
        name = "inference_latency_seconds_bucket"
        labels.append(_labels(name, instance=f"i{instance}", le=bound, region=region))
        growth.append(2.5 * (rank + 1))
    for instance, gpu in product(range(250), range(8)):
        labels.append(_labels("gpu_utilization_ratio", gpu=str(gpu), instance=f"i{instance}"))
        growth.append(0.0)
    return Load(labels, np.array(growth))


def write_bodies(
    load: Load, *, start_ms: int, steps: int, steps_each: int, series_each: int, seed: int = 5
) -> Iterator[tuple[bytes, int]]:
    """Yields snappy-compressed write requests, oldest first, with their number of samples."""
    rng = np.random.default_rng(seed)
    totals = np.zeros(len(load.labels))
    for first in range(0, steps, steps_each):
        count = min(steps_each, steps - first)
        grown = rng.poisson(load.growth[:, None], (len(load.labels), count)).astype(float)
        values = totals[:, None] + np.cumsum(grown, axis=1)
        totals = values[:, -1]
        gauges = load.growth == 0
        values[gauges] = np.round(rng.beta(5, 3, (int(gauges.sum()), count)), 3)
        times = start_ms + (first + np.arange(count)) * STEP_MS
        for low in range(0, len(load.labels), series_each):
            high = min(low + series_each, len(load.labels))
            samples = encode_samples(values[low:high], times)
            body = b"".join(
                _field(1, labels + samples[index].tobytes())
                for index, labels in enumerate(load.labels[low:high])
            )
            yield bytes(cramjam.snappy.compress_raw(body)), (high - low) * count


def encode_samples(values: NDArray[np.float64], times: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Encodes samples (field 2 of `prometheus.TimeSeries`), 18 bytes each.

    Args:
        values: shape (series, steps).
        times: shape (steps,), milliseconds between 2004 and 2109, which take six varint bytes.

    Returns:
        Shape (series, steps * 18), uint8.
    """
    series, steps = values.shape
    out = np.empty((series, steps, 18), np.uint8)
    out[:, :, :3] = (0x12, 16, 0x09)
    out[:, :, 3:11] = values.astype("<f8").view(np.uint8).reshape(series, steps, 8)
    out[:, :, 11] = 0x10
    for index in range(6):
        more = 0x80 if index < 5 else 0
        out[:, :, 12 + index] = ((times >> (7 * index)) & 0x7F) | more
    return out.reshape(series, steps * 18)


def _labels(name: str, **labels: str) -> bytes:
    pairs = sorted({"__name__": name, **labels}.items())
    return b"".join(
        _field(1, _field(1, key.encode()) + _field(2, value.encode())) for key, value in pairs
    )


def _field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
