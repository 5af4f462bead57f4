"""The SDK, set up in this process against a receiver that keeps what it is sent."""

from collections.abc import Iterator

import pytest
from tests.support.otlp_sink import OtlpSink

import vario


@pytest.fixture(autouse=True)
def _faults_are_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VARIO_SDK_RAISE_FAULTS", "1")


@pytest.fixture
def sink(monkeypatch: pytest.MonkeyPatch) -> Iterator[OtlpSink]:
    with OtlpSink() as opened:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", opened.url)
        yield opened


@pytest.fixture
def configured(sink: OtlpSink) -> Iterator[OtlpSink]:
    """`vario.configure` has been called as an inference service in eu-west calls it."""
    vario.configure(service="ml-infer", model="recommender", version="v23", region="eu-west")
    yield sink
    vario.shutdown()
