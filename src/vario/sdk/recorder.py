"""What spans and log records of one process are handed to."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Event as Signal
from typing import Any

from vario.sdk.cleaning import Attributes, Limits, clean
from vario.sdk.faults import report
from vario.sdk.protobuf import attributes as encode_attributes
from vario.sdk.protobuf import message, text, varint
from vario.sdk.sampling import Sampler


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at one moment of a span."""

    name: str
    timestamp: int
    attributes: Mapping[str, Any]
    dropped_attributes: int


class Scope:
    """Who records: name, version and attributes of an instrumentation; with its wire form."""

    __slots__ = ("attributes", "head", "name", "schema", "schema_url", "version")

    def __init__(
        self,
        name: str,
        version: str | None = None,
        schema_url: str | None = None,
        attributes: Attributes | None = None,
    ) -> None:
        self.name = name
        self.version = version
        self.schema_url = schema_url
        self.attributes: Mapping[str, Any] = clean(attributes, None, None)[0]
        body = (
            text(b"\x0a", name)
            + text(b"\x12", version or "")
            + encode_attributes(b"\x1a", self.attributes)
        )
        self.head = message(b"\x0a", body)
        self.schema = text(b"\x1a", schema_url or "")


class Resource:
    """Which process this is; with its wire form."""

    __slots__ = ("attributes", "head", "schema_url")

    def __init__(self, attributes: Mapping[str, Any]) -> None:
        self.attributes = attributes
        self.schema_url = ""
        self.head = message(b"\x0a", encode_attributes(b"\x0a", attributes))

    def to_json(self, indent: int | None = 4) -> str:
        """Returns the resource as OpenTelemetry's SDK prints it."""
        import json

        return json.dumps(
            {"attributes": dict(self.attributes), "schema_url": self.schema_url}, indent=indent
        )

    def envelope(self, scopes: Sequence[tuple[Scope, bytes]]) -> bytes:
        """Returns an OTLP export request: the same shape for all signals.

        Args:
            scopes: for each scope, its items as encoded repeated fields.
        """
        parts = [self.head]
        for scope, items in scopes:
            size = len(scope.head) + len(items) + len(scope.schema)
            parts += (b"\x12", varint(size), scope.head, items, scope.schema)
        return message(b"\x0a", b"".join(parts))


class Queue:
    """A bounded queue of finished items; `put` is all that a request pays for.

    One thread takes items out. Where a queue is full, what comes is dropped and counted: the
    service never waits.
    """

    __slots__ = ("_batch", "_items", "_most", "_wake", "dropped")

    def __init__(self, most: int, batch: int, wake: Signal) -> None:
        self._items: deque[Any] = deque()
        self._most = most
        self._batch = min(batch, most)
        self._wake = wake
        self.dropped = 0

    def put(self, item: Any) -> bool:
        """Takes an item; returns whether there was room for it."""
        items = self._items
        size = len(items)
        if size >= self._most:
            self.dropped += 1
            return False
        items.append(item)
        if size == self._batch:
            self._wake.set()
        return True

    def take(self, most: int) -> list[Any]:
        """Returns the oldest items, at most so many, and forgets them."""
        pop = self._items.popleft
        return [pop() for _ in range(min(most, len(self._items)))]

    def __len__(self) -> int:
        return len(self._items)


@dataclass(slots=True)
class Recorder:
    """Everything that a span needs at its start and at its end."""

    resource: Resource
    limits: Limits
    sampler: Sampler
    spans: Queue
    logs: Queue
    late_step: Callable[[Any], None]
    processors: tuple[Any, ...] = ()
    log_processors: tuple[Any, ...] = ()
    sends_spans: bool = True
    sends_logs: bool = True

    def keep_span(self, span: Any) -> None:
        """Takes a span that has ended."""
        if self.processors and span.trace.flags & 1:
            self._tell_processors(span)
        if not self.spans.put(span) and span.step_name:
            self.late_step(span)  # a step whose span is dropped is timed all the same

    def _tell_processors(self, span: Any) -> None:
        try:
            for processor in self.processors:
                if hook := getattr(processor, "_on_ending", None):
                    hook(span)
            for processor in self.processors:
                processor.on_end(span)
        except Exception as error:
            report("tell a span processor of a span", error)
