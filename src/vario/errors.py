"""Every error that vario raises on purpose.

::

    VarioError                 kind            HTTP   gRPC
    ├── BadData                bad_data        400    INVALID_ARGUMENT
    ├── NotFound               not_found       404    NOT_FOUND
    ├── TooLarge               too_large       413    RESOURCE_EXHAUSTED
    ├── UnsupportedMedia       unsupported     415    UNIMPLEMENTED
    ├── ExecutionError         execution       422    FAILED_PRECONDITION
    ├── Overloaded             overloaded      429    RESOURCE_EXHAUSTED
    ├── InternalError          internal        500    INTERNAL
    ├── QueryCanceled          canceled        503    CANCELLED
    ├── QueryTimeout           timeout         503    DEADLINE_EXCEEDED
    └── Unavailable            unavailable     503    UNAVAILABLE

The kinds are Prometheus' ``errorType`` words where it has one. `vario.api.errors` and
`vario.ingest.status` hold the one table each that maps a kind to a status code.
"""

from typing import ClassVar


class VarioError(Exception):
    """Root of the tree; `kind` is what a machine reads, `str(error)` what a person reads.

    A message names the thing, the place and the remedy.
    """

    kind: ClassVar[str] = "internal"


class BadData(VarioError):
    """The caller's input cannot be understood."""

    kind = "bad_data"


class NotFound(VarioError):
    """What was asked for by id is not there."""

    kind = "not_found"


class TooLarge(VarioError):
    """A body is over the size limit, before or after decompression."""

    kind = "too_large"


class UnsupportedMedia(VarioError):
    """A content type or content encoding that this door does not speak."""

    kind = "unsupported"


class ExecutionError(VarioError):
    """A well-formed question that cannot be evaluated, or one that is over its limits."""

    kind = "execution"


class Overloaded(VarioError):
    """Accepting more now would lose data later; try again after `retry_after_s` seconds."""

    kind = "overloaded"

    def __init__(self, message: str, *, retry_after_s: int = 1) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class InternalError(VarioError):
    """A fault of vario itself."""

    kind = "internal"


class QueryCanceled(VarioError):
    """The caller went away before the answer was ready."""

    kind = "canceled"


class QueryTimeout(VarioError):
    """A query ran past its time limit."""

    kind = "timeout"


class Unavailable(VarioError):
    """The store cannot serve now (starting, stopping, locked, disk full); retrying may help."""

    kind = "unavailable"

    def __init__(self, message: str, *, retry_after_s: int = 1) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
