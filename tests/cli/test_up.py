from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from vario.cli.logging import HumanFormatter, JsonFormatter
from vario.cli.up import apply_flags
from vario.config import RetentionSettings, Settings
from vario.errors import BadData


def test_flags_win_over_settings() -> None:
    defaults = Settings()
    flags: dict[str, Any] = {
        "data": Path("/tmp/folder"),
        "dsn": None,
        "host": "0.0.0.0",
        "port": 1,
        "otlp_http_port": 2,
        "otlp_grpc_port": 3,
        "retention_traces": 4,
        "retention_logs": 5,
        "retention_metrics": 6,
    }
    assert apply_flags(defaults, flags) == replace(
        defaults,
        server=replace(defaults.server, host="0.0.0.0", port=1),
        ingest=replace(defaults.ingest, otlp_http_port=2, otlp_grpc_port=3),
        store=replace(
            defaults.store,
            dsn="chdb:///tmp/folder",
            retention=RetentionSettings(traces_days=4, logs_days=5, metrics_days=6),
        ),
    )


def test_flags_that_were_not_given_change_nothing() -> None:
    assert apply_flags(Settings(), {"data": None, "port": None}) == Settings()


def test_two_stores_are_one_too_many() -> None:
    with pytest.raises(BadData, match="--data and --dsn both say where the store is"):
        apply_flags(Settings(), {"data": Path("/x"), "dsn": "chdb://memory"})


def _record(**extra: Any) -> Any:
    import logging

    record = logging.makeLogRecord(
        {"name": "vario.app", "levelname": "INFO", "msg": "ready %d", "args": (1,), "created": 0.5}
    )
    record.__dict__.update(extra)
    return record


def test_an_event_is_one_line_for_people() -> None:
    line = HumanFormatter().format(_record(fields={"ui": "http://x", "after": "2s"}))
    assert line.split(" ", 1)[1] == "INFO ready 1 ui=http://x after=2s"


def test_an_event_is_one_object_for_machines() -> None:
    line = JsonFormatter().format(_record(fields={"ui": "http://x"}))
    assert orjson.loads(line) == {
        "timestamp": "1970-01-01T00:00:00.500000+00:00",
        "level": "INFO",
        "logger": "vario.app",
        "message": "ready 1",
        "ui": "http://x",
    }


@pytest.mark.parametrize("formatter", [HumanFormatter(), JsonFormatter()])
def test_a_traceback_is_kept(formatter: Any) -> None:
    try:
        raise ValueError("boom")
    except ValueError as error:
        caught = (type(error), error, error.__traceback__)
    text = formatter.format(_record(exc_info=caught))
    assert "ValueError: boom" in text
    assert isinstance(formatter, HumanFormatter) or "\n" not in text
