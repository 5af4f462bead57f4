"""The doctor: what each service's telemetry lacks, and the exact line that mends it. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from vario.model.telemetry import TimeRange
from vario.store.base import DamagedPart, ServiceHealth

CheckStatus = Literal["ok", "warning", "failed"]

_SEVERITY: dict[CheckStatus, int] = {"ok": 0, "warning": 1, "failed": 2}

# Start-up and background lines belong to no request, so not all lines can carry a trace id.
LINKED_LOGS_RATIO = 0.5
# A service that has said hardly anything but that it started cannot be judged by its lines.
FEW_LOGS = 20
# The last spans of a window often wait for a parent that is still running.
ORPHAN_RATIO = 0.05
# A span that lies outside its parent by more than the jitter of one machine's clock.
SKEW_WARNING_NS = 5_000_000
SKEW_FAILED_NS = 1_000_000_000
SILENCE_NS = 5 * 60 * 1_000_000_000


@dataclass(frozen=True, slots=True)
class Check:
    """One finding. `service` is empty for a check of the whole; `remedy` where all is well."""

    name: str
    service: str
    status: CheckStatus
    message: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Doors:
    """Addresses that telemetry is sent to, as a remedy prints them."""

    http: str
    grpc: str


def diagnose(
    services: Sequence[ServiceHealth],
    window: TimeRange,
    doors: Doors,
    damaged: Sequence[DamagedPart] = (),
) -> list[Check]:
    """Returns every check, those of the whole first, then service by service.

    Args:
        services: what arrived in the window.
        window: the range of time looked at; its end is "now".
        doors: where telemetry should be sent.
        damaged: parts of the store that could not be read.
    """
    checks = [Check("server", "", "ok", "the server and its store answer")]
    checks.extend(map(_check_damaged, damaged))
    if not services:
        minutes = window.duration_ns / 60e9
        return [*checks, Check(
            "arrival", "", "failed",
            f"no span, log record or metric arrived in {minutes:g} minutes",
            f"point a service here: export OTEL_EXPORTER_OTLP_ENDPOINT={doors.http} "
            f"(gRPC: {doors.grpc} with OTEL_EXPORTER_OTLP_PROTOCOL=grpc), or in Python "
            'import vario; vario.configure(service="my-service"); or watch `vario demo`',
        )]  # fmt: skip
    checks.extend(_check_links(services))
    traced = any(service.spans for service in services)
    for service in sorted(services, key=lambda health: health.service_name):
        checks.extend(_check_service(service, window, doors, traced=traced))
    return checks


def _check_damaged(part: DamagedPart) -> Check:
    return Check(
        "store", "", "failed",
        f"a part of {part.table} ({part.bytes / 1024:.0f} KiB) could not be read and was set "
        "aside; the rest serves",
        "see to the disk (dmesg, smartctl -a), restore what is missing from a backup, and when it "
        f"is no longer needed: rm -r {part.path}",
    )  # fmt: skip


def find_worst(checks: Sequence[Check]) -> CheckStatus:
    """Returns the worst status among checks, `ok` if there are none."""
    worst: CheckStatus = "ok"
    for check in checks:
        worst = max(worst, check.status, key=_SEVERITY.__getitem__)
    return worst


def _check_links(services: Sequence[ServiceHealth]) -> Iterator[Check]:
    """Whether requests are followed from one service into another."""
    tracing = [service for service in services if service.spans]
    if len(tracing) < 2:
        return
    crossing = sum(service.spans_with_remote_parent for service in tracing)
    names = ", ".join(sorted(service.service_name for service in tracing))
    if crossing:
        yield Check("propagation", "", "ok", f"traces cross services ({names})")
        return
    yield Check(
        "propagation", "", "warning",
        f"no trace crosses from one service into another ({names})",
        "if they call each other, the caller must send the traceparent header and the callee read "
        "it. In Python: vario.instrument_httpx(client) and vario.instrument_fastapi(app), or pip "
        "install opentelemetry-instrumentation-httpx (-requests, -aiohttp-client) and start with "
        "opentelemetry-instrument; elsewhere export OTEL_PROPAGATORS=tracecontext,baggage in both",
    )  # fmt: skip


def _check_service(
    service: ServiceHealth, window: TimeRange, doors: Doors, *, traced: bool
) -> Iterator[Check]:
    if service.service_name.startswith("unknown_service") or not service.service_name:
        yield Check(
            "name", service.service_name, "warning", "its telemetry names no service",
            "export OTEL_SERVICE_NAME=my-service",
        )  # fmt: skip
    yield _check_spans(service, doors, traced=traced)
    yield _check_logs(service)
    yield _check_metrics(service)
    if service.logs and service.spans:
        yield _check_correlation(service)
    if service.spans:
        yield _check_orphans(service)
        yield _check_clock(service)
    yield _check_identity(
        service, "version", service.has_version, "service.version", "v1",
        "a release cannot be told from the one before",
    )  # fmt: skip
    yield _check_identity(
        service, "region", service.has_region, "cloud.region", "eu-west",
        "a fault of one cannot be told from a fault of all",
    )  # fmt: skip
    yield _check_freshness(service, window)


def _check_spans(service: ServiceHealth, doors: Doors, *, traced: bool) -> Check:
    name = service.service_name
    if service.spans:
        return Check("spans", name, "ok", f"{service.spans} spans")
    # Beside services that send spans, one of metrics alone may well be an exporter or a controller.
    beside = traced and service.metric_series and not service.logs
    return Check(
        "spans", name, "warning" if beside else "failed",
        "no spans arrive; the overview and traces are made of them",
        f"export OTEL_TRACES_EXPORTER=otlp OTEL_EXPORTER_OTLP_ENDPOINT={doors.http}, leave "
        "OTEL_TRACES_SAMPLER unset (always_off sends nothing) and OTEL_SDK_DISABLED too; in "
        f'Python: vario.configure(service="{name}")',
    )  # fmt: skip


def _check_logs(service: ServiceHealth) -> Check:
    name = service.service_name
    if service.logs:
        return Check("logs", name, "ok", f"{service.logs} log records")
    return Check(
        "logs", name, "warning", "no log records arrive",
        "export OTEL_LOGS_EXPORTER=otlp; under opentelemetry-instrument also pip install "
        "opentelemetry-instrumentation-logging (before 1.40: export "
        "OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED=true); and log something: "
        'logging.getLogger(__name__).warning("hello")',
    )  # fmt: skip


def _check_metrics(service: ServiceHealth) -> Check:
    name = service.service_name
    if service.metric_series:
        return Check("metrics", name, "ok", f"{service.metric_series} series")
    return Check(
        "metrics", name, "warning", "no metrics arrive",
        "export OTEL_METRICS_EXPORTER=otlp; the first come after OTEL_METRIC_EXPORT_INTERVAL "
        "(60000 ms by default). Under gunicorn configure the SDK in post_fork, not before it",
    )  # fmt: skip


def _check_correlation(service: ServiceHealth) -> Check:
    name = service.service_name
    ratio = service.logs_with_trace_id / service.logs
    message = f"{ratio:.0%} of log records carry a trace id"
    if service.logs < FEW_LOGS:
        return Check("correlation", name, "ok", f"{message}; {service.logs} are too few to judge")
    if ratio >= LINKED_LOGS_RATIO:
        return Check("correlation", name, "ok", message)
    return Check(
        "correlation", name, "warning" if ratio else "failed",
        f"{message}; a trace leads to the lines that do",
        "log while a span is current: inside the request handler, not in a thread started "
        "without its context (contextvars.copy_context().run(task)); records made elsewhere need "
        "trace_id and span_id set from opentelemetry.trace.get_current_span()",
    )  # fmt: skip


def _check_orphans(service: ServiceHealth) -> Check:
    name = service.service_name
    if service.orphan_spans <= service.spans * ORPHAN_RATIO:
        return Check("parents", name, "ok", "the parents of its spans are stored")
    return Check(
        "parents", name, "warning",
        f"the parents of {service.orphan_spans} spans are not stored",
        "its caller does not export here, drops spans (raise OTEL_BSP_MAX_QUEUE_SIZE there), or "
        "samples on its own: export OTEL_TRACES_SAMPLER=parentbased_always_on in every service",
    )  # fmt: skip


def _check_clock(service: ServiceHealth) -> Check:
    name, skew_ns = service.service_name, service.clock_skew_ns
    if abs(skew_ns) < SKEW_WARNING_NS:
        return Check("clock", name, "ok", "its clock agrees with its callers'")
    side = "behind" if skew_ns > 0 else "ahead of"
    return Check(
        "clock", name, "failed" if abs(skew_ns) >= SKEW_FAILED_NS else "warning",
        f"its clock is about {abs(skew_ns) / 1e6:.0f} ms {side} its callers' clocks",
        "let its machine follow a time server: timedatectl set-ntp true, then chronyc tracking "
        "(in a container the clock is the host's)",
    )  # fmt: skip


def _check_identity(
    service: ServiceHealth, what: str, present: bool, attribute: str, example: str, loss: str
) -> Check:
    name = service.service_name
    if present:
        return Check(what, name, "ok", f"it names a {what}")
    return Check(
        what, name, "warning", f"it names no {what}; {loss}",
        f"export OTEL_RESOURCE_ATTRIBUTES={attribute}={example} (commas between several), or "
        f'vario.configure(service="{name}", {what}="{example}")',
    )  # fmt: skip


def _check_freshness(service: ServiceHealth, window: TimeRange) -> Check:
    name, age_ns = service.service_name, window.end_ns - service.newest_ns
    if not service.newest_ns:
        return Check(
            "freshness",
            name,
            "warning",
            "no span and no log record in this window",
            "see that the service has requests",
        )
    if age_ns <= SILENCE_NS:
        return Check("freshness", name, "ok", f"the newest is {max(0, age_ns) / 1e9:.0f} s old")
    return Check(
        "freshness", name, "warning", f"nothing new for {age_ns / 60e9:.0f} minutes",
        "see that the service runs and has requests, and its own log for exporter errors; if it "
        "does send, its clock is behind",
    )  # fmt: skip
