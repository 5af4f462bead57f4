"""Content encodings of request bodies, bounded: no body is inflated past the limit."""

import mmap
import zlib
from collections.abc import Callable
from typing import Any, Protocol

import cramjam

from vario.errors import BadData, TooLarge, UnsupportedMedia

STEP_BYTES = 1 << 20
"""How much is inflated between two looks at the limit."""


class BodyReader(Protocol):
    """Takes a body as it arrives. `grow` is told of every byte kept."""

    def feed(self, chunk: bytes) -> None:
        """Takes the next bytes off the wire.

        Raises:
            BadData: they are not in this encoding.
            TooLarge: the body is over the limit.
        """
        ...

    def finish(self) -> bytes:
        """Returns the whole body, decoded.

        Raises:
            BadData: it is cut short.
            TooLarge: it is over the limit.
        """
        ...


class _Kept:
    """Decoded bytes, up to a limit."""

    def __init__(self, limit_bytes: int, grow: Callable[[int], None]) -> None:
        self.limit_bytes = limit_bytes
        self.size_bytes = 0
        self.grow = grow
        self.pieces: list[bytes] = []

    def keep(self, piece: bytes) -> None:
        self.size_bytes += len(piece)
        if self.size_bytes > self.limit_bytes:
            raise too_large(self.limit_bytes)
        self.grow(len(piece))
        self.pieces.append(piece)

    def whole(self) -> bytes:
        return self.pieces[0] if len(self.pieces) == 1 else b"".join(self.pieces)


def too_large(limit_bytes: int) -> TooLarge:
    """Returns the error for a body over the limit."""
    return TooLarge(
        f"the body is over {limit_bytes >> 20} MiB after decompression: "
        "send smaller batches, or raise ingest.max_body_mb"
    )


class _Identity:
    def __init__(self, kept: _Kept) -> None:
        self._kept = kept

    def feed(self, chunk: bytes) -> None:
        self._kept.keep(chunk)

    def finish(self) -> bytes:
        return self._kept.whole()


class _Zlib:
    """gzip (also of several members) and deflate, inflated as they arrive."""

    def __init__(self, kept: _Kept, window_bits: int, name: str) -> None:
        self._kept = kept
        self._window_bits = window_bits
        self._name = name
        self._inflater: Any = zlib.decompressobj(window_bits)
        self._fresh = True

    def feed(self, chunk: bytes) -> None:
        try:
            more = bool(chunk)
            while more:
                if self._inflater.eof:
                    self._inflater = zlib.decompressobj(self._window_bits)
                piece = self._inflater.decompress(chunk, STEP_BYTES)
                chunk = self._inflater.unconsumed_tail or self._inflater.unused_data
                self._fresh = False
                if piece:
                    self._kept.keep(piece)
                # A full step may have left output behind, although all input is used up.
                more = bool(chunk) or (len(piece) == STEP_BYTES and not self._inflater.eof)
        except zlib.error as error:
            raise BadData(f"the body is not in content-encoding {self._name}: {error}") from error

    def finish(self) -> bytes:
        if not self._inflater.eof and not self._fresh:
            raise BadData(f"the body ends in the middle of its {self._name} stream")
        return self._kept.whole()


class _Zstd:
    """zstd: kept as it is until it is whole, then inflated into a buffer of the limit's size."""

    def __init__(self, kept: _Kept) -> None:
        self._kept = kept

    def feed(self, chunk: bytes) -> None:
        self._kept.keep(chunk)

    def finish(self) -> bytes:
        packed = self._kept.whole()
        if not packed:
            return b""
        # Pages that are never touched cost nothing: an ordinary body takes its own size.
        room = mmap.mmap(-1, self._kept.limit_bytes)
        try:
            size_bytes = cramjam.zstd.decompress_into(packed, room)
            self._kept.grow(size_bytes)
            return room[:size_bytes]
        except cramjam.DecompressionError as error:
            if "whole buffer" in str(error):
                raise too_large(self._kept.limit_bytes) from error
            raise BadData(f"the body is not in content-encoding zstd: {error}") from error
        finally:
            room.close()


def make_reader(encoding: str, limit_bytes: int, grow: Callable[[int], None]) -> BodyReader:
    """Returns a reader for a body of this `content-encoding`.

    Args:
        encoding: the header's value, any case, empty where there is none.
        limit_bytes: bound on the decoded body.
        grow: called with the size of each decoded piece before it is kept; may raise.

    Raises:
        UnsupportedMedia: no such encoding is understood.
    """
    kept = _Kept(limit_bytes, grow)
    match encoding.strip().lower():
        case "" | "identity" | "none":
            return _Identity(kept)
        case "gzip" | "x-gzip":
            return _Zlib(kept, 16 + zlib.MAX_WBITS, "gzip")
        case "deflate":
            return _Zlib(kept, zlib.MAX_WBITS, "deflate")
        case "zstd":
            return _Zstd(kept)
        case other:
            raise UnsupportedMedia(
                f"content-encoding {other!r} is not understood here: send gzip, zstd, deflate "
                "or none"
            )
