"""Personal data out of OTLP spans and log records."""

from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from vario.guard.policy import Place
from vario.guard.redact import Redactor
from vario.guard.splice import Node, Rewrite, Splice
from vario.model.telemetry import Signal

_ATTRIBUTE = Node(leaf="attribute")
RESOURCE = Node({1: Node(leaf="resource attribute")})
SCOPE = Node({1: Node(leaf="scope.name"), 2: Node(leaf="scope.version"), 3: _ATTRIBUTE})
_RECORD = Node({5: Node(leaf="body"), 6: _ATTRIBUTE, 12: Node(leaf="event.name")})
_SPAN = Node(
    {
        3: Node(leaf="trace_state"),
        5: Node(leaf="name"),
        9: _ATTRIBUTE,
        11: Node({2: Node(leaf="event.name"), 3: _ATTRIBUTE}),
        13: Node({3: Node(leaf="trace_state"), 4: _ATTRIBUTE}),
        15: Node({2: Node(leaf="status.message")}),
    }
)
_TEXTS = ("scope.name", "scope.version", "event.name", "trace_state", "name", "status.message")
_TREES = {
    signal: Node({1: Node({1: RESOURCE, 2: Node({1: SCOPE, 2: item})}, opens=1)})
    for signal, item in ((Signal.LOGS, _RECORD), (Signal.TRACES, _SPAN))
}
"""Where texts are, by the numbers of their fields (opentelemetry-proto 1.x)."""


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
    return Splice(body, hints, cleaner.rewrites(), cleaner.open).run(_TREES[signal])


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

    def rewrites(self) -> dict[str, Rewrite]:
        """Returns what becomes of each kind of leaf."""
        return {
            "attribute": self._attribute,
            "resource attribute": partial(self._attribute, resource=True),
            "body": self._body,
            **{field: partial(self._text, field) for field in _TEXTS},
        }

    def attributes(self, pairs: Any) -> bool:
        """Cleans attributes in place; returns whether anything changed."""
        outcomes = [self._pair(pair) for pair in pairs]
        for index in reversed(range(len(outcomes))):
            if outcomes[index] is None:
                del pairs[index]
        return any(outcome is not False for outcome in outcomes)

    def _attribute(self, raw: bytes, *, resource: bool = False) -> bytes | None:
        pair = KeyValue.FromString(raw)
        changed = self._pair(pair, resource=resource)
        if changed is None:
            return b""
        return pair.SerializeToString() if changed else None

    def _body(self, raw: bytes) -> bytes | None:
        value = AnyValue.FromString(raw)
        changed = self._value(value, "body")
        if changed is None:
            return b""
        return value.SerializeToString() if changed else None

    def _text(self, field: str, raw: bytes) -> bytes | None:
        text = raw.decode()
        cleaned = self._redactor.clean(text, Place(self._signal, self.service, field))
        return None if cleaned == text else (cleaned or "").encode()

    def _pair(self, pair: Any, *, resource: bool = False) -> bool | None:
        """Cleans a `KeyValue`; returns whether it changed, None if it is to go."""
        changed = self._value(pair.value, pair.key, resource=resource)
        place = Place(self._signal, self.service, "attribute name")
        name = self._redactor.clean_name(pair.key, place)
        if changed is None or name == pair.key:
            return changed
        pair.key = name
        return True

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


@lru_cache(maxsize=1024)
def identity_of(resource: bytes) -> tuple[str, str]:
    """Returns `job` and `instance` of a resource, as its series have them."""
    found = {pair.key: pair.value.string_value for pair in Resource.FromString(resource).attributes}
    name, space = found.get("service.name", ""), found.get("service.namespace", "")
    job = f"{space}/{name}" if space and name else name
    return job, found.get("service.instance.id", "")
