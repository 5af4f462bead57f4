"""Log lines: their schema, and the ids that they carry."""

import json
import logging
import math
from collections.abc import Iterator
from io import StringIO

import numpy as np
import pytest
from tests.support.otlp_sink import OtlpSink

import vario
from vario.sdk.logs import write_request
from vario.sdk.state import current

IDS = {
    "service": "ml-infer",
    "model_name": "recommender",
    "model_version": "v23",
    "request_id": "",
    "trace_id": "",
    "span_id": "",
}


@pytest.fixture
def stream() -> Iterator[StringIO]:
    """What a JSON handler on the logger `app` writes."""
    stream, log = StringIO(), logging.getLogger("app")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(vario.JsonFormatter())
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    yield stream
    log.removeHandler(handler)
    log.setLevel(logging.NOTSET)


def test_json_lines_of_the_standard_library(configured: OtlpSink, stream: StringIO) -> None:
    logging.getLogger("app").info("loaded %s", "v23", extra={"rows": 3})
    line = json.loads(stream.getvalue())
    assert line.pop("timestamp").endswith("Z")
    assert line == {**IDS, "level": "INFO", "message": "loaded v23", "logger": "app", "rows": 3}


def test_lines_within_a_span_carry_its_ids(configured: OtlpSink, stream: StringIO) -> None:
    with vario.step("predict"):
        logging.getLogger("app").critical("out of memory")
    assert vario.flush()
    (span,), (record,) = configured.spans(), configured.logs()
    line = json.loads(stream.getvalue())
    assert (line["trace_id"], line["span_id"]) == (span.trace_id, span.span_id)
    assert (record.trace_id, record.span_id) == (span.trace_id, span.span_id)
    assert (line["level"], record.severity) == ("FATAL", "FATAL")


def test_an_exception_is_kept_whole(configured: OtlpSink, stream: StringIO) -> None:
    try:
        raise KeyError("age")
    except KeyError:
        logging.getLogger("app").exception("no features")
    assert vario.flush()
    line = json.loads(stream.getvalue())
    assert line["exception"].endswith("KeyError: 'age'")
    (record,) = configured.logs()
    assert record.attributes["exception.type"] == "KeyError"
    assert record.attributes["exception.message"] == "'age'"
    assert "test_logs.py" in record.attributes["exception.stacktrace"]


def test_values_of_every_kind_stay_valid_json(configured: OtlpSink, stream: StringIO) -> None:
    values = {
        "nan": math.nan,
        "array": np.array([[1.5, np.inf]]),
        "scalar": np.float32(0.5),
        "integer": np.int64(3),
        "raw": b"a\xff",
        "nested": {"a": {1, 2}, 3: object},
        "none": None,
    }
    logging.getLogger("app").warning("odd", extra=values)
    line = json.loads(stream.getvalue())
    assert {key: line[key] for key in values} == {
        "nan": None,
        "array": [[1.5, None]],
        "scalar": 0.5,
        "integer": 3,
        "raw": "a\\xff",
        "nested": {"a": [1, 2], "3": "<class 'object'>"},
        "none": None,
    }
    assert vario.flush()
    (record,) = configured.logs()
    assert record.attributes["array"] == "[[1.5,null]]"
    assert record.attributes["nested"] == """{"a":[1,2],"3":"<class 'object'>"}"""


def test_any_formatter_can_use_the_ids(configured: OtlpSink) -> None:
    stream, log = StringIO(), logging.getLogger("plain")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(service)s %(trace_id)s %(model_version)s"))
    log.addHandler(handler)
    try:
        with vario.step("predict") as span:
            log.warning("x")
            log.warning("x", extra={"trace_id": "my own"})
    finally:
        log.removeHandler(handler)
    trace_id = f"{span.get_span_context().trace_id:032x}"
    assert stream.getvalue().splitlines() == [f"ml-infer {trace_id} v23", "ml-infer my own v23"]


def test_a_line_that_cannot_be_formatted_does_not_stop_the_service(
    configured: OtlpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    logging.getLogger("app").warning("%d", "not a number")
    assert vario.flush()
    assert [record.body for record in configured.logs()] == ["%d ('not a number',)"]


def test_without_configure_a_line_has_empty_ids(stream: StringIO) -> None:
    logging.getLogger("app").info("hello")
    line = json.loads(stream.getvalue())
    assert {key: line[key] for key in IDS} == dict.fromkeys(IDS, "")


def test_the_service_s_own_logging_is_left_as_it_is(sink: OtlpSink) -> None:
    root, before = logging.getLogger(), logging.Logger.callHandlers
    handlers = list(root.handlers)
    vario.configure(service="x")
    assert root.handlers == handlers
    vario.shutdown()
    assert logging.Logger.callHandlers is before
    left = logging.getLogger("vario.request").handlers
    assert [h for h in left if type(h).__module__.startswith("vario")] == []


def test_request_lines_are_written_where_a_later_configuration_disables_loggers(
    configured: OtlpSink, capsys: pytest.CaptureFixture[str]
) -> None:
    logging.getLogger("vario.request").disabled = True  # dictConfig's default for what it omits
    try:
        pipeline = current()
        assert pipeline is not None
        write_request(pipeline, logging.INFO, "GET / 200", {"status_code": 200})
        write_request(pipeline, logging.DEBUG, "below the logger's level", {})
    finally:
        logging.getLogger("vario.request").disabled = False
    assert vario.flush()
    assert [record.body for record in configured.logs()] == ["GET / 200"]
    assert json.loads(capsys.readouterr().out)["status_code"] == 200


def test_access_logs_of_servers_are_not_sent_as_well(configured: OtlpSink) -> None:
    logging.getLogger("uvicorn.access").error("GET / 200")
    assert vario.flush()
    assert configured.logs() == []
