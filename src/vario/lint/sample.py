"""Samples of log lines: what is a JSON object, and which field is which, however it is spelled."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from vario.lint.source import Source
from vario.lint.value import SyntaxFault, Value, read_json
from vario.lint.words import snake

_ALIASES: dict[str, tuple[str, ...]] = {
    "timestamp": ("ts", "time", "at_timestamp", "datetime", "date"),
    "level": ("severity", "log_level", "lvl", "levelname", "severity_text"),
    "service": ("service_name", "app", "application"),
    "trace_id": ("trace", "traceid", "otel_trace_id", "traceparent"),
    "request_id": ("x_request_id", "requestid", "req_id"),
    "status_code": ("status", "http_status_code", "http_response_status_code", "http_status"),
    "latency_ms": ("latency", "duration_ms", "latency_s", "latency_seconds", "duration_s"),
    "model_version": ("model", "model_ver"),
}
_REQUEST_MARKS = frozenset({"latency_ms", "status_code", "method", "path", "prediction"})
_MAX_LINES = 20_000


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line that is not empty; `value` is None where it is no JSON object."""

    start: int
    end: int
    value: Value | None
    fault: str = ""
    names: dict[str, str] = field(default_factory=dict[str, str])

    def find(self, name: str) -> tuple[str, Value] | None:
        """Returns a field by its name of the schema, however it is spelled, with its own name."""
        for known in (name, *_ALIASES.get(name, ())):
            if known in self.names and self.value is not None and self.value.members:
                return self.names[known], self.value.members[self.names[known]]
        return None

    @property
    def is_request(self) -> bool:
        """Whether the line is about a request."""
        return any(self.find(name) for name in _REQUEST_MARKS)


@dataclass(frozen=True, slots=True)
class LogSample:
    """The lines of a sample, 20,000 at most."""

    source: Source
    lines: tuple[LogLine, ...]

    @property
    def objects(self) -> Iterator[tuple[LogLine, dict[str, Value]]]:
        """Yields the lines that are JSON objects, with their fields."""
        for line in self.lines:
            if line.value is not None and line.value.members is not None:
                yield line, line.value.members


def read_sample(source: Source) -> LogSample:
    """Returns the lines of a sample of logs."""
    lines: list[LogLine] = []
    for found in re.finditer(r"[^\r\n]*\S[^\r\n]*", source.text):
        if len(lines) == _MAX_LINES:
            break
        lines.append(_read_line(source, *found.span()))
    return LogSample(source, tuple(lines))


def _read_line(source: Source, start: int, end: int) -> LogLine:
    try:
        value = read_json(source, start, end)
    except SyntaxFault as fault:
        return LogLine(start, end, None, str(fault))
    if value.members is None:
        return LogLine(start, end, None, "it is not an object")
    names = {snake(name.replace("@", "at_")): name for name in value.members}
    return LogLine(start, end, value, names=names)
