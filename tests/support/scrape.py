"""What scraping hands on, made readable."""

import struct
from dataclasses import dataclass, field
from typing import Any

from vario.model.series import STALE_NAN_BITS
from vario.wire.remote_write import MESSAGES, Version

Sample = tuple[str, int, float | str]
"""A series as text, milliseconds, and the value, which may be "stale"."""


def read_samples(body: bytes) -> list[Sample]:
    """Returns the samples of a request of version 1."""
    request = MESSAGES[Version.V1].FromString(body)
    return [
        (_text(series), sample.timestamp, _value(sample.value))
        for series in request.timeseries
        for sample in series.samples
    ]


def read_extras(body: bytes) -> Any:
    """Returns a request of version 1."""
    return MESSAGES[Version.V1].FromString(body)


def _text(series: Any) -> str:
    pairs = {label.name: label.value for label in series.labels}
    assert list(pairs) == sorted(pairs)
    rest = ",".join(f'{k}="{v}"' for k, v in pairs.items() if k != "__name__")
    return f"{pairs['__name__']}{{{rest}}}" if rest else pairs["__name__"]


def _value(value: float) -> float | str:
    bits = struct.unpack("<Q", struct.pack("<d", value))[0]
    if bits == STALE_NAN_BITS:
        return "stale"
    return "nan" if value != value else value


@dataclass
class Notebook:
    """A sink that keeps what is written; `fault` is raised instead, if there is one."""

    written: list[tuple[bytes, bytes | None]] = field(
        default_factory=list[tuple[bytes, bytes | None]]
    )
    fault: Exception | None = None

    async def write(self, samples: bytes, extras: bytes | None) -> None:
        if self.fault:
            raise self.fault
        self.written.append((samples, extras))

    def samples(self) -> list[Sample]:
        """Samples of the last write."""
        return read_samples(self.written[-1][0])
