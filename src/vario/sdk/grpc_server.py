"""An interceptor for gRPC servers: each call as a request over HTTP is."""

from collections.abc import Callable, Iterator
from importlib import import_module
from time import time_ns
from typing import Any

from vario.sdk.exchange import REQUEST_ID_HEADER, Exchange, wanted_headers
from vario.sdk.faults import report
from vario.sdk.state import STATE

# gRPC's codes as the HTTP statuses that mean the same, so that one objective fits both.
# Source: grpc/doc/http-grpc-status-mapping, google.rpc.Code.
_STATUSES = {
    0: 200, 1: 499, 2: 500, 3: 400, 4: 504, 5: 404, 6: 409, 7: 403, 8: 429, 9: 400, 10: 409,
    11: 400, 12: 501, 13: 500, 14: 503, 15: 500, 16: 401,
}  # fmt: skip
_UNKNOWN = 2


def instrument_grpc() -> Any:
    """Returns an interceptor that records each call: `grpc.server(pool, interceptors=[it])`.

    Metrics and log lines have the HTTP status that means the same as the call's code; the span
    has `rpc.grpc.status_code` as well. For `grpc.aio` see `instrument_grpc_aio`.
    """
    return _interceptor(import_module("grpc"), is_async=False)


def instrument_grpc_aio() -> Any:
    """Returns an interceptor for `grpc.aio.server(interceptors=[it])`."""
    return _interceptor(import_module("grpc"), is_async=True)


def _interceptor(grpc: Any, *, is_async: bool) -> Any:
    if is_async:
        aio = import_module("grpc.aio")

        class AioInterceptor(aio.ServerInterceptor):
            async def intercept_service(self, continuation: Any, details: Any) -> Any:
                handler = await continuation(details)
                return _wrapped(grpc, handler, details, _async_unary, _async_stream)

        return AioInterceptor()

    class Interceptor(grpc.ServerInterceptor):
        def intercept_service(self, continuation: Any, details: Any) -> Any:
            return _wrapped(grpc, continuation(details), details, _unary, _stream)

    return Interceptor()


def _wrapped(grpc: Any, handler: Any, details: Any, unary: Any, stream: Any) -> Any:
    if handler is None or STATE.pipeline is None:
        return handler
    kinds = {
        (False, False): ("unary_unary", grpc.unary_unary_rpc_method_handler, unary),
        (False, True): ("unary_stream", grpc.unary_stream_rpc_method_handler, stream),
        (True, False): ("stream_unary", grpc.stream_unary_rpc_method_handler, unary),
        (True, True): ("stream_stream", grpc.stream_stream_rpc_method_handler, stream),
    }
    name, make, wrap = kinds[bool(handler.request_streaming), bool(handler.response_streaming)]
    return make(
        wrap(getattr(handler, name), details),
        request_deserializer=handler.request_deserializer,
        response_serializer=handler.response_serializer,
    )


class _Call(Exchange):
    """One call of a method."""

    __slots__ = ("_call", "_method")

    def __init__(self, details: Any, call: Any) -> None:
        pipeline = STATE.pipeline
        if pipeline is None:
            raise LookupError("vario is not configured")
        self._method, self._call = str(details.method), call
        wanted = wanted_headers().names
        headers = {
            key: value
            for key, value in details.invocation_metadata or ()
            if key in wanted and isinstance(value, str)
        }
        super().__init__(pipeline, self._method.lstrip("/"), headers, self._first_attributes)
        call.set_trailing_metadata(((REQUEST_ID_HEADER, self.state.request_id),))

    def end(self, error: BaseException | None) -> None:
        """Records the call."""
        try:
            self.answered_ns = time_ns()
            code = _code_of(self._call)
            is_refused = isinstance(error, Exception) and code not in (0, _UNKNOWN)
            if error is not None and not is_refused:
                code = _UNKNOWN if isinstance(error, Exception) else 1
            self.status = _STATUSES.get(code, 500)
            if self.span.is_recording():
                self.span.set_attribute("rpc.grpc.status_code", code)
            # A code that a service has chosen is its answer, not a failure of its code.
            told = None if is_refused or not isinstance(error, Exception) else error
            self.record("", self._method, self._method, told)
        except Exception as fault:
            report("record a call", fault)
        finally:
            self.leave()

    def _first_attributes(self) -> dict[str, Any]:
        service, _, method = self._method.lstrip("/").rpartition("/")
        return {"rpc.system": "grpc", "rpc.service": service, "rpc.method": method}


def _code_of(call: Any) -> int:
    """Returns the code that a service has set so far; 0 where it has set none."""
    code = call.code() if callable(getattr(call, "code", None)) else None
    value: Any = getattr(code, "value", code)
    number = value[0] if isinstance(value, tuple) else value
    return number if isinstance(number, int) else 0


class _Recorded:
    """Records a call around what serves it; a fault of the recording is never the service's."""

    __slots__ = ("_recorded",)

    def __init__(self, details: Any, call: Any) -> None:
        self._recorded: _Call | None = None
        try:
            self._recorded = _Call(details, call)
        except Exception as error:
            report("begin to record a call", error)

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if self._recorded is not None:
            self._recorded.end(error)


def _unary(inner: Callable[..., Any], details: Any) -> Callable[..., Any]:
    def run(request: Any, call: Any) -> Any:
        with _Recorded(details, call):
            return inner(request, call)

    return run


def _stream(inner: Callable[..., Any], details: Any) -> Callable[..., Any]:
    def run(request: Any, call: Any) -> Iterator[Any]:
        with _Recorded(details, call):
            yield from inner(request, call)

    return run


def _async_unary(inner: Callable[..., Any], details: Any) -> Callable[..., Any]:
    async def run(request: Any, call: Any) -> Any:
        with _Recorded(details, call):
            return await inner(request, call)

    return run


def _async_stream(inner: Callable[..., Any], details: Any) -> Callable[..., Any]:
    async def run(request: Any, call: Any) -> Any:
        with _Recorded(details, call):
            async for item in inner(request, call):
                yield item

    return run
