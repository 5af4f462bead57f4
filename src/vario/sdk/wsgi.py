"""Middleware for WSGI services (Flask, Django): each request as over ASGI."""

from collections.abc import Callable, Iterable, Iterator
from time import time_ns
from typing import Any, TypeVar, cast

from vario.sdk.exchange import REQUEST_ID_HEADER, Exchange, wanted_headers
from vario.sdk.faults import report
from vario.sdk.state import STATE

Environ = dict[str, Any]
WsgiApp = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
Application = TypeVar("Application")


class WsgiMiddleware:
    """Records the requests of a WSGI application, once `vario.configure` has been called."""

    def __init__(self, app: WsgiApp, route: Callable[[Environ], str] | None = None) -> None:
        self._app = app
        self._route = route or _no_route

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answers a request."""
        exchange = _begin(environ, start_response, self._route)
        if exchange is None:
            return self._app(environ, start_response)
        try:
            answer = self._app(environ, exchange.start_response)
        except BaseException as error:
            exchange.end(error)
            raise
        exchange.leave()
        return _Answer(answer, exchange)


def instrument_wsgi(app: Application) -> Application:
    """Has a WSGI application record each of its requests; returns it.

    Args:
        app: a Flask application, which is changed in place, so that its routes are known; or any
            WSGI application, for which another is returned that is to be served instead.
    """
    try:
        flask = cast(Any, app)
        inner: Any = getattr(flask, "wsgi_app", None)
        if inner is not None:
            if not isinstance(inner, WsgiMiddleware):
                flask.wsgi_app = WsgiMiddleware(inner, _flask_route(flask))
            return app
        is_done = isinstance(app, WsgiMiddleware)
        made: Any = app if is_done else WsgiMiddleware(flask)
    except Exception as error:
        report("instrument a WSGI application", error)
        return app
    return made


class _WsgiExchange(Exchange):
    """A request over WSGI: it is over when its answer is closed, as a server must."""

    __slots__ = ("_environ", "_route", "_start_response")

    def __init__(
        self,
        environ: Environ,
        start_response: Callable[..., Any],
        route: Callable[[Environ], str],
    ) -> None:
        pipeline = STATE.pipeline
        if pipeline is None:
            raise LookupError("vario is not configured")
        self._environ, self._start_response, self._route = environ, start_response, route
        headers = {
            name: str(environ[key])
            for name in wanted_headers().names
            if (key := f"HTTP_{name.upper().replace('-', '_')}") in environ
        }
        super().__init__(
            pipeline, str(environ.get("REQUEST_METHOD", "")), headers, self._first_attributes
        )

    def start_response(self, status: str, headers: list[Any], *more: Any) -> Any:
        """Begins the answer, with the request's id in its headers."""
        try:
            self.status = int(status.split(" ", 1)[0])
            headers = [
                *(pair for pair in headers if pair[0].lower() != REQUEST_ID_HEADER),
                (REQUEST_ID_HEADER, self.state.request_id),
            ]
        except Exception as error:
            report("read an answer", error)
        return self._start_response(status, headers, *more)

    def end(self, error: BaseException | None) -> None:
        """Records the request."""
        self.answered_ns = time_ns()
        try:
            environ = self._environ
            path = str(environ.get("PATH_INFO", ""))
            method = str(environ.get("REQUEST_METHOD", ""))
            self.record(method, path, self._route(environ), error)
        except Exception as fault:
            report("record a request", fault)
        finally:
            self.leave()

    def _first_attributes(self) -> dict[str, Any]:
        environ = self._environ
        attributes: dict[str, Any] = {
            "http.request.method": str(environ.get("REQUEST_METHOD", "")),
            "url.path": str(environ.get("PATH_INFO", "")),
            "url.scheme": str(environ.get("wsgi.url_scheme", "http")),
            "network.protocol.version": str(environ.get("SERVER_PROTOCOL", "HTTP/1.1"))[5:],
        }
        if name := environ.get("SERVER_NAME"):
            attributes["server.address"] = str(name)
            if str(port := environ.get("SERVER_PORT", "")).isdecimal():
                attributes["server.port"] = int(port)
        return attributes


class _Answer:
    """An answer's pieces; each is made within the request's context, the end is recorded."""

    def __init__(self, pieces: Iterable[bytes], exchange: _WsgiExchange) -> None:
        self._pieces = pieces
        self._iterator: Iterator[bytes] | None = None
        self._exchange = exchange

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        self._exchange.enter()
        try:
            if self._iterator is None:
                self._iterator = iter(self._pieces)
            return next(self._iterator)
        except BaseException as error:
            self._exchange.end(None if isinstance(error, StopIteration) else error)
            raise
        finally:
            self._exchange.leave()

    def close(self) -> None:
        """Ends the answer: called by the server in any case."""
        self._exchange.enter()
        try:
            if close := getattr(self._pieces, "close", None):
                close()
        finally:
            self._exchange.end(None)


def _begin(
    environ: Environ, start_response: Callable[..., Any], route: Callable[[Environ], str]
) -> _WsgiExchange | None:
    if STATE.pipeline is None:
        return None
    try:
        return _WsgiExchange(environ, start_response, route)
    except Exception as error:
        report("begin to record a request", error)
        return None


def _no_route(environ: Environ) -> str:
    return ""


def _flask_route(flask: Any) -> Callable[[Environ], str]:
    """Returns what finds a request's route: its rule, `/users/<user>`."""

    def remember() -> None:
        from importlib import import_module

        request: Any = import_module("flask").request
        request.environ["vario.route"] = str(request.url_rule) if request.url_rule else ""

    functions: dict[Any, list[Any]] = flask.before_request_funcs
    functions.setdefault(None, []).insert(0, remember)
    return lambda environ: str(environ.get("vario.route", ""))
