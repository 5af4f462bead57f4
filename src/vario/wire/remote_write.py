"""Prometheus remote write 1.0 and 2.0: which version a request is in, what is in it, is it sound.

The engine decodes requests (`store/sql/ingest/prometheus.sql`) and judges their labels; here a body
is parsed once in C, so that one that is no request never reaches its neighbours in an insert, and
what is in it is counted on an outline. Costs 0.6 CPU-s a million series.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.resources import files
from typing import Any

import cramjam
from google.protobuf.message import DecodeError

from vario.errors import BadData, TooLarge, UnsupportedMedia
from vario.wire.protobuf import encode_varint, load_messages
from vario.wire.spans import fill_spans, sum_deltas

PROTO = files("vario.wire").joinpath("remote_write.proto").read_text(encoding="utf-8")
MEDIA_TYPE = "application/x-protobuf"


class Version(StrEnum):
    """The message of a request; the value is what `proto=` of its content type says."""

    V1 = "prometheus.WriteRequest"
    V2 = "io.prometheus.write.v2.Request"


@dataclass(frozen=True, slots=True)
class RemoteWrite:
    """A request of which everything, as far as is known, can be stored.

    Attributes:
        version: what `body` is in.
        body: the request in protobuf.
        samples: number of float samples; likewise `histograms` and `exemplars`.
        metadata: number of descriptions of metrics.
        rejected: number of series or items left out, by reason.
    """

    version: Version
    body: bytes
    samples: int = 0
    histograms: int = 0
    exemplars: int = 0
    metadata: int = 0
    rejected: Counter[str] = field(default_factory=Counter[str])

    @property
    def plain(self) -> bool:
        """Whether there is nothing but samples in it."""
        return not (self.histograms or self.exemplars or self.metadata)

    @property
    def chunk(self) -> bytes:
        """The body as it can be joined with others of its version.

        Bodies of version 1 are joined as they are, since repeated fields merge. Those of version 2
        each have a table of symbols of their own, and go one after the other with their lengths.
        """
        return (
            self.body if self.version is Version.V1 else encode_varint(len(self.body)) + self.body
        )


_CLASSES = load_messages(PROTO)
MESSAGES: dict[Version, type[Any]] = {
    Version.V1: _CLASSES["WriteRequest"],
    Version.V2: _CLASSES["Request"],
}

# What remains of a request in an outline: an empty message for each item, and the metadata's type.
_OUTLINES = {
    Version.V1: load_messages("""syntax = "proto3";
message Item {
}
message Series {
  repeated Item samples = 2;
  repeated Item exemplars = 3;
  repeated Item histograms = 4;
}
message Outline {
  repeated Series timeseries = 1;
  repeated Item metadata = 3;
}
""")["Outline"],
    Version.V2: load_messages("""syntax = "proto3";
message Item {
}
message Metadata {
  int32 type = 1;
}
message Series {
  repeated Item samples = 2;
  repeated Item exemplars = 4;
  repeated Item histograms = 3;
  Metadata metadata = 5;
}
message Outline {
  repeated Series timeseries = 5;
}
""")["Outline"],
}
# An item is its tag and the length 0; a length of 0 follows no other tag but that of empty series.
_MARKS = {
    Version.V1: {"samples": b"\x12\0", "exemplars": b"\x1a\0", "histograms": b"\x22\0"},
    Version.V2: {
        "samples": b"\x12\0", "histograms": b"\x1a\0", "exemplars": b"\x22\0",
        "metadata": b"\x2a\x02\x08",
    },
}  # fmt: skip

_PROTO_PARAMETER = re.compile(r""";\s*proto\s*=\s*"?([^";\s]*)""", re.IGNORECASE)


def negotiate(content_type: str, encoding: str) -> Version:
    """Returns the version of a request with these headers; none at all means version 1.

    Raises:
        UnsupportedMedia: it is neither version, or not compressed by snappy.
    """
    media = content_type.partition(";")[0].strip().lower() or MEDIA_TYPE
    found = _PROTO_PARAMETER.search(content_type)
    message = found[1] if found else Version.V1
    if media != MEDIA_TYPE or message not in list(Version):
        raise UnsupportedMedia(
            f"content-type {content_type!r} is not remote write: send {MEDIA_TYPE} with "
            f"proto={Version.V1} or proto={Version.V2}"
        )
    if (encoding.strip().lower() or "snappy") != "snappy":
        raise UnsupportedMedia(
            f"content-encoding {encoding!r} is not remote write: compress with snappy (its block "
            "format)"
        )
    return Version(message)


def decompress(packed: bytes, limit_bytes: int) -> bytes:
    """Returns a body without its snappy block compression.

    Raises:
        BadData: it is not such a block.
        TooLarge: it would be over the limit; nothing was inflated.
    """
    try:
        size_bytes = cramjam.snappy.decompress_raw_len(packed)
        if size_bytes > limit_bytes:
            raise TooLarge(
                f"the request is {size_bytes} bytes after decompression, over the limit of "
                f"{limit_bytes >> 20} MiB: lower max_samples_per_send, or raise ingest.max_body_mb"
            )
        return bytes(cramjam.snappy.decompress_raw(packed)) if packed else b""
    except cramjam.DecompressionError as error:
        raise BadData(f"the body is not a snappy block: {error}") from error


def check_request(version: Version, body: bytes) -> RemoteWrite:
    """Returns what is in a request.

    Labels are not looked at here; the engine does that.

    Raises:
        BadData: the body is not such a request, a text in it is not UTF-8, or a native histogram
            in it is unsound. `vario.wire.remote_sift` says what can be kept of it.
    """
    try:
        request = MESSAGES[version].FromString(body)
        outline: Any = _OUTLINES[version].FromString(body)
    except DecodeError as error:
        raise BadData(f"this body of {len(body)} bytes is not a {version}: {error}") from error
    outline.DiscardUnknownFields()
    marks: bytes = outline.SerializeToString()
    found = {name: marks.count(mark) for name, mark in _MARKS[version].items()}
    if version is Version.V1:
        found["metadata"] = len(outline.metadata)
        # At the outermost level the tag of metadata is that of a series' exemplars.
        found["exemplars"] -= found["metadata"]
    if found["histograms"]:
        for series in request.timeseries:
            for histogram in series.histograms:
                check_histogram(histogram)
    return RemoteWrite(
        version,
        body,
        samples=found["samples"],
        histograms=found["histograms"],
        exemplars=found["exemplars"],
        metadata=found["metadata"],
    )


def check_histogram(histogram: Any) -> None:
    """Returns if a native histogram of a request is sound.

    Raises:
        BadData: it is not; the message says why.
    """
    if histogram.schema != -53 and not -4 <= histogram.schema <= 8:
        raise BadData(f"a native histogram has the unknown schema {histogram.schema}")
    for side in ("positive", "negative"):
        deltas = getattr(histogram, f"{side}_deltas")
        counts = sum_deltas(deltas) if deltas else list(getattr(histogram, f"{side}_counts"))
        spans = getattr(histogram, f"{side}_spans")
        fill_spans([(span.offset, span.length) for span in spans], counts)
