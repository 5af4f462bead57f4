"""OTLP over HTTP: `POST /v1/traces`, `/v1/logs` and `/v1/metrics`, in protobuf and in JSON.

A plain ASGI application: three routes need no framework, and a request costs 60 us less than
through one.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from google.rpc import code_pb2
from google.rpc.status_pb2 import Status

from vario.errors import BadData, InternalError, NotFound, UnsupportedMedia, VarioError
from vario.ingest.body import Gone, read_body
from vario.ingest.client import client_of_scope
from vario.ingest.pipeline import Pipeline
from vario.ingest.status import CODES, retry_after_s, to_status
from vario.model.telemetry import Signal
from vario.wire.otlp import build_response
from vario.wire.otlp_json import encode_json

log = logging.getLogger(__name__)

PATHS = {f"/v1/{signal}": signal for signal in Signal}
PROTOBUF = "application/x-protobuf"
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class _Answer:
    http: int
    body: bytes
    headers: Mapping[str, str]


class OtlpHttp:
    """The ASGI application."""

    def __init__(
        self, pipeline: Pipeline, *, max_body_bytes: int, cors_origins: Iterable[str] = ()
    ) -> None:
        """Makes the application.

        Args:
            pipeline: where requests go.
            max_body_bytes: bound on a body, after decompression.
            cors_origins: origins whose pages may send (`*` for any); none by default.
        """
        self._pipeline = pipeline
        self._max_body_bytes = max_body_bytes
        self._origins = frozenset(cors_origins)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            raise InternalError(f"the OTLP door speaks HTTP only, not {scope['type']}")
        headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        signal = PATHS.get(scope["path"])
        origin = headers.get("origin", "")
        try:
            if origin and not self._origins & {origin, "*"}:
                answer = _encode(403, _stranger(origin), JSON)
            elif signal and scope["method"] == "OPTIONS" and origin:
                answer = _Answer(204, b"", {})
            elif not signal:
                answer = _fail(_lost(scope["path"]), JSON)
            elif scope["method"] != "POST":
                wrong = BadData(f"{scope['path']} takes POST, not {scope['method']}")
                answer = _encode(405, to_status(wrong), JSON, {"allow": "POST"})
            else:
                answer = await self._export(signal, headers, receive, client_of_scope(scope))
        except Gone:
            return
        cors = _cors(origin, headers) if origin and answer.http != 403 else {}
        await _send(send, answer, cors)

    async def _export(
        self, signal: Signal, headers: Mapping[str, str], receive: Any, client: str
    ) -> _Answer:
        media = headers.get("content-type", "").partition(";")[0].strip().lower()
        outcome = "ok"
        try:
            if media not in (PROTOBUF, JSON):
                raise UnsupportedMedia(
                    f"content-type {media!r} is not OTLP: send {PROTOBUF} or {JSON}"
                )
            with self._pipeline.budget.hold(client) as hold:
                body = await read_body(
                    headers,
                    receive,
                    encoding=headers.get("content-encoding", ""),
                    limit_bytes=self._max_body_bytes,
                    grow=hold.grow,
                )
                checked = await self._pipeline.export(
                    signal, body, is_json=media == JSON, client=client
                )
            return _encode(200, build_response(signal, checked), media)
        except VarioError as error:
            outcome = error.kind
            if CODES[error.kind].http == 500:
                log.warning("OTLP %s over HTTP: %s", signal, error)
            return _fail(error, media)
        finally:
            self._pipeline.counters.add(
                "vario_ingest_requests_total", signal=signal, door="http", outcome=outcome
            )


def _lost(path: str) -> NotFound:
    return NotFound(
        f"there is nothing at {path}: this is vario's OTLP door, POST to {', '.join(PATHS)}; "
        "the UI and the API are on another port (7070 unless set)"
    )


def _stranger(origin: str) -> Status:
    # A page on the internet may point its own name at this machine; its browser says who it is.
    return Status(
        code=code_pb2.PERMISSION_DENIED,
        message=f"pages of {origin} may not send telemetry here: add it to ingest.cors_origins",
    )


def _encode(
    http: int, message: Any, media: str, headers: Mapping[str, str] | None = None
) -> _Answer:
    # Whoever does not send protobuf is answered in what a person can read.
    if media == PROTOBUF:
        body = message.SerializeToString()
    else:
        media, body = JSON, encode_json(message)
    return _Answer(http, body, {"content-type": media, **(headers or {})})


def _fail(error: VarioError, media: str) -> _Answer:
    delay = retry_after_s(error)
    headers = {} if delay is None else {"retry-after": str(delay)}
    return _encode(CODES[error.kind].http, to_status(error), media, headers)


def _cors(origin: str, headers: Mapping[str, str]) -> dict[str, str]:
    allowed = {"access-control-allow-origin": origin, "vary": "origin"}
    if "access-control-request-method" in headers:
        wanted = headers.get("access-control-request-headers", "content-type")
        allowed |= {
            "access-control-allow-methods": "POST",
            "access-control-allow-headers": wanted,
            "access-control-max-age": "7200",
        }
    return allowed


async def _send(send: Any, answer: _Answer, extra: Mapping[str, str]) -> None:
    headers = {**answer.headers, **extra, "content-length": str(len(answer.body))}
    await send(
        {
            "type": "http.response.start",
            "status": answer.http,
            "headers": [
                (name.encode(), value.encode("latin-1")) for name, value in headers.items()
            ],
        }
    )
    await send({"type": "http.response.body", "body": answer.body})
