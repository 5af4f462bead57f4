"""Reads request bodies off an ASGI connection, within limits."""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from vario.errors import VarioError
from vario.ingest.encoding import make_reader, too_large

DRAIN_LIMIT = 2
"""How many times the limit is read of a body that is refused, so that its sender sees why."""


class Gone(Exception):
    """The client closed the connection before its request was whole."""


async def read_body(
    headers: Mapping[str, str],
    receive: Any,
    *,
    encoding: str,
    limit_bytes: int,
    grow: Callable[[int], None],
) -> bytes:
    """Returns the decoded body; of one that is refused the rest is read, within limits.

    Args:
        headers: of the request, names in lower case.
        receive: the ASGI connection.
        encoding: the content encoding to undo.
        limit_bytes: bound on the body, before and after decoding.
        grow: called with the size of each decoded piece before it is kept; may raise.

    Raises:
        Gone: the client went away.
        UnsupportedMedia: no such encoding is understood.
        BadData: the body is not in its encoding.
        TooLarge: it is over the limit.
    """
    chunks = _chunks(receive, DRAIN_LIMIT * limit_bytes)
    try:
        if int(headers.get("content-length") or 0) > limit_bytes:
            raise too_large(limit_bytes)
        reader = make_reader(encoding, limit_bytes, grow)
        async for chunk in chunks:
            reader.feed(chunk)
        return reader.finish()
    except VarioError:
        # A client that is still sending would see a broken connection, not the answer.
        async for _ in chunks:
            pass
        raise


async def _chunks(receive: Any, limit_bytes: int) -> AsyncIterator[bytes]:
    """Yields a body as it arrives, up to its end or to `limit_bytes`."""
    more = True
    while more and limit_bytes > 0:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        more = message.get("more_body", False)
        limit_bytes -= len(message["body"])
        yield message["body"]
