"""OpenTelemetry's loggers, and log records as OTLP.

Source: opentelemetry-proto 1.9, logs/v1/logs.proto.
"""

import traceback
from collections.abc import Callable, Sequence
from struct import Struct
from time import time_ns
from typing import Any, NamedTuple

from opentelemetry import _logs as api
from opentelemetry.trace import get_current_span

from vario.sdk.cleaning import SCALARS, Attributes, clean, clean_value
from vario.sdk.faults import report
from vario.sdk.protobuf import FIXED32, FIXED64, any_value, attribute_encoder, message, text, varint
from vario.sdk.recorder import Recorder, Scope

_IDS = Struct(">2sQQ2sQ").pack
_LOW = 0xFFFF_FFFF_FFFF_FFFF
_append_attributes = attribute_encoder(b"\x32").append
_bodies: dict[str, bytes] = {}
_severities: dict[tuple[int, str], bytes] = {}


class Record(NamedTuple):
    """A log record on its way. `labels` and `request` add the attributes that they stand for."""

    scope: Scope
    timestamp: int
    observed: int
    severity: int
    severity_text: str
    body: Any
    attributes: dict[str, Any]
    dropped: int
    trace_id: int
    span_id: int
    flags: int
    event_name: str = ""
    labels: Any = None
    request: Any = None


class LoggerProvider(api.LoggerProvider):
    """Gives out loggers. `recorder` is this process's; without one, nothing is recorded."""

    def __init__(self) -> None:
        self.recorder: Recorder | None = None
        self.flush: Callable[[float], bool] = lambda _: True
        self._processors: tuple[Any, ...] = ()
        self._loggers: dict[Any, Logger] = {}

    def use(self, recorder: Recorder | None, flush: Callable[[float], bool]) -> None:
        """Turns every logger that was handed out to another recorder."""
        if recorder is not None:
            recorder.log_processors = self._processors
        self.recorder, self.flush = recorder, flush

    def get_logger(
        self,
        name: str,
        version: str | None = None,
        schema_url: str | None = None,
        attributes: Attributes | None = None,
    ) -> "Logger":
        """Returns the logger of an instrumentation."""
        key = (name, version, schema_url, repr(attributes) if attributes else "")
        found = self._loggers.get(key)
        if found is None:
            made = Logger(self, Scope(name, version, schema_url, attributes))
            found = self._loggers.setdefault(key, made)
        return found

    def add_log_record_processor(self, log_record_processor: Any) -> None:
        """Has every record told to a processor written for OpenTelemetry's own SDK as well."""
        self._processors = (*self._processors, log_record_processor)
        if self.recorder is not None:
            self.recorder.log_processors = self._processors

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Sends what is queued; returns whether all went out."""
        is_flushed = self.flush(timeout_millis / 1000)
        return all(
            [p.force_flush(timeout_millis) is not False for p in self._processors] + [is_flushed]
        )

    def shutdown(self) -> None:
        """Flushes, and ends the processors that were added."""
        self.force_flush()
        processors, self._processors = self._processors, ()
        if self.recorder is not None:
            self.recorder.log_processors = ()
        for processor in processors:
            processor.shutdown()


class Logger(api.Logger):
    """Emits records of one scope."""

    def __init__(self, provider: LoggerProvider, scope: Scope) -> None:
        super().__init__(scope.name, scope.version, scope.schema_url, scope.attributes)
        self._provider = provider
        self.scope = scope

    def emit(  # pyright: ignore[reportIncompatibleMethodOverride] -- the API has two overloads
        self,
        record: api.LogRecord | None = None,
        *,
        timestamp: int | None = None,
        observed_timestamp: int | None = None,
        context: Any = None,
        severity_number: Any = None,
        severity_text: str | None = None,
        body: Any = None,
        attributes: Attributes | None = None,
        event_name: str | None = None,
        exception: BaseException | None = None,
    ) -> None:
        """Takes a record, whole or in parts."""
        recorder = self._provider.recorder
        if recorder is None:
            return
        try:
            if record is None:
                record = api.LogRecord(
                    timestamp=timestamp,
                    observed_timestamp=observed_timestamp,
                    context=context,
                    severity_text=severity_text,
                    severity_number=severity_number,
                    body=body,
                    attributes=attributes,
                    event_name=event_name,
                )
            self._emit(recorder, record, exception)
        except Exception as error:
            report("emit a log record", error)

    def _emit(self, recorder: Recorder, record: Any, exception: BaseException | None) -> None:
        record = getattr(record, "log_record", record)  # OpenTelemetry's SDK wraps records
        given = record.attributes
        error = exception or getattr(record, "exception", None)  # older APIs have no such field
        if error is not None:
            given = {**_of_exception(error), **(given or {})}
        limits = recorder.limits
        attributes, dropped = clean(given, limits.log_attributes, limits.log_value)
        number = record.severity_number
        keep_log(
            recorder,
            Record(
                self.scope,
                record.timestamp or 0,
                record.observed_timestamp or time_ns(),
                number.value if number is not None else 0,
                record.severity_text or "",
                record.body if type(record.body) in SCALARS else clean_value(record.body, None),
                attributes,
                dropped,
                record.trace_id or 0,
                record.span_id or 0,
                int(record.trace_flags or 0),
                record.event_name or "",
            ),
        )

    def enabled(
        self,
        *,
        context: Any = None,
        severity_number: Any = None,
        event_name: str | None = None,
    ) -> bool:
        """Says whether a record would be kept."""
        return self._provider.recorder is not None


def keep_log(recorder: Recorder, record: Record) -> None:
    """Takes a record to its queue, and to the processors that were added."""
    if recorder.log_processors:
        from vario.sdk.stock import read_write_record

        whole = read_write_record(record, recorder.resource)
        for processor in recorder.log_processors:
            processor.on_emit(whole)
    recorder.logs.put(record)


def ids_of(context: Any = None) -> tuple[int, int, int]:
    """Returns trace id, span id and flags of the context's span; zeros where there is none."""
    span = get_current_span(context).get_span_context()
    return span.trace_id, span.span_id, int(span.trace_flags)


def _of_exception(error: BaseException) -> dict[str, Any]:
    kind = type(error)
    is_builtin = not kind.__module__ or kind.__module__ == "builtins"
    return {
        "exception.type": kind.__qualname__
        if is_builtin
        else f"{kind.__module__}.{kind.__qualname__}",
        "exception.message": str(error),
        "exception.stacktrace": "".join(traceback.format_exception(error)),
    }


def encode_record(record: Record) -> bytes:
    """Returns a record as a repeated field of `ScopeLogs`: tag, length, body."""
    (
        _, timestamp, observed, severity, words, body, own, dropped, trace_id, span_id, flags,
        event_name, labels, request,
    ) = record  # fmt: skip
    said = _bodies.get(body) if type(body) is str else None
    if said is None:
        said = _body(body)
    parts = [
        b"\x09",
        FIXED64(timestamp & _LOW),
        _severities.get((severity, words)) or _severity(severity, words),
        said,
    ]
    if labels is not None:
        hidden = labels.attributes.keys() & own.keys()
        parts.append(labels.encoded_for_logs if not hidden else labels.for_logs_without(hidden))
    if request is not None and "request_id" not in own:
        parts.append(request.encoded(b"\x32"))
    _append_attributes(parts, own)
    if dropped:
        parts.append(b"\x38" + varint(dropped))
    if trace_id or span_id:
        parts += (
            b"\x45",
            FIXED32(flags),
            _IDS(b"\x4a\x10", trace_id >> 64, trace_id & _LOW, b"\x52\x08", span_id),
        )
    parts += (b"\x59", FIXED64(observed & _LOW), text(b"\x62", event_name))
    whole = b"".join(parts)
    return b"\x12%b%b" % (varint(len(whole)), whole)


def _body(body: Any) -> bytes:
    said = message(b"\x2a", any_value(body))
    if type(body) is str and len(body) <= 64:
        if len(_bodies) >= 1_000:
            _bodies.clear()
        _bodies[body] = said
    return said


def _severity(number: int, words: str) -> bytes:
    if len(_severities) > 1_000:
        _severities.clear()
    found = _severities[number, words] = b"\x10" + varint(number) + text(b"\x1a", words)
    return found


def group(records: Sequence[Record]) -> dict[Any, list[bytes]]:
    """Returns encoded records by their scope."""
    found: dict[Any, list[bytes]] = {}
    for record in records:
        found.setdefault(record.scope, []).append(encode_record(record))
    return found
