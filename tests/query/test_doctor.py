import textwrap
from dataclasses import replace

import pytest
from inline_snapshot import snapshot

from vario.model.telemetry import TimeRange
from vario.query.doctor import Check, Doors, diagnose, find_worst
from vario.store.base import ServiceHealth

MINUTE = 60 * 10**9
WINDOW = TimeRange(0, 15 * MINUTE)
DOORS = Doors(http="http://127.0.0.1:4318", grpc="http://127.0.0.1:4317")
HEALTHY = ServiceHealth(
    service_name="ml-infer",
    spans=1000,
    logs=400,
    metric_series=12,
    logs_with_trace_id=390,
    spans_with_remote_parent=200,
    orphan_spans=3,
    has_version=True,
    has_region=True,
    clock_skew_ns=-900_000,
    newest_ns=WINDOW.end_ns - 2 * 10**9,
)


def ailing(**changes) -> list[Check]:
    """Returns what the doctor finds wrong with one service that is changed from healthy."""
    checks = diagnose([replace(HEALTHY, **changes)], WINDOW, DOORS)
    return [check for check in checks if check.status != "ok"]


def render(checks: list[Check]) -> str:
    """Returns checks as the lines of a page."""
    lines: list[str] = []
    for check in checks:
        lines.append(f"{check.status} {check.service or '-'} {check.name}: {check.message}")
        lines += textwrap.wrap(check.remedy, 90, initial_indent="  ", subsequent_indent="  ")
    return "\n".join(lines)


def test_all_is_well() -> None:
    gateway = replace(HEALTHY, service_name="gateway", spans_with_remote_parent=0)
    checks = diagnose([HEALTHY, gateway], WINDOW, DOORS)
    assert find_worst(checks) == "ok"
    assert [check.remedy for check in checks] == [""] * len(checks)
    assert render(checks) == snapshot("""\
ok - server: the server and its store answer
ok - propagation: traces cross services (gateway, ml-infer)
ok gateway spans: 1000 spans
ok gateway logs: 400 log records
ok gateway metrics: 12 series
ok gateway correlation: 98% of log records carry a trace id
ok gateway parents: the parents of its spans are stored
ok gateway clock: its clock agrees with its callers'
ok gateway version: it names a version
ok gateway region: it names a region
ok gateway freshness: the newest is 2 s old
ok ml-infer spans: 1000 spans
ok ml-infer logs: 400 log records
ok ml-infer metrics: 12 series
ok ml-infer correlation: 98% of log records carry a trace id
ok ml-infer parents: the parents of its spans are stored
ok ml-infer clock: its clock agrees with its callers'
ok ml-infer version: it names a version
ok ml-infer region: it names a region
ok ml-infer freshness: the newest is 2 s old\
""")


def test_nothing_arrives() -> None:
    checks = diagnose([], WINDOW, DOORS)
    assert find_worst(checks) == "failed"
    assert render(checks[1:]) == snapshot("""\
failed - arrival: no span, log record or metric arrived in 15 minutes
  point a service here: export OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 (gRPC:
  http://127.0.0.1:4317 with OTEL_EXPORTER_OTLP_PROTOCOL=grpc), or in Python import vario;
  vario.configure(service="my-service"); or watch `vario demo`\
""")


def test_services_that_traces_do_not_link() -> None:
    apart = [replace(HEALTHY, service_name=name, spans_with_remote_parent=0) for name in ("a", "b")]
    found = [check for check in diagnose(apart, WINDOW, DOORS) if check.status != "ok"]
    assert render(found) == snapshot("""\
warning - propagation: no trace crosses from one service into another (a, b)
  if they call each other, the caller must send the traceparent header and the callee read
  it. In Python: vario.instrument_httpx(client) and vario.instrument_fastapi(app), or pip
  install opentelemetry-instrumentation-httpx (-requests, -aiohttp-client) and start with
  opentelemetry-instrument; elsewhere export OTEL_PROPAGATORS=tracecontext,baggage in both\
""")
    # A service by itself has nobody to be linked with, nor have two of which one sends no spans.
    assert ailing(spans_with_remote_parent=0) == []
    silent = replace(apart[1], spans=0)
    checks = diagnose([apart[0], silent], WINDOW, DOORS)
    assert "propagation" not in {check.name for check in checks}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"service_name": "unknown_service:python"}, ("name", "warning")),
        ({"spans": 0, "spans_with_remote_parent": 0, "orphan_spans": 0}, ("spans", "failed")),
        ({"logs": 0, "logs_with_trace_id": 0}, ("logs", "warning")),
        ({"metric_series": 0}, ("metrics", "warning")),
        ({"logs_with_trace_id": 0}, ("correlation", "failed")),
        ({"logs_with_trace_id": 100}, ("correlation", "warning")),
        ({"orphan_spans": 51}, ("parents", "warning")),
        ({"clock_skew_ns": 5_000_000}, ("clock", "warning")),
        ({"clock_skew_ns": -(10**9)}, ("clock", "failed")),
        ({"has_version": False}, ("version", "warning")),
        ({"has_region": False}, ("region", "warning")),
        ({"newest_ns": 9 * MINUTE}, ("freshness", "warning")),
    ],
)
def test_each_fault_is_found_alone_and_has_a_remedy(changes, expected) -> None:
    (check,) = ailing(**changes)
    assert (check.name, check.status) == expected
    assert check.message
    assert check.remedy


def test_a_few_start_up_lines_without_a_trace_are_no_fault() -> None:
    assert ailing(logs=19, logs_with_trace_id=0) == []
    assert [check.name for check in ailing(logs=20, logs_with_trace_id=0)] == ["correlation"]


def test_remedies_name_the_exact_line() -> None:
    found = ailing(logs_with_trace_id=0, has_region=False, clock_skew_ns=3 * 10**9, metric_series=0)
    assert render(found) == snapshot("""\
warning ml-infer metrics: no metrics arrive
  export OTEL_METRICS_EXPORTER=otlp; the first come after OTEL_METRIC_EXPORT_INTERVAL
  (60000 ms by default). Under gunicorn configure the SDK in post_fork, not before it
failed ml-infer correlation: 0% of log records carry a trace id; a trace leads to the lines that do
  log while a span is current: inside the request handler, not in a thread started without
  its context (contextvars.copy_context().run(task)); records made elsewhere need trace_id
  and span_id set from opentelemetry.trace.get_current_span()
failed ml-infer clock: its clock is about 3000 ms behind its callers' clocks
  let its machine follow a time server: timedatectl set-ntp true, then chronyc tracking
  (in a container the clock is the host's)
warning ml-infer region: it names no region; a fault of one cannot be told from a fault of all
  export OTEL_RESOURCE_ATTRIBUTES=cloud.region=eu-west (commas between several), or
  vario.configure(service="ml-infer", region="eu-west")\
""")


def test_a_service_of_metrics_alone() -> None:
    found = ailing(spans=0, logs=0, logs_with_trace_id=0, newest_ns=0)
    assert [check.name for check in found] == ["spans", "logs", "freshness"]
    assert find_worst(found) == "failed"


def test_a_controller_of_metrics_alone_beside_services_with_spans_is_no_failure() -> None:
    controller = replace(
        HEALTHY, service_name="autoscaler", spans=0, logs=0, logs_with_trace_id=0, newest_ns=0
    )
    assert find_worst(diagnose([HEALTHY, controller], WINDOW, DOORS)) == "warning"
    silent = replace(controller, metric_series=0, logs=5)
    assert find_worst(diagnose([HEALTHY, silent], WINDOW, DOORS)) == "failed"


def test_the_worst_counts() -> None:
    checks = [Check("a", "", status, "") for status in ("ok", "failed", "warning")]
    assert [find_worst(checks[:n]) for n in range(4)] == ["ok", "ok", "failed", "failed"]
