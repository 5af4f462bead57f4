"""Middleware for ASGI services: each request becomes a span, two metrics and a log line."""

import logging
import re
from collections.abc import Awaitable, Callable, MutableMapping
from time import perf_counter
from typing import Any, TypeVar
from uuid import uuid4

from opentelemetry import context, propagate, trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from vario.sdk.faults import report
from vario.sdk.logs import write_request
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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one connection."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, _flush_at_the_end(send))
            return
        exchange = _begin(scope) if scope["type"] == "http" else None
        if exchange is None:
            await self._app(scope, receive, send)
            return
        error: BaseException | None = None
        try:
            await self._app(scope, exchange.watch(receive), exchange.wrap(send))
        except BaseException as caught:
            error = caught
            raise
        finally:
            exchange.end(error)


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
    """One request and its answer.

    Where the framework has begun a server span already (FastAPI from 0.165 on, Starlette's and
    OpenTelemetry's middleware), that span is used instead of one of our own. Such a span ends with
    the last piece of the answer, so a request is recorded just before that piece goes out; work
    that a service does after its answer is not part of the latency.
    """

    def __init__(self, pipeline: Pipeline, scope: Scope) -> None:
        self._pipeline = pipeline
        self._scope = scope
        self._start_s = perf_counter()
        self._status = 0
        self._answered_s: float | None = None
        self._is_recorded = False
        self._is_alone = False
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
        outer = trace.get_current_span()
        self._is_own = not _is_server_span(outer)
        if self._is_own:
            # A local parent (one that is not sampled, a client in the same process) comes first.
            is_inside = outer.get_span_context().is_valid
            self._span = pipeline.tracer.start_span(
                str(scope["method"]),
                context=None if is_inside else propagate.extract(headers),
                kind=SpanKind.SERVER,
                attributes=_first_attributes(scope),
            )
        else:
            self._span = outer
        self._token = context.attach(trace.set_span_in_context(self._span))
        self._request_token = current_request.set(self.state)

    def watch(self, receive: Receive) -> Receive:
        """Returns `receive`, with it noticed when the client goes away."""

        async def receive_on() -> AsgiMessage:
            message = await receive()
            if message["type"] == "http.disconnect":
                self._is_alone = True
            return message

        return receive_on

    def wrap(self, send: Send) -> Send:
        """Returns `send` with the answer watched and the request's id put in its headers."""

        async def send_on(message: AsgiMessage) -> None:
            try:
                if message["type"] == "http.response.start":
                    self._status = int(message["status"])
                    message["headers"] = self._with_request_id(message.get("headers", ()))
                elif message["type"] == "http.response.body" and not message.get("more_body"):
                    self._answered_s = perf_counter()
                    # The cause of a failure may follow its answer: Starlette raises it then.
                    if self._status < 500 or not self._is_own:
                        self._record(None)
            except Exception as error:
                report("read an answer", error)
            await send(message)

        return send_on

    def _with_request_id(self, headers: Any) -> list[Any]:
        name = REQUEST_ID_HEADER.encode()
        others = [pair for pair in headers if pair[0].lower() != name]
        return [*others, (name, self.state.request_id.encode("latin-1"))]

    def end(self, error: BaseException | None) -> None:
        """Records the request where its answer was never finished; leaves its context."""
        try:
            self._record(error)
        except Exception as fault:
            report("record a request", fault)
        finally:
            context.detach(self._token)
            current_request.reset(self._request_token)

    def _record(self, error: BaseException | None) -> None:
        if self._is_recorded:
            return
        self._is_recorded = True
        latency_s = (self._answered_s or perf_counter()) - self._start_s
        is_cancelled = error is not None and not isinstance(error, Exception)
        is_unanswered = self._status == 0 or self._status >= 500
        if is_unanswered and (is_cancelled or self._is_alone):
            self._status, error = _CLIENT_WENT_AWAY, None
        elif isinstance(error, Exception) or self._status == 0:
            self._status = 500
        method, route = str(self._scope["method"]), self._route()
        labels = model_labels(self._pipeline)
        self._complete_span(method, route, labels, error)
        if route:
            labels["route"] = route
        within = trace.set_span_in_context(self._span)
        instruments = self._pipeline.instruments
        instruments.latency.record(latency_s, labels, within)
        instruments.requests.add(1, {**labels, "status_code": str(self._status)}, within)
        self._log(f"{method} {route or self._scope['path']} {self._status}", latency_s, error)
        if self._is_own:
            self._span.end()

    def _route(self) -> str:
        """Returns the route's template, `/users/{id}`; empty where the framework tells none."""
        return str(getattr(self._scope.get("route"), "path", ""))

    def _complete_span(
        self, method: str, route: str, labels: dict[str, str], error: BaseException | None
    ) -> None:
        span = self._span
        if not span.is_recording():
            return
        span.set_attributes(
            {
                **labels,
                "request_id": self.state.request_id,
                "http.response.status_code": self._status,
                **{key: attribute(value) for key, value in self.state.fields.items()},
            }
        )
        if route and self._is_own:
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
        level = logging.INFO
        if self._status >= 500:
            level = logging.ERROR
        elif self._status >= 400:
            level = logging.WARNING
        fields = {
            "latency_ms": round(latency_s * 1000, 3),
            "status_code": self._status,
            "user_region": self._pipeline.settings.region,
            **self.state.fields,
        }
        if isinstance(error, Exception):
            fields["error"] = f"{type(error).__name__}: {error}"
        write_request(level, message, {k: v for k, v in fields.items() if v != ""})


def _is_server_span(span: trace.Span) -> bool:
    """Says whether a span of this process is the server span of the request at hand."""
    is_local = span.is_recording() and not span.get_span_context().is_remote
    return is_local and getattr(span, "kind", None) is SpanKind.SERVER


def _first_attributes(scope: Scope) -> dict[str, Any]:
    """Returns what is known of a request at its start, by the HTTP semantic conventions 1.23+."""
    attributes: dict[str, Any] = {
        "http.request.method": scope["method"],
        "url.path": scope["path"],
        "url.scheme": scope.get("scheme", "http"),
        "network.protocol.version": scope.get("http_version", "1.1"),
    }
    if server := scope.get("server"):
        attributes["server.address"] = server[0]
        if server[1]:
            attributes["server.port"] = server[1]
    return attributes


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
