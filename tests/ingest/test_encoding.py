import gzip
import random
import tracemalloc
import zlib
from collections.abc import Callable

import cramjam
import pytest

from vario.errors import BadData, TooLarge, UnsupportedMedia
from vario.ingest.encoding import STEP_BYTES, make_reader

TEXT = random.Random(1).randbytes(1000) * 3000
ENCODINGS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "identity": bytes,
    "gzip": gzip.compress,
    "GZIP": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": lambda data: bytes(cramjam.zstd.compress(data)),
}
PACKED = ["gzip", "deflate", "zstd"]


def read(encoding: str, wire: bytes, *, limit: int = 1 << 23, chunk: int = 1 << 16) -> bytes:
    held: list[int] = []
    reader = make_reader(encoding, limit, held.append)
    for start in range(0, len(wire), chunk):
        reader.feed(wire[start : start + chunk])
    body = reader.finish()
    assert sum(held) >= len(body)
    return body


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("chunk", [1000, 1 << 16, 1 << 30])
def test_a_body_is_decoded(encoding: str, chunk: int) -> None:
    assert read(encoding, ENCODINGS[encoding](TEXT), chunk=chunk) == TEXT


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_empty_body_is_empty(encoding: str) -> None:
    assert read(encoding, b"") == b""
    assert read(encoding, ENCODINGS[encoding](b"")) == b""


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("size", [STEP_BYTES - 1, STEP_BYTES, STEP_BYTES + 1, 2 * STEP_BYTES])
def test_the_limit_itself_is_allowed_and_one_more_is_not(encoding: str, size: int) -> None:
    wire = ENCODINGS[encoding](bytes(size))
    assert read(encoding, wire, limit=size) == bytes(size)
    with pytest.raises(TooLarge, match=r"over \d+ MiB after decompression: send smaller batches"):
        read(encoding, wire, limit=size - 1)


def test_members_of_gzip_are_joined() -> None:
    wire = gzip.compress(b"one") + gzip.compress(b"two") + gzip.compress(bytes(STEP_BYTES))
    for chunk in (1, 7, 1 << 20):
        assert read("gzip", wire, chunk=chunk) == b"onetwo" + bytes(STEP_BYTES)


@pytest.mark.parametrize("encoding", PACKED)
def test_a_bomb_stops_at_the_limit(encoding: str) -> None:
    limit = 4 << 20
    wire = ENCODINGS[encoding](bytes(256 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            read(encoding, wire, limit=limit)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2 * limit


@pytest.mark.parametrize("encoding", PACKED)
@pytest.mark.parametrize("wire", [b"not compressed at all", b"\x1f\x8b\x08 broken"])
def test_what_is_not_in_its_encoding_is_refused(encoding: str, wire: bytes) -> None:
    with pytest.raises(BadData, match=f"not in content-encoding {encoding}|{encoding} stream"):
        read(encoding, wire)


@pytest.mark.parametrize("encoding", PACKED)
def test_a_body_cut_short_is_refused(encoding: str) -> None:
    with pytest.raises(BadData):
        read(encoding, ENCODINGS[encoding](TEXT)[:-5])


def test_an_unknown_encoding_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(UnsupportedMedia, match="'br' is not understood here: send gzip, zstd"):
        make_reader("br", 1, lambda _: None)


def test_a_budget_that_is_spent_stops_the_reading() -> None:
    def refuse(size: int) -> None:
        raise MemoryError(size)

    with pytest.raises(MemoryError):
        make_reader("gzip", 1 << 20, refuse).feed(gzip.compress(b"text"))
