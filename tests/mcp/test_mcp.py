"""Agents ask a real server, over HTTP and over standard input and output."""

import asyncio
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import orjson
import pytest
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.stdio import stdio_client as stdio
from tests.conftest import KEEP_FOR_YEARS, START_NS
from tests.support.otlp_factory import (
    MS,
    SECOND,
    logs_body,
    make_gauge,
    make_log,
    make_point,
    make_span,
    metrics_body,
    trace_hex,
    traces_body,
)
from tests.support.server import serving, settings_for

from vario.clock import ManualClock
from vario.mcp.digest import MAX_BYTES, shrink
from vario.mcp.outline import outline_trace
from vario.model.telemetry import Signal
from vario.store.clickhouse import open_store
from vario.store.engine import Engine

PAST_NS = START_NS - 60 * SECOND


@pytest.fixture(scope="module")
def address(embedded_engine: Engine) -> Iterator[str]:
    """A server that holds one trace, a log record and one series."""
    settings = settings_for("chdb://memory/agents")
    few = replace(settings.store, reader_threads=1, retention=KEEP_FOR_YEARS)
    clock = ManualClock(START_NS)
    store = open_store(few, clock)
    entry = make_span(
        "GET /predict", trace=7, span=1, kind="server", start_ns=PAST_NS, duration_ns=20 * MS
    )
    step = make_span(
        "ml-infer.predict",
        trace=7,
        span=2,
        parent=1,
        start_ns=PAST_NS + 5 * MS,
        duration_ns=10 * MS,
        status="error",
    )
    store.write_otlp(Signal.TRACES, traces_body("ml-infer", entry, step))
    log = make_log("slow cache", time_ns=PAST_NS, severity="warn", trace=7, span=2)
    store.write_otlp(Signal.LOGS, logs_body("ml-infer", log))
    points = [make_point(n, time_ns=PAST_NS + n * 10 * SECOND) for n in range(1, 6)]
    store.write_otlp(Signal.METRICS, metrics_body("ml-infer", make_gauge("depth", *points)))
    try:
        with serving(replace(settings, store=few), clock) as addresses:
            yield addresses.api
    finally:
        store.engine.command("DROP DATABASE agents SYNC")
        store.close()


def ask(server: Any, tool: str, **arguments: object) -> Any:
    """Returns what a tool says: its answer as JSON, or the text of its error."""

    async def call() -> Any:
        async with Client(server) as client:
            result = await client.call_tool(tool, arguments)
            text = result.content[0].text
            return text if result.is_error else orjson.loads(text)

    return asyncio.run(call())


def test_tools_only_read_and_say_what_they_do(address: str) -> None:
    async def call() -> Any:
        async with Client(f"{address}/mcp") as client:
            return (await client.list_tools()).tools

    tools = asyncio.run(call())
    assert {"list_services", "query_metrics", "search_traces", "get_trace", "search_logs"} < {
        tool.name for tool in tools
    }
    assert all(tool.description and tool.annotations.read_only_hint for tool in tools)


def test_an_answer_names_its_source_and_a_page(address: str) -> None:
    asked = "start=now-15m&end=now"
    said = ask(f"{address}/mcp", "list_services", since="15m")
    assert (said["source"], said["page"]) == (f"{address}/api/services?{asked}", f"{address}/")
    assert [service["service"] for service in said["answer"]["services"]] == ["ml-infer"]


def test_the_source_gives_the_same_again(address: str) -> None:
    said = ask(f"{address}/mcp", "query_metrics", promql="max(depth)")
    again = httpx.get(said["source"]).json()["data"]["result"]
    assert said["answer"]["result"][0]["value"][1] == again[0]["value"][1] == "5"


def test_a_range_has_thirty_steps(address: str) -> None:
    said = ask(f"{address}/mcp", "query_metrics", promql="vector(1)", since="30m")
    assert len(said["answer"]["result"][0]["values"]) == 31


def test_a_trace_is_an_outline(address: str) -> None:
    said = ask(f"{address}/mcp", "get_trace", trace_id=trace_hex(7))
    lines = [(s["span"], s["ms"], s["self_ms"], s.get("error")) for s in said["answer"]["spans"]]
    assert lines == [
        ("ml-infer: GET /predict", 20.0, 10.0, None),
        ("  ml-infer: ml-infer.predict", 10.0, 10.0, "error"),
    ]


def test_logs_are_found_by_filter(address: str) -> None:
    said = ask(f"{address}/mcp", "search_logs", filter="body contains 'cache'")
    assert [log["body"] for log in said["answer"]] == ["slow cache"]


@pytest.mark.parametrize(
    ("tool", "arguments", "message"),
    [
        ("search_traces", {"filter": "nonsense ="}, "filter"),
        ("query_metrics", {"promql": "rate(depth"}, "parse error"),
        ("query_metrics", {"promql": "depth", "since": "soon"}, "since: 'soon' is no duration"),
        ("list_services", {"since": "soon"}, "soon"),
        ("get_slo", {"slo_id": "none"}, "none"),
        ("get_incident", {"incident_id": "none"}, "none"),
        ("get_capacity", {"service": "nobody"}, "nobody"),
        ("compare_versions", {"service": "ml-infer"}, "a second version"),
        ("get_trace", {"trace_id": "../doctor"}, "trace"),
    ],
)
def test_what_the_api_refuses_is_told(
    address: str, tool: str, arguments: dict[str, object], message: str
) -> None:
    assert message in ask(f"{address}/mcp", tool, **arguments)


@pytest.mark.parametrize(
    "tool",
    ["list_slos", "list_metrics", "list_alerts", "list_incidents", "get_drift", "check_telemetry"],
)
def test_tools_without_arguments_answer(address: str, tool: str) -> None:
    assert {"answer", "source", "page"} == set(ask(f"{address}/mcp", tool))


def test_an_investigation_says_what_it_found(address: str) -> None:
    said = ask(f"{address}/mcp", "investigate", service="ml-infer", since="15m")
    assert said["answer"]["verdict"] in ("no_change", "unexplained")
    assert said["answer"]["summary"]


def test_patterns_of_logs_are_counted(address: str) -> None:
    said = ask(f"{address}/mcp", "find_log_patterns", since="15m")
    assert "slow cache" in str(said["answer"])


def test_fields_and_their_values_are_listed(address: str) -> None:
    server = f"{address}/mcp"
    fields = ask(server, "list_fields", signal="logs")["answer"]
    values = ask(server, "list_fields", signal="logs", field="service.name")["answer"]
    assert fields
    assert "ml-infer" in str(values)


def test_only_post_is_answered(address: str) -> None:
    answer = httpx.get(f"{address}/mcp")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_a_body_that_is_no_request_is_refused(address: str) -> None:
    headers = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
    assert httpx.post(f"{address}/mcp", content=b"{", headers=headers).status_code == 400


def test_standard_input_and_output(address: str) -> None:
    command = [sys.executable, "-m", "vario.cli", "mcp", "--server", address]
    server = stdio(StdioServerParameters(command=command[0], args=command[1:]))
    said = ask(server, "list_services", since="15m")
    assert [service["service"] for service in said["answer"]["services"]] == ["ml-infer"]


def test_without_a_server_the_error_names_it() -> None:
    command = ["-m", "vario.cli", "mcp", "--server", "http://127.0.0.1:9"]
    server = stdio(StdioServerParameters(command=sys.executable, args=command))
    assert "no vario answers at http://127.0.0.1:9" in ask(server, "list_slos")


def test_a_large_answer_is_cut_and_says_so() -> None:
    small = shrink({"logs": [{"body": "x" * 1000, "n": 1 / 3, "none": None}] * 500})
    assert len(orjson.dumps(small)) <= MAX_BYTES
    assert small["logs"][-1] == "... and 480 more"
    assert small["logs"][0] == {"body": "x" * 300 + "... (700 more characters)", "n": 0.3333}


def test_spans_that_are_their_own_ancestors_are_outlined() -> None:
    def span(number: str, parent: str) -> dict[str, Any]:
        return {
            "span_id": number,
            "parent_span_id": parent,
            "name": number,
            "service": "s",
            "start_time_unix_nano": "0",
            "duration_ns": "1000000",
            "status_code": "Unset",
            "status_message": "",
            "attributes": {},
        }

    outline = outline_trace([span("a", "b"), span("b", "a")])
    assert outline["span_count"] == 2
    assert outline_trace([]) == {"span_count": 0, "spans": []}
