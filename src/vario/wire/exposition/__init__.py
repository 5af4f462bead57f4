"""What a scraped target says: Prometheus text 0.0.4, OpenMetrics 1.0 and the protobuf format.

`parse` turns the body of a scrape into one `Exposition`, whichever format it is in. Parsing is a
single pass of one regular expression; label sets are decoded once for each distinct series text
and, where the caller keeps the memo of the last scrape, once in the life of a series.
"""

from vario.wire.exposition.model import (
    NO_TIME,
    Exemplar,
    Exposition,
    Family,
    HistogramSample,
    NativeHistogram,
)
from vario.wire.exposition.negotiate import accept_header, parse
from vario.wire.exposition.openmetrics import parse_openmetrics
from vario.wire.exposition.protobuf import parse_protobuf
from vario.wire.exposition.text import parse_text

__all__ = [
    "NO_TIME",
    "Exemplar",
    "Exposition",
    "Family",
    "HistogramSample",
    "NativeHistogram",
    "accept_header",
    "parse",
    "parse_openmetrics",
    "parse_protobuf",
    "parse_text",
]
