"""Spans: what a request's own time pays for, and therefore little.

A span keeps what it was given; it is encoded in the background (`span_wire.py`). Whatever is rare
(events, links, a status, a tracestate) is a class attribute until it is set. The parent of a span
is kept by its id, so that a long trace is not held in memory by its last span.

`Span` has what OpenTelemetry's `ReadableSpan` has, so that span processors and exporters written
for OpenTelemetry's own SDK work with it.
"""

import traceback
from collections.abc import Mapping, Sequence
from time import time_ns
from types import MappingProxyType, TracebackType
from typing import Any, cast

from opentelemetry.trace import (
    Link,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
)
from opentelemetry.trace import Span as ApiSpan

from vario.sdk.cleaning import SCALARS, Attributes, clean, clean_value
from vario.sdk.faults import say_once
from vario.sdk.recorder import Event, Recorder, Scope
from vario.sdk.requests import RequestState
from vario.sdk.sampling import EMPTY

UNSET = Status(StatusCode.UNSET)
RANDOM = 0x02  # the flag of W3C Trace Context level 2; not every API has its name
SAMPLED = TraceFlags(TraceFlags.SAMPLED | RANDOM)
"""The flags of a trace that begins here: its id is random."""


UNSAMPLED = TraceFlags(RANDOM)


class Trace:
    """What the spans of a trace have in common in this process: one object for all of them.

    Each request has one of its own, where several share a trace.
    """

    __slots__ = ("encoded", "flags", "recorder", "request", "state", "trace_id")

    def __init__(
        self,
        recorder: Recorder,
        trace_id: int,
        flags: TraceFlags,
        state: TraceState = EMPTY,
        request: RequestState | None = None,
    ) -> None:
        self.recorder = recorder
        self.trace_id = trace_id
        self.flags = flags
        self.state = state
        self.request = request
        self.encoded = b""  # the id as a field, once a span has been encoded


class Span(ApiSpan):
    """A span that is recorded. Made by a tracer or by `vario.step`."""

    __slots__ = (
        "end_time", "name", "own_attributes", "parent_id", "scope", "span_id", "start_time",
        "trace",
    )  # fmt: skip

    kind: SpanKind = SpanKind.INTERNAL
    is_plain = True  # False once there is anything of what follows here, which is rare
    own_events: Sequence[Event] = ()
    own_links: Sequence[Link] = ()
    own_status: Status = UNSET
    is_parent_remote = False
    dropped_attributes = 0
    dropped_events = 0
    dropped_links = 0
    labels: Any = None  # attributes that every span of a model has; see `steps.py`
    step_name = ""  # of a step: its time is counted when it is encoded
    _context: SpanContext | None = None
    _records_exceptions = True
    _sets_status = True

    trace: Trace
    scope: Scope
    name: str
    span_id: int
    parent_id: int
    start_time: int
    end_time: int | None
    own_attributes: dict[str, Any]

    # --- OpenTelemetry's API -------------------------------------------------------------------

    def get_span_context(self) -> SpanContext:
        """Returns what children and other services need to know of this span."""
        context = self._context
        if context is None:
            context = self._context = SpanContext(
                self.trace.trace_id, self.span_id, False, self.trace.flags, self.trace.state
            )
        return context

    def is_recording(self) -> bool:
        """Says whether what is set on the span is kept: until its end."""
        return self.end_time is None

    def set_attribute(self, key: str, value: Any) -> None:
        """Sets an attribute."""
        if self.end_time is not None:
            _is_over("an attribute")
            return
        attributes = self.own_attributes
        limits = self.trace.recorder.limits
        if type(value) not in SCALARS or limits.span_value is not None:
            value = clean_value(value, limits.span_value)
        if type(key) is not str or not key:
            say_once("an attribute whose name is no text is left out")
            self.dropped_attributes += 1
            self.is_plain = False
            return
        if key in attributes:
            del attributes[key]  # the newest is last: the oldest goes first where there are many
        elif limits.span_attributes is not None and len(attributes) >= limits.span_attributes:
            self.dropped_attributes += 1
            self.is_plain = False
            if limits.span_attributes == 0:
                return
            del attributes[next(iter(attributes))]
        attributes[key] = value

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Sets attributes."""
        if self.end_time is not None:
            _is_over("attributes")
            return
        for key, value in attributes.items():
            self.set_attribute(str(key) if key else key, value)

    def add_event(
        self, name: str, attributes: Attributes | None = None, timestamp: int | None = None
    ) -> None:
        """Adds an event."""
        if self.end_time is not None:
            _is_over("an event")
            return
        limits = self.trace.recorder.limits
        found, dropped = clean(attributes, limits.event_attributes, limits.value)
        event = Event(name, time_ns() if timestamp is None else timestamp, found, dropped)
        self.own_events, gone = _appended(self.own_events, event, limits.events)
        self.dropped_events += gone
        self.is_plain = False

    def add_link(self, context: SpanContext, attributes: Attributes | None = None) -> None:
        """Adds a link to another span."""
        if self.end_time is not None:
            _is_over("a link")
            return
        if not (context and (context.is_valid or attributes or context.trace_state)):
            return
        limits = self.trace.recorder.limits
        link = _CleanLink(context, *clean(attributes, limits.link_attributes, limits.value))
        self.own_links, gone = _appended(self.own_links, link, limits.links)
        self.dropped_links += gone
        self.is_plain = False

    def update_name(self, name: str) -> None:
        """Gives the span another name."""
        if self.end_time is None:
            self.name = name
        else:
            _is_over("a name")

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """Sets the status, unless it is OK already: that is final."""
        if self.end_time is not None:
            _is_over("a status")
            return
        code = status.status_code if isinstance(status, Status) else status
        if self.own_status.status_code is StatusCode.OK or code is StatusCode.UNSET:
            return
        self.own_status = status if isinstance(status, Status) else Status(status, description)
        self.is_plain = False

    def record_exception(
        self,
        exception: BaseException,
        attributes: Attributes | None = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        """Adds an exception as an event."""
        if self.end_time is not None:
            _is_over("an exception")
            return
        kind = type(exception)
        is_builtin = not kind.__module__ or kind.__module__ == "builtins"
        known = {
            "exception.type": kind.__qualname__
            if is_builtin
            else f"{kind.__module__}.{kind.__qualname__}",
            "exception.message": _words(exception),
            "exception.stacktrace": "".join(traceback.format_exception(exception)),
            "exception.escaped": str(escaped),
        }
        self.add_event("exception", {**known, **(attributes or {})}, timestamp)

    def end(self, end_time: int | None = None) -> None:
        """Ends the span; it is sent soon."""
        if self.end_time is not None:
            _is_over("an end")
            return
        self.end_time = time_ns() if end_time is None else end_time
        self.trace.recorder.keep_span(self)

    def fail(self, error: BaseException) -> None:
        """Says that an exception ended what the span is about."""
        if self._records_exceptions:
            self.record_exception(error)
        if self._sets_status:
            self.set_status(StatusCode.ERROR, f"{type(error).__name__}: {_words(error)}")

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        """Ends the span, with the exception that comes out of it."""
        if exc_val is not None and self.is_recording():
            if self._records_exceptions:
                self.record_exception(exc_val, escaped=True)
            if self._sets_status:
                self.set_status(StatusCode.ERROR, f"{type(exc_val).__name__}: {_words(exc_val)}")
        self.end()

    def __repr__(self) -> str:
        return f"Span(name={self.name!r}, context={self.get_span_context()!r})"

    # --- what OpenTelemetry's ReadableSpan has --------------------------------------------------

    @property
    def trace_id(self) -> int:
        """The id of the trace."""
        return self.trace.trace_id

    @property
    def flags(self) -> TraceFlags:
        """The trace's flags."""
        return self.trace.flags

    @property
    def context(self) -> SpanContext:
        """The span's context."""
        return self.get_span_context()

    @property
    def parent(self) -> SpanContext | None:
        """The parent's context; None at the root."""
        if not self.parent_id:
            return None
        own = self.trace
        return SpanContext(
            own.trace_id, self.parent_id, self.is_parent_remote, own.flags, own.state
        )

    @property
    def status(self) -> Status:
        """The span's status."""
        return self.own_status

    @property
    def attributes(self) -> Mapping[str, Any]:
        """The span's attributes, those of its model and request among them."""
        common = dict(self.labels.attributes) if self.labels is not None else {}
        if self.trace.request is not None:
            common["request_id"] = self.trace.request.request_id
        return MappingProxyType({**common, **self.own_attributes})

    @property
    def events(self) -> tuple[Event, ...]:
        """The span's events."""
        return tuple(self.own_events)

    @property
    def links(self) -> tuple[Link, ...]:
        """The span's links."""
        return tuple(self.own_links)

    @property
    def resource(self) -> Any:
        """The process that the span belongs to."""
        return self.trace.recorder.resource

    @property
    def instrumentation_scope(self) -> Scope:
        """Who recorded the span."""
        return self.scope

    def to_json(self, indent: int | None = 4) -> str:
        """Returns the span as OpenTelemetry's console exporter prints it; needs its SDK."""
        from vario.sdk.stock import readable_span

        return cast(str, readable_span(self).to_json(indent))


class _CleanLink(Link):
    """A link with the number of attributes that it lost."""

    def __init__(self, context: SpanContext, attributes: Attributes, dropped: int) -> None:
        super().__init__(context, attributes)
        self._dropped = dropped

    @property
    def dropped_attributes(self) -> int:
        return self._dropped


def set_beginning(
    span: Span,
    attributes: Attributes | None,
    links: Sequence[Link] | None,
) -> None:
    """Gives a new span the attributes and links that it begins with."""
    limits = span.trace.recorder.limits
    found, dropped = clean(attributes, limits.span_attributes, limits.span_value)
    span.own_attributes = found
    if dropped:
        span.dropped_attributes = dropped
        span.is_plain = False
    for link in links or ():
        if link:
            span.add_link(link.context, link.attributes)


def _appended(held: Sequence[Any], item: Any, most: int | None) -> tuple[list[Any], int]:
    """Returns a list with an item more, and how many of the oldest had to go."""
    items = held if isinstance(held, list) else list(held)
    if most == 0:
        return items, 1
    items.append(item)
    gone = 0 if most is None else max(0, len(items) - most)
    del items[:gone]
    return items, gone


def _words(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # an exception that cannot say what it is
        return type(error).__name__


def _is_over(what: str) -> None:
    say_once(f"{what} came after the end of its span and is left out")


OURS: set[type] = {Span}
"""The classes of spans that are recorded here: quicker to ask than `isinstance`."""
