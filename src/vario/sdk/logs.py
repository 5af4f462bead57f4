"""Log lines that can be found again: they carry the ids of the request and of its trace.

A line goes to standard output as JSON, in the schema of `docs/sdk.md`, and to the server as an
OTLP log record, whose body is the message and whose attributes are the fields.
"""

import logging
import sys
import threading
import traceback
from datetime import UTC, datetime
from time import time_ns
from typing import Any

from opentelemetry import trace
from opentelemetry._logs import SeverityNumber

from vario.sdk.cleaning import SCALARS, clean
from vario.sdk.context import SPAN_KEY, get_context
from vario.sdk.faults import report
from vario.sdk.loggers import Record, ids_of, keep_log
from vario.sdk.pipeline import Pipeline
from vario.sdk.recorder import Scope
from vario.sdk.requests import current_request
from vario.sdk.spans import OURS
from vario.sdk.state import STATE, current
from vario.sdk.values import attribute, plain, to_json

REQUEST_LOG = logging.getLogger("vario.request")
REQUEST_LOG.setLevel(logging.INFO)
REQUEST_LOG.propagate = False
FIELDS = "vario_fields"  # the record's attribute that holds a request's own fields
_ACCESS_LOGS = ("uvicorn.access", "gunicorn.access", "hypercorn.access")  # said already, and better
_busy = threading.local()
_REQUEST_SCOPE = Scope("vario.request")
_MOST_SCOPES = 4_096
_scopes: dict[str, Scope] = {REQUEST_LOG.name: _REQUEST_SCOPE}

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
        line["message"] = _message(record)
        if own is None:
            line["logger"] = record.name
        line.update((key, plain(value)) for key, value in _extras(record).items())
        if record.exc_info and "exception" not in line:
            line["exception"] = self.formatException(record.exc_info)
        return to_json(line)


class _Stdout(logging.Handler):
    """Writes a line to what `sys.stdout` is at the moment."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stdout.write(f"{self.format(record)}\n")
            sys.stdout.flush()
        except Exception:
            self.handleError(record)


_stdout = _Stdout()
_stdout.setFormatter(JsonFormatter())
_own_call_handlers = logging.Logger.callHandlers


def attach() -> None:
    """Has every log record of the process pass by here, on its way to the service's handlers.

    A handler on the root logger would not do: Python would then no longer write warnings to
    standard error where nothing is configured, `logging.basicConfig` would do nothing, and
    `logging.config.dictConfig` would throw the handler out.
    """
    setattr(logging.Logger, "callHandlers", _call_handlers)  # noqa: B010 -- for the type checker
    if STATE.stdout:
        REQUEST_LOG.addHandler(_stdout)


def detach() -> None:
    """Gives the service's logging back as it was."""
    if logging.Logger.callHandlers is _call_handlers:
        setattr(logging.Logger, "callHandlers", _own_call_handlers)  # noqa: B010
    REQUEST_LOG.removeHandler(_stdout)


def write_request(pipeline: Pipeline, level: int, message: str, fields: dict[str, Any]) -> None:
    """Writes the log line of a request.

    It does so even where a logging configuration has disabled the loggers that it does not name,
    as `dictConfig` does by default; the level of the logger `vario.request` is obeyed. Where
    nothing listens to that logger, no line is made: only the record for the server.
    """
    if level < REQUEST_LOG.level:
        return
    if REQUEST_LOG.handlers or REQUEST_LOG.filters or REQUEST_LOG.propagate:
        record = REQUEST_LOG.makeRecord(
            REQUEST_LOG.name, level, "", 0, message, (), None, extra={FIELDS: fields}
        )
        if REQUEST_LOG.filter(record):
            REQUEST_LOG.callHandlers(record)
        return
    _keep(pipeline, _REQUEST_SCOPE, time_ns(), level, message, _sendable(fields))


def _call_handlers(logger: logging.Logger, record: logging.LogRecord) -> None:
    """Does as `logging.Logger.callHandlers`, after the record was given its ids and queued."""
    if not getattr(_busy, "is_set", False):
        _busy.is_set = True  # what is logged while a record is queued is not queued itself
        try:
            record.__dict__.update(
                (key, value) for key, value in ids_now().items() if key not in record.__dict__
            )
            _queue(record)
        except Exception as error:
            report("send a log line", error)
        finally:
            _busy.is_set = False
    _own_call_handlers(logger, record)


def _queue(record: logging.LogRecord) -> None:
    pipeline = current()
    if pipeline is None or record.name in _ACCESS_LOGS:
        return
    at_ns = int(record.created * 1e9)
    _keep(
        pipeline, _scope(record.name), at_ns, record.levelno, _message(record), _attributes(record)
    )


def keep_line(
    pipeline: Pipeline,
    name: str,
    level: int,
    message: str,
    fields: dict[str, Any],
    error: BaseException | None,
) -> None:
    """Queues a line that did not come through the standard library's `logging`.

    Args:
        pipeline: where it goes.
        name: of its logger.
        level: as in `logging`.
        message: what it says.
        fields: what else it says.
        error: the exception that it is about.
    """
    fields = dict(fields)
    if error is not None:
        fields["exception.type"] = type(error).__name__
        fields["exception.message"] = str(error)
        fields["exception.stacktrace"] = "".join(traceback.format_exception(error))
    _keep(pipeline, _scope(name), time_ns(), level, message, _sendable(fields))


def keep_event(pipeline: Pipeline, name: str, message: str, fields: dict[str, Any]) -> None:
    """Queues an event: a record with a name that says what its attributes are."""
    _keep(pipeline, _scope("vario"), time_ns(), logging.INFO, message, fields, name)


def _scope(name: str) -> Scope:
    scope = _scopes.get(name)
    if scope is None:
        if len(_scopes) >= _MOST_SCOPES:
            _scopes.clear()
        scope = _scopes[name] = Scope(name)
    return scope


def _keep(
    pipeline: Pipeline,
    scope: Scope,
    at_ns: int,
    level: int,
    message: str,
    attributes: dict[str, Any],
    event_name: str = "",
) -> None:
    """Queues a record with the model, the request and the span of now."""
    request = current_request.get()
    recorder = pipeline.recorder
    limits, dropped = recorder.limits, 0
    # What comes here is clean but for the limits, and they are seldom reached.
    if limits.log_value is not None or len(attributes) > (limits.log_attributes or 0):
        attributes, dropped = clean(attributes, limits.log_attributes, limits.log_value)
    words, number = _kept_severities.get(level) or _severity(level)
    span: Any = get_context().get(SPAN_KEY)
    if type(span) in OURS:
        own = span.trace
        ids = (own.trace_id, span.span_id, own.flags)
    else:
        ids = ids_of()
    labels = pipeline.labels if request is None else request.labels
    keep_log(
        recorder,
        Record(
            scope,
            at_ns,
            time_ns(),
            number,
            words,
            message,
            attributes,
            dropped,
            *ids,
            event_name,
            labels,
            request,
        ),
    )


_kept_severities: dict[int, tuple[str, int]] = {}


def _severity(level: int) -> tuple[str, int]:
    text, number = severity(level)
    if len(_kept_severities) < 100:
        _kept_severities[level] = (text, number.value)
    return text, number.value


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # arguments that do not fit; logging itself tells the service so
        return f"{record.msg} {record.args!r}"


def _extras(record: logging.LogRecord) -> dict[str, Any]:
    return {key: value for key, value in record.__dict__.items() if key not in _STANDARD}


def _attributes(record: logging.LogRecord) -> dict[str, Any]:
    """Returns the fields that are in the record itself, and those that its author gave."""
    fields: dict[str, Any] = {}
    now = ids_now()
    for key in ("model_name", "model_version", "request_id"):
        value = record.__dict__.get(key, now[key])
        if value != now[key]:
            fields[key] = value
    fields.update(record.__dict__.get(FIELDS) or {})
    fields.update(_extras(record))
    if record.exc_info and record.exc_info[0] is not None:
        fields["exception.type"] = record.exc_info[0].__name__
        fields["exception.message"] = str(record.exc_info[1])
        fields["exception.stacktrace"] = logging.Formatter().formatException(record.exc_info)
    return _sendable(fields)


def _sendable(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        key: value if type(value) in SCALARS else attribute(value)
        for key, value in fields.items()
        if value is not None and not (type(value) is str and not value)
    }
