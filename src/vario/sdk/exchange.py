"""One request and its answer: its span, its two metrics and its log line, whatever the server.

ASGI, WSGI and gRPC differ in how a request comes and how its answer goes; what is recorded of it
does not.
"""

import logging
import re
from collections.abc import Callable, Mapping
from contextvars import Token
from time import time_ns
from typing import Any

from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, Status, StatusCode

from vario.sdk.cleaning import SCALARS
from vario.sdk.context import SPAN_KEY, attach_span, detach, get_context, random_bits, set_context
from vario.sdk.logs import write_request
from vario.sdk.pipeline import OWN_SCOPE, Pipeline
from vario.sdk.requests import RequestState, current_request
from vario.sdk.spans import OURS, Span, Trace
from vario.sdk.tracing import begin
from vario.sdk.values import attribute

REQUEST_ID_HEADER = "x-request-id"
CLIENT_WENT_AWAY = 499

# An id that a client sends is repeated in logs and headers, so it has to be harmless.
_is_request_id = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}").fullmatch


class Exchange:
    """A request that is being answered.

    Where the framework has begun a server span already (FastAPI from 0.165 on, Starlette's and
    OpenTelemetry's middleware), that span is used instead of one of our own.

    Args:
        pipeline: where it is recorded.
        name: what the span is called until its route is known.
        headers: the request's, by name in lower case; those of `wanted_headers` are enough.
        attributes: what is known at the start; a new dictionary.
    """

    __slots__ = (
        "_is_recorded", "_pipeline", "_request_token", "_start_ns", "_token", "answered_ns",
        "is_own", "span", "state", "status",
    )  # fmt: skip

    def __init__(
        self,
        pipeline: Pipeline,
        name: str,
        headers: Mapping[str, str],
        attributes: Callable[[], dict[str, Any]],
    ) -> None:
        self._pipeline = pipeline
        self._start_ns = time_ns()
        self._is_recorded = False
        self.status = 0
        self.answered_ns = 0
        given = headers.get(REQUEST_ID_HEADER)
        self.state = RequestState(
            given if given and _is_request_id(given) else f"{random_bits(128):032x}",
            pipeline.labels,
        )
        outer = trace.get_current_span()
        self.is_own = not _is_server_span(outer)
        around = get_context()
        self.span: Any = outer
        if self.is_own:
            # A local parent (one that is not sampled, a client in the same process) comes first.
            if headers and not outer.get_span_context().is_valid:
                around = propagate.extract(headers, around)
            self.span = self._begin(around, name, attributes)
        elif type(outer) in OURS:
            own = self.span.trace
            self.span.trace = Trace(own.recorder, own.trace_id, own.flags, own.state, self.state)
        self._token: Token[Any] = set_context(Context({**around, SPAN_KEY: self.span}))
        self._request_token = current_request.set(self.state)

    def _begin(self, around: Context, name: str, attributes: Callable[[], dict[str, Any]]) -> Any:
        span: Any = Span.__new__(Span)
        recorder = self._pipeline.recorder
        if not begin(span, recorder, around.get(SPAN_KEY), self.state):
            return trace.NonRecordingSpan(span.get_span_context())
        span.scope = OWN_SCOPE
        span.name = name
        span.kind = SpanKind.SERVER
        span.own_attributes = attributes()
        span.start_time = self._start_ns
        for processor in recorder.processors:
            processor.on_start(span, parent_context=around)
        return span

    def record(self, method: str, path: str, route: str, error: BaseException | None) -> None:
        """Records the request, once.

        Args:
            method: of the request.
            path: what was asked for.
            route: its template, `/users/{id}`; empty where the framework tells none.
            error: what went wrong, if an exception did.
        """
        if self._is_recorded:
            return
        self._is_recorded = True
        if isinstance(error, Exception) or self.status == 0:
            self.status = 500
        took_s = max(0, (self.answered_ns or time_ns()) - self._start_ns) / 1e9
        span, state = self.span, self.state
        if span.is_recording():
            self._complete_span(method, route, error)
        counter, latency = state.labels.request(route, str(self.status))
        now_ns = time_ns()
        at = span if type(span) in OURS else self._pipeline.instruments.requests.exemplar()
        counter.record(1, now_ns, at)
        latency.record(took_s, now_ns, at)
        self._log(f"{method} {route or path} {self.status}".lstrip(), took_s, error)
        if self.is_own:
            span.end()

    def _complete_span(self, method: str, route: str, error: BaseException | None) -> None:
        span, state = self.span, self.state
        if type(span) in OURS:
            span.labels = state.labels
        else:
            span.set_attributes({**state.labels.attributes, "request_id": state.request_id})
        span.set_attribute("http.response.status_code", self.status)
        for key, value in state.fields.items():
            span.set_attribute(key, value if type(value) in SCALARS else attribute(value))
        if route and method and self.is_own:
            span.update_name(f"{method} {route}")
            span.set_attribute("http.route", route)
        if isinstance(error, Exception):
            span.record_exception(error)
            span.set_attribute("error.type", type(error).__qualname__)
            span.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {error}"))
        elif self.status >= 500:
            span.set_attribute("error.type", str(self.status))
            span.set_status(Status(StatusCode.ERROR))

    def _log(self, message: str, took_s: float, error: BaseException | None) -> None:
        level = logging.INFO
        if self.status >= 500:
            level = logging.ERROR
        elif self.status >= 400:
            level = logging.WARNING
        fields: dict[str, Any] = {
            "latency_ms": round(took_s * 1000, 3),
            "status_code": self.status,
        }
        if region := self._pipeline.settings.region:
            fields["user_region"] = region
        for key, value in self.state.fields.items():
            if value == "" and type(value) is str:
                fields.pop(key, None)
            else:
                fields[key] = value
        if isinstance(error, Exception):
            fields["error"] = f"{type(error).__name__}: {error}"
        write_request(self._pipeline, level, message, fields)

    def enter(self) -> None:
        """Enters the request's context again, where its answer is made piece by piece."""
        self._token = attach_span(self.span)
        self._request_token = current_request.set(self.state)

    def leave(self) -> None:
        """Leaves the request's context."""
        detach(self._token)
        try:
            current_request.reset(self._request_token)
        except (ValueError, RuntimeError):  # another context: a generator closed elsewhere
            return


class _Wanted:
    """The headers that are read, asked of the process's propagators once for each."""

    propagator: Any = None
    names: frozenset[str] = frozenset()
    names_as_bytes: dict[bytes, str] = {}  # noqa: RUF012 -- replaced, never changed


def wanted_headers() -> type[_Wanted]:
    """Returns the names of headers that an exchange reads."""
    propagator = propagate.get_global_textmap()
    if propagator is not _Wanted.propagator:
        names = frozenset({REQUEST_ID_HEADER, *(name.lower() for name in propagator.fields)})
        _Wanted.names = names
        _Wanted.names_as_bytes = {name.encode("latin-1"): name for name in names}
        _Wanted.propagator = propagator
    return _Wanted


def _is_server_span(span: trace.Span) -> bool:
    """Says whether a span of this process is the server span of the request at hand."""
    is_server = getattr(span, "kind", None) is SpanKind.SERVER
    return is_server and span.is_recording() and not span.get_span_context().is_remote
