import pytest

from vario.errors import BadData
from vario.wire.exposition import accept_header, parse
from vario.wire.exposition.negotiate import MEDIA_TYPES


def test_accept_header_asks_in_order_of_preference():
    assert accept_header() == (
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
        "application/openmetrics-text;version=0.0.1;q=0.4,"
        "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
        "text/plain;version=0.0.4;q=0.2,"
        "*/*;q=0.1"
    )


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/plain; version=0.0.4; charset=utf-8", b"a 1\n"),
        ("text/plain", b"a 1\n"),
        ("application/openmetrics-text; version=1.0.0; charset=utf-8", b"a 1\n# EOF\n"),
        (MEDIA_TYPES["PrometheusProto"], b"\x09\x0a\x01a\x18\x01\x22\x02\x12\x00"),
        ("application/vnd.google.protobuf", b""),
    ],
)
def test_the_media_type_decides(content_type: str, body: bytes):
    assert len(parse(body, content_type).series) == (1 if body else 0)


@pytest.mark.parametrize(
    "content_type",
    ["", "text/html", "application/vnd.google.protobuf;proto=x.Y;encoding=delimited"],
)
def test_an_unknown_media_type_needs_a_fallback(content_type: str):
    with pytest.raises(BadData, match="fallback_scrape_protocol"):
        parse(b"a 1\n", content_type)
    assert parse(b"a 1\n", content_type, fallback="PrometheusText0.0.4").series == ("a",)
