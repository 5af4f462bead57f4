"""Middleware for ASGI services: each request becomes a span, two metrics and a log line."""

from collections.abc import Awaitable, Callable, MutableMapping
from time import time_ns
from typing import Any, TypeVar

from vario.sdk.exchange import CLIENT_WENT_AWAY, REQUEST_ID_HEADER, Exchange, wanted_headers
from vario.sdk.faults import report
from vario.sdk.runtime import flush
from vario.sdk.state import STATE

Scope = MutableMapping[str, Any]
AsgiMessage = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[AsgiMessage]]
Send = Callable[[AsgiMessage], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Application = TypeVar("Application")

_REQUEST_ID = REQUEST_ID_HEADER.encode()


class VarioMiddleware:
    """Records the requests of an ASGI application, once `vario.configure` has been called."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one connection."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, _flush_at_the_end(send))
            return
        exchange = _begin(scope, receive, send) if scope["type"] == "http" else None
        if exchange is None:
            await self._app(scope, receive, send)
            return
        error: BaseException | None = None
        try:
            await self._app(scope, exchange.receive, exchange.send)
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


class _AsgiExchange(Exchange):
    """A request over ASGI.

    A framework's own server span ends with the last piece of the answer, so a request is recorded
    just before that piece goes out; work that a service does after its answer is not part of the
    latency.
    """

    __slots__ = ("_is_alone", "_receive", "_scope", "_send")

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        pipeline = STATE.pipeline
        if pipeline is None:
            raise LookupError("vario is not configured")
        self._scope, self._receive, self._send = scope, receive, send
        self._is_alone = False
        wanted = wanted_headers().names_as_bytes
        headers = {
            wanted[key]: value.decode("latin-1")
            for key, value in scope.get("headers", ())
            if key in wanted
        }
        super().__init__(pipeline, str(scope["method"]), headers, self._first_attributes)

    async def receive(self) -> AsgiMessage:
        """Receives for the application; notices when the client goes away."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._is_alone = True
        return message

    async def send(self, message: AsgiMessage) -> None:
        """Sends for the application; reads the answer and puts the request's id in its headers."""
        try:
            if message["type"] == "http.response.start":
                self.status = int(message["status"])
                headers: Any = message.get("headers", ())
                message["headers"] = [
                    *(pair for pair in headers if pair[0].lower() != _REQUEST_ID),
                    (_REQUEST_ID, self.state.request_id.encode("latin-1")),
                ]
            elif message["type"] == "http.response.body" and not message.get("more_body"):
                self.answered_ns = time_ns()
                # The cause of a failure may follow its answer: Starlette raises it then.
                if self.status < 500 or not self.is_own:
                    self._record(None)
        except Exception as error:
            report("read an answer", error)
        await self._send(message)

    def end(self, error: BaseException | None) -> None:
        """Records the request where its answer was never finished; leaves its context."""
        try:
            self._record(error)
        except Exception as fault:
            report("record a request", fault)
        finally:
            self.leave()

    def _record(self, error: BaseException | None) -> None:
        is_cancelled = error is not None and not isinstance(error, Exception)
        is_unanswered = self.status == 0 or self.status >= 500
        if is_unanswered and (is_cancelled or self._is_alone):
            self.status, error = CLIENT_WENT_AWAY, None
        scope = self._scope
        route = str(getattr(scope.get("route"), "path", ""))
        self.record(str(scope["method"]), scope["path"], route, error)

    def _first_attributes(self) -> dict[str, Any]:
        """Returns what is known of a request at its start, by the HTTP conventions 1.23+."""
        scope = self._scope
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


def _begin(scope: Scope, receive: Receive, send: Send) -> _AsgiExchange | None:
    if STATE.pipeline is None:
        return None
    try:
        return _AsgiExchange(scope, receive, send)
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
