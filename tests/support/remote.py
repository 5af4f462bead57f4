"""Remote-write requests for tests, from plain values."""

import struct
from collections.abc import Mapping, Sequence
from typing import Any

from vario.model.series import STALE_NAN_BITS
from vario.wire.remote_write import MESSAGES, Version

STALE = struct.unpack("<d", STALE_NAN_BITS.to_bytes(8, "little"))[0]
Series = tuple[Mapping[str, str], Mapping[str, Any]]


def series(name: str, *samples: tuple[int, float], **labels: str) -> Series:
    """A series with samples `(milliseconds, value)`."""
    points = [{"timestamp": time, "value": value} for time, value in samples]
    return {"__name__": name, **labels}, {"samples": points}


def v1(*many: Series, metadata: Sequence[Mapping[str, Any]] = ()) -> bytes:
    """A request of version 1, labels sorted."""
    request = MESSAGES[Version.V1]()
    for labels, rest in many:
        pairs = [{"name": name, "value": value} for name, value in sorted(labels.items())]
        items = dict(rest)
        items["exemplars"] = [
            {
                **exemplar,
                "labels": [{"name": n, "value": v} for n, v in exemplar["labels"].items()],
            }
            for exemplar in rest.get("exemplars", ())
        ]
        items.pop("metadata", None)
        request.timeseries.add(labels=pairs, **items)
    for item in metadata:
        request.metadata.add(**item)
    return request.SerializeToString()


def v2(*many: Series) -> bytes:
    """A request of version 2, labels sorted."""
    symbols = {"": 0}

    def refs(labels: Mapping[str, str]) -> list[int]:
        texts = [text for pair in sorted(labels.items()) for text in pair]
        return [symbols.setdefault(text, len(symbols)) for text in texts]

    request = MESSAGES[Version.V2]()
    for labels, rest in many:
        items = dict(rest)
        items["exemplars"] = [
            {
                "labels_refs": refs(exemplar["labels"]),
                "value": exemplar["value"],
                "timestamp": exemplar["timestamp"],
            }
            for exemplar in rest.get("exemplars", ())
        ]
        if said := items.pop("metadata", None):
            items["metadata"] = {
                "type": said["type"],
                "help_ref": symbols.setdefault(said["help"], len(symbols)),
                "unit_ref": symbols.setdefault(said["unit"], len(symbols)),
            }
        request.timeseries.add(labels_refs=refs(labels), **items)
    request.symbols.extend(symbols)
    return request.SerializeToString()


INTEGER_HISTOGRAM: dict[str, Any] = {
    "count_int": 12,
    "sum": 18.4,
    "schema": 1,
    "zero_threshold": 0.001,
    "zero_count_int": 2,
    "positive_spans": [{"offset": -1, "length": 2}, {"offset": 2, "length": 1}],
    "positive_deltas": [1, 1, -1],
    "negative_spans": [{"offset": 0, "length": 2}],
    "negative_deltas": [2, 2],
    "reset_hint": 2,
    "timestamp": 0,
}
FLOAT_HISTOGRAM: dict[str, Any] = {
    "count_float": 2.5,
    "sum": 1.5,
    "schema": -53,
    "positive_spans": [{"offset": 1, "length": 1}, {"offset": 1, "length": 1}],
    "positive_counts": [0.5, 2.0],
    "reset_hint": 3,
    "custom_values": [0.1, 1.0, 10.0],
    "timestamp": 0,
}
