"""Calls to other services carry the trace and the request's id."""

import inspect
from collections.abc import Generator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any, TypeVar

from opentelemetry import context, propagate

from vario.sdk.context import detach
from vario.sdk.exchange import REQUEST_ID_HEADER
from vario.sdk.faults import report
from vario.sdk.requests import RequestState, current_request, request_id
from vario.sdk.state import current

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


@contextmanager
def request_from(headers: Mapping[str, str]) -> Generator[None]:
    """Continues a request in another process: its trace, its baggage and its id.

    For work that comes by a queue or a pool of processes and not by a server that is instrumented:
    send `vario.inject_headers()` with the work, and do it within this.

    Args:
        headers: what `inject_headers` has made, whatever brought it here.
    """
    tokens: list[Any] = []
    try:
        lower = {str(key).lower(): str(value) for key, value in headers.items()}
        tokens.append(context.attach(propagate.extract(lower)))
        if (pipeline := current()) and (given := lower.get(REQUEST_ID_HEADER)):
            tokens.append(current_request.set(RequestState(given, pipeline.labels)))
    except Exception as error:
        report("continue a request", error)
    try:
        yield
    finally:
        if len(tokens) > 1:
            current_request.reset(tokens[1])
        if tokens:
            detach(tokens[0])
