"""Tracers: where spans come from."""

import inspect
from collections.abc import Callable, Sequence
from contextvars import Token
from functools import wraps
from time import time_ns
from types import TracebackType
from typing import Any, TypeVar, cast

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, NonRecordingSpan, SpanKind, TraceFlags

from vario.sdk.cleaning import Attributes
from vario.sdk.context import SPAN_KEY, attach_span, detach, get_context, random_bits
from vario.sdk.faults import report
from vario.sdk.recorder import Recorder, Scope
from vario.sdk.requests import RequestState, current_request
from vario.sdk.spans import OURS, RANDOM, SAMPLED, UNSAMPLED, Span, Trace, set_beginning

Function = TypeVar("Function", bound=Callable[..., Any])


class TracerProvider(trace.TracerProvider):
    """Gives out tracers. `recorder` is this process's; without one, nothing is recorded."""

    def __init__(self) -> None:
        self.recorder: Recorder | None = None
        self.flush: Callable[[float], bool] = lambda _: True
        self._processors: tuple[Any, ...] = ()
        self._tracers: dict[Any, Tracer] = {}

    def use(self, recorder: Recorder | None, flush: Callable[[float], bool]) -> None:
        """Turns every tracer that was handed out to another recorder."""
        if recorder is not None:
            recorder.processors = self._processors
        self.recorder, self.flush = recorder, flush

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Attributes | None = None,
    ) -> "Tracer":
        """Returns the tracer of an instrumentation."""
        name, version = instrumenting_module_name or "", instrumenting_library_version or ""
        key = (name, version, schema_url, repr(attributes) if attributes else "")
        found = self._tracers.get(key)
        if found is None:
            made = Tracer(self, Scope(name, version, schema_url, attributes))
            found = self._tracers.setdefault(key, made)
        return found

    @property
    def resource(self) -> Any:
        """The process that spans belong to."""
        return self.recorder.resource if self.recorder else None

    def add_span_processor(self, span_processor: Any) -> None:
        """Has every span told to a processor written for OpenTelemetry's own SDK as well."""
        self._processors = (*self._processors, span_processor)
        if self.recorder is not None:
            self.recorder.processors = self._processors

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Sends every span that has ended; returns whether all went out."""
        is_flushed = self.flush(timeout_millis / 1000)
        return all(
            [p.force_flush(timeout_millis) is not False for p in self._processors] + [is_flushed]
        )

    def shutdown(self) -> None:
        """Flushes, and ends the processors that were added."""
        self.force_flush()
        processors, self._processors = self._processors, ()
        if self.recorder is not None:
            self.recorder.processors = ()
        for processor in processors:
            processor.shutdown()


class Tracer(trace.Tracer):
    """Makes spans of one scope."""

    def __init__(self, provider: TracerProvider, scope: Scope) -> None:
        self._provider = provider
        self.scope = scope

    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes | None = None,
        links: Sequence[Link] | None = (),
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
    ) -> trace.Span:
        """Returns a new span, a child of the context's; it is not made the current one."""
        recorder = self._provider.recorder
        if recorder is None:
            return NonRecordingSpan(trace.get_current_span(context).get_span_context())
        span = Span.__new__(Span)
        if not begin(span, recorder, (get_context() if context is None else context).get(SPAN_KEY)):
            return NonRecordingSpan(span.get_span_context())
        span.scope = self.scope
        span.name = name
        if attributes or links:
            set_beginning(span, attributes, links)
        else:
            span.own_attributes = {}
        if kind is not SpanKind.INTERNAL:
            span.kind = kind
        if not (record_exception and set_status_on_exception):
            span._records_exceptions = record_exception  # pyright: ignore[reportPrivateUsage]
            span._sets_status = set_status_on_exception  # pyright: ignore[reportPrivateUsage]
        span.start_time = time_ns() if start_time is None else start_time
        for processor in recorder.processors:
            processor.on_start(span, parent_context=context)
        return span

    def start_as_current_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes | None = None,
        links: Sequence[Link] | None = (),
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
        end_on_exit: bool = True,
    ) -> Any:
        """Returns a context manager and decorator in which a new span is the current one."""
        given = (
            name, context, kind, attributes, links, start_time, record_exception,
            set_status_on_exception,
        )  # fmt: skip
        return _Current(self, given, end_on_exit)


class _Current:
    """A span that is the current one within `with`, or within each call of a function."""

    __slots__ = ("_ends", "_given", "_span", "_token", "_tracer")

    def __init__(self, tracer: Tracer, given: tuple[Any, ...], ends: bool) -> None:
        self._tracer = tracer
        self._given = given
        self._ends = ends

    def __enter__(self) -> trace.Span:
        self._span = span = self._tracer.start_span(*self._given)
        self._token: Token[Any] = attach_span(span)
        return span

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace_back: TracebackType | None,
    ) -> None:
        detach(self._token)
        span = self._span
        if isinstance(error, Exception) and isinstance(span, Span) and span.is_recording():
            try:
                span.fail(error)
            except Exception as fault:
                report("record an exception", fault)
        if self._ends:
            span.end()

    def __call__(self, function: Function) -> Function:
        tracer, given, ends = self._tracer, self._given, self._ends
        if inspect.iscoroutinefunction(function):

            @wraps(function)
            async def run_async(*args: Any, **kwargs: Any) -> Any:
                with _Current(tracer, given, ends):
                    return await function(*args, **kwargs)

            return cast(Function, run_async)

        @wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            with _Current(tracer, given, ends):
                return function(*args, **kwargs)

        return cast(Function, run)


def begin(
    span: Span, recorder: Recorder, parent: object, request: RequestState | None = None
) -> bool:
    """Gives a new span its ids and its trace; returns whether it is sampled.

    Args:
        span: the span, which has nothing yet.
        recorder: where it goes in the end.
        parent: the span of the context; anything else makes a root.
        request: the request that begins with the span; by default, that of its parent.
    """
    span.end_time = None
    span.span_id = random_bits(64) or 1
    if type(parent) in OURS and recorder.sampler.follows_parent:
        around = cast(Span, parent)
        span.parent_id = around.span_id
        span.trace = own = around.trace
        if request is not None:
            span.trace = Trace(recorder, own.trace_id, own.flags, own.state, request)
        return bool(own.flags & TraceFlags.SAMPLED)
    if request is None:
        request = current_request.get()
    context = parent.get_span_context() if isinstance(parent, trace.Span) else None
    if context is None or not context.is_valid:
        span.parent_id = 0
        trace_id = random_bits(128) or 1
        is_sampled, state = recorder.sampler.decide(trace_id, None)
        flags = SAMPLED if is_sampled else UNSAMPLED
    else:
        span.parent_id = context.span_id
        trace_id = context.trace_id
        if context.is_remote:
            span.is_parent_remote = True
            span.is_plain = False
        is_sampled, state = recorder.sampler.decide(trace_id, context)
        random = context.trace_flags & RANDOM
        flags = TraceFlags(random | (TraceFlags.SAMPLED if is_sampled else 0))
    span.trace = Trace(recorder, trace_id, flags, state, request)
    return is_sampled
