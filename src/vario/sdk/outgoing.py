"""Calls to other services carry the trace and the request's id."""

import inspect
from collections.abc import MutableMapping
from typing import Any, TypeVar

from opentelemetry import propagate

from vario.sdk.faults import report
from vario.sdk.requests import request_id

REQUEST_ID_HEADER = "x-request-id"
Client = TypeVar("Client")


def inject_headers(headers: MutableMapping[str, str] | None = None) -> MutableMapping[str, str]:
    """Returns headers for a call to another service: `traceparent`, baggage, `x-request-id`.

    Which trace headers there are follows `OTEL_PROPAGATORS`.

    Args:
        headers: headers to add to, in place; a new dictionary where there are none.
    """
    carrier: MutableMapping[str, str] = {} if headers is None else headers
    try:
        propagate.inject(carrier)
        if identifier := request_id():
            carrier.setdefault(REQUEST_ID_HEADER, identifier)
    except Exception as error:
        report("add headers to a call", error)
    return carrier


def instrument_httpx(client: Client) -> Client:
    """Has every request of an `httpx.Client` or `httpx.AsyncClient` carry `inject_headers()`.

    Args:
        client: the client; changed in place, and returned.
    """

    def hook(request: Any) -> None:
        inject_headers(request.headers)

    async def async_hook(request: Any) -> None:
        inject_headers(request.headers)

    try:
        is_async = inspect.iscoroutinefunction(getattr(client, "send", None))
        hooks: dict[str, list[Any]] = getattr(client, "event_hooks")  # noqa: B009 -- untyped
        own = async_hook if is_async else hook
        setattr(client, "event_hooks", {**hooks, "request": [*hooks["request"], own]})  # noqa: B010
    except Exception as error:
        report("instrument an httpx client", error)
    return client
