"""What the doors count about themselves."""

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric of Prometheus' text format with its values by label set."""

    name: str
    type: Literal["counter", "gauge"]
    help: str
    values: Mapping[Labels, float]


_HELP = {
    "vario_ingest_requests_total": "Export requests by signal, door and outcome.",
    "vario_ingest_bytes_total": "Bytes of accepted requests after decompression.",
    "vario_ingest_items_total": "Spans, log records and data points stored.",
    "vario_ingest_rejected_items_total": "Items of accepted requests that were not stored.",
    "vario_ingest_repeated_requests_total": "Retries of requests that were stored already.",
    "vario_ingest_writes_total": "Inserts into the store; one holds several requests.",
    "vario_ingest_write_seconds_total": "Time spent in inserts.",
}


class Counters:
    """Numbers that only grow. Every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: dict[str, Counter[Labels]] = {name: Counter() for name in _HELP}

    def add(self, name: str, amount: float = 1, **labels: str) -> None:
        """Adds `amount` to one counter."""
        with self._lock:
            # Counter is typed for integers; seconds are floats.
            self._values[name][tuple(labels.items())] += amount  # pyright: ignore[reportArgumentType]

    def metrics(self) -> Iterator[Metric]:
        """Yields every counter with a copy of its values."""
        with self._lock:
            copies = {name: dict(values) for name, values in self._values.items()}
        for name, values in copies.items():
            yield Metric(name, "counter", _HELP[name], values)
