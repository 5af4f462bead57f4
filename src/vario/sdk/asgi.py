"""Middleware for ASGI services: each request becomes a span, two metrics and a log line."""

import re
from collections.abc import Awaitable, Callable, MutableMapping
from time import perf_counter
from typing import Any, TypeVar
from uuid import uuid4

from opentelemetry import context, propagate, trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from vario.sdk import logs
from vario.sdk.faults import report
from vario.sdk.measures import model_labels
from vario.sdk.outgoing import REQUEST_ID_HEADER
from vario.sdk.pipeline import Pipeline
from vario.sdk.requests import RequestState, current_request
from vario.sdk.runtime import flush
from vario.sdk.state import current
from vario.sdk.values import attribute

Scope = MutableMapping[str, Any]
AsgiMessage = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[AsgiMessage]]
Send = Callable[[AsgiMessage], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Application = TypeVar("Application")

# An id that a client sends is repeated in logs and headers, so it has to be harmless.
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
_CLIENT_WENT_AWAY = 499


class VarioMiddleware:
    """Records the requests of an ASGI application, once `vario.configure` has been called."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app
        self._is_attached = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one connection."""
        if not self._is_attached:
            self._is_attached = True
            self._attach_logs()
        if scope["type"] == "lifespan":
            await self._app(scope, receive, _flush_at_the_end(send))
            return
        exchange = _begin(scope) if scope["type"] == "http" else None
        if exchange is None:
            await self._app(scope, receive, send)
            return
        error: BaseException | None = None
        try:
            await self._app(scope, receive, exchange.wrap(send))
        except BaseException as caught:
            error = caught
            raise
        finally:
            exchange.end(error)

    def _attach_logs(self) -> None:
        """Puts the log handlers back that a server's own logging configuration has removed."""
        try:
            if current() is not None:
                logs.attach()
        except Exception as error:
            report("attach to logging", error)


def instrument_asgi(app: AsgiApp) -> AsgiApp:
    """Returns the application with each of its requests recorded.

    Args:
        app: any ASGI application. An application that is instrumented already comes back as it is.
    """
    return app if isinstance(app, VarioMiddleware) else VarioMiddleware(app)


def instrument_fastapi(app: Application) -> Application:
    """Has a FastAPI or Starlette application record each of its requests; returns it.

    Args:
        app: the application, before it has answered its first request; changed in place.
    """
    try:
        installed: list[Any] = getattr(app, "user_middleware", [])
        if all(getattr(one, "cls", None) is not VarioMiddleware for one in installed):
            add: Callable[[Any], None] = getattr(app, "add_middleware")  # noqa: B009 -- untyped
            add(VarioMiddleware)
    except Exception as error:
        report("instrument a FastAPI application", error)
    return app


class _Exchange:
    """One request and its answer."""

    def __init__(self, pipeline: Pipeline, scope: Scope) -> None:
        self._pipeline = pipeline
        self._scope = scope
        self._start_s = perf_counter()
        self._status = 0
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in scope.get("headers", ())
        }
        given = headers.get(REQUEST_ID_HEADER, "")
        settings = pipeline.settings
        self.state = RequestState(
            given if _REQUEST_ID.fullmatch(given) else uuid4().hex,
            settings.model_name,
            settings.model_version,
        )
        self._span = pipeline.tracer.start_span(
            str(scope["method"]),
            context=propagate.extract(headers),
            kind=SpanKind.SERVER,
            attributes=self._first_attributes(),
        )
        self._token = context.attach(trace.set_span_in_context(self._span))
        self._request_token = current_request.set(self.state)

    def _first_attributes(self) -> dict[str, Any]:
        scope = self._scope
        attributes: dict[str, Any] = {
            "http.request.method": scope["method"],
            "url.path": scope["path"],
            "url.scheme": scope.get("scheme", "http"),
            "network.protocol.version": scope.get("http_version", "1.1"),
            "request_id": self.state.request_id,
        }
        if server := scope.get("server"):
            attributes["server.address"] = server[0]
            if server[1]:
                attributes["server.port"] = server[1]
        return attributes

    def wrap(self, send: Send) -> Send:
        """Returns `send` with the status read and the request's id in the answer's headers."""

        async def send_on(message: AsgiMessage) -> None:
            if message["type"] == "http.response.start":
                try:
                    self._status = int(message["status"])
                    message["headers"] = self._with_request_id(message.get("headers", ()))
                except Exception as error:
                    report("read an answer", error)
            await send(message)

        return send_on

    def _with_request_id(self, headers: Any) -> list[Any]:
        name = REQUEST_ID_HEADER.encode()
        others = [pair for pair in headers if pair[0].lower() != name]
        return [*others, (name, self.state.request_id.encode("latin-1"))]

    def end(self, error: BaseException | None) -> None:
        """Records the request, which is over."""
        try:
            self._record(error)
        except Exception as fault:
            report("record a request", fault)
        finally:
            context.detach(self._token)
            current_request.reset(self._request_token)

    def _record(self, error: BaseException | None) -> None:
        latency_s = perf_counter() - self._start_s
        if self._status == 0:
            self._status = (
                500 if error is None or isinstance(error, Exception) else (_CLIENT_WENT_AWAY)
            )
        method, route = str(self._scope["method"]), self._route()
        labels = model_labels(self._pipeline)
        self._end_span(method, route, labels, error)
        if route:
            labels["route"] = route
        instruments = self._pipeline.instruments
        instruments.latency.record(latency_s, labels)
        instruments.requests.add(1, {**labels, "status_code": str(self._status)})
        self._log(f"{method} {route or self._scope['path']} {self._status}", latency_s, error)
        self._span.end()

    def _route(self) -> str:
        """Returns the route's template, `/users/{id}`; empty where the framework tells none."""
        return str(getattr(self._scope.get("route"), "path", ""))

    def _end_span(
        self, method: str, route: str, labels: dict[str, str], error: BaseException | None
    ) -> None:
        span = self._span
        if not span.is_recording():
            return
        span.set_attribute("http.response.status_code", self._status)
        span.set_attributes({**labels})
        span.set_attributes({key: attribute(v) for key, v in self.state.fields.items()})
        if route:
            span.update_name(f"{method} {route}")
            span.set_attribute("http.route", route)
        if isinstance(error, Exception):
            span.record_exception(error)
            span.set_attribute("error.type", type(error).__qualname__)
            span.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {error}"))
        elif self._status >= 500:
            span.set_attribute("error.type", str(self._status))
            span.set_status(Status(StatusCode.ERROR))

    def _log(self, message: str, latency_s: float, error: BaseException | None) -> None:
        level = logs.logging.INFO
        if self._status >= 500:
            level = logs.logging.ERROR
        elif self._status >= 400:
            level = logs.logging.WARNING
        fields = {
            "latency_ms": round(latency_s * 1000, 3),
            "status_code": self._status,
            "user_region": self._pipeline.settings.region,
            **self.state.fields,
        }
        if isinstance(error, Exception):
            fields["error"] = f"{type(error).__name__}: {error}"
        logs.REQUEST_LOG.log(
            level, "%s", message, extra={logs.FIELDS: {k: v for k, v in fields.items() if v != ""}}
        )


def _begin(scope: Scope) -> _Exchange | None:
    pipeline = current()
    if pipeline is None:
        return None
    try:
        return _Exchange(pipeline, scope)
    except Exception as error:
        report("begin to record a request", error)
        return None


def _flush_at_the_end(send: Send) -> Send:
    """Returns `send` with everything flushed when the application has shut down.

    A server may be killed by its own signal afterwards, as uvicorn is, without `atexit`.
    """

    async def send_on(message: AsgiMessage) -> None:
        if message["type"].startswith("lifespan.shutdown."):
            flush()
        await send(message)

    return send_on
