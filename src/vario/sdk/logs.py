"""Log lines that can be found again: JSON with the ids of the request and its trace.

The schema is in `docs/sdk.md`. A line goes to standard output as JSON and to the server as an
OTLP log record, whose body is the message and whose attributes are the fields.
"""

import logging
import sys
import threading
from datetime import UTC, datetime
from typing import Any

from opentelemetry import context, trace
from opentelemetry._logs import LogRecord, SeverityNumber

from vario.sdk.requests import current_request
from vario.sdk.state import STATE, current
from vario.sdk.values import attribute, plain, to_json

REQUEST_LOG = logging.getLogger("vario.request")
FIELDS = "vario_fields"  # the record's attribute that holds a request's own fields

_IDS = ("service", "model_name", "model_version", "request_id", "trace_id", "span_id")
_STANDARD = {
    *vars(logging.LogRecord("", 0, "", 0, "", (), None)),
    *("message", "asctime", "taskName", FIELDS),
    *_IDS,
}
_SEVERITIES = (
    (logging.CRITICAL, "FATAL", SeverityNumber.FATAL),
    (logging.ERROR, "ERROR", SeverityNumber.ERROR),
    (logging.WARNING, "WARN", SeverityNumber.WARN),
    (logging.INFO, "INFO", SeverityNumber.INFO),
    (logging.DEBUG, "DEBUG", SeverityNumber.DEBUG),
    (0, "TRACE", SeverityNumber.TRACE),
)


def severity(level: int) -> tuple[str, SeverityNumber]:
    """Returns OpenTelemetry's text and number for a level of Python's `logging`."""
    for least, text, number in _SEVERITIES:
        if level >= least:
            return text, number
    return "", SeverityNumber.UNSPECIFIED


def ids_now() -> dict[str, str]:
    """Returns service, model_name, model_version, request_id, trace_id and span_id, as of now."""
    pipeline, state = current(), current_request.get()
    span = trace.get_current_span().get_span_context()
    settings = pipeline.settings if pipeline else None
    return {
        "service": settings.service if settings else "",
        "model_name": state.model_name if state else (settings.model_name if settings else ""),
        "model_version": (
            state.model_version if state else (settings.model_version if settings else "")
        ),
        "request_id": state.request_id if state else "",
        "trace_id": f"{span.trace_id:032x}" if span.is_valid else "",
        "span_id": f"{span.span_id:016x}" if span.is_valid else "",
    }


class ContextFilter(logging.Filter):
    """Gives each record the ids of its request, for any formatter: `%(trace_id)s`."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Adds what the record lacks; lets every record pass."""
        for key, value in ids_now().items():
            if key not in record.__dict__:
                setattr(record, key, value)
        return True


class JsonFormatter(logging.Formatter):
    """One JSON object a line, keys and types always the same."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns the line, without a line break at its end."""
        now = ids_now()
        moment = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, Any] = {
            "timestamp": f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z",
            "level": severity(record.levelno)[0],
        }
        line.update((key, record.__dict__.get(key, now[key])) for key in _IDS)
        own = record.__dict__.get(FIELDS)
        line.update(own or {})
        line["message"] = record.getMessage()
        if own is None:
            line["logger"] = record.name
        line.update((key, plain(value)) for key, value in _extras(record).items())
        if record.exc_info and "exception" not in line:
            line["exception"] = self.formatException(record.exc_info)
        return to_json(line)


class OtlpHandler(logging.Handler):
    """Sends each record to the server, within the trace that it was written in."""

    _busy = threading.local()

    def emit(self, record: logging.LogRecord) -> None:
        """Queues the record; one that is written while another is queued is left out."""
        pipeline = current()
        if pipeline is None or getattr(self._busy, "is_set", False):
            return
        self._busy.is_set = True
        try:
            text, number = severity(record.levelno)
            pipeline.logger(record.name).emit(
                LogRecord(
                    timestamp=int(record.created * 1e9),
                    context=context.get_current(),
                    severity_text=text,
                    severity_number=number,
                    body=record.getMessage(),
                    attributes=_attributes(record),
                )
            )
        except Exception:
            self.handleError(record)
        finally:
            self._busy.is_set = False


class _Stdout(logging.Handler):
    """Writes a line to what `sys.stdout` is at the moment."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stdout.write(f"{self.format(record)}\n")
            sys.stdout.flush()
        except Exception:
            self.handleError(record)


_otlp = OtlpHandler()
_stdout = _Stdout()
_stdout.setFormatter(JsonFormatter())
_context = ContextFilter()


def attach() -> None:
    """Puts vario's handlers in their places; again where a logging configuration removed them."""
    root = logging.getLogger()
    if _otlp not in root.handlers:
        root.addHandler(_otlp)
    for handler in root.handlers:
        if handler is not _otlp:
            handler.addFilter(_context)
    REQUEST_LOG.disabled = False
    REQUEST_LOG.propagate = False
    REQUEST_LOG.setLevel(logging.INFO)
    wanted = [_otlp, _stdout] if STATE.stdout else [_otlp]
    for handler in wanted:
        if handler not in REQUEST_LOG.handlers:
            REQUEST_LOG.addHandler(handler)


def detach() -> None:
    """Takes vario's handlers away again."""
    root = logging.getLogger()
    root.removeHandler(_otlp)
    for handler in root.handlers:
        handler.removeFilter(_context)
    for handler in (_otlp, _stdout):
        REQUEST_LOG.removeHandler(handler)


def _extras(record: logging.LogRecord) -> dict[str, Any]:
    return {key: value for key, value in record.__dict__.items() if key not in _STANDARD}


def _attributes(record: logging.LogRecord) -> dict[str, Any]:
    """Returns the fields that are not in the record itself: not service, trace_id, level, time."""
    now = ids_now()
    fields: dict[str, Any] = {
        key: record.__dict__.get(key, now[key])
        for key in ("model_name", "model_version", "request_id")
    }
    fields.update(record.__dict__.get(FIELDS) or {})
    fields.update(_extras(record))
    if record.exc_info and record.exc_info[0] is not None:
        fields["exception.type"] = record.exc_info[0].__name__
        fields["exception.message"] = str(record.exc_info[1])
        fields["exception.stacktrace"] = logging.Formatter().formatException(record.exc_info)
    return {key: attribute(value) for key, value in fields.items() if value not in ("", None)}
