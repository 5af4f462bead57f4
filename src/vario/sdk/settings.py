"""What the SDK was told, by `vario.configure` and by the standard `OTEL_*` variables.

Source: OpenTelemetry's specification, "Environment Variable Specification" and "OTLP exporter".
The code's arguments win over the environment. Time-outs are seconds, as in OpenTelemetry's own
Python exporters; intervals are milliseconds, as the specification has them.
"""

import os
import socket
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import unquote, urlsplit

from vario.sdk.faults import LOG

DEFAULT_ENDPOINT = "http://127.0.0.1:4318"
SIGNALS = ("traces", "metrics", "logs")


@dataclass(frozen=True, slots=True)
class Target:
    """Where one signal is sent, and how."""

    url: str
    headers: Mapping[str, str]
    timeout_s: float
    gzip: bool
    certificate: str
    client_certificate: str
    client_key: str


@dataclass(frozen=True, slots=True)
class SdkSettings:
    """Everything that the SDK needs to know. A signal whose target is None is not sent."""

    service: str
    model_name: str
    model_version: str
    region: str
    resource: Mapping[str, str | int]
    targets: Mapping[str, Target | None]
    metric_interval_s: float
    batch_interval_s: float
    max_queue: int
    max_batch: int
    objective_s: float = 0.2
    exponential: bool | None = None

    def for_process(self, pid: int) -> "SdkSettings":
        """Returns these settings for a forked child: same service, an instance of its own."""
        given = self.resource["service.instance.id"]
        is_given = "service.instance.id" in _resource_from_environment()
        instance = f"{given}-{pid}" if is_given else str(uuid.uuid4())
        own = {"service.instance.id": instance, "process.pid": pid}
        return replace(self, resource={**self.resource, **own})


def read_settings(
    *,
    service: str | None,
    model: str | None,
    version: str | None,
    region: str | None,
    objective_s: float = 0.2,
    exponential: bool | None = None,
) -> SdkSettings:
    """Returns the settings from the arguments of `vario.configure` over the environment."""
    given = _resource_from_environment()
    name = service or given.get("service.name") or "unknown_service"
    resource: dict[str, str | int] = {
        "telemetry.sdk.language": "python",
        "telemetry.sdk.name": "vario",
        "service.instance.id": str(uuid.uuid4()),
        "process.pid": os.getpid(),
        "host.name": socket.gethostname(),
        **given,
        "service.name": name,
    }
    code = {
        "model_name": model,
        "model_version": version if model else None,
        "service.version": version,
        "cloud.region": region,
    }
    resource.update((key, value) for key, value in code.items() if value)
    return SdkSettings(
        service=name,
        model_name=str(resource.get("model_name", "")),
        model_version=str(resource.get("model_version") or resource.get("service.version", "")),
        region=str(resource.get("cloud.region") or resource.get("region", "")),
        resource=resource,
        targets={signal: _target(signal) for signal in SIGNALS},
        metric_interval_s=_number("OTEL_METRIC_EXPORT_INTERVAL", 15_000, least=100) / 1000,
        batch_interval_s=_number("OTEL_BSP_SCHEDULE_DELAY", 2_000, least=10) / 1000,
        max_queue=int(_number("OTEL_BSP_MAX_QUEUE_SIZE", 8_192, least=1)),
        max_batch=int(_number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512, least=1)),
        objective_s=objective_s if 0 < objective_s < 3_600 else 0.2,
        exponential=exponential,
    )


def is_disabled() -> bool:
    """Says whether `OTEL_SDK_DISABLED` switches the SDK off."""
    return os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"


def _resource_from_environment() -> dict[str, str]:
    resource: dict[str, str] = {}
    for item in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "").split(","):
        key, equals, value = item.partition("=")
        if equals and key.strip():
            resource[key.strip()] = unquote(value.strip())
        elif item.strip():
            LOG.warning("OTEL_RESOURCE_ATTRIBUTES: %r is not key=value; it is left out", item)
    if name := os.environ.get("OTEL_SERVICE_NAME", "").strip():
        resource["service.name"] = name
    return resource


def _target(signal: str) -> Target | None:
    exporter = os.environ.get(f"OTEL_{signal.upper()}_EXPORTER", "otlp").strip().lower()
    if exporter == "none":
        return None
    if exporter not in ("", "otlp"):
        LOG.warning(
            "OTEL_%s_EXPORTER=%s is not known to vario; otlp is used", signal.upper(), exporter
        )
    protocol = _of_signal(signal, "PROTOCOL") or "http/protobuf"
    if protocol != "http/protobuf":
        LOG.warning(
            "OTEL_EXPORTER_OTLP_PROTOCOL=%s: vario's SDK sends http/protobuf (port 4318)", protocol
        )
    compression = (_of_signal(signal, "COMPRESSION") or "none").lower()
    if compression not in ("none", "gzip"):
        LOG.warning("OTEL_EXPORTER_OTLP_COMPRESSION=%s is not known; none is used", compression)
    return Target(
        url=_url(signal),
        headers=_headers(_of_signal(signal, "HEADERS")),
        timeout_s=_number(
            f"OTEL_EXPORTER_OTLP_{signal.upper()}_TIMEOUT",
            _number("OTEL_EXPORTER_OTLP_TIMEOUT", 10, least=0.001),
            least=0.001,
        ),
        gzip=compression == "gzip",
        certificate=_of_signal(signal, "CERTIFICATE"),
        client_certificate=_of_signal(signal, "CLIENT_CERTIFICATE"),
        client_key=_of_signal(signal, "CLIENT_KEY"),
    )


def _of_signal(signal: str, what: str) -> str:
    own = os.environ.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_{what}", "").strip()
    return own or os.environ.get(f"OTEL_EXPORTER_OTLP_{what}", "").strip()


def _url(signal: str) -> str:
    own = os.environ.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT", "").strip()
    base = os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "").strip() or DEFAULT_ENDPOINT
    default = f"{DEFAULT_ENDPOINT}/v1/{signal}"
    url = own or f"{base.rstrip('/')}/v1/{signal}"
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        _ = parts.port  # raises ValueError on a port that is no number
    except ValueError:
        usable = False
    if not usable:
        LOG.warning("OTLP endpoint %r is not an http(s) URL; %s is used", url, default)
        return default
    return url


def _headers(text: str) -> dict[str, str]:
    """Reads `key=value,key=value`, values percent-encoded, as W3C Baggage writes them."""
    headers: dict[str, str] = {}
    for item in text.split(","):
        key, equals, value = item.partition("=")
        if equals and key.strip():
            headers[key.strip().lower()] = unquote(value.strip())
        elif item.strip():
            # Never the value: it may be a secret.
            LOG.warning("OTEL_EXPORTER_OTLP_HEADERS: an item without '=' is left out")
    return headers


def _number(name: str, default: float, *, least: float) -> float:
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not least <= value < float("inf"):
        LOG.warning("%s=%r is not a number of at least %g; %g is used", name, text, least, default)
        return default
    return value
