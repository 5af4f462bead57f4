"""OTLP's JSON encoding to and from protobuf.

It is protobuf's own JSON mapping with three changes (OTLP specification, "JSON Protobuf
Encoding"): ids are hexadecimal, enums are integers (names are understood too), and unknown fields
are ignored.
"""

import base64
import re
from typing import Any

import orjson
from google.protobuf import json_format

from vario.errors import BadData
from vario.model.telemetry import Signal
from vario.wire.otlp_outline import REQUESTS

# In valid JSON this can only be a key and its value: within a string the quotes are escaped.
_ID = re.compile(
    rb'"(traceId|spanId|parentSpanId|trace_id|span_id|parent_span_id)"\s*:\s*"([^"]*)"'
)
_NO_ID = b"\0"
"""What an id that is not hexadecimal becomes: too short for any, so that its item is rejected."""


def decode_json(signal: Signal, body: bytes) -> bytes:
    """Returns an export request in protobuf, from one in JSON.

    Args:
        signal: what the request exports.
        body: the request as UTF-8 text; an empty one is an empty request.

    Raises:
        BadData: the text is not JSON (the message names line and column), or not such a request
            (the message names the field).
    """
    if not body:
        return b""
    request = REQUESTS[signal]()
    try:
        document: Any = orjson.loads(_ID.sub(_to_base64, body))
    except orjson.JSONDecodeError as error:
        raise BadData(
            f"this OTLP {signal} request is not JSON: {error}; "
            "send UTF-8 JSON or, with content type application/x-protobuf, protobuf"
        ) from error
    if not isinstance(document, dict):
        raise BadData(
            f"an OTLP {signal} request in JSON is an object such as "
            f'{{"{request.DESCRIPTOR.fields[0].json_name}": []}}, not {type(document).__name__}'
        )
    try:
        json_format.ParseDict(document, request, ignore_unknown_fields=True)
    except (json_format.ParseError, RecursionError) as error:
        raise BadData(f"this JSON is not an OTLP {signal} request: {error}") from error
    return request.SerializeToString()


def encode_json(message: Any) -> bytes:
    """Returns a protobuf message in protobuf's JSON mapping, without line breaks."""
    return orjson.dumps(json_format.MessageToDict(message))


def _to_base64(match: re.Match[bytes]) -> bytes:
    try:
        raw = bytes.fromhex(match[2].decode("ascii"))
    except ValueError:
        raw = _NO_ID
    # Of the same length, so that the places which later errors name stay true.
    return (b'"%s":"%s"' % (match[1], base64.b64encode(raw))).ljust(len(match[0]))
