"""One line for each event of the server: for people, or JSON for machines."""

import logging
from datetime import UTC, datetime
from typing import Any, Literal

import orjson

LogFormat = Literal["human", "json"]


class HumanFormatter(logging.Formatter):
    """`12:00:01 INFO ready ui=http://127.0.0.1:7070`, times local."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """Returns the line, and below it a traceback if there is one."""
        pairs = (f" {name}={value}" for name, value in _fields(record).items())
        line, newline, rest = super().format(record).partition("\n")
        return "".join([line, *pairs, newline, rest])


class JsonFormatter(logging.Formatter):
    """One JSON object a line, in the words of OpenTelemetry's log records."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns the line."""
        line: dict[str, Any] = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    return getattr(record, "fields", {})


def configure_logging(form: LogFormat, level: str = "INFO") -> None:
    """Sends everything from `level` on to stderr, one line an event."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if form == "json" else HumanFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # Its notices are about its own requests, one for each that a command makes.
    logging.getLogger("httpx").setLevel(logging.WARNING)
