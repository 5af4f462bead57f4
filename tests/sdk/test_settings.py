"""The standard variables, and what happens with nonsense in them."""

import logging

import pytest

from vario.sdk.settings import SdkSettings, is_disabled, read_settings

CLEARED = [
    "OTEL_SERVICE_NAME",
    "OTEL_RESOURCE_ATTRIBUTES",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_HEADERS",
]


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in CLEARED:
        monkeypatch.delenv(name, raising=False)


def read(
    service: str | None = None,
    model: str | None = None,
    version: str | None = None,
    region: str | None = None,
) -> SdkSettings:
    return read_settings(service=service, model=model, version=version, region=region)


def names(settings: SdkSettings) -> tuple[str, str, str, str]:
    return settings.service, settings.model_name, settings.model_version, settings.region


def test_defaults() -> None:
    settings = read()
    assert names(settings) == ("unknown_service", "", "", "")
    assert {signal: target and target.url for signal, target in settings.targets.items()} == {
        "traces": "http://127.0.0.1:4318/v1/traces",
        "metrics": "http://127.0.0.1:4318/v1/metrics",
        "logs": "http://127.0.0.1:4318/v1/logs",
    }
    assert (settings.metric_interval_s, settings.batch_interval_s) == (15.0, 2.0)


def test_the_environment_names_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "from-env")
    monkeypatch.setenv(
        "OTEL_RESOURCE_ATTRIBUTES",
        "service.name=lost,service.version=v1%2C2, cloud.region = us-east ,model_name=ranker",
    )
    settings = read()
    assert names(settings) == ("from-env", "ranker", "v1,2", "us-east")
    assert names(read("code", "m", "v9", "eu-west")) == ("code", "m", "v9", "eu-west")


def test_a_service_without_a_model_has_a_version_of_its_own() -> None:
    settings = read("gateway", version="1.2")
    assert settings.resource["service.version"] == "1.2"
    assert "model_version" not in settings.resource


def test_targets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector:443/base/")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://logs:9/here")
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "none")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Basic%20abc,x-scope=a=b")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "gzip")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "3")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "0.5")
    targets = read().targets
    traces, logs = targets["traces"], targets["logs"]
    assert traces is not None
    assert logs is not None
    assert targets["metrics"] is None
    assert (traces.url, traces.gzip, traces.timeout_s) == (
        "https://collector:443/base/v1/traces",
        True,
        0.5,
    )
    assert (logs.url, logs.gzip, logs.timeout_s) == ("http://logs:9/here", False, 3.0)
    assert traces.headers == {"authorization": "Basic abc", "x-scope": "a=b"}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318", "is not an http(s) URL"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a:port", "is not an http(s) URL"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "sends http/protobuf"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "lzma", "none is used"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "secret-without-key", "without '='"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "-1", "10 is used"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "often", "15000 is used"),
        ("OTEL_RESOURCE_ATTRIBUTES", "region", "is not key=value"),
        ("OTEL_TRACES_EXPORTER", "zipkin", "otlp is used"),
    ],
)
def test_nonsense_is_said_and_left_out(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    name: str,
    value: str,
    said: str,
) -> None:
    monkeypatch.setenv(name, value)
    with caplog.at_level(logging.WARNING, "vario.sdk"):
        settings = read()
    assert said in caplog.text
    assert "secret" not in caplog.text
    assert settings.targets["traces"] is not None


def test_a_forked_child_is_another_instance(monkeypatch: pytest.MonkeyPatch) -> None:
    parent = read("s")
    child = parent.for_process(7)
    assert child.resource["process.pid"] == 7
    assert child.resource["service.instance.id"] != parent.resource["service.instance.id"]
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.instance.id=pod-1")
    assert read("s").for_process(7).resource["service.instance.id"] == "pod-1-7"


@pytest.mark.parametrize(("value", "expected"), [("true", True), (" TRUE", True), ("1", False)])
def test_disabled(monkeypatch: pytest.MonkeyPatch, value: str, expected: bool) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", value)
    assert is_disabled() is expected
