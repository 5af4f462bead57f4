"""Rules about log lines."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from vario.lint.facts import Facts
from vario.lint.finding import Check, Hit, Rule
from vario.lint.personal import kind_of_name, kinds_in
from vario.lint.sample import LogSample
from vario.lint.value import Value

_GOOD = (
    '{"timestamp": "2026-01-01T12:00:00Z", "level": "INFO", "service": "ml-infer", '
    '"model_version": "v23", "request_id": "98f7-21ab", '
    '"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "latency_ms": 142, "status_code": 200}\n'
)

UNSTRUCTURED = Rule(
    "VA501",
    "unstructured-line",
    "error",
    ("logs",),
    "A log line is not a JSON object",
    "Nothing in it can be filtered, counted or joined with a trace but by searching for text.",
    "2026-01-01 12:00:00 INFO request done in 142 ms\n",
    _GOOD,
    "write one JSON object a line",
)
MISSING_FIELD = Rule(
    "VA502",
    "missing-field",
    "error",
    ("logs",),
    "A log line lacks a field that every line needs",
    "A query by service or by model version does not find it, and nobody knows what is missing.",
    _GOOD.replace('"service": "ml-infer", ', ""),
    _GOOD,
    "add the field where the logger is configured, not where it is called",
)
WRONG_TYPE = Rule(
    "VA503",
    "wrong-type",
    "error",
    ("logs",),
    "A field has another type than it should",
    'Text does not compare as numbers do: "95" is over "200".',
    _GOOD.replace("142", '"142"'),
    _GOOD,
    "write numbers as numbers",
)
TIMESTAMP = Rule(
    "VA504",
    "timestamp-not-iso-8601",
    "error",
    ("logs",),
    "A timestamp is not ISO 8601 with a zone",
    "Without a zone a time means something else on every machine, and lines of two services "
    "cannot be put in order.",
    _GOOD.replace("2026-01-01T12:00:00Z", "2026-01-01 12:00:00"),
    _GOOD,
    "write UTC as 2026-01-01T12:00:00.000Z",
)
PERSONAL = Rule(
    "VA505",
    "personal-data",
    "error",
    ("logs",),
    "A log line holds personal data",
    "Logs are copied, shipped, kept and read by many; data of a person must not be in them, and "
    "cannot be found again to be erased.",
    _GOOD.replace('"level"', '"email": "ada@example.org", "level"'),
    _GOOD,
    "leave it out, or log a keyed hash; vario's guards redact what arrives all the same",
)
NO_CORRELATION = Rule(
    "VA506",
    "missing-correlation-id",
    "error",
    ("logs",),
    "A line about a request has no request_id or trace_id",
    "In an incident nobody can go from the slow trace to its log lines, or back.",
    _GOOD.replace('"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", ', ""),
    _GOOD,
    "take both from the request's context (traceparent) in the logger's configuration",
)
MALFORMED_ID = Rule(
    "VA507",
    "malformed-id",
    "error",
    ("logs",),
    "An id is not one",
    "An id of zeros, or the text null, joins everything with everything; one that is cut short "
    "joins nothing.",
    _GOOD.replace("4bf92f3577b34da6a3ce929d0e0e4736", "null"),
    _GOOD,
    "a trace_id has 32 hexadecimal digits (or 16, in older systems), a span_id 16, not all zero; "
    "where there is no request, leave the field out",
)
MIXED_TYPES = Rule(
    "VA508",
    "inconsistent-type",
    "warning",
    ("logs",),
    "A field has one type in some lines and another in others",
    "A store keeps one type for a column: the other lines are dropped, or the field becomes text "
    "for all.",
    _GOOD.replace("}\n", ', "batch_size": 8}\n') + _GOOD.replace("}\n", ', "batch_size": "8"}\n'),
    _GOOD.replace("}\n", ', "batch_size": 8}\n') * 2,
    "write it with one type everywhere",
)
MIXED_NAMES = Rule(
    "VA509",
    "inconsistent-name",
    "warning",
    ("logs",),
    "A field is spelled in two ways",
    "A query by one spelling finds half of the lines, and nothing says so.",
    _GOOD + _GOOD.replace("model_version", "modelVersion"),
    _GOOD * 2,
    "choose one spelling",
)
REPEATED_KEY = Rule(
    "VA510",
    "repeated-key",
    "error",
    ("logs",),
    "A line has a key twice",
    "Some readers keep the first, some the last, some refuse the line.",
    _GOOD.replace('"level": "INFO"', '"level": "INFO", "level": "WARN"'),
    _GOOD,
    "write each key once",
)

_TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
}
_ISO = re.compile(
    r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d(?::(?:[0-5]\d|60)"
    r"(?:[.,]\d{1,9})?)?(?:Z|[+-](?:[01]\d|2[0-3]):?[0-5]\d)"
)
_HEX = {"trace_id": (16, 32), "span_id": (16,)}
_NOTHING = frozenset({"null", "none", "nil", "undefined", "unknown", "nan", "-", "n/a", ""})
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{4,128}")


class _Tally:
    """Gathers hits that say the same of many lines; the first is reported, the others counted."""

    def __init__(self) -> None:
        self._first: dict[str, Hit] = {}
        self._more: dict[str, int] = {}

    def add(self, start: int, end: int, message: str, key: str = "") -> None:
        key = key or message
        if key in self._first:
            self._more[key] = self._more.get(key, 0) + 1
        else:
            self._first[key] = Hit(start, end, message)

    def hits(self) -> Iterator[Hit]:
        for key, hit in self._first.items():
            more = self._more.get(key, 0)
            tail = f" (and {more:,} more line{'s' * (more > 1)})" if more else ""
            yield Hit(hit.start, hit.end, hit.message + tail)


def find_unstructured(sample: LogSample, _facts: Facts) -> Iterator[Hit]:
    """Yields lines that are no JSON objects."""
    tally = _Tally()
    for line in sample.lines:
        if line.value is None:
            message = f"this line is not a JSON object: {line.fault}"
            tally.add(line.start, line.end, message, "unstructured")
    yield from tally.hits()


def find_missing(sample: LogSample, facts: Facts) -> Iterator[Hit]:
    """Yields lines without a field that they need."""
    tally = _Tally()
    for line, _ in sample.objects:
        wanted = dict(facts.logs.required)
        if line.is_request:
            wanted |= facts.logs.request_fields
        for name in wanted:
            if line.find(name) is None:
                tally.add(line.start, line.end, f"the line has no {name}")
    yield from tally.hits()


def find_wrong_types(sample: LogSample, facts: Facts) -> Iterator[Hit]:
    """Yields fields of the schema that are of another type."""
    tally = _Tally()
    schema = {**facts.logs.required, **facts.logs.request_fields}
    for line, _ in sample.objects:
        for name, wanted in schema.items():
            found = line.find(name)
            if found is None or name == "timestamp":
                continue
            value = found[1]
            if not any(_TYPES[word](_plain(value)) for word in wanted.split("|")):
                message = f"{found[0]} is {_type_name(value)}, not {wanted.replace('|', ' or ')}"
                tally.add(value.start, value.end, message)
    yield from tally.hits()


def _plain(value: Value) -> Any:
    return value if value.members is not None or value.items is not None else value.scalar


def _type_name(value: Value) -> str:
    if value.members is not None:
        return "object"
    if value.items is not None:
        return "array"
    names = {bool: "boolean", int: "number", float: "number", str: "string"}
    return names.get(type(value.scalar), "null")


def find_timestamps(sample: LogSample, _facts: Facts) -> Iterator[Hit]:
    """Yields timestamps that are not ISO 8601 with a zone."""
    tally = _Tally()
    for line, _ in sample.objects:
        found = line.find("timestamp")
        if found is None:
            continue
        name, value = found
        if not isinstance(value.scalar, str) or not _ISO.fullmatch(value.scalar):
            shown = sample.source.text[value.start : value.end]
            message = f"{name} is not ISO 8601 with a zone: {shown}"
            tally.add(value.start, value.end, message, name)
    yield from tally.hits()


def find_personal(sample: LogSample, _facts: Facts) -> Iterator[Hit]:
    """Yields fields that hold personal data by their names, and texts that have it in them."""
    tally = _Tally()
    for _, members in sample.objects:
        _find_personal("", members, tally)
    yield from tally.hits()


def _find_personal(prefix: str, members: dict[str, Value], tally: _Tally) -> None:
    for name, value in members.items():
        path = f"{prefix}{name}"
        kind = kind_of_name(name) if value.scalar is not None else ""
        if kind:
            tally.add(value.start, value.end, f"{path} is personal data ({kind})")
        elif value.members is not None:
            _find_personal(f"{path}.", value.members, tally)
        for text in (value, *(value.items or ())):
            if isinstance(text.scalar, str) and not kind:
                for found in kinds_in(text.scalar):
                    message = f"the text of {path} holds personal data ({found})"
                    tally.add(text.start, text.end, message)


def find_uncorrelated(sample: LogSample, facts: Facts) -> Iterator[Hit]:
    """Yields lines about a request without its ids."""
    tally = _Tally()
    for line, _ in sample.objects:
        lacking = [name for name in facts.logs.request_ids if line.find(name) is None]
        if line.is_request and lacking:
            tally.add(line.start, line.end, f"a line about a request has no {' or '.join(lacking)}")
    yield from tally.hits()


def find_malformed(sample: LogSample, _facts: Facts) -> Iterator[Hit]:
    """Yields ids that are none."""
    tally = _Tally()
    for line, _ in sample.objects:
        for name in ("trace_id", "span_id", "request_id"):
            found = line.find(name)
            if found and not _is_id(name, found[1], is_parent="traceparent" in found[0]):
                shown = sample.source.text[found[1].start : found[1].end]
                tally.add(
                    found[1].start, found[1].end, f"{found[0]} is no {name}: {shown}", found[0]
                )
    yield from tally.hits()


def _is_id(name: str, value: Value, *, is_parent: bool) -> bool:
    text = value.scalar
    if not isinstance(text, str) or text.lower() in _NOTHING:
        return False
    if is_parent:
        return bool(re.fullmatch(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", text))
    if name == "request_id":
        return bool(_REQUEST_ID.fullmatch(text)) and bool(text.strip("0-"))
    digits = text.replace("-", "")  # a trace id may be written as a UUID
    return (
        len(digits) in _HEX[name]
        and bool(re.fullmatch(r"[0-9a-fA-F]+", digits))
        and bool(digits.strip("0"))
    )


def find_mixed_types(sample: LogSample, _facts: Facts) -> Iterator[Hit]:
    """Yields fields that have one type here and another there."""
    types: dict[str, str] = {}
    tally = _Tally()
    for _, members in sample.objects:
        for name, value in members.items():
            now = _type_name(value)
            if now == "null":
                continue
            before = types.setdefault(name, now)
            if before != now:
                message = f"{name} is {now} here, and {before} in a line above"
                tally.add(value.start, value.end, message, name)
    yield from tally.hits()


def find_mixed_names(sample: LogSample, _facts: Facts) -> Iterator[Hit]:
    """Yields fields that are spelled in two ways."""
    spelled: dict[str, str] = {}
    tally = _Tally()
    for line, _ in sample.objects:
        for plain, name in line.names.items():
            before = spelled.setdefault(plain.replace("_", ""), name)
            if before != name and line.value is not None:
                start, end = line.value.key_span(name)
                tally.add(start, end, f"{name} is spelled {before} in a line above")
    yield from tally.hits()


def find_repeated(sample: LogSample, _facts: Facts) -> Iterator[Hit]:
    """Yields keys that a line has twice."""
    tally = _Tally()
    for line, _ in sample.objects:
        if line.value is not None:
            for key, start, end in line.value.repeated:
                tally.add(start, end, f"the line has the key {key} twice")
    yield from tally.hits()


CHECKS: tuple[Check[LogSample], ...] = (
    Check(UNSTRUCTURED, find_unstructured),
    Check(MISSING_FIELD, find_missing),
    Check(WRONG_TYPE, find_wrong_types),
    Check(TIMESTAMP, find_timestamps),
    Check(PERSONAL, find_personal),
    Check(NO_CORRELATION, find_uncorrelated),
    Check(MALFORMED_ID, find_malformed),
    Check(MIXED_TYPES, find_mixed_types),
    Check(MIXED_NAMES, find_mixed_names),
    Check(REPEATED_KEY, find_repeated),
)
