"""OTLP requests: is this one sound, what of it can be stored, and what must be treated first.

The engine decodes requests (`store/sql/ingest`); this module only lets through what the engine
can decode and store whole. Nothing loops over items in Python unless something is wrong with one
of them: 1.1 CPU-s a million spans of 230 bytes, of which the parse takes half.
"""

import base64
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
from google.protobuf.message import DecodeError

from vario.errors import BadData
from vario.model.telemetry import Signal
from vario.wire.otlp_outline import REQUESTS, RESPONSES, nested_paths, outline

END_OF_TIME_NS = (1 << 32) * 1_000_000_000
"""2106-02-07T06:28:16Z: tables are aged by the engine's 32-bit `DateTime`, which ends here."""

ITEMS = {Signal.TRACES: "span", Signal.LOGS: "log record", Signal.METRICS: "data point"}
"""What the items of each signal are called in messages."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A request that can be stored.

    Attributes:
        body: protobuf, ready for the engine; empty where nothing is left.
        items: number of items in `body`.
        rejected: number of items dropped from the request by reason.
    """

    body: bytes
    items: int
    rejected: Counter[str] = field(default_factory=Counter[str])

    @property
    def rejected_items(self) -> int:
        """Number of items dropped for any reason."""
        return self.rejected.total()


def check_request(signal: Signal, body: bytes, *, now_ns: int) -> Checked:
    """Returns what of an export request can be stored, in the form that the engine stores.

    Items that can not be stored are dropped and counted: spans without a valid trace or span id,
    spans and data points without a time, anything with a time past `END_OF_TIME_NS`. Log records
    without a time get `now_ns` as the time they were observed at, and lose ids that are none
    (their definition asks for that). Attribute values (and log bodies) that are arrays
    or key-value lists become JSON text, as in the OpenTelemetry Collector's tables.

    Args:
        signal: what the request exports.
        body: the request in protobuf.
        now_ns: nanoseconds since the epoch.

    Raises:
        BadData: the body is not such a request in protobuf, or a string in it is not UTF-8.
    """
    if not body:
        return Checked(b"", 0)
    request = _parse(signal, body)
    items = sum(map(len, _groups(signal, request)))
    rejected: Counter[str] = Counter()
    changed = False
    if not _SOUND[signal].fullmatch(outline(signal, body)):
        rejected, changed = _sift(signal, request, now_ns)
        items -= rejected.total()
    if not items:
        return Checked(b"", 0, rejected)
    if _may_nest(signal, body):
        changed |= _flatten(signal, request, request.SerializeToString() if changed else body)
    return Checked(request.SerializeToString() if changed else body, items, rejected)


def describe_rejected(signal: Signal, checked: Checked) -> str:
    """Returns one sentence for `partial_success.error_message`, empty if nothing was rejected.

    Example:
        >>> checked = Checked(b"", 1, Counter({"time_unix_nano is 0": 2}))
        >>> describe_rejected(Signal.METRICS, checked)
        '2 of 3 data points were not stored: time_unix_nano is 0 (2)'
    """
    if not checked.rejected:
        return ""
    total = checked.items + checked.rejected_items
    reasons = ", ".join(f"{reason} ({count})" for reason, count in checked.rejected.most_common())
    return f"{checked.rejected_items} of {total} {ITEMS[signal]}s were not stored: {reasons}"


def build_response(signal: Signal, checked: Checked) -> Any:
    """Returns the export response; `partial_success` is set only if something was rejected."""
    response = RESPONSES[signal]()
    if checked.rejected:
        partial = response.partial_success
        counter = f"rejected_{ITEMS[signal].replace(' ', '_')}s"
        setattr(partial, counter, checked.rejected_items)
        partial.error_message = describe_rejected(signal, checked)
    return response


def _parse(signal: Signal, body: bytes) -> Any:
    try:
        return REQUESTS[signal].FromString(body)
    except DecodeError as error:
        reason = str(error).rpartition(": ")[2]
        raise BadData(
            f"these {len(body)} bytes are not an OTLP {signal} request in protobuf: {reason}; "
            "send an Export*ServiceRequest of opentelemetry-proto 1.x"
        ) from error


# A time that is surely in range: the top byte of a little-endian fixed64 below 2104-09-18.
_TIME = rb".{7}[\x00-\x3a]"
_LENGTH = rb"[\x80-\xff]*+[\x01-\x7f]"

# Outlines of requests in which every item can be stored, token by token: the tags and lengths of
# the messages around the items, each followed by the tag of its only kind of child, and items,
# which all have one length. What fails to match is looked at item by item.
_SOUND = {
    Signal.TRACES: re.compile(
        rb"(?:\x12\x2e\x0a\x10(?!\0{16}).{16}\x12\x08(?!\0{8}).{8}\x39"
        + _TIME
        + rb"\x41"
        + _TIME
        + rb"|[\x0a\x12]"
        + _LENGTH
        + rb"(?=\x12))*+",
        re.DOTALL,
    ),
    Signal.LOGS: re.compile(
        rb"(?:\x12.(?=[\x09\x59]|\x4a.{17}(?:\x52.{9})?\x59)(?:\x09"
        + _TIME
        + rb")?+(?:\x4a\x10(?!\0{16}).{16})?+(?:\x52\x08(?!\0{8}).{8})?+(?:\x59"
        + _TIME
        + rb")?+|[\x0a\x12]"
        + _LENGTH
        + rb"(?=\x12))*+",
        re.DOTALL,
    ),
    Signal.METRICS: re.compile(
        rb"(?:\x0a\x09\x19"
        + _TIME
        + rb"|[\x2a\x3a\x4a\x52\x5a]"
        + _LENGTH
        + rb"(?=\x0a)|\x12"
        + _LENGTH
        + rb"(?=[\x2a\x3a\x4a\x52\x5a])|[\x0a\x12]"
        + _LENGTH
        + rb"(?=\x12))*+",
        re.DOTALL,
    ),
}


def _groups(signal: Signal, request: Any) -> Iterator[Any]:
    """Yields the repeated field of items of each scope, or of each metric."""
    if signal is Signal.TRACES:
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                yield scope.spans
    elif signal is Signal.LOGS:
        for resource in request.resource_logs:
            for scope in resource.scope_logs:
                yield scope.log_records
    else:
        for resource in request.resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    if kind := metric.WhichOneof("data"):
                        yield getattr(metric, kind).data_points


def _sift(signal: Signal, request: Any, now_ns: int) -> tuple[Counter[str], bool]:
    """Drops from `request` what can not be stored; says why, and whether anything changed."""
    rejected: Counter[str] = Counter()
    changed = False
    fault_of = _FAULTS[signal]
    for items in _groups(signal, request):
        kept: list[Any] = []
        for item in items:
            if signal is Signal.LOGS:
                changed |= _mend_record(item, now_ns)
            if fault := fault_of(item):
                rejected[fault] += 1
            else:
                kept.append(item)
        if len(kept) < len(items):
            del items[:]
            items.extend(kept)
    return rejected, changed or bool(rejected)


def _span_fault(span: Any) -> str:
    if len(span.trace_id) != 16 or not any(span.trace_id):
        return "trace_id is not 16 bytes, or all of them are 0"
    if len(span.span_id) != 8 or not any(span.span_id):
        return "span_id is not 8 bytes, or all of them are 0"
    if not (span.start_time_unix_nano or span.end_time_unix_nano):
        return "start_time_unix_nano and end_time_unix_nano are 0"
    if max(span.start_time_unix_nano, span.end_time_unix_nano) >= END_OF_TIME_NS:
        return "start_time_unix_nano or end_time_unix_nano is after 2106-02-07"
    return ""


def _mend_record(record: Any, now_ns: int) -> bool:
    """Gives a log record a time, takes ids away that are none; returns whether it did either."""
    changed = not (record.time_unix_nano or record.observed_time_unix_nano)
    if changed:
        record.observed_time_unix_nano = now_ns
    for name, size in (("trace_id", 16), ("span_id", 8)):
        value = getattr(record, name)
        if value and (len(value) != size or not any(value)):
            record.ClearField(name)
            changed = True
    return changed


def _record_fault(record: Any) -> str:
    if max(record.time_unix_nano, record.observed_time_unix_nano) >= END_OF_TIME_NS:
        return "time_unix_nano or observed_time_unix_nano is after 2106-02-07"
    return ""


def _point_fault(point: Any) -> str:
    if not point.time_unix_nano:
        return "time_unix_nano is 0"
    if point.time_unix_nano >= END_OF_TIME_NS:
        return "time_unix_nano is after 2106-02-07"
    return ""


_FAULTS: dict[Signal, Callable[[Any], str]] = {
    Signal.TRACES: _span_fault,
    Signal.LOGS: _record_fault,
    Signal.METRICS: _point_fault,
}

# `KeyValue.value` is field 2 and `LogRecord.body` field 5; an `AnyValue` begins with the tag of
# `array_value` (field 5) or `kvlist_value` (field 6). A literal first byte keeps the search in C.
_NESTED_VALUE = re.compile(rb"\x12" + _LENGTH + rb"[\x2a\x32]")
_NESTED_BODY = re.compile(rb"\x2a" + _LENGTH + rb"[\x2a\x32]")


def _may_nest(signal: Signal, body: bytes) -> bool:
    """Says whether an attribute value may be an array or a key-value list; wrong 1 time in 256.

    Every such value begins with the bytes that the patterns describe; of what begins so by
    chance, the two lengths that stand there seldom agree. 0.27 CPU-s a million spans.
    """
    patterns = (_NESTED_VALUE, _NESTED_BODY) if signal is Signal.LOGS else (_NESTED_VALUE,)
    for pattern in patterns:
        for match in pattern.finditer(body):
            outer, start = _varint(body, match.start() + 1)
            inner, end = _varint(body, start + 1)
            if end + inner == start + outer:
                return True
    return False


def _varint(body: bytes, at: int) -> tuple[int, int]:
    """Returns the number at `at` and where it ends (a cut or endless one: what is there)."""
    value = shift = 0
    for end, byte in enumerate(body[at : at + 10], at + 1):
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, end
        shift += 7
    return value, at


def _plain(value: Any) -> Any:
    """Returns an `AnyValue` as JSON knows it; bytes as base64, as the Collector writes them."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    held = getattr(value, kind)
    if kind == "array_value":
        return [_plain(item) for item in held.values]
    if kind == "kvlist_value":
        return {pair.key: _plain(pair.value) for pair in held.values}
    if kind == "bytes_value":
        return base64.b64encode(held).decode()
    return held


_STEP = re.compile(r"(\w+)(?:\[(\d+)\])?")


def _flatten(signal: Signal, request: Any, body: bytes) -> bool:
    """Replaces nested values of `request` by JSON text; returns whether there were any."""
    paths = nested_paths(signal, body)
    for path in paths:
        parent = path.rpartition(".")[0]
        value = request
        for name, index in _STEP.findall(parent):
            value = getattr(value, name)
            if index:
                value = value[int(index)]
        value.string_value = orjson.dumps(_plain(value)).decode()
    return bool(paths)
