"""The one table from the kind of an error to what an OTLP client is told.

Source: OTLP 1.x, "Failures" (HTTP and gRPC). A client retries on 429, 502, 503 and 504, and on the
gRPC codes that the specification lists; `RESOURCE_EXHAUSTED` only with a `RetryInfo`.
"""

from dataclasses import dataclass

from google.protobuf.duration_pb2 import Duration
from google.rpc import code_pb2
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from vario.errors import Overloaded, Unavailable, VarioError


@dataclass(frozen=True, slots=True)
class Codes:
    """How a kind of error is called over HTTP and over gRPC (a number of `google.rpc.Code`)."""

    http: int
    rpc: int


CODES = {
    "bad_data": Codes(400, code_pb2.INVALID_ARGUMENT),
    "not_found": Codes(404, code_pb2.NOT_FOUND),
    "too_large": Codes(413, code_pb2.RESOURCE_EXHAUSTED),
    "unsupported": Codes(415, code_pb2.UNIMPLEMENTED),
    "execution": Codes(422, code_pb2.FAILED_PRECONDITION),
    "overloaded": Codes(429, code_pb2.RESOURCE_EXHAUSTED),
    "internal": Codes(500, code_pb2.INTERNAL),
    "canceled": Codes(503, code_pb2.CANCELLED),
    "timeout": Codes(503, code_pb2.DEADLINE_EXCEEDED),
    "unavailable": Codes(503, code_pb2.UNAVAILABLE),
}


def retry_after_s(error: VarioError) -> int | None:
    """Returns after how many seconds the client should try again; None if it should not."""
    if isinstance(error, Overloaded | Unavailable):
        return error.retry_after_s
    return 1 if CODES[error.kind].http == 503 else None


def to_status(error: VarioError) -> Status:
    """Returns the `google.rpc.Status` of an error, with a `RetryInfo` where retrying helps."""
    status = Status(code=CODES[error.kind].rpc, message=str(error))
    delay = retry_after_s(error)
    if delay is not None:
        status.details.add().Pack(RetryInfo(retry_delay=Duration(seconds=delay)))
    return status
