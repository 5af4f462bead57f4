"""Which exposition format to ask for, and which one came."""

import re
from collections.abc import Sequence
from typing import Literal

from vario.errors import BadData
from vario.wire.exposition.model import Exposition, Known
from vario.wire.exposition.openmetrics import parse_openmetrics
from vario.wire.exposition.protobuf import parse_protobuf
from vario.wire.exposition.text import parse_text

Protocol = Literal[
    "PrometheusProto",
    "OpenMetricsText1.0.0",
    "OpenMetricsText0.0.1",
    "PrometheusText1.0.0",
    "PrometheusText0.0.4",
]

MEDIA_TYPES: dict[Protocol, str] = {
    "PrometheusProto": (
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
    ),
    "OpenMetricsText1.0.0": "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8",
    "OpenMetricsText0.0.1": "application/openmetrics-text;version=0.0.1",
    "PrometheusText1.0.0": "text/plain;version=1.0.0;escaping=allow-utf-8",
    "PrometheusText0.0.4": "text/plain;version=0.0.4",
}
"""Prometheus' names for the formats (`scrape_protocols`) and their media types."""

DEFAULT_PROTOCOLS: tuple[Protocol, ...] = (
    "OpenMetricsText1.0.0",
    "OpenMetricsText0.0.1",
    "PrometheusText1.0.0",
    "PrometheusText0.0.4",
)

_PARAMETER = re.compile(r';\s*([\w-]+)\s*=\s*"?([^";]*)"?\s*')


def accept_header(protocols: Sequence[Protocol] = DEFAULT_PROTOCOLS) -> str:
    """Returns the `Accept` header that asks for the formats in this order of preference.

    >>> accept_header(["PrometheusText0.0.4"])
    'text/plain;version=0.0.4;q=0.2,*/*;q=0.1'
    """
    weight = len(protocols) + 1
    ranges = [f"{MEDIA_TYPES[protocol]};q=0.{weight - i}" for i, protocol in enumerate(protocols)]
    return ",".join([*ranges, f"*/*;q=0.{weight - len(protocols)}"])


def parse(
    body: bytes,
    content_type: str,
    known: Known = (),
    *,
    fallback: Protocol | None = None,
    native: bool = False,
    classic: bool = False,
) -> Exposition:
    """Returns what the body of a scrape says, by its media type; as strict as Prometheus is.

    Args:
        body: the response's body, decompressed.
        content_type: the header as it came.
        known: texts of series whose labels need not be decoded.
        fallback: the format to assume where the header says nothing that is known.
        native: take native histograms (protobuf).
        classic: take the classic buckets of native histograms as well.

    Raises:
        BadData: the media type is unknown, or the body is malformed.
    """
    media = content_type.partition(";")[0].strip().lower()
    parameters = dict(_PARAMETER.findall(content_type))
    if not _is_known(media, parameters):
        if fallback is None:
            raise BadData(
                f"the target answers with Content-Type {content_type!r}, which is no exposition "
                "format; mend the target or set fallback_scrape_protocol"
            )
        media = MEDIA_TYPES[fallback].partition(";")[0]
    if media == "application/openmetrics-text":
        return parse_openmetrics(body, known, strict=False)
    if media == "text/plain":
        return parse_text(body, known)
    return parse_protobuf(body, known, native=native, classic=classic)


def _is_known(media: str, parameters: dict[str, str]) -> bool:
    if media == "application/vnd.google.protobuf":
        return (
            parameters.get("proto", "io.prometheus.client.MetricFamily")
            == "io.prometheus.client.MetricFamily"
            and parameters.get("encoding", "delimited") == "delimited"
        )
    return media in ("text/plain", "application/openmetrics-text")
