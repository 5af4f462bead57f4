"""Errors as HTTP answers: one table from kind to status, one shape of body."""

import logging
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from vario.errors import VarioError

logger = logging.getLogger(__name__)

STATUS_BY_KIND: Mapping[str, int] = MappingProxyType(
    {
        "bad_data": 400,
        "not_found": 404,
        "too_large": 413,
        "unsupported": 415,
        "execution": 422,
        "overloaded": 429,
        "internal": 500,
        "canceled": 503,
        "timeout": 503,
        "unavailable": 503,
    }
)
"""Status code of every kind of error, the ones of Prometheus' API where it has the kind."""


def error_response(
    kind: str, message: str, *, status: int | None = None, retry_after_s: int | None = None
) -> JSONResponse:
    """Returns an error in the shape of Prometheus' API, which is that of vario's own too."""
    headers = {"Cache-Control": "no-store"}
    if retry_after_s is not None:
        headers["Retry-After"] = str(retry_after_s)
    return JSONResponse(
        {"status": "error", "errorType": kind, "error": message},
        status_code=status or STATUS_BY_KIND[kind],
        headers=headers,
    )


def add_error_handlers(app: FastAPI) -> None:
    """Makes every failure of `app` answer in the one shape, an unforeseen one included."""
    app.add_exception_handler(VarioError, _on_vario_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(Exception, _on_fault)


async def _on_vario_error(request: Request, error: Exception) -> JSONResponse:
    failure = cast(VarioError, error)
    if failure.kind == "internal":
        logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    retry_after_s = getattr(failure, "retry_after_s", None)
    return error_response(failure.kind, str(failure), retry_after_s=retry_after_s)


async def _on_validation_error(request: Request, error: Exception) -> JSONResponse:
    faults = cast(RequestValidationError, error).errors()
    return error_response("bad_data", "; ".join(_describe(fault) for fault in faults))


def _describe(fault: Any) -> str:
    place = ".".join(str(part) for part in fault["loc"][1:]) or "body"
    return f"{place}: {fault['msg']}, not {fault['input']!r}"


async def _on_http_exception(request: Request, error: Exception) -> JSONResponse:
    failure = cast(HTTPException, error)
    kind = "not_found" if failure.status_code == 404 else "bad_data"
    message = f"{request.method} {request.url.path}: {failure.detail}"
    return error_response(kind, message, status=failure.status_code)


async def _on_fault(request: Request, error: Exception) -> JSONResponse:
    # Starlette logs the traceback; what it says is for the log, not for the caller.
    return error_response(
        "internal",
        f"{request.method} {request.url.path} failed inside vario ({type(error).__name__}); "
        "the server's log has the details",
    )
