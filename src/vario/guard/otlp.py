"""Personal data out of OTLP spans and log records."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from vario.guard.policy import Place
from vario.guard.redact import Redactor
from vario.guard.splice import Node, Rewrite, Splice
from vario.model.telemetry import Signal

_RESOURCE = Node(leaf="resource")
_SCOPE = Node(leaf="scope")


def _tree(item: Node, *, depth_two: dict[int, Node] | None = None) -> Node:
    scope = Node({1: _SCOPE, 2: item, **(depth_two or {})})
    return Node({1: Node({1: _RESOURCE, 2: scope}, opens=1)})


_TREES = {
    Signal.LOGS: _tree(Node(leaf="record")),
    Signal.TRACES: _tree(Node(leaf="span")),
}


def clean_items(
    signal: Signal, body: bytes, hints: Sequence[int], redactor: Redactor
) -> bytes | None:
    """Returns a request of spans or log records without personal data, None if there is none.

    Args:
        signal: traces or logs.
        body: the request, nested values flattened to JSON text.
        hints: as `vario.guard.detectors.find_hints` gives them.
        redactor: takes it out, and counts.
    """
    cleaner = ItemCleaner(signal.value, redactor)
    rewrites: dict[str, Rewrite] = {
        "resource": cleaner.resource,
        "scope": cleaner.scope,
        "record": cleaner.record,
        "span": cleaner.span,
    }
    return Splice(body, hints, rewrites, cleaner.open).run(_TREES[signal])


class ItemCleaner:
    """Cleans the messages of one request."""

    def __init__(self, signal: str, redactor: Redactor) -> None:
        self._signal = signal
        self._redactor = redactor
        self.service = ""
        self.instance = ""

    def open(self, resource: bytes) -> None:
        """Notes whose items come next."""
        self.service, self.instance = identity_of(resource)

    def resource(self, raw: bytes) -> bytes | None:
        """Cleans a resource."""
        return self._clean(Resource, raw, lambda m: self.attributes(m.attributes, resource=True))

    def scope(self, raw: bytes) -> bytes | None:
        """Cleans the scope of instrumentation."""
        return self._clean(InstrumentationScope, raw, lambda m: self.attributes(m.attributes))

    def record(self, raw: bytes) -> bytes | None:
        """Cleans a log record."""

        def clean(record: Any) -> bool:
            changed = self._value(record.body, "body")
            if changed is None:
                record.ClearField("body")
            return self.attributes(record.attributes) | (changed is not False)

        return self._clean(LogRecord, raw, clean)

    def span(self, raw: bytes) -> bytes | None:
        """Cleans a span, its events, links and status."""

        def clean(span: Any) -> bool:
            changed = self._text(span, "name", "name")
            changed |= self._text(span.status, "message", "status.message")
            changed |= self._text(span, "trace_state", "trace_state")
            changed |= self.attributes(span.attributes)
            for event in span.events:
                changed |= self._text(event, "name", "event.name")
                changed |= self.attributes(event.attributes)
            for link in span.links:
                changed |= self.attributes(link.attributes)
            return changed

        return self._clean(Span, raw, clean)

    def attributes(self, pairs: Any, *, resource: bool = False) -> bool:
        """Cleans attributes in place; returns whether anything changed."""
        changed = False
        dropped: list[int] = []
        for index, pair in enumerate(pairs):
            outcome = self._value(pair.value, pair.key, resource=resource)
            if outcome is None:
                dropped.append(index)
            place = Place(self._signal, self.service, "attribute name")
            name = self._redactor.clean_name(pair.key, place)
            if name != pair.key:
                pair.key = name
                changed = True
            changed |= outcome is not False
        for index in reversed(dropped):
            del pairs[index]
        return changed

    def _value(self, value: Any, field: str, *, resource: bool = False) -> bool | None:
        """Cleans an `AnyValue`; returns whether it changed, None if its field is to go."""
        kind = value.WhichOneof("value")
        if kind == "string_value":
            text = value.string_value
        elif kind == "bytes_value":
            text = value.bytes_value.decode("utf-8", "replace")
        else:
            return False
        place = Place(self._signal, self.service, field, resource)
        cleaned = self._redactor.clean(text, place)
        if cleaned is None:
            return None
        if cleaned != text:
            value.string_value = cleaned
        return cleaned != text

    def _text(self, owner: Any, attribute: str, field: str) -> bool:
        text = getattr(owner, attribute)
        cleaned = self._redactor.clean(text, Place(self._signal, self.service, field))
        if cleaned == text:
            return False
        setattr(owner, attribute, cleaned or "")
        return True

    @staticmethod
    def _clean(kind: type[Any], raw: bytes, clean: Callable[[Any], bool]) -> bytes | None:
        message = kind.FromString(raw)
        return message.SerializeToString() if clean(message) else None


@lru_cache(maxsize=1024)
def identity_of(resource: bytes) -> tuple[str, str]:
    """Returns `job` and `instance` of a resource, as its series have them."""
    found = {pair.key: pair.value.string_value for pair in Resource.FromString(resource).attributes}
    name, space = found.get("service.name", ""), found.get("service.namespace", "")
    job = f"{space}/{name}" if space and name else name
    return job, found.get("service.instance.id", "")
