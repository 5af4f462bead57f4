"""structlog and loguru: their lines carry the ids of the request, and go to the server too."""

import logging
from collections.abc import Callable, MutableMapping
from typing import Any, TypeVar

from vario.sdk.faults import report
from vario.sdk.logs import ids_now, keep_line
from vario.sdk.state import current

Logger = TypeVar("Logger")
_LEVELS = {
    "debug": 10, "info": 20, "warning": 30, "warn": 30, "error": 40, "exception": 40,
    "critical": 50, "fatal": 50,
}  # fmt: skip
_KNOWN = frozenset({"event", "level", "logger", "timestamp", "exc_info", "exception", "stack"})


def structlog_processor(
    logger: Any, method_name: str, event_dict: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Adds trace_id, request_id and the model to a structlog event, and sends it.

    Put it into `structlog.configure(processors=[..., vario.structlog_processor, renderer])`. Where
    structlog writes through the standard library's `logging`, the line is sent from there.

    Args:
        logger: what structlog wraps.
        method_name: the level's name.
        event_dict: the event; returned with the ids in it.
    """
    try:
        ids = ids_now()
        if not isinstance(logger, logging.Logger) and (pipeline := current()):
            own = {key: value for key, value in event_dict.items() if key not in _KNOWN}
            name = str(event_dict.get("logger") or "structlog")
            level = _LEVELS.get(str(event_dict.get("level", method_name)).lower(), 20)
            error = event_dict.get("exc_info")
            told = error if isinstance(error, BaseException) else None
            keep_line(pipeline, name, level, str(event_dict.get("event", "")), own, told)
        for key, value in ids.items():
            if value:
                event_dict.setdefault(key, value)
    except Exception as error:
        report("send a line of structlog", error)
    return event_dict


def instrument_loguru(logger: Logger) -> Logger:
    """Has loguru's lines carry the ids in `extra`, and sends them; returns the logger.

    Formats can then name them: `"{extra[trace_id]} {extra[request_id]} {message}"`.

    Args:
        logger: `loguru.logger`; changed in place.
    """
    try:
        loguru: Any = logger
        loguru.configure(patcher=_patch)
        add: Callable[..., Any] = loguru.add
        add(_send, level=0, format="{message}", catch=True)
    except Exception as error:
        report("instrument loguru", error)
    return logger


def _patch(record: dict[str, Any]) -> None:
    try:
        for key, value in ids_now().items():
            record["extra"].setdefault(key, value)
    except Exception as error:
        report("add ids to a line of loguru", error)


def _send(message: Any) -> None:
    try:
        pipeline = current()
        if pipeline is None:
            return
        record = message.record
        ids = ids_now()
        own = {key: value for key, value in record["extra"].items() if value != ids.get(key)}
        held = record["exception"]
        error = held.value if held is not None else None
        name = str(record["name"] or "loguru")
        keep_line(pipeline, name, int(record["level"].no), str(record["message"]), own, error)
    except Exception as error:
        report("send a line of loguru", error)
