"""Prometheus remote write 1.0 and 2.0 over HTTP: `POST /api/v1/write`.

A plain ASGI application. Answers are in plain text, as Prometheus' are. A sender tries again after
429 and 5xx and drops the request after any other 4xx, so 400 is said only of what will never do.
"""

import logging
from collections.abc import Mapping
from typing import Any

from vario.errors import InternalError, VarioError
from vario.ingest.body import Gone, read_body
from vario.ingest.client import client_of_scope
from vario.ingest.remote_pipeline import RemotePipeline
from vario.ingest.status import CODES, retry_after_s
from vario.wire.remote_sift import describe_rejected
from vario.wire.remote_write import RemoteWrite, Version, decompress, negotiate

log = logging.getLogger(__name__)

PATH = "/api/v1/write"
_WRITTEN = "x-prometheus-remote-write-{}-written"


class RemoteWriteHttp:
    """The ASGI application."""

    def __init__(self, pipeline: RemotePipeline, *, max_body_bytes: int) -> None:
        """Makes the application.

        Args:
            pipeline: where requests go.
            max_body_bytes: bound on a body, after decompression.
        """
        self._pipeline = pipeline
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            raise InternalError(f"the remote-write door speaks HTTP only, not {scope['type']}")
        headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        if scope["method"] != "POST":
            text = f"{PATH} takes POST, not {scope['method']}"
            await _send(send, 405, text, {"allow": "POST"})
        elif origin := headers.get("origin"):
            # No sender has one; a page in a browser does.
            await _send(send, 403, f"pages of {origin} may not write metrics here", {})
        else:
            await self._take(headers, receive, send, client_of_scope(scope))

    async def _take(self, headers: Mapping[str, str], receive: Any, send: Any, client: str) -> None:
        outcome, written = "ok", {}
        status, text = 204, ""
        try:
            request = await self._store(headers, receive, client)
            written = _written(request)
            if text := describe_rejected(request):
                outcome, status = "partial", 400
        except Gone:
            return
        except VarioError as error:
            outcome = error.kind
            status, text, written = _refuse(error)
        finally:
            self._pipeline.counters.add(
                "vario_ingest_requests_total", signal="remote_write", door="http", outcome=outcome
            )
        await _send(send, status, text, written)

    async def _store(self, headers: Mapping[str, str], receive: Any, client: str) -> RemoteWrite:
        with self._pipeline.budget.hold(client) as hold:
            packed = await read_body(
                headers,
                receive,
                encoding="identity",
                limit_bytes=self._max_body_bytes,
                grow=hold.grow,
            )
            encoding = headers.get("content-encoding", "")
            version = negotiate(headers.get("content-type", ""), encoding)
            body = decompress(packed, self._max_body_bytes)
            hold.grow(len(body))
            return await self._pipeline.write(version, body, client=client)


def beside(other: Any, door: RemoteWriteHttp) -> Any:
    """Returns an ASGI application that is `door` at its path and `other` everywhere else."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        chosen = door if scope.get("path") == PATH else other
        await chosen(scope, receive, send)

    return application


def _written(request: RemoteWrite) -> dict[str, str]:
    """What version 2.0 asks the receiver to say; senders of 1.0 take no notice."""
    return {
        _WRITTEN.format("samples"): str(request.samples),
        _WRITTEN.format("histograms"): str(request.histograms),
        _WRITTEN.format("exemplars"): str(request.exemplars),
    }


def _refuse(error: VarioError) -> tuple[int, str, dict[str, str]]:
    status = CODES[error.kind].http
    if status == 500:
        log.warning("remote write: %s", error)
    nothing = _written(RemoteWrite(Version.V1, b""))
    delay = retry_after_s(error)
    return status, str(error), nothing if delay is None else nothing | {"retry-after": str(delay)}


async def _send(send: Any, status: int, text: str, headers: Mapping[str, str]) -> None:
    body = f"{text}\n".encode() if text else b""
    own = {"content-type": "text/plain; charset=utf-8"} if text else {}
    if status != 204:
        own["content-length"] = str(len(body))
    lines = [(k.encode(), v.encode("latin-1")) for k, v in {**headers, **own}.items()]
    await send({"type": "http.response.start", "status": status, "headers": lines})
    await send({"type": "http.response.body", "body": body})
